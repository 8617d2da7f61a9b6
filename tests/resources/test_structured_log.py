"""The structured log: JSON lines that hold no words, bounded, and written by many processes at once."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.structured_log import StructuredLog


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_event_is_one_line_with_time_and_what_it_is_about(tmp_path: Path) -> None:
    log = StructuredLog(tmp_path / "logs" / "events.jsonl")
    log.tell("step_start", at=1_800_000_000.25, process="run", sample="S1", step="gvcf", asset=None, milliseconds=3)
    expected = {"time": "2027-01-15T08:00:00.250+00:00", "level": "info", "event": "step_start", "process": "run"}
    assert lines(log.path) == [expected | {"sample": "S1", "step": "gvcf", "milliseconds": 3}]


@pytest.mark.parametrize(
    "words", ["Kunigunde Beispielhuber", "/landing/Beispielhuber_R1.fastq.gz", "1\n2", "", "é", "a" * 200, "?name=x"]
)
def test_what_is_no_name_of_ours_is_left_out(tmp_path: Path, words: str) -> None:
    log = StructuredLog(tmp_path / "events.jsonl")
    log.tell("step_failure", sample=words, error=words, asset="gvcf")
    (told,) = lines(log.path)
    assert told.keys() == {"time", "level", "event", "asset"}


def test_there_is_no_field_for_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="message"):
        StructuredLog(tmp_path / "events.jsonl").tell("request", message="anything")


def test_many_processes_write_whole_lines_and_the_log_stays_bounded(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from resources import structured_log as s; s.MOST_BYTES = 20_000\n"
        "for n in range(300): s.StructuredLog(Path(sys.argv[1])).tell('request', process='web', code=n)"
    )
    path = tmp_path / "events.jsonl"
    processes = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    older = path.with_suffix(".older.jsonl")
    assert {line["event"] for file in (path, older) for line in lines(file)} == {"request"}
    assert path.stat().st_size + older.stat().st_size < 2 * 20_000 + 400


def test_a_sample_leaves_both_files_with_every_line_about_it(tmp_path: Path) -> None:
    log = StructuredLog(tmp_path / "events.jsonl")
    older = log.path.with_suffix(".older.jsonl")
    for sample in ("S1", "S10", "S2", "S1"):
        log.tell("step_start", sample=sample, step="S1")
    log.path.replace(older)
    assert log.leave({"S1"}) == 2
    log.tell("step_start", sample="S1")
    log.path.open("a").write('{"time": "2027", "sample": "S1')  # as a full disk leaves it
    assert log.leave({"S1", "S2"}) == 3
    assert [line["sample"] for line in lines(older)] == ["S10"] and lines(log.path) == []
    assert log.leave({"S1"}) == log.leave(()) == StructuredLog(tmp_path / "none" / "events.jsonl").leave({"S1"}) == 0


def test_no_line_is_lost_that_others_write_while_samples_leave(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from resources.structured_log import StructuredLog\n"
        "for n in range(400): StructuredLog(Path(sys.argv[1])).tell('request', code=n, sample='S' + sys.argv[2])"
    )
    log = StructuredLog(tmp_path / "events.jsonl")
    writers = [subprocess.Popen([sys.executable, "-c", code, str(log.path), str(one)]) for one in (1, 2, 3)]
    left = 0
    while any(writer.poll() is None for writer in writers):
        left += log.leave({"S1"})
        time.sleep(0.02)  # a lock is not given in turn
    assert left + log.leave({"S1"}) == 400
    assert [line["code"] for line in lines(log.path) if line["sample"] == "S2"] == list(range(400))
    assert {line["sample"] for line in lines(log.path)} == {"S2", "S3"} and len(lines(log.path)) == 800


def test_a_disk_that_takes_nothing_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder would be")
    StructuredLog(tmp_path / "logs" / "events.jsonl").tell("request")
