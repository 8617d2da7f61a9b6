"""The dashboards' pages over a real snapshot: whose cases they count, and what they show."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest

from engine.dashboards.figures import figures
from engine.dashboards.pages import PAGES
from engine.ops.artifact import Published
from engine.ops.dashboards import gold_snapshot
from portal.clinic.admission import ROOT
from portal.clinic.dashboards import written
from portal.clinic.rights import Role
from tests.builders.clinic import ACCESS, CHILD, FATHER, OTHER_WARD, WARD, Clinic, clinic_of, platform_of
from tests.builders.deployment import Deployment


@pytest.fixture(scope="module")
def clinic(made_case: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    return clinic_of(platform_of(made_case, tmp_path_factory.mktemp("boards")), ACCESS)


@pytest.fixture(scope="module")
def published(clinic: Clinic) -> Path:
    made = gold_snapshot.make(clinic.platform, "", log=lambda _: None)
    assert isinstance(made, Published)
    return clinic.platform.lake.folder(made.receipt)


def test_without_a_snapshot_the_page_says_so(made_case: Deployment, tmp_path: Path) -> None:
    client, _ = clinic_of(platform_of(made_case, tmp_path), ACCESS).visit(Role.GENETICIST, WARD)
    assert "No snapshot is published yet" in client.get(f"{ROOT}/dashboards").text


def test_pages_show_what_the_snapshot_has(clinic: Clinic, published: Path) -> None:
    client, _ = clinic.visit(Role.BIOINFORMATICIAN, every_case=True)
    for page in PAGES:
        told = unescape(client.get(f"{ROOT}/dashboards/{page.name}").text)
        for visual, values in zip(page.visuals, figures(published, page.visuals), strict=True):
            assert visual.title in told
            for one in values:
                assert written(one) in told, (visual.name, one)
                row = {"category": one.category or "(none)", "series": one.series}
                drawn = json.dumps(row | {"measure": one.measure, "value": one.value})
                assert visual.kind == "number" or drawn in told, (visual.name, one)
    assert client.get(f"{ROOT}/dashboards/nothing").status_code == 404


def test_a_team_sees_its_own_cases_counted(clinic: Clinic, published: Path) -> None:
    """The child is of one ward and the father of another; the child alone has a finding."""
    told = {}
    for team in (WARD, OTHER_WARD):
        client, _ = clinic.visit(Role.GENETICIST, team)
        page = client.get(f"{ROOT}/dashboards/findings").text
        assert CHILD not in page and FATHER not in page
        told[team] = page
    assert ">AVP<" in told[WARD] and ">AVP<" not in told[OTHER_WARD]
    assert f"Of the cases of {WARD}." in told[WARD]


def test_a_snapshot_is_made_again_when_what_is_said_of_a_case_changes(clinic: Clinic, published: Path) -> None:
    again = gold_snapshot.make(clinic.platform, "", log=lambda _: None)
    assert isinstance(again, Published) and again.fresh
    clinic.platform.decisions.withdraw(FATHER, person="Dr A", reason="as the person wished")
    changed = gold_snapshot.make(clinic.platform, "", log=lambda _: None)
    assert isinstance(changed, Published) and not changed.fresh
    assert changed.receipt.measures["cases"] == 1 and published.is_dir(), "the release before stays"
