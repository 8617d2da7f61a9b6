"""Recovering branches of a threading graph that end away from the reference (specification 7.10, 7.11).

A read that ends within a variant leaves a branch that never comes back, a tail, or never came from the reference, a
head. Where the branch resembles the reference it is joined to it. Merging rules are those of GATK's legacy path
(``AbstractReadThreadingGraph``): a branch is followed only while it does not fork. Merging never closes a cycle: a
tail is joined downstream of the vertex it left, a head upstream of the vertex it meets.
"""

from __future__ import annotations

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.alignment.cigar import DELETION, MATCH, length_of, operator_of, read_length, reference_length
from engine.call.haplotype.alignment.smith_waterman import DANGLING_END, LEADING_INDEL_OVERHANG, align
from engine.call.haplotype.assembly.graph import (
    OFF_REFERENCE,
    ONCE,
    VERTICES,
    Graph,
    add_bases,
    add_edge,
    add_vertex,
    append_edge,
    has_reference_out,
    is_on_reference,
    is_reference_sink,
    is_reference_source,
    remove_edge,
    with_room,
    with_room_for_bases,
)
from engine.call.haplotype.assembly.threading_graph import MINIMUM_SUPPORT
from engine.kernel import kernel

MINIMUM_BRANCH: Final = 4
"""Vertices a branch needs besides the one in which it meets the rest."""
_MOST_ELEMENTS: Final = 3
"""A branch whose CIGAR has more elements is too unlike the reference."""


@kernel
def recover_tails(graph: Graph, size: int) -> Graph:
    """Join every tail to the reference below the vertex in which it branches off, where it can be.

    Args:
        graph: an acyclic threading graph.
        size: k.
    """
    for tail in range(graph.used[VERTICES]):
        if graph.vertices[tail].out_degree > 0 or is_reference_sink(graph, tail):
            continue
        branch = _path_to_ancestor(graph, tail)
        if branch.size < MINIMUM_BRANCH + 1 or is_reference_source(graph, branch[0]):
            continue
        reference = _reference_below(graph, branch[0], graph.vertices[branch[1]].first_in)
        graph = with_room(graph, branch.size)
        _join_tail(graph, branch, reference, size)
    return graph


@kernel
def recover_heads(graph: Graph, size: int) -> Graph:
    """Join every head to the reference above the vertex in which it meets it, where it can be.

    Args:
        graph: an acyclic threading graph, its tails recovered.
        size: k.
    """
    for head in range(graph.used[VERTICES]):
        if graph.vertices[head].in_degree > 0 or is_reference_source(graph, head):
            continue
        branch = _path_to_descendant(graph, head)
        if branch.size < MINIMUM_BRANCH + 1 or is_reference_sink(graph, branch[0]):
            continue
        graph = _join_head(graph, branch, _reference_above(graph, branch[0]), size)
    return graph


@kernel
def _path_to_ancestor(graph: Graph, tail: int) -> NDArray[np.int64]:
    """The branch from the vertex in which it forks off down to ``tail``; empty where it does not fork off.

    What lies below an edge with too little support is left out.
    """
    path = np.empty(graph.used[VERTICES] + 1, np.int64)
    first = path.size
    vertex = tail
    while graph.vertices[vertex].in_degree == 1 and graph.vertices[vertex].out_degree < 2:
        edge = graph.vertices[vertex].first_in
        if graph.edges[edge].support < MINIMUM_SUPPORT:
            first = path.size
        else:
            first -= 1
            path[first] = vertex
        vertex = graph.edges[edge].source
    if graph.vertices[vertex].out_degree < 2:
        return path[:0]
    path[first - 1] = vertex
    return path[first - 1 :]


@kernel
def _path_to_descendant(graph: Graph, head: int) -> NDArray[np.int64]:
    """The branch from the reference vertex it runs into up to ``head``; empty where it runs into none."""
    path = np.empty(graph.used[VERTICES] + 1, np.int64)
    first = path.size
    vertex = head
    while graph.vertices[vertex].out_degree == 1 and not is_on_reference(graph, vertex):
        edge = graph.vertices[vertex].first_out
        if graph.edges[edge].support < MINIMUM_SUPPORT:
            first = path.size
        else:
            first -= 1
            path[first] = vertex
        vertex = graph.edges[edge].target
    if not is_on_reference(graph, vertex):
        return path[:0]
    path[first - 1] = vertex
    return path[first - 1 :]


@kernel
def _reference_below(graph: Graph, start: int, barred: int) -> NDArray[np.int64]:
    """Vertices from ``start`` along the reference, or off it, as long as one way but ``barred`` leads on."""
    path = np.empty(graph.used[VERTICES], np.int64)
    path[0] = start
    count = 1
    while count < path.size:
        edge = graph.vertices[path[count - 1]].first_out
        along = -1
        ways = 0
        by_reference = has_reference_out(graph, path[count - 1])
        while edge >= 0:
            if by_reference and graph.edges[edge].is_reference == 1:
                along = edge
                ways = 1
                break
            if not by_reference and edge != barred:
                along = edge
                ways += 1
            edge = graph.edges[edge].next_out
        if ways != 1:
            break
        path[count] = graph.edges[along].target
        count += 1
    return path[:count]


@kernel
def _reference_above(graph: Graph, start: int) -> NDArray[np.int64]:
    """Vertices from ``start`` upwards, always the first above that the reference goes through."""
    path = np.empty(graph.used[VERTICES], np.int64)
    path[0] = start
    count = 1
    while count < path.size:
        edge = graph.vertices[path[count - 1]].first_in
        while edge >= 0 and not is_on_reference(graph, graph.edges[edge].source):
            edge = graph.edges[edge].next_in
        if edge < 0:
            break
        path[count] = graph.edges[edge].source
        count += 1
    return path[:count]


@kernel
def _last_bases(graph: Graph, path: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    bases = np.empty(path.size, np.uint8)
    for i in range(path.size):
        bases[i] = graph.bases[graph.vertices[path[i]].start + size - 1]
    return bases


@kernel
def _bases_upwards(graph: Graph, path: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    """Last base of each vertex, of a source of the graph its whole k-mer backwards."""
    bases = np.empty(path.size + size, np.uint8)
    count = 0
    for vertex in path:
        start = graph.vertices[vertex].start
        for i in range(size - 1, -1 if graph.vertices[vertex].in_degree == 0 else size - 2, -1):
            bases[count] = graph.bases[start + i]
            count += 1
    return bases[:count]


@kernel
def _branch_cigar(reference: NDArray[np.uint8], branch: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """CIGAR of a branch on the reference without a deletion at its end; empty when it is too complex."""
    cigar = align(reference, branch, DANGLING_END, LEADING_INDEL_OVERHANG).cigar
    if operator_of(cigar[-1]) == DELETION:
        cigar = cigar[:-1]
    return cigar if cigar.size <= _MOST_ELEMENTS else cigar[:0]


@kernel
def _join_tail(graph: Graph, branch: NDArray[np.int64], reference: NDArray[np.int64], size: int) -> None:
    """Join the last branch vertex that differs to the first reference vertex of the suffix both end in."""
    branch_bases = _last_bases(graph, branch, size)
    reference_bases = _last_bases(graph, reference, size)
    cigar = _branch_cigar(reference_bases, branch_bases)
    if cigar.size == 0 or operator_of(cigar[-1]) != MATCH:
        return
    last = reference_length(cigar) - 1
    shared = 0
    while (
        shared < min(branch_bases.size, last + 1, length_of(cigar[-1]))
        and reference_bases[last - shared] == branch_bases[branch_bases.size - 1 - shared]
    ):
        shared += 1
    if shared == 0:
        return
    left = max(0, read_length(cigar) - shared - 1)
    joined = last - shared + 1
    leading = length_of(cigar[0]) if operator_of(cigar[0]) == DELETION else 0
    if leading > 0 and leading + shared == last + 1:
        # A deletion right behind the fork: one vertex further down, or it would lose a base.
        joined += 1
    if 0 < joined < reference.size:
        add_edge(graph, branch[left], reference[joined], ONCE, ONCE, OFF_REFERENCE)


@kernel
def _join_head(graph: Graph, branch: NDArray[np.int64], reference: NDArray[np.int64], size: int) -> Graph:
    """Join the reference to the branch above their last mismatch, growing the branch upwards where it is too short."""
    branch_bases = _bases_upwards(graph, branch, size)
    reference_bases = _bases_upwards(graph, reference, size)
    cigar = _branch_cigar(reference_bases, branch_bases)
    if cigar.size == 0 or operator_of(cigar[0]) != MATCH:
        return graph
    matched = length_of(cigar[0])
    last = -1
    mismatches = 0
    for i in range(matched):
        if reference_bases[i] != branch_bases[i]:
            mismatches += 1
            last = i
    if mismatches > max(1, matched // size) or last <= 0 or last >= reference.size - 1:
        return graph
    graph = with_room(graph, last + 2)
    entered = branch[min(last, branch.size - 1)]
    if last >= branch.size:
        added = last - branch.size + 2
        above = branch.size - 1 + reference_length(cigar) - read_length(cigar) + added
        if above >= reference.size:
            return graph
        graph = with_room_for_bases(graph, added + size)
        entered = _grow_upwards(graph, branch[-1], reference[above], added, size)
    add_edge(graph, reference[last + 1], entered, ONCE, ONCE, OFF_REFERENCE)
    return graph


@kernel
def _grow_upwards(graph: Graph, head: int, reference: int, added: int, size: int) -> int:
    """Replace a head by ``added`` vertices whose bases above it are those of a reference vertex; returns the top."""
    edge = graph.vertices[head].first_out
    heaviest = edge
    while edge >= 0:
        if graph.edges[edge].multiplicity > graph.edges[heaviest].multiplicity:
            heaviest = edge
        edge = graph.edges[edge].next_out
    below = graph.edges[heaviest].target
    multiplicity = graph.edges[heaviest].multiplicity
    remove_edge(graph, heaviest)
    start = graph.vertices[reference].start
    first = add_bases(graph, graph.bases[start : start + added])
    start = graph.vertices[head].start
    add_bases(graph, graph.bases[start : start + size])
    for i in range(added, 0, -1):
        vertex = add_vertex(graph, first + i, size)
        append_edge(graph, vertex, below, multiplicity, ONCE, OFF_REFERENCE)
        below = vertex
    return below
