"""The laboratory's own YAML: what reports say of who answers for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.report.case import Laboratory
from resources.laboratory import FILE, LaboratoryError, read_laboratory

WHOLE = """
name: Example Genomics Laboratory
system: https://genomics.example.org
identifier: 05D1234567
identifier_system: 2.16.840.1.113883.4.7
address: 1 Example Road, 12345 Exampletown
phone: "+49 30 1234567"
email: genomics@example.org
"""


def test_the_file_in_the_data_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(WHOLE)
    found = read_laboratory(None, tmp_path)
    assert (found.name, found.system) == ("Example Genomics Laboratory", "https://genomics.example.org")
    assert (found.identifier, found.identifier_system) == ("05D1234567", "urn:oid:2.16.840.1.113883.4.7")


def test_without_a_file_the_laboratory_has_no_name_of_its_own(tmp_path: Path) -> None:
    assert read_laboratory(None, tmp_path) == Laboratory()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: X\n", "does not say name and system"),
        ("name: X\nsystem: https://x.example\nadress: Y\n", "did you mean address?"),
        ("name: X\nsystem: our own\n", "system is no URI"),
        ("name: X\nsystem: urn:oid:1.2.3\n", "system is no URI"),
        ("name: X\nsystem: https://x.example\nidentifier: 5\n", "identifier is no text"),
        ("name: X\nsystem: https://x.example\nidentifier: '5'\n", "one of identifier and identifier_system"),
        ("name: X\nname: Y\nsystem: https://x.example\n", "is given twice"),
        ("- X\n", "does not say name and system"),
        ("name: [\n", "cannot be read"),
        ("name: X\nsystem: https://x.example\naddress: 2024-13-45\n", "cannot be read"),
        ("[" * 3_000, "cannot be read"),
    ],
)
def test_a_file_of_another_form_is_refused_with_its_name(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(text)
    with pytest.raises(LaboratoryError) as error:
        read_laboratory(path, tmp_path)
    assert problem in str(error.value) and str(path) in str(error.value)


def test_a_file_that_an_option_names_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(LaboratoryError, match="cannot be read"):
        read_laboratory(tmp_path / "gone.yaml", tmp_path)
