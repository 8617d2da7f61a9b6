"""A directed graph in arrays for the kernels of assembly: vertices with a sequence, weighted edges between them.

Only what every stage of assembly needs: adding, finding, removing, room to grow. What vertices and edges mean, and
every decision about them, belongs to the modules that build and change the graph. Vertices and the edges of a
vertex are visited in the order in which they were added, because GATK's results depend on that order; a pair of
vertices has at most one edge in each direction.
"""

from __future__ import annotations

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel

VERTEX: Final = np.dtype(
    [
        ("first_out", np.int64),
        ("last_out", np.int64),
        ("first_in", np.int64),
        ("last_in", np.int64),
        ("out_degree", np.int64),
        ("in_degree", np.int64),
        ("start", np.int64),
        ("length", np.int64),
        ("removed", np.int64),
    ]
)
"""First and last edge out of and into the vertex (-1 for none), their numbers, where its sequence begins in the
graph's bases and how long it is, and whether it was removed."""

EDGE: Final = np.dtype(
    [
        ("source", np.int64),
        ("target", np.int64),
        ("next_out", np.int64),
        ("next_in", np.int64),
        ("multiplicity", np.int64),
        ("support", np.int64),
        ("is_reference", np.int64),
        ("removed", np.int64),
    ]
)
"""Vertices it joins, the next edges out of its source and into its target (-1 for none), how many sequences went
along it, how many of those count when weak edges are pruned, whether the reference did, and whether it was removed."""


# Of one type, not literals: numba compiles a function anew for every literal it is called with.
ONCE: Final = np.int64(1)
"""Multiplicity or support of an edge seen once."""
ON_REFERENCE: Final = np.int64(1)
"""``is_reference`` of an edge along which the reference goes."""
OFF_REFERENCE: Final = np.int64(0)
"""``is_reference`` of any other edge."""


class Graph(NamedTuple):
    """Vertices, edges and the bases their sequences are slices of.

    Rows are never reused: a removed vertex or edge keeps its row.

    Attributes:
        vertices: rows of :data:`VERTEX`, more than are in use.
        edges: rows of :data:`EDGE`, more than are in use.
        bases: uint8[], more than are in use.
        used: int64[5]: vertices, edges and bases in use, vertices and edges not removed.
    """

    vertices: NDArray[np.void]
    edges: NDArray[np.void]
    bases: NDArray[np.uint8]
    used: NDArray[np.int64]


VERTICES: Final = 0
"""Index in :attr:`Graph.used`: rows of vertices in use."""
EDGES: Final = 1
"""Index in :attr:`Graph.used`: rows of edges in use."""
BASES: Final = 2
"""Index in :attr:`Graph.used`: bases in use."""
LIVE_VERTICES: Final = 3
"""Index in :attr:`Graph.used`: vertices not removed."""
LIVE_EDGES: Final = 4
"""Index in :attr:`Graph.used`: edges not removed."""


@kernel
def empty_graph(vertices: int, edges: int, bases: int) -> Graph:
    """A graph without vertices and with room for as many as given."""
    return Graph(np.empty(vertices, VERTEX), np.empty(edges, EDGE), np.empty(bases, np.uint8), np.zeros(5, np.int64))


@kernel
def with_room(graph: Graph, rows: int) -> Graph:
    """The same graph with room for as many more vertices and edges; use it in place of the old one."""
    vertices = graph.vertices
    if graph.used[VERTICES] + rows > vertices.size:
        vertices = np.empty(2 * vertices.size + rows, VERTEX)
        vertices[: graph.used[VERTICES]] = graph.vertices[: graph.used[VERTICES]]
    edges = graph.edges
    if graph.used[EDGES] + rows > edges.size:
        edges = np.empty(2 * edges.size + rows, EDGE)
        edges[: graph.used[EDGES]] = graph.edges[: graph.used[EDGES]]
    return Graph(vertices, edges, graph.bases, graph.used)


@kernel
def with_room_for_bases(graph: Graph, count: int) -> Graph:
    """The same graph with room for as many more bases; use it in place of the old one."""
    bases = graph.bases
    if graph.used[BASES] + count > bases.size:
        bases = np.empty(2 * bases.size + count, np.uint8)
        bases[: graph.used[BASES]] = graph.bases[: graph.used[BASES]]
    return Graph(graph.vertices, graph.edges, bases, graph.used)


@kernel
def add_vertex(graph: Graph, start: int, length: int) -> int:
    """Add a vertex whose sequence is ``bases[start:start + length]``; returns its row."""
    row: int = graph.used[VERTICES]
    graph.used[VERTICES] += 1
    graph.used[LIVE_VERTICES] += 1
    vertex = graph.vertices[row]
    vertex.first_out = -1
    vertex.last_out = -1
    vertex.first_in = -1
    vertex.last_in = -1
    vertex.out_degree = 0
    vertex.in_degree = 0
    vertex.start = start
    vertex.length = length
    vertex.removed = 0
    return row


@kernel
def add_bases(graph: Graph, bases: NDArray[np.uint8]) -> int:
    """Append bases to those of the graph; returns where they begin.

    Args:
        bases: uint8[n], ASCII.
    """
    start: int = graph.used[BASES]
    for i in range(bases.size):
        graph.bases[start + i] = bases[i]
    graph.used[BASES] += bases.size
    return start


@kernel
def sequence_of(graph: Graph, vertex: int) -> NDArray[np.uint8]:
    """A view of the vertex's sequence."""
    start = graph.vertices[vertex].start
    return graph.bases[start : start + graph.vertices[vertex].length]


@kernel
def find_edge(graph: Graph, source: int, target: int) -> int:
    """Row of the edge from one vertex to another, -1 for none."""
    edge: int = graph.vertices[source].first_out
    while edge >= 0 and graph.edges[edge].target != target:
        edge = graph.edges[edge].next_out
    return edge


@kernel
def add_edge(graph: Graph, source: int, target: int, multiplicity: int, support: int, is_reference: int) -> None:
    """Add an edge; where the two are joined already, nothing changes, not even the multiplicity."""
    if find_edge(graph, source, target) < 0:
        append_edge(graph, source, target, multiplicity, support, is_reference)


@kernel
def append_edge(graph: Graph, source: int, target: int, multiplicity: int, support: int, is_reference: int) -> int:
    """Add an edge between vertices known not to be joined; returns its row."""
    row: int = graph.used[EDGES]
    graph.used[EDGES] += 1
    graph.used[LIVE_EDGES] += 1
    edge = graph.edges[row]
    edge.source = source
    edge.target = target
    edge.next_out = -1
    edge.next_in = -1
    edge.multiplicity = multiplicity
    edge.support = support
    edge.is_reference = is_reference
    edge.removed = 0
    tail = graph.vertices[source]
    if tail.last_out < 0:
        tail.first_out = row
    else:
        graph.edges[tail.last_out].next_out = row
    tail.last_out = row
    tail.out_degree += 1
    head = graph.vertices[target]
    if head.last_in < 0:
        head.first_in = row
    else:
        graph.edges[head.last_in].next_in = row
    head.last_in = row
    head.in_degree += 1
    return row


@kernel
def remove_edge(graph: Graph, edge: int) -> None:
    """Take an edge out of both its vertices."""
    if graph.edges[edge].removed == 1:
        return
    graph.edges[edge].removed = 1
    graph.used[LIVE_EDGES] -= 1
    source, target = graph.edges[edge].source, graph.edges[edge].target
    graph.vertices[source].out_degree -= 1
    _take_out(edge, source, graph.vertices["first_out"], graph.vertices["last_out"], graph.edges["next_out"])
    graph.vertices[target].in_degree -= 1
    _take_out(edge, target, graph.vertices["first_in"], graph.vertices["last_in"], graph.edges["next_in"])


@kernel
def _take_out(
    edge: int, vertex: int, first: NDArray[np.int64], last: NDArray[np.int64], following: NDArray[np.int64]
) -> None:
    """Take an edge out of a vertex's list of edges, of which the arrays hold both ends and the links."""
    before = -1
    other = first[vertex]
    while other != edge:
        before = other
        other = following[other]
    if before < 0:
        first[vertex] = following[edge]
    else:
        following[before] = following[edge]
    if last[vertex] == edge:
        last[vertex] = before


@kernel
def remove_vertex(graph: Graph, vertex: int) -> None:
    """Take a vertex out of the graph, with its edges."""
    if graph.vertices[vertex].removed == 1:
        return
    while graph.vertices[vertex].first_out >= 0:
        remove_edge(graph, graph.vertices[vertex].first_out)
    while graph.vertices[vertex].first_in >= 0:
        remove_edge(graph, graph.vertices[vertex].first_in)
    graph.vertices[vertex].removed = 1
    graph.used[LIVE_VERTICES] -= 1


@kernel
def has_reference_out(graph: Graph, vertex: int) -> bool:
    """Whether the reference leaves the vertex."""
    edge = graph.vertices[vertex].first_out
    while edge >= 0 and graph.edges[edge].is_reference == 0:
        edge = graph.edges[edge].next_out
    return edge >= 0


@kernel
def has_reference_in(graph: Graph, vertex: int) -> bool:
    """Whether the reference enters the vertex."""
    edge = graph.vertices[vertex].first_in
    while edge >= 0 and graph.edges[edge].is_reference == 0:
        edge = graph.edges[edge].next_in
    return edge >= 0


@kernel
def is_on_reference(graph: Graph, vertex: int) -> bool:
    """Whether the reference goes through the vertex; a lone vertex is the whole reference."""
    if has_reference_out(graph, vertex) or has_reference_in(graph, vertex):
        return True
    return graph.used[LIVE_VERTICES] == 1


@kernel
def is_reference_source(graph: Graph, vertex: int) -> bool:
    """Whether the reference begins at the vertex."""
    if has_reference_in(graph, vertex):
        return False
    return has_reference_out(graph, vertex) or graph.used[LIVE_VERTICES] == 1


@kernel
def is_reference_sink(graph: Graph, vertex: int) -> bool:
    """Whether the reference ends at the vertex."""
    if has_reference_out(graph, vertex):
        return False
    return has_reference_in(graph, vertex) or graph.used[LIVE_VERTICES] == 1
