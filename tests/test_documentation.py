"""Documents name only what exists, and what is generated is up to date."""

import re
from pathlib import Path

import pytest

from engine.quality.thresholds import as_markdown, load_thresholds

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([PROJECT / "README.md", PROJECT / "demo" / "README.md", *PROJECT.glob("docs/*.md")])
PATH = re.compile(r"`((?:genomics_assets|resources|console|engine|dbt_project|tests|demo|benchmarks|docs)/[\w./-]*)`")
COMMAND = re.compile(r"\bmake ([a-z][a-z-]*)")
MODULE = re.compile(r"python -m ((?:genomics_assets|resources|console|engine|demo|benchmarks)[\w.]*)")


def test_the_threshold_page_is_the_threshold_table() -> None:
    assert (PROJECT / "docs" / "thresholds.md").read_text() == as_markdown(load_thresholds())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_what_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    missing = [name for name in PATH.findall(text) if not (PROJECT / name).exists()]
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    missing += [f"make {target}" for target in COMMAND.findall(text) if target not in targets]
    modules = {name.rstrip(".") for name in MODULE.findall(text)}
    for module in modules:
        path = PROJECT / module.replace(".", "/")
        if not path.with_suffix(".py").exists() and not (path / "__main__.py").exists():
            missing.append(module)
    links = re.findall(r"\]\((?!http)([^)#]+)", text)
    missing += [link for link in links if not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_option_that_a_document_names_is_one(document: Path) -> None:
    from resources.environment import OPTIONS

    assert set(re.findall(r"GENOMICS_[A-Z_]+", document.read_text())) <= {option.variable for option in OPTIONS}
