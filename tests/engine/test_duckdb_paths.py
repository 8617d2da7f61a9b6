"""DuckDB reads the file that is named, in folders whatever their names."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.duckdb_paths import as_literal, as_pattern

FOLDERS = ["lab data", "lab [1]", "o'brien", 'say "hi"', "50% x*y", "what?", "ümlaut", "{{a}}", "a\\b", "[", "%20"]


@pytest.mark.parametrize("name", FOLDERS)
def test_the_file_alone_is_read_and_written(tmp_path: Path, name: str) -> None:
    for folder, value in ((name, 1), ("50% xANOTHERy", 2), ("whatX", 2), ("lab 1", 2)):
        (tmp_path / folder).mkdir()
        pq.write_table(pa.table({"a": [value]}), tmp_path / folder / "t.parquet")
    written = tmp_path / name / "out.parquet"
    with duckdb.connect() as db:
        assert db.read_parquet(as_pattern(tmp_path / name / "t.parquet")).fetchall() == [(1,)]
        db.execute(f"COPY (SELECT 7 AS a) TO {as_literal(written)} (FORMAT parquet)")
    assert pq.read_table(written).to_pylist() == [{"a": 7}]
