"""What the name of a FASTQ file says of its mate: the conventions of sequencers and archives. No file is opened.

>>> mate_in_file_name("S1_S1_L001_R2_001.fastq.gz"), mate_in_file_name("NA12878_1.fq.gz")
(2, 1)
>>> mate_in_file_name("sample.fastq.gz") is None
True
"""

from __future__ import annotations

import re

_MATE = re.compile(r"[._-](?:R|r|read|Read)?([12])(?:[._-]\d{3})?\.(?:fastq|fq)(?:\.(?:gz|bgz))?")

_INDEX = re.compile(r"_I[12](?:_\d{3})?\.(?:fastq|fq)(?:\.(?:gz|bgz))?$")


def mate_in_file_name(name: str) -> int | None:
    """1 or 2 where the name ends as ``_R1_001``, ``_1``, ``.read2`` and the like do, ``None`` where it does not."""
    found = _MATE.search(name)
    return int(found[1]) if found and found.end() == len(name) else None


def is_index_file(name: str) -> bool:
    """Whether the name ends as bcl2fastq's and BCL Convert's of index reads.

    >>> is_index_file("S1_S1_L001_I1_001.fastq.gz"), is_index_file("S_I1_R1.fastq.gz")
    (True, False)
    """
    return _INDEX.search(name) is not None


def same_but_for_mate(name1: str, name2: str) -> bool:
    """Whether two names differ in nothing but the mate number."""
    found1, found2 = _MATE.search(name1), _MATE.search(name2)
    if not found1 or not found2:
        return False
    return _without(name1, found1.start(1)) == _without(name2, found2.start(1))


def _without(name: str, index: int) -> str:
    return name[:index] + name[index + 1 :]
