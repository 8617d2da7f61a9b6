"""A release says what changed, bears one version everywhere, and lists what it is made from."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from release.__main__ import release
from release.notes import ReleaseError, dated, require_newer, version_in, with_version
from tests.builders.installed import PROJECT, UNREACHED

CHANGELOG = "# Changelog\n\n## Unreleased\n\n- Trios.\n\n## 0.1.0\n\n- The first.\n"


@pytest.mark.parametrize("version", ["", "0.2", "v0.2.0", "0.2.0rc1", "0.1.0", "0.0.9"])
def test_a_version_is_three_numbers_and_beyond_the_last(version: str) -> None:
    with pytest.raises(ReleaseError, match="Remedy: give "):
        require_newer(version, "0.1.0")


def test_numbers_of_a_version_are_compared_as_numbers() -> None:
    require_newer("0.10.0", "0.9.9")


def test_what_was_unreleased_is_dated() -> None:
    assert dated(CHANGELOG, "0.2.0", date(2026, 12, 1)) == CHANGELOG.replace("Unreleased", "0.2.0 (2026-12-01)")


@pytest.mark.parametrize("changelog", [CHANGELOG.replace("- Trios.\n", ""), CHANGELOG.replace("## Unreleased\n", "")])
def test_a_release_that_tells_nothing_is_refused(changelog: str) -> None:
    with pytest.raises(ReleaseError, match="nothing is told of what changed"):
        dated(changelog, "0.2.0", date(2026, 12, 1))


def test_the_projects_own_files_can_be_released() -> None:
    for name in ("pyproject.toml", "distributions/engine/pyproject.toml"):
        text = (PROJECT / name).read_text()
        assert version_in(with_version(text, "99.0.0")) == "99.0.0"
        assert with_version(text, version_in(text)) == text
    assert "## " in dated((PROJECT / "CHANGELOG.md").read_text(), "99.0.0", date(2026, 12, 1))


@pytest.mark.slow
def test_a_release_holds_both_distributions_and_lists_what_the_platform_installs(tmp_path: Path) -> None:
    if not Path(sys.executable).with_name("uv").exists():
        pytest.skip("uv is absent: set the environment up by make setup-dev")
    project = tmp_path / "project"
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a clone: git does not say which files are the project's")
    for name in listed.stdout.splitlines():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, project / name, follow_symlinks=False)
    (project / "CHANGELOG.md").write_text(CHANGELOG)
    try:
        output = release(project, "99.0.0", lambda _: None)
    except ReleaseError as error:
        if UNREACHED.search(str(error)):
            pytest.skip(f"no package registry can be reached: {error}")
        raise
    files = {path.name for path in output.iterdir()}
    assert {
        f"genomics_{name}-99.0.0{end}" for name in ("assets", "engine") for end in (".tar.gz", "-py3-none-any.whl")
    } < files
    bill = json.loads((output / "genomics_assets-99.0.0.cdx.json").read_text())
    components = {component["name"] for component in bill["components"]}
    assert {"dagster", "pysam", "numba"} <= components and not {"pytest", "mkdocs"} & components
    assert bill["metadata"]["component"]["version"] == "99.0.0"
    for line in (output / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((output / name).read_bytes()).hexdigest() == digest
