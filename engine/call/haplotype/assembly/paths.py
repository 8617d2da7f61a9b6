"""The likeliest paths through a sequence graph, which become haplotypes (specification 7.14).

Ranks whole paths; neither changes the graph nor knows how a haplotype lies on the reference. The graph has no
cycles. Order and ties are those of GATK's ``GraphBasedKBestHaplotypeFinder`` and of the binary heap beneath it.
"""

from __future__ import annotations

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
import functools
import math
from decimal import Decimal, localcontext
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.assembly.graph import VERTICES, Graph, sequence_of
from engine.kernel import kernel

MOST_PATHS: Final = 128
"""Paths taken from one graph, and times that a vertex is extended."""


@functools.cache
def log10_table() -> NDArray[np.float64]:
    """float64[2048], log10 of each whole number, correctly rounded; -inf for 0.

    The mathematical library of C is off by one unit in the last place for 11, 40, 43 and others, Java's for none of
    these; sums of such terms decide which of two equally likely paths comes first.
    """
    with localcontext() as context:
        context.prec = 20
        return np.array([-math.inf] + [float(Decimal(n).log10()) for n in range(1, 2048)])


class Paths(NamedTuple):
    """Finished paths, best first.

    Attributes:
        base_offset: int64[p + 1], row limits in ``bases``.
        bases: uint8[], the sequence of each path.
        score: float64[p], sum of log10 of each edge's share in what leaves its source.
    """

    base_offset: NDArray[np.int64]
    bases: NDArray[np.uint8]
    score: NDArray[np.float64]


class _Partial(NamedTuple):
    """Paths from the source to anywhere: the path each prolongs (-1 for none), its last vertex, bases and score."""

    before: NDArray[np.int64]
    vertex: NDArray[np.int64]
    length: NDArray[np.int64]
    score: NDArray[np.float64]


@kernel
def best_paths(graph: Graph, source: int, sink: int, log10: NDArray[np.float64]) -> Paths:
    """The best :data:`MOST_PATHS` paths from ``source`` to ``sink``, or all if there are fewer.

    Args:
        graph: without cycles.
        source: where every path begins.
        sink: where every path ends.
        log10: float64[], :func:`log10_table`.
    """
    partial = _more_room(_Partial(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)))
    partial.before[0] = -1
    partial.vertex[0] = source
    partial.length[0] = graph.vertices[source].length
    partial.score[0] = 0.0
    count = np.int64(1)
    heap = np.empty(partial.before.size, np.int64)
    heap[0] = 0
    waiting = np.int64(1)
    extended = np.zeros(graph.used[VERTICES], np.int64)
    finished = np.empty(MOST_PATHS, np.int64)
    found = 0
    while waiting > 0 and found < MOST_PATHS:
        best = heap[0]
        waiting -= 1
        if waiting > 0:
            _sift_down(heap, waiting, heap[waiting], graph, partial)
        vertex = partial.vertex[best]
        if vertex == sink:
            finished[found] = best
            found += 1
            continue
        extended[vertex] += 1
        if extended[vertex] > MOST_PATHS:
            continue
        total = 0
        edge = graph.vertices[vertex].first_out
        while edge >= 0:
            total += graph.edges[edge].multiplicity
            edge = graph.edges[edge].next_out
        edge = graph.vertices[vertex].first_out
        while edge >= 0:
            if count == partial.before.size:
                partial = _more_room(partial)
                heap = _longer(heap)
            target = graph.edges[edge].target
            partial.before[count] = best
            partial.vertex[count] = target
            partial.length[count] = partial.length[best] + graph.vertices[target].length
            share = _log10(graph.edges[edge].multiplicity, log10) - _log10(total, log10)
            partial.score[count] = partial.score[best] + share
            _sift_up(heap, waiting, count, graph, partial)
            waiting += 1
            count += 1
            edge = graph.edges[edge].next_out
    return _spelled(graph, partial, finished[:found])


@kernel
def _log10(number: int, log10: NDArray[np.float64]) -> float:
    return log10[number] if number < log10.size else math.log10(number)


@kernel
def _longer(values: NDArray[np.int64]) -> NDArray[np.int64]:
    longer = np.empty(2 * values.size + 256, np.int64)
    longer[: values.size] = values
    return longer


@kernel
def _more_room(partial: _Partial) -> _Partial:
    size = partial.before.size
    length = np.empty(2 * size + 256, np.int64)
    length[:size] = partial.length
    score = np.empty(2 * size + 256)
    score[:size] = partial.score
    return _Partial(_longer(partial.before), _longer(partial.vertex), length, score)


@kernel
def _sift_up(heap: NDArray[np.int64], at: int, path: int, graph: Graph, partial: _Partial) -> None:
    while at > 0:
        parent = (at - 1) >> 1
        if _order(path, heap[parent], graph, partial) >= 0:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = path


@kernel
def _sift_down(heap: NDArray[np.int64], size: int, path: int, graph: Graph, partial: _Partial) -> None:
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _order(heap[child], heap[child + 1], graph, partial) > 0:
            child += 1
        if _order(path, heap[child], graph, partial) <= 0:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = path


@kernel
def _order(one: int, other: int, graph: Graph, partial: _Partial) -> int:
    """Negative where ``one`` comes before ``other``: a higher score, then greater bases."""
    if partial.score[one] != partial.score[other]:
        return -1 if partial.score[one] > partial.score[other] else 1
    bases = np.empty(partial.length[one], np.uint8)
    other_bases = np.empty(partial.length[other], np.uint8)
    _spell(graph, partial, one, bases)
    _spell(graph, partial, other, other_bases)
    for i in range(min(bases.size, other_bases.size)):
        if bases[i] != other_bases[i]:
            return -1 if bases[i] > other_bases[i] else 1
    return other_bases.size - bases.size


@kernel
def _spell(graph: Graph, partial: _Partial, path: int, bases: NDArray[np.uint8]) -> None:
    """Write the sequence of a path, from its last vertex back."""
    end = bases.size
    while path >= 0:
        sequence = sequence_of(graph, partial.vertex[path])
        bases[end - sequence.size : end] = sequence
        end -= sequence.size
        path = partial.before[path]


@kernel
def _spelled(graph: Graph, partial: _Partial, finished: NDArray[np.int64]) -> Paths:
    base_offset = np.zeros(finished.size + 1, np.int64)
    score = np.empty(finished.size)
    for i in range(finished.size):
        base_offset[i + 1] = base_offset[i] + partial.length[finished[i]]
        score[i] = partial.score[finished[i]]
    bases = np.empty(base_offset[-1], np.uint8)
    for i in range(finished.size):
        _spell(graph, partial, finished[i], bases[base_offset[i] : base_offset[i + 1]])
    return Paths(base_offset, bases, score)
