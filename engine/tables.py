"""Columns: what each column of a table is called, of which type and unit it is, what a value means and may be.

A table's columns are stated once, as a tuple of :class:`Column` beside the code that writes the table. All that tells
of them is made of these tuples: Arrow schemas, the catalogue's column schema, the YAML by which dbt builds and tests
the cohort tables (:mod:`engine.cohort.dbt_yaml`), the expectations that Great Expectations judges a table by
(:mod:`engine.quality.expectations`) and the page ``docs/tables.md`` (:mod:`resources.described_tables`, which has all).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: of the column.
        type: in DuckDB's words; ``STRUCT`` and lists (``[]``) included.
        meaning: what a value says; when it may be absent.
        unit: of a number, such as ``reads``, ``bases``, ``copies`` or ``Phred``; ``fraction`` and ``ratio`` have no
            dimension. Empty for what is no number.
        required: whether every row has a value.
        unique: whether no value comes twice.
        values: the values there are; empty where they are not a fixed few.
        minimum: smallest value, absent where there is none.
        maximum: largest value, absent where there is none.
        refers_to: the table that has every value, in a column of the same name; empty where there is none.
        formerly: the name that rows kept by an earlier release have it under; empty where it never had another.
    """

    name: str
    type: str
    meaning: str
    unit: str = ""
    required: bool = False
    unique: bool = False
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    refers_to: str = ""
    formerly: str = ""

    @property
    def description(self) -> str:
        """The meaning with the unit, in a line."""
        return f"{self.meaning} (unit: {self.unit})" if self.unit else self.meaning


def struct_of(columns: Sequence[Column]) -> str:
    """The type of a value that has these columns as its fields."""
    return "STRUCT(" + ", ".join(f"{column.name} {column.type}" for column in columns) + ")"


def arrow_schema(columns: Sequence[Column], *, bare: bool = False) -> pa.Schema:
    """The Arrow schema of a table's columns.

    Args:
        columns: in order.
        bare: whether names and types are all; else each field carries its meaning, and its unit, as metadata.
    """
    return _schema_of(tuple(columns), bare)


@lru_cache(maxsize=64)
def _schema_of(columns: tuple[Column, ...], bare: bool) -> pa.Schema:
    """As :func:`arrow_schema`; that of a hundred columns, which is asked for with every batch, takes 2 ms to make."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field(column.name, _arrow_type(column.type), metadata=None if bare else _told(column))
            for column in columns
        ]
    )


def read_rows(path: Path) -> pa.Table:
    """All of a Parquet file; pyarrow's own ``read_table`` loads pandas first, half a second in every run."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        rows: pa.Table = file.read()
    return rows


def spare_pyarrow() -> None:
    """Have pyarrow do without pandas, and leave memory to the system; for a command, at its beginning.

    Handed its first list, pyarrow loads pandas to see whether the list is one of pandas' own: half a second. Its own
    allocator gives pages back and takes them again, batch by batch: a tenth of what annotating costs.
    """
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    _keep_memory()
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([])  # it looks once, and remembers
    finally:
        sys.meta_path.remove(_NoPandas)


def _keep_memory() -> None:
    """Have the system keep what is given back, since the next batch wants as much: pages taken anew are cleared first,
    a quarter of the kernel's share of what annotating costs. Nothing but the C library of GNU can be told so."""
    import ctypes

    with suppress(AttributeError, OSError):
        tell = ctypes.CDLL(None).mallopt
        for option, size in _MEMORY_KEPT:
            tell(option, size)


# mallopt(3): M_TRIM_THRESHOLD, never; M_MMAP_THRESHOLD, the most that it may be; M_TOP_PAD.
_MEMORY_KEPT = ((-1, (1 << 31) - 1), (-3, 32 << 20), (-2, 64 << 20))


class _NoPandas:
    """Finds every module but pandas with those who come after it."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("pyarrow does without", name=name)


def _told(column: Column) -> dict[str, str]:
    return {"meaning": column.meaning} | ({"unit": column.unit} if column.unit else {})


def _arrow_type(text: str) -> pa.DataType:
    import pyarrow as pa

    if text.endswith("[]"):
        return pa.list_(_arrow_type(text[:-2]))
    if text.startswith("STRUCT("):
        members = (member.split(" ") for member in text[7:-1].split(", "))
        return pa.struct([pa.field(name, _arrow_type(kind)) for name, kind in members])
    simple = {
        "VARCHAR": pa.string(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "SMALLINT": pa.int16(),
        "TINYINT": pa.int8(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "DATE": pa.date32(),
    }
    return simple[text]
