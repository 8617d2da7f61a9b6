"""From the rows of a sheet to rows of named cells, forgiving what spreadsheets do and refusing what hides data.

Accepted: blank lines, trailing commas, any letter case in the header, columns of remarks and rows that begin with
``#``. How bytes become rows is in :mod:`engine.reads.sheet_table`; what the cells mean is judged in
:mod:`engine.reads.sample_sheet`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from engine.errors import SampleSheetError
from engine.reads.illumina_sheet import illumina_table, is_illumina_sheet
from engine.reads.sample_names import is_spoilt, safe_id
from engine.reads.sample_sheet_columns import REMARKS
from engine.reads.sheet_table import (
    MOST_ROWS,
    SheetTable,
    counted,
    csv_table,
    decode,
    require_table,
    too_long,
)
from engine.reads.sheet_workbook import WORKBOOK, workbook_table

_MOST_UNKNOWN = 100
"""Columns that are told one by one; with more of them the table is another one."""


@dataclass(frozen=True)
class SheetRow:
    """One row: its cells by column name, stripped of surrounding space.

    Attributes:
        line: 1-based line of the file on which the row ends.
        cells: filled cells only.
    """

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class SheetRows:
    """The rows that could be told apart, what was wrong with the others or the header, and how the sheet was read."""

    rows: tuple[SheetRow, ...]
    problems: tuple[SampleSheetError, ...]
    notes: tuple[str, ...] = ()


def parse_rows(data: bytes, names: tuple[str, ...], required: tuple[str, ...], file: Path) -> SheetRows:
    """Split a sheet into rows whose cells are keyed by ``names``.

    A header that cannot be trusted (a column unknown, missing or given twice) gives no rows at all: a typing error
    there would otherwise drop a column of every sample in silence.
    """
    try:
        table = _table(data, names, file)
    except SampleSheetError as error:
        return SheetRows((), (error,))
    if not table.rows:
        return SheetRows((), (_empty(file),))
    table = _from_header(table, names)
    header_line, header = table.rows[0]
    keys = [_column_name(cell) for cell in header]
    if problems := _header_problems(keys, header_line, names, required, file):
        return SheetRows((), tuple(problems))
    rows = [(line, cells) for line, cells in table.rows[1:] if not _is_remark_row(cells, keys)]
    if not rows:
        return SheetRows((), (_empty(file),))
    if len(rows) > MOST_ROWS:
        return SheetRows((), (too_long(file),))
    return _named_rows(rows, keys, (*table.notes, *_left_out(table, keys)), file)


def _table(data: bytes, names: tuple[str, ...], file: Path) -> SheetTable:
    def is_column(cell: str) -> bool:
        return _column_name(cell) in names

    if data.startswith(WORKBOOK):
        return workbook_table(data, is_column, file)
    require_table(data, file)
    text, notes = decode(data, file)
    table = illumina_table(text, names, file) if is_illumina_sheet(text) else csv_table(text, is_column, file)
    return SheetTable(table.rows, notes + table.notes)


def _from_header(table: SheetTable, names: tuple[str, ...]) -> SheetTable:
    """Without the remarks above the header."""
    above = 0
    for _, cells in table.rows[:-1]:
        if not cells[0].startswith("#") or any(_column_name(cell) in names for cell in cells):
            break
        above += 1
    notes = ("rows above the header begin with # and were not read",) if above else ()
    return SheetTable(table.rows[above:], table.notes + notes)


def _left_out(table: SheetTable, keys: list[str]) -> list[str]:
    """Notes on columns and rows that are the laboratory's own."""
    remarks = [cell for cell, key in zip(table.rows[0][1], keys, strict=True) if _is_remark(key)]
    lines = [str(line) for line, cells in table.rows[1:] if _is_remark_row(cells, keys)]
    notes = [f"the columns {counted(remarks)} are remarks and were not read"] if remarks else []
    return notes + ([f"the rows in lines {', '.join(lines[:9])} begin with # and were not read"] if lines else [])


def _is_remark(key: str) -> bool:
    return key.startswith("#") or key in REMARKS


def _is_remark_row(cells: list[str], keys: list[str]) -> bool:
    return cells[0].startswith("#") and not is_spoilt(cells[0]) and not _is_remark(keys[0])


def _empty(file: Path) -> SampleSheetError:
    return SampleSheetError(
        "the sheet has no rows", remedy="give a header and one row per lane (see docs/sample-sheet.md)", file=file
    )


def _column_name(cell: str) -> str:
    return re.sub(r"[\s-]+", "_", cell.lower())


def _header_problems(
    keys: list[str], line: int, names: tuple[str, ...], required: tuple[str, ...], file: Path
) -> list[SampleSheetError]:
    problems: list[SampleSheetError] = []

    def refuse(problem: str, remedy: str) -> None:
        problems.append(SampleSheetError(problem, remedy=remedy, file=file, place=f"line {line}"))

    unknown = [(number, key) for number, key in enumerate(keys, 1) if key not in names and not _is_remark(key)]
    if len(unknown) > _MOST_UNKNOWN:
        refuse(
            f"{len(unknown):,} columns are unknown, {unknown[0][1]!r} the first of them",
            "give the table a header of the columns in docs/sample-sheet.md, and remove all others",
        )
    else:
        for number, key in unknown:
            near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
            what = f"unknown column {key!r}" if key else f"column {number} has no name"
            refuse(
                what,
                f"rename it to {near[0]!r} or remove it"
                if near
                else "remove it, give it a known name, or begin its name with # if it is a remark",
            )
    for key in dict.fromkeys(key for key in keys if key in names and keys.count(key) > 1):
        refuse(f"column {key!r} is given {keys.count(key)} times", "keep one of them")
    for name in required:
        if name not in keys:
            refuse(f"required column {name!r} is missing", "add it (see docs/sample-sheet.md)")
    return problems


def _named_rows(table: list[tuple[int, list[str]]], keys: list[str], notes: tuple[str, ...], file: Path) -> SheetRows:
    rows: list[SheetRow] = []
    problems: list[SampleSheetError] = []
    read = [not _is_remark(key) for key in keys]
    for line, cells in table:
        named = zip(keys, cells, read, strict=False)
        row = SheetRow(line, {key: cell for key, cell, is_read in named if cell and is_read})
        if len(cells) > len(keys):
            problems.append(
                SampleSheetError(
                    f"the row has {len(cells)} cells, the header {len(keys)}",
                    remedy="put a cell that contains the separator in quotation marks",
                    sample=safe_id(row.cells.get("sample_id", "")),
                    file=file,
                    place=f"line {line}",
                )
            )
        rows.append(row)
    return SheetRows(tuple(rows), tuple(problems), notes)
