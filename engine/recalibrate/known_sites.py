"""Where people are known to vary, so that a difference from the reference there is no sequencing error.

Sites come from VCF files (plain, gzip or BGZF) and are kept as disjoint stretches by contig, 8 bytes each: 50 million
sites take 400 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.text import text_pieces
from engine.files.variant_lines import require_whole_by_index

_BLOCK = 8 << 20

Sites = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Starts and ends of one contig's stretches, 0-based half-open, sorted and disjoint."""

NO_SITES: Sites = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32))


def read_known_sites(paths: Sequence[Path], contig_lengths: Mapping[str, int]) -> dict[str, Sites]:
    """The sites of some VCF files by contig; contigs that the reference does not have are left out.

    Raises:
        KnowledgeError: a file is missing, damaged or no VCF.
        ReferenceMismatchError: a file shares no contig with the reference, or a site lies beyond its contig.
    """
    found: dict[str, list[NDArray[np.int64]]] = {}
    for path in paths:
        before = sum(map(len, found.values()))
        for contig, spans in _spans(path):
            if contig in contig_lengths:
                _require_inside(path, contig, spans, contig_lengths[contig])
                found.setdefault(contig, []).append(spans)
        if sum(map(len, found.values())) == before:
            raise ReferenceMismatchError(
                "no known site lies on a contig of the reference",
                file=path,
                remedy="give known sites whose contigs are named as in the reference",
            )
    return {contig: _disjoint(np.concatenate(parts)) for contig, parts in found.items()}


def _spans(path: Path) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Contig and int64[n, 2] of 0-based half-open spans, for each run of lines on one contig."""
    from engine.recalibrate.known_sites_kernels import find_sites

    line = 1
    require_whole_by_index(path, error=KnowledgeError)
    for piece in text_pieces(path, size=_BLOCK):
        text = np.frombuffer(piece, np.uint8)
        lines = int(np.count_nonzero(text == ord("\n")))
        sites = np.empty((lines, 4), dtype=np.int64)
        count = find_sites(text, sites)
        if count < 0:
            raise KnowledgeError(
                "the line is no VCF record",
                file=path,
                place=f"line {line - 1 - count:,}",
                remedy="give a VCF of known sites, plain or bgzip",
            )
        line += lines
        yield from _by_contig(text, sites[:count])


def _by_contig(text: NDArray[np.uint8], sites: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    start = 0
    while start < len(sites):
        name = text[sites[start, 0] : sites[start, 1]]
        stop = start + _run(text, sites[start:], name)
        starts = sites[start:stop, 2] - 1
        yield name.tobytes().decode(), np.stack([starts, starts + sites[start:stop, 3]], axis=1)
        start = stop


def _run(text: NDArray[np.uint8], sites: NDArray[np.int64], name: NDArray[np.uint8]) -> int:
    """How many of the first rows have this contig's name."""
    same = sites[:, 1] - sites[:, 0] == len(name)
    for i, letter in enumerate(name):
        same &= text[np.minimum(sites[:, 0] + i, len(text) - 1)] == letter
    return len(sites) if same.all() else int(np.argmin(same))


def _require_inside(path: Path, contig: str, spans: NDArray[np.int64], length: int) -> None:
    beyond = (spans[:, 0] < 0) | (spans[:, 1] > length)
    if beyond.any():
        raise ReferenceMismatchError(
            f"a known site lies beyond the contig's {length:,} bases",
            file=path,
            place=f"{contig}:{spans[int(np.argmax(beyond)), 0] + 1:,}",
            remedy="give known sites of the reference's own build",
        )


def _disjoint(spans: NDArray[np.int64]) -> Sites:
    """Sort spans and join those that overlap; the same bases are left out as before."""
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    furthest = np.maximum.accumulate(spans[:, 1])
    begins = np.concatenate([[True], spans[1:, 0] >= furthest[:-1]])
    ends = np.concatenate([furthest[:-1][begins[1:]], furthest[-1:]])
    return spans[begins, 0].astype(np.int32), ends.astype(np.int32)
