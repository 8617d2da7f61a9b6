"""Joining knowledge with a sample's consequences: what ClinVar and the frequencies say of each allele, as a table.

What reference and gene model alone decide is told once (:func:`engine.annotate.annotate.tell_consequences`), in a VCF
and a table. A new release of knowledge makes the joined table anew and touches neither. The joined table says what
:func:`engine.annotate.annotate.annotate_file` says in one pass; a test holds them against each other.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from engine.annotate.annotator import Annotator, Beside
from engine.annotate.calls import Call
from engine.annotate.clinvar import PATHOGENIC
from engine.annotate.columns import ANNOTATED_COLUMNS, PREDICTIONS
from engine.annotate.compound import (
    LONGEST_IN_PARTS,
    NEIGHBOURS_WITHIN,
    Allele,
    Combination,
    Member,
    member_of,
    neighbours,
    parts_of,
)
from engine.annotate.gene_model import read_gene_model
from engine.annotate.judged import struct_lists
from engine.annotate.known_alleles import KnownAlleles, KnownOnContig
from engine.annotate.known_rows import KnownRows, dbsnp_rows, frequency_rows
from engine.annotate.predictions import Predictions
from engine.annotate.rows import ClinvarPart, CombinedPart, clinvar_part
from engine.annotate.sorting import KnownReach
from engine.annotate.source import Contigs
from engine.annotate.table_file import parquet_options
from engine.errors import KnowledgeError, VariantFileError
from engine.progress import Progress
from engine.reference.accessions import bare_contig
from engine.reference.bundle import ReferenceBundle
from engine.tables import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_PLACE = ("contig", "position", "ref", "alt")
_OF_THE_CALL = [*Call._fields, "filter", "compounds"]
_BATCH = 50_000
_IS_SEQUENCE = "^[ACGTN]+$"


@dataclass(frozen=True)
class Consequences:
    """What :func:`engine.annotate.annotate.tell_consequences` wrote.

    Attributes:
        vcf: the annotated VCF, with index.
        table: Parquet with the columns of :data:`engine.annotate.columns.CONSEQUENCE_COLUMNS`, sorted by place.
    """

    vcf: Path
    table: Path


@dataclass(frozen=True)
class JoinSummary:
    """What was known.

    Attributes:
        records: alleles, one a row.
        clinvar_matched: rows whose allele ClinVar knows.
        clinvar_pathogenic: rows that ClinVar calls pathogenic or likely pathogenic.
        frequencies_matched: rows whose allele the source of frequencies knows.
        predictions_matched: rows of whose allele a predictor has a score.
    """

    records: int
    clinvar_matched: int
    clinvar_pathogenic: int
    frequencies_matched: int
    predictions_matched: int


def join_knowledge(
    consequences: Consequences, bundle: ReferenceBundle, output: Path, sample: str, *, progress: Progress | None = None
) -> JoinSummary:
    """Write the annotated variants, with the columns of :data:`engine.annotate.columns.ANNOTATED_COLUMNS`.

    Args:
        consequences: of the sample.
        bundle: with a gene model; without ClinVar, frequencies, dbSNP or predictors their columns stay empty.
        output: Parquet.
        sample: sample id.
        progress: advanced by the number of rows.

    Raises:
        KnowledgeError: the bundle has no gene model, or it or a table of knowledge is damaged.
        VariantFileError: the consequences are damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if bundle.gene_model is None:
        raise KnowledgeError(
            "the reference has no gene model", file=bundle.fasta, remedy="declare gene_model in the reference's YAML"
        )
    progress = progress or Progress("joining", unit="variants")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(pq.ParquetFile(consequences.table))
        except (OSError, pa.ArrowInvalid) as error:
            raise VariantFileError(
                f"the consequences cannot be read: {error}",
                file=consequences.table,
                sample=sample,
                remedy="make variant_consequences again",
            ) from error
        contigs = Contigs(bundle, read_gene_model(bundle.gene_model), sample, stack)
        known = KnownAlleles(bundle.clinvar)
        beside = _Beside(consequences, file, contigs, known, sample).told() if bundle.clinvar else {}
        predictions = Predictions({name: getattr(bundle, name) for name in _OF_PREDICTORS})
        join = _Join(file, known, frequency_rows(bundle.frequencies), dbsnp_rows(bundle.dbsnp), predictions, beside)
        schema = arrow_schema(ANNOTATED_COLUMNS)
        writer = stack.enter_context(pq.ParquetWriter(output, schema, **parquet_options(schema)))
        for table in join.tables(schema):
            writer.write_table(table)
            progress.advance(len(table))
    return join.summary()


_OF_PREDICTORS = ("predictors", "splice_predictors")
"""Parts of the knowledge that hold scores by allele, those of the protein first."""
_Told = tuple[tuple[CombinedPart, ...], tuple[CombinedPart, ...]]
"""What an allele makes with others, and what is known of its parts."""
_Lists = list[list[tuple[Any, ...]]]
"""Values of combined alleles, a list a row."""


class _Join:
    """Writes knowledge beside consequences, stretch by stretch."""

    def __init__(
        self,
        file: pq.ParquetFile,
        known: KnownAlleles,
        frequencies: KnownRows,
        ids: KnownRows,
        predictions: Predictions,
        beside: Mapping[int, _Told],
    ) -> None:
        self._file, self._known, self._frequencies, self._ids, self._beside = file, known, frequencies, ids, beside
        self._predictions = predictions
        self._counts: Counter[str] = Counter()

    def tables(self, schema: pa.Schema) -> Iterator[pa.Table]:
        """The joined table in pieces, each on one contig."""
        import pyarrow as pa

        first = 0
        for batch in self._file.iter_batches(_BATCH):
            for start, stop in on_one_contig(batch.column("contig")):
                piece = batch.slice(start, stop - start)
                columns = dict(zip(piece.schema.names, piece.columns, strict=True))
                columns |= self._columns(columns, first + start, schema)
                yield pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)
            first += len(batch)

    def summary(self) -> JoinSummary:
        """What was known of all rows."""
        return JoinSummary(**{name: self._counts[name] for name in JoinSummary.__dataclass_fields__})

    def _columns(self, rows: Mapping[str, pa.Array], first: int, schema: pa.Schema) -> dict[str, pa.Array]:
        """What is known, by columns.

        Args:
            rows: columns of the consequences, on one contig.
            first: number of the first of them in the table.
            schema: of the joined table.
        """
        import pyarrow.compute as pc

        count = len(rows["position"])
        bare = bare_contig(rows["contig"][0].as_py())
        alleles = rows["position"].to_numpy().astype(np.int64), rows["ref"], rows["alt"]
        clinvar, frequent = self._known.on(bare), self._frequencies.of(bare, *alleles)
        told = {_OF_CLINVAR[name]: values for name, values in clinvar.taken(clinvar.rows(*alleles)).items()}
        known = frequent.columns | told
        columns = {
            field.name: _values(known.get(field.name), field.type, count) for field in schema if field.name not in rows
        }
        named = (told, frequent.columns, self._ids.of(bare, *alleles).columns, rows)
        columns["rs"] = pc.coalesce(*(values["rs"] for values in named if "rs" in values))
        combined, parts = self._told_beside(first, count)
        columns["compounds"] = _compounds(rows["compounds"], clinvar, combined, schema.field("compounds").type)
        columns["known_parts"] = struct_lists(parts, schema.field("known_parts").type)
        columns[PREDICTIONS.name], predicted = self._predictions.of(bare, *alleles)
        self._count(columns, frequent.matched, predicted)
        return columns

    def _count(self, columns: Mapping[str, pa.Array], frequent: int, predicted: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        ids, kinds = columns["clinvar_variation_id"], columns["clinvar_classification"]
        self._counts["records"] += len(ids)
        self._counts["clinvar_matched"] += len(ids) - ids.null_count
        self._counts["clinvar_pathogenic"] += pc.sum(pc.is_in(kinds, pa.array(PATHOGENIC))).as_py() or 0
        self._counts["frequencies_matched"] += frequent
        self._counts["predictions_matched"] += predicted

    def _told_beside(self, first: int, count: int) -> tuple[_Lists, _Lists]:
        """Values of what some rows make with others, and of what is known of their parts."""
        combined: _Lists = [[] for _ in range(count)]
        parts: _Lists = [[] for _ in range(count)]
        for row in range(first, first + count) if self._beside else ():
            if row in self._beside:
                combined[row - first], parts[row - first] = ([one.values for one in told] for told in self._beside[row])
        return combined, parts


def _compounds(told: pa.ListArray, clinvar: KnownOnContig, more: _Lists, kind: pa.DataType) -> pa.ListArray:
    """What alleles make together by the gene model, with what ClinVar says of it; and what ClinVar alone knows."""
    import pyarrow.compute as pc

    for row in np.flatnonzero(np.asarray(pc.list_value_length(told)) > 0).tolist():
        more[row] = [_with_clinvar(one, clinvar) for one in told[row].as_py()] + more[row]
    return struct_lists(more, kind)


def _with_clinvar(compound: Mapping[str, Any], clinvar: KnownOnContig) -> tuple[Any, ...]:
    match = clinvar.get(compound["position"], compound["ref"], compound["alt"]) if compound["ref"] else None
    return (*compound.values(), *clinvar_part(match))


_OF_CLINVAR = {name.removeprefix("clinvar_"): name for name in ClinvarPart._fields}
"""Name of each of ClinVar's columns in the annotated table."""


def _values(values: pa.Array | None, kind: pa.DataType, count: int) -> pa.Array:
    import pyarrow as pa

    if values is not None:
        return values.cast(kind)
    return struct_lists([[]] * count, kind) if _holds_structs(kind) else pa.nulls(count, kind)


def _holds_structs(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) and pa.types.is_struct(kind.value_type))


def on_one_contig(contigs: pa.Array) -> list[tuple[int, int]]:
    """First row and one past the last of each stretch of rows on one contig."""
    import pyarrow.compute as pc

    if not len(contigs):
        return []
    other = np.asarray(pc.not_equal(contigs[1:], contigs[:-1]), np.bool_)
    borders = [0, *(np.flatnonzero(other) + 1).tolist(), len(contigs)]
    return list(itertools.pairwise(borders))


class _Beside:
    """What ClinVar knows of neighbours as one allele, and of parts of a substitution of several bases."""

    def __init__(
        self, consequences: Consequences, file: pq.ParquetFile, contigs: Contigs, known: KnownAlleles, sample: str
    ) -> None:
        self._consequences, self._file, self._contigs, self._known = consequences, file, contigs, known
        self._annotator = Annotator(sample, contigs, known, Beside({}, {}, frozenset()))

    def told(self) -> dict[int, _Told]:
        """By number of the row."""
        places = self._file.read(columns=list(_PLACE), use_threads=False).combine_chunks()
        found: dict[int, _Told] = {}
        for first, stop in on_one_contig(_array(places["contig"])):
            contig = str(places["contig"][first])
            if contig in self._contigs.bundle.contig_lengths and len(self._known.on(bare_contig(contig)).positions):
                found |= self._on(contig, first, places.slice(first, stop - first))
        return found

    def _on(self, contig: str, first: int, places: pa.Table) -> dict[int, _Told]:
        """Those of one contig, of which ``first`` is the number of the first row."""
        known = self._known.on(bare_contig(contig))
        alleles = _Rows(places)
        near = alleles.near(KnownReach(known, self._contigs.sequence(contig)))
        parts = {row: listed for row in alleles.several() if (listed := self._known_parts(alleles.allele(contig, row)))}
        calls = self._calls(first, sorted({*near, *parts}))
        combined = self._combined(contig, near, alleles, calls)
        self._annotator.load(contig)
        told: dict[int, _Told] = {}
        for row in sorted({*combined, *parts}):
            call, failed = calls[row].call, calls[row].filter
            whole = alleles.allele(contig, row)
            told[first + row] = (
                tuple(self._annotator.whole(one) for one in combined.get(row, ())),
                tuple(self._annotator.part(whole, part, call, failed) for part in parts.get(row, ())),
            )
        return told

    def _known_parts(self, allele: Allele) -> list[Allele]:
        bare = bare_contig(allele[0])
        return [part for part in parts_of(allele) if (bare, *part[1:]) in self._known]

    def _calls(self, first: int, rows: Sequence[int]) -> dict[int, _CallOfRow]:
        """What the table says of the sample's calls, of a few rows of a contig."""
        wanted = np.array(rows, np.int64) + first
        found: dict[int, _CallOfRow] = {}
        start = 0
        for group in range(self._file.num_row_groups):
            stop = start + self._file.metadata.row_group(group).num_rows
            here = wanted[(wanted >= start) & (wanted < stop)]
            if len(here):
                table = self._file.read_row_group(
                    group, columns=[*Call._fields, "filter", "compounds"], use_threads=False
                )
                for number, told in zip(here.tolist(), table.take(here - start).to_pylist(), strict=True):
                    found[number - first] = _CallOfRow(told)
            start = stop
        return found

    def _combined(
        self, contig: str, near: Sequence[int], alleles: _Rows, calls: Mapping[int, _CallOfRow]
    ) -> dict[int, list[Combination]]:
        """What neighbours make that ClinVar knows, by row of each of them."""
        members: dict[Member, int] = {}
        told: set[tuple[Allele, ...]] = set()
        with _Lines(self._consequences.vcf) as lines:
            for row in near:
                allele, call = alleles.allele(contig, row), calls[row]
                told.update(call.compounds(contig))
                fields = lines.of(allele)
                if fields and (member := member_of(allele, call.call, fields)):
                    members[member] = row
        bare = bare_contig(contig)
        combined: dict[int, list[Combination]] = {}
        for one in neighbours(list(members), self._contigs.sequence(contig).bases, told):
            if one.allele and (bare, *one.allele[1:]) in self._known:
                for member in one.members:
                    combined.setdefault(members[member], []).append(one)
        return combined


class _CallOfRow:
    """The sample's call as the table holds it.

    Attributes:
        call: genotype, phase and depth.
        filter: FILTER of the record.
    """

    def __init__(self, told: Mapping[str, Any]) -> None:
        values = {name: told[name] for name in Call._fields}
        self.call = Call(**values | {"haplotypes": told["haplotypes"] and tuple(told["haplotypes"])})
        self.filter = str(told["filter"])
        self._compounds = told["compounds"]

    def compounds(self, contig: str) -> Iterator[tuple[Allele, ...]]:
        """Alleles of each group that it is told with already."""
        for compound in self._compounds:
            yield tuple(_allele_of(contig, member) for member in compound["members"])


def _allele_of(contig: str, key: str) -> Allele:
    _, position, ref, alt = key.rsplit("-", 3)
    return contig, int(position), ref, alt


class _Rows:
    """Alleles of one contig, one a row."""

    def __init__(self, places: pa.Table) -> None:
        import pyarrow.compute as pc

        self._position = places["position"].to_numpy().astype(np.int64)
        self._ref, self._alt = _array(places["ref"]), _array(places["alt"])
        self._lengths = [pc.binary_length(texts).to_numpy().astype(np.int64) for texts in (self._ref, self._alt)]
        self._is_sequence = np.logical_and(
            *(np.asarray(pc.match_substring_regex(texts, _IS_SEQUENCE)) for texts in (self._ref, self._alt))
        )

    def allele(self, contig: str, row: int) -> Allele:
        """Of a row."""
        return contig, int(self._position[row]), self._ref[row].as_py(), self._alt[row].as_py()

    def several(self) -> list[int]:
        """Rows that replace several bases by as many."""
        ref, alt = self._lengths
        hit = self._is_sequence & (ref == alt) & (ref > 1) & (ref <= LONGEST_IN_PARTS)
        return [int(row) for row in np.flatnonzero(hit)]

    def near(self, known: KnownReach) -> list[int]:
        """Rows that follow each other closely where ClinVar knows an allele that they may make."""
        rows = np.flatnonzero(self._is_sequence)
        if len(rows) < 2 or not len(known.starts):
            return []
        starts = self._position[rows] - 1
        ends = starts + self._lengths[0][rows]
        reach = np.maximum.accumulate(ends)
        runs = np.concatenate([[0], np.cumsum(starts[1:] - reach[:-1] > NEIGHBOURS_WITHIN + 1)])
        firsts = np.flatnonzero(np.diff(runs, prepend=-1))
        single = (self._lengths[0][rows] == 1) & (self._lengths[1][rows] == 1)
        mixed = ~np.logical_and.reduceat(single, firsts)
        several = np.bincount(runs) > 1
        stops = np.maximum.reduceat(ends, firsts)
        hit = several & known.touches(starts[firsts] - 1, stops + 1, mixed)
        return [int(row) for row in rows[hit[runs]]]


class _Lines:
    """Lines of the annotated VCF by allele."""

    def __init__(self, vcf: Path) -> None:
        import pysam

        self._file = pysam.TabixFile(str(vcf))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def of(self, allele: Allele) -> list[str] | None:
        """Fields of the line of an allele."""
        contig, position, ref, alt = allele
        for line in self._file.fetch(contig, position - 1, position):
            fields: list[str] = line.split("\t")
            if fields[1] == str(position) and (fields[3], fields[4]) == (ref, alt):
                return fields
        return None


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
