"""Local assembly of one region: finalised reads and the reference in, haplotypes out (specification 7).

Decides which k-mer sizes to try and which paths become haplotypes; each step of a graph's life has its own module.
One call compiles to native code that never takes the GIL.

>>> import numpy as np
>>> from engine.call.haplotype.columns import ReadColumns
>>> reference = np.frombuffer(bytearray(b"GATCCGTTACAGAGTTTCGACCATGCAATTGCCAGTACCGATTACGG"), np.uint8)
>>> read = reference.copy()
>>> read[22] = ord("C")
>>> columns = np.zeros(3, np.int64)
>>> reads = ReadColumns(
...     columns, columns + 46, np.zeros(3, np.uint16), np.full(3, 60, np.uint8), columns, np.zeros(3, np.int32),
...     np.zeros(3, np.int32), np.arange(3, dtype=np.int32), np.arange(4) * 46, np.tile(read, 3),
...     np.full(138, 30, np.uint8), np.arange(4), np.full(3, 46 << 4, np.uint32))
>>> haplotypes = assemble(reads, reference, 1_000)
>>> [haplotypes.bases[i : i + 46].tobytes()[18:26] for i in haplotypes.base_offset[:-1]]
[b'GACCCTGC', b'GACCATGC']
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.alignment.cigar import (
    MATCH,
    SOFT_CLIP,
    length_of,
    operator_of,
    packed_element,
    reference_length,
)
from engine.call.haplotype.alignment.smith_waterman import SOFT_CLIP_OVERHANG
from engine.call.haplotype.assembly.dangling import recover_heads, recover_tails
from engine.call.haplotype.assembly.graph import VERTICES, Graph, is_reference_sink, is_reference_source
from engine.call.haplotype.assembly.haplotype_cigar import haplotype_cigar
from engine.call.haplotype.assembly.kmers import number_kmers
from engine.call.haplotype.assembly.paths import Paths, best_paths, log10_table
from engine.call.haplotype.assembly.sequence_graph import sequence_graph
from engine.call.haplotype.assembly.threading_graph import between, has_cycle, is_low_complexity, thread_sequences
from engine.call.haplotype.columns import HaplotypeColumns, ReadColumns
from engine.kernel import kernel

KMER_SIZES: Final = (10, 25)
"""k of the graphs that are always tried; the haplotypes of all that work are taken together."""
FIRST_LARGER_KMER_SIZE: Final = 35
"""k tried when none of them worked."""
KMER_SIZE_STEP: Final = 10
"""By how much k grows from one further try to the next."""
MOST_LARGER_KMER_SIZES: Final = 6
"""Further tries; the last accepts a graph of low complexity and a reference that repeats k-mers."""
MINIMUM_BASE_QUALITY: Final = 10
"""Bases below it are not assembled."""
MINIMUM_REFERENCE_LENGTH: Final = 30
"""A haplotype whose CIGAR consumes less of the reference is dropped."""


def assemble(reads: ReadColumns, reference: NDArray[np.uint8], reference_start: int) -> HaplotypeColumns:
    """Assemble the haplotypes of a region.

    Args:
        reads: finalised reads of the region, in coordinate order; soft clips are left out.
        reference: bases of the padded region.
        reference_start: 0-based position of its first base.

    Returns:
        Untrimmed haplotypes in GATK's order: those of the first graph that worked, best first, then the reference,
        then what a second graph adds. Only the reference where no graph worked.
    """
    haplotypes: HaplotypeColumns = _assembled(reads, reference, reference_start, log10_table())
    return haplotypes


class _Found(NamedTuple):
    """Haplotypes in the order in which they are found, each a row of every list.

    ``reference`` is an int64[1] with the row of the reference haplotype, -1 while it has none.
    """

    bases: list[NDArray[np.uint8]]
    cigars: list[NDArray[np.uint32]]
    kmer_sizes: list[int]
    scores: list[float]
    reference: NDArray[np.int64]


@kernel
def _assembled(
    reads: ReadColumns, reference: NDArray[np.uint8], reference_start: int, log10: NDArray[np.float64]
) -> HaplotypeColumns:
    sequences = _sequences(reads, reference)
    found = _Found(
        [reference.copy() for _ in range(0)],
        [np.empty(0, np.uint32) for _ in range(0)],
        [0 for _ in range(0)],
        [0.0 for _ in range(0)],
        np.full(1, -1, np.int64),
    )
    sizes = _kmer_sizes()
    worked = False
    for attempt in range(sizes.size):
        if worked and attempt >= len(KMER_SIZES):
            break
        worked |= _try_graph(found, sequences, reference, sizes[attempt], attempt == sizes.size - 1, log10)
    if found.reference[0] < 0:
        _add_reference(found, reference)
    return _columns(found, reference_start, reference_start + reference.size)


@kernel
def _kmer_sizes() -> NDArray[np.int64]:
    """Every k in the order in which they are tried."""
    sizes = np.empty(len(KMER_SIZES) + MOST_LARGER_KMER_SIZES, np.int64)
    for i in range(len(KMER_SIZES)):
        sizes[i] = KMER_SIZES[i]
    for i in range(MOST_LARGER_KMER_SIZES):
        sizes[len(KMER_SIZES) + i] = FIRST_LARGER_KMER_SIZE + i * KMER_SIZE_STEP
    return sizes


class _Sequences(NamedTuple):
    """The reference and the reads one behind the other, and their runs of good bases; row 0 is the reference's.

    Attributes:
        bases: uint8[].
        starts: int64[s], where each sequence begins in ``bases``.
        run_starts: int64[r], where each run begins in ``bases``; none is shorter than the smallest k.
        run_ends: int64[r], where it ends.
        run_sequence: int64[r], the sequence it is of, ascending.
    """

    bases: NDArray[np.uint8]
    starts: NDArray[np.int64]
    run_starts: NDArray[np.int64]
    run_ends: NDArray[np.int64]
    run_sequence: NDArray[np.int64]


@kernel
def _sequences(reads: ReadColumns, reference: NDArray[np.uint8]) -> _Sequences:
    """Lay out the reference and the reads without their soft clips, and find the runs."""
    shortest = KMER_SIZES[0]
    most = 1 + reads.bases.size // shortest
    bases = np.empty(reference.size + reads.bases.size, np.uint8)
    starts = np.empty(reads.start.size + 1, np.int64)
    run_starts = np.empty(most, np.int64)
    run_ends = np.empty(most, np.int64)
    run_sequence = np.empty(most, np.int64)
    bases[: reference.size] = reference
    used = reference.size
    starts[0] = run_starts[0] = run_sequence[0] = 0
    run_ends[0] = used
    runs = 1
    for row in range(reads.start.size):
        start = reads.base_offset[row]
        end = reads.base_offset[row + 1]
        first, last = reads.cigar_offset[row], reads.cigar_offset[row + 1] - 1
        if first <= last and operator_of(reads.cigar[first]) == SOFT_CLIP:
            start += length_of(reads.cigar[first])
        if first < last and operator_of(reads.cigar[last]) == SOFT_CLIP:
            end -= length_of(reads.cigar[last])
        bases[used : used + end - start] = reads.bases[start:end]
        starts[row + 1] = used
        begin = start
        for i in range(start, end + 1):
            if i < end and reads.bases[i] != ord("N") and reads.qualities[i] >= MINIMUM_BASE_QUALITY:
                continue
            if i - begin >= shortest:
                run_starts[runs] = used + begin - start
                run_ends[runs] = used + i - start
                run_sequence[runs] = row + 1
                runs += 1
            begin = i + 1
        used += end - start
    return _Sequences(bases[:used], starts, run_starts[:runs], run_ends[:runs], run_sequence[:runs])


@kernel
def _last_run_ends(sequences: _Sequences, size: int) -> NDArray[np.int64]:
    """By sequence, the end of its last run of at least k bases, or its start where it has none.

    GATK looks for repeated k-mers from the first base of a read, good or bad, to the end of such a run
    (``ReadThreadingGraph.determineNonUniqueKmers``).
    """
    ends = sequences.starts.copy()
    for run in range(sequences.run_starts.size):
        if sequences.run_ends[run] - sequences.run_starts[run] >= size:
            ends[sequences.run_sequence[run]] = sequences.run_ends[run]
    return ends


@kernel
def _try_graph(
    found: _Found,
    sequences: _Sequences,
    reference: NDArray[np.uint8],
    size: int,
    last_try: bool,
    log10: NDArray[np.float64],
) -> bool:
    """Add the haplotypes of the graph of one k; whether the graph was accepted.

    A reference too short for k counts as accepted, as it does in GATK: a larger k would not help.
    """
    if reference.size <= size:
        return True
    bases, starts = sequences.bases, sequences.starts
    if not last_try and number_kmers(reference, starts[:1], sequences.run_ends[:1], size).repeated.any():
        return False
    kmers = number_kmers(bases, starts, _last_run_ends(sequences, size), size)
    threading = thread_sequences(bases, sequences.run_starts, sequences.run_ends, size, kmers)
    if has_cycle(threading.graph) or (not last_try and is_low_complexity(threading, kmers)):
        return False
    graph = recover_heads(recover_tails(threading.graph, size), size)
    on_path = between(graph, threading.source, threading.sink)
    graph = sequence_graph(graph, on_path, threading.source, size)
    source, sink = _reference_ends(graph)
    if source >= 0 and sink >= 0:
        _add_paths(found, best_paths(graph, source, sink, log10), reference, size)
    return True


@kernel
def _reference_ends(graph: Graph) -> tuple[int, int]:
    """First vertices at which the reference begins and ends, -1 for none."""
    source = -1
    sink = -1
    for vertex in range(graph.used[VERTICES]):
        if graph.vertices[vertex].removed == 0:
            if source < 0 and is_reference_source(graph, vertex):
                source = vertex
            if sink < 0 and is_reference_sink(graph, vertex):
                sink = vertex
    return source, sink


@kernel
def _add_paths(found: _Found, paths: Paths, reference: NDArray[np.uint8], size: int) -> None:
    """Add the paths that are new, not the reference, and align to all of it; the reference behind the first of them."""
    any_found = len(found.bases) > 0
    for i in range(paths.score.size):
        haplotype = paths.bases[paths.base_offset[i] : paths.base_offset[i + 1]]
        if _equal(haplotype, reference):
            any_found = True
            continue
        if _is_known(found, haplotype):
            continue
        cigar = haplotype_cigar(reference, haplotype, SOFT_CLIP_OVERHANG)
        consumed = reference_length(cigar)
        if consumed >= MINIMUM_REFERENCE_LENGTH and consumed == reference.size:
            found.bases.append(haplotype.copy())
            found.cigars.append(cigar)
            found.kmer_sizes.append(size)
            found.scores.append(paths.score[i])
            any_found = True
    if any_found and found.reference[0] < 0:
        _add_reference(found, reference)


@kernel
def _add_reference(found: _Found, reference: NDArray[np.uint8]) -> None:
    found.reference[0] = len(found.bases)
    found.bases.append(reference.copy())
    found.cigars.append(np.array([packed_element(reference.size, MATCH)], np.uint32))
    found.kmer_sizes.append(0)
    found.scores.append(np.nan)


@kernel
def _is_known(found: _Found, haplotype: NDArray[np.uint8]) -> bool:
    known = False
    for row in range(len(found.bases)):
        known |= _equal(found.bases[row], haplotype)
    return known


@kernel
def _equal(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    if one.size != other.size:
        return False
    i = 0
    while i < one.size and one[i] == other[i]:
        i += 1
    return i == one.size


@kernel
def _columns(found: _Found, start: int, end: int) -> HaplotypeColumns:
    count = len(found.bases)
    base_offset = np.zeros(count + 1, np.int64)
    cigar_offset = np.zeros(count + 1, np.int64)
    for i in range(count):
        base_offset[i + 1] = base_offset[i] + found.bases[i].size
        cigar_offset[i + 1] = cigar_offset[i] + found.cigars[i].size
    bases = np.empty(base_offset[count], np.uint8)
    cigar = np.empty(cigar_offset[count], np.uint32)
    kmer_size = np.empty(count, np.int32)
    score = np.empty(count)
    for i in range(count):
        bases[base_offset[i] : base_offset[i + 1]] = found.bases[i]
        cigar[cigar_offset[i] : cigar_offset[i + 1]] = found.cigars[i]
        kmer_size[i] = found.kmer_sizes[i]
        score[i] = found.scores[i]
    return HaplotypeColumns(start, end, found.reference[0], base_offset, bases, cigar_offset, cigar, kmer_size, score)
