"""How a sample sheet is read: each way in which labs get it wrong has its own clear error."""

from __future__ import annotations

import csv
import io
import os
import re
import time
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from engine.errors import KnowledgeError, SampleSheetError
from engine.person import Person, Sex
from engine.reads.conventions import QualityEncoding
from engine.reads.sample_names import SAMPLE_ID, safe_id
from engine.reads.sample_sheet import SampleSheet, notes_report, problem_report, read_sample_sheet
from engine.reads.sample_sheet_columns import COLUMNS, markdown_table, template
from engine.reads.sheet_table import MOST_ROWS
from engine.reference.panels import Panel, panel_key

HEADER = "sample_id,read1,read2"
OPTIONS = ["-rf", "--help", "--5", "..", ".", "-", "S" * 65, "1" * 65]
PROJECT = Path(__file__).resolve().parents[3]


class Drop:
    """A landing zone in a temporary folder into which a test drops reads and a sheet."""

    def __init__(self, folder: Path) -> None:
        self.zone = folder / "landing"
        self.zone.mkdir()

    def reads(self, *names: str) -> None:
        for name in names:
            path = self.zone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"@{name}\nACGT\n+\nIIII\n")

    def pair(self, stem: str) -> str:
        """Two files and the two cells that name them."""
        self.reads(f"{stem}_R1.fastq", f"{stem}_R2.fastq")
        return f"{stem}_R1.fastq,{stem}_R2.fastq"

    def sheet(self, content: str | bytes, registered: dict[str, Sex] | None = None, **tables: Any) -> SampleSheet:
        path = self.zone / "sheet.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_sample_sheet(path, self.zone, registered=registered, **tables)

    def rows(self, header: str, *rows: str, registered: dict[str, Sex] | None = None, **tables: Any) -> SampleSheet:
        return self.sheet("\n".join([header, *rows]) + "\n", registered, **tables)


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path)


def only_problem(sheet: SampleSheet) -> SampleSheetError:
    assert len(sheet.problems) == 1, [str(problem) for problem in sheet.problems]
    return sheet.problems[0]


def test_a_sample_with_two_lanes_and_everything_said(drop: Drop) -> None:
    lane1, lane2 = drop.pair("S1_L1"), drop.pair("run2/S1_L2")
    drop.pair("DAD")
    sheet = drop.rows(
        "sample_id,subject_id,sex,read1,read2,lane,read1_md5,family_id,father_id,phenotype_hpo,order_id,"
        "secondary_findings_consent",
        f"S1,P1,Female,{lane1},L1,9E107D9D372BB6826BD81D3542A419D6,F1,DAD,hp:0001250; HP:0001263;,ORD-7,YES",
        f"S1,,,{lane2},L2,,,,,,",
        "DAD,,male,DAD_R1.fastq,DAD_R2.fastq",
    )
    assert sheet.problems == ()
    child, father = sheet.samples
    assert child.person == Person(
        "P1",
        Sex.FEMALE,
        family_id="F1",
        father_id="DAD",
        phenotype=("HP:0001250", "HP:0001263"),
        order_id="ORD-7",
        secondary_findings_consent=True,
    )
    assert [lane.name for lane in child.lanes] == ["L1", "L2"]
    assert child.lanes[0].md5_read1 == "9e107d9d372bb6826bd81d3542a419d6"
    assert child.lanes[1].read2 == (drop.zone / "run2" / "S1_L2_R2.fastq").resolve()
    assert (father.person.subject_id, father.lanes[0].name) == ("DAD", "L001")
    assert not father.person.secondary_findings_consent


@pytest.mark.parametrize(
    "disguise",
    [
        pytest.param(lambda text: b"\xef\xbb\xbf" + text.encode(), id="byte order mark"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode(), id="Windows line ends"),
        pytest.param(lambda text: text.replace("\n", "\r").encode(), id="old Macintosh line ends"),
        pytest.param(lambda text: text.replace("\n", "\n\n  ,,\n").encode(), id="blank lines"),
        pytest.param(lambda text: text.replace("\n", ",,\n").encode(), id="trailing commas"),
        pytest.param(lambda text: text.rstrip("\n").encode(), id="no line end at the end"),
        pytest.param(lambda text: text.replace("sample_id", " Sample ID ").encode(), id="header case and space"),
        pytest.param(
            lambda text: "\n".join('"' + line.replace(",", '","') + '"' for line in text.splitlines()).encode(),
            id="quoted cells",
        ),
    ],
)
def test_what_spreadsheets_do_is_accepted(drop: Drop, disguise) -> None:
    sheet = drop.sheet(disguise(f"{HEADER}\nS1,{drop.pair('S1')}\nS2,{drop.pair('S2')}\n"))
    assert sheet.problems == ()
    assert [sample.sample_id for sample in sheet.samples] == ["S1", "S2"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"PK\x03\x04rest", "damaged or cut off"),
        (b"\xd0\xcf\x11\xe0rest", "an old or a locked Excel workbook"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"%PDF-1.7", "a PDF document"),
        (b"{\\rtf1 sample_id,read1,read2}", "a document (RTF)"),
        (b"<html><table>", "HTML"),
        (b"sample_id,read1,read2\nS1,\x81.fastq,b\n", "not UTF-8, nor Windows-1252 (byte 0x81)"),
        (b"sample_id,read1,read2\nS1,a\0b,b\n", "NUL bytes"),
        (b"", "no rows"),
        (b"\n\n", "no rows"),
        (b"sample_id,read1,read2\n", "no rows"),
        (b'sample_id,read1,read2\nS1,"a,b\nS2,c,d\n', "cannot be split into cells"),
    ],
)
def test_what_is_no_sheet_is_told_what_it_is(drop: Drop, content: bytes, problem: str) -> None:
    sheet = drop.sheet(content)
    assert problem in only_problem(sheet).problem
    assert sheet.samples == ()


def test_the_line_of_a_byte_that_is_no_text_is_given(drop: Drop) -> None:
    assert only_problem(drop.sheet(b"sample_id,read1,read2\n\nS1,\x81,b\n")).place == "line 3"


TABLE = "sample_id,sex,read1,read2\nS1,m,S1_R1.fastq,S1_R2.fastq\nS2,F,S2_R1.fastq,S2_R2.fastq\n"


@pytest.mark.parametrize(
    ("sent", "note"),
    [
        (TABLE.replace(",", ";").encode(), "separated by semicolons"),
        (TABLE.replace(",", "\t").encode(), "separated by tabs"),
        (TABLE.replace(",", "|").encode(), "separated by bars"),
        (b"sep=;\r\n" + TABLE.replace(",", ";").encode(), "separated by semicolons"),
        (b'\xef\xbb\xbf"sep=\t"\n' + TABLE.replace(",", "\t").encode(), "separated by tabs"),
        (TABLE.encode("utf-16"), "UTF-16"),
        (TABLE.encode("utf-16-le"), "UTF-16-LE"),
        (TABLE.encode("utf-16-be"), "UTF-16-BE"),
        (TABLE.replace(",", "\t").encode("utf-16"), "UTF-16"),
        (TABLE.encode("utf-32"), "UTF-32"),
        (re.sub(r"(?m)$(?!\Z)", ",Müller", TABLE).replace("Müller", "Comment", 1).encode("cp1252"), "Windows-1252"),
        (re.sub(r"(?m)$(?!\Z)", ",=SUM(1)", TABLE).replace("=SUM(1)", "# tube", 1).encode(), "'# tube' are remarks"),
        (TABLE.encode() + b"#S3,m,S3_R1.fastq,S3_R2.fastq\n", "lines 4 begin with #"),
    ],
)
def test_a_sheet_as_people_send_it_is_read_and_it_is_said_how(drop: Drop, sent: bytes, note: str) -> None:
    drop.pair("S1"), drop.pair("S2")
    sheet = drop.sheet(sent)
    assert [str(problem) for problem in sheet.problems] == []
    assert [(each.sample_id, each.person.sex) for each in sheet.samples] == [("S1", Sex.MALE), ("S2", Sex.FEMALE)]
    assert note in notes_report(sheet)
    assert drop.sheet(TABLE).notes == ()


def test_a_name_in_latin_1_finds_its_file(drop: Drop) -> None:
    sheet = drop.sheet(f"{HEADER}\nS1,{drop.pair('Müller')}\n".encode("latin-1"))
    assert sheet.samples[0].lanes[0].read1.name == "Müller_R1.fastq"


def test_a_semicolon_within_a_cell_is_read_beside_semicolons_between_cells(drop: Drop) -> None:
    header, row = f"{HEADER},phenotype_hpo".replace(",", ";"), f"S1,{drop.pair('S1')}".replace(",", ";")
    sheet = drop.rows(header, f'{row};"HP:0001250;HP:0001263"')
    assert sheet.samples[0].person.phenotype == ("HP:0001250", "HP:0001263")
    assert "separator in quotation marks" in only_problem(drop.rows(header, f"{row};HP:0001250;HP:0001263")).remedy


def test_what_the_order_asks_about_and_an_old_encoding(drop: Drop) -> None:
    sheet = drop.rows(
        f"{HEADER},genes,panel,quality_encoding",
        f"S1,{drop.pair('A')},tp53; PANK2;c9orf72;PANK2,Epilepsy (adults),Phred64",
        f"S1,{drop.pair('B')},,,",
    )
    (entry,) = sheet.samples
    assert entry.person.ordered_genes == ("TP53", "PANK2", "C9orf72")
    assert entry.person.panel == "Epilepsy (adults)"
    encodings = [lane.quality_encoding for lane in entry.lanes]
    assert encodings == [QualityEncoding.PHRED64, QualityEncoding.DETECT]


def test_a_panel_is_looked_up_in_the_laboratorys_table(drop: Drop) -> None:
    rows = f"{HEADER},panel", f"S1,{drop.pair('A')},ataxia", f"S2,{drop.pair('B')},Ataxa", f"S3,{drop.pair('C')},"
    table = {panel_key("Ataxia"): Panel("Ataxia", ("ATM",)), panel_key("Deafness"): Panel("Deafness", ("GJB2",))}
    sheet = drop.rows(*rows, panels=lambda: table)
    assert [entry.sample_id for entry in sheet.samples] == ["S1", "S3"]
    assert only_problem(sheet).problem == "there is no panel 'Ataxa' (perhaps 'Ataxia' is meant)"
    assert len(drop.rows(*rows).samples) == 3  # where no table is declared, the name is told, no more


def test_a_table_of_panels_that_cannot_be_read_stops_those_who_name_one(drop: Drop) -> None:
    def broken() -> None:
        raise KnowledgeError("the file ends too early", file="panels.tsv", remedy="copy it again")

    sheet = drop.rows(f"{HEADER},panel", f"S1,{drop.pair('A')},ataxia", f"S2,{drop.pair('B')},", panels=broken)
    assert [entry.sample_id for entry in sheet.samples] == ["S2"]
    problem = only_problem(sheet)
    assert "panels.tsv: the file ends too early" in problem.problem and problem.remedy == "copy it again"


def test_ids_as_laboratories_write_them_stay_apart_and_are_told(drop: Drop) -> None:
    written = ["23/0816", "23 0816", "23_0816", "Nr. 23/0816 (B)", "Ü-7"]
    rows = [f"{name},{drop.pair(f'R{number}')},23/0816" for number, name in enumerate(written)]
    sheet = drop.rows(f"{HEADER},father_id", rows[0].rpartition(",")[0] + ",", *rows[1:])
    assert sheet.problems == ()
    ids = [entry.sample_id for entry in sheet.samples]
    assert len(set(ids)) == len(written)
    assert all(SAMPLE_ID.fullmatch(each) for each in ids)
    assert (ids[2], ids[3].startswith("Nr_23_0816_B-")) == ("23_0816", True)
    assert [entry.name for entry in sheet.samples] == [*written[:2], None, *written[3:]]
    assert {entry.person.father_id for entry in sheet.samples[1:]} == {ids[0]}
    assert f"sample '23/0816' goes by the id {ids[0]}" in notes_report(sheet)
    assert [entry.sample_id for entry in drop.rows(f"{HEADER},father_id", *rows[1:2]).samples] == []
    again = drop.rows(HEADER, f"23  0816,{drop.pair('R1')}")
    assert again.samples[0].sample_id == ids[1]


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "NULL", "N/A", "na", "TRUE", "#N/A", "1,2E+05"])
def test_what_a_program_writes_for_nothing_is_no_id_that_lanes_share(drop: Drop, word: str) -> None:
    sheet = drop.rows(HEADER, f'"{word}",{drop.pair("A")}', f'"{word}",{drop.pair("B")}')
    assert sheet.samples == () and all("in the place of the sample id" in each.problem for each in sheet.problems)


@pytest.mark.parametrize("genes", ["2-Sep", "Sep-02", "Mrz-01", "1-Mar-26", "43345", "TP53;43345", "02.09"])
def test_what_excel_makes_of_a_gene_is_refused(drop: Drop, genes: str) -> None:
    sheet = drop.rows(f"{HEADER},genes", f"S1,{drop.pair('S1')},{genes}")
    assert "not gene symbols" in only_problem(sheet).problem


@pytest.mark.parametrize(
    "genes", ["SEPTIN2", "MARCHF1", "DEC1;SEPT2", "C9orf72", "HLA-DRB1", "MT-ND1", "5S_rRNA".replace("_", "-")]
)
def test_genes_that_only_look_like_dates_are_genes(drop: Drop, genes: str) -> None:
    assert drop.rows(f"{HEADER},genes", f"S1,{drop.pair('S1')},{genes}").problems == ()


@pytest.mark.parametrize(
    ("stems", "problem"),
    [
        (("S1_S1_L001_I1_001", "S1_S1_L001_R2_001"), "named as index reads"),
        (("S1_S1_L001_R1_001", "S1_S1_L001_I2_001"), "named as index reads"),
        (("Undetermined_S0_L001_R1_001", "Undetermined_S0_L001_R2_001"), "could be given to no sample"),
    ],
)
def test_what_a_demultiplexer_writes_beside_the_reads_is_no_samples(
    drop: Drop, stems: tuple[str, str], problem: str
) -> None:
    for stem in stems:
        (drop.zone / f"{stem}.fastq.gz").write_bytes(stem.encode())
    sheet = drop.rows(HEADER, f"S1,{stems[0]}.fastq.gz,{stems[1]}.fastq.gz")
    assert sheet.samples == () and all(problem in each.problem for each in sheet.problems)


@pytest.mark.parametrize("separator", [",", ";"])
def test_remarks_above_the_header_are_told_and_not_read(drop: Drop, separator: str) -> None:
    rows = ["# made by Kim, on Monday", f"#plate,{HEADER}", f"A,S1,{drop.pair('S1')}"]
    sheet = drop.rows(*(row.replace(",", separator) for row in rows))
    assert [entry.sample_id for entry in sheet.samples] == ["S1"]
    assert "rows above the header begin with #" in notes_report(sheet)


def test_the_report_names_a_sample_as_the_laboratory_does(drop: Drop) -> None:
    sheet = drop.rows(f"{HEADER},sex", f"23/0816,{drop.pair('A')},x")
    assert f"sample {safe_id('23/0816')} (23/0816)" in problem_report(sheet)


def workbook(path: Path, *sheets: list[list[object]], titles: tuple[str, ...] = ("Tabelle1", "Tabelle2", "x")) -> bytes:
    """A workbook with these sheets, as Excel saves it."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in zip(titles, sheets, strict=False):
        page = book.create_sheet(title)
        for row in rows:
            page.append(row)
    book.save(path)
    return path.read_bytes()


ROWS: list[list[object]] = [
    ["Sample ID", "sex", "read1", "read2", "secondary findings consent", "comment"],
    ["S1", "F", "S1_R1.fastq", "S1_R2.fastq", True, "urgent"],
    [None, None, None],
    [816, None, "S2_R1.fastq", "S2_R2.fastq"],
    [17.0, "m", "S3_R1.fastq", "S3_R2.fastq", False],
]


def test_an_excel_workbook_is_read(drop: Drop, tmp_path: Path) -> None:
    for stem in ("S1", "S2", "S3"):
        drop.pair(stem)
    sheet = drop.sheet(workbook(tmp_path / "a.xlsx", [], ROWS))
    assert [str(problem) for problem in sheet.problems] == []
    assert [entry.sample_id for entry in sheet.samples] == ["S1", "816", "17"]
    assert sheet.samples[0].person.secondary_findings_consent
    assert sheet.samples[1].line == 4
    assert "the sheet 'Tabelle2' of the workbook was read" in notes_report(sheet)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: [[*rows[0]], ["S1", "F", datetime(2026, 9, 2), "S1_R2.fastq"]], "made a date of a cell"),
        (lambda rows: [[*rows[0]], ["S1", "F", "=A1", "S1_R2.fastq"]], "a formula whose value was not saved"),
        (lambda rows: [["colour", "read1", "read2"], ["S1", "a", "b"]], "unknown column 'colour'"),
        (lambda rows: [], "no rows"),
    ],
)
def test_a_workbook_that_cannot_be_meant_is_refused(drop: Drop, tmp_path: Path, change, problem: str) -> None:
    drop.pair("S1")
    sheet = drop.sheet(workbook(tmp_path / "a.xlsx", change(ROWS)))
    assert problem in "\n".join(map(str, sheet.problems))
    assert sheet.samples == ()


def test_two_sheets_of_a_workbook_and_a_workbook_cut_off(drop: Drop, tmp_path: Path) -> None:
    data = workbook(tmp_path / "a.xlsx", ROWS, ROWS)
    assert "several sheets of the workbook" in only_problem(drop.sheet(data)).problem
    for cut in (len(data) // 3, len(data) - 30):
        assert "workbook" in only_problem(drop.sheet(data[:cut])).problem
    damaged = bytearray(data)
    damaged[len(data) // 2 :: 7] = bytes(len(damaged[len(data) // 2 :: 7]))
    assert only_problem(drop.sheet(bytes(damaged))).remedy


def changed_workbook(path: Path, change: Callable[[Any, Any], object]) -> bytes:
    """The workbook of :data:`ROWS` after a change to it and its sheet."""
    book = openpyxl.load_workbook(io.BytesIO(workbook(path, ROWS)))
    change(book, book.active)
    book.save(path)
    return path.read_bytes()


def hidden_sheet(book: Any, _page: Any) -> None:
    book.copy_worksheet(book.active).sheet_state = "hidden"


UNSEEN: dict[str, tuple[Callable[[Any, Any], object], str]] = {
    "hidden row": (lambda _, page: setattr(page.row_dimensions[4], "hidden", True), "hidden or filtered out"),
    "hidden column": (lambda _, page: setattr(page.column_dimensions["B"], "hidden", True), "columns that are hidden"),
    "hidden sheet": (hidden_sheet, "hidden sheets of the workbook were not read: 'Tabelle1 Copy'"),
}


@pytest.mark.parametrize(("change", "note"), UNSEEN.values(), ids=UNSEEN)
def test_what_nobody_sees_in_a_workbook_is_told(
    drop: Drop, tmp_path: Path, change: Callable[[Any, Any], object], note: str
) -> None:
    for stem in ("S1", "S2", "S3"):
        drop.pair(stem)
    sheet = drop.sheet(changed_workbook(tmp_path / "a.xlsx", change))
    assert [entry.sample_id for entry in sheet.samples] == ["S1", "816", "17"]
    assert note in notes_report(sheet)
    assert note not in notes_report(drop.sheet(workbook(tmp_path / "b.xlsx", ROWS)))


def test_a_number_is_read_as_it_is_shown(drop: Drop, tmp_path: Path) -> None:
    for stem in ("S1", "S2", "S3"):
        drop.pair(stem)
    data = changed_workbook(tmp_path / "a.xlsx", lambda _, page: setattr(page["A4"], "number_format", "00000"))
    assert [entry.sample_id for entry in drop.sheet(data).samples] == ["S1", "00816", "17"]


SPOILT: dict[str, tuple[Callable[[Any, Any], object], str]] = {
    "merged": (lambda _, page: page.merge_cells("A4:A5"), "cells are merged: A4:A5"),
    "too many digits": (lambda _, page: page.cell(4, 1, 123456789012345678), "does not keep its last digits"),
}


@pytest.mark.parametrize(("change", "problem"), SPOILT.values(), ids=SPOILT)
def test_what_excel_has_lost_is_refused(
    drop: Drop, tmp_path: Path, change: Callable[[Any, Any], object], problem: str
) -> None:
    for stem in ("S1", "S2", "S3"):
        drop.pair(stem)
    sheet = drop.sheet(changed_workbook(tmp_path / "a.xlsx", change))
    assert problem in only_problem(sheet).problem and sheet.samples == ()


def test_an_open_document_is_told_what_it_is(drop: Drop, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as parts:
        parts.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        parts.writestr("content.xml", "<x/>")
    assert "OpenDocument" in only_problem(drop.sheet((tmp_path / "a.ods").read_bytes())).problem


V1 = """[Header],,,
IEMFileVersion,4,,
[Reads],,,
151,,,
[Data],,,
Lane,Sample_ID,Sample_Name,index,Sample_Project,Description
1,S1,,ACGT,,"a, b"
2,S1,,ACGT,,
1,S2,Anna7,TTTT,Trio,
"""
V2 = """[Header]
FileFormatVersion,2
[BCLConvert_Settings]
SoftwareVersion,4.2.7
[BCLConvert_Data]
Lane,Sample_ID,Index
1,S1,ACGT
2,S1,ACGT
1,S2,TTTT
"""


@pytest.mark.parametrize(
    ("text", "files", "lanes"),
    [
        (V1, ["S1_S1_L001", "S1_S1_L002", "Trio/S2/Anna7_S2_L001"], [["L001", "L002"], ["L001"]]),
        (V2, ["S1_S1_L001", "S1_S1_L002", "S2_S2_L001", "S2_S9_L001"], [["L001", "L002"], ["L001"]]),
        (V2, ["fastq/S1_S1", "fastq/S2_S2"], [["L001"], ["L001"]]),
        (V2.replace("Lane,", "").replace("\n1,S", "\nS").replace("2,S1,ACGT\n", ""), ["S1_S1_L003", "S2_S2_L004"],
         [["L003"], ["L004"]]),
        (V2.replace("\n", "\r\n").replace(",", ";"), ["S1_S1_L001", "S1_S1_L002", "S2_S2_L001"],
         [["L001", "L002"], ["L001"]]),
    ],
    ids=["v1", "v2", "without lane splitting", "without lanes", "semicolons"],
)  # fmt: skip
def test_illuminas_sheet_finds_the_files_that_were_made_by_it(
    drop: Drop, text: str, files: list[str], lanes: list[list[str]]
) -> None:
    for stem in files:
        drop.reads(*(f"{stem}_R{mate}_001.fastq.gz" for mate in "12"))
    sheet = drop.sheet(text)
    assert [str(problem) for problem in sheet.problems] == []
    assert [entry.sample_id for entry in sheet.samples] == ["S1", "S2"]
    assert [[lane.name for lane in entry.lanes] for entry in sheet.samples] == lanes
    named = {str(lane.read1.relative_to(drop.zone.resolve())) for entry in sheet.samples for lane in entry.lanes}
    assert named == {f"{stem}_R1_001.fastq.gz" for stem in files if "_S9" not in stem}
    assert "Illumina's sample sheet" in notes_report(sheet)


def test_illuminas_sheet_without_its_files_is_refused_with_the_remedy_that_fits(drop: Drop) -> None:
    error = only_problem(drop.sheet(V2))
    assert "names no FASTQ files" in error.problem
    assert "put it into the folder of its FASTQ files" in error.remedy
    drop.reads("S1_S1_L001_R1_001.fastq.gz", "S1_S1_L001_R2_001.fastq.gz")
    told = [problem.problem for problem in drop.sheet(V2).problems]
    assert "read1 'S1_S1_L002_R1_001.fastq.gz' does not exist" in told
    assert "read2 'S2_S2_L001_R2_001.fastq.gz' does not exist" in told


@pytest.mark.parametrize("text", ["[Header]\na,b\n", "[Data]\n", "[Data]\nLane,Index\n1,ACGT\n"])
def test_a_sheet_of_illumina_that_lists_no_samples_is_refused(drop: Drop, text: str) -> None:
    assert re.search("no samples|no column Sample_ID", only_problem(drop.sheet(text)).problem)


def test_four_thousand_generations_take_no_time(drop: Drop) -> None:
    drop.pair("R")
    rows = [f"G{number},{drop.pair(f'R{number}')},,G{number + 1}," for number in range(4000)]
    start = time.process_time()
    sheet = drop.rows(f"{HEADER},sex,father_id,mother_id", *rows, f"G4000,{drop.pair('R4000')},,,")
    assert sheet.problems == ()
    assert time.process_time() - start < 5.0
    closed = drop.rows(f"{HEADER},sex,father_id,mother_id", *rows, f"G4000,{drop.pair('R4000')},,G2000,")
    own = {problem.sample for problem in closed.problems}
    assert own == {f"G{number}" for number in range(2000, 4001)}


def test_an_absent_sheet_is_an_error_of_its_own(drop: Drop) -> None:
    with pytest.raises(SampleSheetError, match="cannot be read"):
        read_sample_sheet(drop.zone / "absent.csv", drop.zone)


def test_an_unknown_column_stops_the_sheet_and_the_nearest_is_suggested(drop: Drop) -> None:
    sheet = drop.rows(HEADER + ",phenotype_hp", f"S1,{drop.pair('S1')},HP:0001250")
    error = only_problem(sheet)
    assert error.problem == "unknown column 'phenotype_hp'"
    assert "'phenotype_hpo'" in error.remedy
    assert sheet.samples == ()


def test_every_problem_of_a_header_is_told_at_once(drop: Drop) -> None:
    sheet = drop.rows("sample_id,read1,sex,sex,,colour_of_tube", f"S1,{drop.pair('S1')}")
    told = "\n".join(problem.problem for problem in sheet.problems)
    assert "unknown column 'colour_of_tube'" in told
    assert "column 5 has no name" in told
    assert "column 'sex' is given 2 times" in told
    assert "required column 'read2' is missing" in told


@pytest.mark.parametrize(
    "sample_id",
    ["a/b", "../../../evil", "Anna Schmidt", "S1\x1b[2J", "<script>", "=cmd|calc", "Ü", "@SUM(A1)", *OPTIONS],
)
def test_an_illegal_sample_id_is_refused(drop: Drop, sample_id: str) -> None:
    error = only_problem(drop.rows(HEADER, f"{sample_id},{drop.pair('S1')}"))
    assert error.problem.startswith("illegal sample id")
    assert error.place == "line 2"


@pytest.mark.parametrize("spoilt", ["1.23E+05", "1,2E+11", "4E+05", "#N/A", "#REF!", "#DIV/0!", "#NAME?", "#WERT!"])
def test_an_id_that_excel_has_spoilt_is_refused_and_never_two_samples_of_one_name(drop: Drop, spoilt: str) -> None:
    rows = [f'"{spoilt}",{drop.pair("A")}', f'"{spoilt}",{drop.pair("B")}', f"S3,{drop.pair('C')}"]
    sheet = drop.rows(HEADER, *rows)
    assert [entry.sample_id for entry in sheet.samples] == ["S3"]
    assert [problem.place for problem in sheet.problems] == ["line 2", "line 3"]
    assert all("format Text" in problem.remedy for problem in sheet.problems)


def test_a_row_without_a_sample_id_is_refused(drop: Drop) -> None:
    assert only_problem(drop.rows(HEADER, f",{drop.pair('S1')}")).problem == "the row has no sample_id"


def test_ids_that_differ_in_letter_case_only_are_refused(drop: Drop) -> None:
    sheet = drop.rows(HEADER, f"S1,{drop.pair('A')}", f"s1,{drop.pair('B')}")
    assert {problem.sample for problem in sheet.problems} == {"S1", "s1"}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("sex", "fem"),
        ("sex", "1"),
        ("read1_md5", "9e107d9d"),
        ("phenotype_hpo", "HP:1250"),
        ("phenotype_hpo", "seizures"),
        ("phenotype_hpo", "HP:٠٠٠١٢٥٠"),
        ("phenotype_hpo", "HP:０００１２５０"),
        ("genes", "PANK2,TP53"),
        ("genes", "=PANK2"),
        ("quality_encoding", "sanger"),
        ("phenotype_hpo", "HP:0001250 HP:0001263"),
        ("secondary_findings_consent", "perhaps"),
        ("subject_id", '=HYPERLINK("http://x")'),
        ("order_id", "+1"),
        ("order_id", "@SUM(A1)"),
        ("family_id", "-1"),
        ("lane", "L 1"),
        ("lane", "-rf"),
        ("lane", ".."),
        ("lane", "--help"),
        ("father_id", "a/b"),
        ("change", "maybe"),
    ],
)
def test_a_cell_that_is_not_what_its_column_wants_is_refused(drop: Drop, column: str, cell: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    error = only_problem(drop.rows(f"{HEADER},{column}", f"S1,{drop.pair('S1')},{quoted}"))
    assert error.problem.startswith(f"{column} is {cell!r}, not ")
    assert (error.sample, error.place) == ("S1", "line 2")


def test_control_characters_of_a_cell_never_reach_the_message(drop: Drop) -> None:
    error = only_problem(drop.rows(HEADER, "S1,\x1b[2Jx.fastq," + drop.pair("S1").split(",")[1]))
    assert "\x1b" not in str(error)


def test_a_path_that_looks_like_a_formula_is_only_a_path(drop: Drop) -> None:
    sheet = drop.rows(HEADER, f"S1,{drop.pair('=cmd')}")
    assert sheet.samples[0].lanes[0].read1.name == "=cmd_R1.fastq"


def test_a_missing_file(drop: Drop) -> None:
    drop.reads("S1_R1.fastq")
    error = only_problem(drop.rows(HEADER, "S1,S1_R1.fastq,S1_R2.fastq"))
    assert error.problem == "read2 'S1_R2.fastq' does not exist"


def test_an_empty_cell_for_a_required_file(drop: Drop) -> None:
    drop.reads("S1_R1.fastq")
    assert only_problem(drop.rows(HEADER, "S1,S1_R1.fastq")).problem == "read2 is missing"


def test_an_empty_file(drop: Drop) -> None:
    pair = drop.pair("S1")
    (drop.zone / "S1_R2.fastq").write_bytes(b"")
    assert only_problem(drop.rows(HEADER, f"S1,{pair}")).problem == "read2 'S1_R2.fastq' is an empty file"


def test_a_folder_or_a_pipe_is_no_file(drop: Drop) -> None:
    drop.reads("S1_R1.fastq")
    (drop.zone / "folder").mkdir()
    os.mkfifo(drop.zone / "pipe")
    sheet = drop.rows(HEADER, "S1,S1_R1.fastq,folder", "S2,S1_R1.fastq,pipe")
    assert sum("is not a file" in problem.problem for problem in sheet.problems) == 2


@pytest.mark.parametrize(
    "cell", ["../outside.fastq", "inner/../../outside.fastq", "link.fastq", "linked/outside.fastq"]
)
def test_a_file_outside_the_landing_zone(drop: Drop, cell: str) -> None:
    drop.reads("S1_R1.fastq", "inner/x.fastq")
    outside = drop.zone.parent / "outside.fastq"
    outside.write_text("@r\nA\n+\nI\n")
    (drop.zone / "link.fastq").symlink_to(outside)
    (drop.zone / "linked").symlink_to(drop.zone.parent)
    error = only_problem(drop.rows(HEADER, f"S1,S1_R1.fastq,{cell}"))
    assert error.problem == f"read2 {cell!r} lies outside the landing zone"


def test_an_absolute_path_outside_is_refused_whether_it_exists_or_not(drop: Drop) -> None:
    drop.reads("S1_R1.fastq")
    absent = drop.zone.parent / "absent.fastq"
    assert "outside the landing zone" in only_problem(drop.rows(HEADER, f"S1,S1_R1.fastq,{absent}")).problem


def test_a_link_inside_the_landing_zone_is_followed(drop: Drop) -> None:
    drop.pair("S1")
    (drop.zone / "again_R2.fastq").symlink_to("S1_R2.fastq")
    sheet = drop.rows(HEADER, "S1,S1_R1.fastq,again_R2.fastq")
    assert sheet.samples[0].lanes[0].read2 == (drop.zone / "S1_R2.fastq").resolve()


def test_read_1_given_twice(drop: Drop) -> None:
    drop.pair("S1")
    (drop.zone / "copy.fastq").hardlink_to(drop.zone / "S1_R1.fastq")
    for cells in ("S1_R1.fastq,S1_R1.fastq", "S1_R1.fastq,./S1_R1.fastq", "S1_R1.fastq,copy.fastq"):
        assert only_problem(drop.rows(HEADER, f"S1,{cells}")).problem.startswith("read 1 is given twice")


def test_two_files_named_as_read_1(drop: Drop) -> None:
    drop.reads("S1_L001_R1_001.fastq", "S1_L002_R1_001.fastq")
    error = only_problem(drop.rows(HEADER, "S1,S1_L001_R1_001.fastq,S1_L002_R1_001.fastq"))
    assert "both named as read 1" in error.problem


@pytest.mark.parametrize("names", ["S1_S1_L001_R{}_001.fastq", "S1_{}.fq", "S1.read{}.fastq", "S1.R{}.fq"])
def test_read_1_and_read_2_swapped(drop: Drop, names: str) -> None:
    read1, read2 = names.format(1), names.format(2)
    drop.reads(read1, read2)
    assert "swapped" in only_problem(drop.rows(HEADER, f"S1,{read2},{read1}")).problem
    assert drop.rows(HEADER, f"S1,{read1},{read2}").problems == ()


def test_the_same_lane_twice_in_a_sample(drop: Drop) -> None:
    sheet = drop.rows(HEADER + ",lane", f"S1,{drop.pair('A')},L1", f"S1,{drop.pair('B')},L1")
    assert only_problem(sheet).problem == "the same lane twice: 'L1' is in line 2 already"


def test_a_file_named_for_two_samples_stops_both_and_no_third(drop: Drop) -> None:
    pair = drop.pair("S1")
    sheet = drop.rows(HEADER, f"S1,{pair}", f"S2,{pair}", f"S3,{drop.pair('S3')}")
    assert [sample.sample_id for sample in sheet.samples] == ["S3"]
    assert {problem.sample for problem in sheet.problems} == {"S1", "S2"}
    assert all(problem.problem.startswith("the same lane twice") for problem in sheet.problems)


def test_a_sample_id_with_conflicting_facts(drop: Drop) -> None:
    header = HEADER + ",sex"
    sheet = drop.rows(header, f"S1,{drop.pair('A')},male", f"S1,{drop.pair('B')},female")
    error = only_problem(sheet)
    assert error.problem == ("duplicate sample id with conflicting facts: sex is 'female' here and 'male' in line 2")
    assert error.place == "line 3"


def test_a_row_with_more_cells_than_the_header(drop: Drop) -> None:
    error = only_problem(drop.rows(HEADER, f"S1,{drop.pair('S1')},HP:0001250,HP:0001263"))
    assert error.problem == "the row has 5 cells, the header 3"
    assert error.sample == "S1"


PEDIGREE = HEADER + ",sex,father_id,mother_id,family_id"


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ("male,GHOST,,", "father_id 'GHOST' is neither in this sheet nor registered"),
        ("male,KID,,", "father_id 'KID' is the sample itself"),
        ("male,MUM,,", "father_id 'MUM' is female"),
        ("male,,DAD,", "mother_id 'DAD' is male"),
        ("male,ANY,ANY,", "father_id and mother_id are the same sample"),
        ("male,DAD,,F2", "father_id 'DAD' is of family 'F1', the sample of 'F2'"),
        ("male,SON,,", "the sample is its own ancestor"),
    ],
)
def test_parents_that_cannot_be(drop: Drop, facts: str, problem: str) -> None:
    sheet = drop.rows(
        PEDIGREE,
        f"DAD,{drop.pair('DAD')},male,,,F1",
        f"MUM,{drop.pair('MUM')},female,,,F1",
        f"ANY,{drop.pair('ANY')}",
        f"SON,{drop.pair('SON')},male,KID",
        f"KID,{drop.pair('KID')},{facts}",
    )
    assert problem in [each.problem for each in sheet.problems if each.sample == "KID"]
    assert {"DAD", "MUM", "ANY"} <= {sample.sample_id for sample in sheet.samples}


def test_a_registered_parent_need_not_be_in_the_sheet_but_must_fit(drop: Drop) -> None:
    row = f"KID,{drop.pair('KID')},male,DAD"
    assert drop.rows(PEDIGREE, row, registered={"DAD": Sex.MALE}).problems == ()
    assert "is female" in only_problem(drop.rows(PEDIGREE, row, registered={"DAD": Sex.FEMALE})).problem


def test_a_stopped_parent_does_not_stop_the_child(drop: Drop) -> None:
    sheet = drop.rows(PEDIGREE, "DAD,absent_R1.fastq,absent_R2.fastq,male", f"KID,{drop.pair('KID')},,DAD")
    assert [sample.sample_id for sample in sheet.samples] == ["KID"]


def test_all_bad_rows_are_reported_at_once_and_the_good_go_on(drop: Drop) -> None:
    sheet = drop.rows(
        HEADER + ",sex",
        f"BAD1,{drop.pair('BAD1')},fem",
        f"GOOD,{drop.pair('GOOD')},male",
        "BAD2,x_R1.fastq,x_R2.fastq,female",
        "no good,a,b,male",
    )
    assert [sample.sample_id for sample in sheet.samples] == ["GOOD"]
    report = problem_report(sheet)
    assert report.splitlines()[0] == "sheet.csv: 1 samples accepted, 2 stopped, 4 problems"
    assert report.count("\nsample BAD2\n") == 1
    assert report.index("sample BAD1") < report.index("sample BAD2") < report.index("illegal sample id")
    assert report.count("Remedy:") == 4


def test_ten_thousand_rows_are_read_and_every_problem_told(drop: Drop) -> None:
    rows = []
    for number in range(5000):
        for mate in "12":
            (drop.zone / f"S{number}_R{mate}.fastq").touch()
        rows.append(f"S{number},S{number}_R1.fastq,S{number}_R2.fastq,L1")
        rows.append(f"S{number},lost/S{number}_R1.fastq,lost/S{number}_R2.fastq,L2")
    (drop.zone / "sheet.csv").write_text("\n".join([HEADER + ",lane", *rows]))
    sheet = read_sample_sheet(drop.zone / "sheet.csv", drop.zone)
    assert len(sheet.problems) == 20_000
    assert len({problem.sample for problem in sheet.problems}) == 5000


def test_the_template_is_a_sheet_with_every_column() -> None:
    header, row = csv.reader(io.StringIO(template()))
    assert header == [column.name for column in COLUMNS]
    assert len(row) == len(header)


def test_the_examples_of_the_columns_are_accepted(drop: Drop) -> None:
    header, row = csv.reader(io.StringIO(template()))
    drop.reads(row[header.index("read1")], row[header.index("read2")])
    sheet = drop.sheet(template(), {"S0002": Sex.MALE, "S0003": Sex.FEMALE})
    assert sheet.problems == ()


def test_the_documentation_holds_the_table_of_columns() -> None:
    assert markdown_table() in (PROJECT / "docs" / "sample-sheet.md").read_text()


def test_a_sheet_of_more_rows_than_a_look_has_time_for_is_refused_before_they_are_judged(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("sample_id,read1,read2\n" + "S1,a_R1.fastq.gz,a_R2.fastq.gz\n" * (MOST_ROWS + 1))
    (problem,) = read_sample_sheet(sheet, tmp_path).problems
    assert "more than 50,000 rows" in problem.problem and problem.remedy == "split it into several sheets"


def test_a_workbook_that_unpacks_to_more_than_a_look_has_time_for_is_left_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = openpyxl.Workbook()
    for _ in range(40):
        book.active.append(["S1"] * 50)
    book.save(tmp_path / "sheet.xlsx")
    for name, most in (("MOST_ROWS", 20), ("_MOST_CELLS", 1_000)):
        with monkeypatch.context() as smaller:
            smaller.setattr(f"engine.reads.sheet_workbook.{name}", most)
            (problem,) = read_sample_sheet(tmp_path / "sheet.xlsx", tmp_path).problems
            assert problem.remedy == "split it into several sheets", name


def test_a_table_of_thousands_of_other_columns_is_one_problem_and_not_thousands(tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text(",".join(f"gene_{number}" for number in range(300_000)) + "\n1\n")
    problems = read_sample_sheet(tmp_path / "sheet.csv", tmp_path).problems
    assert "300,000 columns are unknown, 'gene_0' the first of them" in problems[0].problem
    assert len(problems) < 6
