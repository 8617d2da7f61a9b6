"""The audit log: what is written stays written, and any change of it shows."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from resources.anchor import Anchor
from resources.audit import DONE, NOT_DONE, AuditError, AuditEvent, AuditHead, AuditLog

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "audit" / "audit.jsonl")


def written(log: AuditLog, count: int) -> list[str]:
    for number in range(count):
        log.record("dr.jones", "report signed", f"S{number}", {"version": number})
    return log.path.read_text().splitlines()


def test_who_what_which_sample_and_why_can_be_read_again(log: AuditLog) -> None:
    log.record("dr.jones", "gate override", "S1", {"reason": "Übergang, geprüft"})
    log.record("sensor", "sheet refused")
    first, second = log.entries()
    assert first.event == AuditEvent("dr.jones", "gate override", "S1", {"reason": "Übergang, geprüft"})
    assert second.event.sample is None
    assert first.when < second.when
    assert [entry.number for entry in log.entries(sample="S1")] == [1]


def test_entries_about_one_sample_or_none_are_found_as_the_log_grows(log: AuditLog) -> None:
    assert list(log.entries_about("S1")) == []
    tricky = {"note": 'it said ,"sample":"S9","what":', "inner": {"a": 1, "sample": "S9", "what": "x"}}
    log.record("dr.jones", "said", "S1", tricky)
    log.record("lake", "artifact published", None, {"sample": "S9"})
    assert [entry.number for entry in log.entries_about("S1")] == [1]
    AuditLog(log.path).record("dr.jones", 'said ,"sample":"S9"', "S1")
    assert [entry.number for entry in log.entries_about("S1")] == [1, 3]
    assert [entry.number for entry in log.entries_about(None)] == [2]
    assert list(log.entries_about("S9")) == []
    log.path.unlink()
    log.record("dr.jones", "said", "S2")
    assert [entry.number for entry in log.entries_about("S2")] == [1] and list(log.entries_about("S1")) == []


def test_an_empty_log_is_sound(log: AuditLog) -> None:
    assert log.verify() == 0
    assert list(log.entries()) == []


def test_several_events_are_written_at_once(log: AuditLog) -> None:
    head = log.record_all(AuditEvent("sensor", "sample registered", f"S{n}") for n in range(1000))
    assert head.entries == log.verify(head) == 1000


def test_an_event_that_json_cannot_hold_writes_nothing(log: AuditLog) -> None:
    log.record("a", "b")
    with pytest.raises(TypeError):
        log.record_all([AuditEvent("a", "b"), AuditEvent("a", "b", None, {"object": object()})])
    assert log.verify() == 1


def edit(lines: list[str]) -> list[str]:
    return [line.replace('"version":2', '"version":9') for line in lines]


def remove(lines: list[str]) -> list[str]:
    return lines[:2] + lines[3:]


def swap(lines: list[str]) -> list[str]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def insert(lines: list[str]) -> list[str]:
    return [*lines[:2], lines[1], *lines[2:]]


def blank(lines: list[str]) -> list[str]:
    return [*lines[:2], "", *lines[3:]]


def cut_the_beginning(lines: list[str]) -> list[str]:
    return lines[1:]


def rewrite_one_with_its_own_chain(lines: list[str]) -> list[str]:
    entry = json.loads(lines[2]) | {"who": "somebody else"}
    return [*lines[:2], json.dumps(entry, sort_keys=True, separators=(",", ":")), *lines[3:]]


@pytest.mark.parametrize(
    "tamper", [edit, remove, swap, insert, blank, cut_the_beginning, rewrite_one_with_its_own_chain]
)
def test_tampering_is_found(log: AuditLog, tamper) -> None:
    lines = written(log, 5)
    assert log.verify() == 5
    log.path.write_text("\n".join(tamper(lines)) + "\n")
    with pytest.raises(AuditError, match="line"):
        log.verify()


def test_lines_cut_off_at_the_end_are_found_with_an_anchor(log: AuditLog) -> None:
    lines = written(log, 5)
    anchor = log.head()
    log.path.write_text("\n".join(lines[:3]) + "\n")
    assert log.verify() == 3
    with pytest.raises(AuditError, match="2 lines are missing at the end"):
        log.verify(anchor)


def test_a_log_written_anew_is_found_with_an_anchor(log: AuditLog) -> None:
    written(log, 3)
    anchor = log.head()
    log.path.unlink()
    written(log, 4)
    with pytest.raises(AuditError, match="not the one that was anchored"):
        log.verify(anchor)


def test_an_anchor_stays_good_while_the_log_grows(log: AuditLog) -> None:
    written(log, 3)
    anchor = log.head()
    assert anchor == AuditHead(3, anchor.digest)
    written(log, 3)
    assert log.verify(anchor) == 6


def test_a_line_left_unfinished_by_a_killed_process_is_kept_and_sealed(log: AuditLog) -> None:
    lines = written(log, 2)
    with log.path.open("a") as file:
        file.write(lines[1][:40])
    log.record("dr.jones", "report signed", "S3")
    assert [entry.event.what for entry in log.entries()][-2:] == ["unfinished line sealed", "report signed"]
    assert lines[1][:40] in log.path.read_text().splitlines()
    assert log.verify() == 5
    assert log.head() == AuditHead(5, log.head().digest)


def test_an_unfinished_line_that_nobody_sealed_is_tampering(log: AuditLog) -> None:
    lines = written(log, 4)
    log.path.write_text("\n".join([*lines[:2], lines[2][:50], lines[3]]) + "\n")
    with pytest.raises(AuditError):
        log.verify()


def test_a_very_long_entry_is_followed(log: AuditLog) -> None:
    log.record("a", "b", None, {"text": "x" * 300_000})
    log.record("a", "c")
    assert log.verify() == 2


def test_nobody_else_may_read_the_log(log: AuditLog) -> None:
    log.record("a", "b")
    assert log.path.stat().st_mode & 0o077 == 0


WRITER = """
import sys
from pathlib import Path
from resources.audit import AuditLog
log = AuditLog(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    log.record(f"writer {sys.argv[3]}", "event", None, {"number": number})
"""


def start_writer(log: AuditLog, count: int, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(log.path), str(count), name]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)


def test_several_processes_write_one_chain(log: AuditLog) -> None:
    writers = [start_writer(log, 100, str(number)) for number in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    assert log.verify() == 300
    for number in range(3):
        own = [e.event.details["number"] for e in log.entries() if e.event.who == f"writer {number}"]
        assert own == list(range(100))


def test_killed_writers_leave_a_sound_log(log: AuditLog) -> None:
    for attempt in range(3):
        writer = start_writer(log, 1_000_000, str(attempt))
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(0.05 * (attempt + 1))
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    log.record("after", "all")
    assert log.verify() == log.head().entries


def test_the_account_of_the_operating_system_stands_beside_who_somebody_says_to_be(log: AuditLog) -> None:
    log.record("Dr. Nobody", "gate override", "S1")
    (entry,) = log.entries()
    assert entry.event.who == "Dr. Nobody"
    assert entry.account and entry.account.startswith(pwd.getpwuid(os.getuid()).pw_name)


def test_an_effect_is_written_down_before_it_happens_and_when_it_is_done(log: AuditLog) -> None:
    with log.do("dr.jones", "report signed", "S1"):
        (intent,) = log.open_intents()
        assert (intent.event.what, intent.event.sample) == ("report signed", "S1")
        assert AuditLog(log.path).open_intents() == [intent]
    assert log.open_intents() == []
    assert [entry.event.what for entry in log.entries()] == ["report signed", DONE]
    assert log.verify() == 2


def test_an_effect_that_was_cut_short_stays_open_until_it_is_settled(log: AuditLog) -> None:
    log.record("a", "before")
    with pytest.raises(OSError), log.do("dr.jones", "report signed", "S1"):
        raise OSError("the disk is full")
    with log.do("dr.jones", "report signed", "S2"):
        pass
    (intent,) = AuditLog(log.path).open_intents()
    assert (intent.number, intent.event.sample) == (2, "S1")
    log.settle(intent, NOT_DONE, "nothing was signed")
    assert log.open_intents() == [] and AuditLog(log.path).open_intents() == []
    assert [entry.event.what for entry in log.entries(sample="S1")] == ["report signed", NOT_DONE]


def test_several_effects_intended_together_are_done_together(log: AuditLog) -> None:
    with log.deed() as deed:
        deed.intend(AuditEvent("zone", "sample registered", "S1"), AuditEvent("zone", "sample changed", "S2"))
        assert len(log.open_intents()) == 2
    assert log.open_intents() == []
    with log.deed():
        pass
    assert log.verify() == 3, "what nobody intended leaves no trace"


def test_who_settles_waits_for_nobody_and_disturbs_nobody(log: AuditLog) -> None:
    with log.nobody_acts() as alone:
        assert alone
    with log.do("dr.jones", "report signed", "S1"), AuditLog(log.path).nobody_acts() as alone:
        assert not alone
    with pytest.raises(BlockingIOError), log.nobody_acts() as alone:
        assert alone
        raise BlockingIOError("of something else")


@pytest.fixture
def anchored(tmp_path: Path) -> AuditLog:
    """A log of five entries whose head is kept outside of it."""
    log = AuditLog(tmp_path / "audit" / "audit.jsonl", Anchor(tmp_path / "anchor"))
    written(log, 5)
    return log


def cut(log: AuditLog) -> None:
    log.path.write_text("".join(log.path.read_text().splitlines(keepends=True)[:3]))


def cut_within_the_last_line(log: AuditLog) -> None:
    log.path.write_bytes(log.path.read_bytes()[:-20])


def emptied(log: AuditLog) -> None:
    log.path.write_text("")


def deleted(log: AuditLog) -> None:
    log.path.unlink()


def deleted_with_its_folder(log: AuditLog) -> None:
    shutil.rmtree(log.path.parent)


def rewritten(log: AuditLog) -> None:
    log.path.unlink()
    written(AuditLog(log.path), 7)


def last_line_rewritten(log: AuditLog) -> None:
    lines = log.path.read_text().splitlines(keepends=True)
    log.path.write_text("".join([*lines[:-1], lines[-1].replace("dr.jones", "dr.smith")]))


def anchor_removed(log: AuditLog) -> None:
    shutil.rmtree(log.path.parent.parent / "anchor")


def anchor_forged(log: AuditLog) -> None:
    path = log.path.parent.parent / "anchor" / "audit.json"
    path.write_text(path.read_text().replace('"entries":5', '"entries":3'))


def anchors_key_replaced(log: AuditLog) -> None:
    (log.path.parent.parent / "anchor" / "key").write_bytes(bytes(32))


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (cut, "ends at entry 3, and once had 5"),
        (cut_within_the_last_line, "once had 5"),
        (emptied, "is empty, and once had 5 entries"),
        (deleted, "is gone, and once had 5 entries"),
        (deleted_with_its_folder, "is gone, and once had 5 entries"),
        (rewritten, "entry 5 of the audit log is not the one that was written"),
        (last_line_rewritten, "entry 5 of the audit log is not the one that was written"),
        (anchor_removed, "anchor is gone"),
        (anchor_forged, "anchor was changed, or its key is gone"),
        (anchors_key_replaced, "anchor was changed, or its key is gone"),
    ],
)
def test_a_log_that_is_not_what_its_anchor_says_is_found_and_takes_nothing_more_until_a_person_goes_on(
    anchored: AuditLog, tmp_path: Path, tamper: Callable[[AuditLog], None], said: str
) -> None:
    tamper(anchored)
    later = AuditLog(anchored.path, Anchor(tmp_path / "anchor"))
    assert said in str(later.missing())
    before = later.path.read_bytes() if later.path.exists() else None
    for act in (later.require_end, later.verify, lambda: later.record("a", "b")):
        with pytest.raises(AuditError) as caught:
            act()
        assert str(later.path) in str(caught.value)
    assert (later.path.read_bytes() if later.path.exists() else None) == before
    assert said in later.accept("Dr Mendel", "the disk was replaced")
    assert later.missing() is None
    *_, entry = later.entries()
    assert entry.event.who == "Dr Mendel" and said in entry.event.details["problem"]
    later.record("a", "b")
    with pytest.raises(AuditError, match="holds what its anchor says"):
        later.accept("Dr Mendel", "once more")


def test_a_log_of_the_first_release_is_anchored_when_it_is_first_written_to(log: AuditLog, tmp_path: Path) -> None:
    written(log, 3)
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    previous = "0" * 64
    for entry in lines:
        entry.pop("account")
        entry["previous"] = previous
        previous = hashlib.sha256(_as_written(entry)).hexdigest()
    log.path.write_bytes(b"".join(_as_written(entry) + b"\n" for entry in lines))
    later = AuditLog(log.path, Anchor(tmp_path / "anchor"))
    assert later.verify() == 3 and later.missing() is None
    later.record("a", "b")
    assert later.verify() == 4
    cut(later)
    assert "once had 4" in str(later.missing())


def _as_written(entry: dict[str, object]) -> bytes:
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_several_processes_move_one_anchor(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit" / "audit.jsonl", Anchor(tmp_path / "anchor"))
    anchored = WRITER.replace("AuditLog(Path(sys.argv[1]))", "AuditLog(Path(sys.argv[1]), Anchor(Path(sys.argv[4])))")
    command = [sys.executable, "-c", "from resources.anchor import Anchor\n" + anchored, str(log.path), "40"]
    writers = [subprocess.Popen([*command, str(number), str(tmp_path / "anchor")], cwd=PROJECT) for number in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    assert log.verify() == 120 and log.anchor and log.anchor.read() == log.head()


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_in_the_place_of_the_log_is_told_and_not_read_for_ever(tmp_path: Path, kind: str) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    log.record("Dr Example", "retry", "S1")
    log.path.unlink()
    {
        "pipe": lambda: os.mkfifo(log.path),
        "folder": log.path.mkdir,
        "device": lambda: log.path.symlink_to("/dev/zero"),
    }[kind]()
    acts: list[Callable[[], object]] = [log.verify, log.head, log.open_intents]
    acts += [lambda: list(log.entries()), lambda: log.record("Dr Example", "retry", "S1")]
    for act in acts:
        with pytest.raises(AuditError, match="the audit log is no file"):
            act()


def test_which_samples_were_written_of_since_a_mark_is_read_from_the_end(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    assert log.samples_since("") == ("", None)
    for sample in ("S1", "S2", None):
        log.record("lake", "artifact published", sample)
    mark, unknown = log.samples_since("")
    assert unknown is None, "at the first look nobody knows"
    assert log.samples_since(mark) == (mark, frozenset()), "what names no sample moves no mark"
    for sample in ("S3", "S1", None):
        log.record("lake", "artifact published", sample)
    later, samples = log.samples_since(mark)
    assert samples == {"S1", "S3"} and later != mark
    assert log.samples_since(f"{mark.split()[0]} 1999-01-01")[1] is None, "of another log"
