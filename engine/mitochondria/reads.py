"""The door: reads that are those of this circle, and whose they are."""

from __future__ import annotations

from pathlib import Path

import pysam

from engine.errors import AlignmentFileError, ReferenceMismatchError
from engine.files.index_fit import require_index_fits
from engine.mitochondria.circle import Circle
from engine.reads.file_end import require_end
from engine.reference.genome import Reference


def reads_of_circle(reads: Path, reference: Reference, circle: Circle, *, sample: str | None = None) -> str:
    """Judge a BAM or CRAM file by its header; read groups are not needed. Gives the sample's name.

    Args:
        reads: the file, with its index.
        reference: the genome it was aligned to.
        circle: its mitochondrial contig.
        sample: what it is to be called; as the read groups say when absent, or else as the file.

    Raises:
        AlignmentFileError: it is damaged, of several samples, its index is of another file, or no read is on the
            contig.
        ReferenceMismatchError: the header has not this contig with this length.
    """
    try:
        with pysam.AlignmentFile(str(reads), reference_filename=str(reference.fasta), check_sq=False) as file:
            require_end(reads, "CRAM" if file.is_cram else "BAM")
            require_index_fits(reads, error=AlignmentFileError)
            _require_contig(reads, dict(zip(file.references, file.lengths, strict=True)), circle)
            named = sorted({group.get("SM", "") for group in file.header.to_dict().get("RG", ())} - {""})
            if next(file.fetch(circle.name), None) is None:
                raise AlignmentFileError(
                    f"no read is on {circle.name}",
                    file=reads,
                    remedy="give reads that were aligned with the mitochondrial contig in the reference",
                    sample=sample,
                )
    except (OSError, ValueError) as error:
        raise AlignmentFileError(
            f"the reads cannot be read ({error})", file=reads, remedy="copy the file again and index it"
        ) from error
    if len(named) > 1:
        raise AlignmentFileError(
            f"the reads are of several samples: {', '.join(named)}",
            file=reads,
            remedy="split the file by sample (samtools split)",
        )
    return sample or (named[0] if named else reads.name.split(".")[0])


def has_reads(reads: Path, reference: Reference, circle: Circle) -> bool:
    """Whether a read lies on the circle.

    Raises:
        AlignmentFileError: the file cannot be read.
    """
    try:
        with pysam.AlignmentFile(str(reads), reference_filename=str(reference.fasta), check_sq=False) as file:
            return circle.name in file.references and next(file.fetch(circle.name), None) is not None
    except (OSError, ValueError) as error:
        raise AlignmentFileError(
            f"the reads cannot be read ({error})", file=reads, remedy="copy the file again and index it"
        ) from error


def _require_contig(reads: Path, lengths: dict[str, int], circle: Circle) -> None:
    if lengths.get(circle.name) == len(circle.bases):
        return
    known = lengths.get(circle.name)
    has = f"{circle.name} with {known:,} bases" if known else f"no contig {circle.name}"
    raise ReferenceMismatchError(
        f"its header has {has}, the reference {circle.name} with {len(circle.bases):,}",
        file=reads,
        remedy="use the reference that the reads were aligned to",
    )
