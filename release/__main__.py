"""``make release VERSION=x.y.z``: from a clean checkout to ``dist/``. It commits, tags and uploads nothing."""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import GenomicsError
from release.notes import ReleaseError, dated, require_newer, version_in, with_version

PROJECT = Path(__file__).resolve().parent.parent
ENGINE_ALONE = Path("distributions", "engine")
SUMS = "SHA256SUMS"
Log = Callable[[str], None]


def main() -> int:
    """Make the release that was asked for; 1 with one message where it cannot be made."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("version", metavar="VERSION", nargs="?", default="", help="three numbers: 0.2.0")
    version = parser.parse_args().version
    try:
        _require_clean(PROJECT)
        release(PROJECT, version, print)
    except GenomicsError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Next: git commit --all --message 'Release {version}' && git tag v{version} && git push --follow-tags")
    return 0


def release(project: Path, version: str, log: Log) -> Path:
    """Set version and changelog, build everything into ``dist/``, and return that folder.

    Raises:
        ReleaseError: the version is not beyond the last one, the changelog tells nothing, or a build failed.
    """
    texts = {name: (project / name).read_text() for name in ("pyproject.toml", ENGINE_ALONE / "pyproject.toml")}
    require_newer(version, version_in(texts["pyproject.toml"]))
    changelog = dated((project / "CHANGELOG.md").read_text(), version, datetime.now(UTC).date())
    for name, text in texts.items():
        (project / name).write_text(with_version(text, version))
    (project / "CHANGELOG.md").write_text(changelog)
    output = project / "dist"
    output.mkdir(exist_ok=True)
    for old in output.iterdir():
        old.unlink()
    for folder in (project, project / ENGINE_ALONE):
        log(f"Building {folder.name} ...")
        _uv("build", "--quiet", "--build-constraints", project / "requirements.lock", "--out-dir", output, folder)
    log("Listing what is installed with it ...")
    _write_bill_of_materials(project, version, output)
    _write_sums(output)
    for path in sorted(output.iterdir()):
        log(f"  dist/{path.name}")
    return output


def _write_bill_of_materials(project: Path, version: str, output: Path) -> None:
    """A CycloneDX SBOM of the platform as installed into an environment of its own: nothing of the tools beside it."""
    (wheel,) = output.glob(f"genomics_assets-{version}-*.whl")
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder, "venv")
        _uv("venv", "--quiet", "--python", sys.executable, environment)
        locked = ("--constraint", project / "requirements.lock")
        _uv("pip", "install", "--quiet", "--python", environment, *locked, wheel)
        _run(
            _beside_python("cyclonedx-py"),
            "environment",
            *("--pyproject", project / "pyproject.toml", "--output-format", "JSON", "--output-reproducible"),
            *("--output-file", output / f"genomics_assets-{version}.cdx.json"),
            environment / "bin" / "python",
        )


def _write_sums(output: Path) -> None:
    """sha256 of every file, in the form that ``sha256sum --check`` reads."""
    paths = sorted(path for path in output.iterdir() if not path.name.startswith("."))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths]
    (output / SUMS).write_text("".join(lines))


def _require_clean(project: Path) -> None:
    status = subprocess.run(["git", "status", "--porcelain"], cwd=project, capture_output=True, text=True, check=False)
    if status.returncode or status.stdout.strip():
        raise ReleaseError("the checkout is not clean", remedy="commit or stash what git status names")


def _uv(*arguments: str | Path) -> None:
    _run(_beside_python("uv"), *arguments)


def _beside_python(program: str) -> Path:
    return Path(sys.executable).with_name(program)


def _run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        program = Path(command[0]).name
        raise ReleaseError(f"{program} failed: {done.stderr.strip()[-2000:]}", remedy="mend what it names")


if __name__ == "__main__":
    sys.exit(main())
