"""From the bytes of a sheet to rows of cells: CSV in any usual encoding and with any usual separator, Excel, Illumina.

Where something was read otherwise than as UTF-8 with commas, a note says how. What the cells mean is judged in
:mod:`engine.reads.sample_sheet`, what the columns are in :mod:`engine.reads.sheet_rows`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import SampleSheetError

MOST_ROWS = 50_000
"""Rows of a sheet, each of which takes 60 microseconds to judge whenever the sheet is looked at."""
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_NO_SHEET = (
    (
        b"\xd0\xcf\x11\xe0",
        "an old or a locked Excel workbook",
        "save it as .xlsx without a password, or as CSV (UTF-8)",
    ),
    (b"\x1f\x8b", "a gzip file", "unpack it"),
    (b"%PDF", "a PDF document", "save the table as CSV (UTF-8) or as .xlsx"),
    (b"{\\rtf", "a document (RTF)", "save the table as CSV (UTF-8) or as .xlsx"),
    (b"{", "JSON", "save the table as CSV (UTF-8) or as .xlsx"),
    (b"<", "HTML or XML", "save the table as CSV (UTF-8) or as .xlsx"),
)
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_REMARK = ("#", '"#')
_SEPARATOR_LINE = re.compile(r'"?sep=(?P<delimiter>[,;|\t])"?[,;|\t]*', re.IGNORECASE)


@dataclass(frozen=True)
class SheetTable:
    """A sheet's rows, the header first.

    Attributes:
        rows: line (1-based; in a workbook the row) and cells, stripped, trailing empty ones dropped; no blank row.
        notes: how it was read, where that is not what one would take for granted.
    """

    rows: tuple[tuple[int, list[str]], ...]
    notes: tuple[str, ...] = ()


def require_table(data: bytes, file: Path) -> None:
    """Refuse what is no text and no workbook, by its first bytes.

    Raises:
        SampleSheetError: the remedy that fits is in the error.
    """
    for start, what, remedy in _NO_SHEET:
        if data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(start):
            raise SampleSheetError(f"the sheet is {what}", remedy=remedy, file=file)


def decode(data: bytes, file: Path) -> tuple[str, tuple[str, ...]]:
    """The text of a sheet, and a note where it is not in UTF-8.

    Raises:
        SampleSheetError: the bytes are text in no encoding that a sheet is sent in.
    """
    encoding = next((name for start, name in _MARKS if data.startswith(start)), None) or _utf16_without_mark(data)
    if encoding is None:
        encoding = "utf-8" if _is(data, "utf-8") else "cp1252"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SampleSheetError(
            f"the text is not UTF-8, nor {'Windows-1252' if encoding == 'cp1252' else encoding.upper()}"
            f" (byte 0x{data[error.start]:02x})",
            remedy="save the sheet as CSV in UTF-8",
            file=file,
            place=f"line {line}",
        ) from None
    if "\0" in text:
        raise SampleSheetError(
            "the sheet holds NUL bytes",
            remedy="copy the file again, or save the sheet as CSV in UTF-8",
            file=file,
            place=f"line {text.count(chr(10), 0, text.index(chr(0))) + 1}",
        )
    told = {"cp1252": "Windows-1252 (Latin-1), not UTF-8", "utf-8": "", "utf-8-sig": ""}.get(encoding, encoding.upper())
    return text, (f"the text is in {told}: look whether letters beyond ASCII are right",) if told else ()


def _is(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _utf16_without_mark(data: bytes) -> str | None:
    """Every second byte of a header in UTF-16 is zero, the second of each pair where it is little-endian."""
    start = data[:64]
    pairs = len(start) // 2
    if pairs and start[1::2].count(0) >= 0.9 * pairs:
        return "utf-16-le"
    return "utf-16-be" if pairs and start[0::2].count(0) >= 0.9 * pairs else None


def csv_table(text: str, is_column: Callable[[str], bool], file: Path) -> SheetTable:
    """The rows of CSV text, whatever separates its cells.

    Args:
        text: of the sheet.
        is_column: whether a cell of the header names a known column.
        file: the sheet, named in errors.

    Raises:
        SampleSheetError: a quotation mark is left open.
    """
    first = next((line for line in text.splitlines() if line.strip() and not _is_remark(line, is_column)), "")
    said = _SEPARATOR_LINE.fullmatch(first.strip(" "))
    if said:
        delimiter = said["delimiter"]
        text = text.replace(first, "", 1)  # its line end stays, so that lines keep their numbers
    else:
        delimiter = max(DELIMITERS, key=lambda each: sum(map(is_column, _cells(first, each))))
    notes = () if delimiter == "," else (f"cells are separated by {DELIMITERS[delimiter]}",)
    return SheetTable(tuple(records(text, delimiter, file)), notes)


def _is_remark(line: str, is_column: Callable[[str], bool]) -> bool:
    """Whether a line above the header is the laboratory's own; a header may begin with a column that is."""
    return line.startswith(_REMARK) and not any(is_column(cell) for each in DELIMITERS for cell in _cells(line, each))


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(delimiter)]


def records(text: str, delimiter: str, file: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of each row that is not blank, trailing empty cells dropped."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
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


def too_long(file: Path) -> SampleSheetError:
    """What is said of a sheet of more rows than a look has time for."""
    return SampleSheetError(
        f"the sheet has more than {MOST_ROWS:,} rows", remedy="split it into several sheets", file=file
    )


def counted(items: Collection[str]) -> str:
    """A few of many, for a note.

    >>> counted(["a", "b"]), counted([str(n) for n in range(9)])
    ("'a', 'b'", "'0', '1', '2', '3', '4' and 4 more")
    """
    shown = ", ".join(repr(item) for item in list(items)[:5])
    return shown if len(items) <= 5 else f"{shown} and {len(items) - 5} more"
