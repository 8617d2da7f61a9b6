"""The structured log: JSON lines that hold no words, bounded, and written by many processes at once."""

import json
import subprocess
import sys
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


def test_a_disk_that_takes_nothing_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder would be")
    StructuredLog(tmp_path / "logs" / "events.jsonl").tell("request")
