"""Of many genes that were not called throughout a page names some; the file beside it has them all."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine.report.case import CaseFacts, Gene
from engine.report.issue import Issue
from engine.report.page import render
from engine.report.uncalled_genes import write_uncalled_genes
from tests.builders.people import person
from tests.builders.statements import REGIONS, statement

GENES = tuple(Gene(f"G{number:02}", f"HGNC:{number}" if number else None) for number in range(94))


def case(count: int, *asked: str) -> CaseFacts:
    return CaseFacts("S1", person(ordered_genes=asked), replace(REGIONS, uncalled=GENES[:count]))


def test_the_file_has_all_genes_those_asked_about_first(tmp_path: Path) -> None:
    write_uncalled_genes(case(94, "G90"), tmp_path)
    (path,) = tmp_path.iterdir()
    header, *rows = [line.split("\t") for line in path.read_text().splitlines()]
    assert (path.name, header) == ("S1.uncalled_genes.tsv", ["gene", "hgnc_id", "asked_about"])
    assert rows[:2] == [["G90", "HGNC:90", "yes"], ["G00", "", "no"]]
    assert sorted(row[0] for row in rows) == [gene.symbol for gene in GENES]


@pytest.mark.parametrize(
    ("count", "asked", "named"),
    [
        (20, (), 20),
        (94, (), 20),
        (94, tuple(f"G{number:02}" for number in range(60, 90)), 30),
        (94, tuple(gene.symbol for gene in GENES), 94),
    ],
)
def test_where_each_is_told_by_name_there_is_no_file(
    tmp_path: Path, count: int, asked: tuple[str, ...], named: int
) -> None:
    told = case(count, *asked)
    write_uncalled_genes(told, tmp_path)
    assert len(told.uncalled_named) == named and set(asked) <= {gene.symbol for gene in told.uncalled_named}
    assert [path.name for path in tmp_path.iterdir()] == ([told.uncalled_file] if named < count else [])


@pytest.mark.parametrize(("count", "is_named"), [(20, False), (21, True)])
def test_the_page_names_the_file_where_it_counts(tmp_path: Path, count: int, is_named: bool) -> None:
    said = statement(tmp_path, regions=replace(REGIONS, uncalled=GENES[:count]))
    page = re.sub(r"\s+", " ", render(said, Issue()))
    assert ("G19, and 1 more gene (all of them in the file S1.uncalled_genes.tsv of this report)" in page) is is_named
    assert ("G20" in page) is False
