"""Annotating a sample's variants: normalise, consequence, HGVS and ClinVar in one pass, into VCF and Parquet.

The two files say the same: the VCF for tools and browsers, the Parquet for tables and for :mod:`engine.classify`. The
pass is a stream of batches, so memory does not grow with the number of variants; ClinVar is joined beforehand.
"""

from __future__ import annotations

import gzip
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.annotate.accessions import bare_contig, refseq_accession
from engine.annotate.calls import Call, read_call
from engine.annotate.clinvar import Allele, ClinvarMatch, match_clinvar
from engine.annotate.columns import ANNOTATED_COLUMNS, arrow_schema
from engine.annotate.consequence import INTERGENIC, TERMS, Hit, call_consequences, complete, parse_bcsq, representative
from engine.annotate.edit import Edit, trimmed
from engine.annotate.gene_model import GeneModel, Transcript, read_gene_model
from engine.annotate.hgvs import genomic_hgvs, transcript_hgvs, variant_type
from engine.annotate.normalise import ORIGINAL, normalise
from engine.annotate.vcf_lines import annotated_header, annotated_info
from engine.errors import KnowledgeError, VariantFileError
from engine.progress import Progress
from engine.reference.bundle import ReferenceBundle

if TYPE_CHECKING:
    import pysam

_BATCH = 50_000
_BASES = frozenset("ACGTN")


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
        judged = Path(scratch, "consequences.vcf.gz")
        call_consequences(normalised, bundle.fasta, bundle.gene_model, judged)
        normalised.unlink()
        clinvar = match_clinvar(judged, bundle.clinvar) if bundle.clinvar else {}
        model = read_gene_model(bundle.gene_model)
        with pysam.FastaFile(str(bundle.fasta)) as sequences:
            annotator = _Annotator(sample, bundle, model, clinvar, sequences)
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

    def count(self, row: dict[str, Any]) -> None:
        self.ref_mismatches += not row["ref_matches"]
        self.clinvar_matched += row["clinvar_variation_id"] is not None
        self.clinvar_pathogenic += row["clinvar_classification"] in ("pathogenic", "likely_pathogenic")
        self.named += row["hgvs_g"] is not None
        self.coding += row["impact"] != "MODIFIER"
        self.consequences[row["consequence"].partition("&")[0]] += 1

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


def _write(annotator: _Annotator, judged: Path, stem: Path, progress: Progress) -> _Tally:
    """Stream the records of ``judged`` into the VCF and the Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pysam

    tally = _Tally()
    schema = arrow_schema(ANNOTATED_COLUMNS)
    with (
        gzip.open(judged, "rt") as lines,
        pysam.BGZFile(f"{stem}.vcf.gz", "wb", None) as vcf,
        pq.ParquetWriter(f"{stem}.parquet", schema, compression="zstd") as table,
    ):
        header, first = _header(lines)
        vcf.write(annotated_header(header).encode())
        for batch in _batches(annotator.rows(first, lines, tally)):
            vcf.write("".join(line for _, line in batch).encode())
            rows = [row for row, _ in batch]
            columns = {name: [row[name] for row in rows] for name in schema.names}
            table.write_table(pa.Table.from_pydict(columns, schema=schema))
            progress.advance(len(batch))
    return tally


def _header(lines: Iterable[str]) -> tuple[list[str], str]:
    """The header's lines and the first record's, empty where there is none."""
    header: list[str] = []
    for line in lines:
        if not line.startswith("#"):
            return header, line
        header.append(line)
    return header, ""


_Row = tuple[dict[str, Any], str]


def _batches(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    batch: list[_Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
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

    def rows(self, first: str, lines: Iterable[str], tally: _Tally) -> Iterator[_Row]:
        """Annotate each record that the sample carries."""
        for line in itertools.chain([first] if first else [], lines):
            fields = line.rstrip("\n").split("\t")
            call = read_call(fields)
            if not call.copies or fields[4] in ("*", ".", "<*>", "<NON_REF>"):
                tally.not_carried += 1
                continue
            row = self._row(fields, call)
            tally.count(row)
            fields[7] = annotated_info(fields[7], row)
            yield row, "\t".join(fields) + "\n"

    def _row(self, fields: list[str], call: Call) -> dict[str, Any]:
        contig, ref, alt = fields[0], fields[3], fields[4]
        position = int(fields[1])
        self._load(contig)
        row = _call_columns(self._sample, fields, call, f"{self._bare}-{position}-{ref}-{alt}")
        row["ref_matches"] = self._sequence[position - 1 : position - 1 + len(ref)] == ref.upper()
        edit = trimmed(position - 1, ref, alt) if row["ref_matches"] and set(alt) <= _BASES else None
        span = (edit.start, edit.end) if edit else (position - 1, position - 1 + len(ref))
        hits = complete(parse_bcsq(_info_value(fields[7], "BCSQ=")), *span, self._model)
        row |= self._consequence_columns(hits, edit)
        row |= _clinvar_columns(self._clinvar.get((self._bare, position, ref, alt)))
        return row

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

    def _consequence_columns(self, hits: list[Hit], edit: Edit | None) -> dict[str, Any]:
        names = {}
        every = []
        for hit in hits:
            transcript = self._model.transcripts.get(hit.transcript)
            if transcript is None:
                continue
            named = transcript_hgvs(transcript, edit, self._sequence) if edit else None
            names[hit.transcript] = named
            every.append(
                {
                    "gene": transcript.gene,
                    "gene_id": transcript.gene_id,
                    "transcript": transcript.name,
                    "biotype": transcript.biotype,
                    "consequence": "&".join(hit.terms),
                    "impact": hit.impact,
                    "hgvs_c": named.coding if named else None,
                    "hgvs_p": named.protein if named else None,
                }
            )
        chosen = representative(hits, self._model)
        named = names[chosen[0].transcript] if chosen else None
        return {
            "variant_type": variant_type(edit, self._sequence) if edit else "other",
            "hgvs_g": genomic_hgvs(self._accession, edit, self._sequence) if edit and self._accession else None,
            **_representative_columns(chosen, edit),
            "hgvs_c": named.coding if named else None,
            "hgvs_p": named.protein if named else None,
            "consequences": every,
        }


def _representative_columns(chosen: tuple[Hit, Transcript] | None, edit: Edit | None) -> dict[str, Any]:
    names = ("gene", "gene_id", "hgnc_id", "transcript", "representative_by", "exon")
    if chosen is None:
        return dict.fromkeys(names) | {"consequence": INTERGENIC, "impact": TERMS[INTERGENIC].impact}
    hit, transcript = chosen
    exon = transcript.exon_number(edit.start, max(edit.end, edit.start + 1)) if edit else None
    return {
        "gene": transcript.gene,
        "gene_id": transcript.gene_id,
        "hgnc_id": transcript.hgnc_id,
        "transcript": transcript.name,
        "representative_by": transcript.standing or "longest_coding_sequence",
        "exon": f"{exon}/{len(transcript.exons)}" if exon else None,
        "consequence": "&".join(hit.terms),
        "impact": hit.impact,
    }


def _call_columns(sample: str, fields: list[str], call: Call, allele: str) -> dict[str, Any]:
    return {
        "sample": sample,
        "allele": allele,
        "contig": fields[0],
        "position": int(fields[1]),
        "ref": fields[3],
        "alt": fields[4],
        "original": _info_value(fields[7], f"{ORIGINAL}=") or None,
        "qual": None if fields[5] == "." else float(fields[5]),
        "filter": fields[6],
        "genotype": call.genotype,
        "copies": call.copies,
        "ploidy": call.ploidy,
        "phase_set": call.phase_set,
        "haplotypes": call.haplotypes,
        "depth": call.depth,
        "ref_depth": call.ref_depth,
        "alt_depth": call.alt_depth,
        "genotype_quality": call.genotype_quality,
    }


def _clinvar_columns(match: ClinvarMatch | None) -> dict[str, Any]:
    told = ("variation_id", "allele_id", "significance", "classification", "review_status", "stars")
    lists = ("conditions", "condition_ids", "scv")
    columns = {f"clinvar_{name}": getattr(match, name) if match else None for name in (*told, *lists)}
    return columns | {"rs": match.rs if match else None}


def _info_value(info: str, tag: str) -> str:
    """The value of a tag, given with its equals sign; empty where it is absent."""
    if info.startswith(tag):
        return info[len(tag) :].partition(";")[0]
    return info.partition(f";{tag}")[2].partition(";")[0]
