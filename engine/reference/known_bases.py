"""Where a reference's bases are known, and what of the targets is judged and called.

A base that is N can be neither covered nor called: it is no target, whoever asks. What is judged (coverage, gates,
reports) is therefore the targets without their N; what is called reaches further (:func:`called_territory`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.reference.bundle import Contig
from engine.reference.intervals import Interval, intersect, merge, select_intervals

SHORTEST_GAP = 1000
"""Runs of N at least this long are left out of the aligner's index: longer than any read, so that none could span
one."""
_N = ord("N")


class Sequences(Protocol):
    """What is asked of a reference here."""

    @property
    def fasta(self) -> Path:
        """FASTA, plain or bgzip, with its ``.fai`` (and ``.gzi``) beside it."""

    @property
    def contigs(self) -> tuple[Contig, ...]:
        """The contigs in FASTA order."""


def find_pieces(sequence: NDArray[np.uint8], *, gap: int = SHORTEST_GAP) -> list[tuple[int, int]]:
    """What lies between the runs of at least ``gap`` N of one upper-cased sequence, 0-based half-open."""
    from engine.reference.run_kernels import find_runs

    gaps = find_runs(sequence, _N, gap)
    starts = [0, *(int(end) for end in gaps[:, 1])]
    ends = [*(int(start) for start in gaps[:, 0]), len(sequence)]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def known_territory(reference: Sequences, *, targets: Path | None = None, region: str | None = None) -> list[Interval]:
    """What is judged: the targets, or the whole reference, without their N; sorted and merged.

    Args:
        reference: the FASTA and its contigs.
        targets: BED; the whole reference when absent.
        region: ``contig``, ``contig:start`` or ``contig:start-end``, 1-based, ends included; narrows the targets.

    Raises:
        KnowledgeError: the BED is missing, damaged, or leaves nothing.
        ReferenceMismatchError: targets or region lie outside the reference.
    """
    return without_n(reference.fasta, select_intervals(_lengths(reference), targets=targets, region=region))


def called_territory(
    reference: Sequences, *, targets: Path | None = None, region: str | None = None, padding: int
) -> list[Interval]:
    """What is called: the targets with ``padding`` bases on either side, or the whole reference; sorted and merged.

    Padding ends where the reference has only N up to its border. A region is cut out as it is asked for, without
    padding of its own, so that regions called one by one make the whole.

    Args and errors as :func:`known_territory`.
    """
    lengths = _lengths(reference)
    chosen = select_intervals(lengths, targets=targets, region=region)
    if targets is None or not padding:
        return chosen
    declared = select_intervals(lengths, targets=targets)
    padded = merge([*declared, *_known_padding(reference.fasta, declared, padding, lengths)], lengths)
    return padded if region is None else intersect(select_intervals(lengths, region=region), padded)


def without_n(fasta: Path, intervals: Sequence[Interval]) -> list[Interval]:
    """What sorted intervals hold of a reference's known bases."""
    known = []
    for contig, offset, sequence, group in _by_contig(fasta, intervals, reach=0):
        for interval in group:
            pieces = find_pieces(sequence[interval.start - offset : interval.end - offset], gap=1)
            known += [Interval(contig, interval.start + start, interval.start + end) for start, end in pieces]
    return known


def _known_padding(
    fasta: Path, targets: Sequence[Interval], padding: int, lengths: Mapping[str, int]
) -> Iterator[Interval]:
    """The stretches on either side of every target, from the outermost base that is not N."""
    for contig, offset, sequence, group in _by_contig(fasta, targets, reach=padding):
        for target in group:
            before = sequence[max(target.start - padding - offset, 0) : target.start - offset]
            after = sequence[target.end - offset : min(target.end + padding, lengths[contig]) - offset]
            left, right = np.flatnonzero(before != _N), np.flatnonzero(after != _N)
            if left.size:
                yield Interval(contig, target.start - len(before) + int(left[0]), target.start)
            if right.size:
                yield Interval(contig, target.end, target.end + int(right[-1]) + 1)


def _by_contig(
    fasta: Path, intervals: Sequence[Interval], *, reach: int
) -> Iterator[tuple[str, int, NDArray[np.uint8], list[Interval]]]:
    """For each contig its name, where the sequence given begins, the upper-cased sequence, and its intervals."""
    import pysam

    with pysam.FastaFile(str(fasta)) as sequences:
        for contig, group in groupby(intervals, key=lambda each: each.contig):
            listed = list(group)
            offset = max(listed[0].start - reach, 0)
            letters = sequences.fetch(contig, offset, listed[-1].end + reach).upper().encode()
            yield contig, offset, np.frombuffer(letters, np.uint8), listed


def _lengths(reference: Sequences) -> dict[str, int]:
    return {contig.name: contig.length for contig in reference.contigs}
