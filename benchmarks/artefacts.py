"""Reads with the faults that variant filters are made for, and a truth that says which calls they fake.

A person's two copies of a window are sequenced as in the demo (binned qualities, adapters read into, chimeras, PCR and
optical copies), and upon that are laid, each at places that the sequence itself chooses, so that both copies have the
same ones: errors after GGC in reads of one strand (Nakamura et al. 2011), oxidised G and deaminated C in one
orientation of the pair (Costello et al. 2013), slipping homopolymers, reads of a diverged copy of a stretch that the
reference does not have, reads of another person. Equal seeds give equal files.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulate import SEED, write_truth
from demo.sequencer import BASES, COMPLEMENT, READ_LENGTH, Fragments, Library, Reads, load_flow_cell, sequence
from engine.reference.intervals import Interval

PIECE = 2_000_000
"""Bases sequenced at a time: what bounds memory."""
STRAND_SITES, ORIENTED_SITES = 1 / 1_500, 1 / 10_000
"""Share of the places after GGC, and of G and C, at which reads err."""
PARALOGS, PARALOG_LENGTH, PARALOG_DIVERGENCE = 1 / 1_500_000, 4_000, 0.012
"""Hidden copies for each base of the window, their length, and the share of their bases that differ."""
CONTAMINATION, CONTAMINANT_VARIANTS = 0.01, 1 / 900
"""Share of another person's reads, and his variants for each base."""
SHORTEST_RUN, SLIP, SLIP_GROWTH = 8, 0.004, 1.45
"""Homopolymers that slip: the chance in one read at the shortest length, and its growth with each base more."""
_K = 13
_LOW = np.array([11, 25], np.uint8)


@dataclass(frozen=True)
class FaultyReads:
    """What was written.

    Attributes:
        read1: FASTQ (gzip) of the first reads.
        read2: of their mates.
        truth: VCF (bgzip, indexed) of the variants that the person has, phased.
    """

    read1: Path
    read2: Path
    truth: Path


def simulate_faults(
    fasta: Path, variants: Path, window: Interval, folder: Path, *, depth: float = 30.0, seed: int = SEED
) -> FaultyReads:
    """Write reads and truth into ``folder``; arguments as :func:`benchmarks.simulate.simulate`."""
    import random

    import pysam

    with pysam.FastaFile(str(fasta)) as sequences:
        reference = sequences.fetch(window.contig, window.start, window.end).upper()
        lengths = dict(zip(sequences.references, sequences.lengths, strict=True))
    truth = folder / "truth.vcf.gz"
    copies = write_truth(variants, window, reference, lengths, truth, random.Random(seed))
    draw = np.random.default_rng(seed)
    letters = np.frombuffer(reference.encode(), np.uint8)
    files = folder / "reads_1.fq.gz", folder / "reads_2.fq.gz"
    with gzip.open(files[0], "wb", 1) as first, gzip.open(files[1], "wb", 1) as second:
        number = 0
        for library in _libraries(copies, letters, depth, draw):
            fragments = load_flow_cell(library, draw)
            reads = sequence(library, fragments, "flowcell", draw)
            _err_at_sites(library, fragments, reads, draw)
            _slip(library, fragments, reads, draw)
            for mate, stream in enumerate((first, second)):
                _write(stream, reads, mate, number)
            number += len(fragments)
    return FaultyReads(files[0], files[1], truth)


def _libraries(
    copies: Sequence[NDArray[np.uint8]], reference: NDArray[np.uint8], depth: float, draw: np.random.Generator
) -> list[Library]:
    """The person piece by piece, then what does not belong to the person's copies of the window."""
    libraries = []
    pieces = max(round(len(reference) / PIECE), 1)
    for number in range(pieces):
        cut = [copy[len(copy) * number // pieces : len(copy) * (number + 1) // pieces] for copy in copies]
        libraries.append(_library([_known(piece, draw) for piece in cut], depth * (1 - CONTAMINATION)))
        contaminant = _mutated(
            reference[number * len(reference) // pieces :][: len(cut[0])], CONTAMINANT_VARIANTS, draw
        )
        libraries.append(_library([_known(contaminant, draw)], 2 * depth * CONTAMINATION))
    starts = draw.integers(0, len(reference) - PARALOG_LENGTH, round(len(reference) * PARALOGS))
    paralogs = [_mutated(reference[start:][:PARALOG_LENGTH], PARALOG_DIVERGENCE, draw) for start in starts]
    return libraries + [_library([_known(copy, draw)], depth) for copy in paralogs]


def _library(haplotypes: list[NDArray[np.uint8]], coverage: float) -> Library:
    """Coverage is counted over two haplotypes."""
    return Library(haplotypes, coverage, (1,), ("ACGTACGT", "TGCATGCA"))


def _known(copy: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
    """N has no reads; random bases in its place map nowhere."""
    known = copy.copy()
    unknown = np.flatnonzero(~np.isin(known, BASES))
    known[unknown] = BASES[draw.integers(0, 4, len(unknown))]
    return known


def _mutated(copy: NDArray[np.uint8], rate: float, draw: np.random.Generator) -> NDArray[np.uint8]:
    """With substitutions, two of three of them transitions, and a tenth as many deletions of one base."""
    mutated = copy.copy()
    places = np.flatnonzero((draw.random(len(copy)) < rate) & np.isin(copy, BASES))
    ordinal = np.searchsorted(BASES, mutated[places])
    transition = draw.random(len(places)) < 2 / 3
    mutated[places] = BASES[np.where(transition, (ordinal + 2) % 4, (ordinal + 1) % 4)]
    return np.asarray(mutated[draw.random(len(copy)) >= rate / 10])


def _err_at_sites(library: Library, fragments: Fragments, reads: Reads, draw: np.random.Generator) -> None:
    """Misread bases at the places that are prone to it."""
    genome = np.concatenate(library.haplotypes)
    hashed = _context_hash(genome)
    onward, backward = _strand_rates(genome, hashed)
    oriented = _rates(hashed, ORIENTED_SITES, 5, highest=0.35)
    for mate, bases in enumerate(reads.bases):
        is_backward = fragments.reverse if mate == 0 else ~fragments.reverse
        for reverse in (False, True):
            rows = np.flatnonzero(is_backward == reverse)
            place = _places(fragments, rows, reverse, len(genome))
            within = np.arange(READ_LENGTH) < fragments.length[rows, None]
            chance = (backward if reverse else onward)[place]
            wrong = within & (draw.random(chance.shape, np.float32) < chance)
            _misread(bases, reads.qualities[mate], rows, wrong, draw)
        _damage(bases, fragments, genome, oriented, hashed & np.uint64(1) == 0, is_backward, draw)


def _places(fragments: Fragments, rows: NDArray[np.int64], reverse: bool, size: int) -> NDArray[np.int64]:
    cycle = np.arange(READ_LENGTH)
    ends = fragments.right if reverse else fragments.left
    places = ends[rows, None] + (-cycle if reverse else cycle)
    return np.asarray(np.clip(places, 0, size - 1))


def _misread(
    bases: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
    rows: NDArray[np.int64],
    wrong: NDArray[np.bool_],
    draw: np.random.Generator,
) -> None:
    """The base most often read after GGC is G; half of these errors have a quality that tells nothing."""
    row, cycle = np.nonzero(wrong)
    row = rows[row]
    bases[row, cycle] = np.where(bases[row, cycle] == ord("G"), ord("T"), ord("G"))
    doubted = draw.random(len(row)) < 0.5
    qualities[row[doubted], cycle[doubted]] = _LOW[draw.integers(0, 2, int(doubted.sum()))]


def _damage(
    bases: NDArray[np.uint8],
    fragments: Fragments,
    genome: NDArray[np.uint8],
    rates: NDArray[np.float32],
    oxidation: NDArray[np.bool_],
    is_backward: NDArray[np.bool_],
    draw: np.random.Generator,
) -> None:
    """Of the strand that read 1 is of, G read as T (oxidation) or C as T (deamination), the same in both mates.

    Args:
        oxidation: places that are oxidised; the others lose an amino group.
    """
    damaged_strand = np.where(fragments.reverse, 1, 0)
    chance = _of_the_molecule(fragments)
    for reverse in (False, True):
        rows = np.flatnonzero(is_backward == reverse)
        place = _places(fragments, rows, reverse, len(genome))
        letter = genome[place]
        within = np.arange(READ_LENGTH) < fragments.length[rows, None]
        hit = within & (chance[rows, None] < rates[place])
        top = damaged_strand[rows, None] == 0
        for here, there, on_top in ((b"G", b"T", True), (b"C", b"A", False), (b"C", b"T", True), (b"G", b"A", False)):
            kind = oxidation[place] == (here + there in (b"GT", b"CA"))
            row, cycle = np.nonzero(hit & (letter == here[0]) & (top == on_top) & kind)
            changed = COMPLEMENT[there[0]] if reverse else there[0]
            bases[rows[row], cycle] = changed


def _of_the_molecule(fragments: Fragments) -> NDArray[np.float32]:
    """A number from 0 to 1 that both mates, and copies, of a molecule share."""
    mixed = (fragments.left.astype(np.uint64) << np.uint64(12)) ^ fragments.right.astype(np.uint64)
    mixed = mixed * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(31)
    return ((mixed >> np.uint64(40)).astype(np.float32) / (1 << 24)).astype(np.float32)


def _context_hash(genome: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A number that the bases around a place decide."""
    codes = np.searchsorted(BASES, genome).astype(np.uint64)
    hashed = np.zeros(len(genome), np.uint64)
    for offset in range(-_K, _K + 1):
        hashed = hashed * np.uint64(0x9E3779B97F4A7C15) + np.roll(codes, -offset) + np.uint64(1)
        hashed ^= hashed >> np.uint64(29)
    return hashed


def _rates(hashed: NDArray[np.uint64], share: float, salt: int, *, highest: float) -> NDArray[np.float32]:
    """Error rates: zero but for that share of places."""
    mixed = (hashed ^ np.uint64(salt)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(31)
    uniform = (mixed >> np.uint64(40)).astype(np.float64) / (1 << 24)
    rate = ((mixed & np.uint64(0xFFFF)).astype(np.float64) / 0xFFFF) ** 1.5 * highest
    return np.where(uniform < share, rate, 0.0).astype(np.float32)


def _strand_rates(
    genome: NDArray[np.uint8], hashed: NDArray[np.uint64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """By place, the error rate of reads that come from the left, after GGC, and from the right, before GCC."""
    after = _preceded(genome, b"GGC", 3)
    before = _preceded(genome, b"GCC", -1)
    onward, backward = (_rates(hashed, STRAND_SITES, salt, highest=0.8) for salt in (1, 2))
    return np.where(after, onward, 0).astype(np.float32), np.where(before, backward, 0).astype(np.float32)


def _preceded(genome: NDArray[np.uint8], motif: bytes, distance: int) -> NDArray[np.bool_]:
    """Places whose base is ``distance`` behind the first base of the motif."""
    found = np.ones(len(genome), np.bool_)
    for offset, letter in enumerate(motif):
        found &= np.roll(genome, distance - offset) == letter
    return found


def _slip(library: Library, fragments: Fragments, reads: Reads, draw: np.random.Generator) -> None:
    """Take a base out of a homopolymer, or put one in, in some of the reads that span it."""
    genome = np.concatenate(library.haplotypes)
    starts, ends = _homopolymers(genome)
    if not len(starts):
        return
    factor = -np.log((_context_hash(genome)[starts] >> np.uint64(11)).astype(np.float64) / (1 << 53) + 1e-9)
    chance = np.minimum(SLIP * SLIP_GROWTH ** (ends - starts - SHORTEST_RUN) * factor, 0.3)
    for mate, bases in enumerate(reads.bases):
        is_backward = fragments.reverse if mate == 0 else ~fragments.reverse
        low = np.where(is_backward, fragments.right - READ_LENGTH + 1, fragments.left)
        run = np.searchsorted(starts, low + 5)
        within = (run < len(starts)) & (fragments.length >= READ_LENGTH)
        run = np.minimum(run, len(starts) - 1)
        within &= ends[run] <= low + READ_LENGTH - 5
        slipped = np.flatnonzero(within & (draw.random(len(low)) < chance[run]))
        longer = draw.random(len(slipped)) < 0.4
        for row, add in zip(slipped.tolist(), longer.tolist(), strict=True):
            _shift(bases[row], int(starts[run[row]] - low[row]), bool(is_backward[row]), add, genome, int(low[row]))


def _shift(read: NDArray[np.uint8], at: int, backward: bool, add: bool, genome: NDArray[np.uint8], low: int) -> None:
    """One base more or less from ``at`` (along the genome) on, in the direction in which the read was made."""
    along = COMPLEMENT[read[::-1]] if backward else read.copy()
    if backward:  # the far end is the left one
        along = along[::-1]
        at = len(read) - at - 1
    moved = along.copy()
    if add:
        moved[at + 1 :] = along[at:-1]
    else:
        beyond = low - 1 if backward else low + READ_LENGTH
        moved[at:-1] = along[at + 1 :]
        moved[-1] = genome[min(max(beyond, 0), len(genome) - 1)]
    read[:] = COMPLEMENT[moved] if backward else moved


def _homopolymers(genome: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and ends of runs of one base of at least :data:`SHORTEST_RUN`."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(genome)) + 1, [len(genome)]])
    long = np.diff(edges) >= SHORTEST_RUN
    return edges[:-1][long], edges[1:][long]


def _write(stream: gzip.GzipFile, reads: Reads, mate: int, number: int) -> None:
    qualities = reads.qualities[mate] + 33
    lines = [
        b"@r%d/%d\n%b\n+\n%b\n" % (number + row, mate + 1, bases.tobytes(), quality.tobytes())
        for row, (bases, quality) in enumerate(zip(reads.bases[mate], qualities, strict=True))
    ]
    stream.write(b"".join(lines))
