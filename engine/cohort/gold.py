"""Sums over all samples as signed changes: what one sample adds to them, and what a scan of everything makes of them.

A sample that comes adds its alleles and the steps of its missing copies; one that goes takes the same away. So the
sums cost the same to keep in a cohort of ten and of ten thousand. :func:`differences` compares them with a scan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.call.ploidy import MITOCHONDRION
from engine.cohort.columns import COUNTED, GOLD, IN_ORDER, TABLES, typed_table
from engine.duckdb_paths import as_pattern
from engine.tables import arrow_schema

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

TIER = "tier"
"""Column that says how much is summed up in a row; it counts nothing."""


def keys_of(table: str) -> tuple[str, ...]:
    """Columns of a table of sums that say what is counted."""
    return tuple(column.name for column in GOLD[table] if column.type != "BIGINT" and column.name != TIER)


def sums_of(table: str) -> tuple[str, ...]:
    """Columns of a table of sums that count."""
    return tuple(column.name for column in GOLD[table] if column.type == "BIGINT")


def change(before: Mapping[str, pa.Table], after: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """What changes in the sums when a sample's rows become others; rows that change nothing are left out.

    Args:
        before: the sample's tables ``calls``, ``no_calls`` and ``samples`` as they count now; without a row of
            ``samples`` it does not count yet.
        after: as they are to count; empty of a sample that goes.

    Returns:
        The rows of each table of :data:`engine.cohort.columns.GOLD`, tier 0, in the order of files.
    """
    sides = [(sign, _whole(tables)) for sign, tables in ((-1, before), (1, after)) if "samples" in tables]
    return {name: _netted(name, [_ONE[name](tables, sign) for sign, tables in sides]) for name in GOLD}


def _whole(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """With a table of its columns where a sample has no row."""
    return {name: tables[name] if name in tables else typed_table([], TABLES[name]) for name in COUNTED}


def summed(table: str, tier: int) -> str:
    """SQL: the rows of ``rows`` summed up as one tier, in the order of files; what cancels out is gone."""
    keys = ", ".join(keys_of(table))
    sums = ", ".join(f"CAST(sum({name}) AS BIGINT) AS {name}" for name in sums_of(table))
    left = " OR ".join(f"sum({name}) <> 0" for name in sums_of(table))
    ordered = ", ".join(name for name in IN_ORDER if name in keys_of(table))
    return (
        f"SELECT {keys}, {sums}, CAST({tier} AS TINYINT) AS {TIER} FROM rows"
        f" GROUP BY {keys} HAVING {left} ORDER BY {ordered}"
    )


def rebuilt(db: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[str]], table: str) -> duckdb.DuckDBPyRelation:
    """A table of sums as a scan of every sample's rows makes it, not yet summed.

    Args:
        db: a connection; it gets views of ``calls``, ``no_calls`` and ``samples``.
        files: Parquet files of these tables, by the log.
        table: one of :data:`engine.cohort.columns.GOLD`.
    """
    for name in COUNTED:
        _view(db, name, files.get(name, ()), typed_table([], TABLES[name]))
    return db.sql(_SCANS[table])


def differences(files: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """By table of sums the rows that differ from a scan of every sample's rows, the first hundred of each, in words.

    Args:
        files: Parquet files of every table, all of one moment.
    """
    import duckdb

    with duckdb.connect() as db:
        return {name: _differing(db, files, name) for name in GOLD}


def _differing(db: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[str]], table: str) -> list[str]:
    columns = ", ".join((*keys_of(table), *sums_of(table)))
    less = ", ".join((*keys_of(table), *(f"-{name} AS {name}" for name in sums_of(table))))
    _view(db, "kept", files.get(table, ()), typed_table([], GOLD[table]))
    rebuilt(db, files, table).create_view("scanned", replace=True)
    db.execute(f"CREATE OR REPLACE VIEW rows AS SELECT {columns} FROM kept UNION ALL SELECT {less} FROM scanned")
    found = db.sql(f"{summed(table, 0)} LIMIT 100")
    names = found.columns[:-1]
    return [", ".join(f"{name} {value}" for name, value in zip(names, row, strict=False)) for row in found.fetchall()]


def _view(db: duckdb.DuckDBPyConnection, name: str, files: Sequence[str], empty: pa.Table) -> None:
    db.from_arrow(empty).create_view(f"empty_{name}", replace=True)
    if files:
        db.read_parquet([as_pattern(Path(file)) for file in files]).create_view(f"{name}_files", replace=True)
    more = f" UNION ALL BY NAME SELECT * FROM {name}_files" if files else ""
    db.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM empty_{name}{more}")


def _alleles(tables: Mapping[str, pa.Table], sign: int) -> pa.Table:
    """One row for each allele that a sample carries."""
    import pyarrow as pa
    import pyarrow.compute as pc

    calls = tables["calls"]
    ploidy, signed = calls["ploidy"], pa.scalar(sign, pa.int64())
    is_single = pc.and_(pc.equal(ploidy, 1), pc.invert(pc.is_in(calls["contig"], pa.array(sorted(MITOCHONDRION)))))
    is_homozygote = pc.and_(pc.equal(calls["copies"], ploidy), pc.greater(ploidy, 1))
    counted = (pc.cast(calls["copies"], pa.int64()), _ones(calls), is_homozygote, is_single)
    keys = [calls[name] for name in ("contig", "position", "ref", "alt")]
    sums = [pc.multiply(pc.cast(column, pa.int64()), signed) for column in counted]
    return _as_rows("allele_count", [*keys, _sex(tables, len(calls)), *sums, _zeros(calls)])


def _steps(tables: Mapping[str, pa.Table], sign: int) -> pa.Table:
    """A step up where a stretch of missing copies starts, and down where it ends."""
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = tables["no_calls"]
    copies = pc.cast(missing["missing_copies"], pa.int64())
    sex = _sex(tables, len(missing))
    both = [
        _as_rows(
            "coverage_step",
            [
                missing["contig"],
                missing[end],
                sex,
                pc.multiply(copies, pa.scalar(way * sign, pa.int64())),
                _zeros(missing),
            ],
        )
        for end, way in (("start", 1), ("end", -1))
    ]
    return pa.concat_tables(both)


_ONE = {"allele_count": _alleles, "coverage_step": _steps}
_SCANS = {
    "allele_count": f"""
        SELECT contig, position, ref, alt, sex, CAST(copies AS BIGINT) AS allele_count,
            CAST(1 AS BIGINT) AS carriers,
            CAST(copies = ploidy AND ploidy > 1 AS BIGINT) AS homozygotes,
            CAST(ploidy = 1 AND contig NOT IN ({", ".join(f"'{name}'" for name in sorted(MITOCHONDRION))}) AS BIGINT)
                AS hemizygotes,
            CAST(0 AS TINYINT) AS tier
        FROM calls JOIN (SELECT sample_id, sex FROM samples) AS people USING (sample_id)""",
    "coverage_step": """
        SELECT contig, start AS place, sex, CAST(missing_copies AS BIGINT) AS step, CAST(0 AS TINYINT) AS tier
        FROM no_calls JOIN (SELECT sample_id, sex FROM samples) AS people USING (sample_id)
        UNION ALL
        SELECT contig, "end", sex, -CAST(missing_copies AS BIGINT), CAST(0 AS TINYINT)
        FROM no_calls JOIN (SELECT sample_id, sex FROM samples) AS people USING (sample_id)""",
}


def _netted(table: str, sides: Sequence[pa.Table]) -> pa.Table:
    """The sides summed, without what cancels out, in the order of files."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not sides:
        return typed_table([], GOLD[table])
    keys, sums = list(keys_of(table)), list(sums_of(table))
    total = pa.concat_tables(sides).group_by(keys).aggregate([(name, "sum") for name in sums])
    total = total.rename_columns({f"{name}_sum": name for name in sums})
    left = pc.not_equal(total[sums[0]], 0)
    for name in sums[1:]:
        left = pc.or_(left, pc.not_equal(total[name], 0))
    rows = total.filter(left).sort_by([(name, "ascending") for name in IN_ORDER if name in keys])
    return _as_rows(table, [*(rows[name] for name in (*keys, *sums)), _zeros(rows)])


def _as_rows(table: str, columns: Sequence[pa.ChunkedArray | pa.Array]) -> pa.Table:
    import pyarrow as pa

    schema = arrow_schema(GOLD[table], bare=True)
    return pa.table([column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema=schema)


def _sex(tables: Mapping[str, pa.Table], rows: int) -> pa.Array:
    import pyarrow as pa

    return pa.repeat(pa.scalar(tables["samples"]["sex"][0].as_py(), pa.string()), rows)


def _ones(rows: pa.Table) -> pa.Array:
    import pyarrow as pa

    return pa.repeat(pa.scalar(1, pa.int64()), len(rows))


def _zeros(rows: pa.Table) -> pa.Array:
    import pyarrow as pa

    return pa.repeat(pa.scalar(0, pa.int8()), len(rows))
