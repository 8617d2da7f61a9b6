"""CRAM files as the packed records that everything here works on; htslib decodes them, a few megabytes at a time.

That costs about four times the CPU of a BAM file with the same reads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import AlignmentFileError
from engine.files.bgzf import inflate_from

_READS_AT_A_TIME = 20_000


def packed_header(path: Path) -> NDArray[np.uint8]:
    """The header as a BAM file has it, uncompressed.

    Raises:
        AlignmentFileError: the file cannot be decoded.
    """
    import pysam

    with (
        _failures_told(path),
        tempfile.TemporaryDirectory(prefix="cram-") as folder,
        pysam.AlignmentFile(str(path), check_sq=False) as source,
    ):
        packed = Path(folder, "header.bam")
        pysam.AlignmentFile(str(packed), "wb0", template=source).close()
        return np.concatenate(list(inflate_from(packed, 0)))


def packed_bytes(path: Path, fasta: Path, region: tuple[str, int, int] | None = None) -> Iterator[NDArray[np.uint8]]:
    """The records that a CRAM file's reads make in a BAM file, uncompressed, some megabytes at a time.

    Args:
        path: a CRAM file, or a BAM file with an index that only htslib reads.
        fasta: the reference that the reads were compressed against.
        region: contig, start and end (0-based, half-open) of the reads to decode, by the index; all when absent.

    Raises:
        AlignmentFileError: the file cannot be decoded.
    """
    import pysam

    header_size = packed_header(path).size
    place = f"{region[0]}:{region[1] + 1:,}-{region[2]:,}" if region else None
    with (
        _failures_told(path, place),
        tempfile.TemporaryDirectory(prefix="cram-") as folder,
        pysam.AlignmentFile(str(path), reference_filename=str(fasta), check_sq=False) as source,
    ):
        packed = Path(folder, "reads.bam")
        reads = source.fetch(*region) if region else source.fetch(until_eof=True)
        while chunk := list(islice(reads, _READS_AT_A_TIME)):
            with pysam.AlignmentFile(str(packed), "wb0", template=source) as target:
                for read in chunk:
                    target.write(read)
            yield np.concatenate(list(inflate_from(packed, 0)))[header_size:]


@contextmanager
def _failures_told(path: Path, place: str | None = None) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise AlignmentFileError(
            f"the reads cannot be decoded ({error})",
            file=path,
            place=place,
            remedy="index the file and check that the reference is the one it was made with",
        ) from error
