"""From the bytes of a CSV file to rows of named cells, forgiving what spreadsheets do and refusing what hides data.

Accepted: a byte order mark, any line ends, blank lines, trailing commas, quoted cells, any letter case in the
header. What the cells mean is judged in :mod:`engine.reads.sample_sheet`.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import SampleSheetError

_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_NOT_CSV = (
    (b"PK\x03\x04", "an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
    (b"%PDF", "a PDF document"),
)


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
    """The rows that could be told apart, and what was wrong with the others or the header."""

    rows: tuple[SheetRow, ...]
    problems: tuple[SampleSheetError, ...]


def parse_rows(data: bytes, names: tuple[str, ...], required: tuple[str, ...], file: Path) -> SheetRows:
    """Split a sheet into rows whose cells are keyed by ``names``.

    A header that cannot be trusted (a column unknown, missing or given twice) gives no rows at all: a typing error
    there would otherwise drop a column of every sample in silence.
    """
    try:
        text = _decode(data, file)
        table = list(_records(text, file))
    except SampleSheetError as error:
        return SheetRows((), (error,))
    if not table:
        return SheetRows((), (_empty(file),))
    header_line, header = table[0]
    if wrong := _wrong_delimiter(text, header, names, file):
        return SheetRows((), (wrong,))
    keys = [_column_name(cell) for cell in header]
    if problems := _header_problems(keys, header_line, names, required, file):
        return SheetRows((), tuple(problems))
    if len(table) == 1:
        return SheetRows((), (_empty(file),))
    return _named_rows(table[1:], keys, file)


def _decode(data: bytes, file: Path) -> str:
    for start, what in _NOT_CSV:
        if data.startswith(start):
            raise SampleSheetError(
                f"the sheet is {what}, not CSV text", remedy="save it as CSV (UTF-8, comma separated)", file=file
            )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SampleSheetError(
            f"the text is not UTF-8 (byte 0x{data[error.start]:02x})",
            remedy="save the sheet as CSV in UTF-8",
            file=file,
            place=f"line {line}",
        ) from None


def _records(text: str, file: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of each row that is not blank, trailing empty cells dropped."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for record in reader:
            cells = [cell.strip() for cell in record]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise SampleSheetError(
            f"the row cannot be split into cells ({error})",
            remedy="look for a quotation mark that is not closed",
            file=file,
            place=f"line {reader.line_num}",
        ) from None


def _empty(file: Path) -> SampleSheetError:
    return SampleSheetError(
        "the sheet has no rows", remedy="give a header and one row per lane (see docs/sample-sheet.md)", file=file
    )


def _column_name(cell: str) -> str:
    return re.sub(r"[\s-]+", "_", cell.lower())


def _wrong_delimiter(text: str, header: list[str], names: tuple[str, ...], file: Path) -> SampleSheetError | None:
    if any(_column_name(cell) in names for cell in header):
        return None
    first = next(line for line in text.splitlines() if line.strip())
    for delimiter, plural in _DELIMITERS.items():
        if sum(_column_name(cell.strip().strip('"')) in names for cell in first.split(delimiter)) > 1:
            return SampleSheetError(
                f"cells are separated by {plural}, not by commas",
                remedy="save the sheet as CSV with commas",
                file=file,
                place="line 1",
            )
    return None


def _header_problems(
    keys: list[str], line: int, names: tuple[str, ...], required: tuple[str, ...], file: Path
) -> list[SampleSheetError]:
    problems: list[SampleSheetError] = []

    def refuse(problem: str, remedy: str) -> None:
        problems.append(SampleSheetError(problem, remedy=remedy, file=file, place=f"line {line}"))

    for number, key in enumerate(keys, 1):
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
            what = f"unknown column {key!r}" if key else f"column {number} has no name"
            refuse(what, f"rename it to {near[0]!r} or remove it" if near else "remove it or give it a known name")
    for key in dict.fromkeys(key for key in keys if key in names and keys.count(key) > 1):
        refuse(f"column {key!r} is given {keys.count(key)} times", "keep one of them")
    for name in required:
        if name not in keys:
            refuse(f"required column {name!r} is missing", "add it (see docs/sample-sheet.md)")
    return problems


def _named_rows(table: list[tuple[int, list[str]]], keys: list[str], file: Path) -> SheetRows:
    rows: list[SheetRow] = []
    problems: list[SampleSheetError] = []
    for line, cells in table:
        row = SheetRow(line, {key: cell for key, cell in zip(keys, cells, strict=False) if cell})
        if len(cells) > len(keys):
            problems.append(
                SampleSheetError(
                    f"the row has {len(cells)} cells, the header {len(keys)}",
                    remedy="quote a cell that contains a comma",
                    sample=row.cells.get("sample_id"),
                    file=file,
                    place=f"line {line}",
                )
            )
        rows.append(row)
    return SheetRows(tuple(rows), tuple(problems))
