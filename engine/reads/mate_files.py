"""What the name of a FASTQ file says of its mate: the conventions of sequencers and archives. No file is opened.

>>> from pathlib import PurePath
>>> mate_in_file_name(PurePath("S1_S1_L001_R2_001.fastq.gz")), mate_in_file_name(PurePath("NA12878_1.fq.gz"))
(2, 1)
>>> mate_in_file_name(PurePath("sample.fastq.gz")) is None
True
"""

from __future__ import annotations

import re
from pathlib import PurePath

_MATE = re.compile(r"[._-](?:R|r|read|Read)?([12])(?:[._-]\d{3})?\.(?:fastq|fq)(?:\.(?:gz|bgz))?")


def mate_in_file_name(file: PurePath) -> int | None:
    """1 or 2 where the name ends as ``_R1_001``, ``_1``, ``.read2`` and the like do, ``None`` where it does not."""
    found = _MATE.search(file.name)
    return int(found[1]) if found and found.end() == len(file.name) else None


def same_but_for_mate(file1: PurePath, file2: PurePath) -> bool:
    """Whether two names differ in nothing but the mate number."""
    found1, found2 = _MATE.search(file1.name), _MATE.search(file2.name)
    if not found1 or not found2:
        return False
    return _without(file1.name, found1.start(1)) == _without(file2.name, found2.start(1))


def _without(name: str, index: int) -> str:
    return name[:index] + name[index + 1 :]
