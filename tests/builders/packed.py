"""Packed records for tests: taken from BAM files, or written as SAM lines in a line or two."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pysam
from isal import igzip
from numpy.typing import NDArray

from engine.reads import record_kernels as kernels
from engine.reads.records import Records


def records_of(bam: Path) -> Records:
    """All records of a BAM file, in its order."""
    with igzip.open(bam, "rb") as stream:
        packed = stream.read()
    at = 8 + int.from_bytes(packed[4:8], "little")
    contigs = int.from_bytes(packed[at : at + 4], "little")
    at += 4
    for _ in range(contigs):
        at += 8 + int.from_bytes(packed[at : at + 4], "little")
    return Records.of(packed[at:])


def records_from_sam(lines: Sequence[str], contigs: dict[str, int]) -> Records:
    """Records from SAM lines without a header."""
    header = [f"@SQ\tSN:{name}\tLN:{length}" for name, length in contigs.items()]
    with tempfile.TemporaryDirectory() as folder:
        sam, bam = Path(folder, "x.sam"), Path(folder, "x.bam")
        sam.write_text("\n".join([*header, *lines, ""]))
        pysam.view("-b", "-o", str(bam), str(sam), catch_stdout=False)
        return records_of(bam)


def sam_lines_of(records: Records, contigs: dict[str, int]) -> list[str]:
    """The records as htslib reads them, as SAM lines without a header."""
    sequences = [{"SN": name, "LN": length} for name, length in contigs.items()]
    header = pysam.AlignmentHeader.from_dict({"HD": {"VN": "1.6"}, "SQ": sequences})
    with tempfile.TemporaryDirectory() as folder:
        bam = Path(folder, "x.bam")
        pysam.AlignmentFile(str(bam), "wb", header=header).close()
        packed = gzip.decompress(bam.read_bytes()) + records.data.tobytes()
        with pysam.BGZFile(str(bam), "wb") as stream:
            stream.write(packed)
        with pysam.AlignmentFile(str(bam)) as file:
            return [read.to_string() for read in file.fetch(until_eof=True)]


def names_of(records: Records) -> list[str]:
    starts = records.offset[:-1] + kernels.NAME
    ends = starts + records.data[records.offset[:-1] + 12] - 1
    return [bytes(records.data[start:end]).decode() for start, end in zip(starts, ends, strict=True)]


def flags_of(records: Records) -> list[int]:
    return [int(kernels.flag_of(records.data, at)) for at in records.offset[:-1]]


def by_template(records: Records) -> tuple[Records, NDArray[np.int64]]:
    """The records with those of one name side by side, and where each stood before."""
    order = np.argsort(np.array(names_of(records)), kind="stable").astype(np.int64)
    return Records(*kernels.gather(records.data, records.offset, order)), order
