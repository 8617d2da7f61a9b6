"""Ten thousand hostile strings at each door that takes words: sheets, VCF headers, FHIR and HTML; none gets through.

Sample names have a test of their own (:mod:`tests.test_hostile_files`), and so has the report's page
(``tests/engine/report/test_page.py``).
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from html.parser import HTMLParser
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from engine.annotate.batches import read_batches
from engine.annotate.source import open_source
from engine.errors import GenomicsError
from engine.fhir.narrative import narrative
from engine.reads.sample_sheet import problem_report, read_sample_sheet
from engine.reads.sample_sheet_columns import COLUMNS
from engine.reference.bundle import Contig
from portal.clinic.rendering import _templates
from tests.builders.hostile import hostile_strings

MANY = 10_000
FREE = {"panel", "ancestry"}
"""Columns in the laboratory's own words: text, which is escaped wherever it is shown."""
HARMLESS = re.compile(r"[\w .,:;/#()+@-]*", re.ASCII)
XHTML = "{http://www.w3.org/1999/xhtml}"


def portions(count: int, size: int, seed: int = 16) -> Iterator[list[str]]:
    strings = hostile_strings(count, seed)
    while portion := list(islice(strings, size)):
        yield portion


def words_of(told: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text of what is kept, with the name of what holds it."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield from words_of(value, key)
    elif isinstance(told, list | tuple | set | frozenset):
        for value in told:
            yield from words_of(value, name)
    elif isinstance(told, str):
        yield name, told


def test_of_ten_thousand_hostile_cells_none_is_taken_for_more_than_a_word(tmp_path: Path) -> None:
    columns, cells = cycle(column.name for column in COLUMNS), {}
    for number, text in enumerate(one.replace("\0", "") for one in hostile_strings(MANY)):
        sample = f"S{number}"
        for mate in (1, 2):
            (tmp_path / f"{sample}_R{mate}.fastq").write_bytes(b"@r\nA\n+\nI\n")
        cells[sample] = (next(columns), text)
    sheet = tmp_path / "sheet.csv"
    with sheet.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [column.name for column in COLUMNS], restval="")
        writer.writeheader()
        for sample, (column, text) in cells.items():
            row = {"sample_id": sample, "read1": f"{sample}_R1.fastq", "read2": f"{sample}_R2.fastq"}
            writer.writerow(row | {column: text})
    judged = read_sample_sheet(sheet, tmp_path)
    taken = [one for one in judged.samples if one.sample_id in cells]
    kept = {
        (cells[one.sample_id], name, word)
        for one in taken
        for name, word in [*words_of(asdict(one.person)), *(("lane", lane.name) for lane in one.lanes)]
    }
    assert not [one for one in kept if one[1] not in FREE and not HARMLESS.fullmatch(one[2])]
    assert len(judged.problems) > MANY / 2 and len(taken) > 100, "harmless words of the same kind are taken"
    assert all(path.is_relative_to(tmp_path) for one in judged.samples for lane in one.lanes for path in (lane.read1,))
    report = problem_report(judged).replace("\n", "")
    assert not {unicodedata.category(sign) for sign in set(report)} & {"Cc", "Cs"}, "a terminal is not spoken to"


def test_a_sheet_with_nul_is_refused_as_a_whole(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_bytes(b"sample_id,read1,read2\nS1,a\0_R1.fastq,a_R2.fastq\n")
    judged = read_sample_sheet(sheet, tmp_path)
    assert not judged.samples and "NUL" in judged.problems[0].problem


CONTIGS = (Contig("chr1", 1000, ""),)
RECORDS = "chr1\t10\t.\tA\tC\t50\tPASS\tDP=3\tGT\t0/1\nchr1\t12\trs1\tAT\tA\t.\t.\t.\tGT\t0/1\n"


def test_of_ten_thousand_hostile_words_in_vcf_headers_none_becomes_a_record(tmp_path: Path) -> None:
    said: Counter[str] = Counter()
    for number, texts in enumerate(portions(MANY, 40)):
        lines = ["##fileformat=VCFv4.3", "##contig=<ID=chr1,length=1000>"]
        lines += ['##INFO=<ID=DP,Number=1,Type=Integer,Description="x">']
        for text in texts if number % 2 else (one.replace("\n", " ").replace("\r", " ") for one in texts):
            lines += [f"##source={text}", f'##INFO=<ID={text},Number=1,Type=Integer,Description="{text}">', f"##{text}"]
        lines += ["#" + "\t".join(["CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "S1"])]
        path = tmp_path / "calls.vcf"
        path.write_text("\n".join(lines) + "\n" + RECORDS, newline="")
        try:
            source = open_source(path, "S1", tmp_path, CONTIGS)
            batches = read_batches(source.text, source.header, source.column, with_info=True)
            positions = [int(position) for batch in batches for position in batch.position]
        except GenomicsError as error:
            assert error.file and error.remedy
            said["refused"] += 1
        else:
            assert positions == [10, 12], texts
            said["read"] += 1
    assert min(said["refused"], said["read"]) > 10


def text_of(div: str) -> str:
    tree = ElementTree.fromstring(div)
    assert {one.tag for one in tree.iter()} <= {f"{XHTML}div", f"{XHTML}p"}
    assert not any(one.attrib for one in tree.iter())
    return "".join(tree.itertext())


def letters(text: str) -> str:
    """What of a text is shown: without blanks, and signs that no XML may hold or that none would see."""
    return "".join(sign for sign in text if sign.isprintable() and sign not in " \ufffd")


def resources(text: str) -> list[dict[str, Any]]:
    """What bears words of others."""
    coded = {"coding": [{"display": text}], "text": text}
    return [
        {"resourceType": "Patient", "name": [{"family": text, "given": [text]}], "gender": "unknown"},
        {"resourceType": "Observation", "code": coded, "valueString": text, "note": [{"text": text}]},
        {"resourceType": "ServiceRequest", "code": coded, "identifier": [{"value": text}], "reasonCode": [coded]},
    ]


def test_of_ten_thousand_hostile_words_in_fhir_none_is_markup() -> None:
    for text, number in zip(hostile_strings(MANY), range(MANY), strict=True):
        resource = resources(text)[number % 3]
        told = narrative(resource)["div"]
        assert letters(text) in letters(text_of(told)), text
        json.dumps(resource | {"text": told})


class Tags(HTMLParser):
    """The tags of a page, and attributes that run something or lead elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.led: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.led |= {name for name, _ in attrs if name.startswith("on")}
        self.led |= {str(value) for name, value in attrs if name in ("href", "src", "action")}


@pytest.mark.parametrize("seed", [16, 17])
def test_of_ten_thousand_hostile_words_on_the_portals_pages_none_is_markup(seed: int) -> None:
    template = _templates().get_template("refused.html.j2")
    fixed: dict[str, Any] = {"root": "/portal", "static": "/portal/static", "visit": None, "person": None, "may": {}}
    fixed |= {"csrf_field": "csrf", "here": "/portal", "part": False, "breakable": ""}
    harmless = Tags(template.render(fixed, reason="no"))
    for texts in portions(MANY // 2, 50, seed):
        page = Tags(template.render(fixed, reason="x ".join(texts)))
        assert page.tags == harmless.tags and page.led == harmless.led, texts
