"""The snapshot of all cases, and that Power BI's numbers of it are those that the portal shows."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engine.dashboards.columns import TABLES
from engine.dashboards.figures import figures
from engine.dashboards.measures import MEASURES, Measure
from engine.dashboards.pages import PAGES
from engine.dashboards.power_bi import NAME, project, write_project
from tests.builders.dax import Model
from tests.builders.standings import OTHER_WARD, WARD, several, snapshot

VISUALS = [visual for page in PAGES for visual in page.visuals]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snapshot(tmp_path_factory.mktemp("gold"))


@pytest.fixture(scope="module")
def model(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The semantic model as its files say it, over the snapshot's rows."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, project((WARD, OTHER_WARD)))
    read = Model.read(folder / f"{NAME}.SemanticModel" / "definition")
    read.rows = {name: pq.ParquetFile(made / f"{name}.parquet").read().to_pylist() for name in TABLES}
    return read


def shown(made: Path, name: str, teams: tuple[str, ...] | None = None) -> dict[tuple[str, str], float | None]:
    (visual,) = [one for one in VISUALS if one.name == name]
    return {(one.category, one.measure): one.value for one in figures(made, [visual], teams)[0]}


def test_each_case_is_told_as_it_stands(made: Path) -> None:
    rows = pq.ParquetFile(made / "cases.parquet").read().to_pylist()
    assert sorted(row["stage"] for row in rows) == sorted(
        ["reviewed", "signed", "signed", "draft", "draft", "held", "received"]
    )
    (amended,) = [row for row in rows if row["amended"] == "yes"]
    assert amended["outcome"] == "positive" and str(amended["signed"]) == "2026-11-23"
    assert amended["days_to_signature"] == pytest.approx(38.9583, abs=1e-3)
    assert {row["days_to_report"] for row in rows if row["stage"] in ("held", "received")} == {None}


def test_no_table_names_a_sample_or_an_allele(made: Path) -> None:
    """Nor the subject, nor anything by which a person could be found but what was counted."""
    text = "".join(str(pq.ParquetFile(made / f"{name}.parquet").read().to_pydict()) for name in TABLES)
    for case in several(made.parent / "again"):
        assert f"'{case.sample}'" not in text
        for finding in case.statement.findings if case.statement else ():
            for told in ("allele", "hgvs_g", "hgvs_c", "finding_id"):
                assert str(finding.row[told]) not in text


def test_cases_are_numbered_in_no_order_of_their_ids(made: Path) -> None:
    coverage = {
        row["case_id"]: row["mean_coverage"] for row in pq.ParquetFile(made / "quality.parquet").read().to_pylist()
    }
    assert [coverage.get(str(number)) for number in range(1, 8)] != [30.0, 20.0, 40.0, 30.0, 25.0, 3.0, None]


def test_numbers_are_counted_by_hand(made: Path) -> None:
    assert shown(made, "all_cases") == {("", "Cases"): 7}
    assert shown(made, "held_cases") == {("", "Cases held back"): 1}
    assert shown(made, "told_cases") == {("", "Cases with a result"): 5}
    assert shown(made, "outcomes") == {
        ("inconclusive", "Cases with a result"): 2,
        ("positive", "Cases with a result"): 3,
    }
    assert shown(made, "secondary_rate") == {("", "Secondary finding rate"): pytest.approx(1 / 2)}
    assert shown(made, "coverage") == {
        ("2026-10", "Mean coverage"): pytest.approx((30 + 40 + 25 + 3) / 4),
        ("2026-11", "Mean coverage"): pytest.approx(25.0),
    }
    assert shown(made, "contamination")["2026-11", "Another person's bases"] == 0.0, "measured, and none found"
    assert shown(made, "carrier_genes")["PANK2", "Carrier frequency"] == pytest.approx(2 / 5)


def test_each_picture_has_the_numbers_that_power_bi_makes_of_its_dax(made: Path, model: Model) -> None:
    compared = 0
    for visual in VISUALS:
        (told,) = figures(made, [visual])
        for name in visual.measures:
            own = {(one.category, one.series): one.value for one in told if one.measure == name}
            if visual.by is None:
                assert own == {("", ""): pytest.approx(model.value(name) or 0)}, visual.name
            else:
                assert own == pytest.approx(model.by(name, visual.by, visual.series)), visual.name
            compared += len(own)
    assert compared > 40


@pytest.mark.parametrize("team", [WARD, OTHER_WARD])
def test_a_team_has_the_same_numbers_of_its_cases_and_no_other(made: Path, model: Model, team: str) -> None:
    own = model.seen_by(team if team == WARD else "ward -4-")
    assert 0 < len(own.rows["cases"]) < 7
    for visual in VISUALS:
        for name in visual.measures:
            told = {
                (one.category, one.series): one.value
                for one in figures(made, [visual], [team])[0]
                if one.measure == name
            }
            if visual.by is None:
                assert told == {("", ""): pytest.approx(own.value(name) or 0)} or told == {("", ""): None}, visual.name
            else:
                assert told == pytest.approx(own.by(name, visual.by, visual.series)), visual.name


def test_whoever_is_in_no_team_is_shown_no_case(made: Path) -> None:
    assert shown(made, "all_cases", ()) == {("", "Cases"): 0}
    assert shown(made, "genes", ()) == {}


def test_a_category_filters_the_table_that_its_measures_count() -> None:
    """What :mod:`engine.dashboards.figures` relies on: else a relation would have to be followed."""
    for visual in VISUALS:
        for name in visual.measures:
            counted = MEASURES[name]
            while not isinstance(counted, Measure):
                counted = MEASURES[counted.part]
            assert not visual.by or visual.by[0] == counted.table, visual.name
            assert not visual.series or (visual.by and visual.series[0] == visual.by[0])
