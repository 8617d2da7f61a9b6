"""Tables against what their columns promise, by Great Expectations itself."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.quality.data_docs import JudgedTable, judge_tables
from engine.quality.expectations import Judge
from engine.tables import Column

COLUMNS = (
    Column("id", "VARCHAR", "Its id", required=True, unique=True),
    Column("sex", "VARCHAR", "Stated sex", values=("female", "male")),
    Column("share", "DOUBLE", "Share of reads", minimum=0, maximum=1),
    Column("note", "VARCHAR", "Anything"),
)
GOOD = {"id": ["a", "b"], "sex": ["female", None], "share": [0.0, 1.0], "note": ["x", None]}


def table(path: Path, **changed: list[object]) -> Path:
    pq.write_table(pa.table(GOOD | changed), path)
    return path


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ()),
        ({"id": ["a", None]}, ("id: 1 rows have no value",)),
        ({"id": ["a", "a"]}, ("id: 2 rows hold a value that comes twice ('a', 'a')",)),
        ({"sex": ["male", "dog"]}, ("sex: 1 rows hold a value that there is not ('dog')",)),
        ({"share": [0.5, 1.5]}, ("share: 1 rows lie outside the bounds (1.5)",)),
    ],
)
def test_a_broken_promise_is_told(judge: Judge, tmp_path: Path, changed: dict, told: tuple[str, ...]) -> None:
    verdict = judge.judge("people", table(tmp_path / "people.parquet", **changed), COLUMNS)
    assert (verdict.broken, verdict.rows) == (told, 2)


def test_a_column_that_is_not_there_is_a_broken_promise(judge: Judge, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "people.parquet")
    told = judge.judge("people", tmp_path / "people.parquet", COLUMNS).broken
    assert told == ("sex: the column is missing", "share: the column is missing")


def test_an_empty_table_breaks_nothing(judge: Judge, tmp_path: Path) -> None:
    empty = pa.table({name: pa.array([], pa.string()) for name in GOOD})
    pq.write_table(empty.set_column(2, "share", pa.array([], pa.float64())), tmp_path / "people.parquet")
    assert judge.judge("people", tmp_path / "people.parquet", COLUMNS).broken == ()


def test_a_page_asks_no_other_host_for_anything(judge: Judge, tmp_path: Path) -> None:
    page = judge.judge("people", table(tmp_path / "people.parquet"), COLUMNS).page
    assert "<html" in page and "people" in page
    assert not [each for each in ("src=", "url(", "<link") if f'{each}"http' in page or f"{each}'http" in page]


def test_what_was_judged_is_not_judged_again_and_keeps_its_verdict(tmp_path: Path) -> None:
    good, bad = table(tmp_path / "good.parquet"), table(tmp_path / "bad.parquet", sex=["dog", "dog"])
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    tables = [JudgedTable("good", "1", good, COLUMNS), JudgedTable("bad", "1", bad, COLUMNS)]
    count, measures = judge_tables(tables, first, None)
    assert (count, measures["broken_tables"], measures["rows"]) == (2, 1, 4)
    good.unlink(), bad.unlink()  # nobody looks again
    assert judge_tables(tables, second, first) == (count, measures)
    assert sorted(path.name for path in second.iterdir()) == ["bad.html", "index.html", "judged.json"]
    assert "2 rows hold a value that there is not" in (second / "index.html").read_text()
