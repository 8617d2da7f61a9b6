"""Hostile strings at each door that takes words: sample names, sheets, VCF headers, FHIR and HTML; what became of them.

The tests ask for ten thousand at each, ``python -m benchmarks.hostile`` for more.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from engine.annotate.batches import read_batches
from engine.annotate.source import open_source
from engine.errors import GenomicsError
from engine.fhir.narrative import narrative
from engine.reads.sample_names import SAMPLE_ID, safe_id
from engine.reads.sample_sheet import problem_report, read_sample_sheet
from engine.reads.sample_sheet_columns import COLUMNS
from engine.reference.bundle import Contig
from portal.clinic.rendering import _templates

FREE = {"panel", "ancestry"}
"""Columns in the laboratory's own words: text, which is escaped wherever it is shown."""
HARMLESS = re.compile(r"[\w .,:;/#()+@-]*", re.ASCII)
XHTML = "{http://www.w3.org/1999/xhtml}"
ROWS = 10_000
"""Of one sheet."""
HEADER = 40
"""Strings in one VCF header."""
PAGE = 50
"""Strings on one page."""


@dataclass
class Outcome:
    """What became of strings at a door.

    Attributes:
        strings: how many there were.
        refused: those that were not let in; a header that is refused, is so with all that are in it.
        accepted_wrongly: those that became more than a word: a place, a command, a record.
        unescaped: those that were shown as more than text: as markup, or as codes that a terminal obeys.
    """

    strings: int = 0
    refused: int = 0
    accepted_wrongly: list[str] = field(default_factory=list)
    unescaped: list[str] = field(default_factory=list)

    def __add__(self, other: Outcome) -> Outcome:
        """Of both together."""
        return Outcome(
            self.strings + other.strings,
            self.refused + other.refused,
            self.accepted_wrongly + other.accepted_wrongly,
            self.unescaped + other.unescaped,
        )


def portions(strings: Iterable[str], size: int) -> Iterator[list[str]]:
    """So many at a time."""
    left = iter(strings)
    while portion := list(islice(left, size)):
        yield portion


def as_sample_names(strings: Iterable[str]) -> Outcome:
    """Each as the name of a sample: refused, or an id that is neither a place nor an option."""
    found = Outcome()
    for written in strings:
        made = safe_id(written)
        found.strings += 1
        found.refused += made is None
        sound = made is None or (SAMPLE_ID.fullmatch(made) and not made.startswith("-"))
        if not sound or (made == written and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", written)):
            found.accepted_wrongly.append(written)
    return found


def as_cells(strings: Iterable[str]) -> Outcome:
    """Each in a cell of a sample sheet, of one column after the other."""
    found, columns = Outcome(), cycle(column.name for column in COLUMNS)
    for texts in portions((one.replace("\0", "") for one in strings), ROWS):
        with tempfile.TemporaryDirectory(prefix="hostile-sheet-") as folder:
            found += _one_sheet({f"S{row}": (next(columns), text) for row, text in enumerate(texts)}, Path(folder))
    return found


def _one_sheet(cells: dict[str, tuple[str, str]], folder: Path) -> Outcome:
    """Of a sheet with a sample a row, each with one such cell."""
    sheet = folder / "sheet.csv"
    with sheet.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [column.name for column in COLUMNS], restval="")
        writer.writeheader()
        for sample, (column, text) in cells.items():
            reads = [f"{sample}_R{mate}.fastq" for mate in (1, 2)]
            for name in reads:
                (folder / name).write_bytes(b"@r\nA\n+\nI\n")
            writer.writerow({"sample_id": sample, "read1": reads[0], "read2": reads[1]} | {column: text})
    judged = read_sample_sheet(sheet, folder)
    found = Outcome(len(cells), len(cells) - sum(len(one.lanes) for one in judged.samples))
    for one in judged.samples:
        words = [*words_of(asdict(one.person)), *(("lane", lane.name) for lane in one.lanes)]
        sound = all(name in FREE or HARMLESS.fullmatch(word) for name, word in words)
        inside = all(path.is_relative_to(folder) for lane in one.lanes for path in (lane.read1, lane.read2) if path)
        if not (sound and inside and SAMPLE_ID.fullmatch(one.sample_id)):
            found.accepted_wrongly.append(cells.get(one.sample_id, ("", one.sample_id))[1])
    for line in problem_report(judged).split("\n"):
        if {unicodedata.category(sign) for sign in set(line)} & {"Cc", "Cs"}:
            found.unescaped.append(line)
    return found


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


_CONTIGS = (Contig("chr1", 1000, ""),)
_RECORDS = "chr1\t10\t.\tA\tC\t50\tPASS\tDP=3\tGT\t0/1\nchr1\t12\trs1\tAT\tA\t.\t.\t.\tGT\t0/1\n"
_POSITIONS = [10, 12]


def in_headers(strings: Iterable[str]) -> Outcome:
    """Each three times in a VCF header; in every other one without line ends, which would make lines of their own."""
    found = Outcome()
    with tempfile.TemporaryDirectory(prefix="hostile-header-") as folder:
        for number, texts in enumerate(portions(strings, HEADER)):
            told = texts if number % 2 else [one.replace("\n", " ").replace("\r", " ") for one in texts]
            found += _one_header(told, Path(folder))
    return found


def _one_header(texts: Sequence[str], folder: Path) -> Outcome:
    lines = ["##fileformat=VCFv4.3", "##contig=<ID=chr1,length=1000>"]
    lines += ['##INFO=<ID=DP,Number=1,Type=Integer,Description="x">']
    for text in texts:
        lines += [f"##source={text}", f'##INFO=<ID={text},Number=1,Type=Integer,Description="{text}">', f"##{text}"]
    lines += ["#" + "\t".join(["CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "S1"])]
    path = folder / "calls.vcf"
    path.write_text("\n".join(lines) + "\n" + _RECORDS, newline="")
    try:
        source = open_source(path, "S1", folder, _CONTIGS)
        batches = read_batches(source.text, source.header, source.column, with_info=True)
        positions = [int(position) for batch in batches for position in batch.position]
    except GenomicsError as error:
        assert error.file and error.remedy
        return Outcome(len(texts), len(texts))
    return Outcome(len(texts), accepted_wrongly=[] if positions == _POSITIONS else list(texts))


def in_fhir(strings: Iterable[str]) -> Outcome:
    """Each as the words of a resource, by turns of three kinds, and in the narrative that is made of it."""
    found = Outcome()
    for number, text in enumerate(strings):
        resource = _resources(text)[number % 3]
        told = narrative(resource)["div"]
        json.dumps(resource | {"text": told})
        shown = _text_of(told)
        found.strings += 1
        if shown is None or _letters(text) not in _letters(shown):
            found.unescaped.append(text)
    return found


def _resources(text: str) -> list[dict[str, Any]]:
    """What bears words of others."""
    coded = {"coding": [{"display": text}], "text": text}
    return [
        {"resourceType": "Patient", "name": [{"family": text, "given": [text]}], "gender": "unknown"},
        {"resourceType": "Observation", "code": coded, "valueString": text, "note": [{"text": text}]},
        {"resourceType": "ServiceRequest", "code": coded, "identifier": [{"value": text}], "reasonCode": [coded]},
    ]


def _text_of(div: str) -> str | None:
    """What a narrative shows; ``None`` where it has other marks than its own, or is no XML."""
    try:
        tree = ElementTree.fromstring(div)
    except ElementTree.ParseError:
        return None
    marked = {one.tag for one in tree.iter()} <= {f"{XHTML}div", f"{XHTML}p"} and not any(
        one.attrib for one in tree.iter()
    )
    return "".join(tree.itertext()) if marked else None


def _letters(text: str) -> str:
    """What of a text is shown: without blanks, and signs that no XML may hold or that none would see."""
    return "".join(sign for sign in text if sign.isprintable() and sign not in " \ufffd")


def on_pages(strings: Iterable[str]) -> Outcome:
    """Many at a time on a page of the portal's."""
    template = _templates().get_template("refused.html.j2")
    fixed: dict[str, Any] = {"root": "/portal", "static": "/portal/static", "visit": None, "person": None, "may": {}}
    fixed |= {"csrf_field": "csrf", "here": "/portal", "part": False, "breakable": ""}
    harmless, found = _Tags(template.render(fixed, reason="no")), Outcome()
    for texts in portions(strings, PAGE):
        page = _Tags(template.render(fixed, reason="x ".join(texts)))
        same = page.tags == harmless.tags and page.led == harmless.led
        found += Outcome(len(texts), unescaped=[] if same else texts)
    return found


class _Tags(HTMLParser):
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
