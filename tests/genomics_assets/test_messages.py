"""What reaches the server's terminal: lines for people, each once, and Dagster's errors with the place of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from genomics_assets.messages import tell, tell_once
from genomics_assets.serve import Program


def shown(program: Program, capsys: pytest.CaptureFixture[str]) -> list[str]:
    program.tell_news()
    return capsys.readouterr().out.splitlines()


def test_what_is_told_is_one_line_with_its_mark_and_comes_once(capsys: pytest.CaptureFixture[str]) -> None:
    tell("S1 failed:\n  the file\n  is cut off")
    for _ in range(3):
        tell_once("sheet.csv: no samples")
    assert capsys.readouterr().err.splitlines() == [
        "genomics: S1 failed: the file is cut off",
        "genomics: sheet.csv: no samples",
    ]


def test_the_terminal_shows_what_matters_when_its_line_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = Program("daemon", ["daemon"], tmp_path / "daemon.log")
    assert shown(program, capsys) == []
    with program.log.open("a") as log:
        log.write("\x1b[32m2026-11-27 20:00:00 +0000\x1b[0m - dagster.daemon.SensorDaemon - INFO - Checking\n")
        log.write("genomics: S1 is done\nTraceback (most recent call last):\n  File x\ngenomics: S2 is")
        log.flush()
        assert shown(program, capsys) == ["S1 is done"]
        log.write(
            " done\n\x1b[32m2026\x1b[0m - dagster.daemon.SensorDaemon - \x1b[34mERROR\x1b[0m - \x1b[31mno disk\x1b[0m\n"
        )
        log.write("2026-11-27 - dagster - ERROR - sample - 1234 - STEP_FAILURE\n")
    assert shown(program, capsys) == ["S2 is done", f"daemon: no disk (more in {program.log})"]
    assert shown(program, capsys) == []


def test_a_long_log_is_cut_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genomics_assets.serve._LOG_BYTES", 1000)
    program = Program("daemon", ["daemon"], tmp_path / "daemon.log")
    with program.log.open("a") as log:
        for number in range(3):
            log.write("x" * 2000 + f"\ngenomics: {number}\n")
            log.flush()
            assert shown(program, capsys) == [str(number)]
    assert program.log.stat().st_size == 0
    assert "genomics: 2" in (tmp_path / "daemon.older.log").read_text()
