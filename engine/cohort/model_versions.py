"""The code version of each dbt model: what must be unchanged for its table to be what dbt would make of it today.

A model's version covers its SQL and that of every model it is made from, what their YAML says of them, the tests that
judge them, all macros, and how the project is set up. Comments and descriptions compute nothing and do not count. It
is read from the project's files, without dbt, so that the code location loads quickly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dbt_project import FOLDER
from engine.code_data import digest, plain_sql
from engine.errors import ToolError

_REFERENCE = re.compile(r"\bref\(\s*(?:['\"][^'\"]*['\"]\s*,\s*)?['\"](\w+)['\"]")
_SOURCE = re.compile(r"\bsource\(\s*['\"](\w+)['\"]\s*,\s*['\"](\w+)['\"]")
_DIGITS = 12


@cache
def model_versions(project: Path = FOLDER) -> Mapping[str, str]:
    """Version, 12 hex digits, by name of every model of the project.

    Raises:
        ToolError: a model refers to one that is not there.
    """
    read = _Project.read(project)
    return {name: digest(_counted(read, name))[:_DIGITS] for name in sorted(read.models)}


@dataclass(frozen=True)
class _Project:
    """What the files of a project say.

    Attributes:
        models: SQL of models and snapshots, and the rows of seeds, by name.
        tests: SQL of the tests that are files, by name.
        described: what YAML says of models, and of sources as ``source.table``, by name.
        shared: what may concern every model: macros and settings.
    """

    models: Mapping[str, str]
    tests: Mapping[str, str]
    described: Mapping[str, Any]
    shared: tuple[str, ...]

    @classmethod
    def read(cls, project: Path) -> _Project:
        settings = [_undescribed(_yaml(path)) for path in sorted(project.glob("*.yml"))]
        return cls(
            models=_texts(project, "models/**/*.sql", "snapshots/**/*.sql", "seeds/**/*.csv"),
            tests=_texts(project, "tests/**/*.sql"),
            described=dict(entry for path in sorted(project.glob("*/**/*.yml")) for entry in _entries(_yaml(path))),
            shared=(*_texts(project, "macros/**/*.sql").values(), *map(_canonical, settings)),
        )


def _texts(project: Path, *patterns: str) -> dict[str, str]:
    return {path.stem: path.read_text() for pattern in patterns for path in sorted(project.glob(pattern))}


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) or {}


def _entries(said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for kind in ("models", "seeds", "snapshots"):
        for model in said.get(kind, []):
            yield model["name"], _undescribed(model)
    for source in said.get("sources", []):
        for table in source.get("tables", []):
            yield f"{source['name']}.{table['name']}", _undescribed({**source, "tables": [table]})


def _undescribed(said: Any) -> Any:
    """Without the descriptions, at any depth."""
    if isinstance(said, list):
        return [_undescribed(one) for one in said]
    if isinstance(said, dict):
        return {key: _undescribed(value) for key, value in said.items() if key != "description"}
    return said


def _canonical(said: Any) -> str:
    return json.dumps(said, sort_keys=True, default=str)


def _counted(project: _Project, name: str) -> Iterator[str]:
    """All that counts for a model, in an order of its own."""
    yield from (plain_sql(text) for text in project.shared)
    for upstream in sorted(_with_upstream(project, name)):
        text = project.models[upstream]
        yield f"{upstream}\n{plain_sql(text)}\n{_canonical(project.described.get(upstream))}"
        yield from (_canonical(project.described.get(f"{a}.{b}")) for a, b in _SOURCE.findall(text))
        yield from (f"{test}\n{plain_sql(sql)}" for test, sql in project.tests.items() if upstream in _references(sql))


def _with_upstream(project: _Project, name: str) -> set[str]:
    found: set[str] = set()
    waiting = {name} | {reference for text in project.shared for reference in _references(text)}
    while waiting:
        model = waiting.pop()
        if model not in project.models:
            raise ToolError(f"a dbt model refers to {model!r}, which is not there", remedy="mend the model's ref()")
        found.add(model)
        waiting |= _references(project.models[model]) - found
    return found


def _references(text: str) -> set[str]:
    return set(_REFERENCE.findall(text))
