"""Gene panels: which genes an order asks about that names a panel, after the laboratory's own table.

The table is text with a header, separated by tabs, semicolons or commas: columns ``panel`` and ``gene``, and
``version`` where panels have one; a row is a gene of a panel. A panel's export from Genomics England's or Australia's
PanelApp (TSV) is such a table too, of which the green genes are taken; several may follow one another in one file. A
panel is named in any letter case.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     source = Path(folder, "panels.tsv")
...     _ = source.write_text("panel,gene,version\\nMovement disorders,PANK2,3\\nMovement disorders,prnp,3\\n")
...     measures = build_panels(source, Path(folder))
...     panel = panel_named(Path(folder, PANELS), "movement  Disorders")
>>> (measures.panels, measures.genes, panel.name, panel.genes, panel.version)
(1, 2, 'Movement disorders', ('PANK2', 'PRNP'), '3')
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import KnowledgeError
from engine.files.text import text_lines

PANELS = "panels.tsv"
"""Name of the part of a reference bundle."""
_COLUMNS = ("panel", "gene", "version")
_PANELAPP = {"level4": "panel", "gene symbol": "gene", "gene_symbol": "gene"}
"""Columns of PanelApp's export by ours; of ``version`` both say the same."""
_GREEN = 3
"""PanelApp's status of a gene that may be reported, of 0 (no list) to 4."""
_IS_SYMBOL = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,39}").fullmatch
_REMEDY = "give a table with the columns panel and gene, one gene a row, or PanelApp's export"


@dataclass(frozen=True)
class Panel:
    """A gene panel.

    Attributes:
        name: as its table writes it.
        genes: symbols in the order of the table, each once.
        version: as its publisher numbers it, absent where the table has none.
    """

    name: str
    genes: tuple[str, ...]
    version: str | None = None


@dataclass(frozen=True)
class PanelsMeasures:
    """What was found in a table of panels.

    Attributes:
        panels: number of panels.
        genes: number of genes, each counted once however many panels have it.
        left_out: rows of PanelApp's exports that are amber, red, or no genes.
        names: of the panels, with their versions.
    """

    panels: int
    genes: int
    left_out: int
    names: list[str]


def hgnc_letters(symbol: str) -> str:
    """A gene's symbol in HGNC's letters: all capitals, but for the orf of open reading frames.

    >>> hgnc_letters("tp53"), hgnc_letters("C9ORF72")
    ('TP53', 'C9orf72')
    """
    return re.sub(r"^(C[0-9XY]+)ORF([0-9]+)", r"\1orf\2", symbol.upper())


def read_panels(source: Path) -> dict[str, Panel]:
    """The panels of a table, by :func:`panel_key`.

    Raises:
        KnowledgeError: the table is missing, damaged, lacks a column, or a row is not what its columns want.
    """
    return _Table(source).panels


def build_panels(source: Path, folder: Path) -> PanelsMeasures:
    """Write :data:`PANELS`, with columns panel, gene and version, into ``folder``; errors as of :func:`read_panels`."""
    table = _Table(source)
    panels = table.panels.values()
    rows = [f"{panel.name}\t{gene}\t{panel.version or ''}\n" for panel in panels for gene in panel.genes]
    (folder / PANELS).write_text("\t".join(_COLUMNS) + "\n" + "".join(rows), encoding="utf-8")
    return PanelsMeasures(
        panels=len(panels),
        genes=len({gene for panel in panels for gene in panel.genes}),
        left_out=table.left_out,
        names=[_with_version(panel) for panel in panels],
    )


def panel_named(table: Path, name: str) -> Panel:
    """A panel by its name; several, separated by semicolons, together as one.

    Raises:
        KnowledgeError: there is none of that name, or the table is damaged.
    """
    panels = read_panels(table)
    found = find_panel(panels, name)
    if found is None:
        raise KnowledgeError(
            f"the order asks for the panel {name!r}, which the table of panels does not have",
            remedy=f"correct the order ({known_panels(panels.values(), name)}), or add the panel to the table",
        )
    return found


def find_panel(panels: Mapping[str, Panel], name: str) -> Panel | None:
    """As :func:`panel_named`, of panels by :func:`panel_key`; ``None`` where one is not among them.

    >>> both = find_panel({"a": Panel("A", ("TP53",), "2"), "b": Panel("B", ("ATM", "TP53"))}, "a; B")
    >>> (both.name, both.genes) if both else None
    ('A (2); B', ('TP53', 'ATM'))
    """
    if (whole := panels.get(panel_key(name))) or ";" not in name:
        return whole
    named = [panels.get(panel_key(part)) for part in name.split(";") if part.strip()]
    found = [panel for panel in named if panel]
    if not found or len(found) < len(named):
        return None
    if len(found) == 1:
        return found[0]
    genes = dict.fromkeys(gene for panel in found for gene in panel.genes)
    return Panel("; ".join(map(_with_version, found)), tuple(genes))


def _with_version(panel: Panel) -> str:
    return f"{panel.name} ({panel.version})" if panel.version else panel.name


def panel_key(name: str) -> str:
    """What two spellings of a panel's name have in common: letters of any case, spaces of any number."""
    return " ".join(name.split()).casefold()


def panel_of(name: str | None, table: Path | None) -> Panel | None:
    """The panel that an order names; none where it names none, or where there is no table to look it up in.

    Raises:
        KnowledgeError: the table does not have it, or is damaged.
    """
    return panel_named(table, name) if name and table else None


def known_panels(panels: Iterable[Panel], name: str) -> str:
    """In words, the panel that a wrong name may have meant, or those that there are."""
    by_key = {panel_key(panel.name): panel.name for panel in panels}
    near = difflib.get_close_matches(panel_key(name), by_key, n=1, cutoff=0.6)
    if near:
        return f"perhaps {by_key[near[0]]!r} is meant"
    some = [repr(each) for each in list(by_key.values())[:8]]
    return f"there are {', '.join(some)}" + (", ..." if len(by_key) > len(some) else "")


class _Table:
    """Reads a table of panels."""

    def __init__(self, source: Path) -> None:
        self.left_out = 0
        self.panels: dict[str, Panel] = {}
        self._source = source
        genes: dict[str, dict[str, None]] = {}
        for line, row in self._rows():
            name, gene = self._cell(line, row, "panel"), self._cell(line, row, "gene")
            if not _IS_SYMBOL(gene):
                raise self._refused(f"{gene!r} is no symbol of a gene", line)
            key, version = panel_key(name), " ".join((row.get("version") or "").split()) or None
            known = self.panels.setdefault(key, Panel(" ".join(name.split()), (), version))
            if known.version != version:
                problem = f"the panel {known.name!r} is of version {version or 'none'} here, of {known.version} before"
                raise self._refused(problem, line, "keep one version of each panel, or give them different names")
            genes.setdefault(key, {})[hgnc_letters(gene)] = None
        if not self.panels:
            raise self._refused("it holds no gene of any panel")
        self.panels = {key: Panel(one.name, tuple(genes[key]), one.version) for key, one in self.panels.items()}

    def _rows(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Line number and cells by column of each row that is a gene which may be reported."""
        columns: list[str] = []
        reader = csv.reader(self._lines(), delimiter=self._separator(), strict=True)
        while (cells := self._next(reader)) is not None:
            if not any(cell.strip() for cell in cells):
                continue
            named = [_PANELAPP.get(cell.strip().lower(), cell.strip().lower()) for cell in cells]
            if {"panel", "gene"} <= set(named):
                columns = self._unique(named, reader.line_num)
            elif not columns:
                missing = [name for name in ("panel", "gene") if name not in named]
                raise self._refused(f"the header has no column {' and no column '.join(missing)}", reader.line_num)
            elif len(cells) > len(columns):
                problem = f"the row has {len(cells)} cells, the header {len(columns)}"
                raise self._refused(problem, reader.line_num)
            else:
                row = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
                if self._reported(row, reader.line_num):
                    yield reader.line_num, row
                else:
                    self.left_out += 1

    def _reported(self, row: Mapping[str, str], line: int) -> bool:
        """Whether a row is a green gene; every row of a laboratory's own table is."""
        if row.get("entity type", "gene") not in ("gene", ""):
            return False
        status = row.get("gel_status")
        if status is None:
            return True
        if not (status.isascii() and status.isdigit()):
            raise self._refused(f"GEL_Status is {status!r}, not a number of 0 to 4", line)
        return int(status) >= _GREEN

    def _cell(self, line: int, row: Mapping[str, str], column: str) -> str:
        value = row.get(column) or ""
        if not value or not value.isprintable():
            raise self._refused(f"the row names no {column}" if not value else f"{column} is {value!r}", line)
        return value

    def _unique(self, columns: list[str], line: int) -> list[str]:
        twice = [name for name in ("panel", "gene", "version", "gel_status") if columns.count(name) > 1]
        if twice:
            raise self._refused(f"the header names the column {twice[0]} twice", line)
        return columns

    def _separator(self) -> str:
        """What separates the cells of the header."""
        header = next((line for line in self._lines() if line.strip()), "")
        return max("\t;,", key=header.count)

    def _lines(self) -> Iterator[str]:
        """Lines, those of comment empty."""
        for line in text_lines(self._source, may_have_mark=True):
            yield "\n" if line.startswith("#") else line

    def _next(self, reader: Iterator[list[str]]) -> list[str] | None:
        try:
            return next(reader, None)
        except csv.Error as error:
            raise self._refused(f"a row cannot be read: {error}", getattr(reader, "line_num", 0)) from None

    def _refused(self, problem: str, line: int = 0, remedy: str = _REMEDY) -> KnowledgeError:
        place = f"line {line:,}" if line else None
        return KnowledgeError(
            f"the table of panels cannot be used: {problem}", file=self._source, place=place, remedy=remedy
        )
