"""The stages of an assembly graph against what a dictionary, a set or plain enumeration says of the same sequences."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.call.haplotype.assembly.dangling import recover_heads, recover_tails
from engine.call.haplotype.assembly.graph import (
    EDGES,
    LIVE_EDGES,
    LIVE_VERTICES,
    OFF_REFERENCE,
    ON_REFERENCE,
    VERTICES,
    Graph,
    add_bases,
    add_edge,
    add_vertex,
    empty_graph,
    find_edge,
    remove_vertex,
    sequence_of,
    with_room,
)
from engine.call.haplotype.assembly.kmers import Kmers, number_kmers
from engine.call.haplotype.assembly.paths import MOST_PATHS, best_paths, log10_table
from engine.call.haplotype.assembly.sequence_graph import sequence_graph
from engine.call.haplotype.assembly.threading_graph import (
    ThreadingGraph,
    between,
    has_cycle,
    is_low_complexity,
    thread_sequences,
)

SIZE = 5


def _laid_out(sequences: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    ends = np.cumsum([len(sequence) for sequence in sequences])
    starts = ends - np.array([len(sequence) for sequence in sequences])
    return np.frombuffer(bytearray("".join(sequences), "ascii"), np.uint8), starts, ends


def _threaded(reference: str, reads: list[str], size: int = SIZE) -> tuple[ThreadingGraph, Kmers]:
    bases, starts, ends = _laid_out([reference, *reads])
    kmers = number_kmers(bases, starts, ends, size)
    return thread_sequences(bases, starts, ends, size, kmers), kmers


def _edges(graph: Graph) -> dict[tuple[str, str], int]:
    """Multiplicity of each edge by the sequences it joins."""
    rows = [graph.edges[i] for i in range(graph.used[EDGES]) if not graph.edges[i]["removed"]]
    return {(_text(graph, row["source"]), _text(graph, row["target"])): int(row["multiplicity"]) for row in rows}


def _text(graph: Graph, vertex: int) -> str:
    return bytes(sequence_of(graph, vertex).tobytes()).decode()


def _all_paths(graph: Graph, vertex: int, sink: int) -> list[list[int]]:
    if vertex == sink:
        return [[vertex]]
    targets = [
        int(graph.edges[i]["target"])
        for i in range(graph.used[EDGES])
        if graph.edges[i]["source"] == vertex and not graph.edges[i]["removed"]
    ]
    return [[vertex, *rest] for target in targets for rest in _all_paths(graph, target, sink)]


sequences = st.lists(st.text("ACGTN", min_size=1, max_size=60), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(sequences, st.sampled_from([1, 3, 10, 31, 32, 40]))
def test_k_mers_are_numbered_as_a_dictionary_would(rows: list[str], size: int) -> None:
    rows.append(rows[0] * 2)
    bases, starts, ends = _laid_out(rows)
    kmers = number_kmers(bases, starts, ends, size)
    numbers: dict[str, int] = {}
    repeated = set()
    for row, start in zip(rows, starts, strict=True):
        seen = set()
        for i in range(len(row)):
            kmer = row[i : i + size]
            expected = numbers.setdefault(kmer, len(numbers)) if len(kmer) == size else -1
            assert kmers.number[start + i] == expected
            if expected >= 0 and kmer in seen:
                repeated.add(expected)
            seen.add(kmer)
    assert set(np.flatnonzero(kmers.repeated)) == repeated
    assert kmers.repeated.size == len(numbers)


class TestGraph:
    def _diamond(self) -> Graph:
        graph = empty_graph(1, 1, 100)
        for letter in b"ACGT":
            graph = with_room(graph, 8)
            add_vertex(graph, add_bases(graph, np.array([letter], np.uint8)), 1)
        for source, target in ((0, 1), (0, 2), (1, 3), (2, 3)):
            add_edge(graph, source, target, 2, 2, OFF_REFERENCE)
        return graph

    def test_a_pair_of_vertices_has_one_edge_whose_multiplicity_stays(self) -> None:
        graph = self._diamond()
        add_edge(graph, 0, 1, 7, 7, ON_REFERENCE)
        assert graph.used[LIVE_EDGES] == 4
        assert graph.edges[find_edge(graph, 0, 1)]["multiplicity"] == 2

    def test_removing_a_vertex_takes_its_edges(self) -> None:
        graph = self._diamond()
        remove_vertex(graph, 1)
        remove_vertex(graph, 1)
        assert (graph.used[LIVE_VERTICES], graph.used[LIVE_EDGES]) == (3, 2)
        assert _edges(graph) == {("A", "G"): 2, ("G", "T"): 2}
        assert [len(path) for path in _all_paths(graph, 0, 3)] == [3]


REFERENCE = "ACGTTGCATCAGGATTCTAGACCATGAAC"


def test_each_read_counts_once_on_every_edge_it_goes_along() -> None:
    threading, _ = _threaded(REFERENCE, [REFERENCE[4:20]] * 3)
    counts = [_edges(threading.graph)[pair] for pair in pairwise(REFERENCE[i : i + 5] for i in range(25))]
    # A read's first k-mer counts backwards over the bases it holds.
    assert counts == [4] * 15 + [1] * 9


def test_a_chain_that_one_read_supports_is_pruned_and_one_that_two_support_is_kept() -> None:
    changed = REFERENCE[:14] + "G" + REFERENCE[15:]
    once, _ = _threaded(REFERENCE, [changed])
    twice, _ = _threaded(REFERENCE, [changed, changed])
    assert len(_all_paths(once.graph, once.source, once.sink)) == 1
    assert len(_all_paths(twice.graph, twice.source, twice.sink)) == 2


def test_a_cycle_is_seen() -> None:
    assert not has_cycle(_threaded(REFERENCE, [])[0].graph)
    looping = REFERENCE[10:20] + REFERENCE[2:12]
    assert has_cycle(_threaded(REFERENCE, [looping, looping])[0].graph)


def test_low_complexity_is_more_than_a_fifth_of_repeated_k_mers() -> None:
    threading, kmers = _threaded(REFERENCE, ["CACACACACA"])
    assert not is_low_complexity(threading, kmers)
    assert is_low_complexity(threading._replace(unique=7), kmers)


@pytest.mark.parametrize("part", [slice(0, 24), slice(9, 29)], ids=["a tail", "a head"])
def test_a_branch_is_joined_where_it_becomes_the_reference_again(part: slice) -> None:
    changed = (REFERENCE[:13] + "G" + REFERENCE[14:])[part]
    threading, _ = _threaded(REFERENCE, [changed] * 2, size=7)
    graph = recover_heads(recover_tails(threading.graph, 7), 7)
    kept = between(graph, threading.source, threading.sink)
    found = sequence_graph(graph, kept, threading.source, 7)
    assert found.used[LIVE_VERTICES] == 4


@st.composite
def _variants_of_one(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A reference without repeated k-mers and whole haplotypes with a few edits, each read twice."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    reference = "".join(rng.choice(list("ACGT"), 60))
    haplotypes = []
    for _ in range(draw(st.integers(1, 4))):
        haplotype = reference
        for _ in range(draw(st.integers(1, 3))):
            at = draw(st.integers(15, 40))
            replacement = draw(st.text("ACGT", max_size=4))
            haplotype = haplotype[:at] + replacement + haplotype[at + draw(st.integers(0, 4)) :]
        haplotypes += [haplotype, haplotype]
    return reference, haplotypes


@settings(max_examples=60, deadline=None)
@given(_variants_of_one())
def test_zipping_and_merging_keep_every_path_and_make_none(case: tuple[str, list[str]]) -> None:
    reference, haplotypes = case
    threading, _ = _threaded(reference, haplotypes, size=8)
    if has_cycle(threading.graph):
        return
    kept = between(threading.graph, threading.source, threading.sink)
    before = {
        _text(threading.graph, path[0]) + "".join(_text(threading.graph, vertex)[-1] for vertex in path[1:])
        for path in _all_paths(threading.graph, threading.source, threading.sink)
    }
    graph = sequence_graph(threading.graph, kept, threading.source, 8)
    live = [vertex for vertex in range(graph.used[VERTICES]) if not graph.vertices[vertex]["removed"]]
    source = next(vertex for vertex in live if graph.vertices[vertex]["in_degree"] == 0)
    sink = next(vertex for vertex in live if graph.vertices[vertex]["out_degree"] == 0)
    after = ["".join(_text(graph, vertex) for vertex in path) for path in _all_paths(graph, source, sink)]
    assert set(after) == before
    paths = best_paths(graph, source, sink, log10_table())
    ranked = [
        paths.bases[a:b].tobytes().decode() for a, b in zip(paths.base_offset, paths.base_offset[1:], strict=False)
    ]
    assert sorted(ranked) == sorted(after)[:MOST_PATHS]


def test_paths_come_by_the_share_of_their_edges_and_ties_by_greater_bases() -> None:
    graph = empty_graph(8, 16, 100)
    for sequence in (b"AC", b"G", b"T", b"GG", b"CA"):
        add_vertex(graph, add_bases(graph, np.frombuffer(sequence, np.uint8)), len(sequence))
    for middle, multiplicity in ((1, 6), (2, 3), (3, 3)):
        add_edge(graph, 0, middle, multiplicity, multiplicity, OFF_REFERENCE)
        add_edge(graph, middle, 4, multiplicity, multiplicity, OFF_REFERENCE)
    paths = best_paths(graph, 0, 4, log10_table())
    assert paths.bases.tobytes() == b"ACGCA" + b"ACTCA" + b"ACGGCA"
    assert paths.score.tolist() == pytest.approx([math.log10(0.5), math.log10(0.25), math.log10(0.25)])
