"""The table of who patients are: what is taken from it, and what is refused without repeating it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import GenomicsError
from resources.identity_sheet import IdentityError, Said, read_identities

SYSTEM = "urn:oid:1.2.3.4"


def read(text: str | bytes, **options: str) -> list[Said | GenomicsError]:
    return list(read_identities(text.encode() if isinstance(text, str) else text, Path("who.csv"), **options))


def test_a_row_says_who_a_person_is() -> None:
    (row,) = read("sample_id,mrn,mrn_system,family,given,birth_date\n23/0816,47,1.2.3.4,Müller,Ada;Mary,1970-01-31\n")
    assert isinstance(row, Said) and row.sample == "23/0816"
    who = row.identity
    assert (who.mrn, who.mrn_system, who.family, who.given) == ("47", SYSTEM, "Müller", ("Ada", "Mary"))
    assert who.birth_date == "1970-01-31"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_table_may_come_as_sample_sheets_do(encoding: str) -> None:
    (row,) = read("subject_id;name;mrn\nP1;Jörg Beispiel;47\n".encode(encoding), mrn_system=SYSTEM)
    assert isinstance(row, Said) and row.sample is None
    assert (row.identity.subject_id, row.identity.name) == ("P1", "Jörg Beispiel")
    assert row.identity.mrn_system == SYSTEM


@pytest.mark.parametrize(
    ("header", "row", "problem"),
    [
        ("mrn,mrn_system", "SECRET,1.2.3.4", "names sample_id and subject_id, or neither"),
        ("sample_id,subject_id,mrn,mrn_system", "S1,P1,SECRET,1.2.3.4", "names sample_id and subject_id, or neither"),
        ("sample_id,birth_date", "S1,1970-01-31", "says neither mrn nor name"),
        ("sample_id,name,family", "S1,SECRET,SECRET", "says name and its parts"),
        ("sample_id,mrn", "S1,SECRET", "mrn has no mrn_system"),
        ("sample_id,mrn,mrn_system", "S1,SECRET,our own", "mrn_system is no URI"),
        ("sample_id,name,birth_date", "S1,SECRET,31.1.1970", "birth_date is no date"),
        ("sample_id,name,birth_date", "S1,SECRET,2970-01-31", "birth_date is no day on which"),
        ("sample_id,nmae", "S1,SECRET", "unknown column 'nmae'"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_column_and_not_repeated(header: str, row: str, problem: str) -> None:
    (error,) = read(f"{header}\n{row}\n")
    assert isinstance(error, IdentityError)
    told = str(error)
    assert problem in told and "who.csv, line " in told and "SECRET" not in told and "1970" not in told


def test_a_row_that_is_wrong_stops_no_other() -> None:
    one, two, three = read("sample_id,name\nS1,Ada\n,Bea\nS3,Cleo\n")
    assert isinstance(one, Said) and isinstance(two, IdentityError) and isinstance(three, Said)
