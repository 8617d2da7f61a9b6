"""The sequencer gives reads as a real one does: depth, fragment ends, copies, errors, qualities."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from demo.people import variants_of
from demo.qualities import BINS, EDGES, NO_CALL, PARTS, count_qualities, quality_model
from demo.sequencer import (
    COMPLEMENT,
    DUPLICATES,
    OPTICAL,
    READ_LENGTH,
    Fragments,
    Library,
    Reads,
    load_flow_cell,
    sequence,
)
from demo.simulate import haplotypes


@dataclass(frozen=True)
class Sequenced:
    library: Library
    fragments: Fragments
    reads: Reads

    @property
    def genome(self) -> NDArray[np.uint8]:
        return np.concatenate(self.library.haplotypes)

    @property
    def places(self) -> NDArray[np.int64]:
        """Both ends of each molecule: what copies share."""
        return np.stack([self.fragments.left, self.fragments.right], axis=1)


@pytest.fixture(scope="module")
def sequenced() -> Sequenced:
    library = Library(haplotypes(variants_of("demo-mother"))[:2], 30.0, (1, 2), ("AACGTGAT", "CTGTAGCC"))
    random = np.random.default_rng(1)
    fragments = load_flow_cell(library, random)
    return Sequenced(library, fragments, sequence(library, fragments, "SIMULATED:1:CELL", random))


def test_the_depth_is_30_without_copies(sequenced: Sequenced) -> None:
    first = np.unique(sequenced.places, axis=0, return_index=True)[1]
    bases = 2 * np.minimum(sequenced.fragments.length[first], READ_LENGTH).sum()
    assert bases / len(sequenced.library.haplotypes[0]) == pytest.approx(30, rel=0.03)


def test_both_haplotypes_are_read_alike(sequenced: Sequenced) -> None:
    second = (sequenced.fragments.left >= len(sequenced.library.haplotypes[0])).mean()
    assert second == pytest.approx(0.5, abs=0.02)


def test_copies_share_both_ends_and_optical_ones_lie_beside_each_other(sequenced: Sequenced) -> None:
    fragments = sequenced.fragments
    _, first, number = np.unique(sequenced.places, axis=0, return_index=True, return_inverse=True)
    copy = np.setdiff1d(np.arange(len(fragments)), first)
    assert len(copy) / len(fragments) == pytest.approx(DUPLICATES / (1 + DUPLICATES), rel=0.15)
    partner = first[number.ravel()[copy]]
    beside = (
        (fragments.lane[copy] == fragments.lane[partner])
        & (fragments.tile[copy] == fragments.tile[partner])
        & (abs(fragments.x[copy] - fragments.x[partner]) <= 100)
        & (abs(fragments.y[copy] - fragments.y[partner]) <= 100)
    )
    assert beside.mean() == pytest.approx(OPTICAL, abs=0.08)
    assert (fragments.reverse[copy] == fragments.reverse[partner])[beside].all()


def test_reads_are_the_ends_of_their_fragment_but_for_errors_that_the_qualities_admit(sequenced: Sequenced) -> None:
    fragments, genome = sequenced.fragments, sequenced.genome
    long = fragments.length >= READ_LENGTH
    cycle = np.arange(READ_LENGTH)
    for mate in (0, 1):
        forward = long & (fragments.reverse == bool(mate))
        backward = long & (fragments.reverse != bool(mate))
        expected = np.concatenate(
            [
                genome[fragments.left[forward, None] + cycle],
                COMPLEMENT[genome[fragments.right[backward, None] - cycle]],
            ]
        )
        bases, qualities = (
            np.concatenate([of[mate][forward], of[mate][backward]])
            for of in (sequenced.reads.bases, sequenced.reads.qualities)
        )
        for quality in BINS.tolist():
            wrong = (bases != expected)[qualities == quality].mean()
            assert wrong == pytest.approx(10 ** (-quality / 10), rel=0.2)
        assert (bases[qualities == NO_CALL] == ord("N")).all()
        assert (qualities[bases == ord("N")] == NO_CALL).all()


def test_a_short_fragment_is_read_through_into_the_adapter(sequenced: Sequenced) -> None:
    short = np.flatnonzero(sequenced.fragments.length < READ_LENGTH - 33)
    assert len(short) > 10
    for mate, start in enumerate((b"AGATCGGAAGAGCACACGTCTGAACTCCAGTCA", b"AGATCGGAAGAGCGTCGTGTAGGGAAAGAGTGT")):
        wrong = 0
        for row in short:
            length = sequenced.fragments.length[row]
            found = sequenced.reads.bases[mate][row, length : length + len(start)]
            wrong += (found != np.frombuffer(start, np.uint8)).sum()
        assert wrong / (len(short) * len(start)) < 0.03


def test_fragments_come_in_the_order_of_the_flow_cell_with_illumina_names(sequenced: Sequenced) -> None:
    names = [tuple(map(int, name.split(":")[3:])) for name in sequenced.reads.names]
    assert names == sorted(names, key=lambda place: (place[0], place[1], place[3], place[2]))
    assert {lane for lane, *_ in names} == {1, 2}
    assert all(1101 <= tile <= 2678 for _, tile, *_ in names)
    assert len(set(names)) > 0.9999 * len(names)


def test_few_molecules_join_two_places(sequenced: Sequenced) -> None:
    whole = sequenced.fragments.right - sequenced.fragments.left + 1 == sequenced.fragments.length
    assert 0.0005 < 1 - whole.mean() < 0.008


def test_regions_rich_in_gc_are_covered_less(sequenced: Sequenced) -> None:
    haplotype = np.frombuffer((b"A" * 3 + b"C" * 2) * 20_000 + (b"C" * 4 + b"A") * 20_000, np.uint8)
    library = Library([haplotype, haplotype], 30.0, (1,), ("A" * 8, "C" * 8))
    fragments = load_flow_cell(library, np.random.default_rng(2))
    rich = (fragments.left % len(haplotype) >= 100_000).mean()
    assert 0.3 < rich < 0.42


def test_qualities_fall_along_the_read_and_faster_in_read_2() -> None:
    first, second = quality_model().draw(20_000, READ_LENGTH, np.random.default_rng(3))
    assert set(np.unique(first)) == set(BINS.tolist())
    by_part = [(reads.reshape(len(reads), PARTS, -1) >= 30).mean(axis=(0, 2)) for reads in (first, second)]
    assert by_part[0][1] > by_part[0][7] > by_part[0][-1] > by_part[1][-1] > 0.8
    assert 0.93 < (first >= 30).mean() < 0.955 and 0.91 < (second >= 30).mean() < 0.935
    poor = [(reads >= 30).mean(axis=1) < 0.8 for reads in (first, second)]
    assert poor[1][poor[0]].mean() > 3 * poor[1].mean()  # mates share their fate


def test_counting_what_was_drawn_gives_the_table_again() -> None:
    model = quality_model()
    drawn = model.draw(15_000, READ_LENGTH, np.random.default_rng(4))
    again = count_qualities(zip(*drawn, strict=True))
    assert np.array(again["classes"]) == pytest.approx(model.classes, abs=0.04)
    assert np.array(again["start"])[:, 2] == pytest.approx(model.start[:, 2], abs=0.05)
    assert np.array(again["step"])[:, :4, :, 2, 2] == pytest.approx(model.step[:, :4, :, 2, 2], abs=0.02)
    assert BINS[0] < EDGES[0] <= BINS[1] < EDGES[1] <= BINS[2]
