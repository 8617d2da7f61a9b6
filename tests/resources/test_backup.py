"""A backup holds one moment of everything, is found out where it is not whole, and brings a deployment back."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from pathlib import Path

import pytest

from console.cli import main
from engine.receipt import Recipe
from resources import backup
from resources.backup import MANIFEST, BackupError, back_up, restore
from resources.environment import Resources, Settings, build_resources
from resources.recovery import recover
from tests.builders.sheets import entry

WHY = {"person": "Dr Example", "reason": "consent was withdrawn"}


def opened(data: Path) -> Resources:
    return build_resources(Settings.from_environment({"GENOMICS_DATA": str(data), "GENOMICS_REFERENCE": "demo"}))


def publish(platform: Resources, sample: str, content: str) -> None:
    with platform.lake.work("variants", sample) as work:
        (work.folder / f"{sample}.vcf").write_text(content)
        work.publish(records=1, recipe=Recipe(), measures={})


@pytest.fixture
def platform(tmp_path: Path) -> Resources:
    """Two samples with an artifact each, and who one of them is."""
    made = opened(tmp_path / "data")
    made.registry.register([entry(tmp_path / "reads", name) for name in ("S1", "S2")], sheet="a.csv", sheet_digest="0")
    for name in ("S1", "S2"):
        publish(made, name, f"of {name}")
    made.registry.identify("P-S1", mrn="MRN-4711", name="Ada Example", birth_date=None)
    (made.settings.data / "laboratory.yaml").write_text("name: Example\nsystem: https://genomics.example.org\n")
    return made


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lost(platform: Resources, tmp_path: Path, *, but: tuple[str, ...] = ("secrets",)) -> Resources:
    """The deployment after its disk is gone, but for what is kept elsewhere."""
    data = platform.settings.data
    data.rename(tmp_path / "gone")
    for name in but:
        shutil.copytree(tmp_path / "gone" / name, data / name)
    return opened(data)


def test_a_deployment_comes_back_as_it_was(platform: Resources, tmp_path: Path) -> None:
    made = back_up(platform, tmp_path / "backups")
    receipts = {name: platform.lake.require("variants", name) for name in ("S1", "S2")}
    again = lost(platform, tmp_path)
    restore(again, made.folder)
    assert recover(again) == ()
    assert {name: again.lake.require("variants", name) for name in ("S1", "S2")} == receipts
    assert all(again.lake.is_whole(one) for one in receipts.values())
    assert again.registry.identity("P-S1").name == "Ada Example" and again.audit.verify()
    assert (
        again.settings.data / "laboratory.yaml"
    ).read_text() == "name: Example\nsystem: https://genomics.example.org\n"
    publish(again, "S1", "another version")
    assert again.lake.require("variants", "S1") != receipts["S1"]


def test_who_backs_up_and_restores_is_written_down(platform: Resources, tmp_path: Path) -> None:
    made = back_up(platform, tmp_path / "backups", person="Dr Example")
    begun, done = (next(iter(platform.audit.entries_of(kind))).event for kind in (backup.BEGUN, backup.MADE))
    assert (begun.who, begun.details) == ("Dr Example", {"folder": str(made.folder)})
    assert done.details == {**begun.details, "files": made.files, "manifest": sha256_of(made.folder / MANIFEST)}
    with pytest.raises(BackupError, match="does not lie in what it backs up"):
        back_up(platform, platform.settings.data / "backups", person="Dr Other")
    assert {one.event.who for one in platform.audit.entries_of(backup.BEGUN)} == {"Dr Example"}
    again = lost(platform, tmp_path)
    restore(again, made.folder, person="Dr Other")
    restored = next(iter(again.audit.entries_of(backup.RESTORED))).event
    assert (restored.who, restored.details) == ("Dr Other", done.details) and again.audit.verify()
    assert [one.event.who for one in again.audit.entries_of(backup.BEGUN)] == ["Dr Example"]


def test_the_registry_of_a_stolen_backup_tells_nobody_who_a_person_is(platform: Resources, tmp_path: Path) -> None:
    made = back_up(platform, tmp_path / "backups")
    whole = b"".join(path.read_bytes() for path in made.folder.rglob("*") if path.is_file())
    assert b"P-S1" in whole and b'Example"' not in whole and b"MRN-4711" not in whole and b"Ada Ex" not in whole
    assert not [path for path in made.folder.rglob("*") if "secrets" in path.parts] and made.naming == 0


def test_how_many_bundles_name_persons_in_a_backup_is_told(
    platform: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENOMICS_DATA", str(platform.settings.data))
    monkeypatch.setenv("GENOMICS_REFERENCE", "demo")
    for sample, identified in (("S1", "2026-11-01"), ("S2", None)):
        with platform.lake.work("fhir_bundle", sample) as work:
            (work.folder / f"{sample}.fhir.json").write_text('{"family": "Example"}' if identified else "{}")
            work.publish(records=1, recipe=Recipe(), measures={"identified": identified})
    assert main(["backup", "--to", str(tmp_path / "backups")]) == 0
    assert "in the clear in it: 1 bundle that names a person;" in capsys.readouterr().out


def test_what_an_earlier_backup_has_is_linked_and_outlives_it(platform: Resources, tmp_path: Path) -> None:
    first = back_up(platform, tmp_path / "backups")
    first.folder.rename(tmp_path / "backups" / "20200101T000000Z")
    publish(platform, "S3", "new")
    second = back_up(platform, tmp_path / "backups")
    assert (first.linked, second.linked) == (0, 4), "files and earlier receipts of two artifacts"
    shutil.rmtree(tmp_path / "backups" / "20200101T000000Z")
    again = lost(platform, tmp_path)
    restore(again, second.folder)
    assert again.lake.is_whole(again.lake.require("variants", "S2"))


def test_what_went_from_an_earlier_backup_is_copied_and_not_left_out(platform: Resources, tmp_path: Path) -> None:
    first = back_up(platform, tmp_path / "backups")
    earlier = first.folder.rename(tmp_path / "backups" / "20200101T000000Z")
    (earlier / next(earlier.rglob("S2.vcf")).relative_to(earlier)).unlink()
    second = back_up(platform, tmp_path / "backups")
    assert (second.linked, second.files) == (3, first.files)
    again = lost(platform, tmp_path)
    restore(again, second.folder)
    assert again.lake.is_whole(again.lake.require("variants", "S2"))


def test_a_withdrawal_since_the_backup_holds_where_the_newer_log_is_still_there(
    platform: Resources, tmp_path: Path
) -> None:
    made = back_up(platform, tmp_path / "backups")
    platform.decisions.withdraw("S1", **WHY)
    again = lost(platform, tmp_path, but=("secrets", "audit", "anchor"))
    restore(again, made.folder)
    assert any("S1 was withdrawn" in line for line in recover(again)) and again.registry.withdrawn() == ("S1",)


@pytest.mark.parametrize("harm", ["changed", "removed", "no manifest", "outside"])
def test_a_backup_that_is_not_whole_is_not_restored(platform: Resources, tmp_path: Path, harm: str) -> None:
    made = back_up(platform, tmp_path / "backups")
    (victim,) = made.folder.rglob("S1.vcf")
    if harm == "changed":
        victim.write_text("of S2")
    elif harm == "removed":
        victim.unlink()
    elif harm == "no manifest":
        (made.folder / MANIFEST).unlink()
    else:
        told = json.loads((made.folder / MANIFEST).read_text())
        told["files"][0]["name"] = "../../data/laboratory.yaml"
        (made.folder / MANIFEST).write_text(json.dumps(told))
    again = lost(platform, tmp_path)
    with pytest.raises(BackupError):
        restore(again, made.folder)
    assert not (again.settings.data / "lake").exists()


def test_nothing_is_replaced_and_nothing_lies_in_itself(platform: Resources, tmp_path: Path) -> None:
    made = back_up(platform, tmp_path / "backups")
    with pytest.raises(BackupError, match="restored where nothing is"):
        restore(platform, made.folder)
    with pytest.raises(BackupError, match="does not lie in what it backs up"):
        back_up(platform, platform.settings.data / "backups")


def test_what_is_published_meanwhile_is_wholly_in_it_or_not_at_all(platform: Resources, tmp_path: Path) -> None:
    ended = threading.Event()

    def go_on() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            publish(other, "S2", f"version {number}")

    other = opened(platform.settings.data)
    busy = threading.Thread(target=go_on)
    busy.start()
    try:
        made = back_up(platform, tmp_path / "backups")
    finally:
        ended.set()
        busy.join()
    again = lost(platform, tmp_path)
    restore(again, made.folder)
    recover(again)
    assert again.lake.is_whole(again.lake.require("variants", "S2"))


def test_deeds_without_end_are_not_waited_for_for_ever(
    platform: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_PATIENCE", 0.1)
    with platform.audit.deed(), pytest.raises(BackupError, match="under way without an end"):
        back_up(platform, tmp_path / "backups")


def test_by_command(
    platform: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENOMICS_DATA", str(platform.settings.data))
    monkeypatch.setenv("GENOMICS_REFERENCE", "demo")
    assert main(["backup", "--to", str(tmp_path / "backups"), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    lost(platform, tmp_path)
    assert main(["restore", made["folder"]]) == 0
    told = capsys.readouterr().out
    assert "restored" in told and "not in it: keys and passwords" in told
    assert main(["verify", "--all"]) == 0
