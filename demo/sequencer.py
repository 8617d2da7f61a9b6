"""A sequencer in numbers: cuts haplotypes into fragments, copies some, and reads both ends of each, with errors.

Knows nothing of people or files. What it imitates, and where the figures come from, is told beside each constant.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.qualities import NO_CALL, quality_model

READ_LENGTH = 150
INSERT_MEAN, INSERT_SD = 400.0, 60.0
SHORT_INSERTS, SHORTEST, LONGEST = 0.08, 60, 1000
"""Share of fragments in the left tail, rarer the shorter; below 150 bases a read goes through into the adapter."""
CHIMERAS = 0.003
"""Share of molecules joined from two places, as ligation does."""
DUPLICATES = 0.06
"""Mean number of copies beside the first that are sequenced of a fragment."""
OPTICAL = 0.3
"""Share of copies that are a neighbouring spot on the flow cell rather than a copy made by PCR."""
GC_OPTIMUM, GC_TOLERANCE = 0.42, 0.35
"""Fragments are kept in proportion to a Gaussian of their GC content, the mild bias of a library with little PCR."""
NO_CALLS = 0.0003
"""Share of bases without a call."""
BASES = np.frombuffer(b"ACGT", np.uint8)
COMPLEMENT = np.zeros(256, np.uint8)
COMPLEMENT[np.frombuffer(b"ACGTN", np.uint8)] = np.frombuffer(b"TGCAN", np.uint8)


@dataclass(frozen=True)
class Library:
    """How a sample was prepared.

    Attributes:
        haplotypes: the sequences that its fragments are cut from, each with the same share of the coverage.
        coverage: mean depth over two haplotypes, copies not counted.
        lanes: of the flow cell, numbers from 1.
        index: the sample's two index reads.
    """

    haplotypes: Sequence[NDArray[np.uint8]]
    coverage: float
    lanes: tuple[int, ...]
    index: tuple[str, str]

    @property
    def adapters(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """What read 1 and read 2 meet beyond a short fragment: Illumina's TruSeq adapters with the index, then G.

        G is what two-colour chemistry reports where there is nothing more to read (Illumina document 1000000002694).
        """
        texts = (
            f"AGATCGGAAGAGCACACGTCTGAACTCCAGTCAC{self.index[0]}ATCTCGTATGCCGTCTTCTGCTTG",
            f"AGATCGGAAGAGCGTCGTGTAGGGAAAGAGTGT{self.index[1]}GTGTAGATCTCGGTGGTCGCCGTATCATT",
        )
        first, second = (np.frombuffer(text.ljust(READ_LENGTH, "G").encode(), np.uint8) for text in texts)
        return first, second


@dataclass(frozen=True)
class Fragments:
    """Molecules on the flow cell, one row each; positions count along all haplotypes laid end to end.

    Attributes:
        left: first base, where the read of the forward strand begins.
        right: last base, where the read of the reverse strand begins.
        length: bases between the adapters.
        reverse: whether read 1 is of the reverse strand.
        lane: of the flow cell.
        tile: of the lane: surface, swath and number in four digits.
        x: place on the tile, in Illumina's units (tenths of a pixel, plus 1000).
        y: place on the tile.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    length: NDArray[np.int64]
    reverse: NDArray[np.bool_]
    lane: NDArray[np.int64]
    tile: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.left)

    @property
    def columns(self) -> tuple[NDArray[Any], ...]:
        """Every attribute."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def take(self, rows: NDArray[np.int64]) -> "Fragments":
        """The fragments of those rows."""
        return Fragments(*(column[rows] for column in self.columns))


@dataclass(frozen=True)
class Reads:
    """Both reads of every fragment of a lane.

    Attributes:
        names: Illumina names without the read's number.
        bases: of read 1 and of read 2, one row for each fragment, as ASCII.
        qualities: likewise, on the phred scale.
    """

    names: list[str]
    bases: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    qualities: tuple[NDArray[np.uint8], NDArray[np.uint8]]


def load_flow_cell(library: Library, random: np.random.Generator) -> Fragments:
    """The library's molecules with their copies, in the order in which a sequencer reports them."""
    fragments = _cut(library, random)
    copies = _copies(fragments, library.lanes, random)
    loaded = Fragments(*map(np.concatenate, zip(fragments.columns, copies.columns, strict=True)))
    return loaded.take(np.lexsort((loaded.x, loaded.y, loaded.tile, loaded.lane)))


def sequence(library: Library, fragments: Fragments, flow_cell: str, random: np.random.Generator) -> Reads:
    """Read both ends of the fragments."""
    genome = np.concatenate([*library.haplotypes, np.full(READ_LENGTH, ord("N"), np.uint8)])
    qualities = quality_model().draw(len(fragments), READ_LENGTH, random)
    bases = []
    for mate, adapter in enumerate(library.adapters):
        read = _read(fragments, genome, mate, adapter)
        _err(read, qualities[mate], random)
        bases.append(read)
    places = (column.tolist() for column in (fragments.lane, fragments.tile, fragments.x, fragments.y))
    names = [f"{flow_cell}:{lane}:{tile}:{x}:{y}" for lane, tile, x, y in zip(*places, strict=True)]
    return Reads(names, (bases[0], bases[1]), qualities)


def _cut(library: Library, random: np.random.Generator) -> Fragments:
    """Fragments of every haplotype at half the coverage, chosen by their GC content; a few are joined to another."""
    begin, lefts, lengths = 0, [], []
    for haplotype in library.haplotypes:
        wanted = len(haplotype) * library.coverage / 2 / (2 * READ_LENGTH)
        length = _inserts(round(2 * wanted), random)
        left = np.floor(random.random(len(length)) * (len(haplotype) - length)).astype(np.int64)
        favour = _favour(haplotype, left, length)
        kept = random.random(len(length)) * favour.sum() < favour * wanted
        lefts.append(begin + left[kept])
        lengths.append(length[kept])
        begin += len(haplotype)
    left, length = np.concatenate(lefts), np.concatenate(lengths)
    right = left + length - 1
    joined = np.flatnonzero((random.random(len(left)) < CHIMERAS) & (length > READ_LENGTH))
    right[joined] = random.permutation(right[joined])
    return Fragments(left, right, length, random.random(len(left)) < 0.5, *_places(len(left), library.lanes, random))


def _inserts(count: int, random: np.random.Generator) -> NDArray[np.int64]:
    length = np.rint(random.normal(INSERT_MEAN, INSERT_SD, count)).astype(np.int64)
    short = random.random(count) < SHORT_INSERTS
    length[short] = random.triangular(SHORTEST, INSERT_MEAN, INSERT_MEAN, int(short.sum())).astype(np.int64)
    return np.clip(length, SHORTEST, LONGEST)


def _favour(haplotype: NDArray[np.uint8], left: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.float64]:
    """How readily each fragment gets through preparation, by its GC content."""
    gc = np.concatenate([[0], np.cumsum((haplotype == ord("G")) | (haplotype == ord("C")))])
    share = (gc[left + length] - gc[left]) / length
    favour: NDArray[np.float64] = np.exp(-(((share - GC_OPTIMUM) / GC_TOLERANCE) ** 2) / 2)
    return favour


def _places(count: int, lanes: Sequence[int], random: np.random.Generator) -> tuple[NDArray[np.int64], ...]:
    """Lane, tile, x and y."""
    surface, swath, number = random.integers(1, 3, count), random.integers(1, 7, count), random.integers(1, 79, count)
    return (
        random.choice(lanes, count),
        surface * 1000 + swath * 100 + number,
        random.integers(1_000, 32_000, count),
        random.integers(1_000, 37_000, count),
    )


def _copies(fragments: Fragments, lanes: Sequence[int], random: np.random.Generator) -> Fragments:
    """Copies by PCR lie anywhere and may be of the other strand; optical ones lie beside the first, same strand."""
    copies = fragments.take(np.repeat(np.arange(len(fragments)), random.poisson(DUPLICATES, len(fragments))))
    elsewhere = np.flatnonzero(random.random(len(copies)) >= OPTICAL)
    for column in (copies.x, copies.y):
        column += random.integers(-40, 41, len(copies))
        np.clip(column, 1_000, None, out=column)
    for column, place in zip(
        (copies.lane, copies.tile, copies.x, copies.y), _places(len(elsewhere), lanes, random), strict=True
    ):
        column[elsewhere] = place
    copies.reverse[elsewhere] = random.random(len(elsewhere)) < 0.5
    return copies


def _read(fragments: Fragments, genome: NDArray[np.uint8], mate: int, adapter: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The bases of one mate without error: into the fragment from one end, and on into the adapter."""
    cycle = np.arange(READ_LENGTH)
    backward = np.flatnonzero(fragments.reverse if mate == 0 else ~fragments.reverse)
    bases: NDArray[np.uint8] = genome[fragments.left[:, None] + cycle]
    bases[backward] = COMPLEMENT[genome[fragments.right[backward, None] - cycle]]
    beyond = np.flatnonzero(fragments.length < READ_LENGTH)
    past = cycle - fragments.length[beyond, None]
    bases[beyond] = np.where(past < 0, bases[beyond], adapter[past])
    return bases


def _err(bases: NDArray[np.uint8], qualities: NDArray[np.uint8], random: np.random.Generator) -> None:
    """Substitute another base with the probability that the quality states, and leave a few bases uncalled."""
    chance = (10.0 ** (-np.arange(64) / 10.0)).astype(np.float32)
    drawn = random.random(bases.shape, np.float32)
    wrong = np.nonzero(drawn < chance[qualities])
    ordinal = np.searchsorted(BASES, bases[wrong])
    bases[wrong] = BASES[(ordinal + random.integers(1, 4, len(ordinal))) % 4]
    uncalled = np.nonzero(drawn > 1 - NO_CALLS)
    bases[uncalled], qualities[uncalled] = ord("N"), NO_CALL
