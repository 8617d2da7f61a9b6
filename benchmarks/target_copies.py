"""``python -m benchmarks.target_copies [--targets N] [--persons N] [--normals N] [--depth N ...]``.

Gains and losses of targets, planted and found. Reads on 150 bases of each target are drawn: how well its bait takes
differs by a factor of some (log-normal), what a person's library does with G and C differs from person to person, and
each target spreads by some percent beyond chance. Events of 1, 2, 3, 5 and 10 targets, of 0, 1, 3 and 4 copies, ten of
each in a person; they are compared with a panel of normals drawn alike, as the platform does it.

An event is found by a passing gain or loss that touches it; of its copies the tables say how many are right. What
touches none is false.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.reference.intervals import Interval
from engine.structural.normals import PANELS
from engine.structural.sample import SURE
from engine.structural.target_copies import Normal, TargetCopies, copies_of_targets

LENGTHS: Final = (1, 2, 3, 5, 10)
COPIES: Final = (0, 1, 3, 4)
OF_EACH: Final = 10
TARGET, APART, OF_A_CONTIG, READ = 150, 5_000, 1_000, 150
BAITS, LIBRARY, BEYOND_CHANCE = 0.45, 0.06, 0.04
"""Standard deviations: of the logarithm of what baits take, of a library's slope by G and C, of what no count tells."""


@dataclass(frozen=True)
class Planted:
    """An event: its first target, how many, and their copies."""

    first: int
    length: int
    copies: int


class Kit:
    """Targets with what their baits take, and persons that are sequenced with it.

    Args:
        targets: how many.
        seed: of the chance.
    """

    def __init__(self, targets: int, seed: int) -> None:
        self.numbers = np.random.default_rng(seed)
        self.pieces = [_target(number) for number in range(targets)]
        self.takes = np.exp(self.numbers.normal(0, BAITS, targets))
        self.strong = np.clip(self.numbers.normal(48, 10, targets), 20, 80).astype(np.int64)
        self.beyond = np.abs(self.numbers.normal(BEYOND_CHANCE, BEYOND_CHANCE / 2, targets))

    def sequenced(self, depth: float, copies: NDArray[np.float64] | float = 2.0) -> Normal:
        """Bases on the targets of a person with so many copies of each."""
        size = len(self.pieces)
        own = np.exp(
            self.numbers.normal(0, LIBRARY) * (self.strong - 48) / 10 + self.numbers.normal(0, 1, size) * self.beyond
        )
        fragments = self.takes * own * np.broadcast_to(copies, size) / 2 * depth * (TARGET + READ) / READ
        return Normal(self.numbers.poisson(fragments).astype(np.int64) * READ, np.full(size, 2, np.int64))

    def plant(self) -> list[Planted]:
        """Events at random, with targets between them."""
        every = [(length, copies) for length in LENGTHS for copies in COPIES for _ in range(OF_EACH)]
        self.numbers.shuffle(every)
        room = len(self.pieces) // len(every)
        if room < 2 * max(LENGTHS):
            raise SystemExit(f"{2 * max(LENGTHS) * len(every):,} targets are needed")
        return [Planted(place * room + max(LENGTHS) // 2, *event) for place, event in enumerate(every)]


def _target(number: int) -> Interval:
    start = number % OF_A_CONTIG * APART
    return Interval(f"c{number // OF_A_CONTIG}", start, start + TARGET)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, compare and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.target_copies", description=__doc__)
    parser.add_argument("--targets", type=int, default=20_000)
    parser.add_argument("--persons", type=int, default=5)
    parser.add_argument("--normals", type=int, nargs="+", default=[PANELS[0], PANELS[-1]])
    parser.add_argument("--depth", type=float, nargs="+", default=[60.0, 100.0, 200.0])
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    for depth in given.depth:
        for normals in given.normals:
            kit = Kit(given.targets, given.seed)
            panel = [kit.sequenced(depth * np.exp(kit.numbers.normal(0, 0.2))) for _ in range(normals)]
            print(f"depth {depth:g} beside {normals} others:", *_measured(kit, panel, depth, given.persons), sep="\n  ")
    return 0


def _measured(kit: Kit, panel: Sequence[Normal], depth: float, persons: int) -> Iterator[str]:
    found, right, every = Counter[tuple[int, int]](), Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    false, spent, spread = 0, 0.0, 0.0
    for _ in range(persons):
        planted = kit.plant()
        copies = np.full(len(kit.pieces), 2.0)
        for event in planted:
            copies[event.first : event.first + event.length] = event.copies
        own = kit.sequenced(depth, copies)
        started = time.process_time()
        told = copies_of_targets(own, panel, kit.pieces, kit.strong)
        spent += time.process_time() - started
        if isinstance(told, str):
            raise SystemExit(told)
        spread += told.spread / persons
        false += _judge(kit, planted, told, found, right)
        every.update((event.length, event.copies) for event in planted)
    for length in LENGTHS:
        cells = [
            f"{copies} copies {found[length, copies]}/{every[length, copies]} ({right[length, copies]} right)"
            for copies in COPIES
        ]
        yield f"{length} targets: {', '.join(cells)}"
    yield f"false {false} in {persons} persons; a target's spread {spread:.3f}; {spent / persons:.2f} CPU s a person"


def _judge(
    kit: Kit,
    planted: Sequence[Planted],
    told: TargetCopies,
    found: Counter[tuple[int, int]],
    right: Counter[tuple[int, int]],
) -> int:
    """Count what was found and what is right; gives how many events are false."""
    passing = [one for one in told.events if one.quality >= SURE]
    true: set[int] = set()
    for event in planted:
        first, last = kit.pieces[event.first], kit.pieces[event.first + event.length - 1]
        touching = [
            number
            for number, one in enumerate(passing)
            if (one.contig, one.copies < one.usual) == (first.contig, event.copies < one.usual)
            and one.start < last.end
            and first.start < one.end
        ]
        true |= set(touching)
        found[event.length, event.copies] += bool(touching)
        right[event.length, event.copies] += any(passing[number].copies == event.copies for number in touching)
    return len(passing) - len(true)


if __name__ == "__main__":
    sys.exit(main())
