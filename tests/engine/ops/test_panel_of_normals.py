"""Beside whom copies of targets are told: the first that were registered, measured alike, and of other families."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.ops.inputs import Alike, Opened, PanelOf, Scope
from engine.ops.services import Services
from engine.person import Person, Sex
from engine.reads.lane import Lane
from engine.reads.sample_sheet import SampleEntry
from engine.receipt import Recipe
from resources.environment import Resources, Settings, build_resources

PANEL = PanelOf("target_depths", ".npy", "targets", (2, 4))


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resources:
    """Sample S0, who has a father and a cousin here."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    made = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    add(made, "S0", father_id="FATHER", family_id="F1")
    add(made, "FATHER")
    add(made, "COUSIN", family_id="F1")
    add(made, "TWICE", subject_id="of S0")
    return made


def add(platform: Resources, sample: str, *, targets: str = "kit 1", subject_id: str = "", **facts: Any) -> None:
    """Register a sample, and publish its depths."""
    reads = platform.settings.data / "reads"
    reads.mkdir(exist_ok=True, parents=True)
    lane = Lane("L001", *(reads / f"{sample}_{end}.fastq" for end in (1, 2)))
    lane.read1.write_text(f"@{sample}\nA\n+\nI\n")
    lane.read2.write_text(f"@{sample}\nC\n+\nI\n")
    person = Person(subject_id or f"of {sample}", Sex.FEMALE, **facts)
    platform.registry.register([SampleEntry(sample, person, (lane,))], sheet=f"{sample}.csv", sheet_digest=sample)
    with platform.lake.work("target_depths", sample) as work:
        (work.folder / f"{sample}.npy").write_bytes(b"")
        work.publish(records=1, recipe=Recipe(), measures={"targets": targets})


def opened(platform: Resources) -> Opened:
    return PANEL.open("normals", Scope(Services.of(platform), "structural_variants", "S0"))


def members(platform: Resources) -> list[str]:
    found: tuple[Alike, ...] = opened(platform).value
    return [one.file.stem for one in found]


def size(platform: Resources) -> Mapping[str, Any]:
    return opened(platform).parameters


def test_a_panel_holds_nobody_of_the_family_and_no_other_kit(platform: Resources) -> None:
    add(platform, "OTHER", targets="kit 2")
    assert members(platform) == [] and size(platform) == {"panel of target_depths": 0}
    add(platform, "A")
    assert members(platform) == ["A"] and size(platform) == {"panel of target_depths": 0}
    add(platform, "B")
    assert sorted(members(platform)) == ["A", "B"] and size(platform) == {"panel of target_depths": 2}


def test_a_sample_is_made_anew_when_the_panel_comes_to_its_next_size_and_not_before(platform: Resources) -> None:
    for sample in "ABC":
        add(platform, sample)
    assert len(members(platform)) == 2 and size(platform) == {"panel of target_depths": 2}
    add(platform, "D")
    assert sorted(members(platform)) == list("ABCD") and size(platform) == {"panel of target_depths": 4}
    add(platform, "E")
    assert sorted(members(platform)) == list("ABCD")


def test_who_is_withdrawn_is_in_no_panel_and_makes_nobody_stale(platform: Resources) -> None:
    for sample in "ABC":
        add(platform, sample)
    before = size(platform)
    gone = members(platform)[0]
    platform.registry.withdraw(gone, person="Dr Example", reason="asked for it")
    assert gone not in members(platform) and size(platform) == before


def test_without_targets_nobody_is_compared(platform: Resources) -> None:
    for genome in ("G1", "G2", "G3"):
        add(platform, genome, targets="")
    found = PANEL.open("normals", Scope(Services.of(platform), "structural_variants", "G1"))
    assert (found.value, found.parameters) == ((), {"panel of target_depths": 0})


def test_of_other_targets_nobody_is_compared(platform: Resources) -> None:
    for genome in ("G1", "G2", "G3"):
        add(platform, genome, targets="")
    assert members(platform) == [] and size(platform) == {"panel of target_depths": 0}
