"""Alleles judged one by one: taken apart, given to the consequence caller, left-aligned, each once, as rows and lines.

Which records come here is decided in :mod:`engine.annotate.sorting`; what is told of each in
:mod:`engine.annotate.annotator`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.annotate.annotator import Beside
from engine.annotate.calls import Call, SiteReads, read_call, read_site_reads
from engine.annotate.compound import Allele, Combination, combinations, survey
from engine.annotate.consequence import call_consequences
from engine.annotate.contradictions import Contradictions
from engine.annotate.known_alleles import KnownAlleles
from engine.annotate.normalise import left_align, split_alleles
from engine.annotate.rows import Row
from engine.annotate.source import Contigs, Source
from engine.errors import VariantFileError
from engine.files.variant_lines import is_breakend, variant_lines, variant_records
from engine.reference.accessions import bare_contig
from engine.reference.bundle import ReferenceBundle

if TYPE_CHECKING:
    import pyarrow as pa

_NO_ALLELE = frozenset({"*", ".", "<*>", "<NON_REF>"})


class Judged(NamedTuple):
    """The sample's alleles with their consequences, one a record, left-aligned.

    Attributes:
        parts: BGZF files that hold the records one after the other.
        site_reads: of the records that were taken apart.
    """

    parts: list[Path]
    site_reads: SiteReads

    def records(self) -> Iterator[str]:
        """Their lines."""
        return itertools.chain.from_iterable(
            itertools.dropwhile(_is_header, variant_lines(part)) for part in self.parts
        )

    @property
    def header(self) -> list[str]:
        """The header's lines."""
        return list(itertools.takewhile(_is_header, variant_lines(self.parts[0])))


def judge(vcf: Path, bundle: ReferenceBundle, contigs: Contigs, source: Source, scratch: Path) -> Judged:
    """Have the consequence caller judge a VCF.

    Args:
        vcf: one sample's calls.
        bundle: reference with a gene model.
        contigs: the same, opened.
        source: that errors name.
        scratch: folder for what lies between.

    Raises:
        KnowledgeError: the gene model cannot be read.
        VariantFileError: a record cannot be taken apart, or lies on no contig of the reference.
    """
    assert bundle.gene_model is not None
    site_reads = read_site_reads(_with_several_alternates(vcf, source.named))
    split = split_alleles(vcf, source.file, source.named)
    lengths = list(bundle.contig_lengths)
    parts = call_consequences(split, bundle.fasta, bundle.gene_model, contigs.model, scratch, lengths)
    split.unlink()
    aligned = [part.with_suffix(".vcf.gz") for part in parts]
    for part, output in zip(parts, aligned, strict=True):
        left_align(part, bundle.fasta, output, "z1", source=source.file, sample=source.named)
        part.unlink()
    return Judged(aligned, site_reads)


def _with_several_alternates(vcf: Path, sample: str) -> list[str]:
    """Lines of the records that hold more than one alternate allele; all are looked through for damage."""
    try:
        records = variant_records(vcf, may_change_nothing=True, with_calls=True)
        return ["\t".join(fields) for _, fields in records if "," in fields[4]]
    except VariantFileError as error:
        raise error.about(sample=sample) from error.__cause__


def beside(judged: Judged, contigs: Contigs, source: Source, known: KnownAlleles) -> Beside:
    """What the records make together that shares a codon or that ClinVar knows, and what they are made of.

    Nothing where they are nobody's calls.
    """
    if source.sample is None:
        return Beside({}, {}, frozenset())
    found = survey(judged.records(), judged.site_reads)
    combined: dict[Allele, list[Combination]] = {}
    for contig, members in found.members.items():
        if len(members) < 2 or contig not in contigs.bundle.contig_lengths:
            continue
        on_contig = known.on(bare_contig(contig))
        for combination in combinations(members, contigs.model, contigs.sequence(contig).bases):
            one = combination.allele
            if not combination.transcripts and (one is None or on_contig.row(*one[1:]) is None):
                continue
            for member in combination.members:
                combined.setdefault(member.allele, []).append(combination)
    return Beside(combined, found.parts, frozenset(combined) | frozenset(found.parts))


Record = tuple[list[str], Call]
"""Fields of a VCF line, and the sample's call in it."""


@dataclass
class LeftOut:
    """Counts of what is no row of its own.

    Attributes:
        not_carried: alleles that the sample does not carry.
        duplicates: records of an allele that another record has, too.
        contradictions: alleles of which such records tell different numbers of copies.
    """

    not_carried: int = 0
    duplicates: int = 0
    contradictions: Contradictions = field(default_factory=Contradictions)


def carried_once(judged: Judged, left_out: LeftOut) -> list[Iterator[Record]]:
    """Of each part, each allele that the sample carries, once, in order."""
    return [_once(_carried(judged, part, left_out), left_out) for part in judged.parts]


def _carried(judged: Judged, part: Path, left_out: LeftOut) -> Iterator[Record]:
    for line in itertools.dropwhile(_is_header, variant_lines(part)):
        fields = line.rstrip("\n").split("\t")
        call = read_call(fields[8], fields[9], judged.site_reads.of(fields[7]))
        if not call.copies or fields[4] in _NO_ALLELE:
            left_out.not_carried += 1
        else:
            if is_breakend(fields[4]) or ("N" in fields[4] and len(fields[4]) == len(fields[3])):
                fields[7] = _without_judgement(fields[7])
            yield fields, call


def _without_judgement(info: str) -> str:
    """INFO of a breakend, of which csq takes the letters, brackets and all, for bases that were inserted; and of a
    substitution by N, of which it says that nothing changes.
    """
    return ";".join(item for item in info.split(";") if not item.startswith("BCSQ=")) or "."


def _once(records: Iterator[Record], left_out: LeftOut) -> Iterator[Record]:
    """Records of one allele as one: an indel may be written at two places, and is the same once left-aligned."""
    contig = position = ""
    waiting: list[Record] = []
    for record in records:
        fields = record[0]
        if fields[1] != position or fields[0] != contig:
            if len(waiting) == 1:
                yield waiting[0]
            elif waiting:
                yield from _merged(waiting, left_out)
            contig, position = fields[0], fields[1]
            waiting = [record]
        else:
            waiting.append(record)
    yield from _merged(waiting, left_out)


def _merged(records: list[Record], left_out: LeftOut) -> Iterator[Record]:
    """Of the records at one position, one of each allele."""
    alleles: dict[tuple[str, str, int], list[Record]] = {}
    for number, record in enumerate(records):
        symbolic = number + 1 if record[0][4].startswith("<") else 0  # two of them may differ in their ends
        alleles.setdefault((record[0][3], record[0][4], symbolic), []).append(record)
    for same in alleles.values():
        left_out.duplicates += len(same) - 1
        if len({call.copies for _, call in same}) > 1:
            (contig, position, _, ref, alt, *_), _ = same[0]
            left_out.contradictions.add((contig, int(position), ref, alt), [call.genotype for _, call in same])
        yield same[0] if len(same) == 1 else _one_of(same)


def _one_of(same: list[Record]) -> Record:
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


def _is_header(line: str) -> bool:
    return line.startswith("#")


def rows_table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    """Rows as a table."""
    import pyarrow as pa

    if not rows:
        return schema.empty_table()
    *own, predictions = schema  # which no row tells: they are joined with the whole table
    columns = zip(*(row.values for row in rows), strict=True)
    listed = [kind for kind in schema.types if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)]
    arrays = [
        struct_lists(column, kind.type) if kind.type in listed else pa.array(column, kind.type)
        for column, kind in zip(columns, own, strict=True)
    ]
    return pa.Table.from_arrays([*arrays, pa.nulls(len(rows), predictions.type)], schema=schema)


def struct_lists(column: Sequence[Sequence[tuple[Any, ...]]], kind: pa.DataType) -> pa.ListArray:
    """Lists of structs column by column: several times faster than out of dictionaries."""
    import pyarrow as pa

    if not any(column):
        return pa.array([[]] * len(column), kind)
    members = list(zip(*itertools.chain.from_iterable(column), strict=True)) or [()] * len(kind.value_type)
    arrays = [pa.array(values, kind.value_type[number].type) for number, values in enumerate(members)]
    offsets = list(itertools.accumulate((len(hits) for hits in column), initial=0))
    structs = pa.StructArray.from_arrays(arrays, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs, type=kind)
