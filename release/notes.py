"""Texts that a release changes: the version in ``pyproject.toml``, and the changelog's "Unreleased".

>>> print(with_version('name = "x"\\nversion = "0.1.0"\\n', "0.2.0"), end="")
name = "x"
version = "0.2.0"
"""

from __future__ import annotations

import re
from datetime import date

from engine.errors import GenomicsError

UNRELEASED = "## Unreleased"
_VERSION_LINE = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class ReleaseError(GenomicsError):
    """A release cannot be made of this."""


def version_in(pyproject: str) -> str:
    """The version that a ``pyproject.toml`` states."""
    (found,) = _VERSION_LINE.findall(pyproject)
    return str(found)


def with_version(pyproject: str, version: str) -> str:
    """A ``pyproject.toml`` with another version."""
    return _VERSION_LINE.sub(f'version = "{version}"', pyproject)


def require_newer(version: str, than: str) -> None:
    """ReleaseError unless ``version`` is three numbers, and beyond ``than``."""
    if not _VERSION.fullmatch(version):
        raise ReleaseError(f"{version!r} is not a version", remedy="give three numbers: make release VERSION=0.2.0")
    if _numbers(version) <= _numbers(than):
        raise ReleaseError(f"{version} is not beyond {than}", remedy="give a higher version")


def dated(changelog: str, version: str, day: date) -> str:
    """The changelog with what was unreleased under its version; ReleaseError where nothing was.

    >>> print(dated("# Changelog\\n\\n## Unreleased\\n\\n- Trios.\\n", "0.2.0", date(2026, 12, 1)), end="")
    # Changelog
    <BLANKLINE>
    ## 0.2.0 (2026-12-01)
    <BLANKLINE>
    - Trios.
    """
    _, heading, rest = changelog.partition(f"{UNRELEASED}\n")
    told = rest.partition("\n## ")[0]
    if not heading or "- " not in told:
        raise ReleaseError(
            "nothing is told of what changed",
            file="CHANGELOG.md",
            remedy=f'write it under a heading "{UNRELEASED}"',
        )
    return changelog.replace(f"{UNRELEASED}\n", f"## {version} ({day.isoformat()})\n")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))
