"""Whether a BAM or CRAM file is fit for calling: sorted, whole, indexed, of one sample and of this reference.

The header, the file's end and its first reads are looked at: that costs milliseconds. Later reads that contradict
their header are found by whoever decodes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.call.first_reads import require_usable_reads
from engine.errors import AlignmentFileError, ReferenceMismatchError
from engine.files.index_fit import require_index_fits
from engine.reads.file_end import require_end
from engine.reference.bundle import Contig


@dataclass(frozen=True)
class AlignmentFacts:
    """What the header says.

    Attributes:
        sample: SM of the read groups.
        read_groups: their ids, in header order.
    """

    sample: str
    read_groups: tuple[str, ...]


def check_alignments(
    reads: Path, contigs: Sequence[Contig], *, sample: str | None = None, indexed: bool = True
) -> AlignmentFacts:
    """Look at header, end, index and first reads of an alignment file.

    Args:
        reads: BAM or CRAM.
        contigs: the reference's; each must be in the header with the same length and, where given, M5.
        sample: the sample the reads must be of, any when absent.
        indexed: whether an index is needed.

    Raises:
        AlignmentFileError: missing, truncated, not BAM or CRAM, unsorted, without index or read groups, several
            samples, or another sample than asked for; the index is older than the file or of another; its first
            reads cannot be used (:func:`engine.call.first_reads.require_usable_reads`).
        ReferenceMismatchError: the header's contigs are not the reference's.
    """
    header = _header(reads)
    # Files without SO exist in the wild; where they have an index they are sorted, for it cannot be built otherwise.
    order = header.get("HD", {}).get("SO", "unknown")
    if order not in {"coordinate", "unknown"} or (order == "unknown" and not has_index(reads)):
        raise AlignmentFileError(
            "the reads are not sorted by coordinate",
            file=reads,
            remedy="sort them (samtools sort) or make the file with genomics-engine align",
        )
    _check_contigs(reads, header, contigs)
    facts = _read_groups(reads, header, sample)
    require_usable_reads(reads, facts.read_groups)
    if indexed:
        _require_index(reads)
    return facts


def _require_index(reads: Path) -> None:
    if not has_index(reads):
        raise AlignmentFileError(
            "the reads have no index", file=reads, remedy="make one (samtools index) beside the file"
        )
    require_index_fits(reads, error=AlignmentFileError)


def _header(reads: Path) -> dict[str, Any]:
    import pysam

    if not reads.exists():
        raise AlignmentFileError("the file does not exist", file=reads, remedy="check its path")
    if not reads.is_file():
        raise AlignmentFileError(
            "this is a folder, a pipe or a device, and places in it are looked up",
            file=reads,
            remedy="write the alignments into a file, and give that",
        )
    verbosity = pysam.set_verbosity(0)
    try:
        with pysam.AlignmentFile(str(reads), check_sq=False) as alignments:
            if not (alignments.is_bam or alignments.is_cram):
                raise ValueError("it is of another format")
            require_end(reads, "BAM" if alignments.is_bam else "CRAM")
            header: dict[str, Any] = alignments.header.to_dict()
            return header
    except (ValueError, OSError) as error:
        raise AlignmentFileError(
            f"this is not a readable BAM or CRAM file ({error})",
            file=reads,
            remedy="copy or make the file again",
        ) from None
    finally:
        pysam.set_verbosity(verbosity)


def _check_contigs(reads: Path, header: dict[str, Any], contigs: Sequence[Contig]) -> None:
    lines = {line["SN"]: line for line in header.get("SQ", ())}
    for contig in contigs:
        line = lines.get(contig.name)
        if line is None:
            problem = f"the reads' header has no contig {contig.name!r}, which the reference has"
        elif int(line["LN"]) != contig.length:
            problem = (
                f"contig {contig.name} has {int(line['LN']):,} bases in the reads' header "
                f"and {contig.length:,} in the reference"
            )
        elif contig.md5 and line.get("M5", contig.md5).lower() != contig.md5:
            problem = f"contig {contig.name} has M5 {line['M5']} in the reads' header and {contig.md5} in the reference"
        else:
            continue
        raise ReferenceMismatchError(problem, file=reads, remedy="use the reference that the reads were aligned to")


def _read_groups(reads: Path, header: dict[str, Any], sample: str | None) -> AlignmentFacts:
    groups = header.get("RG", [])
    samples = sorted({group.get("SM", "") for group in groups})
    if not groups or samples == [""]:
        raise AlignmentFileError(
            "the reads have no read group that names a sample",
            file=reads,
            remedy="add one (samtools addreplacerg -r ID:1 -r SM:name)",
            sample=sample,
        )
    if len(samples) > 1:
        raise AlignmentFileError(
            f"the reads are of several samples: {', '.join(samples)}",
            file=reads,
            remedy="split the file by sample (samtools split)",
            sample=sample,
        )
    if sample is not None and samples != [sample]:
        raise AlignmentFileError(
            f"the reads are of sample {samples[0]}",
            file=reads,
            remedy="check which file belongs to which sample",
            sample=sample,
        )
    return AlignmentFacts(samples[0], tuple(group["ID"] for group in groups))


def has_index(reads: Path) -> bool:
    """An index lies beside the file, under either of the usual names."""
    suffixes = (".bai", ".csi", ".crai")
    beside = [reads.with_name(reads.name + suffix) for suffix in suffixes]
    return any(path.is_file() for path in [*beside, *(reads.with_suffix(suffix) for suffix in suffixes)])
