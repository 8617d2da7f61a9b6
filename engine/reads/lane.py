"""What a lane is: one pair of FASTQ files of one sample, as the sequencer gave them. No file is opened here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.reads.conventions import QualityEncoding


@dataclass(frozen=True)
class Lane:
    """One pair of FASTQ files; it becomes one read group of the sample.

    Attributes:
        name: the lane's name within its sample (``L001``); read group id and platform unit are made of it.
        read1: FASTQ of the first reads, plain, gzip or BGZF.
        read2: FASTQ of the second reads, in the same order.
        md5_read1: md5 of the file ``read1`` as delivered, lower-case hex; absent where none was given.
        md5_read2: md5 of the file ``read2`` as delivered; absent where none was given.
        quality_encoding: of both files, as the laboratory states it.
    """

    name: str
    read1: Path
    read2: Path
    md5_read1: str | None = None
    md5_read2: str | None = None
    quality_encoding: QualityEncoding = QualityEncoding.DETECT
