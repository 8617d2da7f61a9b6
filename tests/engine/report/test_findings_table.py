"""Findings as a table: one row a variant, and what others wrote in it is a line of text."""

from __future__ import annotations

from pathlib import Path

from engine.report.findings_table import COLUMNS, table_rows
from tests.builders.annotated import variant
from tests.builders.statements import statement


def rows_of(folder: Path, *variants: object, **changed: object) -> list[dict[str, str]]:
    """The rows of findings in which these values stand."""
    said = statement(folder, *variants)
    return table_rows([{**finding.row, **changed} for finding in said.findings])


def test_a_row_names_gene_change_zygosity_class_condition_and_why(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, variant("AVP"))
    assert list(row) == [column.name for column in COLUMNS]
    assert row["gene"] == "AVP" and row["c."].startswith("c.") and row["p."].startswith("p.")
    assert row["zygosity"] == "heterozygous" and "pathogenic" in row["class"]
    assert row["condition"] and "AVP" in row["why"] and "Named on" in row["why"]


def test_the_mode_of_inheritance_stands_beside_a_condition(tmp_path: Path) -> None:
    conditions = [{"name": "Ataxia", "inheritance": "AR"}, {"name": "Tremor", "inheritance": "unknown"}]
    (row,) = rows_of(tmp_path, variant("AVP"), conditions=conditions)
    assert row["condition"] == "Ataxia (AR); Tremor"


def test_a_call_that_did_not_pass_says_so(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, variant("AVP", filter="StrandBias"))
    assert "Needs confirmation" in row["why"] and "StrandBias" in row["why"]


def test_an_allele_without_names_is_told_by_its_place(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, variant("AVP"), hgvs_c=None, hgvs_g=None, hgvs_p=None, gene=None)
    assert row["c."].startswith("20-") and row["gene"] == "" and row["p."] == "" and "Named on" not in row["why"]


def test_what_others_wrote_is_one_line_of_text(tmp_path: Path) -> None:
    odd = "A\n| b |\r\n\x1b[31m\u202ered\x00 <img src=x onerror=alert(1)> ![x](http://e) `c`"
    (row,) = rows_of(tmp_path, variant("AVP"), conditions=[{"name": odd, "inheritance": "AD"}])
    assert row["condition"] == "A | b | [31m red <img src=x onerror=alert(1)> ![x](http://e) `c` (AD)"
