"""Great Expectations over tables: whether every value is what its column promises (:class:`engine.tables.Column`).

Bounds on a figure of a receipt need no table and are judged in :mod:`engine.quality.gate`. Loading Great Expectations
takes five CPU seconds, so that many tables are judged in one process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.tables import Column

if TYPE_CHECKING:
    import pandas as pd

_ELSEWHERE = re.compile(
    r"""<link[^>]+https?://[^>]*>|<script[^>]+https?://[^>]*>\s*</script>|<img[^>]+https?://[^>]*>"""
    r"""|url\(\s*['"]https?://[^)]*\)"""
)
_BROKEN = {
    "not_be_null": "have no value",
    "be_unique": "hold a value that comes twice",
    "be_in_set": "hold a value that there is not",
    "be_between": "lie outside the bounds",
}


@dataclass(frozen=True)
class TableVerdict:
    """What became of one table.

    Attributes:
        name: of the table.
        rows: that were judged.
        broken: in words, each promise that a value breaks; empty for a good table.
        page: Great Expectations' own page of results, HTML that asks no other host for anything.
    """

    name: str
    rows: int
    broken: tuple[str, ...]
    page: str


class Judge:
    """Judges tables, one after another, in one context of Great Expectations."""

    def __init__(self) -> None:
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # a clinical platform calls nobody
        import great_expectations as gx

        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False, "metric_calculations": False}

    def judge(self, name: str, table: Path, columns: Sequence[Column]) -> TableVerdict:
        """Judge a Parquet file by its columns.

        Args:
            name: what the page is headed with.
            table: the file.
            columns: what it promises; a column that the file lacks is a broken promise.
        """
        import great_expectations as gx
        import pyarrow.parquet as pq
        from great_expectations.render.renderer import ValidationResultsPageRenderer
        from great_expectations.render.view import DefaultJinjaPageView

        judged = [column for column in columns if list(_expectations(column))]
        present = set(pq.read_schema(table).names)
        frame = pq.read_table(table, columns=[c.name for c in judged if c.name in present]).to_pandas()
        suite = gx.ExpectationSuite(name=name)
        for column in judged:
            for expectation in _expectations(column):
                suite.add_expectation(expectation)
        result = self._batch(frame).validate(suite)
        page = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(result))
        broken = tuple(_told(one) for one in result.results if not one.success)
        return TableVerdict(name, len(frame), broken, _ELSEWHERE.sub("", page))

    def _batch(self, frame: pd.DataFrame) -> Any:
        return self._context.data_sources.pandas_default.read_dataframe(frame)


def _expectations(column: Column) -> Iterator[Any]:
    """What a column promises, in Great Expectations' words."""
    from great_expectations import expectations as expect

    if column.required:
        yield expect.ExpectColumnValuesToNotBeNull(column=column.name)
    if column.unique:
        yield expect.ExpectColumnValuesToBeUnique(column=column.name)
    if column.values:
        yield expect.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.values))
    if column.minimum is not None or column.maximum is not None:
        yield expect.ExpectColumnValuesToBeBetween(
            column=column.name, min_value=column.minimum, max_value=column.maximum
        )


def _told(result: Any) -> str:
    """One broken promise: which column, what was promised, how many rows break it, and some of what they hold."""
    config, found = result.expectation_config, result.result
    column, kind = config.kwargs["column"], config.type.removeprefix("expect_column_values_to_")
    if "unexpected_count" not in found:
        return f"{column}: the column is missing"
    some = ", ".join(repr(value) for value in found.get("partial_unexpected_list", [])[:3])
    shown = f" ({some})" if some and kind != "not_be_null" else ""
    return f"{column}: {found['unexpected_count']:,} rows {_BROKEN[kind]}{shown}"
