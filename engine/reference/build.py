"""Building the parts of a reference bundle from what a laboratory declares: checked, indexed, in one naming.

Each function takes a declared source, writes a part into a folder, and returns what it measured. A source that
belongs to another build is refused here, before any sample is worked on. The aligner's index is built in
:mod:`engine.align`, the ClinVar table in :mod:`engine.annotate`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.calls_index import index_calls
from engine.files.variant_lines import variant_records
from engine.reference.alternates import alternates_beside, alternates_named, read_alternates
from engine.reference.bundle import Contig
from engine.reference.contig_names import contig_aliases
from engine.reference.gene_model_layout import EXAMPLES, broken_coding_sequences, require_layout
from engine.reference.gene_model_source import read_features, what_is_missing
from engine.reference.genome import FASTA_NAME, FASTA_SUFFIXES, open_reference, read_dictionary
from engine.reference.intervals import Interval
from engine.reference.known_bases import known_territory


@dataclass(frozen=True)
class GeneModelMeasures:
    """What a gene model holds.

    Attributes:
        genes: on the reference's contigs.
        broken_coding: transcripts whose coding sequence cannot be read on from part to part, see
            :func:`engine.reference.gene_model_layout.broken_coding_sequences`.
        broken_coding_examples: the first of them, each with its line.
    """

    genes: int
    broken_coding: int
    broken_coding_examples: list[str]


@dataclass(frozen=True)
class GenomeMeasures:
    """What was found in a reference genome.

    Attributes:
        contigs: number of contigs.
        bases: their total length.
        target_bases: bases to be called and judged; a base that is N is none of them.
        target_intervals: number of target intervals after merging.
        alternates: contigs of the list of ALT contigs (``.alt``) beside the FASTA, which is taken along.
        unlisted_alternates: contigs that are ALT contigs by their names while there is no list: reads that fit there
            and on a chromosome have mapping quality 0.
    """

    contigs: int
    bases: int
    target_bases: int
    target_intervals: int
    alternates: int = 0
    unlisted_alternates: int = 0


def build_genome(fasta: Path, targets: Path | None, contig_md5: Mapping[str, str], folder: Path) -> GenomeMeasures:
    """Put a FASTA with ``.fai``, ``.gzi``, ``.dict`` and ``targets.bed`` into ``folder``.

    Args:
        fasta: plain or bgzip; linked where the file system allows, copied otherwise.
        targets: BED of the regions to be called and judged; absent: every contig as a whole. Bases that are N are
            left out of ``targets.bed``.
        contig_md5: the M5 that named contigs must have.
        folder: where the part is written.

    Raises:
        KnowledgeError: the FASTA or the BED is missing or damaged.
        ReferenceMismatchError: a contig has another M5 than declared, or a target lies on no contig.
    """
    if not fasta.is_file():
        raise KnowledgeError("there is no such FASTA", file=fasta, remedy="put it there or correct the declaration")
    if not FASTA_NAME.fullmatch(fasta.name):
        suffixes = ", ".join(FASTA_SUFFIXES)
        raise KnowledgeError(
            "the file is not named as a FASTA", file=fasta, remedy=f"give it a name that ends in one of {suffixes}"
        )
    placed = folder / fasta.name
    link_or_copy(fasta, placed)
    listed = alternates_beside(fasta)
    alternates = frozenset() if listed is None else read_alternates(listed)
    if listed is not None:
        link_or_copy(listed, folder / f"{fasta.name}.alt")
    reference = open_reference(placed)
    _check_digests(fasta, reference.contigs, contig_md5)
    lengths = {contig.name: contig.length for contig in reference.contigs}
    intervals = known_territory(reference, targets=targets)
    if not intervals:
        raise KnowledgeError(
            "every base of the targets is N in the FASTA" if targets else "every base of the FASTA is N",
            file=targets or fasta,
            remedy="give the FASTA and the targets of one build",
        )
    write_bed(intervals, folder / "targets.bed")
    return GenomeMeasures(
        contigs=len(lengths),
        bases=sum(lengths.values()),
        target_bases=sum(len(interval) for interval in intervals),
        target_intervals=len(intervals),
        alternates=sum(contig.name in alternates for contig in reference.contigs),
        unlisted_alternates=0 if alternates else len(alternates_named(reference.contigs)),
    )


def read_contigs(folder: Path) -> tuple[Contig, ...]:
    """The contigs of a genome that :func:`build_genome` wrote."""
    return read_dictionary(next(folder.glob("*.dict")))


def build_gene_model(
    gff3: Path, contigs: Sequence[Contig], folder: Path, *, build: str | None = None
) -> GeneModelMeasures:
    """Write ``genes.gff3.gz`` (bgzip, tabix), sorted, in the reference's contig names.

    Features on contigs that the reference lacks are left out; ``chr20``, ``20`` and ``NC_000020.11`` are the same
    contig.

    Args:
        gff3: of Ensembl, GENCODE or RefSeq, of the reference's build.
        contigs: the reference's.
        folder: where the part is written.
        build: ``GRCh37`` or ``GRCh38``, whose RefSeq accessions are those of the contigs; those of either when absent.

    Raises:
        KnowledgeError: the file is missing, damaged, no gene model, contradicts itself
            (:func:`engine.reference.gene_model_layout.require_layout`), or holds no gene, or no transcript's exons or
            coding sequences, on any of the reference's contigs.
        ReferenceMismatchError: a feature ends beyond its contig.
    """
    import pysam

    names = contig_aliases(contigs, build)
    lengths = {contig.name: contig.length for contig in contigs}
    order = {contig.name: number for number, contig in enumerate(contigs)}
    features = []
    genes = 0
    read = read_features(gff3)
    require_layout(gff3, read)
    for place, feature in enumerate(read):
        contig = names.get(feature.contig)
        if contig is None:
            continue
        if feature.end > lengths[contig]:
            raise ReferenceMismatchError(
                f"a feature ends at {feature.end:,}, beyond {contig} of {lengths[contig]:,} bases",
                file=gff3,
                place=f"line {feature.number:,}",
                remedy="give the gene model of the reference's build",
            )
        genes += feature.is_gene
        features.append((order[contig], feature.start, place, feature.line(contig)))
    if not genes:
        raise KnowledgeError(
            f"the gene model holds no gene on the reference's contigs ({_some(order)}): its own are "
            f"{_some(dict.fromkeys(feature.contig for feature in read))}",
            file=gff3,
            remedy="give the GFF3 of Ensembl, GENCODE or RefSeq for the reference's build",
        )
    if missing := what_is_missing(feature for feature in read if feature.contig in names):
        raise KnowledgeError(
            f"the gene model lacks {missing}, on the reference's contigs ({_some(order)})",
            file=gff3,
            remedy="give the whole GFF3 of Ensembl, GENCODE or RefSeq: genes, transcripts, exons and CDS",
        )
    plain = folder / "genes.gff3"
    plain.write_text("##gff-version 3\n" + "".join(f"{line}\n" for *_, line in sorted(features)))
    _bgzip(plain)
    pysam.tabix_index(str(plain) + ".gz", preset="gff", force=True)
    odd = broken_coding_sequences([feature for feature in read if feature.contig in names])
    return GeneModelMeasures(genes, len(odd), odd[:EXAMPLES])


def build_known_sites(vcf: Path, contigs: Sequence[Contig], folder: Path, *, build: str | None = None) -> int:
    """Write ``known_sites.vcf.gz`` (bgzip, tabix) in the reference's contig names; returns its records.

    Args:
        vcf: plain, gzip or bgzip.
        contigs: the reference's.
        folder: where the part is written.
        build: as of :func:`build_gene_model`.

    Raises:
        KnowledgeError: the file is missing, damaged or no VCF.
        ReferenceMismatchError: a record lies beyond its contig, or none on any of the reference's contigs.
    """
    names = contig_aliases(contigs, build)
    lengths = {contig.name: contig.length for contig in contigs}
    order = {contig.name: number for number, contig in enumerate(contigs)}
    sites = []
    elsewhere: dict[str, None] = {}
    for number, fields in variant_records(vcf, error=KnowledgeError):
        contig = names.get(fields[0])
        if contig is None:
            elsewhere[fields[0]] = None
            continue
        start = int(fields[1])
        if start + len(fields[3]) - 1 > lengths[contig]:
            raise ReferenceMismatchError(
                f"a record lies at {start:,}, beyond {contig} of {lengths[contig]:,} bases",
                file=vcf,
                place=f"line {number:,}",
                remedy="give known sites of the reference's build",
            )
        sites.append((order[contig], start, f"{contig}\t{start}\t{fields[2]}\t{fields[3]}\t{fields[4]}\t.\t.\t."))
    if not sites:
        raise ReferenceMismatchError(
            f"no known site lies on a contig of the reference ({_some(order)}): the file's own are {_some(elsewhere)}",
            file=vcf,
            remedy="give known sites of the reference's build",
        )
    header = "".join(f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in contigs)
    plain = folder / "known_sites.vcf"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    plain.write_text("##fileformat=VCFv4.3\n" + header + columns + "".join(f"{line}\n" for *_, line in sorted(sites)))
    _bgzip(plain)
    index_calls(Path(f"{plain}.gz"))
    return len(sites)


def _some(names: Iterable[str]) -> str:
    """The first few names, for people to see."""
    every = list(names)
    return ", ".join(every[:4]) + (", ..." if len(every) > 4 else "") if every else "none"


def write_bed(intervals: Sequence[Interval], bed: Path) -> None:
    """Write intervals as BED, three columns."""
    bed.write_text("".join(f"{i.contig}\t{i.start}\t{i.end}\n" for i in intervals))


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system cannot link.

    The link is made to the file itself, not to a symbolic link, so that moving the link's target cannot empty the lake.
    """
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _check_digests(fasta: Path, contigs: Sequence[Contig], declared: Mapping[str, str]) -> None:
    found = {contig.name: contig.md5 for contig in contigs}
    for name, md5 in declared.items():
        if found.get(name) != md5.lower():
            raise ReferenceMismatchError(
                f"contig {name} has M5 {found.get(name, '(it is absent)')}, declared is {md5}",
                file=fasta,
                remedy="give the FASTA of the declared build, or correct the declaration's contig_md5",
            )


def _bgzip(plain: Path) -> None:
    import pysam

    pysam.tabix_compress(str(plain), f"{plain}.gz", force=True)
    plain.unlink()
