"""Microsoft's parser of TMDL, on Linux: the library of PyPI's ``pbi-cli-tool``, run by Mono (``make tmdl``).

The library is under Microsoft's own terms: it is fetched for the tests, and not part of the project.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from resources.environment import PROJECT

LIBRARY = PROJECT / ".readers" / "tmdl" / "pbi_cli" / "dlls"
_SOURCE = Path(__file__).with_name("tmdl_reader.cs")
_PARTS = ("", ".Tabular", ".Core")


def compiled(folder: Path) -> Path:
    """The reader as a program in a folder; the test skips where it cannot be had."""
    if not (LIBRARY.is_dir() and shutil.which("mcs") and shutil.which("mono")):
        pytest.skip("Mono and Microsoft's parser of TMDL are not installed: make tmdl")
    program = folder / "tmdl_reader.exe"
    parts = [f"-r:{LIBRARY}/Microsoft.AnalysisServices{part}.dll" for part in _PARTS]
    subprocess.run(["mcs", f"-out:{program}", *parts, str(_SOURCE)], check=True, capture_output=True)
    return program


def read(program: Path, *models: Path) -> list[tuple[bool, set[str]]]:
    """Of each folder of TMDL, whether the parser takes it, and what it found in it or says against it."""
    ran = subprocess.run(
        ["mono", str(program), *map(str, models)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"MONO_PATH": str(LIBRARY)},
    )
    lines = [line.split("\t") for line in ran.stdout.splitlines()]
    assert len(lines) == len(models), ran.stdout
    return [(first == "read", set(rest)) for first, *rest in lines]
