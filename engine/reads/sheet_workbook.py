"""A sample sheet as an Excel workbook: the cells as a person sees them, and nothing that Excel made of them.

Excel turns what looks like a date or a number into one when it is typed; what it was cannot be told any more, so that
a date is refused. Formulas are read by the values that Excel saved.
"""

from __future__ import annotations

import io
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
        tables = {sheet.title: _rows(sheet, path) for sheet in book.worksheets if sheet.sheet_state == "visible"}
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
    rows = tuple(filled[ours[0]]) if ours else ()
    return SheetTable(rows, tuple(f"the sheet {title!r} of the workbook was read" for title in ours))


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
    for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
        seen += len(values)
        if filled > MOST_ROWS or seen > _MOST_CELLS:
            raise too_long(path)
        cells = [_text(value, number, path) for value in values]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            filled += 1
            yield number, cells


def _text(value: Any, row: int, path: Path) -> str:
    """A cell as it was typed, as far as that can be told."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | time | timedelta):
        raise SampleSheetError(
            f"Excel has made a date of a cell: {value}",
            remedy="give the column the format Text and type the cell again",
            file=path,
            place=f"row {row}",
        )
    return str(value).strip()


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
