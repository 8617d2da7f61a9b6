"""Sites of a region: which alleles meet at a position, and which haplotypes carry each (specification 11.1-11.2).

Knows events and haplotypes, not reads. GATK: ``AssemblyBasedCallerUtils.createAlleleMapper`` and what feeds it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.genotype.allele_frequency import SPANNING_DELETION
from engine.call.haplotype.trimming.events import EventColumns

_MOST_GENOTYPES: Final = 1024
"""More are not enumerated: the alleles of the worst haplotypes are left out."""


class Event(NamedTuple):
    """What a haplotype changes in the reference.

    Attributes:
        start: 0-based first reference base.
        end: one past the last.
        alternate: bases that replace them.
    """

    start: int
    end: int
    alternate: str


@dataclass(frozen=True, eq=False)
class Site:
    """A position at which haplotypes differ.

    Attributes:
        start: 0-based position of the first reference base.
        alleles: the reference allele, the longest of those that meet here, then alternates in the order in which
            haplotypes show them; ``*`` for haplotypes that lack the position.
        carriers: bool[alleles, haplotypes], who carries which; a haplotype may carry none.
        reached_from_before: smallest start of a deletion that spans the position, ``start`` when there is none.
    """

    start: int
    alleles: tuple[str, ...]
    carriers: NDArray[np.bool_]
    reached_from_before: int

    @property
    def end(self) -> int:
        """One past the last base of the reference allele."""
        return self.start + len(self.alleles[0])


def events_by_haplotype(events: EventColumns) -> list[list[Event]]:
    """The events of each haplotype, ascending by start."""
    limits = events.alternate_offset.tolist()
    bases = events.alternate.tobytes().decode()
    every = [
        Event(start, end, bases[limits[row] : limits[row + 1]])
        for row, (start, end) in enumerate(zip(events.start.tolist(), events.end.tolist(), strict=True))
    ]
    offset = events.event_offset.tolist()
    return [every[first:last] for first, last in pairwise(offset)]


def find_sites(
    haplotype_events: list[list[Event]],
    *,
    start: int,
    end: int,
    reference: NDArray[np.uint8],
    reference_start: int,
    haplotype_scores: NDArray[np.float64],
    ploidy: int,
) -> list[Site]:
    """The sites whose first base lies in ``[start, end)``, ascending.

    Args:
        haplotype_events: of every haplotype.
        start: 0-based.
        end: exclusive.
        reference: bases that cover every event.
        reference_start: position of its first base.
        haplotype_scores: float64[h], path scores, by which alleles are chosen when there are too many.
        ploidy: of the sample.
    """
    positions = sorted({event.start for events in haplotype_events for event in events if start <= event.start < end})
    sites = []
    for position in positions:
        overlapping = [_overlapping(events, position) for events in haplotype_events]
        longest = max(event.end for events in overlapping for event in events if event.start == position)
        first = position - reference_start
        site = _site(position, reference[first : first + longest - position].tobytes().decode(), overlapping)
        sites.append(_with_fewer_alleles(site, haplotype_scores, ploidy))
    return sites


def _overlapping(events: list[Event], position: int) -> list[Event]:
    """Events over a position; where bases are inserted behind it, a deletion that ends there does not count."""
    found = [event for event in events if event.start <= position < event.end]
    if any(event.end - event.start == 1 and len(event.alternate) > 1 for event in found):
        found = [
            event
            for event in found
            if not (event.end == position + 1 and event.end - event.start > 1 and len(event.alternate) == 1)
        ]
    return found


def _site(position: int, reference: str, overlapping: list[list[Event]]) -> Site:
    def merged(event: Event) -> str:
        if event.start < position:
            return SPANNING_DELETION
        return event.alternate + reference[event.end - position :]

    alternates = list(dict.fromkeys(merged(event) for events in overlapping for event in events))
    alleles = (reference, *alternates)
    carriers = np.zeros((len(alleles), len(overlapping)), np.bool_)
    for haplotype, events in enumerate(overlapping):
        if not events:
            carriers[0, haplotype] = True
        for event in events:
            carriers[1 + alternates.index(merged(event)), haplotype] = True
            if event.start < position:
                break
    before = min(event.start for events in overlapping for event in events)
    return Site(position, alleles, carriers, before)


def _with_fewer_alleles(site: Site, scores: NDArray[np.float64], ploidy: int) -> Site:
    """The site with no more alleles than genotypes can be enumerated for: those of the best haplotypes."""
    alleles = len(site.alleles)
    most = alleles
    while most > 1 and math.comb(most + ploidy - 1, ploidy) > _MOST_GENOTYPES:
        most -= 1
    if most == alleles:
        return site

    def rank(allele: int) -> tuple[float, float, str]:
        best = sorted((-scores[site.carriers[allele]]).tolist())[:2]
        best += [math.inf] * (2 - len(best))
        return best[0], best[1], site.alleles[allele]

    kept = [0, *sorted(sorted(range(1, alleles), key=rank)[: most - 1])]
    return Site(
        site.start, tuple(site.alleles[allele] for allele in kept), site.carriers[kept], site.reached_from_before
    )
