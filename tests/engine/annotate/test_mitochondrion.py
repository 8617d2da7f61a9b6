"""Variants of the mitochondrion: their own genetic code, their own names."""

from pathlib import Path

import duckdb
import pytest

from engine.annotate.annotate import annotate_variants
from engine.reference.bundle import Contig, ReferenceBundle

# MT-ATP6 on the revised Cambridge sequence (NC_012920.1): 8527-9207, 1-based.
PLACES = "{name}\tx\t{kind}\t8527\t9207\t.\t+\t{phase}\t"
GENE = (
    ("gene", ".", "ID=gene:ENSG00000198899;Name=MT-ATP6;biotype=protein_coding"),
    ("mRNA", ".", "ID=transcript:ENST00000361899;Parent=gene:ENSG00000198899;biotype=protein_coding"),
    ("exon", ".", "Parent=transcript:ENST00000361899"),
    ("CDS", "0", "ID=CDS:ENSP00000354632;Parent=transcript:ENST00000361899;protein_id=ENSP00000354632"),
)


@pytest.fixture
def bundle(shared_data: Path, tmp_path: Path) -> ReferenceBundle:
    source = (shared_data / "chrM_cyp2d6" / "rCRS_NC_012920.fa").read_text().splitlines()
    name = source[0][1:].split()[0]
    sequence = "".join(source[1:])
    (tmp_path / "r.fa").write_text(f">{name}\n{sequence}\n>20\n{'ACGT' * 25}\n")
    lines = [PLACES.format(name=name, kind=kind, phase=phase) + attributes for kind, phase, attributes in GENE]
    (tmp_path / "genes.gff3").write_text("\n".join(["##gff-version 3", *lines, ""]))
    contigs = (Contig(name, len(sequence), ""), Contig("20", 100, ""))
    return ReferenceBundle(
        "m", "GRCh38", tmp_path / "r.fa", contigs, Path(), tmp_path / "genes.gff3", None, None, None, {}
    )


def test_leighs_mutation_and_a_codon_that_is_synonymous_there_only(bundle: ReferenceBundle, tmp_path: Path) -> None:
    name = bundle.contigs[0].name
    sequence = bundle.fasta.read_text().splitlines()[1]
    methionine = next(place for place in range(8526 + 3, 9207, 3) if sequence[place : place + 3] == "ATA") + 2
    (tmp_path / "in.vcf").write_text(
        f"##fileformat=VCFv4.2\n##contig=<ID={name},length=16569>\n##contig=<ID=20,length=100>\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n"
        + f"{name}\t{methionine + 1}\t.\tA\tG\t.\tPASS\t.\tGT\t1\n" * (methionine < 8992)
        + f"{name}\t8993\t.\tT\tG\t.\tPASS\t.\tGT\t1\n"
        + "20\t5\t.\tA\tG\t.\tPASS\t.\tGT\t0/1\n"
    )
    summary = annotate_variants(tmp_path / "in.vcf", bundle, tmp_path, "S")
    assert methionine < 8992 and summary.records == 3
    rows = duckdb.sql(
        "SELECT contig, hgvs_g, hgvs_p, consequence, allele "
        f"FROM '{tmp_path / 'S.annotated.parquet'}' ORDER BY position"
    ).fetchall()
    assert rows[0][0] == "20"
    synonymous, leigh = rows[1:]
    assert synonymous[3] == "synonymous_variant" and synonymous[2].endswith("=)")
    assert leigh[1:] == (
        "NC_012920.1:m.8993T>G",
        "ENSP00000354632:p.(Leu156Arg)",
        "missense_variant",
        "MT-8993-T-G",
    )
