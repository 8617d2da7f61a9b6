"""Pairs of reads for tests: cut from a sequence as a sequencer would, and written as FASTQ."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.reads.lane import Lane

_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


@dataclass(frozen=True)
class Pair:
    """One pair as it comes from the sequencer: both reads 5' to 3'."""

    name: str
    read1: str
    read2: str
    quality1: str
    quality2: str


def reverse_complement(bases: str) -> str:
    return bases.translate(_COMPLEMENT)[::-1]


def cut_pair(name: str, fragment: str, length: int, *, rng: random.Random, errors: float = 0.0) -> Pair:
    """The two ends of a fragment, on the strand the generator picks, with substitutions."""
    if rng.random() < 0.5:
        fragment = reverse_complement(fragment)
    reads = [
        "".join(rng.choice("ACGT") if rng.random() < errors else base for base in bases)
        for bases in (fragment[:length], reverse_complement(fragment)[:length])
    ]
    qualities = ["".join(chr(33 + rng.choice((12, 25, 37, 37, 37, 40))) for _ in read) for read in reads]
    return Pair(name, *reads, *qualities)


def cut_pairs(
    sequence: str, count: int, *, length: int = 100, seed: int = 1, errors: float = 0.005, prefix: str = "M:1:F:1:1101"
) -> list[Pair]:
    """Pairs from random places, fragments of about 300 bases, named as Illumina names them."""
    rng = random.Random(seed)
    pairs = []
    for i in range(count):
        size = max(length, round(rng.gauss(300, 40)))
        start = rng.randrange(len(sequence) - size)
        name = f"{prefix}:{rng.randrange(20_000)}:{i}"
        pairs.append(cut_pair(name, sequence[start : start + size], length, rng=rng, errors=errors))
    return pairs


def write_lane(folder: Path, pairs: Iterable[Pair], name: str = "L001") -> Lane:
    paths = [folder / f"{name}_R{mate}.fastq.gz" for mate in (1, 2)]
    kept = list(pairs)
    for mate, path in enumerate(paths, start=1):
        reads = ((pair.read1, pair.quality1) if mate == 1 else (pair.read2, pair.quality2) for pair in kept)
        lines = (
            f"@{pair.name} {mate}:N:0:ACGT\n{bases}\n+\n{quality}\n"
            for pair, (bases, quality) in zip(kept, reads, strict=True)
        )
        path.write_bytes(gzip.compress("".join(lines).encode(), 1))
    return Lane(name, *paths)
