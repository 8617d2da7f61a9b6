"""Reads with a known truth: 2x150 at a given depth from the variants of a real genome over a window of its reference.

Genotypes are real, their phase is drawn at random, the reads are made up: insert sizes, qualities that fall along
the read, errors at the rate the qualities say, PCR duplicates. Equal seeds give equal files.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.files.calls_index import index_calls
from engine.reference.intervals import Interval

SEED = 11
READ_LENGTH = 150
INSERT_MEAN, INSERT_SD = 400.0, 60.0
DUPLICATES = 0.03
_BASES = np.frombuffer(b"ACGT", np.uint8)
_COMPLEMENT = np.full(256, ord("N"), np.uint8)
_COMPLEMENT[np.frombuffer(b"ACGT", np.uint8)] = np.frombuffer(b"TGCA", np.uint8)


@dataclass(frozen=True)
class SimulatedReads:
    """What was written.

    Attributes:
        read1: FASTQ (gzip) of the first reads.
        read2: of their mates.
        truth: VCF (bgzip, indexed) of the variants the reads carry, phased.
        pairs: how many.
    """

    read1: Path
    read2: Path
    truth: Path
    pairs: int


def simulate(
    fasta: Path, variants: Path, window: Interval, folder: Path, *, depth: float = 30.0, seed: int = SEED
) -> SimulatedReads:
    """Write reads and truth into ``folder``.

    Args:
        fasta: reference with ``.fai``.
        variants: VCF (indexed) of one person's genotypes.
        window: where the reads are from.
        folder: where to write; must exist.
        depth: mean coverage.
        seed: of every draw.
    """
    import pysam

    with pysam.FastaFile(str(fasta)) as sequences:
        reference = sequences.fetch(window.contig, window.start, window.end).upper()
        lengths = dict(zip(sequences.references, sequences.lengths, strict=True))
    truth = folder / "truth.vcf.gz"
    copies = write_truth(variants, window, reference, lengths, truth, random.Random(seed))
    read1, read2, pairs = write_pairs(copies, folder, depth=depth, seed=seed)
    return SimulatedReads(read1, read2, truth, pairs)


def write_pairs(
    copies: Sequence[NDArray[np.uint8]], folder: Path, *, depth: float, seed: int
) -> tuple[Path, Path, int]:
    """Sequence both copies of a genome: the FASTQ files of both mates, and how many pairs they have.

    Args:
        copies: bases as ASCII.
        folder: where to write; must exist.
        depth: mean coverage, half of it of each.
        seed: of every draw.
    """
    draw = np.random.default_rng(seed)
    parts = [_pairs(copy, depth / 2, draw) for copy in copies]
    read1 = np.concatenate([part[0] for part in parts])
    read2 = np.concatenate([part[1] for part in parts])
    order = draw.permutation(len(read1))
    files = folder / "reads_1.fq.gz", folder / "reads_2.fq.gz"
    for mate, (path, reads) in enumerate(zip(files, (read1, read2), strict=True), start=1):
        _write_fastq(path, reads[order], mate, draw)
    return files[0], files[1], len(order)


def write_truth(
    variants: Path, window: Interval, reference: str, lengths: Mapping[str, int], truth: Path, draw: random.Random
) -> list[NDArray[np.uint8]]:
    """Write the window's variants with a phase; returns both copies of the window."""
    import pysam

    header = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    header += [f"##contig=<ID={name},length={length}>" for name, length in lengths.items()]
    pieces: tuple[list[str], list[str]] = ([], [])
    reached = window.start
    with pysam.VariantFile(str(variants)) as source, pysam.BGZFile(str(truth), "wb", None) as out:
        header.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + source.header.samples[0])
        out.write(("\n".join(header) + "\n").encode())
        for record in source.fetch(window.contig, window.start, window.end):
            if record.start < reached or record.stop > window.end:
                continue
            genotype = [allele or 0 for allele in record.samples[0]["GT"]]
            draw.shuffle(genotype)
            phased = "|".join(map(str, genotype))
            alts = ",".join(record.alts)
            row = f"{record.contig}\t{record.pos}\t.\t{record.ref}\t{alts}\t50\tPASS\t.\tGT\t{phased}\n"
            out.write(row.encode())
            between = reference[reached - window.start : record.start - window.start]
            for copy, allele in zip(pieces, genotype, strict=True):
                copy += [between, record.alleles[allele]]
            reached = record.stop
    index_calls(truth)
    rest = reference[reached - window.start :]
    return [np.frombuffer("".join([*copy, rest]).encode(), np.uint8) for copy in pieces]


def _pairs(copy: NDArray[np.uint8], depth: float, draw: np.random.Generator) -> tuple[NDArray[np.uint8], ...]:
    """Both reads of fragments that cover one copy, one row a fragment."""
    unique = int(depth * copy.size / (2 * READ_LENGTH) / (1 + DUPLICATES))
    insert = np.clip(draw.normal(INSERT_MEAN, INSERT_SD, unique).astype(np.int64), READ_LENGTH, 1_000)
    start = (draw.random(unique) * (copy.size - insert)).astype(np.int64)
    reverse = draw.random(unique) < 0.5
    copied = draw.integers(0, unique, int(unique * DUPLICATES))
    insert, start, reverse = (np.concatenate([each, each[copied]]) for each in (insert, start, reverse))
    within = np.arange(READ_LENGTH)
    left = copy[start[:, None] + within]
    right = _COMPLEMENT[copy[(start + insert - 1)[:, None] - within]]
    first, second = np.where(reverse[:, None], right, left), np.where(reverse[:, None], left, right)
    return _with_errors(first, draw), _with_errors(second, draw)


def _with_errors(reads: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
    """Bases and qualities side by side: uint8[reads, 2 * length]."""
    falling = 39.0 - 8.0 * (np.arange(READ_LENGTH) / READ_LENGTH) ** 2
    qualities = np.clip(draw.normal(falling, 3.0, reads.shape), 2, 41).astype(np.uint8)
    wrong = draw.random(reads.shape) < 10.0 ** (qualities / -10.0)
    places = np.searchsorted(_BASES, reads[wrong])
    reads = reads.copy()
    reads[wrong] = _BASES[(places + draw.integers(1, 4, places.size)) % 4]
    return np.concatenate([reads, qualities + 33], axis=1)


def _write_fastq(path: Path, reads: NDArray[np.uint8], mate: int, draw: np.random.Generator) -> None:
    with path.open("wb") as file, gzip.GzipFile("", "wb", 1, file, mtime=0) as stream:
        for number, row in enumerate(reads):
            text = row.tobytes()
            stream.write(b"@r%d/%d\n%b\n+\n%b\n" % (number, mate, text[:READ_LENGTH], text[READ_LENGTH:]))
