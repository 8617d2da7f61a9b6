"""Whoever uses a lake uses the contract alone, so that another backend changes nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path

from resources.lake import Lake, LocalLake, Work
from resources.lake.vouched import FolderWork

PROJECT = Path(__file__).resolve().parents[3]
CALLERS = [
    path
    for package in ("engine", "resources", "genomics_assets", "console", "demo")
    for path in sorted((PROJECT / package).rglob("*.py"))
    if PROJECT / "resources" / "lake" not in path.parents
]


def public(kind: type) -> set[str]:
    return {name for each in kind.__mro__ for name in vars(each) if not name.startswith("_")}


def asked_of_a_lake(path: Path) -> Iterator[str]:
    """Attributes of whatever is called ``lake``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if name.lstrip("_") == "lake":
                yield node.attr


def test_callers_ask_a_lake_for_nothing_but_what_the_contract_has() -> None:
    asked = {name for path in CALLERS for name in asked_of_a_lake(path)}
    assert {"require", "receipt", "path", "work"} <= asked, "the lake's callers are found"
    assert asked - {"contract", "local"} <= public(Lake), "a method of one backend alone"


def test_callers_know_nothing_of_how_a_lake_lays_out_its_files() -> None:
    layout = ("receipt.json", ".work")
    told = {
        (path.relative_to(PROJECT).as_posix(), node.value)
        for path in CALLERS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in layout
    }
    assert not told


def test_the_local_backend_has_the_whole_contract() -> None:
    assert public(Lake) <= public(LocalLake)
    assert public(Work) <= public(FolderWork) | {"folder", "scratch"}
