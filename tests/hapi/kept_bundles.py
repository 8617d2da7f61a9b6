"""A plugin of pytest that keeps every bundle that tests build: ``pytest -p tests.hapi.kept_bundles``.

Each that our own validator accepts is written, once, into the folder that ``GENOMICS_KEPT_BUNDLES`` names.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.fhir import bundle as room
from engine.fhir.validation.validator import Validator
from engine.receipt import digest_text

JUDGE = Validator()


def keeping(build: Callable[..., dict[str, Any]], folder: Path) -> Callable[..., dict[str, Any]]:
    """A builder of bundles that writes what it builds."""

    @functools.wraps(build)
    def built(*arguments: Any, **named: Any) -> dict[str, Any]:
        made = build(*arguments, **named)
        if not any(one.severity == "error" for one in JUDGE.bundle(made)):
            text = room.bundle_json(made)
            (folder / f"{digest_text(text)}.json").write_text(text)
        return made

    return built


def pytest_configure() -> None:
    """Before any test is read, so that all of them get this one."""
    folder = Path(os.environ["GENOMICS_KEPT_BUNDLES"])
    folder.mkdir(parents=True, exist_ok=True)
    room.build_bundle = keeping(room.build_bundle, folder)
