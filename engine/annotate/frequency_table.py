"""Population frequencies as knowledge: any VCF with AC, AN and AF, as a table by normalised allele, sorted by place.

Which field says what is told by :class:`engine.annotate.frequencies.FrequencyFields`; what a frequency speaks for or
against is the business of :mod:`engine.acmg`. The source is read as a stream, so that memory does not grow with it.
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from engine.annotate.columns import POPULATION
from engine.annotate.edit import left_aligned
from engine.annotate.frequencies import FrequencyFields
from engine.columns import ALT, CONTIG, POSITION, REF
from engine.duckdb_paths import as_pattern
from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.text import text_lines
from engine.files.variant_lines import variant_records
from engine.reference.accessions import bare_contig
from engine.reference.bundle import Contig
from engine.reference.contig_names import contig_aliases
from engine.tables import Column, arrow_schema, struct_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pysam

FREQUENCIES = "frequencies.parquet"
FREQUENCY_COLUMNS = (
    replace(CONTIG, meaning="Contig without chr; the mitochondrion is MT"),
    POSITION,
    REF,
    ALT,
    Column("frequency", "DOUBLE", "Share of all alleles", "fraction", minimum=0, maximum=1),
    Column("count", "INTEGER", "How often the allele was seen", "alleles", minimum=0),
    Column("frequency_number", "INTEGER", "Alleles that were called at the site", "alleles", minimum=0),
    Column("frequency_homozygotes", "INTEGER", "People with two copies", "people", minimum=0),
    Column("popmax", "VARCHAR", "Population in which it is most frequent; absent where the source tells of none"),
    Column("popmax_frequency", "DOUBLE", "Its frequency there", "fraction", minimum=0, maximum=1),
    Column("popmax_count", "INTEGER", "How often it was seen there", "alleles", minimum=0),
    Column("popmax_number", "INTEGER", "Alleles that were called there", "alleles", minimum=0),
    Column("populations", f"{struct_of(POPULATION)}[]", "The same by population"),
    Column("filter", "VARCHAR", "FILTER of the source: PASS, or why it doubts the frequency"),
    Column("rs", "VARCHAR", "dbSNP id; absent where the source has none"),
)
_BATCH = 50_000
_REACH = 5_000
"""Bases by which an allele may be written elsewhere than its source has it, once left-aligned."""
_IS_SEQUENCE = re.compile("[ACGT]+").fullmatch
_DECLARED = re.compile(r"##INFO=<ID=([^,>]+),Number=([^,>]+)")
_TOLD = re.compile(r"^##(?:fileDate|source|VERSION)=(.+)$", re.MULTILINE)
# A few records of a release disagree with the assembly; more mean the other build.
_MISMATCHES_ALLOWED = 0.01
_JUDGED_FROM = 1_000
"""Records after which another build is refused without reading on, where a tenth of them disagrees."""


@dataclass(frozen=True)
class FrequencyMeasures:
    """What a table of frequencies holds.

    Attributes:
        records: alleles in the table.
        elsewhere: records of the source that lie on no contig of the reference, or where it reads N.
        not_sequence: alleles that are not given as bases.
        ref_mismatches: records left out because their REF is not what the reference reads.
        largest: the most alleles called at any site.
        release: date or name, empty where neither the declaration nor the file tells.
        licence: as declared, empty where it is not.
    """

    records: int
    elsewhere: int
    not_sequence: int
    ref_mismatches: int
    largest: int
    release: str
    licence: str


def build_frequencies(
    source: Path, fasta: Path, contigs: Sequence[Contig], folder: Path, *, release: str | None, licence: str | None
) -> FrequencyMeasures:
    """Write :data:`FREQUENCIES`, alleles normalised against the reference and sorted by place, into ``folder``.

    Args:
        source: VCF (plain, gzip or bgzip), sorted, of the reference's build; contigs with or without ``chr``.
        fasta: the reference, with index.
        contigs: of the reference.
        folder: for the table.
        release: the source's date or name, absent where the file is to tell (``##fileDate``, ``##source``).
        licence: under which it may be used.

    Raises:
        KnowledgeError: the source is missing, damaged, unsorted, or tells no frequencies.
        ReferenceMismatchError: it belongs to another build.
    """
    import pysam

    head = list(itertools.takewhile(lambda line: line.startswith("#"), text_lines(source, error=KnowledgeError)))
    fields = FrequencyFields({found[1]: found[2] for line in head if (found := _DECLARED.match(line))})
    if not fields.tell_frequencies:
        raise KnowledgeError(
            "the VCF's header declares neither AF nor AC and AN",
            file=source,
            remedy="give a VCF with allele frequencies, such as gnomAD's sites",
        )
    told = _TOLD.search("".join(head))
    release = release or (told[1].strip() if told else "")
    with pysam.FastaFile(str(fasta)) as sequences:
        reader = _Reader(source, sequences, contigs)
        with _Table(folder / FREQUENCIES, fields, source) as table:
            for batch in iter(partial(_some, reader.rows()), []):
                table.write(batch)
            table.say(release=release, licence=licence or "", largest=str(table.largest))
    if not reader.placed:
        raise ReferenceMismatchError(
            "no record lies on a contig of the reference",
            file=source,
            remedy="give the frequencies of the reference's build",
        )
    reader.require_the_build()
    return FrequencyMeasures(
        table.records,
        reader.elsewhere,
        reader.not_sequence,
        reader.ref_mismatches,
        table.largest,
        release,
        licence or "",
    )


_Row = tuple[str, int, str, str, str, int, str, str]
"""Contig without chr, position, ref, alt; INFO, number of the allele in it, FILTER and ID of the record."""


class _Reader:
    """Reads a source's records in their order and counts those that are left out."""

    def __init__(self, source: Path, sequences: pysam.FastaFile, contigs: Sequence[Contig]) -> None:
        self._source, self._sequences = source, sequences
        self._names = contig_aliases(contigs)
        self.placed = self.elsewhere = self.not_sequence = self.ref_mismatches = 0

    def rows(self) -> Iterator[_Row]:
        """Rows of the table, sorted within each contig."""
        waiting: list[tuple[int, str, str, int, _Row]] = []
        counter = itertools.count()
        contig, last, sequence, done = "", 0, "", set[str]()
        for line, record in variant_records(self._source, error=KnowledgeError):
            name, position = self._names.get(record[0]), int(record[1])
            if name is None:
                self.elsewhere += 1
                continue
            if name != contig:
                if name in done:
                    raise self._unsorted(line, f"{record[0]} comes twice, with another contig between")
                yield from (row for *_, row in sorted(waiting))
                waiting, contig, last = [], name, 0
                done.add(name)
                sequence = self._sequences.fetch(name).upper()
            if position < last:
                raise self._unsorted(line, f"{record[0]}:{position:,} comes behind {last:,}")
            last = position
            while waiting and waiting[0][0] < position - _REACH:
                yield heapq.heappop(waiting)[-1]
            for row in self._alleles(record, position, sequence, contig):
                heapq.heappush(waiting, (row[1], row[2], row[3], next(counter), row))
        yield from (row for *_, row in sorted(waiting))

    def _alleles(self, record: list[str], position: int, sequence: str, contig: str) -> Iterator[_Row]:
        self.placed += 1
        start, ref = position - 1, record[3].upper()
        there = sequence[start : start + len(ref)]
        if there != ref:
            if not there or "N" in there:
                self.elsewhere += 1
                return
            self.ref_mismatches += 1
            if self.placed >= _JUDGED_FROM and self.ref_mismatches > self.placed // 10:
                self.require_the_build()
            return
        for number, alt in enumerate(record[4].upper().split(",")):
            if not (_IS_SEQUENCE(alt) and _IS_SEQUENCE(ref)) or alt == ref:
                self.not_sequence += 1
                continue
            yield (
                bare_contig(contig),
                *left_aligned(start, ref, alt, sequence),
                record[7],
                number,
                record[6],
                record[2],
            )

    def require_the_build(self) -> None:
        """ReferenceMismatchError where REF disagrees with the reference too often."""
        judged = self.placed
        if self.ref_mismatches > _MISMATCHES_ALLOWED * judged:
            raise ReferenceMismatchError(
                f"REF disagrees with the reference at {self.ref_mismatches:,} of {judged:,} records",
                file=self._source,
                remedy="give the frequencies of the reference's build",
            )

    def _unsorted(self, line: int, problem: str) -> KnowledgeError:
        return KnowledgeError(
            f"the file is not sorted by place: {problem}",
            file=self._source,
            place=f"line {line:,}",
            remedy="sort it (bcftools sort), then build frequencies again",
        )


def _some(rows: Iterator[_Row]) -> list[_Row]:
    return list(itertools.islice(rows, _BATCH))


class _Table:
    """Writes the table, and counts what is in it."""

    def __init__(self, path: Path, fields: FrequencyFields, source: Path) -> None:
        import pyarrow.parquet as pq

        self._schema = arrow_schema(FREQUENCY_COLUMNS)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._fields, self._source = fields, source
        self.records = self.largest = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def say(self, **facts: str) -> None:
        """What the table says of itself."""
        self._writer.add_key_value_metadata(facts)

    def write(self, batch: Sequence[_Row]) -> None:
        """Write rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        contig, position, ref, alt, info, number, filters, ids = zip(*batch, strict=True)
        try:
            told = self._fields.read(pa.array(info), np.array(number), pa.array(filters), pa.array(ids)).arrays
        except pa.ArrowInvalid as error:
            raise KnowledgeError(
                f"a frequency is no number: {error}",
                file=self._source,
                place=f"{contig[0]}:{position[0]:,} to {contig[-1]}:{position[-1]:,}",
                remedy="copy the file again and compare its md5",
            ) from None
        count, called = _of_the_population(told["populations"], told["popmax"])
        arrays = [pa.array(contig), pa.array(position, pa.int32()), pa.array(ref), pa.array(alt)]
        arrays += [told[f"frequency{name}"] for name in ("", "_count", "_number", "_homozygotes")]
        arrays += [told["popmax"], told["popmax_frequency"], count, called]
        arrays += [told["populations"], told["frequency_filter"], told["rs"]]
        self._writer.write_table(
            pa.Table.from_arrays(
                [pc.cast(array, field.type) for array, field in zip(arrays, self._schema, strict=True)],
                schema=self._schema,
            )
        )
        self.records += len(batch)
        self.largest = max(self.largest, pc.max(told["frequency_number"]).as_py() or 0)


def _of_the_population(populations: pa.ListArray, wanted: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Alleles seen and called in one population of each record, absent where it has none of that name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parents, members = pc.list_parent_indices(populations), populations.flatten()
    hit = pc.fill_null(pc.equal(members.field("population"), wanted.take(parents)), False)
    rows = parents.filter(hit).to_numpy()
    found: list[pa.Array] = []
    for name in ("count", "frequency_number"):
        values = members.field(name).filter(hit)
        place = np.full(len(populations), -1, np.int64)
        place[rows] = np.arange(len(rows))
        found.append(values.take(pa.array(place, mask=place < 0)))
    return found[0], found[1]


@dataclass(frozen=True)
class FrequencySource:
    """What a table says of itself.

    Attributes:
        release: date or name of the source.
        licence: under which it may be used.
        largest: the most alleles called at any site.
    """

    release: str
    licence: str
    largest: int


def read_source(table: Path) -> FrequencySource:
    """What a table that :func:`build_frequencies` wrote says of itself."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(table) as file:
        told = {
            key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items() if key[:5] != b"ARROW"
        }
    return FrequencySource(told.get("release", ""), told.get("licence", ""), int(told.get("largest", "0")))


def read_frequencies(
    table: Path, alleles: Iterable[tuple[str, int, str, str]]
) -> dict[tuple[str, int, str, str], Mapping[str, Any]]:
    """The rows of some alleles, by contig without ``chr``, 1-based position, ref and alt.

    Of an allele that the source has twice the row of more alleles called.
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
                "SELECT f.* FROM read_parquet($table) AS f JOIN asked USING (contig, position, ref, alt) "
                "ORDER BY f.frequency_number NULLS FIRST",
                params={"table": as_pattern(table)},
            )
            .to_arrow_table()
            .to_pylist()
        )
    return {(row["contig"], row["position"], row["ref"], row["alt"]): row for row in rows}
