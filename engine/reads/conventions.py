"""What FASTQ leaves open and a laboratory may have to say: how qualities are written, and where UMIs stand.

Words only; what they mean for the bytes is in :mod:`engine.reads.quality_encoding` and :mod:`engine.reads.fastq`.
"""

from __future__ import annotations

from enum import StrEnum


class QualityEncoding(StrEnum):
    """How a file's qualities are to be read.

    ``DETECT`` takes Phred+33 and refuses a file that is plainly another; the others are a person's word.
    """

    DETECT = "detect"
    PHRED33 = "phred33"
    PHRED64 = "phred64"
    SOLEXA64 = "solexa64"


class UmiSource(StrEnum):
    """Where the unique molecular identifier of a read stands; names are passed on with it at their end."""

    NONE = "none"
    NAME = "name"
    COMMENT = "comment"
