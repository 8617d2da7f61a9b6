"""Where a sample's depth is low: stretches of the territory below 10x and from 10x to below 20x, as a BED file.

Depth is that of :mod:`engine.reads.measures` (quality 20, mapping quality 20, no duplicates, mates once), taken from
the window in which coverage is measured anyway: nothing is read again for it, and it costs about 10 ns of CPU a base
of the territory.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import AlignmentFileError
from engine.files.text import text_lines

LOW_DEPTHS = (10, 20)
"""Below the first hardly anything can be said, below the second a heterozygote may be missed."""
SUFFIX = ".low_coverage.bed.gz"
_NAMES = ("below_10x", "10x_to_19x")

Stretches = NDArray[np.int64]
"""int64[n, 3]: start and end, 0-based half-open, and the place in :data:`LOW_DEPTHS` of the lowest bound missed."""


class LowCoverage:
    """Gathers the low stretches of one contig after the other, of final depth that comes window by window.

    Args:
        contigs: names of the contigs, in order.
    """

    def __init__(self, contigs: Sequence[str]) -> None:
        self._contigs = contigs
        self._found: dict[str, list[Stretches]] = {}

    def add(
        self,
        contig: int,
        depth: NDArray[np.int32],
        base: int,
        end: int,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
    ) -> None:
        """Take the final depth of ``[base, end)``.

        Args:
            contig: number of the contig.
            depth: from position ``base`` on; positions beyond it have none.
            base: first position.
            end: one past the last position.
            starts: of the territory's intervals on this contig, in order, apart from each other.
            ends: their ends.
        """
        first, last = int(np.searchsorted(ends, base, "right")), int(np.searchsorted(starts, end, "left"))
        if first >= last:
            return
        begins, stops = np.maximum(starts[first:last], base), np.minimum(ends[first:last], end)
        reach = base + len(depth)
        seen, bare = begins < reach, stops > reach
        found = [_low(depth, base, begins[seen], np.minimum(stops[seen], reach))] if seen.any() else []
        if bare.any():
            gaps = np.stack([np.maximum(begins[bare], reach), stops[bare], np.zeros(bare.sum(), np.int64)], axis=1)
            found.append(gaps)
        self._found.setdefault(self._contigs[contig], []).extend(part for part in found if len(part))

    def stretches(self) -> dict[str, Stretches]:
        """By contig, in order; neighbours of one kind are one."""
        return {contig: _joined(np.concatenate(parts)) for contig, parts in self._found.items() if parts}


def _low(depth: NDArray[np.int32], base: int, begins: NDArray[np.int64], stops: NDArray[np.int64]) -> Stretches:
    """The low stretches within pieces of the window."""
    pieces = [depth[begin - base : stop - base] for begin, stop in zip(begins.tolist(), stops.tolist(), strict=True)]
    joined = np.concatenate(pieces)
    grade = np.searchsorted(np.array(LOW_DEPTHS, np.int32), joined, "right")
    borders = np.concatenate([[0], np.cumsum(stops - begins)])
    cuts = np.union1d(np.flatnonzero(np.diff(grade)) + 1, borders)
    from_, to, kind = cuts[:-1], cuts[1:], grade[cuts[:-1]]
    low = kind < len(LOW_DEPTHS)
    piece = np.searchsorted(borders, from_[low], "right") - 1
    shift = begins[piece] - borders[piece]
    return np.stack([from_[low] + shift, to[low] + shift, kind[low]], axis=1).astype(np.int64)


def _joined(stretches: Stretches) -> Stretches:
    apart = (stretches[1:, 0] != stretches[:-1, 1]) | (stretches[1:, 2] != stretches[:-1, 2])
    first = np.flatnonzero(np.concatenate([[True], apart]))
    last = np.append(first[1:], len(stretches)) - 1
    return np.stack([stretches[first, 0], stretches[last, 1], stretches[first, 2]], axis=1)


def write_low_coverage(stretches: Mapping[str, Stretches], path: Path) -> None:
    """Write them as BED: contig, 0-based start, end, ``below_10x`` or ``10x_to_19x``; equal content, equal bytes."""
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
        for contig, rows in stretches.items():
            lines = (f"{contig}\t{start}\t{end}\t{_NAMES[kind]}\n" for start, end, kind in rows.tolist())
            file.write("".join(lines).encode())


def read_low_coverage(path: Path) -> dict[str, Stretches]:
    """What :func:`write_low_coverage` wrote.

    Raises:
        AlignmentFileError: the file is missing or damaged.
    """
    rows: dict[str, list[tuple[int, int, int]]] = {}
    try:
        for line in text_lines(path):
            contig, start, end, name = line.rstrip("\n").split("\t")
            rows.setdefault(contig, []).append((int(start), int(end), _NAMES.index(name)))
    except (OSError, ValueError) as error:
        raise AlignmentFileError(
            f"the file of low coverage cannot be read: {error}", file=path, remedy="align the sample again"
        ) from error
    return {contig: np.array(found, np.int64) for contig, found in rows.items()}
