"""After a fault: intents without outcome are settled by what is found; withdrawals hold, registry or not."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from engine.errors import GateError, LakeError
from engine.ops.joint_call import ASSET as JOINT_CALL
from engine.reads.registration import SampleStatus
from engine.receipt import Receipt, Recipe
from engine.storage import StorageError
from genomics_assets.artifacts import NOTEBOOKS
from resources.audit import DONE, NOT_DONE, AuditError
from resources.environment import Resources, Settings, build_resources
from resources.forgetting import ON_DEMAND
from resources.identities import DESTROYED
from resources.lake import local
from resources.ledger import ABANDONED, OVERRIDDEN
from resources.recovery import recover
from resources.registry import RegistryError, SampleRegistry
from resources.warehouse import Warehouse
from tests.builders.sheets import entry

WHO = {"person": "Dr Mendel", "reason": "a repeat draw is impossible"}


def opened(folder: Path) -> Resources:
    """The deployment as a process finds it that starts now."""
    return build_resources(Settings.from_environment({"GENOMICS_DATA": str(folder), "GENOMICS_REFERENCE": "demo"}))


@pytest.fixture
def platform(tmp_path: Path) -> Resources:
    """Two samples, the first with a shallow alignment and rows in the cohort."""
    made = opened(tmp_path / "data")
    entries = [entry(tmp_path / "reads", sample) for sample in ("S1", "S2")]
    made.registry.register(entries, sheet="run 7.csv", sheet_digest="0")
    publish(made)
    rows = pa.table({"sample_id": ["S1"], "position": pa.array([1], pa.int32())})
    made.warehouse.put("calls", rows, sample="S1", version="11" * 16)
    made.events.tell("run_success", sample="S1")
    return made


def publish(platform: Resources, coverage: float = 7.5) -> Receipt:
    with platform.lake.work("aligned_reads", "S1") as work:
        (work.folder / "file").write_text(f"reads at {coverage}")
        return work.publish(records=4, recipe=Recipe(), measures={"mean_coverage": coverage})


def dies(act: Callable[[], object]) -> None:
    """Act in a process that does not come back."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def killed(*_: object, **__: object) -> None:
    os._exit(9)


def outcomes(platform: Resources, sample: str = "S1") -> list[str]:
    return [entry.event.what for entry in platform.audit.entries(sample=sample)]


def override(platform: Resources) -> None:
    platform.gate.override("aligned_reads", "S1", "mean_coverage", **WHO)


def retry(platform: Resources) -> None:
    platform.decisions.retry("S1", **WHO)


def withdraw(platform: Resources) -> None:
    platform.decisions.withdraw("S1", **WHO)


def die_before_the_commit(platform: Resources, act: Callable[[Resources], object], patch: pytest.MonkeyPatch) -> None:
    from resources.audit import Deed

    intend = Deed.intend

    def intend_and_die(deed: Deed, *events: object) -> None:
        intend(deed, *events)  # type: ignore[arg-type]
        killed()

    with patch.context() as patched:
        patched.setattr(Deed, "intend", intend_and_die)
        dies(lambda: act(platform))


def die_before_the_outcome(platform: Resources, act: Callable[[Resources], object], patch: pytest.MonkeyPatch) -> None:
    with patch.context() as patched:
        patched.setattr("resources.audit.Deed._note_done", killed)
        dies(lambda: act(platform))


def test_nothing_is_told_or_written_where_nothing_happened(platform: Resources, tmp_path: Path) -> None:
    before = platform.audit.path.read_bytes()
    assert recover(opened(tmp_path / "data")) == ()
    assert platform.audit.path.read_bytes() == before
    assert recover(opened(tmp_path / "nowhere")) == () and not (tmp_path / "nowhere").exists()


def test_an_override_and_a_retry_that_were_not_committed_are_told_and_do_not_hold(
    platform: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for act in (override, retry):
        die_before_the_commit(platform, act, monkeypatch)
    later = opened(tmp_path / "data")
    first, second = recover(later)
    assert first.startswith("gate override aligned_reads of S1, by Dr Mendel, ")
    assert "did not take place; give the override again" in first
    assert second.startswith("retry of S1, by Dr Mendel, ") and "did not take place; ask for it again" in second
    assert recover(later) == ()
    assert later.gate.override_findings("S1") == []
    assert later.registry.sample("S1").attempt == 1
    assert not later.gate.overridden("aligned_reads", "S1", "mean_coverage")
    override(later)
    assert later.gate.overridden("aligned_reads", "S1", "mean_coverage")


def test_an_override_and_a_retry_that_were_committed_hold_and_their_note_is_made_up(
    platform: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for act in (override, retry):
        die_before_the_outcome(platform, act, monkeypatch)
    later = opened(tmp_path / "data")
    assert [told.partition(": ")[2] for told in recover(later)] == ["was done; only its note was missing"] * 2
    assert outcomes(later)[-2:] == [DONE, DONE]
    assert later.gate.overridden("aligned_reads", "S1", "mean_coverage")
    assert later.gate.override_findings("S1") == [] and later.registry.sample("S1").attempt == 2
    assert later.audit.verify() == len(list(later.audit.entries()))


def die_before_the_rows_go(platform: Resources, act: Callable[[Resources], object], patch: pytest.MonkeyPatch) -> None:
    with patch.context() as patched:
        patched.setattr(Warehouse, "remove", killed)
        dies(lambda: act(platform))


@pytest.mark.parametrize("where", [die_before_the_commit, die_before_the_rows_go])
def test_a_withdrawal_that_was_cut_short_is_completed(
    platform: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Callable[..., None]
) -> None:
    where(platform, withdraw, monkeypatch)
    later = opened(tmp_path / "data")
    (told,) = recover(later)
    assert told.startswith("withdraw of S1, by Dr Mendel, ") and "completed" in told
    assert later.registry.withdrawn() == ("S1",) and later.warehouse.files("calls") == []
    assert later.events.path.read_text() == ""
    assert outcomes(later)[-1] == DONE and recover(later) == ()


def test_a_withdrawal_whose_rows_cannot_leave_yet_holds_and_is_completed(
    platform: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise LakeError("the disk is full", remedy="make room")

    with monkeypatch.context() as patched, pytest.raises(LakeError):
        patched.setattr(Warehouse, "remove", full)
        withdraw(platform)
    assert platform.registry.withdrawn() == ("S1",) and len(platform.warehouse.files("calls")) == 1
    (told,) = recover(opened(tmp_path / "data"))
    assert "completed" in told and platform.warehouse.files("calls") == []


@pytest.mark.parametrize("after_the_receipt", [False, True])
def test_a_publication_without_outcome_is_settled_by_the_receipt_that_is_there(
    platform: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after_the_receipt: bool
) -> None:
    write = local._write_atomically

    def die_at_the_receipt(path: Path, text: str) -> None:
        if path.name == "receipt.json":
            killed()
        write(path, text)

    with monkeypatch.context() as patched:
        if after_the_receipt:
            patched.setattr("resources.audit.Deed._note_done", killed)
        else:
            patched.setattr(local, "_write_atomically", die_at_the_receipt)
        dies(lambda: publish(platform, 31))
    later = opened(tmp_path / "data")
    (told,) = recover(later)
    assert ("only its note was missing" if after_the_receipt else "the version before it holds") in told
    assert outcomes(later)[-1] == (DONE if after_the_receipt else ABANDONED)
    assert later.lake.require("aligned_reads", "S1").measures["mean_coverage"] == (31 if after_the_receipt else 7.5)
    assert publish(later, 31) and later.audit.open_intents() == [] and recover(later) == ()


def test_nobody_settles_what_is_under_way(platform: Resources, tmp_path: Path) -> None:
    with platform.audit.do("Dr Mendel", OVERRIDDEN, "S1", {"row": "0"}):
        assert recover(opened(tmp_path / "data")) == ()
    assert outcomes(platform)[-1] == DONE


def test_what_a_later_release_intended_is_told_and_left_open(platform: Resources, tmp_path: Path) -> None:
    with pytest.raises(OSError), platform.audit.do("Dr Mendel", "moon landed", "S1"):
        raise OSError
    (told,) = recover(opened(tmp_path / "data"))
    assert told.startswith("moon landed of S1") and "cannot find out" in told
    assert len(platform.audit.open_intents()) == 1


def test_an_intent_that_cannot_be_settled_is_told_and_stops_nobody(platform: Resources, tmp_path: Path) -> None:
    """The current key is never ended, so that an intent to end it has no end; the code location loads by this."""
    current = platform.registry.current_key()
    with pytest.raises(OSError), platform.audit.do("Dr Mendel", DESTROYED, None, {"key": current}):
        raise OSError
    with pytest.raises(OSError), platform.audit.do("Dr Mendel", OVERRIDDEN, "S1", {"row": "0"}):
        raise OSError
    stuck, settled = recover(opened(tmp_path / "data"))
    assert stuck.startswith("key destroyed, by Dr Mendel") and "tried again at the next start" in stuck
    assert "is the key that wraps now" in stuck and "did not take place" in settled
    assert [entry.event.what for entry in platform.audit.open_intents()] == [DESTROYED]


def test_a_registry_restored_from_an_old_backup_learns_of_withdrawals(platform: Resources, tmp_path: Path) -> None:
    backup = shutil.copytree(tmp_path / "data" / "registry", tmp_path / "backup")
    withdraw(platform)
    shutil.rmtree(tmp_path / "data" / "registry")
    backup.rename(tmp_path / "data" / "registry")
    later = opened(tmp_path / "data")
    assert later.registry.withdrawn() == ()
    (told,) = recover(later)
    assert told.startswith("S1 was withdrawn by Dr Mendel, ") and "the registry had lost" in told
    assert later.registry.withdrawn() == ("S1",)
    assert later.registry.history("S1")[-1].details == {"person": "Dr Mendel", "reason": WHO["reason"]}
    assert recover(later) == ()


def test_a_lost_registry_takes_no_withdrawn_sample_again_from_its_sheet(platform: Resources, tmp_path: Path) -> None:
    landing = platform.settings.landing
    landing.mkdir()
    for sample in ("S1", "S2"):
        for mate in entry(landing, sample).lanes[0].read1, entry(landing, sample).lanes[0].read2:
            os.utime(mate, (0, 0))
    sheet = landing / "run 7.csv"
    reads = {s: [path.name for path in sorted(landing.iterdir()) if s in path.name] for s in ("S1", "S2")}
    sheet.write_text("sample_id,read1,read2\n" + "".join(f"{s},{','.join(names)}\n" for s, names in reads.items()))
    os.utime(sheet, (0, 0))
    withdraw(platform)
    shutil.rmtree(tmp_path / "data" / "registry")
    later = opened(tmp_path / "data")
    scan = later.landing_zone.scan(None, later.registry, later.audit)
    assert scan.new == ("S2",)
    assert [str(error.problem) for error in scan.refused] == ["the sample was withdrawn"]


def test_taking_part_again_is_a_decision_of_its_own_and_outlasts_the_registry(
    platform: Resources, tmp_path: Path
) -> None:
    with pytest.raises(RegistryError, match="was not withdrawn"):
        platform.decisions.reinstate("S1", **WHO)
    backup = shutil.copytree(tmp_path / "data" / "registry", tmp_path / "backup")
    withdraw(platform)
    with pytest.raises(GateError, match="needs a person and a reason"):
        platform.decisions.reinstate("S1", person="Dr Mendel", reason="oh")
    assert platform.registry.withdrawn() == ("S1",)
    waits = platform.decisions.reinstate("S1", person="Dr Mendel", reason="consent was given again")
    assert (waits.status, waits.attempt, waits.withdrawn) == (SampleStatus.WAITING, 2, None)
    assert outcomes(platform)[-4:] == ["withdraw", DONE, "reinstate", DONE]
    shutil.rmtree(tmp_path / "data" / "registry")
    backup.rename(tmp_path / "data" / "registry")
    assert recover(opened(tmp_path / "data")) == () and opened(tmp_path / "data").registry.withdrawn() == ()


@pytest.mark.parametrize(("person", "reason"), [("", "consent was withdrawn"), ("Dr Mendel", "because")])
def test_a_withdrawal_that_nobody_answers_for_is_refused(platform: Resources, person: str, reason: str) -> None:
    with pytest.raises(GateError, match="a withdrawal needs a person and a reason"):
        platform.decisions.withdraw("S1", person=person, reason=reason)
    assert platform.registry.withdrawn() == ()


def test_what_cannot_be_written_down_does_not_happen(platform: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("resources.audit._append", full)
    before = platform.registry.history("S1")
    for act in (override, retry, withdraw, lambda platform: publish(platform, 31)):
        with pytest.raises(StorageError, match="disk is full"):
            act(platform)
    assert platform.registry.history("S1") == before and platform.registry.overrides("S1") == ()
    assert platform.registry.withdrawn() == () and len(platform.warehouse.files("calls")) == 1
    monkeypatch.undo()
    assert recover(platform) == ()
    assert platform.lake.require("aligned_reads", "S1")
    for act in (override, retry, withdraw):
        act(platform)
    assert outcomes(platform).count(NOT_DONE) == 0


def test_nothing_is_concluded_from_a_log_that_lost_its_end(platform: Resources, tmp_path: Path) -> None:
    withdraw(platform)
    lines = platform.audit.path.read_text().splitlines(keepends=True)
    platform.audit.path.write_text("".join(lines[:2]))
    with pytest.raises(AuditError, match="once had"):
        recover(opened(tmp_path / "data"))


def test_a_registry_of_its_own_announces_before_it_commits(tmp_path: Path) -> None:
    registry = SampleRegistry(tmp_path / "samples.sqlite")

    def refuse(_: object) -> None:
        raise GateError("not now", remedy="later")

    with pytest.raises(GateError):
        registry.register([entry(tmp_path, "S1")], sheet="a.csv", sheet_digest="0", announce=refuse)
    assert registry.samples() == ()


def made_of_the_cohort(platform: Resources, asset: str, content: str, **inputs: str) -> Receipt:
    with platform.lake.work(asset) as work:
        (work.folder / "page.html").write_text(content)
        return work.publish(records=1, recipe=Recipe(inputs=inputs), measures={})


def test_what_was_made_of_the_cohort_on_demand_is_discarded_once_a_sample_was_withdrawn(
    platform: Resources, tmp_path: Path
) -> None:
    assert {JOINT_CALL, *(one.name for one in NOTEBOOKS)} == ON_DEMAND, "each that the job cohort does not make anew"
    tables = made_of_the_cohort(platform, "cohort_tables", "with S1")
    read = {"cohort_tables": tables.data_version}
    page = made_of_the_cohort(platform, "association", "S1 is a point of it", **read)
    assert recover(platform) == ()
    platform.decisions.withdraw("S1", **WHO)
    time.sleep(1.1)  # receipts tell seconds
    called = made_of_the_cohort(platform, JOINT_CALL, "without S1")
    late = made_of_the_cohort(platform, "risk_strata", "of the tables that still have S1", **read)
    told = recover(opened(tmp_path / "data"))
    assert [line.split()[0] for line in told] == ["association", "risk_strata"], told
    whole = [platform.lake.is_whole(one) for one in (page, late, called, tables)]
    assert whole == [False, False, True, True]
    again = made_of_the_cohort(platform, "cohort_tables", "without S1")
    made_of_the_cohort(platform, "association", "S1 is none of it", cohort_tables=again.data_version)
    assert recover(opened(tmp_path / "data")) == ()
