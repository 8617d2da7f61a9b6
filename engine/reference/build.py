"""Building the parts of a reference bundle from what a laboratory declares: checked, indexed, in one naming.

Each function takes a declared source, writes a part into a folder, and returns what it measured. A source that
belongs to another build is refused here, before any sample is worked on. The aligner's index is built in
:mod:`engine.align`, the ClinVar table in :mod:`engine.annotate`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.reference.bundle import Contig
from engine.reference.genome import open_reference, read_dictionary
from engine.reference.intervals import Interval
from engine.reference.known_bases import known_territory


@dataclass(frozen=True)
class GenomeMeasures:
    """What was found in a reference genome.

    Attributes:
        contigs: number of contigs.
        bases: their total length.
        target_bases: bases to be called and judged; a base that is N is none of them.
        target_intervals: number of target intervals after merging.
    """

    contigs: int
    bases: int
    target_bases: int
    target_intervals: int


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
    placed = folder / fasta.name
    link_or_copy(fasta, placed)
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
    )


def read_contigs(folder: Path) -> tuple[Contig, ...]:
    """The contigs of a genome that :func:`build_genome` wrote."""
    return read_dictionary(next(folder.glob("*.dict")))


def build_gene_model(gff3: Path, contigs: Sequence[Contig], folder: Path) -> int:
    """Write ``genes.gff3.gz`` (bgzip, tabix), sorted, in the reference's contig names; returns its genes.

    Features on contigs that the reference lacks are left out; ``chr20`` and ``20`` are the same contig.

    Raises:
        KnowledgeError: the file is missing or holds no gene on any of the reference's contigs.
        ReferenceMismatchError: a feature ends beyond its contig.
    """
    import pysam

    names = _aliases(contigs)
    lengths = {contig.name: contig.length for contig in contigs}
    features = []
    for number, line in enumerate(_lines(gff3), start=1):
        fields = line.split("\t")
        if line.startswith("#") or len(fields) != 9 or fields[0] not in names:
            continue
        contig, start, end = names[fields[0]], int(fields[3]), int(fields[4])
        if end > lengths[contig]:
            raise ReferenceMismatchError(
                f"a feature ends at {end:,}, beyond {contig} of {lengths[contig]:,} bases",
                file=gff3,
                place=f"line {number}",
                remedy="give the gene model of the reference's build",
            )
        features.append((list(lengths).index(contig), start, number, "\t".join([contig, *fields[1:]])))
    genes = sum("\tgene\t" in line or (";biotype=" in line and "ID=gene" in line) for *_, line in features)
    if not genes:
        raise KnowledgeError(
            "the gene model holds no gene on the reference's contigs", file=gff3, remedy="give an Ensembl-style GFF3"
        )
    plain = folder / "genes.gff3"
    plain.write_text("##gff-version 3\n" + "".join(f"{line}\n" for *_, line in sorted(features)))
    _bgzip(plain)
    pysam.tabix_index(str(plain) + ".gz", preset="gff", force=True)
    return genes


def build_known_sites(vcf: Path, contigs: Sequence[Contig], folder: Path) -> int:
    """Write ``known_sites.vcf.gz`` (bgzip, tabix) in the reference's contig names; returns its records.

    Raises:
        KnowledgeError: the file is missing or damaged.
        ReferenceMismatchError: a record lies beyond its contig.
    """
    import pysam

    names = _aliases(contigs)
    lengths = {contig.name: contig.length for contig in contigs}
    order = {contig.name: number for number, contig in enumerate(contigs)}
    sites = []
    for number, line in enumerate(_lines(vcf), start=1):
        if line.startswith("#"):
            continue
        fields = line.split("\t", 5)
        contig = names.get(fields[0])
        if contig is None:
            continue
        start = int(fields[1])
        if start + len(fields[3]) - 1 > lengths[contig]:
            raise ReferenceMismatchError(
                f"a record lies at {start:,}, beyond {contig} of {lengths[contig]:,} bases",
                file=vcf,
                place=f"line {number}",
                remedy="give known sites of the reference's build",
            )
        sites.append((order[contig], start, f"{contig}\t{start}\t{fields[2]}\t{fields[3]}\t{fields[4]}\t.\t.\t."))
    header = "".join(f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in contigs)
    plain = folder / "known_sites.vcf"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    plain.write_text("##fileformat=VCFv4.3\n" + header + columns + "".join(f"{line}\n" for *_, line in sorted(sites)))
    _bgzip(plain)
    pysam.tabix_index(str(plain) + ".gz", preset="vcf", force=True)
    return len(sites)


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


def _aliases(contigs: Sequence[Contig]) -> dict[str, str]:
    """Names under which a source may know each contig: with and without ``chr``."""
    aliases: dict[str, str] = {}
    for contig in contigs:
        bare = contig.name.removeprefix("chr")
        mitochondrion = {"M", "MT", "chrM", "chrMT"} if bare in ("M", "MT") else set()
        aliases |= dict.fromkeys({contig.name, bare, f"chr{bare}", *mitochondrion}, contig.name)
    return aliases


def _lines(path: Path) -> list[str]:
    import gzip

    if not path.is_file():
        raise KnowledgeError("there is no such file", file=path, remedy="put it there or correct the declaration")
    try:
        opened = gzip.open(path, "rt") if path.suffix in (".gz", ".bgz") else path.open()  # noqa: SIM115
        with opened as stream:
            return [line.rstrip("\r\n") for line in stream]
    except (EOFError, OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"the file is damaged: {error}", file=path, remedy="fetch it again") from error


def _bgzip(plain: Path) -> None:
    import pysam

    pysam.tabix_compress(str(plain), f"{plain}.gz", force=True)
    plain.unlink()
