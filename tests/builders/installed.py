"""Virtual environments elsewhere, into which what the project builds is installed as a stranger would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
UNREACHED = re.compile(r"error sending request|dns error|failed to fetch|could not connect|network|offline", re.I)
"""What uv says where no package registry can be reached."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment away from the checkout.

    Attributes:
        folder: the environment's own.
    """

    folder: Path

    @property
    def packages(self) -> Path:
        """Where packages are installed."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def run(
        self, program: str, *arguments: str | Path, folder: Path, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its programs in a folder, with nothing of the caller's environment but PATH and HOME."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [str(self.folder / "bin" / program), *map(str, arguments)],
            cwd=folder,
            env=kept,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def build(project: Path, output: Path) -> Path:
    """Build sdist and, from it, the wheel; returns the wheel."""
    _uv("build", "--build-constraints", PROJECT / "requirements.lock", "--out-dir", output, project)
    assert len(list(output.glob("*.tar.gz"))) == 1
    (wheel,) = output.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Environment:
    """Install a wheel with what it requires into a new environment."""
    _uv("venv", "--python", sys.executable, folder)
    _uv("pip", "install", "--python", folder, "--constraint", PROJECT / "requirements.lock", wheel)
    return Environment(folder)


def lend_kernels(environment: Environment) -> None:
    """Put the checkout's compiled kernels beside the installed sources: where these are the same, they are used."""
    for compiled in (PROJECT / "engine").rglob("*.nb[ic]"):
        place = environment.packages / compiled.relative_to(PROJECT)
        if place.parent.parent.is_dir():
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(compiled, place)


def _uv(*arguments: str | Path) -> None:
    program = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        pytest.skip("uv is absent: set the environment up by make setup-dev")
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, cwd=PROJECT.parent, check=False
    )
    if done.returncode and UNREACHED.search(done.stderr):
        pytest.skip(f"no package registry can be reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
