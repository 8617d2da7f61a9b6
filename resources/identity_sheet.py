"""The table in which a hospital says who its patients are: one row a person, named by a sample or by the pseudonym.

Columns: ``sample_id`` or ``subject_id``, ``mrn`` with ``mrn_system`` (URI or OID of who assigned the number), ``name``
or ``family`` and ``given`` (several with semicolons), ``birth_date`` (YYYY-MM-DD). Text in any encoding and with any
separator that sample sheets may have, or Excel. What is wrong is told by line and column, never with what stands there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from engine.errors import GenomicsError, SampleSheetError
from engine.person import Identity
from engine.reads.sheet_rows import SheetRow, parse_rows
from resources.laboratory import as_uri

COLUMNS = ("sample_id", "subject_id", "mrn", "mrn_system", "name", "family", "given", "birth_date")


class IdentityError(GenomicsError):
    """A row does not say who a person is."""


@dataclass(frozen=True)
class Said:
    """What a row says.

    Attributes:
        line: of the table, 1-based.
        sample: the sample of the person as the row names it, absent where it names the subject.
        identity: who the person is; its subject is empty where the row names a sample.
    """

    line: int
    sample: str | None
    identity: Identity


def read_identities(data: bytes, file: Path, *, mrn_system: str | None = None) -> Iterator[Said | GenomicsError]:
    """Each row, or what is wrong with it.

    Args:
        data: the table.
        file: its name, for messages.
        mrn_system: of record numbers whose row names no system.
    """
    table = parse_rows(data, COLUMNS, (), file)
    for problem in table.problems:
        yield IdentityError(_without_cells(problem), file=file, place=problem.place, remedy=problem.remedy)
    for row in table.rows:
        try:
            yield _said(row, mrn_system)
        except IdentityError as error:
            error.place = f"line {row.line}"
            yield error.about(file=file)


def _without_cells(problem: SampleSheetError) -> str:
    return problem.problem.replace("the sheet", "the table")


def _said(row: SheetRow, system: str | None) -> Said:
    cells = row.cells
    if ("sample_id" in cells) == ("subject_id" in cells):
        raise _refused("it names sample_id and subject_id, or neither", "fill in one of them")
    if not {"mrn", "name", "family"} & cells.keys():
        raise _refused("it says neither mrn nor name", "fill in mrn, or name, or family and given")
    if "name" in cells and {"family", "given"} & cells.keys():
        raise _refused("it says name and its parts", "fill in name, or family and given")
    identity = Identity(
        cells.get("subject_id", ""),
        mrn=cells.get("mrn"),
        mrn_system=_system(cells.get("mrn_system", system)) if "mrn" in cells else None,
        name=cells.get("name"),
        family=cells.get("family"),
        given=tuple(part for each in cells.get("given", "").split(";") if (part := each.strip())),
        birth_date=_date(cells["birth_date"]) if "birth_date" in cells else None,
    )
    return Said(row.line, cells.get("sample_id"), identity)


def _system(system: str | None) -> str:
    uri = as_uri(system) if system else None
    if uri is None:
        problem = "mrn_system is no URI" if system else "mrn has no mrn_system: nobody could tell whose number it is"
        raise _refused(problem, "write who assigned the number as https://..., urn:oid:... or an OID")
    return uri


def _date(text: str) -> str:
    """As it is, if it is a day that has been; a time of midnight behind it, as Excel writes days, is dropped."""
    try:
        day = date.fromisoformat(text.removesuffix(" 00:00:00").removesuffix("T00:00:00"))
    except ValueError:
        raise _refused("birth_date is no date", "write it as YYYY-MM-DD") from None
    if not date(1850, 1, 1) <= day <= datetime.now(UTC).date():
        raise _refused("birth_date is no day on which a patient can have been born", "correct it")
    return day.isoformat()


def _refused(problem: str, remedy: str) -> IdentityError:
    return IdentityError(problem, remedy=remedy)
