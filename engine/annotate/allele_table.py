"""Knowledge by allele: the one way in which what a publisher says of alleles becomes a table of them.

A source hands out records, of a VCF (:class:`VcfSource`) or of text in columns (:class:`ColumnSource`), each with
whatever else is to be kept of it. Here every record is placed on a contig of the reference, its REF compared with the
bases there, its alleles split, left-aligned and written as Parquet, sorted by place. The source is read as a stream, so
that memory does not grow with it. What the other columns say is the business of who asks
(:mod:`engine.annotate.frequency_table`, :mod:`engine.annotate.dbsnp`, :mod:`engine.acmg.predictor_table`).
"""

from __future__ import annotations

import csv
import heapq
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.annotate.edit import left_aligned
from engine.columns import ALT, CONTIG, POSITION, REF
from engine.duckdb_paths import as_pattern
from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.compressed import COPY_AGAIN
from engine.files.text import text_lines
from engine.files.variant_lines import variant_records
from engine.reference.accessions import bare_contig
from engine.reference.bundle import Contig
from engine.reference.contig_names import contig_aliases
from engine.tables import Column, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa
    import pysam

ALLELE = (replace(CONTIG, meaning="Contig without chr; the mitochondrion is MT"), POSITION, REF, ALT)
"""The first columns of every table by allele."""
Key = tuple[str, int, str, str]
"""Contig without ``chr``, 1-based position, ref and alt: normalised."""
Record = tuple[int, str, int, str, str, Any]
"""Line (from 1), contig as the source has it, 1-based position, REF, ALT with commas, and what else is to be kept."""
Row = tuple[str, int, str, str, int, Any]
"""Key of an allele, its number among the record's, and what the source keeps of the record."""
Rows = Sequence[Row]
_BATCH = 50_000
_REACH = 5_000
"""Bases by which an allele may be written elsewhere than its source has it, once left-aligned."""
_IS_SEQUENCE = re.compile("[ACGT]+").fullmatch
# A few records of a release disagree with the assembly; more mean the other build.
_MISMATCHES_ALLOWED = 0.01
_JUDGED_FROM = 1_000
"""Records after which another build is refused without reading on, where a tenth of them disagrees."""


class Source(ABC):
    """What a publisher ships.

    Args:
        path: plain, gzip or BGZF.
    """

    in_order = True
    """Whether it must be sorted by place; one that need not be is sorted here."""
    what = "records"
    """What its lines are, for messages."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """Every record, in the order of the file; KnowledgeError where one cannot be read."""


class VcfSource(Source):
    """A VCF's sites; of each record INFO, FILTER, ID and the number of its alternates are kept."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        lines = text_lines(path, error=KnowledgeError)
        self.head = "".join(itertools.takewhile(lambda line: line.startswith("#"), lines))

    def records(self) -> Iterator[Record]:
        """Every record."""
        for line, record in variant_records(self.path, error=KnowledgeError):
            kept = (record[7], record[6], record[2], 1 + record[4].count(","))
            yield line, record[0], int(record[1]), record[3].upper(), record[4].upper(), kept


class ColumnSource(Source):
    """Text in columns, parted by tabs or commas, with a header; lines before it that begin with ``##`` are passed over.

    Args:
        path: plain, gzip or BGZF, sorted or not.
        places: for contig, position, ref and alt the names that publishers give the column, the first present taken.
        values: the same for each further column, by its name in the table; one that is missing has no values.
        remedy: what to give instead of a file that lacks columns.
    """

    in_order = False
    what = "rows"

    def __init__(
        self, path: Path, places: Sequence[Sequence[str]], values: Mapping[str, Sequence[str]], remedy: str
    ) -> None:
        super().__init__(path)
        comments = list(itertools.takewhile(_is_comment, text_lines(path, error=KnowledgeError)))
        self._before = len(comments)
        header = next(itertools.islice(text_lines(path, error=KnowledgeError), self._before, None), "").lstrip("#")
        self._separator = "\t" if "\t" in header else ","
        self.columns = [name.strip() for name in header.strip().split(self._separator)]
        lower = [name.lower() for name in self.columns]
        found = [_first(lower, names) for names in places]
        missing = [names[0] for names, at in zip(places, found, strict=True) if at is None]
        self.values = {name: _first(self.columns, names) for name, names in values.items()}
        if missing or all(at is None for at in self.values.values()):
            lacking = ", ".join(missing) or f"a predictor ({', '.join(values)})"
            raise KnowledgeError(
                f"the header has no column {lacking}",
                file=path,
                place=f"line {self._before + 1}",
                remedy=remedy,
            )
        self._places = [at for at in found if at is not None]

    def records(self) -> Iterator[Record]:
        """Every row; the values are kept as text, in the order of ``values``, empty where a column is missing."""
        lines = itertools.islice(text_lines(self.path, error=KnowledgeError), self._before + 1, None)
        kept = list(self.values.values())
        for number, cells in enumerate(csv.reader(lines, delimiter=self._separator), start=self._before + 2):
            if len(cells) != len(self.columns):
                raise self.refused(number, f"it has {len(cells)} columns, the header {len(self.columns)}")
            contig, position, ref, alt = (cells[at] for at in self._places)
            if not (position.isascii() and position.isdigit()):
                if position in (".", ""):  # of an allele that the publisher could not lift to this build
                    position = "0"
                else:
                    raise self.refused(number, f"the position {position!r} is no number")
            values = ["" if at is None else cells[at].strip() for at in kept]
            yield number, contig, int(position), ref.upper(), alt.upper(), (number, values)

    def refused(self, number: int, problem: str) -> KnowledgeError:
        """The error of a row that says nothing of an allele."""
        return KnowledgeError(
            f"this is no row of the table: {problem}", file=self.path, place=f"line {number:,}", remedy=COPY_AGAIN
        )


def _is_comment(line: str) -> bool:
    return line.startswith("##") or (line.startswith("#") and "\t" not in line and "," not in line)


def _first(columns: Sequence[str], names: Sequence[str]) -> int | None:
    return next((columns.index(name) for name in names if name in columns), None)


@dataclass(frozen=True)
class Placed:
    """What became of a source's records.

    Attributes:
        records: alleles in the table.
        elsewhere: records that lie on no contig of the reference, or where it reads N.
        not_sequence: alleles that are not given as bases.
        ref_mismatches: records left out because their REF is not what the reference reads.
    """

    records: int
    elsewhere: int
    not_sequence: int
    ref_mismatches: int


def write_alleles(
    source: Source,
    fasta: Path,
    contigs: Sequence[Contig],
    table: Path,
    columns: Sequence[Column],
    arrays: Callable[[Rows], Sequence[pa.Array]],
    said: Callable[[], Mapping[str, str]],
) -> Placed:
    """Write a table by allele, sorted by place.

    Args:
        source: of the reference's build; contigs with or without ``chr``, or by their accessions.
        fasta: the reference, with index.
        contigs: of the reference.
        table: the Parquet file to write.
        columns: those behind :data:`ALLELE`.
        arrays: makes the columns' values of some rows.
        said: what the table says of itself, asked for once all is written (:func:`said_of`).

    Raises:
        KnowledgeError: the source is damaged, or unsorted where it must be sorted.
        ReferenceMismatchError: it belongs to another build.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pysam

    schema = arrow_schema((*ALLELE, *columns))
    target = table if source.in_order else table.with_name(f".{table.name}")
    records = 0
    with (
        pysam.FastaFile(str(fasta)) as sequences,
        pq.ParquetWriter(target, schema, compression="zstd") as writer,
    ):
        reader = _Reader(source, sequences, contigs)
        rows = reader.rows()
        while batch := list(itertools.islice(rows, _BATCH)):
            contig, position, ref, alt, *_ = zip(*batch, strict=True)
            keys = [pa.array(contig), pa.array(position, pa.int32()), pa.array(ref), pa.array(alt)]
            values = [one.cast(field.type) for one, field in zip([*keys, *arrays(batch)], schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(values, schema=schema))
            records += len(batch)
        writer.add_key_value_metadata(dict(said()))
    reader.require_the_build(records)
    if target != table:
        _sort(target, table, contigs, said())
    return Placed(records, reader.elsewhere, reader.not_sequence, reader.ref_mismatches)


def _sort(unsorted: Path, table: Path, contigs: Sequence[Contig], said: Mapping[str, str]) -> None:
    import duckdb

    order = " ".join(f"WHEN '{bare_contig(contig.name)}' THEN {number}" for number, contig in enumerate(contigs))
    metadata = ", ".join(f"{name}: {_quoted(value)}" for name, value in said.items())
    with duckdb.connect() as db:
        db.execute(
            f"COPY (FROM read_parquet({_quoted(as_pattern(unsorted))}) ORDER BY CASE contig {order} END, position, alt)"
            f" TO {_quoted(str(table))} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{metadata}}})"
        )
    unsorted.unlink()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class _Reader:
    """Places a source's records and counts those that are left out."""

    def __init__(self, source: Source, sequences: pysam.FastaFile, contigs: Sequence[Contig]) -> None:
        self._source, self._sequences = source, sequences
        self._names = contig_aliases(contigs)
        self._sequence = ""
        self.placed = self.elsewhere = self.not_sequence = self.ref_mismatches = 0

    def rows(self) -> Iterator[Row]:
        """Rows of the table; of a source in order, sorted within each contig."""
        waiting: list[tuple[int, str, str, int, Row]] = []
        counter = itertools.count()
        in_order = self._source.in_order
        contig, last, done = "", 0, set[str]()
        for line, called, position, ref, alts, kept in self._source.records():
            name = self._names.get(called)
            if name is None or position < 1:
                self.elsewhere += 1
                continue
            if name != contig:
                if name in done and in_order:
                    raise self._unsorted(line, f"{called} comes twice, with another contig between")
                yield from (row for *_, row in sorted(waiting))
                waiting, contig, last = [], name, 0
                done.add(name)
                self._sequence = self._sequences.fetch(name).upper()
            found = self._alleles(bare_contig(name), position, ref, alts, kept)
            if not in_order:
                yield from found
                continue
            if position < last:
                raise self._unsorted(line, f"{called}:{position:,} comes behind {last:,}")
            last = position
            while waiting and waiting[0][0] < position - _REACH:
                yield heapq.heappop(waiting)[-1]
            for row in found:
                heapq.heappush(waiting, (row[1], row[2], row[3], next(counter), row))
        yield from (row for *_, row in sorted(waiting))

    def _alleles(self, contig: str, position: int, ref: str, alts: str, kept: Any) -> Iterator[Row]:
        self.placed += 1
        start, sequence = position - 1, self._sequence
        there = sequence[start : start + len(ref)]
        if there != ref:
            if not there or "N" in there:
                self.elsewhere += 1
                return
            self.ref_mismatches += 1
            if self.placed >= _JUDGED_FROM and self.ref_mismatches > self.placed // 10:
                self.require_the_build()
            return
        for number, alt in enumerate(alts.split(",")):
            if not (_IS_SEQUENCE(alt) and _IS_SEQUENCE(ref)) or alt == ref:
                self.not_sequence += 1
            elif len(ref) == len(alt) == 1:
                yield contig, position, ref, alt, number, kept
            else:
                yield contig, *left_aligned(start, ref, alt, sequence), number, kept

    def require_the_build(self, records: int | None = None) -> None:
        """ReferenceMismatchError where REF disagrees with the reference too often, or nothing could be placed."""
        if not self.placed:
            raise self._other_build(f"no {self._source.what[:-1]} lies on a contig of the reference")
        if self.ref_mismatches > _MISMATCHES_ALLOWED * self.placed:
            said = f"{self.ref_mismatches:,} of {self.placed:,} {self._source.what}"
            raise self._other_build(f"REF disagrees with the reference at {said}")
        if records == 0:
            raise self._other_build("no allele of the file could be placed on the reference")

    def _other_build(self, problem: str) -> ReferenceMismatchError:
        return ReferenceMismatchError(problem, file=self._source.path, remedy="give a file of the reference's build")

    def _unsorted(self, line: int, problem: str) -> KnowledgeError:
        return KnowledgeError(
            f"the file is not sorted by place: {problem}",
            file=self._source.path,
            place=f"line {line:,}",
            remedy="sort it (bcftools sort), then build the knowledge again",
        )


def said_of(table: Path) -> Mapping[str, str]:
    """What a table says of itself: ``release``, ``licence`` and whatever its writer adds."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(table) as file:
        return {key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items()}


def read_alleles(table: Path, alleles: Iterable[Key], *, order: str) -> dict[Key, Mapping[str, Any]]:
    """The rows of some alleles by their keys.

    Args:
        table: that :func:`write_alleles` wrote.
        alleles: that are asked for.
        order: in SQL: of an allele that the source has more than once, the row that comes last is taken.
    """
    import duckdb
    import pyarrow as pa

    wanted = list(alleles)
    if not wanted:
        return {}
    contigs, positions, refs, alts = zip(*wanted, strict=True)
    asked = pa.table({"contig": contigs, "position": pa.array(positions, pa.int32()), "ref": refs, "alt": alts})
    with duckdb.connect() as db:
        db.register("asked", asked)
        rows = (
            db.sql(
                "SELECT t.* FROM read_parquet($table) AS t SEMI JOIN asked USING (contig, position, ref, alt) "
                f"ORDER BY {order}",
                params={"table": as_pattern(table)},
            )
            .to_arrow_table()
            .to_pylist()
        )
    return {(row["contig"], row["position"], row["ref"], row["alt"]): row for row in rows}
