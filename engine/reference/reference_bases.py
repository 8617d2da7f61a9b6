"""REF of a record against the bases of the FASTA: the reference is known by its sequence and not by its names.

The VCF specification (1.6.1) has A, C, G, T and N in REF. Where a FASTA holds another IUPAC code, GATK writes N and
bcftools the first base that the code stands for; either is taken there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from engine.errors import ReferenceMismatchError

if TYPE_CHECKING:
    import pysam

_CODES = {
    "R": "AG", "Y": "CT", "K": "GT", "M": "AC", "S": "CG", "W": "AT",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip


class ReferenceBases:
    """The sequence of one contig at a time, for records that come contig by contig; use as a context manager.

    Args:
        fasta: the reference, with index; absent, every REF is taken.
    """

    def __init__(self, fasta: Path | None) -> None:
        self._fasta, self._contig, self._sequence = fasta, "", ""
        self._opened: pysam.FastaFile | None = None

    def require(
        self, contig: str, start: int, ref: str, *, file: Path, sample: str | None = None, end: int = 0
    ) -> None:
        """Compare REF with the reference.

        Args:
            contig: of the record.
            start: 0-based first base.
            ref: REF as the file has it.
            end: one past the last base that the record speaks for, where that is more than REF.
            file: the file that the record is from.
            sample: whose it is.

        Raises:
            ReferenceMismatchError: the reference reads otherwise there.
        """
        if self._fasta is None or (contig != self._contig and not self._load(contig)):
            return
        there = self._sequence[start : start + len(ref)]
        if len(there) < len(ref) or end > len(self._sequence):
            what = "REF lies" if len(there) < len(ref) else "the record reaches"
            raise ReferenceMismatchError(
                f"{what} beyond the end of {contig}, which has {len(self._sequence):,} bases",
                file=file,
                sample=sample,
                place=f"{contig}:{start + 1:,}",
                remedy="use the reference that the sample was called with",
            )
        if there != ref and not _may_stand_for(there, ref.upper()):
            raise ReferenceMismatchError(
                f"REF is {_short(ref)}, and the reference reads {_short(there) or 'nothing'} there",
                file=file,
                sample=sample,
                place=f"{contig}:{start + 1:,}",
                remedy="use the reference that the sample was called with: this one differs in sequence",
            )

    def _load(self, contig: str) -> bool:
        """Whether the FASTA has that contig, which is its readers' to judge."""
        import pysam

        if self._opened is None:
            self._opened = pysam.FastaFile(str(self._fasta))
        if contig not in self._opened.references:
            return False
        self._contig, self._sequence = contig, self._opened.fetch(contig).upper()
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._opened is not None:
            self._opened.close()


def _may_stand_for(there: str, ref: str) -> bool:
    """Whether a REF may be written for these bases of a FASTA."""
    return len(there) == len(ref) and all(
        base == letter or (base in _CODES and letter in (*_CODES[base], "N"))
        for base, letter in zip(there, ref, strict=True)
    )


def _short(bases: str) -> str:
    return bases if len(bases) <= 20 else f"{bases[:20]}..."
