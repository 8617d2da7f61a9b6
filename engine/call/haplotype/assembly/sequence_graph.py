"""The sequence graph: threading graph vertices zipped into sequences, shared ones merged (specification 7.13).

Turns a threading graph into the smallest graph with the same paths that GATK's rules find (``SeqGraph.simplifyGraph``
and its transformers). Every vertex lies on a path from the reference's source to its sink and stays on one, so that
of GATK's steps those that remove loose ends, and the one that merges sinks, have nothing to do and are left out.

The rules are applied vertex by vertex in order of creation, each starting over after a success, because the
multiplicities that later rank the paths depend on it: splitting a vertex makes edges of multiplicity 1.
"""

from __future__ import annotations

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.assembly.graph import (
    BASES,
    EDGES,
    LIVE_EDGES,
    LIVE_VERTICES,
    ONCE,
    VERTICES,
    Graph,
    add_bases,
    add_edge,
    add_vertex,
    append_edge,
    empty_graph,
    find_edge,
    is_on_reference,
    is_reference_source,
    remove_edge,
    remove_vertex,
    sequence_of,
    with_room,
    with_room_for_bases,
)
from engine.kernel import kernel

_MOST_ROUNDS: Final = 100
_ROUNDS_BEFORE_COMPARING: Final = 5


@kernel
def sequence_graph(threading: Graph, on_path: NDArray[np.bool_], source: int, size: int) -> Graph:
    """The vertices on a path of a threading graph as a simplified sequence graph.

    Args:
        threading: vertices are k-mers.
        on_path: bool[vertices], by vertex, whether to keep it.
        source: the reference's first vertex, the only one whose whole k-mer counts; of others the last base does.
        size: k.
    """
    count = np.sum(on_path)
    graph = empty_graph(2 * count + 16, 2 * count + 64, 4 * (count + size) + 64)
    row = np.full(on_path.size, -1, np.int64)
    for vertex in range(on_path.size):
        if on_path[vertex]:
            start = threading.vertices[vertex].start
            first = start if vertex == source else start + size - 1
            at = add_bases(graph, threading.bases[first : start + size])
            row[vertex] = add_vertex(graph, at, start + size - first)
    for i in range(threading.used[EDGES]):
        edge = threading.edges[i]
        if edge.removed == 0 and row[edge.source] >= 0 and row[edge.target] >= 0:
            graph = with_room(graph, size)
            append_edge(graph, row[edge.source], row[edge.target], edge.multiplicity, edge.support, edge.is_reference)
    # GATK cleans up and simplifies once more; that can go on where the first time stopped going in circles.
    for _ in range(2):
        graph = _simplified(graph)
    return graph


@kernel
def _simplified(graph: Graph) -> Graph:
    graph, _ = _zip_chains(graph)
    before = graph
    for round_ in range(_MOST_ROUNDS + 1):
        graph, diamonds = _merge_diamonds(graph)
        graph, split = _split_common_suffixes(graph)
        graph, merged = _merge_common_suffixes(graph)
        graph, zipped = _zip_chains(graph)
        if not (diamonds or split or merged or zipped):
            break
        if round_ > _ROUNDS_BEFORE_COMPARING:
            if round_ > _ROUNDS_BEFORE_COMPARING + 1 and _same_structure(before, graph):
                break
            before = _copied(graph)
    return graph


@kernel
def _copied(graph: Graph) -> Graph:
    return Graph(graph.vertices.copy(), graph.edges.copy(), graph.bases.copy(), graph.used.copy())


@kernel
def _same_structure(one: Graph, other: Graph) -> bool:
    """Whether both have as many vertices and edges and each edge has its like, by sequences, in the other."""
    if one.used[LIVE_VERTICES] != other.used[LIVE_VERTICES] or one.used[LIVE_EDGES] != other.used[LIVE_EDGES]:
        return False
    for vertex in range(one.used[VERTICES]):
        if one.vertices[vertex].removed == 0 and not _has_vertex_like(one, vertex, other):
            return False
    for edge in range(one.used[EDGES]):
        if one.edges[edge].removed == 0 and not _has_edge_like(one, edge, other):
            return False
    for edge in range(other.used[EDGES]):
        if other.edges[edge].removed == 0 and not _has_edge_like(other, edge, one):
            return False
    return True


@kernel
def _has_vertex_like(graph: Graph, vertex: int, other: Graph) -> bool:
    for candidate in range(other.used[VERTICES]):
        if other.vertices[candidate].removed == 0 and _alike(graph, vertex, other, candidate):
            return True
    return False


@kernel
def _has_edge_like(graph: Graph, edge: int, other: Graph) -> bool:
    for candidate in range(other.used[EDGES]):
        if (
            other.edges[candidate].removed == 0
            and _alike(graph, graph.edges[edge].source, other, other.edges[candidate].source)
            and _alike(graph, graph.edges[edge].target, other, other.edges[candidate].target)
        ):
            return True
    return False


@kernel
def _alike(graph: Graph, vertex: int, other: Graph, other_vertex: int) -> bool:
    length = graph.vertices[vertex].length
    if other.vertices[other_vertex].length != length:
        return False
    start, other_start = graph.vertices[vertex].start, other.vertices[other_vertex].start
    i = 0
    while i < length and graph.bases[start + i] == other.bases[other_start + i]:
        i += 1
    return i == length


@kernel
def _zip_chains(graph: Graph) -> tuple[Graph, bool]:
    """Make one vertex of every chain without forks and joins that is on the reference, or off it, as a whole."""
    starts = np.empty(graph.used[LIVE_VERTICES], np.int64)
    count = 0
    for vertex in range(graph.used[VERTICES]):
        if graph.vertices[vertex].removed == 0 and _starts_chain(graph, vertex):
            starts[count] = vertex
            count += 1
    zipped = False
    for i in range(count):
        last, length = _chain(graph, starts[i])
        if last != starts[i]:
            degrees = graph.vertices[last].out_degree + graph.vertices[starts[i]].in_degree
            graph = with_room_for_bases(with_room(graph, degrees + 1), length)
            _zip_chain(graph, starts[i], last, length)
            zipped = True
    return graph, zipped


@kernel
def _starts_chain(graph: Graph, vertex: int) -> bool:
    if graph.vertices[vertex].out_degree != 1:
        return False
    if graph.vertices[vertex].in_degree != 1:
        return True
    before = graph.edges[graph.vertices[vertex].first_in].source
    return graph.vertices[before].out_degree > 1


@kernel
def _chain(graph: Graph, start: int) -> tuple[int, int]:
    """The last vertex of the chain from ``start`` and the length of its sequence."""
    on_reference = is_on_reference(graph, start)
    last = start
    length = graph.vertices[start].length
    while graph.vertices[last].out_degree == 1:
        target = graph.edges[graph.vertices[last].first_out].target
        if graph.vertices[target].in_degree != 1 or target == last:
            break
        if is_on_reference(graph, target) != on_reference:
            break
        last = target
        length += graph.vertices[target].length
    return last, length


@kernel
def _zip_chain(graph: Graph, start: int, last: int, length: int) -> None:
    at = graph.used[BASES]
    vertex = start
    while True:
        row = graph.vertices[vertex]
        for i in range(row.start, row.start + row.length):
            graph.bases[graph.used[BASES]] = graph.bases[i]
            graph.used[BASES] += 1
        if vertex == last:
            break
        vertex = graph.edges[row.first_out].target
    zipped = add_vertex(graph, at, length)
    _copy_edges_out(graph, last, zipped)
    _copy_edges_in(graph, start, zipped)
    _remove_chain(graph, start, last)


@kernel
def _remove_chain(graph: Graph, start: int, last: int) -> None:
    """Remove the vertices of a chain; the edges between them need not be taken out of any list."""
    while graph.vertices[start].first_in >= 0:
        remove_edge(graph, graph.vertices[start].first_in)
    while graph.vertices[last].first_out >= 0:
        remove_edge(graph, graph.vertices[last].first_out)
    vertex = start
    while True:
        graph.vertices[vertex].removed = 1
        graph.used[LIVE_VERTICES] -= 1
        if vertex == last:
            break
        edge = graph.vertices[vertex].first_out
        graph.edges[edge].removed = 1
        graph.used[LIVE_EDGES] -= 1
        vertex = graph.edges[edge].target


@kernel
def _copy_edges_out(graph: Graph, vertex: int, copy: int) -> None:
    edge = graph.vertices[vertex].first_out
    while edge >= 0:
        row = graph.edges[edge]
        add_edge(graph, copy, row.target, row.multiplicity, row.support, row.is_reference)
        edge = graph.edges[edge].next_out


@kernel
def _copy_edges_in(graph: Graph, vertex: int, copy: int) -> None:
    edge = graph.vertices[vertex].first_in
    while edge >= 0:
        row = graph.edges[edge]
        add_edge(graph, row.source, copy, row.multiplicity, row.support, row.is_reference)
        edge = graph.edges[edge].next_in


@kernel
def _sources_of(graph: Graph, vertex: int) -> NDArray[np.int64]:
    sources = np.empty(graph.vertices[vertex].in_degree, np.int64)
    edge = graph.vertices[vertex].first_in
    for i in range(sources.size):
        sources[i] = graph.edges[edge].source
        edge = graph.edges[edge].next_in
    return sources


@kernel
def _targets_of(graph: Graph, vertex: int) -> NDArray[np.int64]:
    targets = np.empty(graph.vertices[vertex].out_degree, np.int64)
    edge = graph.vertices[vertex].first_out
    for i in range(targets.size):
        targets[i] = graph.edges[edge].target
        edge = graph.edges[edge].next_out
    return targets


@kernel
def _shortest(graph: Graph, vertices: NDArray[np.int64]) -> int:
    shortest = graph.vertices[vertices[0]].length
    for vertex in vertices:
        shortest = min(shortest, graph.vertices[vertex].length)
    return shortest


@kernel
def _common_prefix(graph: Graph, vertices: NDArray[np.int64], most: int) -> int:
    """How many first bases all sequences share, up to ``most``."""
    for i in range(most):
        base = graph.bases[graph.vertices[vertices[0]].start + i]
        for vertex in vertices:
            if graph.bases[graph.vertices[vertex].start + i] != base:
                return i
    return most


@kernel
def _common_suffix(graph: Graph, vertices: NDArray[np.int64], most: int) -> int:
    """How many last bases all sequences share, up to ``most``."""
    for i in range(1, most + 1):
        base = sequence_of(graph, vertices[0])[-i]
        for vertex in vertices:
            if sequence_of(graph, vertex)[-i] != base:
                return i - 1
    return most


@kernel
def _merge_diamonds(graph: Graph) -> tuple[Graph, bool]:
    """Split what all branches between a vertex and the one they all lead to share at either end off the branches."""
    changed = False
    top = np.int64(0)
    while top < graph.used[VERTICES]:
        if graph.vertices[top].removed == 0 and graph.vertices[top].out_degree > 1:
            middles = _targets_of(graph, top)
            bottom = _bottom_of_diamond(graph, middles)
            if bottom >= 0:
                shortest = _shortest(graph, middles)
                prefix = _common_prefix(graph, middles, shortest)
                suffix = _common_suffix(graph, middles, shortest - prefix)
                if prefix > 0 or suffix > 0:
                    graph = with_room(graph, 2 * middles.size + 3)
                    _split_diamond(graph, top, middles, bottom, prefix, suffix)
                    changed = True
                    top = np.int64(0)
                    continue
        top += 1
    return graph, changed


@kernel
def _bottom_of_diamond(graph: Graph, middles: NDArray[np.int64]) -> int:
    """The one vertex to which all of ``middles`` lead, and only they; -1 for none."""
    bottom = -1
    for middle in middles:
        row = graph.vertices[middle]
        if row.out_degree != 1 or row.in_degree != 1:
            return -1
        target = graph.edges[row.first_out].target
        if bottom >= 0 and target != bottom:
            return -1
        bottom = target
    return bottom if graph.vertices[bottom].in_degree == middles.size else -1


@kernel
def _split_diamond(graph: Graph, top: int, middles: NDArray[np.int64], bottom: int, prefix: int, suffix: int) -> None:
    """Replace the branches by their common prefix, what remains of each, and their common suffix.

    A branch with nothing remaining becomes an edge. Follows ``SharedVertexSequenceSplitter``, order of new rows and
    edges included.
    """
    count = middles.size
    entering = np.empty((count, 2), np.int64)
    leaving = np.empty((count, 2), np.int64)
    remaining = np.full(count, -1, np.int64)
    first = middles[0]
    prefix_start = graph.vertices[first].start
    suffix_start = graph.vertices[first].start + graph.vertices[first].length - suffix
    entered_by_reference = 0
    left_by_reference = 0
    direct = np.zeros(3, np.int64)
    for i in range(count):
        row = graph.vertices[middles[i]]
        edge_in, edge_out = graph.edges[row.first_in], graph.edges[row.first_out]
        entering[i, 0], entering[i, 1] = edge_in.multiplicity, edge_in.is_reference
        leaving[i, 0], leaving[i, 1] = edge_out.multiplicity, edge_out.is_reference
        entered_by_reference |= edge_in.is_reference
        left_by_reference |= edge_out.is_reference
        if row.length == prefix + suffix:
            direct[0] += edge_in.multiplicity + edge_out.multiplicity
            direct[1] |= edge_in.is_reference | edge_out.is_reference
            direct[2] = 1
    # The edge between prefix and suffix keeps the place of the first branch that it replaces.
    entered_by_reference |= direct[1]
    left_by_reference |= direct[1]
    for i in range(count):
        row = graph.vertices[middles[i]]
        if row.length > prefix + suffix:
            remaining[i] = add_vertex(graph, row.start + prefix, row.length - prefix - suffix)
    for i in range(count):
        remove_vertex(graph, middles[i])
    above = top
    below = bottom
    if prefix > 0:
        above = add_vertex(graph, prefix_start, prefix)
        append_edge(graph, top, above, ONCE, ONCE, entered_by_reference)
    if suffix > 0:
        below = add_vertex(graph, suffix_start, suffix)
        append_edge(graph, below, bottom, ONCE, ONCE, left_by_reference)
    joined = False
    for i in range(count):
        if remaining[i] >= 0:
            append_edge(graph, above, remaining[i], entering[i, 0], ONCE, entering[i, 1])
        elif not joined:
            append_edge(graph, above, below, direct[0], ONCE, direct[1])
            joined = True
    for i in range(count):
        if remaining[i] >= 0:
            append_edge(graph, remaining[i], below, leaving[i, 0], ONCE, leaving[i, 1])


@kernel
def _split_common_suffixes(graph: Graph) -> tuple[Graph, bool]:
    """Give every vertex that leads only to a common one its own copy of the suffix that all of them share.

    Each vertex is looked at once, those made on the way too.
    """
    changed = False
    bottom = np.int64(0)
    while bottom < graph.used[VERTICES]:
        if graph.vertices[bottom].removed == 0 and graph.vertices[bottom].in_degree > 1:
            sources = _sources_of(graph, bottom)
            suffix = _suffix_to_split(graph, bottom, sources)
            if suffix > 0:
                entering = 0
                for source in sources:
                    entering += graph.vertices[source].in_degree
                graph = with_room(graph, 2 * sources.size + entering)
                suffix_start = graph.vertices[sources[0]].start + graph.vertices[sources[0]].length - suffix
                for source in sources:
                    _split_suffix(graph, source, bottom, suffix_start, suffix)
                for source in sources:
                    remove_vertex(graph, source)
                changed = True
        bottom += 1
    return graph, changed


@kernel
def _suffix_to_split(graph: Graph, bottom: int, sources: NDArray[np.int64]) -> int:
    """Length of the suffix to split off ``sources``, 0 where it may not be done or would change nothing."""
    all_suffix = True
    for source in sources:
        if source == bottom or graph.vertices[source].out_degree != 1 or find_edge(graph, bottom, source) >= 0:
            return 0
    suffix = _common_suffix(graph, sources, _shortest(graph, sources))
    for source in sources:
        all_suffix &= graph.vertices[source].length == suffix
    if all_suffix:
        return 0
    for source in sources:
        if is_reference_source(graph, source):
            return 0 if graph.vertices[source].length == suffix else suffix
    return suffix


@kernel
def _split_suffix(graph: Graph, vertex: int, bottom: int, suffix_start: int, suffix: int) -> None:
    row = graph.vertices[vertex]
    edge = graph.edges[row.first_out]
    copy = add_vertex(graph, suffix_start, suffix)
    entered = copy
    if row.length > suffix:
        entered = add_vertex(graph, row.start, row.length - suffix)
        append_edge(graph, entered, copy, ONCE, ONCE, edge.is_reference)
    add_edge(graph, copy, bottom, edge.multiplicity, edge.support, edge.is_reference)
    _copy_edges_in(graph, vertex, entered)


@kernel
def _merge_common_suffixes(graph: Graph) -> tuple[Graph, bool]:
    """Merge vertices of one sequence that all lead to the same vertex, and only to it, into that vertex."""
    changed = False
    bottom = np.int64(0)
    while bottom < graph.used[VERTICES]:
        if graph.vertices[bottom].removed == 0 and graph.vertices[bottom].in_degree > 0:
            sources = _sources_of(graph, bottom)
            if _mergeable(graph, bottom, sources):
                edges = graph.vertices[bottom].out_degree
                for source in sources:
                    edges += graph.vertices[source].in_degree
                length = graph.vertices[sources[0]].length + graph.vertices[bottom].length
                graph = with_room_for_bases(with_room(graph, edges + 1), length)
                at = add_bases(graph, sequence_of(graph, sources[0]))
                add_bases(graph, sequence_of(graph, bottom))
                merged = add_vertex(graph, at, length)
                for source in sources:
                    _copy_edges_in(graph, source, merged)
                _copy_edges_out(graph, bottom, merged)
                for source in sources:
                    remove_vertex(graph, source)
                remove_vertex(graph, bottom)
                changed = True
                bottom = np.int64(0)
                continue
        bottom += 1
    return graph, changed


@kernel
def _mergeable(graph: Graph, bottom: int, sources: NDArray[np.int64]) -> bool:
    for source in sources:
        if graph.vertices[source].out_degree != 1 or graph.vertices[source].in_degree == 0:
            return False
        if not _alike(graph, source, graph, sources[0]):
            return False
    return True
