"""What ClinVar's table says of an allele, looked up contig by contig: by place first, then by bases.

Variants come in order, so the table's rows of one contig at a time are held.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.annotate.allele_rows import AlleleRows, first_of_each
from engine.annotate.clinvar import Allele, ClinvarMatch
from engine.annotate.edit import shifted, trimmed

if TYPE_CHECKING:
    import pyarrow as pa

_KEYS = ("position", "ref", "alt")
_TOGETHER = 32
_FIELDS = list(ClinvarMatch.__annotations__)


class KnownAlleles:
    """ClinVar's table as :func:`engine.annotate.clinvar.build_clinvar` wrote it.

    Args:
        clinvar: the table; nothing is known where it is absent.
    """

    def __init__(self, clinvar: Path | None) -> None:
        self._clinvar = clinvar
        self._contig = ""
        self._held = KnownOnContig(None)

    def on(self, contig: str) -> KnownOnContig:
        """What is known on a contig, named without ``chr``."""
        if contig != self._contig:
            self._contig, self._held = contig, KnownOnContig(self._read(contig))
        return self._held

    def get(self, allele: Allele) -> ClinvarMatch | None:
        """What is known of one allele: contig without ``chr``, 1-based position, ref and alt."""
        return self.on(allele[0]).get(*allele[1:])

    def __contains__(self, allele: Allele) -> bool:
        return self.on(allele[0]).row(*allele[1:]) is not None

    def _read(self, contig: str) -> pa.Table | None:
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        if self._clinvar is None:
            return None
        with pq.ParquetFile(self._clinvar) as file:
            wanted = [number for number in range(file.num_row_groups) if _may_hold(file.metadata, number, contig)]
            table = file.read_row_groups(wanted, columns=["contig", *_KEYS, *_FIELDS], use_threads=False)
        return table.filter(pc.equal(table["contig"], contig)).combine_chunks()


def _may_hold(metadata: pa.FileMetaData, group: int, contig: str) -> bool:
    facts = metadata.row_group(group).column(0).statistics
    return facts is None or not facts.has_min_max or bool(facts.min <= contig <= facts.max)


class KnownOnContig:
    """The alleles of one contig, sorted by place."""

    def __init__(self, table: pa.Table | None) -> None:
        self._table = None if table is None or not table.num_rows else table
        self._matches: dict[int, ClinvarMatch] = {}

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """1-based positions."""
        return self._alleles.positions

    @cached_property
    def _alleles(self) -> AlleleRows:
        """By place; of rows of one allele the one with most stars first, then the one with the lowest id."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._table is None:
            return AlleleRows(np.zeros(0, np.int64), pa.array([], pa.string()), pa.array([], pa.string()))
        positions = self._table["position"].to_numpy().astype(np.int64)
        if (np.diff(positions) <= 0).any():
            ids = pc.cast(self._table["variation_id"], pa.int64()).to_numpy()
            order = np.lexsort((ids, -self._table["stars"].to_numpy().astype(np.int64), positions))
            self._table, positions = self._table.take(pa.array(order)).combine_chunks(), positions[order]
        ref, alt = (_one_chunk(self._table[name]) for name in ("ref", "alt"))
        return AlleleRows(positions, ref, alt)

    @cached_property
    def gains(self) -> NDArray[np.int64]:
        """By how many bases ALT is longer than REF."""
        return _lengths(self._alleles.alt) - _lengths(self._alleles.ref)

    @cached_property
    def _bases(self) -> tuple[list[str], list[str]]:
        return self._alleles.ref.to_pylist(), self._alleles.alt.to_pylist()

    def rows(self, positions: NDArray[np.int64], ref: pa.Array, alt: pa.Array) -> NDArray[np.int64]:
        """Row of the table of each allele, negative where it is not known."""
        return first_of_each(*self._alleles.pairs(positions, ref, alt), len(positions))

    def taken(self, rows: NDArray[np.int64]) -> dict[str, pa.Array]:
        """What is known, by columns; of a negative row nothing."""
        import pyarrow as pa

        if self._table is None:
            return {}
        indices = pa.array(rows, mask=rows < 0)
        return {name: _one_chunk(self._table[name]).take(indices) for name in _FIELDS}

    def matches(self, positions: NDArray[np.int64], ref: pa.Array, alt: pa.Array) -> dict[int, ClinvarMatch]:
        """What is known, by number of the allele."""
        import pyarrow as pa

        if self._table is None:
            return {}
        rows = self.rows(positions, ref, alt)
        numbers = np.flatnonzero(rows >= 0)
        told = self._table.select(_FIELDS).take(pa.array(rows[numbers])).to_pylist()
        return {number: ClinvarMatch(**one) for number, one in zip(numbers.tolist(), told, strict=True)}

    def row(self, position: int, ref: str, alt: str) -> int | None:
        """Row of the table of one allele."""
        positions, (refs, alts) = self.positions, self._bases
        first = int(np.searchsorted(positions, position))
        for row in range(first, len(positions)):
            if positions[row] != position:
                return None
            if refs[row] == ref and alts[row] == alt:
                return row
        return None

    def get(self, position: int, ref: str, alt: str) -> ClinvarMatch | None:
        """What is known of one allele."""
        row = self.row(position, ref, alt)
        return None if row is None else self.match(row)

    def match(self, row: int) -> ClinvarMatch:
        """What a row of the table says."""
        if row not in self._matches:
            assert self._table is not None
            first = row - row % _TOGETHER  # variants come in order, so the rows around it are asked for next
            told = self._table.select(_FIELDS).slice(first, _TOGETHER).to_pylist()
            self._matches.update((first + place, ClinvarMatch(**one)) for place, one in enumerate(told))
        return self._matches[row]

    def reach(self, sequence: str) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """How far each allele could be moved: first base (0-based), one past the last, and whether it is no SNV."""
        starts = self.positions - 1
        ends = starts + 1
        several = np.zeros(len(starts), np.bool_)
        for row, (ref, alt) in enumerate(zip(*self._bases, strict=True)):
            if len(ref) == 1 == len(alt):
                continue
            several[row] = True
            moved = shifted(trimmed(int(starts[row]), ref, alt), sequence, 1)
            ends[row] = max(starts[row] + len(ref), moved.end)
        return starts, ends, several


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _lengths(texts: pa.Array) -> NDArray[np.int64]:
    import pyarrow.compute as pc

    lengths: NDArray[np.int64] = pc.binary_length(texts).to_numpy().astype(np.int64)
    return lengths
