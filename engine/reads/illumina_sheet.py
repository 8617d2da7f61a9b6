"""Illumina's own SampleSheet.csv, of bcl2fastq (v1) and BCL Convert (v2): which FASTQ files were made by it.

Such a sheet has sections and names no FASTQ file, but the programs name them by rule:
``<Sample_ID or Sample_Name>_S<number>[_L<lane>]_R<read>_001.fastq.gz``, in a folder of the project where there is one
(Illumina, BCL Convert Software Guide; bcl2fastq2 Conversion Software v2.20 Guide). Those that lie beside the sheet
are found here; whether they belong together is judged as for any other sheet.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import SampleSheetError
from engine.reads.sheet_table import SheetTable, counted, records

DATA_SECTIONS = ("bclconvert_data", "data")
_SECTION = re.compile(r"\[(?P<name>[A-Za-z_]+)\]")
_FASTQ = re.compile(r"(?P<stem>.+)_S(?P<number>\d+)(?:_L(?P<lane>\d{3}))?_R(?P<mate>[12])_001\.fastq(?:\.gz)?")
_DEPTH = 3
"""Folders below the sheet's in which the programs put files: project, and sample within it."""
_OURS = ("sample_id", "lane", "read1", "read2")


@dataclass(frozen=True)
class _Pair:
    """Two files of one sample and lane, relative to the sheet."""

    folder: str
    number: int
    lane: int | None
    read1: str
    read2: str


def is_illumina_sheet(text: str) -> bool:
    """Whether the first filled cell names a section."""
    return _SECTION.match(text.lstrip("\ufeff\"' \t\r\n")) is not None


def illumina_table(text: str, names: Iterable[str], file: Path) -> SheetTable:
    """The samples of the sheet as rows of a sample sheet of ours.

    Args:
        text: of the sheet.
        names: of the columns of a sample sheet; those that the sheet's data have are passed on.
        file: the sheet; FASTQ files are looked for in its folder and below.

    Raises:
        SampleSheetError: the sheet has no data, or no FASTQ file of any of its samples is there.
    """
    section, table = _data(text, file)
    keys = [re.sub(r"[\s-]+", "_", cell.lower()) for cell in table[0][1]]
    if "sample_id" not in keys:
        raise SampleSheetError(
            f"the section [{section}] has no column Sample_ID",
            remedy="give Illumina's sheet as the sequencer's programs read it, or one of ours (docs/sample-sheet.md)",
            file=file,
            place=f"line {table[0][0]}",
        )
    rows = [(line, dict(zip(keys, cells, strict=False))) for line, cells in table[1:]]
    files = _files_below(file.parent)
    passed_on = [name for name in names if name in keys and name not in _OURS]
    header = [*_OURS, *passed_on]
    found: list[tuple[int, list[str]]] = []
    for number, (sample, lines) in enumerate(_by_sample(rows).items(), start=1):
        for line, row, pair in _pairs_of(sample, number, lines, files):
            lane = f"L{pair.lane:03}" if pair.lane else ""
            found.append((line, [sample, lane, pair.read1, pair.read2, *(row.get(name, "") for name in passed_on)]))
    if rows and not any((file.parent / cells[2]).exists() for _, cells in found):
        raise SampleSheetError(
            "this is Illumina's sample sheet, which names no FASTQ files, and none that BCL Convert or bcl2fastq would"
            f" name so lie beside it (such as {found[0][1][2]})",
            remedy="put it into the folder of its FASTQ files, or give a sheet with the columns sample_id, read1 and"
            " read2 (docs/sample-sheet.md)",
            file=file,
        )
    not_read = [cell for cell, key in zip(table[0][1], keys, strict=True) if key not in (*header, "sample_name")]
    notes = [f"this is Illumina's sample sheet: samples are of its section [{section}], files found by their names"]
    notes += [f"the columns {counted(not_read)} were not read"] if not_read else []
    return SheetTable(((table[0][0], header), *found), tuple(notes))


def _data(text: str, file: Path) -> tuple[str, list[tuple[int, list[str]]]]:
    """The name and the filled rows of the section that lists the samples."""
    sections: dict[str, tuple[str, list[tuple[int, list[str]]]]] = {}
    rows: list[tuple[int, list[str]]] = []
    delimiter = max(",;\t", key=text.count)
    for line, cells in records(text, delimiter, file):
        if found := _SECTION.fullmatch(cells[0]):
            rows = []
            sections[found["name"].lower()] = found["name"], rows
        elif any(cells):
            rows.append((line, cells))
    for name in DATA_SECTIONS:
        if sections.get(name, ("", []))[1]:
            return sections[name]
    raise SampleSheetError(
        "Illumina's sample sheet has no samples: its section [Data] or [BCLConvert_Data] is absent or empty",
        remedy="give the sheet by which the FASTQ files were made, or one of ours (docs/sample-sheet.md)",
        file=file,
    )


def _by_sample(rows: list[tuple[int, dict[str, str]]]) -> dict[str, list[tuple[int, dict[str, str]]]]:
    """Rows of each sample, in the order of their first rows, by which the programs number samples."""
    samples: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for line, row in rows:
        samples.setdefault(row.get("sample_id") or row.get("sample_name", ""), []).append((line, row))
    return samples


def _files_below(folder: Path) -> dict[str, list[_Pair]]:
    """The pairs of FASTQ files named by the programs' rule, by the name before ``_S``."""
    mates: dict[tuple[str, str, int, int | None], dict[str, str]] = {}
    base = str(folder)
    for here, folders, files in os.walk(base):
        where = os.path.relpath(here, base)
        if where != "." and where.count(os.sep) + 2 > _DEPTH:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if found := _FASTQ.fullmatch(name):
                lane = int(found["lane"]) if found["lane"] else None
                path = name if where == "." else f"{where}/{name}"
                mates.setdefault((found["stem"], where, int(found["number"]), lane), {})[found["mate"]] = path
    pairs: dict[str, list[_Pair]] = {}
    for (stem, where, number, lane), named in sorted(mates.items(), key=lambda item: (item[0][:3], item[0][3] or 0)):
        one = named.get("1") or named["2"].replace("_R2_001.", "_R1_001.")
        two = named.get("2") or named["1"].replace("_R1_001.", "_R2_001.")
        pairs.setdefault(stem, []).append(_Pair(where, number, lane, one, two))
    return pairs


def _pairs_of(
    sample: str, number: int, lines: list[tuple[int, dict[str, str]]], files: dict[str, list[_Pair]]
) -> Iterable[tuple[int, dict[str, str], _Pair]]:
    """Each pair of a sample with the line of the sheet that it belongs to; where files lack, those that should be."""
    first_line, first = lines[0]
    stem = next((name for name in (sample, first.get("sample_name", "")) if name in files), sample)
    there = _of_this_run(files.get(stem, []), number, first.get("sample_project", ""))
    by_lane = {_lane(row): (line, row) for line, row in lines}
    wanted = {lane for lane in by_lane if lane is not None}
    chosen = [pair for pair in there if not wanted or pair.lane is None or pair.lane in wanted]
    for pair in chosen:
        line, row = by_lane.get(pair.lane, (first_line, first))
        yield line, row, pair
    missing = wanted - {pair.lane for pair in chosen} if all(pair.lane for pair in chosen) else set()
    absent: list[int | None] = [*sorted(missing)] or ([] if chosen else [None])
    for lane in absent:
        line, row = by_lane.get(lane, (first_line, first))
        name = f"{stem}_S{number}" + (f"_L{lane:03}" if lane else "_L001")
        yield line, row, _Pair(".", number, lane, f"{name}_R1_001.fastq.gz", f"{name}_R2_001.fastq.gz")


def _lane(row: dict[str, str]) -> int | None:
    lane = row.get("lane", "")
    return int(lane) if lane.isascii() and lane.isdigit() else None


def _of_this_run(pairs: list[_Pair], number: int, project: str) -> list[_Pair]:
    """Of several runs' files, those with the sheet's number of the sample, then those in the project's folder."""
    pairs = [pair for pair in pairs if pair.number == number] or pairs
    return [pair for pair in pairs if project and pair.folder.split("/")[0] == project] or pairs
