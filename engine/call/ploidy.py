"""How many copies of each stretch of the genome a person carries: the sex chromosomes and the mitochondrion.

Autosomes and everything unknown are diploid. The pseudo-autosomal regions are those of the Genome Reference
Consortium; which assembly a contig belongs to is told by its length, which no other assembly shares.

>>> [(part.interval.start, part.copies) for part in ploidy_of(Interval("chrX", 0, 156_040_895), 156_040_895, Sex.MALE)]
[(0, 1), (10000, 2), (2781479, 1), (155701382, 2), (156030895, 1)]
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.person import Sex
from engine.reference.intervals import Interval

# Length of the contig -> its name and its pseudo-autosomal regions, 0-based half-open.
_SEX_CHROMOSOMES: dict[int, tuple[str, tuple[tuple[int, int], ...]]] = {
    155_270_560: ("X", ((60_000, 2_699_520), (154_931_043, 155_260_560))),  # GRCh37
    156_040_895: ("X", ((10_000, 2_781_479), (155_701_382, 156_030_895))),  # GRCh38
    59_373_566: ("Y", ((10_000, 2_649_520), (59_034_049, 59_363_566))),  # GRCh37
    57_227_415: ("Y", ((10_000, 2_781_479), (56_887_902, 57_217_415))),  # GRCh38
}
MITOCHONDRION = frozenset({"MT", "M", "chrM", "chrMT"})
"""Names of the mitochondrion."""


@dataclass(frozen=True)
class PloidyPart:
    """A stretch with one number of copies.

    Attributes:
        interval: 0-based half-open.
        copies: 0, 1 or 2.
    """

    interval: Interval
    copies: int


def ploidy_of(interval: Interval, contig_length: int, sex: Sex) -> list[PloidyPart]:
    """Split an interval into the parts that differ in ploidy, in order.

    A male has one X and one Y outside the pseudo-autosomal regions. A female has no Y. Where the sex is not known
    everything but the mitochondrion is called as diploid: a hemizygous variant is then called homozygous, which
    loses nothing.
    """
    if interval.contig in MITOCHONDRION:
        return [PloidyPart(interval, 1)]
    chromosome, shared = _SEX_CHROMOSOMES.get(contig_length, ("", ()))
    if interval.contig.removeprefix("chr") != chromosome or sex == Sex.UNKNOWN:
        return [PloidyPart(interval, 2)]
    if sex == Sex.FEMALE:
        return [PloidyPart(interval, 2 if chromosome == "X" else 0)]
    return _within_pseudo_autosomal(interval, shared)


def copies_at(contig: str, contig_length: int, positions: NDArray[np.int64], sex: Sex) -> NDArray[np.int64]:
    """Copies at each of some places of a contig, as :func:`ploidy_of` has them.

    Args:
        contig: its name.
        contig_length: bases.
        positions: int64[n], 0-based.
        sex: of the person.
    """
    parts = ploidy_of(Interval(contig, 0, contig_length), contig_length, sex)
    starts = np.array([part.interval.start for part in parts], np.int64)
    return np.array([part.copies for part in parts], np.int64)[np.searchsorted(starts, positions, "right") - 1]


def _within_pseudo_autosomal(interval: Interval, shared: tuple[tuple[int, int], ...]) -> list[PloidyPart]:
    inside = [place for limits in shared for place in limits if interval.start < place < interval.end]
    cuts = [interval.start, *inside, interval.end]
    return [
        PloidyPart(Interval(interval.contig, start, end), 2 if _is_within(start, shared) else 1)
        for start, end in itertools.pairwise(cuts)
    ]


def _is_within(position: int, limits: tuple[tuple[int, int], ...]) -> bool:
    return any(start <= position < end for start, end in limits)
