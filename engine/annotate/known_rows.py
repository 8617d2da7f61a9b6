"""What a table of knowledge by allele says of alleles, many at a time, along a contig.

Such tables (:mod:`engine.annotate.frequency_table`, :mod:`engine.annotate.dbsnp`) are sorted by place: of them only the
stretches are read where alleles lie that are asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.annotate.allele_rows import AlleleRows, first_of_each
from engine.annotate.frequencies import without_nulls
from engine.errors import KnowledgeError

if TYPE_CHECKING:
    import pyarrow as pa

_OF_FREQUENCIES = {
    "frequency": "frequency",
    "count": "frequency_count",
    "frequency_number": "frequency_number",
    "frequency_homozygotes": "frequency_homozygotes",
    "popmax": "popmax",
    "popmax_frequency": "popmax_frequency",
    "populations": "populations",
    "filter": "frequency_filter",
    "rs": "rs",
}
"""Columns of the annotated variants by those of the table of frequencies."""


@dataclass(frozen=True)
class KnownColumns:
    """What is known of some alleles.

    Attributes:
        columns: of the annotated variants, by name; none where nothing is known.
        matched: how many alleles the table has.
    """

    columns: dict[str, pa.Array] = field(default_factory=dict)
    matched: int = 0


class KnownRows:
    """A table of knowledge, read along.

    Args:
        table: as built; nothing is known where it is absent.
        part: of the knowledge, for errors.
        names: columns of the annotated variants by those of the table that are wanted.
        best: of an allele that is there twice the row with most in the first of these columns counts, of equal ones
            that with most in the next, or with least where its name has a minus sign; none where any does.
    """

    def __init__(self, table: Path | None, part: str, names: Mapping[str, str], best: Sequence[str] = ()) -> None:
        self._table, self._part, self._names, self._best = table, part, names, best
        self._groups = self._facts(table) if table else []
        self._held: dict[int, pa.Table] = {}

    def of(self, contig: str, positions: NDArray[np.int64], ref: pa.Array, alt: pa.Array) -> KnownColumns:
        """What is said of alleles.

        Args:
            contig: without ``chr``, of all.
            positions: 1-based, shape (alleles,).
            ref: REF of each.
            alt: ALT of each.
        """
        import pyarrow as pa

        columns = self._rows(contig, int(positions.min()), int(positions.max())) if len(positions) else {}
        if not columns:
            return KnownColumns()
        alleles = AlleleRows(columns["position"].to_numpy().astype(np.int64), columns["ref"], columns["alt"])
        numbers, rows = alleles.pairs(positions, ref, alt)
        if self._best:
            ranks = [_rank(columns[name.removeprefix("-")], least=name.startswith("-"))[rows] for name in self._best]
            order = np.lexsort((*reversed(ranks), numbers))
            numbers, rows = numbers[order], rows[order]
        found = first_of_each(numbers, rows, len(positions))
        indices = pa.array(found, mask=found < 0)
        told = {name: columns[own].take(indices) for own, name in self._names.items()}
        told |= {name: without_nulls(values) for name, values in told.items() if pa.types.is_list(values.type)}
        return KnownColumns(told, int((found >= 0).sum()))

    def _rows(self, contig: str, first: int, last: int) -> dict[str, pa.Array]:
        """The table's columns where a span of a contig lies; none where it has no row there."""
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted = [number for number, group in enumerate(self._groups) if group.may_hold(contig, first, last)]
        self._read(wanted)
        if not wanted:
            return {}
        table = pa.concat_tables([self._held[number] for number in wanted])
        table = table.filter(pc.equal(table["contig"], contig)).combine_chunks()
        return {name: table[name].combine_chunks() for name in table.column_names} if len(table) else {}

    def _read(self, wanted: list[int]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._held = {number: self._held[number] for number in wanted if number in self._held}
        missing = [number for number in wanted if number not in self._held]
        if not missing:
            return
        columns = list(dict.fromkeys(("contig", "position", "ref", "alt", *self._names)))
        try:
            with pq.ParquetFile(self._table) as file:
                for number in missing:
                    self._held[number] = file.read_row_group(number, columns=columns, use_threads=False)
        except (OSError, pa.ArrowInvalid) as error:
            raise self._damaged(error) from error

    def _facts(self, table: Path) -> list[_Group]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(table) as file:
                facts = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
                return [_Group(_range(one.column(0).statistics), _range(one.column(1).statistics)) for one in facts]
        except (OSError, pa.ArrowInvalid) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> KnowledgeError:
        return KnowledgeError(
            f"{self._part} cannot be read: {error}", file=self._table, remedy=f"build {self._part} again"
        )


def _rank(values: pa.Array, *, least: bool) -> NDArray[np.float64]:
    """Values such that the best is the smallest; what is absent comes last."""
    import pyarrow as pa

    known: NDArray[np.float64] = values.cast(pa.float64()).fill_null(np.inf if least else -np.inf).to_numpy()
    return known if least else -known


def frequency_rows(table: Path | None) -> KnownRows:
    """The table of frequencies; of an allele that it has twice the row of more alleles called counts, of equal ones the
    lower frequency, which hides no rare allele.
    """
    return KnownRows(table, "frequencies", _OF_FREQUENCIES, best=("frequency_number", "-frequency"))


def dbsnp_rows(table: Path | None) -> KnownRows:
    """The table of dbSNP's ids."""
    return KnownRows(table, "dbsnp", {"rs": "rs"})


@dataclass(frozen=True)
class _Group:
    """Where the rows of a part of the table lie; places are inclusive."""

    contigs: tuple[str, str]
    positions: tuple[int, int]

    def may_hold(self, contig: str, first: int, last: int) -> bool:
        """Whether rows of a span of a contig may be among them."""
        if not self.contigs[0] <= contig <= self.contigs[1]:
            return False
        alone = self.contigs[0] == self.contigs[1]
        return not alone or (self.positions[0] <= last and first <= self.positions[1])


def _range(statistics: Any) -> tuple[Any, Any]:
    return statistics.min, statistics.max
