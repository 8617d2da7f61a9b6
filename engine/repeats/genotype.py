"""How many units either copy has, by what reads say; with an interval where no read spans it.

Reads that span a repeat count its units. One that no read spans is at least as long as the longest piece of it in a
read that enters it. The reads in it throughout tell how long it is: with *d* reads over a base of one copy, a repeat of
*L* bases has ``d (L - R) / R`` of them, *R* the reads' length; their number is Poisson distributed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from engine.repeats.evidence import EDGE, Evidence
from engine.repeats.loci import Locus

By = Literal["spanning reads", "entering reads", "reads inside"]
State = Literal["normal", "between the ranges", "pathogenic range", "may reach the pathogenic range", "not told"]

_LEAST_READS = 3
_ALLELE_SHARE = 0.2
"""Of the most frequent length, from which another is an allele."""
_DEVIATIONS = 3.0
"""Of the number of reads inside, that the interval leaves on either side."""
_MISTAKEN = 2
"""Reads inside that may be none: an error hides the bases beside the repeat."""
_STUTTER_SHARE = 0.4
"""The same of a length one unit beside it, which copying errors make."""


@dataclass(frozen=True)
class RepeatAllele:
    """One copy.

    Attributes:
        units: the estimate.
        low: at least so many.
        high: at most so many, absent where reads cannot tell.
        by: what tells it.
    """

    units: float
    low: float
    high: float | None
    by: By


@dataclass(frozen=True)
class RepeatCall:
    """A locus of a person.

    Attributes:
        locus: where.
        alleles: shorter first; one in a man's X, none where too little was read.
        zygosity: in words.
        motif: of the longer allele, where it is not spanned; else the reference's.
        state: how the longer allele lies to the catalogue's ranges; ``not told`` where the number alone cannot say.
        evidence: what it is told by.
    """

    locus: Locus
    alleles: tuple[RepeatAllele, ...]
    zygosity: str
    motif: str
    state: State
    evidence: Evidence


def genotype_locus(locus: Locus, evidence: Evidence, *, copies: int = 2) -> RepeatCall:
    """Find the alleles.

    Args:
        locus: where.
        evidence: of its reads.
        copies: of the locus in the person's cells, 1 or 2.
    """
    spanned = _spanned(evidence, len(locus.motif))
    longest = max(spanned, default=0)
    beyond = [bases for bases in evidence.entering if bases > longest + 2 * len(locus.motif)]
    is_long = len(beyond) + evidence.inside >= _LEAST_READS and (evidence.inside or len(beyond) >= _LEAST_READS)
    exact = [_exact(bases, locus) for bases in spanned]
    if is_long:
        shown = exact[: copies - 1]
        alleles = [*shown, *[_long(locus, evidence, beyond, copies - len(shown), copies)] * (copies - len(shown))]
    else:
        alleles = exact[:copies] if len(exact) >= copies or not exact else exact * copies
    alleles.sort(key=lambda allele: allele.units)
    motif = evidence.motifs.most_common(1)[0][0] if is_long and evidence.motifs else locus.motif
    return RepeatCall(locus, tuple(alleles), _zygosity(alleles, copies), motif, _state(locus, alleles, motif), evidence)


def _spanned(evidence: Evidence, size: int) -> list[int]:
    """Lengths in bases that are alleles, the most frequent first."""
    by_units: dict[int, int] = {}
    for bases, count in evidence.spanning.items():
        by_units[round(bases / size)] = by_units.get(round(bases / size), 0) + count
    found: list[int] = []
    for units, count in sorted(by_units.items(), key=lambda one: (-one[1], one[0])):
        most = max(by_units.values())
        beside = any(abs(units - other) == 1 for other in found)
        if count >= 2 and count >= most * (_STUTTER_SHARE if beside else _ALLELE_SHARE):
            found.append(units)
    return [units * size for units in found]


def _exact(bases: int, locus: Locus) -> RepeatAllele:
    units = bases / len(locus.motif)
    return RepeatAllele(units, units, units, "spanning reads")


def _long(locus: Locus, evidence: Evidence, beyond: list[int], long_copies: int, copies: int) -> RepeatAllele:
    """An allele that no read spans; of two such, what both have on average."""
    size, read = len(locus.motif), evidence.read_length
    each = max(evidence.depth / copies, 0.1) * long_copies
    shown = max(beyond, default=0)
    least_inside = read - 2 * (EDGE - 1)  # a read with fewer bases beside the repeat counts as inside
    if not evidence.inside:
        return RepeatAllele(shown / size, shown / size, (read + 3 * read / each) / size, "entering reads")
    spread = _DEVIATIONS * math.sqrt(evidence.inside) + _MISTAKEN
    bases, low, high = (
        least_inside + count * read / each
        for count in (evidence.inside, max(0.0, evidence.inside - spread), evidence.inside + spread)
    )
    open_end = bases > evidence.insert > 0 and not evidence.both_inside
    return RepeatAllele(
        max(bases, shown) / size,
        max(low, shown) / size,
        None if open_end else max(high, shown) / size,
        "reads inside",
    )


def _zygosity(alleles: list[RepeatAllele], copies: int) -> str:
    if not alleles:
        return "not called"
    if copies == 1:
        return "hemizygous"
    if alleles[0].units != alleles[1].units:
        return "heterozygous"
    return "homozygous" if alleles[0].by == "spanning reads" else "both copies long"


def _state(locus: Locus, alleles: list[RepeatAllele], motif: str) -> State:
    if not alleles or not locus.has_clear_range or locus.pathogenic_min is None:
        return "not told"
    longer = alleles[-1]
    if locus.pathogenic_motifs and not any(_alike(motif, known) for known in locus.pathogenic_motifs):
        return "not told" if longer.high is None or longer.high >= locus.pathogenic_min else "normal"
    if longer.low >= locus.pathogenic_min:
        return "pathogenic range"
    if longer.high is None or longer.high >= locus.pathogenic_min:
        return "may reach the pathogenic range"
    return "normal" if locus.benign_max is None or longer.high <= locus.benign_max else "between the ranges"


def _alike(one: str, other: str) -> bool:
    """Whether two units make the same repeat, begun at another base."""
    return len(one) == len(other) and one in other + other
