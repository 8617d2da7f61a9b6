"""The landing zone: what was dropped is found once, in portions, and never while it is being written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.reads.registration import SampleStatus
from resources import landing_zone
from resources.audit import AuditLog
from resources.landing_zone import LandingZone, Scan
from resources.registry import SampleRegistry
from tests.builders.sheets import write_pair


class Laboratory:
    """A landing zone with its registry and audit log, and a cursor that goes from scan to scan as a sensor's does."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "landing"
        self.root.mkdir()
        self.zone = LandingZone(self.root)
        self.registry = SampleRegistry(folder / "samples.sqlite")
        self.audit = AuditLog(folder / "audit.jsonl")
        self.cursor: str | None = None

    def drop(self, sheet: str, *sample_ids: str, age: float = 3600.0, header: str = "", cells: str = "") -> Path:
        """A sheet and the reads of its samples, all last changed ``age`` seconds ago."""
        rows = ["sample_id,read1,read2" + header]
        for sample_id in sample_ids:
            pair = write_pair((self.root / sheet).parent, sample_id)
            rows.append(f"{sample_id},{pair[0].name},{pair[1].name}{cells}")
            for path in pair:
                self.aged(path, age)
        path = self.root / sheet
        path.write_text("\n".join(rows) + "\n")
        return self.aged(path, age)

    def aged(self, path: Path, age: float = 3600.0) -> Path:
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    def scan(self, limit: int = 500) -> Scan:
        scan = self.zone.scan(self.cursor, self.registry, self.audit, limit=limit)
        self.cursor = scan.cursor
        return scan

    def report(self, sheet: str) -> str:
        return (self.root / f"{sheet}.problems.txt").read_text()


@pytest.fixture
def lab(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


def test_a_dropped_sheet_is_found_once(lab: Laboratory) -> None:
    lab.drop("monday.csv", "S1", "S2")
    first = lab.scan()
    assert (first.new, first.more) == (("S1", "S2"), False)
    second = lab.scan()
    assert (second.new, second.changed, second.more) == ((), (), False)
    assert [sample.sample_id for sample in lab.registry.take_waiting(9)] == ["S1", "S2"]


def test_a_second_drop_of_the_same_files_gives_nothing(lab: Laboratory) -> None:
    lab.drop("monday.csv", "S1", "S2")
    lab.scan()
    lab.drop("monday.csv", "S1", "S2", age=1800.0)
    lab.drop("again/monday.csv", "S1", "S2", age=1800.0)
    scan = lab.scan()
    assert (scan.new, scan.changed, scan.refused) == ((), (), ())


def test_replaced_reads_are_found_although_the_sheet_is_the_same(lab: Laboratory) -> None:
    lab.drop("monday.csv", "S1", "S2")
    lab.scan()
    for path in write_pair(lab.root, "S2", content="sequenced again"):
        lab.aged(path, 60.0)
    assert lab.scan().changed == ("S2",)
    assert lab.scan().changed == ()


def test_an_edited_sheet_is_found(lab: Laboratory) -> None:
    sheet = lab.drop("monday.csv", "S1", "S2")
    lab.scan()
    sheet.write_text(
        sheet.read_text().replace("sample_id,", "sample_id,sex,").replace("S1,", "S1,male,").replace("S2,S", "S2,,S")
    )
    lab.aged(sheet, 60.0)
    assert lab.scan().changed == ("S1",)


def test_sheets_below_the_root_are_found_and_their_paths_are_their_own(lab: Laboratory) -> None:
    lab.drop("run1/sheet.csv", "S1")
    lab.drop("run2/sheet.csv", "S2")
    assert set(lab.scan().new) == {"S1", "S2"}
    assert lab.registry.sample("S2").sheet == "run2/sheet.csv"


def test_what_is_being_written_is_left_for_later(lab: Laboratory) -> None:
    sheet = lab.drop("monday.csv", "S1", age=0.0)
    assert lab.zone.sheets() == ()
    assert lab.scan().new == ()
    lab.aged(sheet)
    scan = lab.scan()
    assert (scan.new, scan.deferred, scan.more) == ((), ("S1",), True)
    for mate in "12":
        lab.aged(lab.root / f"S1_R{mate}.fastq")
    assert lab.scan().new == ("S1",)


def test_hidden_files_links_and_other_files_are_no_sheets(lab: Laboratory) -> None:
    sheet = lab.drop("monday.csv", "S1")
    lab.aged(sheet.rename(lab.root / ".monday.csv"))
    (lab.root / "link.csv").symlink_to(lab.root / ".monday.csv")
    (lab.root / "folder.csv").mkdir()
    lab.aged(lab.root / "folder.csv")
    lab.drop(".hidden/sheet.csv", "S2")
    lab.drop("sheet.csv.part", "S3")
    assert lab.zone.sheets() == ()


def test_many_samples_come_in_portions_none_lost_none_twice(lab: Laboratory) -> None:
    ids = [f"S{number:03}" for number in range(95)]
    lab.drop("a.csv", *ids[:50])
    lab.drop("b.csv", *ids[50:])
    found: list[str] = []
    for _ in range(9):
        scan = lab.scan(limit=10)
        assert scan.more
        found += scan.new
    found += lab.scan(limit=10).new
    assert found == ids
    assert not lab.scan(limit=10).more


def test_a_scan_begins_no_further_sheet_when_its_time_is_over(lab: Laboratory) -> None:
    for name in ("a", "b", "c"):
        lab.drop(f"{name}.csv", f"S-{name}")
    found = []
    for _ in range(3):
        scan = lab.zone.scan(lab.cursor, lab.registry, lab.audit, seconds=0.0)
        lab.cursor = scan.cursor
        found.append(scan.new)
    assert found == [("S-a",), ("S-b",), ("S-c",)] and not scan.more


def test_a_scan_that_was_not_remembered_loses_nothing(lab: Laboratory) -> None:
    lab.drop("monday.csv", "S1", "S2", "S3")
    lab.zone.scan(None, lab.registry, lab.audit, limit=2)  # the sensor died before it kept the cursor
    assert lab.scan().new == ("S3",)
    assert len(lab.registry.take_waiting(9)) == 3


def test_a_sheet_edited_while_half_done_is_begun_anew(lab: Laboratory) -> None:
    lab.drop("monday.csv", "S1", "S2", "S3")
    lab.scan(limit=2)
    sheet = lab.drop("monday.csv", "S0", "S1", "S2", "S3")
    lab.aged(sheet, 60.0)
    assert lab.scan().new == ("S0", "S3")


def test_a_new_sheet_goes_before_the_round_over_old_ones(lab: Laboratory) -> None:
    lab.drop("a_big.csv", *(f"S{number:02}" for number in range(40)))
    lab.scan()
    lab.scan(limit=10)
    lab.drop("z_new.csv", "T1")
    assert lab.scan(limit=10).new == ("T1",)


def test_the_round_reaches_every_old_sheet(lab: Laboratory) -> None:
    for name in "abc":
        lab.drop(f"{name}.csv", *(f"{name.upper()}{number}" for number in range(10)))
    lab.scan()
    for path in write_pair(lab.root, "C9", content="sequenced again"):
        lab.aged(path, 60.0)
    changed = [sample_id for _ in range(8) for sample_id in lab.scan(limit=5).changed]
    assert changed == ["C9"]


def test_problems_are_written_beside_the_sheet_and_audited_once(lab: Laboratory) -> None:
    lab.drop("monday.csv", "S1", "S2", header=",sex", cells=",femal")
    lab.drop("good.csv", "S3")
    assert lab.scan().new == ("S3",)
    report = lab.report("monday.csv")
    assert report.startswith("monday.csv: 0 samples accepted, 2 stopped, 2 problems")
    assert "line 3: sex is 'femal', not female, male or unknown" in report
    lab.scan()
    audited = [entry for entry in lab.audit.entries() if entry.event.what == "sheet has problems"]
    assert [entry.event.details["sheet"] for entry in audited] == ["monday.csv"]
    assert not (lab.root / "good.csv.problems.txt").exists()


def test_a_report_goes_when_its_problems_have_gone(lab: Laboratory) -> None:
    sheet = lab.drop("monday.csv", "S1", "S2")
    missing = lab.root / "S2_R2.fastq"
    text = missing.read_text()
    missing.unlink()
    assert lab.scan().new == ("S1",)
    assert "read2 'S2_R2.fastq' does not exist" in lab.report("monday.csv")
    missing.write_text(text)
    lab.aged(missing, 60.0)
    assert lab.scan().new == ("S2",)
    assert not sheet.with_name("monday.csv.problems.txt").exists()
    assert [e.event.what for e in lab.audit.entries()][-1] == "sheet has no problems any more"


def test_what_the_registry_refuses_is_in_the_report_too(lab: Laboratory) -> None:
    lab.drop("a.csv", "S1")
    lab.drop("other/b.csv", "S1", "S2", header=",order_id", cells=",ORD-1")
    scan = lab.scan(limit=1)
    scan = lab.scan(limit=1)
    assert [error.sample for error in scan.refused] == ["S1"]
    assert lab.scan(limit=1).new == ("S2",)
    report = lab.report("other/b.csv")
    assert report.startswith("b.csv: 1 samples accepted, 1 stopped, 1 problems")
    assert "duplicate sample id: registered by sheet 'a.csv' with other order_id" in report


def test_an_unreadable_sheet_does_not_stop_the_others(lab: Laboratory) -> None:
    (lab.root / "a.csv").write_bytes(b"PK\x03\x04")
    lab.aged(lab.root / "a.csv")
    lab.drop("b.csv", "S1")
    assert lab.scan().new == ("S1",)
    assert "damaged or cut off" in lab.report("a.csv")


def test_reports_may_go_to_a_folder_of_their_own(lab: Laboratory, tmp_path: Path) -> None:
    lab.zone = LandingZone(lab.root, reports=tmp_path / "reports")
    lab.drop("run1/monday.csv", "S1", header=",sex", cells=",x")
    lab.scan()
    assert (tmp_path / "reports" / "run1" / "monday.csv.problems.txt").exists()
    assert list(lab.root.rglob("*.txt")) == []


def test_registered_samples_are_audited(lab: Laboratory) -> None:
    lab.drop("monday.csv", "S1", "S2")
    lab.scan()
    assert [(e.event.what, e.event.sample) for e in lab.audit.entries()] == [
        ("sample registered", "S1"),
        ("sample registered", "S2"),
        ("done", None),
    ]
    assert lab.audit.verify() == 3


def test_the_cursor_is_small_and_a_damaged_one_only_costs_time(lab: Laboratory) -> None:
    lab.drop("monday.csv", *(f"S{number}" for number in range(30)))
    lab.scan()
    assert lab.cursor is not None
    assert len(lab.cursor) < 200
    assert json.loads(lab.cursor)["seen"].keys() == {"monday.csv"}
    for damaged in ("", "{", "[1]", '{"unknown": 1}'):
        lab.cursor = damaged
        assert lab.scan().new == ()


def test_a_sheet_taken_away_is_forgotten(lab: Laboratory) -> None:
    sheet = lab.drop("monday.csv", "S1")
    lab.scan()
    sheet.unlink()
    scan = lab.scan()
    assert json.loads(scan.cursor)["seen"] == {}
    assert lab.registry.sample("S1").status is SampleStatus.WAITING


def test_sheet_2_with_lane_2_makes_a_sample_of_both_lanes(lab: Laboratory) -> None:
    lab.drop("monday.csv", "S1")
    lab.scan()
    for path in write_pair(lab.root, "S1_more"):
        lab.aged(path)
    top_up = lab.root / "tuesday.csv"
    row = "sample_id;read1;read2;change\nS1;S1_more_R1.fastq;S1_more_R2.fastq;"
    top_up.write_text(row + "\n")
    lab.aged(top_up)
    lab.scan()
    assert "say add in the column change" in lab.report("tuesday.csv")
    top_up.write_text(row + "add\n")
    lab.aged(top_up, 1800)
    assert lab.scan().changed == ("S1",)
    assert not (lab.root / "tuesday.csv.problems.txt").exists()
    assert [lane.name for lane in lab.registry.sample("S1").lanes] == ["L001", "L002"]
    assert lab.registry.history("S1")[-1].details["lanes added"] == ["L002"]
    for _ in range(3):
        scan = lab.scan()
        assert (scan.changed, scan.refused, scan.more) == ((), (), False)


def test_an_id_as_the_laboratory_writes_it_is_told_beside_the_sheet_and_kept(lab: Laboratory) -> None:
    sheet = lab.drop("monday.csv", "S1")
    sheet.write_text(sheet.read_text().replace("\nS1,", "\n23/0816,"))
    lab.aged(sheet)
    (sample_id,) = lab.scan().new
    assert lab.registry.sample(sample_id).name == "23/0816"
    assert f"sample '23/0816' goes by the id {sample_id}" in (lab.root / "monday.csv.notes.txt").read_text()


def test_every_kind_of_sheet_is_found_and_what_only_looks_like_one_is_told(lab: Laboratory) -> None:
    sheet = lab.drop("monday.csv", "S1")
    lab.aged(sheet.rename(lab.root / "MONDAY.TSV"))
    (lab.root / "MONDAY.TSV").write_text(sheet_text := (lab.root / "MONDAY.TSV").read_text().replace(",", "\t"))
    assert "\t" in sheet_text
    lab.aged(lab.root / "MONDAY.TSV")
    for name in ("old.xls", "table.ods", "packed.csv.gz", "notes.csv.txt"):
        (lab.root / name).write_bytes(b"anything")
    (lab.root / "link.csv").symlink_to(lab.root / "MONDAY.TSV")
    (lab.root / "~$monday.xlsx").write_bytes(b"Excel's lock")
    (lab.root / "readme.txt").write_text("no sheet")
    (lab.root / "monday.txt").write_text("sample_id\tread1\tread2\nS9\ta\tb\n")
    (lab.root / "SampleSheet").write_bytes("[Header]\n".encode("utf-16"))
    assert lab.scan().new == ("S1",)
    assert "separated by tabs" in (lab.root / "MONDAY.TSV.notes.txt").read_text()
    assert "save it as .xlsx" in lab.report("old.xls")
    assert "save it as .xlsx" in lab.report("table.ods")
    assert "unpack it" in lab.report("packed.csv.gz")
    assert "name that ends in .csv" in lab.report("notes.csv.txt")
    assert "a symbolic link is not read" in lab.report("link.csv")
    assert "ends in .csv or .tsv" in lab.report("monday.txt")
    assert "ends in .csv or .tsv" in lab.report("SampleSheet")
    assert not (lab.root / "readme.txt.problems.txt").exists()
    written = {path.name: path.stat().st_mtime_ns for path in lab.root.glob("*.txt")}
    audited = len(list(lab.audit.entries()))
    lab.scan()
    assert {path.name: path.stat().st_mtime_ns for path in lab.root.glob("*.txt")} == written
    assert len(list(lab.audit.entries())) == audited
    assert not list(lab.root.glob("*.part"))


@pytest.mark.parametrize(
    "name", [b"M\xfcller.csv", b"M\xfcller/a.csv", b"x" * 246 + b".csv", "ü".encode() * 125 + b".csv"], ids=repr
)
def test_a_sheet_of_any_name_is_told_of_and_the_others_go_on(lab: Laboratory, name: bytes) -> None:
    lab.drop("b.csv", "S1")
    path = lab.root / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("sample_id,read1,read2\nS2,a_R1.fastq,a_R2.fastq\n")
    lab.aged(path)
    scan = lab.scan()
    assert (scan.new, scan.more) == (("S1",), False)
    (report,) = lab.root.rglob("*.problems.txt")
    assert "not UTF-8" in report.read_text() if b"\xfcll" in name else "does not exist" in report.read_text()
    assert scan.told == ()
    lab.scan()
    assert lab.audit.verify() == 3


@pytest.mark.parametrize("in_the_way", ["a folder", "UTF-16", "Latin-1"])
def test_what_stands_where_a_report_goes_stops_nobody(lab: Laboratory, in_the_way: str) -> None:
    lab.drop("a.csv", "S1", header=",sex", cells=",x")
    lab.drop("b.csv", "S2")
    report = lab.root / "a.csv.problems.txt"
    if in_the_way == "a folder":
        report.mkdir()
    else:
        report.write_bytes("früher".encode({"UTF-16": "utf-16", "Latin-1": "latin-1"}[in_the_way]))
    first = lab.scan()
    assert first.new == ("S2",)
    if in_the_way == "a folder":
        assert "the report on the sheet cannot be written" in first.told[0].problem
        assert "sex is 'x'" in first.told[1].problem
        (audited,) = [e.event for e in lab.audit.entries() if e.event.what == "report cannot be written"]
        assert "sex is 'x'" in audited.details["problems"][0]
        report.rmdir()
    else:
        assert first.told == ()
    assert lab.scan().told == ()
    assert "sex is 'x'" in report.read_text()
    assert not list(lab.root.glob(".*.part"))


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{(folder := os.open(path.parent, os.O_RDONLY))}/{path.name}")
        os.close(folder)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere.csv")


def a_loop_of_links(path: Path) -> None:
    path.symlink_to(path.name)


def two_gigabytes(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2 << 30)


def nothing_but_zeros(path: Path) -> None:
    path.write_bytes(bytes(5000))


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.txt", "a"])
@pytest.mark.parametrize(
    "what", [a_pipe, a_socket, a_folder, a_dangling_link, a_loop_of_links, two_gigabytes, nothing_but_zeros]
)
def test_what_is_no_sheet_at_all_is_told_where_it_looks_like_one_and_stops_nobody(
    lab: Laboratory, what: Callable[[Path], None], name: str
) -> None:
    what(lab.root / name)
    os.utime(lab.root / name, (0, 0), follow_symlinks=False)
    lab.drop("b.csv", "S1")
    signal.alarm(20)  # whoever opens a pipe waits for ever
    try:
        scan = lab.scan()
    finally:
        signal.alarm(0)
    assert (scan.new, scan.told, scan.more) == (("S1",), (), False)
    assert (lab.root / f"{name}.problems.txt").exists() == (name in ("a.csv", "a.xlsx"))
    lab.scan()
    assert lab.audit.verify() == (3 if name in ("a.csv", "a.xlsx") else 2), "told once"


@pytest.mark.parametrize("what", [a_pipe, a_socket, a_folder, a_dangling_link])
def test_reads_that_are_no_files_are_told_and_stop_nobody(lab: Laboratory, what: Callable[[Path], None]) -> None:
    lab.drop("a.csv", "S1")
    (lab.root / "S1_R2.fastq").unlink()
    what(lab.root / "S1_R2.fastq")
    lab.drop("b.csv", "S2")
    signal.alarm(20)
    try:
        assert lab.scan().new == ("S2",)
    finally:
        signal.alarm(0)
    assert "S1" in lab.report("a.csv") and "read2 'S1_R2.fastq'" in lab.report("a.csv")


def test_a_sheet_taken_away_while_it_is_read_leaves_no_report(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = lab.drop("a.csv", "S1")
    lab.drop("b.csv", "S2")
    read = landing_zone.read_sample_sheet

    def taken_away(path: Path, *arguments: object, **more: object) -> object:
        if path == gone:
            gone.unlink(missing_ok=True)
        return read(path, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(landing_zone, "read_sample_sheet", taken_away)
    scan = lab.scan()
    assert (scan.new, scan.told) == (("S2",), ())
    assert not list(lab.root.glob("*.txt"))


def test_a_sheet_that_may_not_be_read_is_told_and_stops_nobody() -> None:
    base = Path(tempfile.mkdtemp())
    try:
        lab = Laboratory(base)
        lab.drop("a.csv", "S1")
        lab.drop("b.csv", "S2")
        lab.drop("c.csv", "S3")
        for path in (base, *base.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        (lab.root / "a.csv").chmod(0o000)
        (lab.root / "S3_R1.fastq").chmod(0o000)
        _, new = _as_nobody(lab)
        assert new == ["S2"]
        assert "the sheet cannot be read (Permission denied)" in lab.report("a.csv")
        assert "S3_R1.fastq cannot be read (Permission denied)" in lab.report("c.csv")
    finally:
        shutil.rmtree(base)


def test_a_report_that_cannot_be_written_is_told_once(lab: Laboratory) -> None:
    lab.drop("a.csv", "S1", header=",sex", cells=",x")
    (lab.root / "a.csv.problems.txt").mkdir()
    told = [len(lab.scan().told) for _ in range(3)]
    assert told == [2, 0, 0]
    assert len([e for e in lab.audit.entries() if e.event.what == "report cannot be written"]) == 1


def test_a_folder_that_may_not_be_written_to_or_entered_stops_nobody() -> None:
    """As a user who is not root, for whom the bits of a folder hold."""
    base = Path(tempfile.mkdtemp())
    try:
        lab = Laboratory(base)
        lab.drop("locked/a.csv", "S1", header=",sex", cells=",x")
        lab.drop("b.csv", "S2")
        lab.drop("closed/c.csv", "S3")
        for path in (base, *base.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        (lab.root / "locked").chmod(0o555)
        (lab.root / "closed").chmod(0o000)
        told, new = _as_nobody(lab)
        assert new == ["S2"]
        assert any("the report on the sheet cannot be written (Permission denied)" in each for each in told)
        assert any("sex is 'x'" in each for each in told)
        assert "cannot be entered" in (lab.root / "closed.problems.txt").read_text()
    finally:
        (lab.root / "closed").chmod(0o700)
        (lab.root / "locked").chmod(0o700)
        shutil.rmtree(base)


def _as_nobody(lab: Laboratory) -> tuple[list[str], list[str]]:
    """What a scan by an ordinary user tells, and the new samples."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            scan = lab.scan()
            os.write(writing, json.dumps([[str(error) for error in scan.told], list(scan.new)]).encode())
        except BaseException as error:
            os.write(writing, json.dumps([[repr(error)], []]).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    told, new = json.loads(os.read(reading, 1 << 16))
    return told, new


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to a device", "link to nothing", "socket"])
def test_whatever_stands_where_a_report_belongs_is_told_and_neither_read_nor_written(
    lab: Laboratory, kind: str
) -> None:
    lab.drop("bad.csv", "S1", header=",no_such_column", cells=",x")
    place = lab.root / "bad.csv.problems.txt"
    with socket.socket(socket.AF_UNIX) as listener:
        {
            "pipe": lambda: os.mkfifo(place),
            "folder": place.mkdir,
            "link to a device": lambda: place.symlink_to("/dev/zero"),
            "link to nothing": lambda: place.symlink_to("nothing"),
            "socket": lambda: listener.bind(str(place)),
        }[kind]()
        lab.drop("good.csv", "S2")
        scan = lab.scan()
    assert scan.new == ("S2",)
    (told, *problems) = scan.told
    assert "something that is no file stands there" in told.problem and "no_such_column" in str(problems[0])
    assert not place.is_file() and lab.scan().told == ()


def test_a_zone_that_is_gone_is_told_nothing_is_made_in_its_place_and_it_goes_on(lab: Laboratory) -> None:
    lab.drop("monday.csv", "S1")
    assert lab.scan().new == ("S1",)
    away = lab.root.rename(lab.root.with_name("away"))
    scan = lab.scan()
    (told,) = scan.told
    assert "the landing zone cannot be entered (No such file or directory)" in str(told) and "mount it" in told.remedy
    assert not lab.root.exists() and json.loads(scan.cursor)["seen"], "what was seen is remembered"
    away.rename(lab.root)
    lab.drop("tuesday.csv", "S2")
    assert lab.scan().new == ("S2",)
