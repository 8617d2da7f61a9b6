"""Runs as jobs of a real Slurm, with Dagster's state in PostgreSQL: done, killed, ended, lost, and over a restart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import LaunchRunContext, WorkerStatus

from genomics_assets import slurm_launcher
from genomics_assets.dead_runs import end_dead_runs
from genomics_assets.instance import prepare_instance
from genomics_assets.run_process import ALONE, ENDED_BY, PROCESS, SLURM
from genomics_assets.slurm_launcher import SlurmRunLauncher, end_lost
from resources.environment import Settings, SettingsError
from resources.process import ProcessMark
from resources.run_places import RunPlaceError, run_place
from tests.builders.at_work import soon
from tests.builders.postgres import QUOTED, running_server
from tests.builders.slurm import Slurm, running_slurm
from tests.builders.slurm_jobs import sample

_Status = dg.DagsterRunStatus


@dataclass
class House:
    """A deployment whose runs go to Slurm."""

    instance: dg.DagsterInstance
    slurm: Slurm
    folder: Path

    def launch(self, options: str = "") -> str:
        """A run as Dagster's queue launches it; its id."""
        (self.folder / "may_end").unlink(missing_ok=True)
        (self.folder / "began").unlink(missing_ok=True)
        code = dg.reconstructable(sample)
        run = self.instance.create_run_for_job(
            code.get_definition(),
            run_config={"ops": {"works": {"config": {"folder": str(self.folder)}}}},
            job_code_origin=code.get_python_origin(),
        )
        self.instance.report_dagster_event(dg.DagsterEvent("PIPELINE_STARTING", run.job_name), run.run_id)
        launcher = self.launcher
        launcher._options = options.split()
        launcher.launch_run(LaunchRunContext(self.status(run.run_id), None))
        return run.run_id

    @property
    def launcher(self) -> SlurmRunLauncher:
        launcher = self.instance.run_launcher
        assert isinstance(launcher, SlurmRunLauncher)
        return launcher

    def status(self, run: str) -> dg.DagsterRun:
        found = self.instance.get_run_by_id(run)
        assert found
        return found

    def begins(self) -> None:
        began = self.folder / "began"
        try:
            soon(lambda: began.exists() and bool(began.read_text()))
        except AssertionError:
            said = [path.read_text() for path in self.folder.rglob("slurm/*.log")]
            raise AssertionError("\n".join([*said, self.slurm.ask("squeue", "--states=all")])) from None


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("slurm_house")
    with pytest.MonkeyPatch.context() as patch, running_slurm() as slurm, running_server() as server:
        patch.setenv("SLURM_CONF", str(slurm.configuration))
        patch.setenv("DAGSTER_HOME", "")
        patch.setenv("DAGSTER_STORAGE_URL", "")
        server.query("CREATE DATABASE dagster")
        variables = {
            "GENOMICS_DATA": str(folder / "data"),
            "GENOMICS_RUNS": "slurm:--comment=ours",
            "GENOMICS_REGISTRY": server.new_database(),
            "GENOMICS_DAGSTER_STORAGE": f"postgresql://tests:{QUOTED}@/dagster?host={server.folder}",
        }
        home = prepare_instance(Settings.from_environment(variables))
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield House(instance, slurm, folder)


def test_a_run_is_a_job_of_slurm_and_outlives_the_server(house: House) -> None:
    run = house.launch("--comment=ours")
    house.begins()
    assert (house.folder / "began").read_text() == f"genomics-{run}" == house.status(run).tags[SLURM]
    assert "ours" in house.slurm.ask("squeue", "--noheader", "--format=%k")
    assert end_dead_runs(house.instance) == [], "a server that starts again leaves it alone"
    assert house.launcher.check_run_worker_health(house.status(run)).status is WorkerStatus.RUNNING
    (house.folder / "may_end").touch()
    soon(lambda: house.status(run).status is _Status.SUCCESS)
    assert not end_lost(house.instance)


def test_a_run_whose_process_is_killed_is_found_and_ended_in_words(house: House) -> None:
    run = house.launch()
    house.begins()
    mark = ProcessMark.parse(house.status(run).tags[PROCESS])
    assert mark
    os.kill(mark.pid, 9)
    soon(lambda: house.launcher.check_run_worker_health(house.status(run)).status is WorkerStatus.NOT_FOUND)
    ended = house.status(run)
    assert ended.status is _Status.FAILURE and ended.tags[ENDED_BY] == ALONE


def test_a_run_that_goes_and_one_that_waits_are_ended_when_asked(house: House) -> None:
    run = house.launch()
    house.begins()
    assert house.launcher.terminate(run)
    soon(lambda: house.status(run).status is _Status.CANCELED)
    held = house.launch("--hold")
    assert house.launcher.terminate(held) and house.status(held).status is _Status.CANCELED
    assert not house.launcher.terminate(held), "it has ended"
    soon(lambda: not house.slurm.ask("squeue", "--noheader").strip())


def test_a_run_that_slurm_has_lost_before_it_began_is_ended_and_one_that_waits_is_not(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_launcher, "TO_APPEAR", 0.0)
    waits, lost = house.launch("--hold"), house.launch("--hold")
    assert end_dead_runs(house.instance) == [] and end_lost(house.instance) == []
    house.slurm.ask("scancel", f"--name=genomics-{lost}")
    soon(lambda: lost in end_lost(house.instance))
    assert house.status(lost).tags[ENDED_BY] == ALONE
    assert house.status(waits).status is _Status.STARTING
    assert house.launcher.terminate(waits)


def test_what_slurm_does_not_take_is_told_by_the_queue(house: House) -> None:
    with pytest.raises(Exception, match=r"Slurm takes no jobs: .*no-such-option.*Remedy: try sbatch by hand"):
        house.launch("--no-such-option")


def test_runs_go_to_other_machines_with_databases_alone(tmp_path: Path) -> None:
    variables = {"GENOMICS_DATA": str(tmp_path), "GENOMICS_RUNS": "slurm"}
    with pytest.raises(SettingsError, match=r"GENOMICS_REGISTRY is not set.*Remedy: name a PostgreSQL database"):
        Settings.from_environment(variables)
    with pytest.raises(SettingsError, match="GENOMICS_DAGSTER_STORAGE is not set"):
        Settings.from_environment(variables | {"GENOMICS_REGISTRY": "postgresql://a@b/c"})


@pytest.mark.parametrize("text", ["- a", "module: a", "{module: a, class: b, place: c}", "{module: a, module: b}"])
def test_a_file_that_names_no_launcher_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "runs.yaml"
    file.write_text(text)
    with pytest.raises(RunPlaceError, match=r"(?s)runs\.yaml: .*Remedy: set GENOMICS_RUNS to slurm"):
        run_place(str(file))


def test_a_file_of_dagsters_words_stands_in_its_configuration(tmp_path: Path) -> None:
    file = tmp_path / "runs.yaml"
    told = {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": {"job_image": "x"}}
    file.write_text(yaml.safe_dump(told))
    assert dict(run_place(str(file)).launcher) == told and run_place(str(file)).elsewhere
