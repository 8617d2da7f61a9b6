"""The security documents name tests that exist, each demand has one or is the laboratory's, and licences are known."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted((PROJECT / "docs" / "security").glob("*.md"))
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|Unlicense|Zlib|HPND|0BSD|CC0|Public Domain"
    r"|BSL-1\.0|Historical Permission)\b",
    re.IGNORECASE,
)
KNOWN = {
    "biopython": "its own licence, of the kind of BSD",
    "fhirpathpy": "MIT, by its LICENSE file; its metadata tell none",
    "text-unidecode": "Artistic or GPL; imported as it is, the first is taken",
}
"""Packages whose metadata tell a licence that is read by people."""


@cache
def names_in(path: str) -> set[str]:
    file = PROJECT / path
    if not file.is_file():
        return set()
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_test_that_is_named_exists(document: Path) -> None:
    named = NAMED.findall(document.read_text())
    assert len(named) > 20
    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_row_names_a_test_or_who_answers_instead(document: Path) -> None:
    rows = [line for line in document.read_text().splitlines() if re.match(r"\|(?!---)", line)]
    demands = [row for row in rows if not row.rstrip().endswith("| proved by |")]
    assert len(demands) > 20
    assert [row for row in demands if not NAMED.search(row) and "| the laboratory |" not in row] == []


def test_a_test_that_is_gone_is_noticed() -> None:
    assert "test_a_test_that_is_gone_is_noticed" in names_in("tests/test_security_evidence.py")
    assert "test_that_never_was" not in names_in("tests/test_security_evidence.py")


def installed() -> dict[str, PackageMetadata]:
    """The platform's dependencies and theirs, as far as they are installed, by name."""
    found: dict[str, PackageMetadata] = {}
    waiting = ["genomics-assets"]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        found[name] = package.metadata
        for text in package.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    found.pop("genomics-assets")
    return found


def licence_of(metadata: PackageMetadata) -> str:
    classified = [one for one in metadata.get_all("Classifier", []) if one.startswith("License ::")]
    told = [metadata.get("License-Expression"), *classified, (metadata.get("License") or "")[:200]]
    return "; ".join(one for one in told if one)


def test_every_package_that_is_installed_tells_a_licence_that_we_take() -> None:
    packages = installed()
    assert len(packages) > 100
    said = {name: licence_of(one) for name, one in packages.items()}
    assert {name for name, text in said.items() if not PERMISSIVE.search(text)} == set(KNOWN)
