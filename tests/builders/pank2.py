"""The demo's PANK2 gene as a reference of its own: real sequence, real transcripts, ClinVar's pathogenic alleles."""

from __future__ import annotations

import gzip
from pathlib import Path

import pysam

from demo.reference import DATA, read_slices
from demo.slices import CONTIG, SLICES
from engine.annotate.annotate import annotate_variants
from engine.annotate.clinvar import build_clinvar
from engine.reference.build import build_gene_model
from engine.reference.bundle import ReferenceBundle
from engine.reference.genome import open_reference
from tests.builders.annotated import known_phenotypes

PANK2 = next(piece for piece in SLICES if piece.gene == "PANK2")
LENGTH = 3_950_000
"""The contig ends soon behind the gene."""


def pank2_bundle(folder: Path) -> ReferenceBundle:
    """The reference: FASTA, gene model, ClinVar 2024-12-15 and the packaged phenotypes."""
    fasta = folder / "pank2.fa.gz"
    bases = ("N" * PANK2.start + read_slices()[SLICES.index(PANK2)]).ljust(LENGTH, "N")
    with pysam.BGZFile(str(fasta), "wb") as stream:
        stream.write(f">{CONTIG}\n{bases}\n".encode())
    contigs = open_reference(fasta).contigs
    for name, column in (("genes.gff3.gz", 4), ("clinvar.tsv.gz", 1)):
        with gzip.open(DATA / name, "rt") as source, gzip.open(folder / f"source.{name}", "wt") as target:
            target.writelines(line for line in source if _lies_within(line, column))
    build_gene_model(folder / "source.genes.gff3.gz", contigs, folder, build="GRCh38")
    build_clinvar(folder / "source.clinvar.tsv.gz", fasta, contigs, "2024-12-15", folder)
    return ReferenceBundle(
        "pank2", "GRCh38", fasta, contigs, Path(), folder / "genes.gff3.gz", None, folder / "clinvar.parquet", None, {},
        phenotypes=known_phenotypes(),
    )  # fmt: skip


def _lies_within(line: str, column: int) -> bool:
    fields = line.split("\t")
    return fields[0] != CONTIG or PANK2.start < int(fields[column]) <= PANK2.end


def annotated(bundle: ReferenceBundle, folder: Path, *alleles: str) -> Path:
    """The annotated table of a person who carries these alleles (``3910000-C-T``), each on one chromosome."""
    folder.mkdir(parents=True, exist_ok=True)
    vcf = folder / "calls.vcf"
    head = (
        f"##fileformat=VCFv4.2\n##contig=<ID={CONTIG},length={LENGTH}>\n"
        '##FILTER=<ID=AltBias,Description="">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="">\n##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
    )
    split = sorted((one.split("-") for one in alleles), key=lambda one: int(one[0]))
    lines = [f"{CONTIG}\t{pos}\t.\t{ref}\t{alt}\t500\tPASS\t.\tGT:GQ\t0/1:99\n" for pos, ref, alt in split]
    vcf.write_text(head + "".join(lines))
    annotate_variants(vcf, bundle, folder, "S1")
    return folder / "S1.annotated.parquet"
