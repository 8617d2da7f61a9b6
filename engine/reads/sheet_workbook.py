"""A sample sheet as an Excel workbook: the cells as a person sees them, and nothing that Excel made of them.

Excel turns what looks like a date or a number into one when it is typed; what it was cannot be told any more, so that
a date is refused, and a number of more digits than Excel keeps. Formulas are read by the values that Excel saved.
Rows, columns and sheets that a person does not see are told of; cells that were merged are refused.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from engine.errors import SampleSheetError
from engine.reads.sheet_table import MOST_ROWS, SheetTable, too_long

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

WORKBOOK = b"PK\x03\x04"
_LARGEST = 1 << 28
"""Bytes unpacked; a sheet of 100,000 lanes has about 60 MB."""
_MOST_CELLS = 2_000_000
"""Of 5 microseconds each: forty columns of as many rows as a sheet may have, or empty ones that Excel has kept."""
_DIGITS = 10**15
"""Excel keeps fifteen digits of a number, and writes zeros or others for the rest."""
_MERGED = re.compile(rb'<mergeCell ref="([A-Z]+\d+:[A-Z]+(\d+))"')
_HIDDEN_ROW = re.compile(rb'<row\b[^>]*?\br="(\d+)"(?=[^>]*\bhidden="(?:1|true)")')
_HIDDEN_COLUMN = re.compile(rb'<col\b[^>]*\bhidden="(?:1|true)"')
_AS_CSV = "save the table as CSV (UTF-8)"


def workbook_table(data: bytes, is_column: Callable[[str], bool], path: Path) -> SheetTable:
    """The rows of the one worksheet that has a header of ours.

    Args:
        data: the workbook, told by its content, whatever its name.
        is_column: whether a cell of the header names a known column.
        path: of the workbook, for errors.

    Raises:
        SampleSheetError: it is no ``.xlsx``, none or several of its sheets look like a sample sheet, or a cell holds
            what a sample sheet cannot mean: a date, or a formula without a value.
    """
    _require_xlsx(data, path)
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        seen = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        hidden = [sheet.title for sheet in book.worksheets if sheet not in seen]
        tables = {sheet.title: _rows(sheet, path) for sheet in seen}
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = {sheet.title: archive.read(sheet._worksheet_path) for sheet in seen}
        book.close()
        _require_values(data, path)
    except (InvalidFileException, zipfile.BadZipFile, ParseError, KeyError, ValueError, EOFError, OSError) as error:
        raise SampleSheetError(
            f"the workbook cannot be read ({error})", remedy=f"copy the file again, or {_AS_CSV}", file=path
        ) from None
    filled = {title: rows for title, rows in tables.items() if rows}
    ours = [title for title, rows in filled.items() if sum(map(is_column, rows[0][1])) > 1] or list(filled)[:1]
    if len(ours) > 1:
        raise SampleSheetError(
            f"several sheets of the workbook look like a sample sheet: {', '.join(map(repr, ours))}",
            remedy="leave one of them in the workbook",
            file=path,
        )
    if not ours:
        return SheetTable(())
    rows = tuple(filled[ours[0]])
    notes = [f"the sheet {ours[0]!r} of the workbook was read", *_unseen(parts[ours[0]], rows, path)]
    if hidden:
        notes.append(f"hidden sheets of the workbook were not read: {', '.join(map(repr, hidden))}")
    return SheetTable(rows, tuple(notes))


def _unseen(xml: bytes, rows: tuple[tuple[int, list[str]], ...], path: Path) -> list[str]:
    """Notes on rows and columns that were read although nobody sees them.

    Raises:
        SampleSheetError: cells below the header are merged: all but the first of them are empty.
    """
    merged = [found[1].decode() for found in _MERGED.finditer(xml) if int(found[2]) > rows[0][0]]
    if merged:
        raise SampleSheetError(
            f"cells are merged: {', '.join(merged[:5])}",
            remedy="unmerge them and write the value into each row",
            file=path,
            place=f"cells {merged[0]}",
        )
    filled = {number for number, _ in rows}
    numbers = [int(found[1]) for found in _HIDDEN_ROW.finditer(xml)]
    hidden = [str(number) for number in numbers if number in filled]
    notes = (
        [f"rows that are hidden or filtered out in the workbook were read: {', '.join(hidden[:9])}"] if hidden else []
    )
    return notes + (["columns that are hidden in the workbook were read"] if _HIDDEN_COLUMN.search(xml) else [])


def _require_xlsx(data: bytes, path: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            names = parts.namelist()
            size = sum(part.file_size for part in parts.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise SampleSheetError(
            f"the workbook is damaged or cut off ({error})", remedy=f"copy the file again, or {_AS_CSV}", file=path
        ) from None
    if "xl/workbook.xml" not in names:
        what = "an OpenDocument table" if "content.xml" in names else "a zip file"
        raise SampleSheetError(f"the sheet is {what}", remedy=f"save it as .xlsx, or {_AS_CSV}", file=path)
    if size > _LARGEST:
        raise SampleSheetError(
            f"the workbook unpacks to more than {_LARGEST >> 20} MB", remedy="split it into several sheets", file=path
        )


def _rows(sheet: ReadOnlyWorksheet, path: Path) -> list[tuple[int, list[str]]]:
    return list(_filled(sheet, path))


def _filled(sheet: ReadOnlyWorksheet, path: Path) -> Iterator[tuple[int, list[str]]]:
    filled = seen = 0
    for number, row in enumerate(sheet.iter_rows(), start=1):
        seen += len(row)
        if filled > MOST_ROWS or seen > _MOST_CELLS:
            raise too_long(path)
        cells = [_text(cell, number, path) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            filled += 1
            yield number, cells


def _text(cell: Any, row: int, path: Path) -> str:
    """A cell as it was typed, as far as that can be told."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return _whole(value, cell.number_format, row, path)
    if isinstance(value, datetime | date | time | timedelta):
        raise SampleSheetError(
            f"Excel has made a date of a cell: {value}",
            remedy="give the column the format Text and type the cell again",
            file=path,
            place=f"row {row}",
        )
    return str(value).strip()


def _whole(value: int, number_format: str, row: int, path: Path) -> str:
    """A whole number as it is shown: with the zeros before it that its format asks for."""
    if abs(value) >= _DIGITS:
        raise SampleSheetError(
            f"Excel has made a number of a cell and does not keep its last digits: {value}",
            remedy="give the column the format Text and type the cell again",
            file=path,
            place=f"row {row}",
        )
    return str(value).zfill(len(number_format)) if set(number_format) == {"0"} else str(value)


def _require_values(data: bytes, path: Path) -> None:
    """Formulas whose value no program has saved would be read as empty cells."""
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        for name in parts.namelist():
            if not name.startswith("xl/worksheets/"):
                continue
            text = parts.read(name)
            if b"</f><v></v>" in text or b"</f><v/>" in text or b"</f><v />" in text or b"</f></c>" in text:
                raise SampleSheetError(
                    "a cell holds a formula whose value was not saved",
                    remedy="open the workbook in Excel and save it, or write the values themselves",
                    file=path,
                )
