"""A table written in code is read as the texts it stands for, by whoever reads it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.annotate.columns import ANNOTATED_COLUMNS, CONSEQUENCE_COLUMNS
from engine.annotate.table_file import coded_schema, open_coded
from engine.tables import Column, arrow_schema

HITS = [{"gene": "TP53", "consequence": "missense_variant"}, {"gene": "WRAP53", "consequence": None}]


def _row(number: int) -> dict[str, object]:
    gene = None if number % 3 else "TP53"
    return {"contig": "17", "position": number, "gene": gene, "consequences": HITS[: number % 3]}


@pytest.mark.parametrize("columns", [ANNOTATED_COLUMNS, CONSEQUENCE_COLUMNS], ids=["annotated", "consequences"])
def test_readers_see_texts(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    schema = arrow_schema(columns)
    path, plain = tmp_path / "table.parquet", tmp_path / "plain.parquet"
    rows = [_row(number) for number in range(1, 8)]
    table = pa.Table.from_pylist(rows, schema=coded_schema(schema))
    with open_coded(path, schema) as writer:
        writer.write_table(table.slice(0, 3).combine_chunks())
        writer.write_table(table.slice(3).combine_chunks())

    pq.write_table(pa.Table.from_pylist(rows, schema=schema), plain)
    with pq.ParquetFile(path) as file, pq.ParquetFile(plain) as expected:
        assert file.schema.equals(expected.schema)
        assert file.schema_arrow.equals(expected.schema_arrow, check_metadata=True)
        assert file.read().equals(expected.read())
    hits = f"select unnest(consequences) as hit from '{path}' where contig = '17'"
    with duckdb.connect() as db:
        told = db.execute(f"select count(*) from ({hits}) where hit.gene = 'TP53'").fetchone()
    assert told == (sum(number % 3 > 0 for number in range(1, 8)),)


def test_texts_that_come_again_and_again_are_coded() -> None:
    coded = coded_schema(arrow_schema(ANNOTATED_COLUMNS))
    hit = coded.field("consequences").type.value_type
    assert all(pa.types.is_dictionary(kind) for kind in (coded.field("gene").type, hit.field("transcript").type))
    assert all(pa.types.is_string(kind) for kind in (coded.field("allele").type, hit.field("hgvs_c").type))
