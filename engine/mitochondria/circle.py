"""The mitochondrial contig as a circle: which one of the reference's it is, and where it is cut."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import ReferenceMismatchError
from engine.reference.genome import Reference

NAMES = ("chrM", "MT", "M", "chrMT", "NC_012920.1", "rCRS")
"""What references call it."""
CUT = 500
"""Bases on either side of the cut that are called from the reads aligned again."""
NEAR = 2 * CUT
"""Templates with a read so near the cut are aligned again: more than those over the bases called from them."""
_LONGEST = 30_000


@dataclass(frozen=True)
class Circle:
    """The mitochondrial contig.

    Attributes:
        name: in the reference.
        bases: upper case, as the reference cuts it.
    """

    name: str
    bases: str

    @property
    def half(self) -> int:
        """Where it is cut to have the reference's cut in the middle."""
        return len(self.bases) // 2

    @property
    def turned(self) -> str:
        """The circle cut there."""
        return self.bases[self.half :] + self.bases[: self.half]


def find_circle(reference: Reference, name: str | None = None) -> Circle:
    """The mitochondrial contig of a reference.

    Args:
        reference: the genome.
        name: of the contig; one of :data:`NAMES` when absent.

    Raises:
        ReferenceMismatchError: there is none, or it is no mitochondrion's by its length.
    """
    known = {contig.name: contig.length for contig in reference.contigs}
    found = name or next((one for one in NAMES if one in known), None)
    if found not in known:
        raise ReferenceMismatchError(
            f"the reference has no contig {name}" if name else "the reference has no mitochondrial contig",
            file=reference.fasta,
            remedy=f"name it with --contig; it was looked for as {', '.join(NAMES)}",
        )
    if not 2 * NEAR < known[found] < _LONGEST:
        raise ReferenceMismatchError(
            f"contig {found} has {known[found]:,} bases, which is no mitochondrion",
            file=reference.fasta,
            remedy="name the mitochondrial contig with --contig",
        )
    with reference.open() as fasta:
        return Circle(str(found), fasta.fetch(found).upper())
