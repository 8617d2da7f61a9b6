"""Annotating a sample's variants: normalise, consequence, HGVS and ClinVar in one pass, into VCF and Parquet.

The two files say the same: the VCF for tools and browsers, the Parquet for tables and for :mod:`engine.classify`. The
pass is a stream of batches, so memory does not grow with the number of variants; ClinVar is joined beforehand.
"""

from __future__ import annotations

import itertools
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.annotate.calls import Call, read_call
from engine.annotate.clinvar import Allele, ClinvarMatch, match_clinvar
from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.annotate.consequence import INTERGENIC, TERMS, Hit, call_consequences, complete, parse_bcsq, representative
from engine.annotate.edit import Edit, trimmed
from engine.annotate.gene_model import GeneModel, Transcript, read_gene_model
from engine.annotate.hgvs import TranscriptHgvs, genomic_change, genomic_hgvs, transcript_hgvs, variant_type
from engine.annotate.normalise import ORIGINAL, normalise
from engine.annotate.rows import CallPart, ClinvarPart, ConsequencePart, NamePart, Row, TranscriptConsequence
from engine.annotate.vcf_lines import annotated_header, annotated_info
from engine.errors import KnowledgeError, VariantFileError
from engine.files.variant_lines import variant_lines
from engine.progress import Progress
from engine.reference.accessions import bare_contig, refseq_accession
from engine.reference.bundle import ReferenceBundle
from engine.tables import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa
    import pysam

_BATCH = 50_000
_IS_SEQUENCE = re.compile("[ACGTN]+").fullmatch
_NO_ALLELE = frozenset({"*", ".", "<*>", "<NON_REF>"})


@dataclass(frozen=True)
class AnnotationSummary:
    """What was measured while annotating a sample.

    Attributes:
        records: alleles annotated, one a row: those that the sample carries.
        not_carried: alleles of the input that the sample does not carry, and records without a genotype.
        annotated_fraction: share of ``records`` with a consequence; ``intergenic_variant`` counts as one.
        ref_mismatches: records whose REF is not what the reference reads there.
        clinvar_matched: rows whose allele ClinVar knows.
        clinvar_pathogenic: rows that ClinVar calls pathogenic or likely pathogenic.
        named_fraction: share of rows with an HGVS g. name.
        coding_records: rows whose representative consequence has an impact other than MODIFIER.
        consequence_names: representative consequences (the most severe term), the most frequent first.
        consequence_counts: rows with each of them.
    """

    records: int
    not_carried: int
    annotated_fraction: float
    ref_mismatches: int
    clinvar_matched: int
    clinvar_pathogenic: int
    named_fraction: float
    coding_records: int
    consequence_names: list[str]
    consequence_counts: list[int]


def annotate_variants(
    variants: Path, bundle: ReferenceBundle, folder: Path, sample: str, *, progress: Progress | None = None
) -> AnnotationSummary:
    """Write ``<sample>.annotated.vcf.gz`` with ``.tbi`` and ``<sample>.annotated.parquet`` into ``folder``.

    Args:
        variants: VCF or BCF with the sample among its columns.
        bundle: with a gene model; without a ClinVar table the ClinVar columns stay empty.
        folder: staging folder for the results.
        sample: sample id, as in the VCF.
        progress: advanced by the number of records.

    Raises:
        KnowledgeError: the bundle has no gene model, or it is damaged.
        VariantFileError: the VCF is damaged, lacks the sample, or names a contig that the reference lacks.
    """
    import pysam

    if bundle.gene_model is None:
        raise KnowledgeError(
            "the reference has no gene model", file=bundle.fasta, remedy="declare gene_model in the reference's YAML"
        )
    progress = progress or Progress("annotating", unit="variants")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        normalised = normalise(variants, bundle.fasta, sample, Path(scratch))
        contigs = list(bundle.contig_lengths)
        judged = call_consequences(normalised, bundle.fasta, bundle.gene_model, Path(scratch), contigs)
        normalised.unlink()
        known = {} if bundle.clinvar is None else match_clinvar(judged, bundle.clinvar)
        model = read_gene_model(bundle.gene_model)
        with pysam.FastaFile(str(bundle.fasta)) as sequences:
            annotator = _Annotator(sample, bundle, model, known, sequences)
            tally = _write(annotator, judged, folder / f"{sample}.annotated", progress)
    pysam.tabix_index(str(folder / f"{sample}.annotated.vcf.gz"), preset="vcf", force=True)
    return tally.summary()


@dataclass
class _Tally:
    """Counts while the stream runs."""

    not_carried: int = 0
    ref_mismatches: int = 0
    clinvar_matched: int = 0
    clinvar_pathogenic: int = 0
    named: int = 0
    coding: int = 0
    consequences: Counter[str] = field(default_factory=Counter)

    def count(self, row: Row) -> None:
        self.ref_mismatches += not row.call.ref_matches
        self.clinvar_matched += row.clinvar.clinvar_variation_id is not None
        self.clinvar_pathogenic += row.clinvar.clinvar_classification in ("pathogenic", "likely_pathogenic")
        self.named += row.name.hgvs_g is not None
        self.coding += row.consequence.impact != "MODIFIER"
        self.consequences[row.consequence.consequence.partition("&")[0]] += 1

    def summary(self) -> AnnotationSummary:
        records = self.consequences.total()
        ordered = sorted(self.consequences.items(), key=lambda item: (-item[1], item[0]))
        annotated = records - self.consequences[""]
        return AnnotationSummary(
            records=records,
            not_carried=self.not_carried,
            annotated_fraction=annotated / records if records else 1.0,
            ref_mismatches=self.ref_mismatches,
            clinvar_matched=self.clinvar_matched,
            clinvar_pathogenic=self.clinvar_pathogenic,
            named_fraction=self.named / records if records else 1.0,
            coding_records=self.coding,
            consequence_names=[name for name, _ in ordered],
            consequence_counts=[count for _, count in ordered],
        )


def _write(annotator: _Annotator, judged: Sequence[Path], stem: Path, progress: Progress) -> _Tally:
    """Stream the records of the parts of ``judged`` into the VCF and the Parquet."""
    import pyarrow.parquet as pq
    import pysam

    tally = _Tally()
    schema = arrow_schema(ANNOTATED_COLUMNS)
    header = list(itertools.takewhile(_is_header, _lines(judged[0])))
    records = itertools.chain.from_iterable(itertools.dropwhile(_is_header, _lines(part)) for part in judged)
    with (
        pysam.BGZFile(f"{stem}.vcf.gz", "wb", None) as vcf,
        pq.ParquetWriter(f"{stem}.parquet", schema, compression="zstd") as table,
    ):
        vcf.write(annotated_header(header).encode())
        for batch in _batches(annotator.rows(records, tally)):
            vcf.write("".join(line for _, line in batch).encode())
            table.write_table(_table([row for row, _ in batch], schema))
            progress.advance(len(batch))
    return tally


def _lines(vcf: Path) -> Iterator[str]:
    yield from variant_lines(vcf)


def _is_header(line: str) -> bool:
    return line.startswith("#")


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = zip(*(row.values for row in rows), strict=True)
    arrays = [
        _consequence_lists(column, kind.type) if kind.name == "consequences" else pa.array(column, kind.type)
        for column, kind in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _consequence_lists(column: Sequence[tuple[TranscriptConsequence, ...]], kind: pa.DataType) -> pa.ListArray:
    """Lists of structs column by column: several times faster than out of dictionaries."""
    import pyarrow as pa

    members = list(zip(*itertools.chain.from_iterable(column), strict=True)) or [()] * len(kind.value_type)
    arrays = [pa.array(values, kind.value_type[number].type) for number, values in enumerate(members)]
    offsets = list(itertools.accumulate((len(hits) for hits in column), initial=0))
    structs = pa.StructArray.from_arrays(arrays, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs, type=kind)


_Annotated = tuple[Row, str]
"""A row and the VCF line that says the same."""


def _batches(rows: Iterator[_Annotated]) -> Iterator[list[_Annotated]]:
    while batch := list(itertools.islice(rows, _BATCH)):
        yield batch


class _Annotator:
    """Makes a row and a VCF line of each record; holds the sequence of one contig at a time."""

    def __init__(
        self,
        sample: str,
        bundle: ReferenceBundle,
        model: GeneModel,
        clinvar: dict[Allele, ClinvarMatch],
        sequences: pysam.FastaFile,
    ) -> None:
        self._sample, self._bundle, self._model, self._clinvar = sample, bundle, model, clinvar
        self._sequences = sequences
        self._contig = self._bare = self._sequence = ""
        self._accession: str | None = None

    def rows(self, lines: Iterable[str], tally: _Tally) -> Iterator[_Annotated]:
        """Annotate each record that the sample carries."""
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            call = read_call(fields[8], fields[9])
            if not call.copies or fields[4] in _NO_ALLELE:
                tally.not_carried += 1
                continue
            row = self._row(fields, call)
            tally.count(row)
            fields[7] = annotated_info(fields[7], row)
            yield row, "\t".join(fields) + "\n"

    def _row(self, fields: list[str], call: Call) -> Row:
        contig, start, ref, alt, info = fields[0], int(fields[1]) - 1, fields[3], fields[4], fields[7]
        self._load(contig)
        matches = self._sequence[start : start + len(ref)] == ref.upper()
        edit = trimmed(start, ref, alt) if matches and _IS_SEQUENCE(alt) else None
        span = (edit.start, edit.end) if edit else (start, start + len(ref))
        hits = complete(parse_bcsq(_info_value(info, "BCSQ=")), contig, *span, self._model)
        return Row(
            CallPart(
                self._sample,
                f"{self._bare}-{start + 1}-{ref}-{alt}",
                contig,
                start + 1,
                ref,
                alt,
                _info_value(info, f"{ORIGINAL}=") or None,
                None if fields[5] == "." else float(fields[5]),
                fields[6],
                *call,
                matches,
            ),
            self._name(edit),
            self._consequence(hits, edit) if hits else _INTERGENIC,
            _clinvar_part(self._clinvar.get((self._bare, start + 1, ref, alt))),
        )

    def _load(self, contig: str) -> None:
        if contig == self._contig:
            return
        lengths = self._bundle.contig_lengths
        if contig not in lengths:
            raise VariantFileError(
                f"contig {contig} is not in the reference {self._bundle.name}",
                remedy="call the variants against this reference",
                sample=self._sample,
            )
        self._contig, self._bare = contig, bare_contig(contig)
        self._sequence = self._sequences.fetch(contig).upper()
        self._accession = refseq_accession(self._bundle.build, contig, lengths[contig])

    def _name(self, edit: Edit | None) -> NamePart:
        if edit is None:
            return NamePart("other", None)
        change = genomic_change(edit, self._sequence)
        return NamePart(variant_type(change), genomic_hgvs(self._accession, change) if self._accession else None)

    def _consequence(self, hits: list[Hit], edit: Edit | None) -> ConsequencePart:
        every: dict[str, TranscriptConsequence] = {}
        for hit in hits:
            transcript = self._model.transcripts.get(hit.transcript)
            if transcript is not None:
                named = transcript_hgvs(transcript, edit, self._sequence) if edit else _NOT_NAMED
                every[hit.transcript] = TranscriptConsequence(
                    transcript.gene,
                    transcript.gene_id,
                    transcript.name,
                    transcript.biotype,
                    "&".join(hit.terms),
                    hit.impact,
                    *named,
                )
        chosen = representative(hits, self._model)
        if chosen is None:
            return _INTERGENIC
        hit, transcript = chosen
        told = every[hit.transcript]
        return ConsequencePart(
            told.gene,
            told.gene_id,
            transcript.hgnc_id,
            told.transcript,
            transcript.standing or "longest_coding_sequence",
            told.consequence,
            told.impact,
            _exon(transcript, edit),
            told.hgvs_c,
            told.hgvs_p,
            tuple(every.values()),
        )


_INTERGENIC = ConsequencePart(None, None, None, None, None, INTERGENIC, TERMS[INTERGENIC].impact)
_NOT_NAMED = TranscriptHgvs(None, None)
_NO_CLINVAR = ClinvarPart()


def _exon(transcript: Transcript, edit: Edit | None) -> str | None:
    exon = transcript.exon_number(edit.start, max(edit.end, edit.start + 1)) if edit else None
    return f"{exon}/{len(transcript.exons)}" if exon else None


def _clinvar_part(match: ClinvarMatch | None) -> ClinvarPart:
    if match is None:
        return _NO_CLINVAR
    return ClinvarPart(
        match.variation_id,
        match.allele_id,
        match.significance,
        match.classification,
        match.review_status,
        match.stars,
        match.conditions,
        match.condition_ids,
        match.scv,
        match.rs,
    )


def _info_value(info: str, tag: str) -> str:
    """The value of a tag, given with its equals sign; empty where it is absent."""
    if info.startswith(tag):
        return info[len(tag) :].partition(";")[0]
    return info.partition(f";{tag}")[2].partition(";")[0]
