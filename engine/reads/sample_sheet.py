"""A sample sheet: which reads belong to which sample, and what the lab says of the sample.

Here a sheet is read and judged as far as that is possible without opening a FASTQ file. A bad row stops its sample
and no other; every problem of a sheet is found in one reading. The columns are in
:mod:`engine.reads.sample_sheet_columns`, the reads are verified in :mod:`engine.reads.intake`.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     for name in ("S1_R1.fastq", "S1_R2.fastq", "S2_R1.fastq"):
...         _ = Path(folder, name).write_text("@pair\\nACGT\\n+\\nIIII\\n")
...     sheet_path = Path(folder, "sheet.csv")
...     _ = sheet_path.write_text("sample_id,sex,read1,read2\\n"
...         "S1,female,S1_R1.fastq,S1_R2.fastq\\n"
...         "S2,femal,S2_R1.fastq,S2_R2.fastq\\n")
...     sheet = read_sample_sheet(sheet_path, Path(folder))
>>> for problem in sheet.problems:
...     print(problem.sample, problem.place, problem.problem, sep=", ")
S2, line 3, sex is 'femal', not female, male or unknown
S2, line 3, read2 'S2_R2.fastq' does not exist
>>> [entry.sample_id for entry in sheet.samples]
['S1']
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from engine.errors import KnowledgeError, SampleSheetError
from engine.person import Person, Sex
from engine.reads.conventions import QualityEncoding
from engine.reads.lane import Lane
from engine.reads.mate_files import is_index_file, mate_in_file_name, same_but_for_mate
from engine.reads.sample_names import as_written, is_spoilt, safe_id
from engine.reads.sample_sheet_columns import COLUMNS
from engine.reads.sheet_rows import SheetRow, parse_rows
from engine.reference.panels import Panel, find_panel, hgnc_letters, known_panels

_SAMPLES = ("sample_id", "father_id", "mother_id")
"""Columns whose cells are ids of samples."""
LARGEST_SHEET = 64 << 20
"""Bytes; a sheet of 100,000 lanes has about 20 MB."""


class Change(StrEnum):
    """What a sheet means to do with a sample that an earlier sheet has named.

    ``NO``: nothing; the sheet is refused where it says something else. ``ADD``: its lanes and facts come to those that
    are known. ``REPLACE``: they take the place of all that is known, lanes included.
    """

    NO = "no"
    ADD = "add"
    REPLACE = "replace"


@dataclass(frozen=True)
class SampleEntry:
    """What a sheet says of one sample.

    Attributes:
        sample_id: pseudonym, as :func:`engine.reads.sample_names.safe_id` gives it.
        person: what it says of the person.
        lanes: in the order of the sheet, paths absolute with symbolic links resolved.
        change: what it means to do with what an earlier sheet said of the sample.
        name: the id as the laboratory writes it, absent where that is the sample id.
        stated: columns of the person that the sheet fills.
        unnamed_lanes: lanes whose names the sheet does not give.
        line: 1-based line of the sample's first row; no part of what the sheet says.
    """

    sample_id: str
    person: Person
    lanes: tuple[Lane, ...]
    change: Change = Change.NO
    name: str | None = None
    stated: frozenset[str] = field(default=frozenset(), compare=False)
    unnamed_lanes: frozenset[str] = field(default=frozenset(), compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class SampleSheet:
    """A sheet as read.

    Attributes:
        path: of the sheet.
        samples: those without any problem, in the order of their first rows.
        problems: all that is wrong, by line; those of the whole sheet first.
        digest: sha256 of the sheet's bytes, hex.
        notes: how it was read, where that is not what one would take for granted: encoding, separator, ids.
        names: ids as the laboratory writes them, by sample id, of all samples where the two differ.
    """

    path: Path
    samples: tuple[SampleEntry, ...]
    problems: tuple[SampleSheetError, ...]
    digest: str
    notes: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


PanelTable = Callable[[], Mapping[str, Panel] | None]
"""Reads the panels that orders may name, as :func:`engine.reference.panels.read_panels`; absent without a table."""


def read_sample_sheet(
    path: Path,
    landing_zone: Path,
    *,
    within: Collection[Path] | None = None,
    registered: Mapping[str, Sex] | None = None,
    panels: PanelTable = lambda: None,
) -> SampleSheet:
    """Read a sheet and judge every row of it.

    Args:
        path: the sheet, CSV or ``.xlsx``, or Illumina's; paths in it are relative to its folder.
        landing_zone: the folder outside which no read file may lie, symbolic links resolved.
        within: folders of it, the only ones whose reads the sheet may name; absent where it may name all.
        registered: sex of each sample known from earlier sheets, so that parents may be named who came before.
        panels: looked up where a sheet names a panel; where there is no table, a panel may bear any name.

    Raises:
        SampleSheetError: the sheet itself cannot be read. Anything wrong inside it is among the problems.
    """
    data = _read(path)
    rows = parse_rows(data, tuple(c.name for c in COLUMNS), tuple(c.name for c in COLUMNS if c.required), path)
    judge = _Judge(path, landing_zone, within)
    judge.problems.extend(rows.problems)
    judge.bad.update(problem.sample for problem in rows.problems if problem.sample)
    entries = [judge.sample(sample_id, group) for sample_id, group in judge.by_sample(rows.rows).items()]
    judge.files_used_once()
    judge.pedigree(entries, registered or {})
    judge.panels_known(entries, panels)
    return SampleSheet(
        path=path,
        samples=tuple(entry for entry in entries if entry.sample_id not in judge.bad),
        problems=tuple(sorted(judge.problems, key=_line_of)),
        digest=hashlib.sha256(data).hexdigest(),
        notes=(*rows.notes, *judge.notes()),
        names=judge.names,
    )


def notes_report(sheet: SampleSheet) -> str:
    """How a sheet was read, for the lab to look at; empty where there is nothing to tell."""
    if not sheet.notes:
        return ""
    return "\n".join([f"{shown_name(sheet.path)} was read so:", *(f"  {note}" for note in sheet.notes)]) + "\n"


def shown_name(path: Path) -> str:
    """The name of a file as text that can be printed anywhere, whatever bytes it is made of."""
    return path.name.encode("utf-8", "backslashreplace").decode()


def problem_report(sheet: SampleSheet) -> str:
    """The problems of a sheet as text for the lab, one per line, grouped by sample."""
    good, bad = len(sheet.samples), len({problem.sample for problem in sheet.problems if problem.sample})
    lines = [f"{shown_name(sheet.path)}: {good:,} samples accepted, {bad:,} stopped, {len(sheet.problems):,} problems"]
    groups: dict[str, list[SampleSheetError]] = {}
    for problem in sheet.problems:
        groups.setdefault(_headed(problem.sample, sheet.names), []).append(problem)
    for name, problems in sorted(groups.items(), key=lambda group: _line_of(group[1][0])):
        lines += ["", name]
        lines += [
            f"  {problem.place or 'everywhere'}: {problem.problem}. Remedy: {problem.remedy}." for problem in problems
        ]
    return "\n".join(lines) + "\n"


def _headed(sample_id: str | None, names: Mapping[str, str]) -> str:
    if sample_id is None:
        return "the sheet"
    return f"sample {sample_id}" + (f" ({names[sample_id]})" if sample_id in names else "")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_SHEET + 1)
    except OSError as error:
        raise SampleSheetError(
            f"the sheet cannot be read ({error.strerror})",
            remedy="check that the file exists and may be read",
            file=path,
        ) from None
    if len(data) > LARGEST_SHEET:
        raise SampleSheetError(
            f"the sheet is larger than {LARGEST_SHEET >> 20} MB", remedy="split it into several sheets", file=path
        )
    return data


def _line_of(problem: SampleSheetError) -> int:
    number = re.search(r"[0-9]+", problem.place or "")
    return int(number[0]) if number else 0


@dataclass(frozen=True)
class _FileUse:
    """One naming of a read file: where in the sheet, and which file on disk (device and inode)."""

    identity: tuple[int, int]
    sample_id: str
    line: int
    column: str
    name: str


class _Judge:
    """Collects what is wrong with a sheet and which samples that stops."""

    def __init__(self, sheet: Path, landing_zone: Path, within: Collection[Path] | None) -> None:
        self.problems: list[SampleSheetError] = []
        self.bad: set[str] = set()
        self.names: dict[str, str] = {}
        self._sheet = sheet
        self._folder = os.path.realpath(sheet.parent)
        self._zone = os.path.realpath(landing_zone)
        self._within = tuple(os.path.realpath(folder) for folder in ([landing_zone] if within is None else within))
        self._resolved: dict[str, str] = {}
        self._uses: list[_FileUse] = []
        self._columns = {column.name: (column, re.compile(column.pattern)) for column in COLUMNS}

    def refuse(self, line: int, sample_id: str | None, problem: str, remedy: str) -> None:
        """Note a problem of a row; it stops the row's sample."""
        self.problems.append(
            SampleSheetError(problem, remedy=remedy, sample=sample_id, file=self._sheet, place=f"line {line}")
        )
        if sample_id:
            self.bad.add(sample_id)

    def by_sample(self, rows: Iterable[SheetRow]) -> dict[str, list[SheetRow]]:
        """The rows of each sample, in order; rows without a legal sample id are refused."""
        groups: dict[str, list[SheetRow]] = {}
        for row in rows:
            written = row.cells.get("sample_id")
            sample_id = written and safe_id(written)
            if written is None:
                self.refuse(row.line, None, "the row has no sample_id", "give one, or remove the row")
            elif is_spoilt(written):
                self.refuse(
                    row.line,
                    None,
                    f"a program, Excel for one, has put {_shown(written)} in the place of the sample id",
                    "give the column the format Text and type the id again",
                )
            elif not sample_id:
                self.refuse(
                    row.line,
                    None,
                    f"illegal sample id {_shown(written)}",
                    "use 1 to 64 letters, digits, _ or -, or the laboratory's own number with a digit in it; never a"
                    " patient's name",
                )
            else:
                groups.setdefault(sample_id, []).append(row)
                if sample_id != written:
                    self.names[sample_id] = as_written(written)
        self._refuse_ids_alike_but_for_case(groups)
        return groups

    def _refuse_ids_alike_but_for_case(self, groups: dict[str, list[SheetRow]]) -> None:
        """Two such samples would share one folder where the file system ignores case."""
        seen: dict[str, str] = {}
        for sample_id, rows in groups.items():
            other = seen.setdefault(sample_id.lower(), sample_id)
            if other != sample_id:
                problem = f"sample ids {other!r} and {sample_id!r} differ in letter case only"
                for each, line in ((other, groups[other][0].line), (sample_id, rows[0].line)):
                    self.refuse(line, each, problem, "use one spelling, or ids that differ more")

    def notes(self) -> list[str]:
        """Under which ids the samples go whose ids are not safe as they are written."""
        return [f"sample {written!r} goes by the id {sample_id}" for sample_id, written in self.names.items()]

    def sample(self, sample_id: str, rows: list[SheetRow]) -> SampleEntry:
        """The entry of one sample, as far as its cells are legal."""
        cells = [self._legal_cells(sample_id, row) for row in rows]
        facts = self._agreed_facts(sample_id, rows, cells)
        lanes = tuple(
            lane
            for number, (row, row_cells) in enumerate(zip(rows, cells, strict=True), 1)
            if (lane := self._lane(sample_id, row, row_cells, number))
        )
        self._lane_names_differ(sample_id, rows, lanes)
        return SampleEntry(
            sample_id=sample_id,
            person=_person(sample_id, facts),
            lanes=lanes,
            change=Change(facts.get("change", Change.NO)),
            name=self.names.get(sample_id),
            stated=frozenset(facts),
            unnamed_lanes=frozenset(
                f"L{number:03}" for number, row_cells in enumerate(cells, 1) if "lane" not in row_cells
            ),
            line=rows[0].line,
        )

    def _legal_cells(self, sample_id: str, row: SheetRow) -> dict[str, str]:
        """The cells that are as their column wants them; the others are refused."""
        legal = {}
        for name, cell in row.cells.items():
            column, pattern = self._columns[name]
            value = cell.lower() if column.fold == "lower" else cell.upper() if column.fold == "upper" else cell
            value = column.aliases.get(value, value)
            if name in _SAMPLES:
                value = safe_id(value) or ""
            if pattern.fullmatch(value):
                legal[name] = value
            else:
                self.refuse(
                    row.line,
                    sample_id,
                    f"{name} is {_shown(cell)}, not {column.expected}",
                    f"correct it, as in {column.example}",
                )
        return legal

    def _agreed_facts(self, sample_id: str, rows: list[SheetRow], cells: list[dict[str, str]]) -> dict[str, str]:
        """The per-sample facts; an empty cell agrees with any value of the sample's other rows."""
        facts: dict[str, str] = {}
        stated: dict[str, int] = {}
        for row, row_cells in zip(rows, cells, strict=True):
            for name, value in row_cells.items():
                if self._columns[name][0].per == "lane":
                    continue
                if facts.setdefault(name, value) != value:
                    self.refuse(
                        row.line,
                        sample_id,
                        f"duplicate sample id with conflicting facts: {name} is {value!r} here and "
                        f"{facts[name]!r} in line {stated[name]}",
                        "give one value in all rows of the sample, or another id to another sample",
                    )
                stated.setdefault(name, row.line)
        return facts

    def _lane(self, sample_id: str, row: SheetRow, cells: dict[str, str], number: int) -> Lane | None:
        reads = [self._read_file(sample_id, row, cells, column) for column in ("read1", "read2")]
        read1, read2 = reads
        if read1 is None or read2 is None:
            return None
        name1, name2 = (cells[column].rpartition(os.sep)[2] for column in ("read1", "read2"))
        self._reads_of_a_sample(sample_id, row.line, name1, name2)
        self._mates_belong(sample_id, row.line, name1, name2)
        return Lane(
            cells.get("lane", f"L{number:03}"),
            read1,
            read2,
            cells.get("read1_md5"),
            cells.get("read2_md5"),
            QualityEncoding(cells.get("quality_encoding", QualityEncoding.DETECT)),
        )

    def _read_file(self, sample_id: str, row: SheetRow, cells: dict[str, str], column: str) -> Path | None:
        """The file of one cell, resolved; refused unless it is a filled regular file in the landing zone."""
        if column not in row.cells:
            self.refuse(row.line, sample_id, f"{column} is missing", "name the FASTQ file, relative to the sheet")
        if column not in cells:
            return None
        path = self._resolve(cells[column])

        def refuse(problem: str, remedy: str) -> None:
            self.refuse(row.line, sample_id, f"{column} {_shown(cells[column])} {problem}", remedy)

        if not path.startswith(self._zone + os.sep):
            refuse("lies outside the landing zone", "copy the file into the landing zone")
            return None
        if not any(path.startswith(folder + os.sep) for folder in self._within):  # whether it is there is not told
            refuse("lies outside the folders whose reads may be named", "deliver the file into one of them")
            return None
        try:
            facts = os.stat(path)  # noqa: PTH116
        except OSError as error:
            missing = "does not exist" if isinstance(error, FileNotFoundError) else f"is unusable ({error.strerror})"
            refuse(missing, "copy the file there, or correct the path (relative to the sheet's folder)")
            return None
        if not stat.S_ISREG(facts.st_mode):
            refuse("is not a file", "name a FASTQ file")
        elif facts.st_size == 0:
            refuse("is an empty file", "copy the file again from the sequencer and compare its md5")
        else:
            name = path.rpartition(os.sep)[2]
            self._uses.append(_FileUse((facts.st_dev, facts.st_ino), sample_id, row.line, column, name))
            return Path(path)
        return None

    def _resolve(self, cell: str) -> str:
        """Absolute path without symbolic links; folders are resolved once, in strings: pathlib triples the time."""
        path = os.path.join(self._folder, cell)  # noqa: PTH118
        folder, name = os.path.split(path)
        if name in ("", ".", "..") or os.path.islink(path):  # noqa: PTH114
            return os.path.realpath(path)
        if folder not in self._resolved:
            self._resolved[folder] = os.path.realpath(folder)
        return f"{self._resolved[folder]}{os.sep}{name}"

    def _reads_of_a_sample(self, sample_id: str, line: int, *names: str) -> None:
        """Of what a demultiplexer writes beside samples' reads nothing is a sample's reads."""
        for name in names:
            if is_index_file(name):
                self.refuse(line, sample_id, f"{name!r} is named as index reads", "give the files of R1 and R2 (or R3)")
            elif name.startswith("Undetermined_"):
                self.refuse(
                    line,
                    sample_id,
                    f"{name!r} holds the reads that could be given to no sample: those of all persons of the run",
                    "give the sample's own files; if it was alone on the flow cell, name the files after it",
                )

    def _mates_belong(self, sample_id: str, line: int, read1: str, read2: str) -> None:
        """File names that contradict their columns; equal files are found by :meth:`files_used_once`."""
        mate1, mate2 = mate_in_file_name(read1), mate_in_file_name(read2)
        if (mate1, mate2) == (2, 1) and same_but_for_mate(read1, read2):
            self.refuse(
                line,
                sample_id,
                f"read1 and read2 are swapped: {read1!r} is named as read 2, {read2!r} as read 1",
                "exchange the two cells",
            )
        elif mate1 is not None and mate1 == mate2 and read1 != read2:
            self.refuse(
                line,
                sample_id,
                f"{read1!r} and {read2!r} are both named as read {mate1}",
                "give the two files of one lane",
            )

    def _lane_names_differ(self, sample_id: str, rows: list[SheetRow], lanes: tuple[Lane, ...]) -> None:
        if len(lanes) != len(rows):
            return
        seen: dict[str, int] = {}
        for row, lane in zip(rows, lanes, strict=True):
            first = seen.setdefault(lane.name, row.line)
            if first != row.line:
                self.refuse(
                    row.line,
                    sample_id,
                    f"the same lane twice: {lane.name!r} is in line {first} already",
                    "give each lane its own name, or remove the repeated row",
                )

    def files_used_once(self) -> None:
        """Refuse every sample that names a file named before: one of the two is wrong, and nobody knows which."""
        first: dict[tuple[int, int], _FileUse] = {}
        for use in self._uses:
            before = first.setdefault(use.identity, use)
            if before is use:
                continue
            if before.line == use.line:
                self.refuse(
                    use.line,
                    use.sample_id,
                    f"read 1 is given twice: read1 and read2 are the same file {use.name!r}",
                    "name the file of read 2 as read2",
                )
                continue
            for this, other in ((use, before), (before, use)):
                self.refuse(
                    this.line,
                    this.sample_id,
                    f"the same lane twice: {this.column} {this.name!r} is also {other.column} of sample "
                    f"{other.sample_id} in line {other.line}",
                    "name each file once",
                )

    def pedigree(self, entries: list[SampleEntry], registered: Mapping[str, Sex]) -> None:
        """Parents exist, are of the right sex and family, and nobody descends from himself."""
        by_id = {entry.sample_id: entry for entry in entries}
        own_ancestors = _own_ancestors(entries)
        sexes = {**registered, **{entry.sample_id: entry.person.sex for entry in entries}}
        sexes.update(dict.fromkeys(self.bad - sexes.keys(), Sex.UNKNOWN))
        for entry in entries:
            for role, parent_id, wrong in (
                ("father_id", entry.person.father_id, Sex.FEMALE),
                ("mother_id", entry.person.mother_id, Sex.MALE),
            ):
                if parent_id is not None:
                    self._parent(entry, role, parent_id, wrong, sexes, by_id.get(parent_id))
            if entry.person.father_id is not None and entry.person.father_id == entry.person.mother_id:
                self.refuse(
                    entry.line, entry.sample_id, "father_id and mother_id are the same sample", "correct one of them"
                )
            if entry.sample_id in own_ancestors:
                self.refuse(
                    entry.line, entry.sample_id, "the sample is its own ancestor", "correct father_id and mother_id"
                )

    def panels_known(self, entries: list[SampleEntry], panels: PanelTable) -> None:
        """A panel that an order names is in the table of panels, where there is one."""
        ordering = [(entry, entry.person.panel) for entry in entries if entry.person.panel is not None]
        if not ordering:
            return
        try:
            known = panels()
        except KnowledgeError as error:
            for entry, _ in ordering:
                self.refuse(entry.line, entry.sample_id, f"its panel cannot be looked up: {error}", error.remedy)
            return
        for entry, name in ordering if known is not None else ():
            if known is not None and find_panel(known, name) is None:
                self.refuse(
                    entry.line,
                    entry.sample_id,
                    f"there is no panel {_shown(name)} ({known_panels(known.values(), name)})",
                    "correct the name, add the panel to the laboratory's table of panels, or name genes",
                )

    def _parent(
        self,
        entry: SampleEntry,
        role: str,
        parent_id: str,
        wrong: Sex,
        sexes: Mapping[str, Sex],
        parent: SampleEntry | None,
    ) -> None:
        def refuse(problem: str, remedy: str) -> None:
            self.refuse(entry.line, entry.sample_id, f"{role} {parent_id!r} {problem}", remedy)

        if parent_id == entry.sample_id:
            refuse("is the sample itself", "name the parent's sample, or leave the cell empty")
        elif parent_id not in sexes:
            refuse("is neither in this sheet nor registered", "add the parent's row, or leave the cell empty")
        elif sexes[parent_id] == wrong:
            refuse(f"is {wrong}", "correct the parent's sex, or exchange father_id and mother_id")
        elif parent and len(families := _families(parent, entry)) > 1:
            refuse("is of family {!r}, the sample of {!r}".format(*families), "give both one family_id")


def _person(sample_id: str, facts: Mapping[str, str]) -> Person:
    """The person of a sample, from its legal cells; who has no pseudonym goes by the sample's."""
    return Person(
        subject_id=facts.get("subject_id", sample_id),
        sex=Sex(facts.get("sex", "unknown")),
        family_id=facts.get("family_id"),
        father_id=facts.get("father_id"),
        mother_id=facts.get("mother_id"),
        phenotype=tuple(dict.fromkeys(_listed(facts.get("phenotype_hpo", "")))),
        order_id=facts.get("order_id"),
        ordered_genes=tuple(dict.fromkeys(map(hgnc_letters, _listed(facts.get("genes", ""))))),
        panel=facts.get("panel"),
        secondary_findings_consent=facts.get("secondary_findings_consent") == "yes",
        drug_response=facts.get("drug_response") == "yes",
        research_consent=tuple(dict.fromkeys(_listed(facts.get("research_consent", "")))),
        ancestry=facts.get("ancestry"),
        polygenic_scores=facts.get("polygenic_scores") == "yes",
    )


def _listed(cell: str) -> list[str]:
    return [item.strip() for item in cell.split(";") if item.strip()]


def _own_ancestors(entries: Iterable[SampleEntry]) -> set[str]:
    """The samples from whom a chain of two or more parents leads back to themselves.

    These are the strongly connected components of more than one sample (Tarjan 1972), found in time that grows with the
    number of samples alone; a sample named as its own parent is refused elsewhere.
    """
    parents = {entry.sample_id: [i for i in _parents(entry) if i and i != entry.sample_id] for entry in entries}
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_ones: list[str] = []
    is_open: set[str] = set()
    found: set[str] = set()
    for start in parents:
        waiting = [(start, iter(parents[start]))] if start not in order else []
        while waiting:
            sample, rest = waiting[-1]
            if sample not in order:
                order[sample] = lowest[sample] = len(order)
                open_ones.append(sample)
                is_open.add(sample)
            parent = next((each for each in rest if each in parents and (each not in order or each in is_open)), None)
            if parent is not None and parent not in order:
                waiting.append((parent, iter(parents[parent])))
                continue
            if parent is not None:
                lowest[sample] = min(lowest[sample], order[parent])
                continue
            waiting.pop()
            if waiting:
                child = waiting[-1][0]
                lowest[child] = min(lowest[child], lowest[sample])
            if lowest[sample] == order[sample]:
                component = {sample}
                while (member := open_ones.pop()) != sample:
                    component.add(member)
                is_open -= component
                found |= component if len(component) > 1 else set()
    return found


def _families(*entries: SampleEntry) -> list[str]:
    """The families that are stated, each once, in order."""
    return list(dict.fromkeys(entry.person.family_id for entry in entries if entry.person.family_id))


def _parents(entry: SampleEntry) -> tuple[str | None, str | None]:
    return entry.person.father_id, entry.person.mother_id


def _shown(value: str) -> str:
    """A cell as it may be printed: control characters escaped, no longer than a line."""
    return repr(value if len(value) <= 80 else value[:77] + "...")
