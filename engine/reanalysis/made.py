"""With which knowledge what is published of every sample was made: one table, kept from one look to the next.

A look reads again the receipts of those samples alone of which anything was published since the look before; of all
others the table says what theirs say. It saves reading and decides nothing: a confirmation that is made by it names the
version of the artifact, and is compared with the receipt wherever it is used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.reanalysis.confirmation import CONFIRMATION_COLUMNS
from engine.receipt import Receipt
from engine.tables import Column, arrow_schema, read_rows

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MADE_FILE = "made.parquet"
_CONFIRMED_COLUMNS = {column.name: column for column in CONFIRMATION_COLUMNS}
MADE_COLUMNS = (
    *(_CONFIRMED_COLUMNS[name] for name in ("sample_id", "asset", "data_version")),
    Column("created", "VARCHAR", "When it was made, UTC time, ISO 8601", required=True),
    Column("decided", "BOOLEAN", "Whether a person's decision on an allele is told in it", required=True),
    *(_CONFIRMED_COLUMNS[name] for name in ("part", "made_with")),
    Column("release", "VARCHAR", "What people call the version of the part", required=True),
)


def made_with(receipts: Iterable[Receipt], readers: Mapping[str, Collection[str]]) -> Iterator[dict[str, object]]:
    """Rows of the table (:data:`MADE_COLUMNS`), one for each part that an artifact was made with.

    Args:
        receipts: of what is published of samples.
        readers: parts of the knowledge that each asset reads, by its name.
    """
    for receipt in receipts:
        recipe = receipt.recipe
        for part in sorted(readers[receipt.asset]):
            if version := recipe.inputs.get(part):
                yield {
                    "sample_id": receipt.sample,
                    "asset": receipt.asset,
                    "data_version": receipt.data_version,
                    "created": receipt.created,
                    "decided": bool(recipe.parameters.get("decisions")),
                    "part": part,
                    "made_with": version,
                    "release": recipe.knowledge.get(part, f"data version {version[:12]}"),
                }


class Made:
    """The table of all samples, beside the confirmations that there are, asked by columns.

    Args:
        kept: rows that an earlier look kept, absent where there was none.
        read: rows of the samples that were read now; they take the place of theirs that were kept.
        again: the samples that were read now, whether or not anything is published of them.
        taking_part: samples whose rows count.
        now: data version in force by part.
        confirmations: the table of confirmations of before (:data:`.confirmation.CONFIRMATION_COLUMNS`).
    """

    def __init__(
        self,
        kept: pa.Table | None,
        read: Iterable[Mapping[str, object]],
        *,
        again: Collection[str],
        taking_part: Collection[str],
        now: Mapping[str, str],
        confirmations: pa.Table | None,
    ) -> None:
        import duckdb
        import pyarrow as pa

        schema = arrow_schema(MADE_COLUMNS, bare=True)
        self._db: duckdb.DuckDBPyConnection = duckdb.connect(config={"threads": 1})  # more wait for each other
        self._table("kept", kept if kept is not None else schema.empty_table())
        self._table("read", pa.Table.from_pylist(list(read), schema=schema))
        self._table("again", pa.table({"sample_id": pa.array(again, pa.string())}))
        self._table("part_in_it", pa.table({"sample_id": pa.array(taking_part, pa.string())}))
        text = pa.string()
        self._table("in_force", pa.table({"part": pa.array(now, text), "version": pa.array(now.values(), text)}))
        of_confirmations = arrow_schema(CONFIRMATION_COLUMNS, bare=True)
        self._table("before", confirmations if confirmations is not None else of_confirmations.empty_table())
        self._db.execute(_MADE)

    def table(self) -> pa.Table:
        """All rows, by sample, asset and part, to be kept for the next look."""
        found: pa.Table = self._db.sql("SELECT * FROM made ORDER BY sample_id, asset, part").to_arrow_table()
        return found.cast(arrow_schema(MADE_COLUMNS))

    def behind(self) -> dict[tuple[str, str, str], list[str]]:
        """Samples by part, by the version that something of theirs was made with, and by what people call that.

        Only where that is not the version in force, and is not confirmed to stand under it.
        """
        rows = self._db.execute(_GROUPS).fetchall()
        return {(part, made, release): samples for part, made, release, samples in rows}

    def decided(self) -> set[str]:
        """Samples behind in which a person's decision is told."""
        return {
            sample for (sample,) in self._db.execute("SELECT DISTINCT sample_id FROM behind WHERE decided").fetchall()
        }

    def versions(self, asset: str) -> dict[str, str]:
        """Data version of an asset by sample."""
        rows = self._db.execute("SELECT DISTINCT sample_id, data_version FROM made WHERE asset = ?", [asset])
        return dict(rows.fetchall())

    def last_made(self, samples: Collection[str]) -> dict[str, str]:
        """When the newest of what is behind of some samples was made, by sample."""
        import pyarrow as pa

        self._table("chosen", pa.table({"sample_id": pa.array(samples, pa.string())}))
        newest = "SELECT sample_id, max(created) FROM behind SEMI JOIN chosen USING (sample_id) GROUP BY sample_id"
        return dict(self._db.execute(newest).fetchall())

    def confirmed(
        self, touched: Collection[str], *, releases: Mapping[str, str], when: str, code: str
    ) -> tuple[pa.Table, int]:
        """The confirmations in force from now on, and how many samples they newly speak of.

        Those of before that speak of what is published now, under the knowledge as it is now; and of everything that
        is behind of samples that are not touched.

        Args:
            touched: samples that are not confirmed.
            releases: what people call the versions in force, by part.
            when: UTC time, ISO 8601 to the second.
            code: digest of the code that found it.
        """
        import pyarrow as pa

        self._table("touched", pa.table({"sample_id": pa.array(touched, pa.string())}))
        named = pa.table({"part": pa.array(releases, pa.string()), "name": pa.array(releases.values(), pa.string())})
        self._table("named", named)
        self._db.execute(f"CREATE OR REPLACE TEMP TABLE stands AS {_STANDS}", [when, code])
        ((count,),) = self._db.execute("SELECT count(DISTINCT sample_id) FROM stands").fetchall()
        found = self._db.sql(_CONFIRMED).to_arrow_table()
        return found.cast(arrow_schema(CONFIRMATION_COLUMNS)), int(count)

    def _table(self, name: str, rows: pa.Table) -> None:
        self._db.register(name, rows)


def write_made(rows: pa.Table, path: Path) -> None:
    """Write the table of :meth:`Made.table` as Parquet."""
    import pyarrow.parquet as pq

    pq.write_table(rows, path, compression="zstd")


def read_made(path: Path) -> pa.Table:
    """The table that :func:`write_made` wrote."""
    return read_rows(path).cast(arrow_schema(MADE_COLUMNS, bare=True))


_SPEAKS = " AND ".join(
    f"c.{column} = m.{column}" for column in ("sample_id", "asset", "part", "data_version", "made_with")
)
_MADE = f"""
CREATE TEMP TABLE made AS
SELECT * FROM (SELECT * FROM kept ANTI JOIN again USING (sample_id) UNION ALL SELECT * FROM read)
SEMI JOIN part_in_it USING (sample_id);
CREATE TEMP TABLE behind AS
SELECT m.*, version FROM made m JOIN in_force USING (part)
WHERE made_with != version AND NOT EXISTS (
    SELECT 1 FROM before c WHERE {_SPEAKS} AND c.stands_under = version
);
"""
_GROUPS = """
SELECT part, made_with, release, list_sort(list(DISTINCT sample_id)) FROM behind
GROUP BY part, made_with, release ORDER BY part, made_with, release
"""
_STANDS = """
SELECT sample_id, asset, data_version, part, made_with, version AS stands_under, release AS release_before,
       coalesce(name, '') AS release_after, $1 AS confirmed, $2 AS code
FROM behind LEFT JOIN named USING (part) ANTI JOIN touched USING (sample_id)
"""
_CONFIRMED = f"""
SELECT * FROM (
    SELECT c.* FROM before c JOIN in_force USING (part) WHERE stands_under = version
    AND EXISTS (SELECT 1 FROM made m WHERE {_SPEAKS})
    UNION ALL SELECT * FROM stands
) ORDER BY sample_id, asset, part
"""
