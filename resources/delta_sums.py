"""Delta tables of signed changes whose sum is what counts: adding to them never reads what is there.

Changes of one sample are tier 0. From time to time small tiers are summed up into one file of a higher tier, rarely
large ones: each row is rewritten as often as the logarithm of the table's size.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine.cohort.columns import COUNTED, GOLD
from engine.cohort.gold import TIER, rebuilt, summed
from resources.delta_history import shorten
from resources.delta_tables import (
    KEPT_SHORT,
    NAMESPACE,
    WRITING,
    DeltaTables,
    names_of,
    until_committed,
    writer_properties,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable

SUM_UP_AT = 32
"""Changes of single samples at which they are summed up."""
TIER_ROWS, TIER_GROWTH = 1_000_000, 8
"""Rows that the first tier has at most, and how many times as many each further one."""


@dataclass(frozen=True)
class DeltaSums(DeltaTables):
    """As :class:`resources.delta_tables.DeltaTables`, with the tables of :data:`engine.cohort.columns.GOLD`."""

    def add(self, table: str, rows: pa.Table, *, of: str, number: int) -> bool:
        """Add changes exactly once; False where they were the last that were added.

        Whoever adds others before these are known to be there adds these twice: the warehouse's journal has one intent.

        Args:
            table: name of the table.
            rows: the changes.
            of: the sample whose they are, of which nothing is kept.
            number: of these changes; the next ones have another.
        """
        with self._told(table), self._alone(table, WRITING):
            written = until_committed(partial(self._add, table, rows, of, number))
            if written is not None:
                self._sum_up(table, written)
                shorten(self.root / table)
        return written is not None

    def _add(self, table: str, rows: pa.Table, of: str, number: int) -> DeltaTable | None:
        from deltalake import write_deltalake

        how = {"writer_properties": writer_properties(rows.schema), "commit_properties": _numbered(number)}
        opened = self._open(table)
        if opened is None:
            self._begin(table, rows, how)
            return self._open(table)
        if number in map(opened.transaction_version, (_LAST, _former_application(of))):
            return None
        write_deltalake(opened, rows, mode="append", **how)
        return opened

    def _sum_up(self, table: str, opened: DeltaTable) -> None:
        """Make the changes of single samples, and as many tiers above as are not much larger, one file."""
        if len(names_of(opened, TIER, 0)) < SUM_UP_AT:
            return
        tier = _tier_for(_rows_by_tier(opened))
        names = [name for each in range(tier + 1) for name in names_of(opened, TIER, each)]
        self.rewrite(table, opened, names, summed(table, tier), f"{TIER} <= {tier}")

    def _sum_up_anew(self) -> None:
        """Make the sums of every sample's rows: of a cohort that has none yet."""
        import duckdb
        from deltalake import write_deltalake

        files = {name: self.files(name) for name in COUNTED}
        if not files["samples"]:
            return
        for table in GOLD:
            with self._told(table), self._alone(table, WRITING), duckdb.connect() as db:
                rebuilt(db, files, table).create_view("rows")
                rows = db.sql(summed(table, 1)).to_arrow_table()
                path = str(self.root / table)
                how = {"writer_properties": writer_properties(rows.schema), "configuration": KEPT_SHORT}
                write_deltalake(path, rows, mode="overwrite", **how)


def _tier_for(rows: dict[int, int]) -> int:
    """The least tier that may have as many rows as it and all below have together."""
    tier = 1
    while sum(count for each, count in rows.items() if each <= tier) > TIER_ROWS * TIER_GROWTH ** (tier - 1):
        tier += 1
    return tier


def _rows_by_tier(opened: DeltaTable) -> dict[int, int]:
    import pyarrow as pa

    added = pa.table(opened.get_add_actions(flatten=True))
    found: dict[int, int] = {}
    for tier, count in zip(added[f"min.{TIER}"].to_pylist(), added["num_records"].to_pylist(), strict=True):
        if tier is not None:
            found[tier] = found.get(tier, 0) + count
    return found


_LAST = uuid.uuid5(NAMESPACE, "changes added last").hex
"""The application id under which the log keeps the number of the changes that were added last."""


def _former_application(sample: str) -> str:
    """That of an earlier release, which kept one a sample: what it began is completed once."""
    return uuid.uuid5(NAMESPACE, f"sums of {sample}").hex


def _numbered(number: int) -> CommitProperties:
    from deltalake import CommitProperties, Transaction

    return CommitProperties(app_transactions=[Transaction(_LAST, number)])
