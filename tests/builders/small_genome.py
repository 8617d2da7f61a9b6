"""A reference of literal bases with genes and ClinVar records written out, and a sample annotated against it.

Coordinates in a :class:`Gene` are 1-based and closed, as in GFF3; records are VCF's.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pysam

from engine.annotate.annotate import AnnotationSummary, annotate_variants
from engine.annotate.clinvar import build_clinvar
from engine.reference.bundle import Contig, ReferenceBundle

Span = tuple[int, int]


def bases(length: int, seed: int = 1) -> str:
    """Random bases, the same for the same seed."""
    return "".join(random.Random(seed).choices("ACGT", k=length))


@dataclass(frozen=True)
class Gene:
    """One gene with one transcript."""

    name: str
    exons: tuple[Span, ...]
    coding: tuple[Span, ...] = ()
    strand: str = "+"
    contig: str = "chr1"
    transcript: str = "ENST00000000001"
    biotype: str = "protein_coding"
    tags: str = "basic,Ensembl_canonical,MANE_Select"
    first_phase: int = 0
    more: str = ""
    """Further attributes of the CDS lines, or further lines after a newline."""

    def lines(self) -> list[str]:
        gene = f"gene:G-{self.name}"
        start, end = min(self.exons)[0], max(self.exons)[1]
        told = [
            ("gene", start, end, ".", f"ID={gene};Name={self.name};biotype={self.biotype}"),
            (
                *("mRNA", start, end, "."),
                f"ID=transcript:{self.transcript};Parent={gene};biotype={self.biotype};tag={self.tags};version=3",
            ),
            *(("exon", *exon, ".", f"Parent=transcript:{self.transcript}") for exon in sorted(self.exons)),
            *(
                ("CDS", *span, phase, f"Parent=transcript:{self.transcript};protein_id=P-{self.name}{self.more}")
                for span, phase in self._phased()
            ),
        ]
        return [
            "\t".join(map(str, (self.contig, "t", kind, start, end, ".", self.strand, phase, attributes)))
            for kind, start, end, phase, attributes in told
        ]

    def _phased(self) -> list[tuple[Span, int]]:
        done, phased = -self.first_phase, []
        for start, end in sorted(self.coding, reverse=self.strand == "-"):
            phased.append(((start, end), -done % 3))
            done += end - start + 1
        return sorted(phased)


def genome(
    folder: Path, contigs: dict[str, str], genes: Sequence[Gene], clinvar: Sequence[str] | None = None
) -> ReferenceBundle:
    """A bundle; ``clinvar`` are ClinVar's VCF lines, see :func:`clinvar_line`."""
    fasta = folder / "reference.fa"
    fasta.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in contigs.items()))
    pysam.faidx(str(fasta))  # type: ignore[attr-defined]
    (folder / "genes.gff3").write_text(
        "\n".join(["##gff-version 3", *(line for gene in genes for line in gene.lines()), ""])
    )
    listed = tuple(Contig(name, len(sequence), "") for name, sequence in contigs.items())
    if clinvar is not None:
        header = "##fileformat=VCFv4.1\n##fileDate=2025-01-01\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        (folder / "source.vcf").write_text(header + "".join(f"{line}\n" for line in clinvar))
        build_clinvar(folder / "source.vcf", fasta, listed, None, folder)
    table = None if clinvar is None else folder / "clinvar.parquet"
    return ReferenceBundle(
        "small", "GRCh38", fasta, listed, Path(), folder / "genes.gff3", None, table, None, {"clinvar": "2025-01-01"}
    )


def clinvar_line(
    position: int,
    ref: str,
    alt: str,
    variation: int = 1,
    *,
    contig: str = "1",
    significance: str = "Pathogenic",
    conditions: str = "Cond",
    ids: str = "MedGen:C1",
) -> str:
    """A record of ClinVar's VCF."""
    status = "criteria_provided,_single_submitter"
    info = f"ALLELEID=1;CLNDISDB={ids};CLNDN={conditions};CLNREVSTAT={status};CLNSIG={significance}"
    return f"{contig}\t{position}\t{variation}\t{ref}\t{alt}\t.\t.\t{info}"


def call(position: int, ref: str, alt: str, genotype: str = "0/1", contig: str = "chr1", **sample: Any) -> str:
    """A VCF line of a sample; further FORMAT fields as keywords."""
    keys, values = ":".join(["GT", *sample]), ":".join([genotype, *map(str, sample.values())])
    return f"{contig}\t{position}\t.\t{ref}\t{alt}\t50\tPASS\t.\t{keys}\t{values}"


def annotate(
    folder: Path, bundle: ReferenceBundle, *calls: str, sample: str = "S1"
) -> tuple[list[dict[str, Any]], AnnotationSummary]:
    """Rows of the annotated table and what was measured; the files stay in ``folder``."""
    header = "##fileformat=VCFv4.2\n" + "".join(
        f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in bundle.contigs
    )
    header += "".join(
        f'##FORMAT=<ID={name},Number={number},Type={kind},Description="">\n'
        for name, number, kind in (
            ("GT", "1", "String"), ("AD", "R", "Integer"), ("DP", "1", "Integer"), ("GQ", "1", "Integer"),
            ("PS", "1", "Integer"), ("PGT", "1", "String"), ("PID", "1", "String"),
        )
    )  # fmt: skip
    columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}\n"
    order = [contig.name for contig in bundle.contigs]
    lines = sorted(calls, key=lambda line: (order.index(line.split("\t")[0]), int(line.split("\t")[1])))
    (folder / f"{sample}.vcf").write_text(header + columns + "".join(f"{line}\n" for line in lines))
    summary = annotate_variants(folder / f"{sample}.vcf", bundle, folder, sample)
    rows: list[dict[str, Any]] = pq.read_table(folder / f"{sample}.annotated.parquet").to_pylist()
    return rows, summary
