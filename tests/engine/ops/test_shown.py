"""What the web UI shows of an artifact: variants by name, plots by their address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dagster as dg

from engine.ops.dagster_op import table_value
from engine.ops.shown import Shown, plot_address, tables
from engine.receipt import Receipt, Recipe
from engine.report.exon_coverage import ExonCoverage, write_exon_coverage
from engine.tables import Column
from resources.lake import LocalLake

COLUMNS = (Column("gene", "VARCHAR", "Symbol of the gene."), Column("why", "VARCHAR", "Why."))


def receipt(sample: str | None) -> Receipt:
    return Receipt("aligned_reads", sample, "0a1b", (), 1, Recipe(), {}, "2026-11-27T20:00:00+00:00")


def test_a_table_is_text_with_the_meaning_of_its_columns() -> None:
    value = table_value(Shown(COLUMNS, [{"gene": "<b>AVP</b>", "why": "*so*"}]))
    assert isinstance(value, dg.TableMetadataValue)
    assert [record.data for record in value.records] == [{"gene": "<b>AVP</b>", "why": "*so*"}]
    assert [column.description for column in value.schema.columns] == ["Symbol of the gene.", "Why."]


def test_a_table_without_rows_says_none() -> None:
    assert table_value(Shown(COLUMNS, [])).value == "none"


def test_of_exons_those_are_shown_that_were_not_seen_throughout(tmp_path: Path) -> None:
    seen = ExonCoverage("PANK2", "ENST1.2", 1, "20", 101, 200, 100, 100, 0, 0, 0)
    missed = replace(seen, exon=2, below_20x=30, below_10x=9, uncalled=4)
    lake = LocalLake(tmp_path / "lake")
    with lake.work("exon_coverage", "S1") as work:
        write_exon_coverage([seen, missed], work.folder / "S1.exon_coverage.parquet")
        made = work.publish(records=2, recipe=Recipe(), measures={})
    (table,) = tables(made, lake).values()
    assert [(row["gene"], row["exon"], row["uncalled"]) for row in table.rows] == [("PANK2", 2, 4)]


def test_of_many_exons_the_worst_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    exons = [ExonCoverage("PANK2", "ENST1.2", 1 + n, "20", 101, 200, 100, 100, 0, 0, n) for n in range(1_031)]
    lake = LocalLake(tmp_path / "lake")
    with lake.work("exon_coverage", "S1") as work:
        write_exon_coverage(exons, work.folder / "S1.exon_coverage.parquet")
        made = work.publish(records=len(exons), recipe=Recipe(), measures={})
    (table,) = tables(made, lake).values()
    *worst, rest = [row["gene"] for row in table.rows]
    assert [row["uncalled"] for row in table.rows[:-1]] == list(range(1_030, 1_010, -1))
    assert (set(worst), rest) == ({"PANK2"}, "and 1,010 more")
    assert isinstance(table_value(table), dg.TableMetadataValue)


def test_the_address_of_a_plot_names_artifact_version_and_title() -> None:
    assert plot_address(receipt("S1"), "Insert size") == "/plots/aligned_reads/0a1b/Insert%20size.svg?sample=S1"
    assert plot_address(receipt(None), "A/B?") == "/plots/aligned_reads/0a1b/A%2FB%3F.svg"
