"""Annotating a sample's variants: normalise, consequence, HGVS, ClinVar and frequencies, into VCF and Parquet.

The two files say the same: the VCF for tools and browsers, the Parquet for tables and for :mod:`engine.classify`. What
the place alone decides (:mod:`engine.annotate.sorting`) is told many records at a time, the rest one by one
(:mod:`engine.annotate.judged`); the results are the same. The pass is a stream of batches, so memory does not grow with
the number of variants.
"""

from __future__ import annotations

import gc
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.annotate.annotator import Annotator
from engine.annotate.clinvar import PATHOGENIC
from engine.annotate.columns import ANNOTATED_COLUMNS, CONSEQUENCE_COLUMNS
from engine.annotate.frequencies import Frequencies, FrequencyWindow
from engine.annotate.gene_model import read_gene_model
from engine.annotate.judged import Judged, LeftOut, Record, beside, carried_once, judge, rows_table
from engine.annotate.known_alleles import KnownAlleles
from engine.annotate.plain_rows import PlainAnnotator, PlainRows
from engine.annotate.rows import Frequency, RecordPart, Row
from engine.annotate.sequences import Sequences
from engine.annotate.source import Contigs, Held, Sorting, Source, open_source
from engine.annotate.table_file import coded_schema, open_coded
from engine.annotate.terms import term
from engine.annotate.texts import letters, offsets
from engine.annotate.vcf_lines import annotated_header, annotated_info, has_our_fields, our_fields
from engine.errors import GenomicsError, KnowledgeError
from engine.files.bgzf import BgzfWriter
from engine.files.calls_index import index_calls
from engine.files.tabix import LAST, VcfIndex
from engine.progress import Progress
from engine.reference.accessions import bare_contig
from engine.reference.bundle import ReferenceBundle
from engine.tables import Column, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

_NO_FREQUENCY = Frequency()
_END = b"END="
_COLLECT_AFTER = 40
"""Batches after which cycles of objects are looked for: there are few, and to look takes as long as half a batch."""
_OF_THE_CALL = (
    "genotype", "copies", "ploidy", "phase_set", "haplotypes", "depth", "ref_depth", "alt_depth", "informative_depth",
    "genotype_quality",
)  # fmt: skip


@dataclass(frozen=True)
class AnnotationSummary:
    """What was measured while annotating a sample.

    Attributes:
        records: alleles annotated, one a row: those that the sample carries.
        duplicates: records left out because another is the same allele once both are left-aligned.
        not_carried: alleles of the input that the sample does not carry, and records without a genotype.
        annotated_fraction: share of ``records`` with a consequence; ``intergenic_variant`` counts as one.
        ref_mismatches: records whose REF is not what the reference reads there.
        clinvar_matched: rows whose allele ClinVar knows.
        clinvar_pathogenic: rows that ClinVar calls pathogenic or likely pathogenic.
        frequencies_matched: rows whose allele the source of frequencies knows.
        named_fraction: share of rows with an HGVS g. name.
        coding_records: rows whose representative consequence has an impact other than MODIFIER.
        consequence_names: representative consequences (the most severe term), the most frequent first.
        consequence_counts: rows with each of them.
        unlisted_terms: terms of the consequence caller that Ensembl's list lacks, passed on as they are.
        call_contradictions: alleles of which several records of the sample tell different numbers of copies.
        call_contradiction_examples: the first of them, in words.
        beyond_depth: records of which more reads of the alleles (AD) are told than reads (DP).
        first_beyond_depth: place of the first of them, ``contig:position``; ``None`` without any.
        unchanged: records whose alternate is REF itself, passed on without names.
        first_unchanged: place of the first of them, as above.
        frequency_contradictions: alleles of which several records of the frequencies say different things.
        frequency_contradiction_examples: the first of them, in words.
    """

    records: int
    not_carried: int
    duplicates: int
    annotated_fraction: float
    ref_mismatches: int
    clinvar_matched: int
    clinvar_pathogenic: int
    frequencies_matched: int
    named_fraction: float
    coding_records: int
    consequence_names: list[str]
    consequence_counts: list[int]
    unlisted_terms: list[str]
    call_contradictions: int = 0
    call_contradiction_examples: list[str] = field(default_factory=list)
    beyond_depth: int = 0
    first_beyond_depth: str | None = None
    unchanged: int = 0
    first_unchanged: str | None = None
    frequency_contradictions: int = 0
    frequency_contradiction_examples: list[str] = field(default_factory=list)

    def without_knowledge(self) -> dict[str, Any]:
        """What reference and gene model alone decide, by name."""
        return {name: value for name, value in vars(self).items() if not name.startswith(("clinvar_", "frequenc"))}


@dataclass(frozen=True)
class Outputs:
    """Where the results are written.

    Attributes:
        vcf: bgzip; its ``.tbi`` is made beside it.
        table: Parquet, absent where none is wanted.
        columns: of the table: those of the annotated variants, or of the consequences alone.
    """

    vcf: Path
    table: Path | None
    columns: tuple[Column, ...] = ANNOTATED_COLUMNS


def tell_consequences(
    variants: Path, bundle: ReferenceBundle, folder: Path, sample: str, *, progress: Progress | None = None
) -> AnnotationSummary:
    """Write what reference and gene model alone decide: ``<sample>.annotated.vcf.gz`` with ``.tbi``, and
    ``<sample>.consequences.parquet``, into ``folder``.

    Arguments and errors are those of :func:`annotate_file`; knowledge that the bundle has is not looked at.
    """
    outputs = Outputs(
        folder / f"{sample}.annotated.vcf.gz", folder / f"{sample}.consequences.parquet", CONSEQUENCE_COLUMNS
    )
    return annotate_file(variants, sample, replace(bundle, clinvar=None), outputs, progress=progress)


def annotate_variants(
    variants: Path, bundle: ReferenceBundle, folder: Path, sample: str, *, progress: Progress | None = None
) -> AnnotationSummary:
    """Write consequences and what ClinVar says in one pass: ``<sample>.annotated.vcf.gz`` with ``.tbi`` and
    ``<sample>.annotated.parquet``, into ``folder``.

    Arguments and errors are those of :func:`annotate_file`.
    """
    outputs = Outputs(folder / f"{sample}.annotated.vcf.gz", folder / f"{sample}.annotated.parquet")
    return annotate_file(variants, sample, bundle, outputs, progress=progress)


def annotate_file(
    variants: Path,
    sample: str | None,
    bundle: ReferenceBundle,
    outputs: Outputs,
    *,
    frequencies: Path | None = None,
    plain: bool = True,
    sequences: Sequences | None = None,
    progress: Progress | None = None,
) -> AnnotationSummary:
    """Annotate the alleles that a sample carries, or all of a file without calls, as VCF with index and as table.

    Args:
        variants: VCF or BCF, sorted, with the sample among its columns.
        sample: sample id, as in the VCF; absent for a file without any, of which every allele is annotated.
        bundle: with a gene model; without a ClinVar table the ClinVar columns stay empty.
        outputs: the files to be written.
        frequencies: VCF as :mod:`engine.annotate.frequencies` reads it; without it its columns stay empty.
        plain: false has every record judged by itself; the results are the same.
        sequences: of the bundle's FASTA, where it is open already.
        progress: advanced by the number of records.

    Raises:
        KnowledgeError: the bundle has no gene model, or it or the frequencies are damaged.
        ReferenceMismatchError: the frequencies are of another build.
        VariantFileError: the VCF is damaged, lacks the sample, or names a contig that the reference lacks.
    """
    if bundle.gene_model is None:
        raise KnowledgeError(
            "the reference has no gene model", file=bundle.fasta, remedy="declare gene_model in the reference's YAML"
        )
    progress = progress or Progress("annotating", unit="variants")
    with uncollected(), tempfile.TemporaryDirectory(dir=outputs.vcf.parent) as folder, ExitStack() as stack:
        scratch = Path(folder)
        stack.enter_context(_told_of(variants, scratch))
        source = open_source(variants, sample, scratch, bundle.contigs)
        contigs = Contigs(bundle, read_gene_model(bundle.gene_model), sample, stack, sequences)
        known = KnownAlleles(bundle.clinvar)
        sorting = Sorting(source, contigs, known, plain=plain)
        apart = scratch / "judged.vcf"
        sorting.write_judged(apart)
        judged = judge(apart, bundle, contigs, source, scratch)
        frequent = Frequencies(frequencies, contigs)
        with _Writer(outputs, annotated_header(_header(judged, source)), progress) as writer:
            parts = _Parts(source, sorting, judged, contigs, known, frequent)
            gc.freeze()  # what is held to the end is not looked through again and again
            for number, part in enumerate(parts.in_order(with_table=outputs.table is not None)):
                writer.write(part)
                if number % _COLLECT_AFTER == _COLLECT_AFTER - 1:
                    gc.collect()
        frequent.require_the_build()
    return replace(
        parts.tally.summary(),
        call_contradictions=parts.contradictions.count,
        call_contradiction_examples=parts.contradictions.examples,
        beyond_depth=sorting.beyond_depth.count,
        first_beyond_depth=sorting.beyond_depth.first,
        unchanged=sorting.unchanged.count,
        first_unchanged=sorting.unchanged.first,
        frequency_contradictions=frequent.contradictions.count,
        frequency_contradiction_examples=frequent.contradictions.examples,
    )


@contextmanager
def _told_of(variants: Path, scratch: Path) -> Iterator[None]:
    """What is wrong with a file between two programs is told of the one that was given, whose lines are others."""
    try:
        yield
    except GenomicsError as error:
        if error.file and Path(error.file).is_relative_to(scratch):
            error.file = str(variants)
            error.place = None if (error.place or "").startswith("line ") else error.place
        raise


def _header(judged: Judged, source: Source) -> list[str]:
    """The header as the parts of the engine left it, without the column that stands for everybody."""
    *facts, columns = judged.header
    if source.sample is not None:
        return [*facts, columns]
    kept = [line for line in facts if line in source.header or not line.startswith("##FORMAT=<ID=GT,")]
    return [*kept, "\t".join(columns.split("\t")[:8]) + "\n"]


@dataclass
class _Tally:
    """Counts while the stream runs."""

    not_carried: int = 0
    duplicates: int = 0
    ref_mismatches: int = 0
    clinvar_matched: int = 0
    clinvar_pathogenic: int = 0
    frequencies_matched: int = 0
    named: int = 0
    coding: int = 0
    consequences: Counter[str] = field(default_factory=Counter)
    unlisted: set[str] = field(default_factory=set)

    def count(self, row: Row) -> None:
        self.ref_mismatches += not row.ref_matches
        self.clinvar_matched += row.clinvar.clinvar_variation_id is not None
        self.clinvar_pathogenic += row.clinvar.clinvar_classification in PATHOGENIC
        self.frequencies_matched += row.frequency != _NO_FREQUENCY
        self.named += row.name.hgvs_g is not None
        self.coding += row.consequence.impact != "MODIFIER"
        self.consequences[row.consequence.consequence.partition("&")[0]] += 1

    def count_plain(self, rows: PlainRows) -> None:
        self.named += rows.named
        self.clinvar_matched += len(rows.clinvar)
        self.clinvar_pathogenic += sum(match.classification in PATHOGENIC for match in rows.clinvar)
        self.frequencies_matched += rows.frequent
        for names, count in rows.consequences.items():
            name = names.partition("&")[0]
            self.consequences[name] += count
            self.coding += count * (term(name).impact != "MODIFIER")

    def summary(self) -> AnnotationSummary:
        records = self.consequences.total()
        ordered = sorted(self.consequences.items(), key=lambda item: (-item[1], item[0]))
        annotated = records - self.consequences[""]
        return AnnotationSummary(
            records=records,
            not_carried=self.not_carried,
            duplicates=self.duplicates,
            annotated_fraction=annotated / records if records else 1.0,
            ref_mismatches=self.ref_mismatches,
            clinvar_matched=self.clinvar_matched,
            clinvar_pathogenic=self.clinvar_pathogenic,
            frequencies_matched=self.frequencies_matched,
            named_fraction=self.named / records if records else 1.0,
            coding_records=self.coding,
            consequence_names=[name for name, _ in ordered],
            consequence_counts=[count for _, count in ordered],
            unlisted_terms=sorted(self.unlisted),
        )


@dataclass
class _Part:
    """Rows that follow each other on one contig, ready to be written.

    Attributes:
        contig: its name.
        starts: 0-based first base of each.
        ends: one past the last base of its REF; absent where one may reach beyond, by its ALT or by END in INFO.
        text: the lines of the VCF, one behind the other.
        sizes: bytes of each.
        table: absent where none is wanted.
    """

    contig: str
    starts: NDArray[np.int64]
    ends: NDArray[np.int64] | None
    text: bytes | memoryview
    sizes: NDArray[np.int64]
    table: pa.Table | None


class _Parts:
    """Plain and judged rows, batch by batch in the order of the genome."""

    def __init__(
        self,
        source: Source,
        sorting: Sorting,
        judged: Judged,
        contigs: Contigs,
        known: KnownAlleles,
        frequencies: Frequencies,
    ) -> None:
        self._source, self._sorting, self._contigs = source, sorting, contigs
        self._known, self._frequencies = known, frequencies
        self._left_out = LeftOut()
        self.contradictions = self._left_out.contradictions
        self._streams = [_Ahead(records) for records in carried_once(judged, self._left_out)]
        self._annotator = Annotator(source.named, contigs, known, beside(judged, contigs, source, known))
        self._annotated_before = has_our_fields(judged.header)
        self._strip = our_fields(source.header)
        self._plain: tuple[str, PlainAnnotator] | None = None
        self._schema = coded_schema(arrow_schema(ANNOTATED_COLUMNS))
        self.tally = _Tally()

    def in_order(self, *, with_table: bool) -> Iterator[_Part]:
        """All rows."""
        waiting: Held | None = None
        for held in self._sorting.batches():
            if waiting is not None:
                yield self._part(waiting, held, with_table=with_table)
            waiting = held
        if waiting is not None:
            yield self._part(waiting, None, with_table=with_table)
        self.tally.not_carried = self._sorting.left_out + self._left_out.not_carried
        self.tally.duplicates = self._left_out.duplicates
        self.tally.unlisted = self._annotator.unlisted_terms

    def _part(self, held: Held, after: Held | None, *, with_table: bool) -> _Part:
        """The rows of a batch: the plain ones, and those judged that lie before the next batch."""
        contig = held.told.batch.contig
        end = None
        if after is not None and after.told.batch.contig == contig:
            end = int(held.told.end.max())
        window = self._frequencies.window(held.told)
        plain = self._plain_rows(held, window, with_table=with_table)
        rows, lines = self._judged_rows(contig, end, window)
        table = None
        if with_table:
            table = rows_table(rows, self._schema)
            if self._source.sample is None:
                table = _without_calls(table)
        part = _merged(contig, plain, [row.record for row in rows], lines, table)
        if _END in held.told.batch.text or any(_END in line for line in lines):
            part.ends = None
        return part

    def _plain_rows(self, held: Held, window: FrequencyWindow, *, with_table: bool) -> PlainRows:
        told, contig = held.told, held.told.batch.contig
        if self._plain is None or self._plain[0] != contig:
            sequence, bare = self._contigs.sequence(contig), bare_contig(contig)
            accession, places = self._contigs.accession(contig), self._contigs.places(contig)
            self._plain = contig, PlainAnnotator(self._source.sample, sequence, bare, accession, places)
        rows = self._plain[1].rows(
            told,
            held.calls,
            self._known.on(bare_contig(contig)),
            window,
            strip=self._strip,
            with_table=with_table,
        )
        self.tally.count_plain(rows)
        return rows

    def _judged_rows(self, contig: str, end: int | None, window: FrequencyWindow) -> tuple[list[Row], list[bytes]]:
        """Judged rows of a contig up to a position (1-based, included), or to its end."""
        rows, lines = [], []
        records = [record for stream in self._streams for record in stream.on(contig, end)]
        frequencies = window.many([(contig, int(one[1]), one[3], one[4]) for one, _ in records])
        for (fields, call), frequency in zip(records, frequencies, strict=True):
            row = self._annotator.row(fields, call, frequency)
            self.tally.count(row)
            rows.append(row)
            fields[7] = annotated_info(fields[7], row, annotated_before=self._annotated_before)
            told = fields if self._source.sample is not None else fields[:8]
            lines.append(("\t".join(told) + "\n").encode())
        return rows, lines


class _Ahead:
    """Records in order, of which the next can be looked at."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records = records
        self._next = next(records, None)

    def on(self, contig: str, end: int | None) -> Iterator[Record]:
        """Those that come next on a contig, up to a position."""
        while self._next is not None and self._next[0][0] == contig and (end is None or int(self._next[0][1]) <= end):
            taken, self._next = self._next, next(self._records, None)
            yield taken


def _without_calls(table: pa.Table) -> pa.Table:
    """The rows of a file that holds nobody's calls."""
    import pyarrow as pa

    for place, field_ in enumerate(table.schema):
        if field_.name in _OF_THE_CALL:
            table = table.set_column(place, field_, pa.nulls(len(table), field_.type))
        elif field_.name == "sample_id":
            table = table.set_column(place, field_, pa.array([""] * len(table), field_.type))
    return table


def _merged(
    contig: str, plain: PlainRows, records: list[RecordPart], lines: list[bytes], table: pa.Table | None
) -> _Part:
    """Plain and judged rows of one batch as one, by place."""
    import pyarrow as pa

    text, places = letters(plain.lines).data, offsets(plain.lines)
    sizes = np.diff(places)
    if not records:
        return _Part(contig, plain.positions - 1, plain.ends, text, sizes, plain.table)
    judged = np.array([record.position for record in records], np.int64)
    starts = np.concatenate([plain.positions, judged]) - 1
    order = np.argsort(starts, kind="stable")
    rows = pa.array(order)
    if table is not None and plain.table is not None:
        table = _in_order(plain.table, table, rows)
    ends = None
    if not any(record.alt.startswith("<") for record in records):
        ends = np.concatenate([plain.ends, [record.position - 1 + len(record.ref) for record in records]])[order]
    behind = np.searchsorted(plain.positions, judged, "right")
    sizes = np.concatenate([sizes, [len(line) for line in lines]])[order]
    return _Part(contig, starts[order], ends, _among(text, places[behind] - places[0], lines), sizes, table)


def _among(text: memoryview, places: NDArray[np.int32], lines: list[bytes]) -> bytes:
    """A text with lines put in at places of it.

    >>> _among(memoryview(b"a\\nc\\nd\\n"), np.array([2, 2, 6]), [b"b\\n", b"b\\n", b"e\\n"])
    b'a\\nb\\nb\\nc\\nd\\ne\\n'
    """
    borders = [0, *places.tolist(), len(text)]
    woven: list[bytes | memoryview] = [b""] * (2 * len(lines) + 1)
    woven[::2] = [text[start:end] for start, end in itertools.pairwise(borders)]
    woven[1::2] = lines
    return b"".join(woven)


def _in_order(one: pa.Table, other: pa.Table, order: pa.Array) -> pa.Table:
    """Rows of two tables in a given order; a take out of chunks is several times slower."""
    import pyarrow as pa

    columns = [
        pa.concat_arrays([chunk for table in (one, other) for chunk in table.column(place).chunks]).take(order)
        for place in range(one.num_columns)
    ]
    return pa.Table.from_arrays(columns, schema=one.schema)


def _only(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of a table that a schema has, and of their structs the fields."""
    import pyarrow as pa

    if table.schema == schema:
        return table
    columns = [table.column(field_.name) for field_ in schema]
    kept = [
        column if column.type == field_.type else _with_fields(column.combine_chunks(), field_.type)
        for column, field_ in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(kept, schema=schema)


def _with_fields(lists: pa.ListArray, kind: pa.DataType) -> pa.ListArray:
    """Lists of structs with fewer fields."""
    import pyarrow as pa

    structs = lists.values
    fields = list(kind.value_type)
    kept = pa.StructArray.from_arrays([structs.field(one.name) for one in fields], fields=fields)
    return pa.ListArray.from_arrays(lists.offsets, kept, type=kind)


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles of objects meanwhile: to look through millions of objects takes a third of the time."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if collected:
            gc.enable()


class _Writer:
    """VCF with index and table, being written."""

    def __init__(self, outputs: Outputs, header: str, progress: Progress) -> None:
        self._outputs, self._progress = outputs, progress
        self._schema = arrow_schema(outputs.columns)
        self._coded = coded_schema(self._schema)
        self._vcf = BgzfWriter(outputs.vcf, level=1)
        told = header.encode()
        self._vcf.write(told)
        self._index: VcfIndex | None = VcfIndex(len(told))
        self._table: Any = None

    def write(self, part: _Part) -> None:
        """Add rows."""
        self._vcf.write(part.text)
        if part.ends is None or (len(part.ends) and part.ends.max() > LAST):
            self._index = None
        elif self._index is not None:
            self._index.add(part.contig, part.starts, part.ends, part.sizes)
        if part.table is not None:
            self._table.write_table(_only(part.table, self._coded))
        self._progress.advance(len(part.starts))

    def __enter__(self) -> Self:
        self._vcf.__enter__()
        if self._outputs.table is not None:
            self._table = open_coded(self._outputs.table, self._schema).__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._vcf.__exit__(kind, error, trace)
        if self._table is not None:
            self._table.__exit__(kind, error, trace)
        if kind is None and self._index is not None:
            self._index.write(self._outputs.vcf.with_name(f"{self._outputs.vcf.name}.tbi"), self._vcf)
        elif kind is None:  # what reaches beyond its REF, tabix knows
            index_calls(self._outputs.vcf)
