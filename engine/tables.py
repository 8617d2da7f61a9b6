"""Columns: what each column of a table is called, of which type it is, what a value means and what it may be.

A table's columns are stated once, as a tuple of :class:`Column` beside the code that writes the table. Arrow schemas,
the catalogue's column schema and the expectations that Great Expectations judges the table by
(:mod:`engine.quality.expectations`) are made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: of the column.
        type: in DuckDB's words; ``STRUCT`` and lists (``[]``) included.
        meaning: what a value says, with unit; when it may be absent.
        required: whether every row has a value.
        unique: whether no value comes twice.
        values: the values there are; empty where they are not a fixed few.
        minimum: smallest value, absent where there is none.
        maximum: largest value, absent where there is none.
    """

    name: str
    type: str
    meaning: str
    required: bool = False
    unique: bool = False
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


def struct_of(columns: Sequence[Column]) -> str:
    """The type of a value that has these columns as its fields."""
    return "STRUCT(" + ", ".join(f"{column.name} {column.type}" for column in columns) + ")"


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """The Arrow schema of a table's columns; each field carries its meaning as metadata."""
    import pyarrow as pa

    fields = [
        pa.field(column.name, _arrow_type(column.type), metadata={"meaning": column.meaning}) for column in columns
    ]
    return pa.schema(fields)


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
        "TINYINT": pa.int8(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
    }
    return simple[text]
