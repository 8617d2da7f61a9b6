"""The day in which everything fails once: two hours of it, and what would be found of a sample that is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faulty_day import FAULTS, HOURS, IN_AZURE, Day, _judge, faulty_day
from benchmarks.soak import SAMPLES_AN_HOUR
from resources.environment import Settings, build_resources
from tests.builders import azurite


@pytest.fixture(autouse=True)
def home_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setattr("resources.registry.database.PATIENCE", 0.2)
    monkeypatch.setattr("resources.registry.sqlite.PATIENCE", 0.2)


def test_what_fails_while_storage_refuses_and_nodes_are_lost_is_told_and_done_later(tmp_path: Path) -> None:
    day = faulty_day(tmp_path, {0: "storage read-only", 1: "node lost"}, hours=2)
    assert day.samples == day.done == 2 * SAMPLES_AN_HOUR
    assert not [*day.lost, *day.doubled, *day.untold, *day.unfinished]
    assert {fault for fault, _ in day.told} == {"storage read-only", "node lost"}


def test_every_fault_has_its_hours_and_the_day_ends_without_one() -> None:
    assert len(set(FAULTS.values())) == 7 and max(FAULTS) < HOURS - 1
    assert len(set(IN_AZURE.values())) == 8 and max(IN_AZURE) < HOURS - 1


@pytest.mark.slow
@pytest.mark.skipif(bool(azurite.why_not()), reason=azurite.why_not() or "")
def test_what_azure_refuses_is_told_or_asked_again_and_done_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    monkeypatch.setenv("SECRET_DATABASE_PASSWORD", "")
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", None)
    faults = {0: "storage answers 503", 2: "storage answers 503 to every fourth"}
    day = faulty_day(tmp_path, faults, hours=3, in_azure=True)
    assert day.samples == day.done == 3 * SAMPLES_AN_HOUR
    assert not [*day.lost, *day.doubled, *day.untold, *day.unfinished]
    assert {fault for fault, _ in day.told} == {"storage answers 503"}, "what is asked again is not told"


def test_a_sample_that_is_lost_or_has_no_artifact_is_found(tmp_path: Path) -> None:
    day = Day()
    _judge(build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")})), day, ["S1"])
    assert day.lost == ["S1: not registered", "S1: no artifact"]
