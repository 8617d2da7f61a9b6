"""The examples in docstrings do what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
MODULES = [
    path.relative_to(PROJECT).with_suffix("").as_posix().replace("/", ".")
    for package in ("engine", "resources", "console", "portal", "demo", "release")
    for path in sorted((PROJECT / package).rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")), optionflags=doctest.ELLIPSIS)
    assert result.attempted and not result.failed
