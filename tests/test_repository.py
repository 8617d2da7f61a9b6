"""What is committed is the project's own: no link leads out of it."""

import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
LINK = "120000"
"""Git's mode of a symbolic link."""


def test_no_committed_link_leads_out_of_the_project() -> None:
    command = ["git", "ls-files", "--stage"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a clone: git does not say which files are the project's")
    entries = [line.split(maxsplit=3) for line in listed.stdout.splitlines()]
    links = [PROJECT / name for mode, _, _, name in entries if mode == LINK]
    assert links, "distributions/engine links to the engine"
    assert not [link.name for link in links if not link.resolve().is_relative_to(PROJECT)]
