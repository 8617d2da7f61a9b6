"""What a report claims to have looked at."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import VariantFileError
from engine.reference.bundle import Contig, ReferenceBundle
from engine.reference.intervals import Interval
from engine.report.case import Gene
from engine.report.coverage import study_regions, uncalled_intervals

GENES = """\
##gff-version 3
20	x	gene	101	400	.	+	.	ID=gene:G1;Name=AVP;biotype=protein_coding
20	x	mRNA	101	400	.	+	.	ID=transcript:T1;Parent=gene:G1;biotype=protein_coding
20	x	exon	101	200	.	+	.	Parent=transcript:T1
20	x	exon	301	400	.	+	.	Parent=transcript:T1
20	x	CDS	151	200	.	+	0	ID=CDS:P1;Parent=transcript:T1
20	x	CDS	301	350	.	+	1	ID=CDS:P1;Parent=transcript:T1
20	x	gene	501	600	.	-	.	ID=gene:G2;Name=NEW1;biotype=protein_coding
20	x	mRNA	501	600	.	-	.	ID=transcript:T2;Parent=gene:G2;biotype=protein_coding
20	x	exon	501	600	.	-	.	Parent=transcript:T2
20	x	CDS	510	590	.	-	0	ID=CDS:P2;Parent=transcript:T2
"""
HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n"


def block(start: int, end: int, quality: int = 99) -> str:
    return f"20\t{start + 1}\t.\tA\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:MIN_DP\t0/0:30:{quality}:30\n"


def reference(folder: Path, bed: str) -> ReferenceBundle:
    (folder / "genes.gff3").write_text(GENES)
    (folder / "targets.bed").write_text(bed)
    fasta = folder / "reference.fa"
    fasta.write_text(">20\n" + "ACGT" * 250 + "\n")
    return ReferenceBundle(
        "r", "GRCh38", fasta, (Contig("20", 1000, ""),), Path(), folder / "genes.gff3", None, None,
        folder / "targets.bed", {},
    )  # fmt: skip


def test_genes_are_studied_where_targets_touch_their_coding_exons(tmp_path: Path) -> None:
    bundle = reference(tmp_path, "20\t100\t160\n20\t590\t600\n")
    regions = study_regions(bundle, None)
    assert regions.studied == (Gene("AVP", "HGNC:894"),)  # of NEW1 only the untranslated end is a target
    assert (regions.description, regions.uncalled_bases) == ("2 intervals, 70 bases of GRCh38", None)


def test_a_gene_with_an_uncalled_coding_base_is_named(tmp_path: Path) -> None:
    bundle = reference(tmp_path, "20\t100\t600\n")
    gvcf = tmp_path / "S.g.vcf"
    gvcf.write_text(HEADER + block(100, 330) + block(330, 340, quality=5) + block(340, 700))
    regions = study_regions(bundle, gvcf)
    assert [gene.symbol for gene in regions.studied] == ["AVP", "NEW1"]
    assert [gene.symbol for gene in regions.uncalled] == ["AVP"]
    assert regions.uncalled_bases == 10


@pytest.mark.parametrize(
    ("bed", "beyond"),
    [
        ("20\t100\t600\n", ()),
        ("20\t150\t200\n20\t300\t350\n20\t509\t590\n", ()),
        ("20\t150\t200\n20\t300\t349\n20\t509\t590\n", ("AVP",)),
        ("20\t150\t200\n", ("AVP", "NEW1")),
    ],
)
def test_a_gene_that_was_asked_about_and_is_no_target_as_a_whole_is_named(
    tmp_path: Path, bed: str, beyond: tuple[str, ...]
) -> None:
    regions = study_regions(reference(tmp_path, bed), None, asked=("AVP", "NEW1", "TP35"))
    assert (regions.beyond, regions.unknown) == (beyond, ("TP35",))
    assert study_regions(reference(tmp_path, bed), None).beyond == ()


def test_without_a_gene_model_no_gene_that_was_asked_about_is_known(tmp_path: Path) -> None:
    bundle = replace(reference(tmp_path, "20\t100\t600\n"), gene_model=None)
    assert study_regions(bundle, None, asked=("AVP",)).unknown == ("AVP",)


def test_a_gvcf_without_records_is_refused(tmp_path: Path) -> None:
    gvcf = tmp_path / "S.g.vcf"
    gvcf.write_text(HEADER)
    with pytest.raises(VariantFileError, match="no record"):
        uncalled_intervals(gvcf, [Interval("20", 5, 9)])
