"""What the documents' site shows that is not a page in this folder: files of the project's root, and the API.

mkdocs calls the functions with ``on_`` (``mkdocs.yml`` names this file). Pages are made in memory; nothing is written.
"""

from __future__ import annotations

import re
from os.path import relpath
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

DOCS = Path(__file__).resolve().parent
PROJECT = DOCS.parent
PACKAGES = ("engine", "resources", "console", "genomics_assets", "portal", "demo")
ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "demo/README.md": "demo.md",
}
"""Pages of the site by the file they are, relative to the project."""
HOW_IT_IS_BUILT = "How it is built"
_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?!\w+:)(?P<target>[^)#\s]+)(?P<place>#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the sections whose pages are derived; a page in this folder that none names opens "How it is built"."""
    unnamed = sorted({path.name for path in DOCS.glob("*.md")} - _named(config.nav))
    config.nav = _filled(config.nav, unnamed)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie elsewhere and those of the API."""
    for source, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=_relinked(PROJECT / source, page)))
    for package in packages():
        files.append(File.generated(config, api_page(package), content=_api_text(package)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Turn links to files that lie elsewhere into links to their pages."""
    lies_here = DOCS / page.file.src_uri
    return _relinked(lies_here, page.file.src_uri) if lies_here.is_file() else markdown


def packages() -> list[str]:
    """Packages by name, parents first."""
    folders = [path.parent for top in PACKAGES for path in sorted((PROJECT / top).rglob("__init__.py"))]
    return [folder.relative_to(PROJECT).as_posix().replace("/", ".") for folder in folders]


def api_page(package: str) -> str:
    """Where a package's page lies on the site."""
    return f"api/{package}.md"


def decisions() -> list[str]:
    """Pages of decisions: what they are, then each by its name."""
    return sorted(
        (f"decisions/{path.name}" for path in DOCS.glob("decisions/*.md")), key=lambda page: ("index" not in page, page)
    )


def _relinked(source: Path, page: str) -> str:
    """A document with its links as they are on the site; what has no page there (a folder, the licence) is plain text.

    Args:
        source: the document; its links are relative to its folder.
        page: its place on the site.
    """

    def relink(link: re.Match[str]) -> str:
        target = (source.parent / link["target"]).resolve().relative_to(PROJECT).as_posix()
        place = ELSEWHERE.get(target) or target.removeprefix("docs/")
        if place == target:
            return link["text"]
        return f"[{link['text']}]({relpath(place, Path(page).parent)}{link['place'] or ''})"

    return _LINK.sub(relink, source.read_text())


def _api_text(package: str) -> str:
    """The package's docstring and every module of its own; packages inside it have pages of theirs."""
    folder = PROJECT.joinpath(*package.split("."))
    modules = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    told = [f"# {package}", f"::: {package}\n    options:\n      show_root_heading: false"]
    return "\n\n".join([*told, *(f"::: {package}.{module}" for module in modules)]) + "\n"


def _filled(entry: Any, unnamed: list[str]) -> Any:
    if isinstance(entry, list):
        return [_filled(each, unnamed) for each in entry]
    if isinstance(entry, dict):
        return {title: _section(title, pages, unnamed) for title, pages in entry.items()}
    return entry


def _section(title: str, pages: Any, unnamed: list[str]) -> Any:
    if title == "Decisions":
        return decisions()
    if title == "API":
        return [{package: api_page(package)} for package in packages()]
    first = unnamed if title == HOW_IT_IS_BUILT else []
    return [*first, *_filled(pages, unnamed)] if isinstance(pages, list) else pages


def _named(nav: Any) -> set[str]:
    """Pages that the nav names."""
    if isinstance(nav, str):
        return {nav}
    return {page for entry in (nav.values() if isinstance(nav, dict) else nav) for page in _named(entry)}
