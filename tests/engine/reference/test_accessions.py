"""A contig's bare name is one, whether Python, DuckDB or dbt takes it."""

from __future__ import annotations

import duckdb
import pytest

from dbt_project import FOLDER
from engine.reference.accessions import BARE_CONTIG_SQL, bare_contig


@pytest.mark.parametrize("name", ["chr1", "1", "chrX", "chrM", "M", "MT", "chrMT", "chrUn_KI270302v1", "GL000220.1"])
def test_sql_names_a_contig_as_python_does(name: str) -> None:
    assert duckdb.execute(f"SELECT {BARE_CONTIG_SQL} FROM (SELECT ? AS contig)", [name]).fetchall() == [
        (bare_contig(name),)
    ]


def test_dbt_says_the_same_sql() -> None:
    macros = (FOLDER / "macros" / "disclosed.sql").read_text()
    assert BARE_CONTIG_SQL.replace("contig", "{{ contig }}") in macros
