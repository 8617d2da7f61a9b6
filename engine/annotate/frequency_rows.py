"""What the table of population frequencies says of alleles, many at a time, along a contig.

The table is what :func:`engine.annotate.frequency_table.build_frequencies` wrote, sorted by place: of it only the
stretches are read where alleles lie that are asked about.
"""

from __future__ import annotations

from contextlib import ExitStack
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

_NAMES = {
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
"""Columns of the annotated variants by those of the table."""


@dataclass(frozen=True)
class Frequent:
    """What is known of some alleles.

    Attributes:
        columns: of the annotated variants, by name; none where nothing is known.
        matched: how many alleles the table has.
    """

    columns: dict[str, pa.Array] = field(default_factory=dict)
    matched: int = 0


class FrequencyRows:
    """A table of frequencies, read along.

    Args:
        table: as built; nothing is known where it is absent.
    """

    def __init__(self, table: Path | None) -> None:
        self._table = table
        self._groups = _groups(table) if table else []
        self._held: dict[int, pa.Table] = {}

    def of(self, contig: str, positions: NDArray[np.int64], ref: pa.Array, alt: pa.Array) -> Frequent:
        """What is said of alleles.

        Args:
            contig: without ``chr``, of all.
            positions: 1-based, shape (alleles,).
            ref: REF of each.
            alt: ALT of each.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._table is None or not len(positions):
            return Frequent()
        span = int(positions.min()), int(positions.max())
        wanted = [number for number, group in enumerate(self._groups) if group.may_hold(contig, *span)]
        self._read(wanted)
        if not wanted:
            return Frequent()
        table = pa.concat_tables([self._held[number] for number in wanted])
        table = table.filter(pc.equal(table["contig"], contig)).combine_chunks()
        if not len(table):
            return Frequent()
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        alleles = AlleleRows(columns["position"].to_numpy().astype(np.int64), columns["ref"], columns["alt"])
        numbers, rows = alleles.pairs(positions, ref, alt)
        called = columns["frequency_number"].fill_null(0).to_numpy()
        order = np.lexsort((-called[rows], numbers))  # of an allele that is there twice the row of more alleles called
        found = first_of_each(numbers[order], rows[order], len(positions))
        indices = pa.array(found, mask=found < 0)
        told = {name: columns[own].take(indices) for own, name in _NAMES.items()}
        told["populations"] = without_nulls(told["populations"])
        return Frequent(told, int((found >= 0).sum()))

    def _read(self, wanted: list[int]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._held = {number: self._held[number] for number in wanted if number in self._held}
        missing = [number for number in wanted if number not in self._held]
        if not missing:
            return
        with ExitStack() as stack:
            try:
                file = stack.enter_context(pq.ParquetFile(self._table))
                self._held |= {number: file.read_row_group(number, use_threads=False) for number in missing}
            except (OSError, pa.ArrowInvalid) as error:
                raise KnowledgeError(
                    f"the frequencies cannot be read: {error}", file=self._table, remedy="build frequencies again"
                ) from error


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


def _groups(table: Path) -> list[_Group]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(table) as file:
            facts = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
            return [_Group(_range(one.column(0).statistics), _range(one.column(1).statistics)) for one in facts]
    except (OSError, pa.ArrowInvalid) as error:
        raise KnowledgeError(
            f"the frequencies cannot be read: {error}", file=table, remedy="build frequencies again"
        ) from error


def _range(statistics: Any) -> tuple[Any, Any]:
    return statistics.min, statistics.max
