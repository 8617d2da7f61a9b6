"""Ten thousand hostile strings at each door that takes words: sheets, VCF headers, FHIR and HTML; none gets through.

Sample names have a test of their own (:mod:`tests.test_hostile_files`), and so has the report's page
(``tests/engine/report/test_page.py``).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from benchmarks import hostile
from engine.reads.sample_sheet import read_sample_sheet
from tests.builders import hostile_doors
from tests.builders.hostile import hostile_strings
from tests.builders.hostile_doors import HEADER, as_cells, in_fhir, in_headers, on_pages

MANY = 10_000
PAGE = "refused.html.j2"


def test_of_ten_thousand_hostile_cells_none_is_taken_for_more_than_a_word() -> None:
    found = as_cells(hostile_strings(MANY))
    assert (found.strings, found.accepted_wrongly) == (MANY, [])
    assert not found.unescaped, "a terminal is not spoken to"
    assert MANY / 2 < found.refused < MANY - 100, "harmless words of the same kind are taken"


def test_a_sheet_with_nul_is_refused_as_a_whole(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_bytes(b"sample_id,read1,read2\nS1,a\0_R1.fastq,a_R2.fastq\n")
    judged = read_sample_sheet(sheet, tmp_path)
    assert not judged.samples and "NUL" in judged.problems[0].problem


def test_of_ten_thousand_hostile_words_in_vcf_headers_none_becomes_a_record() -> None:
    found = in_headers(hostile_strings(MANY))
    assert (found.strings, found.accepted_wrongly) == (MANY, [])
    assert min(found.refused, MANY - found.refused) > 10 * HEADER


def test_of_ten_thousand_hostile_words_in_fhir_none_is_markup() -> None:
    found = in_fhir(hostile_strings(MANY))
    assert (found.strings, found.unescaped) == (MANY, [])


@pytest.mark.parametrize("seed", [16, 17])
def test_of_ten_thousand_hostile_words_on_the_portals_pages_none_is_markup(seed: int) -> None:
    found = on_pages(hostile_strings(MANY // 2, seed))
    assert (found.strings, found.unescaped) == (MANY // 2, [])


def test_the_command_tells_each_door_and_what_got_through(capsys: pytest.CaptureFixture[str]) -> None:
    assert hostile.main(["--each", "200"]) == 0
    rows = [row.strip("| ").split(" | ") for row in capsys.readouterr().out.splitlines()[2:]]
    assert len(rows) == len(hostile.DOORS) and {tuple(row[i] for i in (1, 3, 4)) for row in rows} == {("200", "0", "0")}


def test_the_command_ends_with_1_where_something_gets_through(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that are taken as they are, a narrative that escapes nothing, pages that escape nothing."""
    monkeypatch.setattr(hostile_doors, "safe_id", str)
    monkeypatch.setattr(hostile_doors, "narrative", lambda told: {"div": f"<div>{told}</div>"})
    monkeypatch.setattr(hostile_doors, "_templates", lambda: Environment(loader=DictLoader({PAGE: "{{ reason }}"})))
    assert hostile.main(["--each", "200"]) == 1
    through = [[cell != "0" for cell in row.split(" | ")[3:5]] for row in capsys.readouterr().out.splitlines()[2:]]
    assert through == [[True, False], [False, False], [False, False], [False, True], [False, True]]
