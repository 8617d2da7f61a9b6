"""``python -m benchmarks.day``: days of a thousand genomes on many machines, simulated, machines lost among them.

Samples arrive at random, wait by priority, and go through the steps of the path on one machine each. A machine is lost
at random: what its sample had published stays (an artifact is fresh or it is not), and the step that was under way is
done again elsewhere. How long the steps take is what was measured here and scaled to a genome, as the table of
docs/setup.md has it, which is read; spread and loss of machines are assumptions, and so is the price of a machine's
hour, which has no default.
"""

from __future__ import annotations

import argparse
import heapq
import random
import re
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

SETUP = Path(__file__).resolve().parent.parent / "docs" / "setup.md"
_HEAD = re.compile(r"^\| step \| measured \|.* at 16 cores \|$", re.MULTILINE)


def steps_of(text: str) -> dict[str, float]:
    """Hours of each step at sixteen cores, in order: the last column of the table of steps.

    Args:
        text: of docs/setup.md.
    """
    head = _HEAD.search(text)
    if head is None:
        raise SystemExit("docs/setup.md has no table of steps")
    rows = text[head.end() :].strip().splitlines()[1:]
    table = [[cell.strip() for cell in row.strip("|").split("|")] for row in takewhile(_is_row, rows)]
    return {cells[0]: float(cells[-1].removesuffix(" h")) for cells in table[:-1]}


def _is_row(line: str) -> bool:
    return line.startswith("|")


STEPS = steps_of(SETUP.read_text())
DISK = {"reads": 50.0, "alignments": 35.0, "gVCF": 7.0}
"""GB of a genome at 30x (docs/setup.md)."""
URGENT, RESEARCH = 0, 1


@dataclass(order=True)
class Sample:
    """A genome on its way.

    Attributes:
        priority: urgent ones go first.
        arrived: hour of its arrival.
        number: of the sample.
        step: that is next.
        attempts: steps that were begun.
    """

    priority: int
    arrived: float
    number: int
    step: int = field(default=0, compare=False)
    attempts: int = field(default=0, compare=False)


@dataclass
class Day:
    """What became of the samples.

    Attributes:
        hours: from arrival to report, by priority.
        busy: machine hours of steps that came to their end.
        lost: machine hours of steps that were cut off.
        losses: machines that were lost while they worked.
        waiting: samples in the queue at the end.
        longest: samples that ever waited at once.
    """

    hours: dict[int, list[float]] = field(default_factory=lambda: {URGENT: [], RESEARCH: []})
    busy: float = 0.0
    lost: float = 0.0
    losses: int = 0
    waiting: int = 0
    longest: int = 0


def simulate(
    *, machines: int, genomes: float, days: float, urgent: float, lost_per_day: float, spread: float, seed: int
) -> Day:
    """Simulate, and go on without new samples until the last is done.

    Args:
        machines: of sixteen cores, each with one sample at a time.
        genomes: that arrive in a day.
        days: on which samples arrive.
        urgent: share of the samples.
        lost_per_day: times that a machine is lost in a day.
        spread: standard deviation of a step's time, as a share of it.
        seed: of the chance.
    """
    chance, day = random.Random(seed), Day()
    arrivals = _arrivals(chance, genomes / 24, days * 24, urgent)
    coming = next(arrivals, None)
    queue: list[Sample] = []
    working: list[tuple[float, int, bool, float, Sample]] = []  # ends, tie, whether it was cut off, hours, sample
    free, tie = machines, 0
    while coming or queue or working:
        now = min(coming.arrived if coming else float("inf"), working[0][0] if working else float("inf"))
        if coming and coming.arrived <= now:
            heapq.heappush(queue, coming)
            coming = next(arrivals, None)
        else:
            _, _, cut_off, hours, sample = heapq.heappop(working)
            free += 1
            if cut_off:
                day.lost, day.losses = day.lost + hours, day.losses + 1
            else:
                day.busy, sample.step = day.busy + hours, sample.step + 1
            if sample.step < len(STEPS):
                heapq.heappush(queue, sample)
            else:
                day.hours[sample.priority].append(now - sample.arrived)
        day.longest = max(day.longest, len(queue) - free)
        while free and queue:
            sample, free, tie = heapq.heappop(queue), free - 1, tie + 1
            sample.attempts += 1
            mean = list(STEPS.values())[sample.step]
            wanted = max(chance.gauss(mean, spread * mean), mean / 4)
            until_lost = chance.expovariate(lost_per_day / 24) if lost_per_day else float("inf")
            hours = min(wanted, until_lost)
            heapq.heappush(working, (now + hours, tie, until_lost < wanted, hours, sample))
    return day


def _arrivals(chance: random.Random, per_hour: float, hours: float, urgent: float) -> Iterator[Sample]:
    now, number = chance.expovariate(per_hour), 0
    while now < hours:
        yield Sample(URGENT if chance.random() < urgent else RESEARCH, now, number)
        now, number = now + chance.expovariate(per_hour), number + 1


def main() -> int:
    """Simulate and print what became of the samples."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.day", description=__doc__)
    parser.add_argument("--machines", type=int, nargs="+", default=[100, 110, 120, 140])
    parser.add_argument("--genomes", type=float, default=1000.0, help="in a day")
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--urgent", type=float, default=0.05, help="share of the samples")
    parser.add_argument("--lost-per-day", type=float, default=0.5, help="how often a machine is lost")
    parser.add_argument("--spread", type=float, default=0.3)
    parser.add_argument("--price", type=float, help="of a machine's hour, in your currency")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print("| machines | done | urgent: median, 95% | others: median, 95% | load | lost hours | hours | price |")
    print("|---|---|---|---|---|---|---|---|")
    for machines in given.machines:
        day = simulate(
            machines=machines,
            genomes=given.genomes,
            days=given.days,
            urgent=given.urgent,
            lost_per_day=given.lost_per_day,
            spread=given.spread,
            seed=given.seed,
        )
        print(_row(day, machines, given.days, given.price))
    disk = sum(DISK.values())
    print(f"Disk: {disk:.0f} GB a genome, {disk * given.genomes / 1000:,.0f} TB a day, before any of it is moved away")
    return 0


def _row(day: Day, machines: int, days: float, price: float | None) -> str:
    done = sum(map(len, day.hours.values()))
    each = (day.busy + day.lost) / done
    cost = f"{each * price:.2f}" if price is not None else "not told"
    times = [_times(day.hours[priority]) for priority in (URGENT, RESEARCH)]
    load = (day.busy + day.lost) / (machines * days * 24)
    lost = f"{day.lost / (day.busy + day.lost):.1%} by {day.losses} losses"
    return f"| {machines} | {done:,} | {times[0]} | {times[1]} | {load:.0%} | {lost} | {each:.2f} | {cost} |"


def _times(hours: list[float]) -> str:
    if len(hours) < 2:
        return "none"
    return f"{statistics.median(hours):.1f} h, {statistics.quantiles(hours, n=20)[-1]:.1f} h"


if __name__ == "__main__":
    sys.exit(main())
