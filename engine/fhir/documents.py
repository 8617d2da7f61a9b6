"""Which files of an artifact a bundle tells of, and in which format of the guide's."""

from __future__ import annotations

from pathlib import PurePosixPath

from engine.receipt import ArtifactFile, Receipt

_FORMATS = {".bam": "bam", ".cram": "cram", ".bed": "bed"}


def data_format(name: str) -> str | None:
    """The guide's code for a file's format, absent where it has none.

    >>> data_format("S1.g.vcf.gz"), data_format("S1.bam"), data_format("S1_R1.fastq.gz")
    ('vcf', 'bam', None)
    """
    plain = name.removesuffix(".gz")
    return "vcf" if plain.endswith(".vcf") else _FORMATS.get(PurePosixPath(plain).suffix)


def documents(receipt: Receipt) -> tuple[ArtifactFile, ...]:
    """The files of an artifact that hold genomic data in a standard format; indexes and tables stay inside."""
    return tuple(file for file in receipt.files if data_format(file.name))


def content_type(name: str) -> str:
    """The media type of a file: what is compressed by blocks, BAM among it, is gzip.

    >>> content_type("S1.vcf.gz"), content_type("S1.bam"), content_type("S1.cram"), content_type("targets.bed")
    ('application/gzip', 'application/gzip', 'application/octet-stream', 'text/plain')
    """
    if name.endswith((".gz", ".bam")):
        return "application/gzip"
    return "text/plain" if name.endswith((".bed", ".vcf")) else "application/octet-stream"
