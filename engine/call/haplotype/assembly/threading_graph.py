"""The read threading graph: the reference and the reads as walks over k-mers (specification 7.2-7.8, 7.12).

Builds the graph, prunes chains that too few reads support, and tells whether what is left can be used. A vertex is
one occurrence of a k-mer; k-mers that repeat within a sequence get a vertex for each occurrence, so that only unique
ones join walks. Rows of vertices follow the order of creation, the reference first.
"""

from __future__ import annotations

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.assembly.graph import (
    BASES,
    EDGES,
    LIVE_VERTICES,
    OFF_REFERENCE,
    ON_REFERENCE,
    ONCE,
    VERTICES,
    Graph,
    add_vertex,
    append_edge,
    empty_graph,
)
from engine.call.haplotype.assembly.kmers import Kmers
from engine.kernel import kernel

MINIMUM_SUPPORT: Final = 2
"""Reads that must go along an edge of a chain for it to be kept."""
_MOST_REPEATS: Final = 4
"""A graph is of low complexity when that many times its repeated k-mers outnumber its unique ones."""


class ThreadingGraph(NamedTuple):
    """A pruned threading graph.

    Attributes:
        graph: vertices are k-mers, ``start`` is where one begins in ``bases``.
        source: the vertex at which the reference begins.
        sink: the vertex at which it ends.
        unique: how many k-mers of the graph are unique in every sequence.
    """

    graph: Graph
    source: int
    sink: int
    unique: int


@kernel
def thread_sequences(
    bases: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], size: int, kmers: Kmers
) -> ThreadingGraph:
    """Thread every sequence, prune weak chains, and drop what is left without an edge.

    Args:
        bases: uint8[], ASCII, in which the sequences lie.
        starts: int64[s], where each sequence begins, the reference first, more than k bases long.
        ends: int64[s], where each ends; those shorter than k are passed over.
        size: k.
        kmers: of the same sequences.
    """
    positions = 0
    for i in range(starts.size):
        positions += max(0, ends[i] - starts[i] - size + 1)
    graph = empty_graph(positions, positions, 0)
    vertex_of = np.full(kmers.repeated.size, -1, np.int64)
    kmer_of = np.empty(positions, np.int64)
    sink = _thread_reference(graph, starts[0], ends[0], size, kmers, vertex_of, kmer_of)
    for i in range(1, starts.size):
        _thread_read(graph, bases, starts[i], ends[i], size, kmers, vertex_of, kmer_of)
    _mark_weak_chains(graph)
    return _pruned(graph, bases, size, sink, vertex_of, kmer_of)


@kernel
def _new_vertex(
    graph: Graph, position: int, size: int, kmers: Kmers, vertex_of: NDArray[np.int64], kmer_of: NDArray[np.int64]
) -> int:
    """A vertex for the k-mer at a position; the first one of a k-mer that does not repeat is its unique vertex."""
    vertex = add_vertex(graph, position, size)
    kmer = kmers.number[position]
    kmer_of[vertex] = kmer
    if not kmers.repeated[kmer] and vertex_of[kmer] < 0:
        vertex_of[kmer] = vertex
    return vertex


@kernel
def _thread_reference(
    graph: Graph,
    start: int,
    end: int,
    size: int,
    kmers: Kmers,
    vertex_of: NDArray[np.int64],
    kmer_of: NDArray[np.int64],
) -> int:
    """Lay down the reference as a simple path from row 0; returns its last vertex."""
    vertex = _new_vertex(graph, start, size, kmers, vertex_of, kmer_of)
    for position in range(start + 1, end - size + 1):
        following = _new_vertex(graph, position, size, kmers, vertex_of, kmer_of)
        append_edge(graph, vertex, following, ONCE, ONCE, ON_REFERENCE)
        vertex = following
    return vertex


@kernel
def _thread_read(
    graph: Graph,
    bases: NDArray[np.uint8],
    start: int,
    end: int,
    size: int,
    kmers: Kmers,
    vertex_of: NDArray[np.int64],
    kmer_of: NDArray[np.int64],
) -> None:
    """Walk a read through the graph from its first k-mer that repeats nowhere, adding what is not there yet."""
    # GATK never starts at the last k-mer (AbstractReadThreadingGraph.findStart).
    while start < end - size and kmers.repeated[kmers.number[start]]:
        start += 1
    if start >= end - size:
        return
    vertex = vertex_of[kmers.number[start]]
    if vertex < 0:
        vertex = _new_vertex(graph, start, size, kmers, vertex_of, kmer_of)
    _count_backwards(graph, bases, vertex, size)
    for position in range(start + 1, end - size + 1):
        kmer = kmers.number[position]
        edge = graph.vertices[vertex].first_out
        while edge >= 0 and kmer_of[graph.edges[edge].target] != kmer:
            edge = graph.edges[edge].next_out
        if edge >= 0:
            graph.edges[edge].multiplicity += 1
            graph.edges[edge].support += 1
            vertex = graph.edges[edge].target
            continue
        following = vertex_of[kmer]
        if following < 0 or kmer == kmer_of[0]:
            following = _new_vertex(graph, position, size, kmers, vertex_of, kmer_of)
        append_edge(graph, vertex, following, ONCE, ONCE, OFF_REFERENCE)
        vertex = following


@kernel
def _count_backwards(graph: Graph, bases: NDArray[np.uint8], vertex: int, size: int) -> None:
    """Count a read on the edges that its first k-mer spells, up to the first branch."""
    first = graph.vertices[vertex].start
    for i in range(size - 2, -1, -1):
        if graph.vertices[vertex].in_degree != 1:
            return
        edge = graph.vertices[vertex].first_in
        vertex = graph.edges[edge].source
        if bases[graph.vertices[vertex].start + size - 1] != bases[first + i]:
            return
        graph.edges[edge].multiplicity += 1
        graph.edges[edge].support += 1


@kernel
def _mark_weak_chains(graph: Graph) -> None:
    """Mark the edges of every chain on which no edge has enough support and none is the reference's.

    Chains are followed from the graph's sources, and on from where a chain ends: at a branch, a join or an end.
    """
    count = graph.used[VERTICES]
    queue = np.empty(count, np.int64)
    queued = np.zeros(count, np.bool_)
    waiting = 0
    for vertex in range(count):
        if graph.vertices[vertex].in_degree == 0:
            queue[waiting] = vertex
            queued[vertex] = True
            waiting += 1
    done = 0
    while done < waiting:
        start = queue[done]
        done += 1
        first = graph.vertices[start].first_out
        while first >= 0:
            weak = True
            last = first
            while True:
                weak &= graph.edges[last].support < MINIMUM_SUPPORT and graph.edges[last].is_reference == 0
                end = graph.edges[last].target
                if graph.vertices[end].out_degree != 1 or graph.vertices[end].in_degree > 1 or end == start:
                    break
                last = graph.vertices[end].first_out
            if weak:
                _mark_chain(graph, first, last)
            if not queued[end]:
                queue[waiting] = end
                queued[end] = True
                waiting += 1
            first = graph.edges[first].next_out


@kernel
def _mark_chain(graph: Graph, first: int, last: int) -> None:
    edge = first
    graph.edges[edge].removed = 1
    while edge != last:
        edge = graph.vertices[graph.edges[edge].target].first_out
        graph.edges[edge].removed = 1


@kernel
def _pruned(
    graph: Graph,
    bases: NDArray[np.uint8],
    size: int,
    sink: int,
    vertex_of: NDArray[np.int64],
    kmer_of: NDArray[np.int64],
) -> ThreadingGraph:
    """Copy what is not marked, in its order; a k-mer that loses any vertex is no longer counted as unique."""
    row = np.full(graph.used[VERTICES], -1, np.int64)
    edges = 0
    for edge in range(graph.used[EDGES]):
        if graph.edges[edge].removed == 0:
            row[graph.edges[edge].source] = 0
            row[graph.edges[edge].target] = 0
            edges += 1
    kept = 0
    for vertex in range(row.size):
        if row[vertex] < 0:
            vertex_of[kmer_of[vertex]] = -1
        else:
            kept += 1
    unique = 0
    for kmer in range(vertex_of.size):
        unique += vertex_of[kmer] >= 0
    copy = empty_graph(kept, edges, bases.size)
    copy.bases[:] = bases
    copy.used[BASES] = bases.size
    for vertex in range(row.size):
        if row[vertex] >= 0:
            row[vertex] = add_vertex(copy, graph.vertices[vertex].start, size)
    for i in range(graph.used[EDGES]):
        edge_row = graph.edges[i]
        if edge_row.removed == 0:
            append_edge(
                copy,
                row[edge_row.source],
                row[edge_row.target],
                edge_row.multiplicity,
                edge_row.support,
                edge_row.is_reference,
            )
    return ThreadingGraph(copy, row[0], row[sink], unique)


@kernel
def has_cycle(graph: Graph) -> bool:
    """Whether some walk along edges returns to where it began."""
    count = graph.used[VERTICES]
    entering = np.empty(count, np.int64)
    free = np.empty(count, np.int64)
    waiting = 0
    for vertex in range(count):
        entering[vertex] = graph.vertices[vertex].in_degree
        if entering[vertex] == 0 and graph.vertices[vertex].removed == 0:
            free[waiting] = vertex
            waiting += 1
    done = 0
    while done < waiting:
        edge = graph.vertices[free[done]].first_out
        done += 1
        while edge >= 0:
            target = graph.edges[edge].target
            entering[target] -= 1
            if entering[target] == 0:
                free[waiting] = target
                waiting += 1
            edge = graph.edges[edge].next_out
    return done < graph.used[LIVE_VERTICES]


@kernel
def is_low_complexity(threading: ThreadingGraph, kmers: Kmers) -> bool:
    """Whether repeated k-mers are more than a fifth of all."""
    return _MOST_REPEATS * np.sum(kmers.repeated) > threading.unique


@kernel
def between(graph: Graph, source: int, sink: int) -> NDArray[np.bool_]:
    """By vertex, whether it lies on a path from ``source`` to ``sink``."""
    return _reached(graph, source, True) & _reached(graph, sink, False)


@kernel
def _reached(graph: Graph, start: int, forwards: bool) -> NDArray[np.bool_]:
    reached = np.zeros(graph.used[VERTICES], np.bool_)
    stack = np.empty(reached.size, np.int64)
    reached[start] = True
    stack[0] = start
    depth = 1
    while depth > 0:
        depth -= 1
        vertex = graph.vertices[stack[depth]]
        edge = vertex.first_out if forwards else vertex.first_in
        while edge >= 0:
            following = graph.edges[edge].target if forwards else graph.edges[edge].source
            if not reached[following]:
                reached[following] = True
                stack[depth] = following
                depth += 1
            edge = graph.edges[edge].next_out if forwards else graph.edges[edge].next_in
    return reached
