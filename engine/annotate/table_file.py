"""How the tables of a sample's variants are written as Parquet."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_PLACE = ("contig", "position")


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """How a table of variants is written: a dictionary for columns whose values come again and again, and statistics
    where rows are looked for by place. A quarter less time and space than by default.

    Of some hundred columns within lists most rows have nothing, so that most of the work is to begin: a batch of rows
    is written at once, on one page, for a tenth less.
    """
    own = [name for name in schema.names if name not in _ITS_OWN]
    inner = [path for name in own for path in _paths(name, schema.field(name).type)]
    return {
        "compression": "zstd",
        "use_dictionary": [path for path in inner if path.rpartition(".")[2] not in _ITS_OWN],
        "write_statistics": [name for name in _PLACE if name in schema.names],
        "write_batch_size": _AT_ONCE,
        "max_rows_per_page": _AT_ONCE,
    }


_AT_ONCE = 1 << 17
_MANY_PARTS = "consequences"
"""The column of lists of which nearly every row has some."""
_ITS_OWN = frozenset({"allele", "position", "original", "hgvs_g", "hgvs_c", "hgvs_p", "rs", "qual", "depth"})
"""Columns of which nearly every row has a value of its own."""


def coded_schema(schema: pa.Schema) -> pa.Schema:
    """A table's schema with texts that come again and again as dictionaries: what is written so is neither looked up
    text by text, nor copied where rows are put in order. For :func:`open_coded`."""
    import pyarrow as pa

    return pa.schema([pa.field(one.name, _coded(one), one.nullable, one.metadata) for one in schema])


def _coded(field: pa.Field) -> pa.DataType:
    import pyarrow as pa

    kind = field.type
    if field.name == _MANY_PARTS:
        return pa.list_(pa.struct([pa.field(one.name, _coded(one)) for one in kind.value_type]))
    return pa.dictionary(pa.int32(), kind) if pa.types.is_string(kind) and field.name not in _ITS_OWN else kind


def open_coded(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a Parquet file for tables of :func:`coded_schema`; to its readers it is one of ``schema``, as texts.

    Args:
        path: the file.
        schema: that readers see.
    """
    import pyarrow.parquet as pq

    writer = pq.ParquetWriter(path, coded_schema(schema), store_schema=False, **parquet_options(schema))
    writer.add_key_value_metadata({"ARROW:schema": base64.b64encode(schema.serialize())})
    return writer


def _paths(name: str, kind: pa.DataType) -> list[str]:
    """Names of a column's leaves, as Parquet has them."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        return _paths(f"{name}.list.element", kind.value_type)
    if pa.types.is_struct(kind):
        return [path for one in kind for path in _paths(f"{name}.{one.name}", one.type)]
    return [name]
