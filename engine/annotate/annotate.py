"""Annotating a sample's variants: normalise, consequence, HGVS and ClinVar in one pass, into VCF and Parquet.

The two files say the same: the VCF for tools and browsers, the Parquet for tables and for :mod:`engine.classify`. The
pass is a stream of batches, so memory does not grow with the number of variants; ClinVar is joined beforehand.
"""

from __future__ import annotations

import gzip
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.annotate.annotator import Annotator, Beside
from engine.annotate.calls import Call, SiteReads, read_call, read_site_reads
from engine.annotate.clinvar import PATHOGENIC, ClinvarMatch, match_clinvar
from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.annotate.compound import Allele, Combination, combinations, survey
from engine.annotate.consequence import call_consequences
from engine.annotate.frequencies import Frequency, match_frequencies
from engine.annotate.gene_model import GeneModel, read_gene_model
from engine.annotate.normalise import left_align, select_sample, split_alleles, with_several_alternates
from engine.annotate.rows import Row
from engine.annotate.vcf_lines import annotated_header, annotated_info, has_our_fields
from engine.errors import KnowledgeError
from engine.files.variant_lines import variant_lines
from engine.progress import Progress
from engine.reference.bundle import ReferenceBundle
from engine.tables import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa
    import pysam

_BATCH = 50_000
_NO_FREQUENCY = Frequency()
_NO_ALLELE = frozenset({"*", ".", "<*>", "<NON_REF>"})


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


@dataclass(frozen=True)
class Outputs:
    """Where the results are written.

    Attributes:
        vcf: bgzip; its ``.tbi`` is made beside it.
        table: Parquet, absent where none is wanted.
    """

    vcf: Path
    table: Path | None


def annotate_variants(
    variants: Path, bundle: ReferenceBundle, folder: Path, sample: str, *, progress: Progress | None = None
) -> AnnotationSummary:
    """Write ``<sample>.annotated.vcf.gz`` with ``.tbi`` and ``<sample>.annotated.parquet`` into ``folder``.

    Arguments and errors are those of :func:`annotate_file`.
    """
    outputs = Outputs(folder / f"{sample}.annotated.vcf.gz", folder / f"{sample}.annotated.parquet")
    return annotate_file(variants, sample, bundle, outputs, progress=progress)


def annotate_file(
    variants: Path,
    sample: str,
    bundle: ReferenceBundle,
    outputs: Outputs,
    *,
    frequencies: Path | None = None,
    progress: Progress | None = None,
) -> AnnotationSummary:
    """Annotate the alleles that a sample carries, into a VCF with index and, where it is wanted, a table.

    Args:
        variants: VCF or BCF with the sample among its columns.
        sample: sample id, as in the VCF.
        bundle: with a gene model; without a ClinVar table the ClinVar columns stay empty.
        outputs: the files to be written.
        frequencies: VCF as :mod:`engine.annotate.frequencies` reads it; without it its columns stay empty.
        progress: advanced by the number of records.

    Raises:
        KnowledgeError: the bundle has no gene model, or it or the frequencies are damaged.
        ReferenceMismatchError: the frequencies are of another build.
        VariantFileError: the VCF is damaged, lacks the sample, or names a contig that the reference lacks.
    """
    import pysam

    if bundle.gene_model is None:
        raise KnowledgeError(
            "the reference has no gene model", file=bundle.fasta, remedy="declare gene_model in the reference's YAML"
        )
    progress = progress or Progress("annotating", unit="variants")
    with tempfile.TemporaryDirectory(dir=outputs.vcf.parent) as scratch:
        model = read_gene_model(bundle.gene_model)
        judged = _judged(variants, bundle, bundle.gene_model, model, sample, Path(scratch))
        with pysam.FastaFile(str(bundle.fasta)) as sequences:
            beside = _beside(judged, model, sequences)
            known = _known(judged, beside, bundle.clinvar, Path(scratch))
            frequent = _frequent(judged, bundle, frequencies)
            annotator = Annotator(sample, bundle, model, known, beside, sequences, frequent)
            tally = _write(annotator, judged, outputs, progress)
    pysam.tabix_index(str(outputs.vcf), preset="vcf", force=True)
    return tally.summary()


class _Judged(NamedTuple):
    """The sample's alleles with their consequences, one a record, left-aligned.

    Attributes:
        parts: BGZF files that hold the records one after the other.
        site_reads: of the records that were taken apart.
    """

    parts: list[Path]
    site_reads: SiteReads

    def records(self) -> Iterator[str]:
        """Their lines."""
        return itertools.chain.from_iterable(itertools.dropwhile(_is_header, _lines(part)) for part in self.parts)


def _judged(
    variants: Path, bundle: ReferenceBundle, gene_model: Path, model: GeneModel, sample: str, scratch: Path
) -> _Judged:
    selected = select_sample(variants, sample, scratch)
    site_reads = read_site_reads(with_several_alternates(selected))
    split = split_alleles(selected, variants, sample)
    parts = call_consequences(split, bundle.fasta, gene_model, model, scratch, list(bundle.contig_lengths))
    split.unlink()
    aligned = [part.with_suffix(".vcf.gz") for part in parts]
    for part, output in zip(parts, aligned, strict=True):
        left_align(part, bundle.fasta, output, "z1", source=variants, sample=sample)
        part.unlink()
    return _Judged(aligned, site_reads)


def _beside(judged: _Judged, model: GeneModel, sequences: pysam.FastaFile) -> Beside:
    """What the records make together, and what they are made of."""
    found = survey(judged.records(), judged.site_reads)
    combined: dict[Allele, list[Combination]] = {}
    for contig, members in found.members.items():
        if len(members) < 2 or contig not in sequences.references:
            continue
        for combination in combinations(members, model, sequences.fetch(contig).upper()):
            for member in combination.members:
                combined.setdefault(member.allele, []).append(combination)
    return Beside(combined, found.parts, frozenset(combined) | frozenset(found.parts))


def _known(judged: _Judged, beside: Beside, clinvar: Path | None, scratch: Path) -> dict[Allele, ClinvarMatch]:
    """What ClinVar knows of the records, of what they make together and of their parts."""
    if clinvar is None:
        return {}
    if not (alleles := beside.alleles()):
        return match_clinvar(judged.parts, clinvar)
    more = scratch / "beside.vcf.gz"
    lines = (f"{contig}\t{position}\t.\t{ref}\t{alt}\n" for contig, position, ref, alt in alleles)
    with gzip.open(more, "wt", compresslevel=1) as written:
        written.write("#CHROM\tPOS\tID\tREF\tALT\n" + "".join(lines))
    return match_clinvar([*judged.parts, more], clinvar)


def _frequent(judged: _Judged, bundle: ReferenceBundle, frequencies: Path | None) -> dict[Allele, Frequency]:
    if frequencies is None:
        return {}
    split = (line.split("\t", 5) for line in judged.records())
    alleles = {(fields[0], int(fields[1]), fields[3], fields[4]) for fields in split}
    return match_frequencies(alleles, frequencies, bundle.fasta, bundle.contigs)


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


def _write(annotator: Annotator, judged: _Judged, outputs: Outputs, progress: Progress) -> _Tally:
    """Stream the records into the VCF and the Parquet."""
    import pyarrow.parquet as pq
    import pysam

    tally = _Tally()
    schema = arrow_schema(ANNOTATED_COLUMNS)
    header = list(itertools.takewhile(_is_header, _lines(judged.parts[0])))
    annotated_before = has_our_fields(header)
    with ExitStack() as stack:
        vcf = stack.enter_context(pysam.BGZFile(str(outputs.vcf), "wb", None))
        table = outputs.table and stack.enter_context(pq.ParquetWriter(outputs.table, schema, compression="zstd"))
        vcf.write(annotated_header(header).encode())
        for batch in _batches(_rows(annotator, judged, tally, annotated_before)):
            vcf.write("".join(line for _, line in batch).encode())
            if table:
                table.write_table(_table([row for row, _ in batch], schema))
            progress.advance(len(batch))
    tally.unlisted = annotator.unlisted_terms
    return tally


def _rows(annotator: Annotator, judged: _Judged, tally: _Tally, annotated_before: bool) -> Iterator[_Annotated]:
    """Annotate each allele that the sample carries, once."""
    for fields, call in _once(_carried(judged, tally), tally):
        row = annotator.row(fields, call)
        tally.count(row)
        fields[7] = annotated_info(fields[7], row, annotated_before=annotated_before)
        yield row, "\t".join(fields) + "\n"


_Record = tuple[list[str], Call]
"""Fields of a VCF line, and the sample's call in it."""


def _carried(judged: _Judged, tally: _Tally) -> Iterator[_Record]:
    for line in judged.records():
        fields = line.rstrip("\n").split("\t")
        call = read_call(fields[8], fields[9], judged.site_reads.of(fields[7]))
        if not call.copies or fields[4] in _NO_ALLELE:
            tally.not_carried += 1
        else:
            yield fields, call


def _once(records: Iterator[_Record], tally: _Tally) -> Iterator[_Record]:
    """Records of one allele as one: an indel may be written at two places, and is the same once left-aligned."""
    contig = position = ""
    waiting: list[_Record] = []
    for record in records:
        fields = record[0]
        if fields[1] != position or fields[0] != contig:
            if len(waiting) == 1:
                yield waiting[0]
            elif waiting:
                yield from _merged(waiting, tally)
            contig, position = fields[0], fields[1]
            waiting = [record]
        else:
            waiting.append(record)
    yield from _merged(waiting, tally)


def _merged(records: list[_Record], tally: _Tally) -> Iterator[_Record]:
    """Of the records at one position, one of each allele."""
    alleles: dict[tuple[str, str, int], list[_Record]] = {}
    for number, record in enumerate(records):
        symbolic = number + 1 if record[0][4].startswith("<") else 0  # two of them may differ in their ends
        alleles.setdefault((record[0][3], record[0][4], symbolic), []).append(record)
    for same in alleles.values():
        tally.duplicates += len(same) - 1
        yield same[0] if len(same) == 1 else _one_of(same)


def _one_of(same: list[_Record]) -> _Record:
    """The better of the records; present on both chromosomes where they are phased to different ones."""
    fields, call = max(same, key=lambda one: (one[0][6] in ("PASS", "."), one[1].genotype_quality or 0))
    for _, other in same:
        apart = call.haplotypes and other.haplotypes and not set(call.haplotypes) & set(other.haplotypes)
        if apart and call.phase_set == other.phase_set:
            haplotypes = tuple(sorted((*(call.haplotypes or ()), *(other.haplotypes or ()))))
            genotype = "|".join("1" if number in haplotypes else "0" for number in range(call.ploidy))
            call = call._replace(genotype=genotype, copies=len(haplotypes), haplotypes=haplotypes)
            fields[9] = ":".join([genotype, *fields[9].split(":")[1:]])
    return fields, call


def _lines(vcf: Path) -> Iterator[str]:
    yield from variant_lines(vcf)


def _is_header(line: str) -> bool:
    return line.startswith("#")


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = zip(*(row.values for row in rows), strict=True)
    listed = [kind for kind in schema.types if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)]
    arrays = [
        _struct_lists(column, kind.type) if kind.type in listed else pa.array(column, kind.type)
        for column, kind in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _struct_lists(column: Sequence[Sequence[tuple[Any, ...]]], kind: pa.DataType) -> pa.ListArray:
    """Lists of structs column by column: several times faster than out of dictionaries."""
    import pyarrow as pa

    if not any(column):
        return pa.array([[]] * len(column), kind)
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
