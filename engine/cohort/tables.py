"""Building the cohort tables: dbt over the Delta tables' files, into DuckDB and Parquet.

The models and their tests are in ``dbt_project/``; here they are run and read. Nothing is published.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt_project import FOLDER as PROJECT
from engine.cohort.columns import BESIDE, GOLD, MODELLED, typed_table
from engine.cohort.disclosure import MINIMUM_CELL, ROUNDED_TO
from engine.cohort.models import cohort_models
from engine.duckdb_paths import as_literal, as_pattern
from engine.errors import ToolError

_ORDER = (
    *("kind", "stratum", "sample_id", "contig", "position", "ref", "alt"),
    *("gene", "category", "classification", "month"),
)
"""By what published tables are sorted, as far as a table has it."""
READ = {**MODELLED, **GOLD, **BESIDE}
"""Columns of each table that dbt reads."""
MEMORY = "2GB"
"""What DuckDB takes for the tables, in dbt and when they are written; what is more lies on the disk meanwhile."""
LISTING, PUT_ASIDE, DATABASE = "delta_files.json", "put_aside.json", "cohort.duckdb"


@dataclass(frozen=True)
class TestResult:
    """Verdict of one dbt test.

    Attributes:
        model: the table it judges.
        name: of the test.
        passed: whether no row failed.
        failures: rows that failed.
        message: what dbt said, absent where it passed.
    """

    model: str
    name: str
    passed: bool
    failures: int
    message: str | None


def build_tables(
    files: Mapping[str, Sequence[str]],
    folder: Path,
    scratch: Path,
    *,
    threads: int,
    put_aside: Collection[str] = (),
    spark: Path | None = None,
) -> list[TestResult]:
    """Run every model and test; if all tests pass, write ``<table>.parquet`` for each published table.

    What depends on a model whose test failed is not built, and its tests count as not passed.

    Args:
        files: Parquet files of each Delta table, by the log, all of one moment. Where there are none of sums over
            samples, these are made of the samples' rows.
        folder: for the tables.
        scratch: for dbt's own files and the DuckDB database.
        threads: of dbt and DuckDB.
        put_aside: ids of samples that are left out.
        spark: the ``dbt`` of an environment with dbt-spark, which runs the same SQL on Spark; on DuckDB where absent.

    Raises:
        ToolError: a model could not be built; the message is dbt's.
    """
    listing = scratch / LISTING
    listed = [
        (name, _named(scratch, name, number, file))
        for name in READ
        for number, file in enumerate(files.get(name) or [_empty(name, scratch)])
    ]
    listing.write_text(json.dumps([{"table_name": name, "uri": uri} for name, uri in listed]))
    database = scratch / DATABASE
    if put_aside:
        (scratch / PUT_ASIDE).write_text(json.dumps([{"sample_id": sample} for sample in sorted(put_aside)]))
    variables = {"put_aside": PUT_ASIDE} if put_aside else {}
    if put_aside or not all(files.get(name) for name in GOLD):
        variables["sum_anew"] = "yes"
    completed = _run_dbt(scratch, threads, variables, spark)
    results = _results(scratch / "target", completed)
    if all(result.passed for result in results):
        _export(database, folder, scratch / "spark-warehouse" / "cohort.db" if spark else None)
    return results


def contributors(files: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Ids of the samples that have contributed, by the files of the table ``samples``."""
    import pyarrow.parquet as pq

    found = {
        sample for file in files["samples"] for sample in pq.read_table(file, columns=["sample_id"])[0].to_pylist()
    }
    return tuple(sorted(found))


def count_rows(table: Path) -> int:
    """Rows of a Parquet file, from its footer."""
    import pyarrow.parquet as pq

    rows: int = pq.read_metadata(table).num_rows
    return rows


def _empty(table: str, scratch: Path) -> str:
    """A table to which nobody contributed a row has no file in its log, but it has columns."""
    import pyarrow.parquet as pq

    path = scratch / f"{table}.parquet"
    pq.write_table(typed_table([], READ[table]), path)
    return str(path)


def _named(scratch: Path, table: str, number: int, file: str) -> str:
    """A name for a file that SQL, Jinja and DuckDB's patterns leave alone, relative to the folder where dbt runs.

    The data folder's own may have quotes, brackets or braces in it.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", Path(file).name)
    name = Path("delta", table, f"{number}.{plain}")
    (scratch / name).parent.mkdir(parents=True, exist_ok=True)
    (scratch / name).symlink_to(Path(file).absolute())
    return str(name)


def _run_dbt(
    scratch: Path, threads: int, variables: Mapping[str, str], spark: Path | None
) -> subprocess.CompletedProcess[str]:
    command = [
        str(spark or Path(sys.executable).with_name("dbt")),
        "--no-use-colors",
        "build",
        *("--target", "spark" if spark else "duckdb"),
        *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
        *("--target-path", str(scratch / "target"), "--log-path", str(scratch / "logs")),
        *(
            "--vars",
            json.dumps({"delta_files": LISTING, "minimum_cell": MINIMUM_CELL, "rounded_to": ROUNDED_TO, **variables}),
        ),
    ]
    environment = os.environ | {
        "COHORT_DATABASE": DATABASE,
        "COHORT_THREADS": str(threads),
        "COHORT_MEMORY": MEMORY,
        "COHORT_FOLDER": str(scratch.absolute()),
    }
    return subprocess.run(command, env=environment, cwd=scratch, capture_output=True, text=True, check=False)


def _results(target: Path, completed: subprocess.CompletedProcess[str]) -> list[TestResult]:
    path = target / "run_results.json"
    results: list[dict[str, Any]] = json.loads(path.read_text())["results"] if path.exists() else []
    broken = [result for result in results if result["status"] in ("error", "runtime error")]
    if not results or broken:
        said = (
            "; ".join(str(result["message"]) for result in broken)
            or completed.stdout[-2000:] + completed.stderr[-2000:]
        )
        raise ToolError(f"dbt could not build the cohort tables: {said}", remedy="mend the model that it names")
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    return [
        _verdict(nodes[result["unique_id"]], result) for result in results if result["unique_id"].startswith("test.")
    ]


def _verdict(node: Mapping[str, Any], result: Mapping[str, Any]) -> TestResult:
    kind, column = (node.get("test_metadata") or {}).get("name"), node.get("column_name")
    attached = node.get("attached_node") or node["depends_on"]["nodes"][0]
    return TestResult(
        model=attached.rsplit(".", 1)[1],
        name=f"{kind}_{column}" if kind else node["name"],
        passed=result["status"] == "pass",
        failures=result["failures"] or 0,
        message=result["message"],
    )


def _export(database: Path, folder: Path, spark_tables: Path | None) -> None:
    import duckdb

    spilling: dict[str, Any] = {"memory_limit": MEMORY, "temp_directory": str(database.with_suffix(".spill"))}
    made_there: dict[str, Any] = {"database": str(database), "read_only": True} if spark_tables is None else {}
    with duckdb.connect(**made_there, config=spilling) as connection:
        for model in cohort_models():
            ordered = ", ".join(column.name for column in model.columns if column.name in _ORDER)
            target = folder / f"{model.name}.parquet"
            names = ", ".join(column.name for column in model.columns)
            made = (
                f"read_parquet({as_literal(Path(as_pattern(spark_tables / model.name)) / '*.parquet')})"
                if spark_tables
                else model.name
            )
            connection.execute(
                f"COPY (SELECT {names} FROM {made} ORDER BY {ordered}) TO {as_literal(target)} (COMPRESSION zstd)"
            )
