"""Damage to Dagster's own databases is told in one sentence that names the file, and is over once that is put back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from console.cli import main
from genomics_assets.instance import MADE
from resources.dagster_state import DATABASES, DagsterStateError, require_whole
from resources.environment import Resources, Settings, build_resources
from resources.sample_runs import open_runs
from tests.builders.runs import instance_of


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    """A deployment of which Dagster has a record: runs, and what happened in them."""
    data = tmp_path_factory.mktemp("deployment") / "data"
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(data)}))
    with instance_of(platform) as instance:
        for number in range(50):
            instance.add_run(dg.DagsterRun("sample", tags={"dagster/partition": f"S{number}"}))
            instance.report_runless_asset_event(dg.AssetMaterialization("x", metadata={"text": "y" * 500}))
        instance.add_daemon_heartbeat(_heartbeat())
    return platform


def _heartbeat() -> object:
    from dagster._daemon.types import DaemonHeartbeat

    return DaemonHeartbeat(0.0, "SENSOR", "1")


def pages(content: bytes) -> bytes:
    return content[:4096] + os.urandom(len(content) - 4096)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "text in its place": lambda content: b"no database at all\n" * 500,
    "pages overwritten": pages,
    "cut in the middle": lambda content: content[: len(content) // 2],
    "header zeroed": lambda content: bytes(100) + content[100:],
}


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_told_with_its_file_and_is_over_when_that_is_put_back(
    platform: Resources, name: str, kind: str
) -> None:
    home = platform.settings.dagster_home
    require_whole(home)
    whole = (home / name).read_bytes()
    (home / name).write_bytes(DAMAGE[kind](whole))
    with pytest.raises(DagsterStateError, match="Dagster's own state is damaged: ") as caught:
        require_whole(home)
    assert caught.value.file == str(
        home / name
    ) and "restore the folder from a backup while no server runs; or move it away" in str(caught.value)
    assert str(caught.value).count("\n") == 0
    (home / name).write_bytes(whole)
    require_whole(home)


def test_a_path_with_signs_of_an_address_is_a_path(platform: Resources, tmp_path: Path) -> None:
    odd = tmp_path / "a?mode=memory#b %41"
    shutil.copytree(platform.settings.dagster_home, odd)
    require_whole(odd)
    (odd / DATABASES[0]).write_bytes(b"no database" * 500)
    with pytest.raises(DagsterStateError):
        require_whole(odd)


def test_a_server_is_not_started_over_damage_and_a_command_says_what_it_is(
    platform: Resources, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from demo.serve import main as serve
    from tests.builders.web import free_port

    data = tmp_path / "data"
    home = data / "dagster_home"
    shutil.copytree(platform.settings.dagster_home, home)
    monkeypatch.setenv("GENOMICS_DATA", str(data))
    (home / MADE).touch()
    (home / DATABASES[0]).write_bytes(b"no database" * 500)
    monkeypatch.setattr("sys.argv", ["serve", "--port", str(free_port())])
    monkeypatch.setenv("GENOMICS_REFERENCE", "GRCh38")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DAGSTER_HOME", str(home))  # serving sets it; so it is taken back
    assert serve() == 1
    told = capsys.readouterr().err
    assert told.startswith(f"{home / DATABASES[0]}: Dagster's own state is damaged: ") and told.count("\n") == 1
    assert main(["samples"]) == 1
    assert capsys.readouterr().err.startswith(f"{home / DATABASES[0]}: Dagster's own state is damaged: ")
    shutil.move(home, home.with_name("damaged"))
    with open_runs(home) as runs:
        assert runs is None
    assert main(["samples"]) == 0
