"""What the first reads of a BAM or CRAM file tell of all: conventions that calling rests on, and that no header states.

A few thousand reads cost some ten milliseconds. Reads that contradict these are found, or left out, by whoever decodes
them.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import AlignmentFileError
from engine.reads.quality_encoding import EncodingJudge, Verdict

if TYPE_CHECKING:
    import pysam

_LOOKED_AT = 2_000
_ENOUGH = 20
"""Reads of which all are so: fewer may be by chance."""
_SHARE_OF_COPIES = 0.2
"""Of a file with a lane of two merged twice it is a third."""
_NO_SEQUENCE = b"required_fields=0x1c3f"
"""SAM's fields but bases: CRAM then needs no reference. Qualities (0x400) are among them."""
_UNKNOWN_MAPQ = 255
_NOT_PRIMARY = 0x900


def require_usable_reads(reads: Path, groups: Collection[str]) -> None:
    """Look at the first reads.

    Args:
        reads: BAM or CRAM with a header that is in order.
        groups: ids of the header's read groups.

    Raises:
        AlignmentFileError: a read names none of these groups, or stands twice; no read has base qualities; they are
            Phred+64; or no mapping quality is known. Each would have reads left out, or taken for better than they are.
    """
    import pysam

    verbosity = pysam.set_verbosity(0)
    try:
        with pysam.AlignmentFile(str(reads), check_sq=False) as file:
            is_cram = file.is_cram
        options = [_NO_SEQUENCE] if is_cram else []
        with pysam.AlignmentFile(str(reads), check_sq=False, format_options=options) as file:
            first = [read for read in islice(file, _LOOKED_AT) if not read.flag & _NOT_PRIMARY]
    except (OSError, ValueError) as error:
        raise AlignmentFileError(
            f"the reads cannot be read ({error})", file=reads, remedy="copy or make the file again"
        ) from None
    finally:
        pysam.set_verbosity(verbosity)
    _require_groups(reads, first, groups)
    _require_once(reads, first)
    mapped = [read for read in first if not read.is_unmapped]
    if len(mapped) >= _ENOUGH and all(read.mapping_quality == _UNKNOWN_MAPQ for read in mapped):
        raise AlignmentFileError(
            "no read has a mapping quality (all are 255, which is not known)",
            file=reads,
            remedy="align the reads with a program that tells mapping qualities",
        )
    _require_qualities(reads, first)


def _require_groups(reads: Path, first: list[pysam.AlignedSegment], groups: Collection[str]) -> None:
    for number, read in enumerate(first, start=1):
        named = read.get_tag("RG") if read.has_tag("RG") else None
        if named not in groups:
            said = "names no read group" if named is None else f"names the read group {named!r}, which the header lacks"
            raise AlignmentFileError(
                f"read {read.query_name} {said}: such reads would be left out",
                file=reads,
                place=f"read {number:,}",
                remedy="name one for all (samtools addreplacerg -m overwrite_all -r ID:1 -r SM:name)",
            )


def _require_once(reads: Path, first: list[pysam.AlignedSegment]) -> None:
    """A few copies stand where regions of a file were put together again; a merged file has all its pairs twice.

    Reads without a mate are not judged: names need not be their own where there is nothing to be found by them.
    """
    seen: set[tuple[object, ...]] = set()
    copies = []
    place = (-1, -1)
    for number, read in enumerate(first, start=1):
        before, place = place, (read.reference_id, read.reference_start)
        if place < before and read.reference_id >= 0:
            return  # a block that stands twice, or no order: whoever reads on says which
        if not read.is_paired:
            continue
        this = read.query_name, read.get_tag("RG"), read.flag, read.reference_id, read.reference_start, read.cigarstring
        if this in seen:
            copies.append((number, read.query_name))
        seen.add(this)
    if len(copies) >= _ENOUGH and len(copies) > _SHARE_OF_COPIES * len(first):
        number, name = copies[0]
        raise AlignmentFileError(
            f"reads stand twice ({name} the first), as where a file was merged with itself",
            file=reads,
            place=f"read {number:,}",
            remedy="make the file again of each lane once",
        )


def _require_qualities(reads: Path, first: list[pysam.AlignedSegment]) -> None:
    qualities = [read.query_qualities for read in first]
    told = [np.asarray(each, dtype=np.uint8) for each in qualities if each is not None and len(each)]
    if len(first) >= _ENOUGH and not told:
        raise AlignmentFileError(
            "no read has base qualities", file=reads, remedy="align the reads as the sequencer wrote them (FASTQ)"
        )
    judge = EncodingJudge()
    if told:
        judge.see(np.concatenate([[0], np.cumsum([len(each) for each in told])]), np.concatenate(told))
    if len(told) >= _ENOUGH and judge.verdict is Verdict.PHRED64:
        raise AlignmentFileError(
            "base qualities were Phred+64 and taken for Phred+33 when the reads were aligned "
            "(up to 61 and more, none below 26)",
            file=reads,
            remedy="make FASTQ of them (samtools fastq) and align it with --quality-encoding phred64",
        )
