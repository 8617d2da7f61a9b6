"""Questions to the cohort's tables, by the files that the Delta log lists: who carries what, and where.

Files are sorted by place, so that a stretch is read from the groups of rows that hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.columns import CONTIG, POSITION
from engine.duckdb_paths import as_pattern
from engine.reference.intervals import Interval

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_WITHIN = f"{CONTIG.name} = $2 AND {POSITION.name} > $3 AND {POSITION.name} <= $4"


def carriers(db: duckdb.DuckDBPyConnection, calls: Sequence[str], at: Interval) -> list[str]:
    """Ids of the samples that carry an allele within a stretch, in order.

    Args:
        db: a connection.
        calls: Parquet files of the table ``calls``.
        at: 0-based half-open, such as a gene's.
    """
    if not calls:
        return []
    found = db.execute(f"SELECT DISTINCT sample_id FROM read_parquet($1) WHERE {_WITHIN}", _parameters(calls, at))
    return sorted(row[0] for row in found.fetchall())


def calls_within(db: duckdb.DuckDBPyConnection, calls: Sequence[str], at: Interval) -> pa.Table:
    """Every sample's calls within a stretch, in the order of places and samples; arguments as of :func:`carriers`."""
    query = (
        f"SELECT sample_id, contig, position, ref, alt, copies, ploidy FROM read_parquet($1) WHERE {_WITHIN}"
        " ORDER BY position, ref, alt, sample_id"
    )
    rows: pa.Table = db.sql(query, params=_parameters(calls, at)).to_arrow_table()
    return rows


def _parameters(calls: Sequence[str], at: Interval) -> list[object]:
    return [[as_pattern(Path(file)) for file in calls], at.contig, at.start, at.end]
