"""Which places of the circle differ, and in which share of the molecules (heteroplasmy).

An allele is called where more molecules have it than errors explain: errors come at the rate that the qualities say, a
third of them for each other base, and at least at :data:`_LEAST_ERROR`, and are Poisson distributed.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.mitochondria.circle import CUT, Circle
from engine.mitochondria.pileup import DELETED, Event, Pileup

LEAST_FRACTION: Final = 0.02
"""Heteroplasmy from which an allele is called."""
HOMOPLASMIC: Final = 0.95
"""Fraction from which the genotype has no other allele."""
_LEAST_ERROR: Final = 2e-4
_LEAST_INDEL_ERROR: Final = 1e-3
_CHANCE: Final = 1e-6
"""Of an error being taken for an allele, at one place."""
_LEAST_MOLECULES: Final = 4
_STRAND_BIAS: Final = 60.0
_SLIPPING_RUN: Final = 6
_SLIPPING_FRACTION: Final = 0.1
_RARE_SIDE: Final = 0.1
_SHALLOW: Final = 0.1
STRAND, SLIPPAGE, SHALLOW, PASS = "strand_bias", "slippage", "low_depth", "PASS"


@dataclass(frozen=True)
class MitochondrialCall:
    """One allele that differs from the reference.

    Attributes:
        position: 0-based, of the first base of ``ref``.
        ref: reference bases.
        alt: what stands there instead.
        reference_molecules: that have the reference there.
        alternate_molecules: that have this allele.
        depth: molecules over the place, whatever they have.
        quality: Phred of so many being errors, at most 10,000.
        filter: ``PASS``, ``strand_bias`` (nearly all on one strand, unlike the reference), ``slippage`` (one base more
            or less of a run of at least six, in less than a tenth).
    """

    position: int
    ref: str
    alt: str
    reference_molecules: int
    alternate_molecules: int
    depth: int
    quality: float
    filter: str

    @property
    def fraction(self) -> float:
        """Share of the molecules: 1 is homoplasmic."""
        return self.alternate_molecules / self.depth

    @property
    def genotype(self) -> str:
        """``1`` for (nearly) all, else ``0/1``."""
        return "1" if self.fraction >= HOMOPLASMIC else "0/1"


def call_circle(
    circle: Circle, straight: Pileup, turned: Pileup | None, *, least_fraction: float = LEAST_FRACTION
) -> list[MitochondrialCall]:
    """Call all around, beside the reference's cut from the turned pileup.

    Args:
        circle: the contig.
        straight: of the reads as they were aligned.
        turned: of the templates near the cut, aligned to the circle cut on the other side; absent: the straight one
            all around.
        least_fraction: heteroplasmy below which nothing is called.
    """
    length = len(circle.bases)
    found = _calls(circle.bases, straight, least_fraction)
    if turned is not None:
        found = [call for call in found if CUT <= call.position < length - CUT]
        beside = [
            replace(call, position=(call.position + circle.half) % length)
            for call in _calls(circle.turned, turned, least_fraction)
        ]
        found += [call for call in beside if not CUT <= call.position < length - CUT]
    shallow = _SHALLOW * float(np.median(straight.depth))
    found = [replace(call, filter=SHALLOW) if call.depth <= shallow else call for call in found]
    return sorted(found, key=lambda call: (call.position, call.ref, call.alt))


def _calls(bases: str, pileup: Pileup, least_fraction: float) -> list[MitochondrialCall]:
    return _substitutions(bases, pileup, least_fraction) + _indels(bases, pileup, least_fraction)


def _substitutions(bases: str, pileup: Pileup, least_fraction: float) -> list[MitochondrialCall]:
    codes = np.array(["ACGT".find(base) for base in bases])
    molecules, depth = pileup.counts.sum(axis=1), pileup.depth
    expected = np.maximum(pileup.errors / 3, depth * _LEAST_ERROR)
    calls = []
    for place, code in np.argwhere((molecules >= _LEAST_MOLECULES) & (molecules >= least_fraction * depth[:, None])):
        if code == DELETED or code == codes[place] or codes[place] < 0:
            continue
        count = int(molecules[place, code])
        quality = _unlikely(count, float(expected[place]))
        if quality >= -10 * math.log10(_CHANCE):
            strands = pileup.counts[place][:, [codes[place], code]]
            verdict = STRAND if _one_sided(strands) else PASS
            reference = int(molecules[place, codes[place]])
            calls.append(
                MitochondrialCall(
                    int(place), bases[place], "ACGT"[code], reference, count, int(depth[place]), quality, verdict
                )
            )
    return calls


def _indels(bases: str, pileup: Pileup, least_fraction: float) -> list[MitochondrialCall]:
    events: dict[Event, NDArray[np.int64]] = {}
    for (event, strand), count in pileup.events.items():
        events.setdefault(_leftmost(bases, event), np.zeros(2, np.int64))[strand] += count
    total: Counter[int] = Counter()
    for event, counts in events.items():
        total[event[0]] += int(counts.sum())
    depth = pileup.depth
    calls = []
    for event, counts in events.items():
        place, deleted, inserted = event
        here, count = int(depth[place]), int(counts.sum())
        if count < max(_LEAST_MOLECULES, least_fraction * here) or _beside_unknown(bases, event):
            continue
        quality = _unlikely(count, here * _LEAST_INDEL_ERROR)
        if quality < -10 * math.log10(_CHANCE):
            continue
        ref, alt = bases[place : place + 1 + deleted], bases[place] + inserted
        others = np.stack([pileup.counts[place].sum(axis=1) - counts, counts], axis=1)
        verdict = STRAND if _one_sided(others) else PASS
        if _run(bases, event) >= _SLIPPING_RUN and count < _SLIPPING_FRACTION * here:
            verdict = SLIPPAGE
        reference = max(0, here - total[place])
        calls.append(MitochondrialCall(place, ref, alt, reference, count, here, quality, verdict))
    return calls


def _leftmost(bases: str, event: Event) -> Event:
    """The same insertion or deletion as far left as it can stand."""
    place, deleted, inserted = event
    moved = bases[place + 1 : place + 1 + deleted] or inserted
    while place > 0 and bases[place] == moved[-1]:
        moved = moved[-1] + moved[:-1]
        place -= 1
    return place, deleted, "" if deleted else moved


def _beside_unknown(bases: str, event: Event) -> bool:
    """Whether the reference is N there: the rCRS has an N at 3,107 that stands for no base, and all reads lack it."""
    place, deleted, _ = event
    return "N" in bases[max(0, place - 1) : place + deleted + 3]


def _run(bases: str, event: Event) -> int:
    """Length of the run of one base that the event makes longer or shorter, 0 where it does not."""
    place, deleted, inserted = event
    unit = set(bases[place + 1 : place + 1 + deleted] or inserted)
    if len(unit) != 1:
        return 0
    base = unit.pop()
    return len(bases[place + 1 :]) - len(bases[place + 1 :].lstrip(base))


def _unlikely(count: int, expected: float) -> float:
    """Phred of ``count`` or more where ``expected`` errors are, Poisson distributed; at most 10,000."""
    from scipy.stats import poisson

    logarithm = float(poisson.logsf(count - 1, expected))
    return min(10_000.0, -10 * logarithm / math.log(10))


def _one_sided(strands: NDArray[np.int64]) -> bool:
    """Whether the allele's molecules (column 1) are nearly all of one strand, and the others' (column 0) are not."""
    from scipy.stats import fisher_exact

    count = strands.sum(axis=0)
    if not count.all() or strands[:, 1].min() > _RARE_SIDE * count[1]:
        return False
    chance = float(fisher_exact(strands).pvalue)
    return -10 * math.log10(max(chance, 1e-300)) > _STRAND_BIAS
