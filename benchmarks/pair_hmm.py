"""``python -m benchmarks.pair_hmm``: cells of the pair HMM's matrix per second of one core, packing included.

A cell is a read base against a haplotype base of a pair that was asked for. Columns that haplotypes share are
computed once; the shapes below say how much there is to share, from a region with one SNP to haplotypes that differ
near their first base.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import llvmlite.binding
import numpy as np

from engine.call.haplotype.likelihood.lanes import LANES
from engine.call.haplotype.likelihood.pair_hmm import single_precision_likelihoods

_SECONDS = 0.5
_ROUNDS = 4
_ALPHABET = np.frombuffer(b"ACGT", np.uint8)


@dataclass(frozen=True)
class Shape:
    """Reads and haplotypes of a region.

    Attributes:
        name: what such a region is like.
        reads: how many.
        read_length: bases of each.
        haplotypes: how many.
        haplotype_length: bases of each.
        first_difference: base up to which haplotypes are alike.
    """

    name: str
    reads: int
    read_length: int
    haplotypes: int
    haplotype_length: int
    first_difference: int


SHAPES = (
    Shape("one SNP", 40, 41, 2, 41, 20),
    Shape("one indel", 40, 120, 2, 170, 75),
    Shape("several variants", 60, 130, 8, 250, 30),
    Shape("many haplotypes", 60, 150, 30, 300, 20),
    Shape("nothing shared", 200, 150, 10, 300, 0),
)


@dataclass(frozen=True)
class Throughput:
    """What one shape reached.

    Attributes:
        shape: its name.
        gcups: thousand million cells a second, of the best of some rounds.
        microseconds: for the region.
    """

    shape: str
    gcups: float
    microseconds: float


def measure(shape: Shape) -> Throughput:
    """Time one shape on this core."""
    inputs, cells = _region(shape)
    single_precision_likelihoods(*inputs)
    best = float("inf")
    for _ in range(_ROUNDS):
        repeats, spent = 0, 0.0
        start = time.process_time()
        while spent < _SECONDS / _ROUNDS:
            single_precision_likelihoods(*inputs)
            repeats += 1
            spent = time.process_time() - start
        best = min(best, spent / repeats)
    return Throughput(shape.name, round(cells / best / 1e9, 2), round(best * 1e6, 1))


def _region(shape: Shape) -> tuple[tuple[Any, ...], int]:
    generator = np.random.default_rng(7)
    common = generator.choice(_ALPHABET, shape.haplotype_length)
    haplotypes = []
    for _ in range(shape.haplotypes):
        one = common.copy()
        places = generator.integers(shape.first_difference, shape.haplotype_length, 3)
        one[shape.first_difference] = generator.choice(_ALPHABET)
        one[places] = generator.choice(_ALPHABET, 3)
        haplotypes.append(one)
    haplotypes.sort(key=lambda bases: bases.tobytes())
    reads = []
    for row in range(shape.reads):
        start = int(generator.integers(0, shape.haplotype_length - shape.read_length + 1))
        reads.append(haplotypes[row % shape.haplotypes][start : start + shape.read_length])
    bases = np.concatenate(reads)
    qualities = generator.integers(18, 42, bases.size).astype(np.uint8)
    inputs = (
        np.arange(shape.reads + 1) * shape.read_length,
        bases,
        qualities,
        np.full(bases.size, 40, np.uint8),
        np.arange(shape.haplotypes + 1) * shape.haplotype_length,
        np.concatenate(haplotypes),
    )
    return inputs, bases.size * shape.haplotypes * shape.haplotype_length


def main() -> int:
    """Print a table and, with ``--json``, the same as JSON."""
    found = [measure(shape) for shape in SHAPES]
    processor = llvmlite.binding.get_host_cpu_name()
    if "--json" in sys.argv[1:]:
        print(json.dumps({"processor": processor, "lanes": LANES, "shapes": [asdict(one) for one in found]}, indent=2))
        return 0
    print(f"pair HMM on {processor}, {LANES} lanes of float32, one core")
    for one in found:
        print(f"{one.shape:20} {one.gcups:6.2f} GCUPS {one.microseconds:10.1f} us a region")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
