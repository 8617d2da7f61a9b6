"""What was served is written down, and commands are about it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from console.cli import main
from resources.deployment import ServedError, as_served, elsewhere, live_server, served, write_record
from resources.environment import PROJECT, Settings, SettingsError


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """A user who has served nothing yet."""
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def serve(folder: Path, state: dict[str, str], **options: str) -> Settings:
    """Write down that a folder is served with these options."""
    variables = {"GENOMICS_DATA": str(folder)} | state | options
    settings = Settings.from_environment(variables)
    write_record(settings, variables)
    return settings


def test_a_command_that_is_given_nothing_is_about_what_was_served_last(tmp_path: Path, state: dict[str, str]) -> None:
    given = {"GENOMICS_REFERENCE": "GRCh38", "GENOMICS_MAX_RUNS": "3", "GENOMICS_THRESHOLDS": "own.yaml"}
    serve(tmp_path / "a", state)
    last = serve(tmp_path / "b", state, **given)
    found = Settings.from_environment(as_served(state))
    assert (found.data, found.reference, found.max_runs) == (tmp_path / "b", "GRCh38", 3)
    assert found.thresholds == last.thresholds == Path("own.yaml").resolve()


def test_a_folder_is_what_it_was_served_as_unless_something_else_is_said(tmp_path: Path, state: dict[str, str]) -> None:
    serve(tmp_path / "a", state, GENOMICS_REFERENCE="GRCh37")
    serve(tmp_path / "b", state)
    said = as_served({**state, "GENOMICS_DATA": str(tmp_path / "a")})
    assert said["GENOMICS_REFERENCE"] == "GRCh37"
    assert as_served({**said, "GENOMICS_CALLER": "bcftools"})["GENOMICS_CALLER"] == "bcftools"
    by_home = as_served({**state, "DAGSTER_HOME": str(tmp_path / "a" / "dagster_home")})
    assert (by_home["GENOMICS_DATA"], by_home["GENOMICS_REFERENCE"]) == (str(tmp_path / "a"), "GRCh37")


def test_a_reference_that_was_not_served_has_the_folder_it_always_had(tmp_path: Path, state: dict[str, str]) -> None:
    serve(tmp_path / "a", state, GENOMICS_REFERENCE="GRCh38")
    assert "GENOMICS_DATA" not in as_served({**state, "GENOMICS_REFERENCE": "demo"})
    assert as_served({**state, "GENOMICS_REFERENCE": "GRCh38"})["GENOMICS_DATA"] == str(tmp_path / "a")
    assert as_served({"XDG_STATE_HOME": str(tmp_path / "nobody")}) == {"XDG_STATE_HOME": str(tmp_path / "nobody")}


def test_a_password_is_not_written_down_and_the_database_is_asked_for(tmp_path: Path, state: dict[str, str]) -> None:
    serve(tmp_path / "a", state, GENOMICS_REGISTRY="postgresql://genomics:secret@db/genomics")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and "secret" in path.read_text()]
    with pytest.raises(SettingsError, match=r"the registry of .* is a database") as error:
        as_served(state)
    assert "GENOMICS_REGISTRY" in str(error.value)


def test_a_folder_has_one_server_and_a_dead_one_is_none(tmp_path: Path, state: dict[str, str]) -> None:
    settings = serve(tmp_path / "a", state)
    with served(settings, 3000):
        server = live_server(settings.data)
        assert server and (server.port, server.reference) == (3000, "demo")
        with (
            pytest.raises(ServedError, match=r"is being served already: the server on 127.0.0.1:3000"),
            served(settings, 3001),
        ):
            pass
    assert live_server(settings.data) is None
    killed = (
        "import os; from resources.deployment import served; from resources.environment import Settings\n"
        f"settings = Settings.from_environment({{'GENOMICS_DATA': {str(settings.data)!r}}})\n"
        "with served(settings, 3000): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", killed], cwd=PROJECT, check=False).returncode == -9
    assert (settings.data / "server.json").read_text()
    assert live_server(settings.data) is None
    with served(settings, 3002):
        assert live_server(settings.data)


def test_a_command_about_another_deployment_than_the_servers_says_so(
    tmp_path: Path, state: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = serve(tmp_path / "a", state)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", state["XDG_STATE_HOME"])
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "b"))
    with served(settings, 3000):
        assert main(["samples"]) == 0
        assert f"This is about {tmp_path / 'b'} (demo); the server on 127.0.0.1:3000" in capsys.readouterr().err
        monkeypatch.delenv("GENOMICS_DATA")
        assert main(["samples"]) == 0
        assert capsys.readouterr().err.startswith(f"no samples in {tmp_path / 'a'}")
    assert elsewhere(settings, state) is None
