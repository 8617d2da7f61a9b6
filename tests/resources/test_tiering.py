"""Artifacts of signed reports go to cheaper tiers and come back when asked for (Azurite); nothing goes by one word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.cli import main
from engine.errors import LakeError
from engine.reads.registration import SampleStatus
from engine.receipt import Recipe
from engine.report.issue import SignOut
from engine.storage import StorageError
from resources.environment import Resources, Settings, build_resources
from resources.forgetting import discard
from resources.lake.azure import AzureLake
from resources.lake.contract import Tier
from resources.recovery import recover
from resources.tiering import (
    ASKED,
    MOVED,
    Policy,
    TieringError,
    costs,
    due,
    move,
    note_ended,
    pending,
    read_policy,
    rehydrate,
    tiers_of,
)
from tests.builders.azurite import Token, azurite, why_not
from tests.builders.sheets import entry

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")
POLICY = Policy(90, {"aligned_reads": Tier.ARCHIVE, "gvcf": Tier.COOL}, {"hot": 20.0, "cool": 10.0, "archive": 2.0})
WHY = {"person": "Dr Example", "reason": "the yearly clearing up"}
LATER = datetime.now(UTC) + timedelta(days=91)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Resources]:
    """S1 signed, S2 reviewed, S3 withdrawn after its signature; two artifacts each."""
    running = azurite()
    made = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    lake = AzureLake(running.container(), Token(), tmp_path / "cache", made.audit, options=running.options)
    made = replace(made, lake=lake)
    names = ("S1", "S2", "S3")
    made.registry.register([entry(tmp_path / "reads", name) for name in names], sheet="a.csv", sheet_digest="0")
    for name, state in zip(names, ("final", "preliminary", "final"), strict=True):
        for asset in ("aligned_reads", "gvcf"):
            with lake.work(asset, name) as work:
                (work.folder / f"{name}.bam").write_bytes(b"x" * (1 << 20))
                work.publish(records=1, recipe=Recipe(), measures={})
        step = SignOut(name, "d", state, "Dr B", datetime.now(UTC).isoformat())  # type: ignore[arg-type]
        made.registry.sign_out(step, after=0)
    made.decisions.withdraw("S3", person="Dr Example", reason="consent was withdrawn")
    yield made


def test_only_what_was_signed_long_enough_ago_is_due(platform: Resources) -> None:
    assert list(due(platform, POLICY)) == []
    found = [(one.receipt.sample, one.receipt.asset, one.before, one.after) for one in due(platform, POLICY, LATER)]
    assert found == [("S1", "aligned_reads", Tier.HOT, Tier.ARCHIVE), ("S1", "gvcf", Tier.HOT, Tier.COOL)]


def test_it_is_moved_written_down_and_no_longer_due(platform: Resources) -> None:
    done = move(platform, due(platform, POLICY, LATER), **WHY)
    lake = tiers_of(platform)
    assert [lake.tier(one.receipt) for one in done] == [Tier.ARCHIVE, Tier.COOL]
    assert list(due(platform, POLICY, LATER)) == []
    told = [one.event for one in platform.audit.entries(sample="S1") if one.event.what == MOVED]
    assert [(one.who, one.details["to"]) for one in told] == [("Dr Example", "archive"), ("Dr Example", "cool")]
    before, after = costs(done, POLICY) or (0, 0)
    assert (before, after) == pytest.approx((2 / 1024 * 20, 1 / 1024 * (2 + 10)))
    assert costs(done, replace(POLICY, prices={"hot": 20.0})) is None, "a price that nobody stated is not guessed"


def test_a_receipt_of_what_is_archived_holds_and_its_files_say_why_they_cannot_be_read(
    platform: Resources, tmp_path: Path
) -> None:
    (archived, _) = move(platform, due(platform, POLICY, LATER), **WHY)
    assert platform.lake.require("aligned_reads", "S1") == archived.receipt, "known by its ETag, it is not read"
    assert isinstance(platform.lake, AzureLake)
    elsewhere = AzureLake(platform.lake.url, Token(), tmp_path / "other", options=platform.lake.options)
    with pytest.raises(LakeError, match="archive tier"):
        elsewhere.path(archived.receipt, "S1.bam")


def test_what_is_asked_back_is_pending_until_it_can_be_read_and_then_the_sample_is_run(
    platform: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azurite brings it back at once; that it takes hours is put in its mouth, in Azure's own words."""
    move(platform, due(platform, POLICY, LATER), **WHY)
    platform.registry.mark("S1", SampleStatus.FAILED)
    asked = rehydrate(platform, "S1", person="Dr Example", reason="a question of the ward")
    assert [one.asset for one in asked] == ["aligned_reads"]
    real = AzureLake._facts

    def slowly(self: AzureLake, key: str) -> object:
        facts = real(self, key)
        if "aligned_reads" in key:
            facts.blob_tier, facts.archive_status = "Archive", "rehydrate-pending-to-hot"
        return facts

    with monkeypatch.context() as patched:
        patched.setattr(AzureLake, "_facts", slowly)
        (waiting,) = pending(platform)
        assert (waiting.sample, waiting.asset, waiting.person) == ("S1", "aligned_reads", "Dr Example")
        assert waiting.tier is Tier.PENDING and note_ended(platform) == []
        assert platform.registry.sample("S1").status is SampleStatus.FAILED
        with pytest.raises(TieringError, match="nothing of it lies in the archive"):
            rehydrate(platform, "S1", person="Dr Example", reason="asked a second time")
    assert note_ended(platform) == ["S1"] and pending(platform) == []
    assert platform.registry.sample("S1").status is SampleStatus.WAITING
    assert tiers_of(platform).tier(asked[0]) is Tier.HOT
    assert [one.receipt.asset for one in due(platform, POLICY, LATER - timedelta(days=89))] == []


def test_what_was_made_anew_or_removed_or_withdrawn_meanwhile_ends_once(platform: Resources) -> None:
    """Each would otherwise be asked for at every look, for ever, or keep the look from all others."""
    move(platform, due(platform, replace(POLICY, tiers=dict.fromkeys(POLICY.tiers, Tier.ARCHIVE)), LATER), **WHY)
    rehydrate(platform, "S1", person="Dr Example", reason="a question of the ward")
    with platform.lake.work("aligned_reads", "S1") as work:
        (work.folder / "S1.bam").write_bytes(b"made anew")
        work.publish(records=1, recipe=Recipe(), measures={})
    gvcf = platform.lake.receipt("gvcf", "S1")
    assert gvcf
    discard(platform.lake, platform.audit, gvcf, person="Dr Example", reason="kept long enough")
    assert {(one.asset, one.tier) for one in pending(platform)} == {("aligned_reads", None), ("gvcf", None)}
    attempts = platform.registry.sample("S1").attempt
    assert note_ended(platform) == ["S1"] and (note_ended(platform), pending(platform)) == ([], [])
    assert platform.registry.sample("S1").attempt == attempts + 1
    assert [one.receipt.asset for one in due(platform, POLICY, LATER)] == ["aligned_reads"], "what is gone is not moved"
    with pytest.raises(TieringError, match="nothing of it lies in the archive"):
        rehydrate(platform, "S1", person="Dr Example", reason="what is gone is not asked for")
    platform.audit.record("Dr Example", ASKED, "S3", {"asset": "gvcf", "data_version": "d"})
    assert note_ended(platform) == [] and pending(platform) == [], "of who was withdrawn nothing is run"


def busy(*_: object) -> None:
    raise StorageError("the storage is busy", remedy="wait")


def test_what_the_storage_did_not_do_is_not_said_to_have_been(
    platform: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(AzureLake, "move", busy)
        with pytest.raises(StorageError):
            move(platform, due(platform, POLICY, LATER), **WHY)
    (told,) = recover(platform)
    assert told.startswith("tier changed aligned_reads of S1, by Dr Example") and "did not take place" in told
    move(platform, due(platform, POLICY, LATER), **WHY)
    with monkeypatch.context() as patched:
        patched.setattr(AzureLake, "move", busy)
        with pytest.raises(StorageError):
            rehydrate(platform, "S1", person="Dr Example", reason="a question of the ward")
    assert recover(platform) and pending(platform) == [], "nobody waits for what was not asked of the storage"


def test_a_lake_on_a_disk_has_no_tiers(tmp_path: Path) -> None:
    local = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    with pytest.raises(TieringError, match="has no tiers"):
        list(due(local, POLICY))


def test_nothing_is_moved_or_asked_back_on_nobodys_word(platform: Resources) -> None:
    from engine.errors import GateError

    for act in (
        lambda: move(platform, due(platform, POLICY, LATER), person="", reason="the yearly clearing up"),
        lambda: rehydrate(platform, "S1", person="Dr Example", reason="no"),
    ):
        with pytest.raises(GateError, match="needs a person and a reason"):
            act()


@pytest.mark.parametrize(
    "text",
    [
        "hold_days: 90\ntiers: {findings: archive}",
        "hold_days: 0\ntiers: {gvcf: cool}",
        "hold_days: 90\ntiers: {gvcf: hot}",
        "hold_days: 90\ntiers: {aligned_read: archive}",
        "hold_days: 90\ntiers: {gvcf: basement}",
        "hold_days: 90\ntiers: {gvcf: cool}\nprice: {}",
        "tiers: {gvcf: cool}",
        "- 1",
        "",
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(TieringError, match="the policy cannot be"):
        read_policy(tmp_path / "policy.yaml")
    (tmp_path / "policy.yaml").write_text("hold_days: 90\ntiers: {gvcf: cool}\nprices: {hot: 20}")
    assert read_policy(tmp_path / "policy.yaml") == Policy(90, {"gvcf": Tier.COOL}, {"hot": 20.0})


def test_an_artifact_goes_when_two_people_say_so_and_its_receipt_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "data"))
    local = build_resources(Settings.from_environment())
    local.registry.register([entry(tmp_path / "reads", "S1")], sheet="a.csv", sheet_digest="0")
    with local.lake.work("aligned_reads", "S1") as work:
        (work.folder / "S1.bam").write_bytes(b"x")
        receipt = work.publish(records=1, recipe=Recipe(), measures={})
    say = ["remove", "S1", "aligned_reads", "--reason", "kept long enough", "--person"]
    assert main([*say, "Dr A"]) == 0 and main([*say, "Dr A"]) == 0, "one person's word, however often"
    assert local.lake.is_whole(receipt)
    assert main([*say, "Dr B"]) == 0
    assert "removed by Dr A and Dr B; its receipt stays" in capsys.readouterr().out
    assert not local.lake.is_whole(receipt) and local.lake.receipt("aligned_reads", "S1") == receipt
    assert main(["verify", "S1"]) == 0
