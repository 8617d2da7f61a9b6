"""Base qualities as a sequencer gives them: a small table counted from real reads, and reads drawn from it.

A read is of a class, from clean to poor, which its mate tends to share; within a class the quality of each cycle
depends on that of the cycle before and on how far the read has come (a Markov chain for each part of the read).
Qualities are Illumina's four bins. The table was counted from reads of NA12878 (Illumina Platinum Genomes) by
``python -m demo.qualities BAM``.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demo.reference import DATA

NO_CALL = 2
"""Quality of a base that could not be called."""
BINS = np.array([11, 25, 37], np.uint8)
"""The other three qualities that Illumina reports: below 18, below 30, and from 30 on."""
EDGES = (18, 30)
PARTS = 15
"""Parts of a read, of equal length, each with its own chain."""
CLASSES = (0.0, 0.03, 0.07, 0.13, 0.2, 0.3, 0.45)
"""Shares of cycles below quality 30 up to which a read is of the first class, the second, and so on; then the last."""


@dataclass(frozen=True)
class QualityModel:
    """Probabilities from which qualities are drawn; the first axis of ``start`` and ``step`` is read 1, read 2.

    Attributes:
        classes: of each class of read 1 with each class of read 2, summing to one.
        start: of each bin in the first cycle, by read and class.
        step: of each bin after each bin, by read, class and part of the read.
    """

    classes: NDArray[np.float64]
    start: NDArray[np.float64]
    step: NDArray[np.float64]

    def draw(self, pairs: int, length: int, random: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Qualities of read 1 and of read 2, one row for each pair and one column for each cycle."""
        both = random.choice(self.classes.size, pairs, p=self.classes.ravel())
        first, second = np.divmod(both, len(self.classes))
        return self._chain(0, first, length, random), self._chain(1, second, length, random)

    def _chain(
        self, mate: int, classes: NDArray[np.int64], length: int, random: np.random.Generator
    ) -> NDArray[np.uint8]:
        drawn = random.random((length, len(classes)), np.float32)
        bins = np.empty((length, len(classes)), np.uint8)
        bins[0] = _choose(self.start[mate][classes], drawn[0])
        for cycle in range(1, length):
            step = self.step[mate][:, cycle * PARTS // length]
            bins[cycle] = _choose(step[classes, bins[cycle - 1]], drawn[cycle])
        return np.ascontiguousarray(BINS[bins].T)


@cache
def quality_model() -> QualityModel:
    """The committed table."""
    told = json.loads((DATA / "qualities.json").read_text())
    classes, start, step = (np.array(told[name]) for name in ("classes", "start", "step"))
    return QualityModel(
        classes / classes.sum(), start / start.sum(-1, keepdims=True), step / step.sum(-1, keepdims=True)
    )


def count_qualities(pairs: Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> dict[str, list[float]]:
    """The table for the qualities of read pairs, each in the order of the cycles, as it is committed."""
    mates = [_binned(np.array(reads)) for reads in zip(*pairs, strict=True)]
    of_class = [np.searchsorted(CLASSES, (bins < 2).mean(axis=1)) for bins in mates]
    number = len(CLASSES) + 1
    classes = np.zeros((number, number))
    np.add.at(classes, tuple(of_class), 1)
    start = np.zeros((2, number, 3))
    step = np.zeros((2, number, PARTS, 3, 3))
    for mate, (bins, kinds) in enumerate(zip(mates, of_class, strict=True)):
        length = bins.shape[1]
        np.add.at(start[mate], (kinds, bins[:, 0]), 1)
        for cycle in range(1, length):
            np.add.at(step[mate][:, cycle * PARTS // length], (kinds, bins[:, cycle - 1], bins[:, cycle]), 1)
    shares = {"classes": classes / classes.sum(), "start": _shares(start), "step": _shares(step)}
    return {name: np.round(values, 4).tolist() for name, values in shares.items()}


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row of counts; a row that was never seen goes to the best bin."""
    counts[counts.sum(-1) == 0, -1] = 1
    shares: NDArray[np.float64] = counts / counts.sum(-1, keepdims=True)
    return shares


def _choose(shares: NDArray[np.float64], drawn: NDArray[np.float32]) -> NDArray[np.uint8]:
    """One of three bins for each row of probabilities."""
    return (drawn >= shares[:, 0]).astype(np.uint8) + (drawn >= shares[:, 0] + shares[:, 1])


def _binned(qualities: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.searchsorted(EDGES, qualities, side="right").astype(np.uint8)


def pairs_of(bam: Path) -> Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Qualities of pairs whose reads are of full length; the last cycle, which falls off abruptly, is left out."""
    import pysam

    waiting: dict[str, NDArray[np.uint8]] = {}
    with pysam.AlignmentFile(str(bam)) as reads:
        longest = max(read.query_length for read in reads.head(1000))
        for read in reads.fetch(until_eof=True):
            if read.is_secondary or read.is_supplementary or read.query_length != longest:
                continue
            qualities = np.array(read.query_qualities, np.uint8)[:: -1 if read.is_reverse else 1][:-1]
            mate = waiting.pop(read.query_name, None)
            if mate is None:
                waiting[read.query_name] = qualities
            else:
                yield (qualities, mate) if read.is_read1 else (mate, qualities)


if __name__ == "__main__":
    counted = count_qualities(pairs_of(Path(sys.argv[1])))
    (DATA / "qualities.json").write_text(json.dumps(counted, separators=(",", ":")) + "\n")
