"""The cohort tables: dbt over what samples contributed."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from engine.cohort.columns import TABLES, typed_table
from engine.cohort.models import cohort_models
from engine.cohort.tables import build_tables
from engine.errors import ToolError


def call(sample: str, position: int, copies: int, ploidy: int = 2) -> tuple[object, ...]:
    return (sample, "chr20", 0, position, "A", "G", copies, ploidy, 60, 30, 15, 15, 99, 0, 900)


def cohort_files(folder: Path, calls, missing, samples) -> dict[str, list[str]]:
    """Parquet files as the Delta log would list them."""
    rows = {
        "calls": calls,
        "no_calls": missing,
        "samples": [(sample, "female", None, None, None, "demo", "bcftools", "1") for sample in samples],
        "measures": [(sample, "raw_reads", "pairs", 5.0) for sample in samples],
    }
    for name, columns in TABLES.items():
        pq.write_table(typed_table(rows.get(name, ()), columns), folder / f"{name}.parquet")
    return {name: [str(folder / f"{name}.parquet")] for name in TABLES}


def test_positions_without_coverage_are_missing_not_reference(tmp_path: Path) -> None:
    files = cohort_files(
        tmp_path,
        calls=[call("S1", 100, 1), call("S2", 100, 2), call("S1", 200, 1), call("S4", 300, 1, ploidy=1)],
        missing=[
            ("S3", "chr20", 99, 100, 2),  # exactly the site at 100
            ("S3", "chr20", 150, 199, 2),  # ends just before the site at 200
            ("S2", "chr20", 200, 250, 2),  # starts just after it
            ("S4", "chr20", 0, 1000, 1),  # a single copy throughout
        ],
        samples=["S1", "S2", "S3", "S4"],
    )
    (tmp_path / "scratch").mkdir()
    results = build_tables(files, tmp_path, tmp_path / "scratch", threads=1)
    assert results and all(result.passed for result in results)
    columns = "position, allele_count, allele_number, carriers, homozygotes"
    frequencies = duckdb.sql(f"select {columns} from '{tmp_path}/cohort_allele_frequency.parquet' order by position")
    assert frequencies.fetchall() == [(100, 3, 5, 2, 1), (200, 1, 7, 1, 0), (300, 1, 7, 1, 0)]
    judged = {(result.model, result.name) for result in results}
    assert judged == {(model.name, test) for model in cohort_models() for test in model.tests}


def test_a_sample_appended_twice_is_found_by_a_test(tmp_path: Path) -> None:
    files = cohort_files(tmp_path, calls=[call("S1", 100, 1)] * 2, missing=[], samples=["S1"])
    (tmp_path / "scratch").mkdir()
    results = build_tables(files, tmp_path, tmp_path / "scratch", threads=1)
    assert [(r.name, r.failures) for r in results if r.failures] == [("a_sample_carries_an_allele_once", 1)]
    assert not list(tmp_path.glob("cohort_allele_frequency.parquet"))


def test_a_model_that_cannot_be_built_says_what_dbt_said(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    with pytest.raises(ToolError, match="nowhere"):
        build_tables({"calls": ["nowhere.parquet"]}, tmp_path, tmp_path / "scratch", threads=1)


@pytest.mark.parametrize("name", ["lab [1] o'brien", '50% x*y "{{a}}" ümlaut $HOME'])
def test_the_tables_do_not_depend_on_the_folders_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    (folder / "scratch").mkdir(parents=True)
    files = cohort_files(folder, calls=[call("S1", 100, 1)], missing=[], samples=["S1"])
    results = build_tables(files, folder, folder / "scratch", threads=1)
    assert all(result.passed for result in results)
    assert pq.read_table(folder / "cohort_allele_frequency.parquet").num_rows == 1


def test_every_published_column_is_described() -> None:
    for model in cohort_models():
        assert model.description and all(column.meaning for column in model.columns)
