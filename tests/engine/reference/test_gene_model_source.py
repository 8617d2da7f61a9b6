"""Gene models of Ensembl, GENCODE and RefSeq become one kind; what is none of them is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.annotate.gene_model import Transcript, read_gene_model
from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.reference.build import build_gene_model, build_known_sites
from engine.reference.bundle import Contig
from engine.reference.gene_model_layout import broken_coding_sequences, require_layout
from engine.reference.gene_model_source import read_features

CHR1 = (Contig("chr1", 248_956_422, ""), Contig("chrM", 16_569, ""))
GENCODE = """
chr1 HAVANA gene 101 400 . + . ID=ENSG1.5;gene_id=ENSG1.5;gene_type=protein_coding;gene_name=AAA;hgnc_id=HGNC:5
chr1 HAVANA transcript 101 400 . + . ID=ENST1.2;Parent=ENSG1.5;transcript_type=protein_coding;tag=basic,MANE_Select
chr1 HAVANA exon 101 400 . + . ID=exon:ENST1.2:1;Parent=ENST1.2;gene_type=protein_coding
chr1 HAVANA CDS 101 400 . + 0 ID=CDS:ENST1.2;Parent=ENST1.2;protein_id=ENSP1.3
chr1 HAVANA start_codon 101 103 . + 0 ID=start_codon:ENST1.2:1;Parent=ENST1.2
"""
REFSEQ = """
NC_000001.11 RefSeq region 1 248956422 . + . ID=NC_000001.11:1..248956422;Name=1
NC_000001.11 BestRefSeq gene 101 400 . + . ID=gene-AAA;Dbxref=GeneID:1,HGNC:HGNC:5;Name=AAA;gene_biotype=protein_coding
NC_000001.11 BestRefSeq mRNA 101 400 . + . ID=rna-NM_1.2;Parent=gene-AAA;tag=MANE%Select
NC_000001.11 BestRefSeq exon 101 400 . + . ID=exon-NM_1.2-1;Parent=rna-NM_1.2
NC_000001.11 BestRefSeq CDS 101 400 . + 0 ID=cds-NP_1.1;Parent=rna-NM_1.2;protein_id=NP_1.1
NC_012920.1 RefSeq gene 3307 4262 . + . ID=gene-ND1;Dbxref=HGNC:HGNC:7455;gene=ND1;gene_biotype=protein_coding
NC_012920.1 RefSeq CDS 3307 4262 . + 0 ID=cds-YP_1.1;Parent=gene-ND1;protein_id=YP_1.1
"""
ENSEMBL = """
1 ensembl gene 101 400 . + . ID=gene:ENSG1;Name=AAA;biotype=protein_coding;description=x%[Source:HGNC%Symbol;Acc:HGNC:5]
1 ensembl mRNA 101 400 . + . ID=transcript:ENST1;Parent=gene:ENSG1;biotype=protein_coding;version=2;tag=MANE%Select
1 ensembl exon 101 400 . + . Parent=transcript:ENST1
1 ensembl CDS 101 400 . + 0 ID=CDS:ENSP1;Parent=transcript:ENST1;protein_id=ENSP1
"""


def text_of(table: str) -> str:
    """Columns by spaces, spaces within them as ``%``."""
    rows = (line.split() for line in table.strip().splitlines())
    return "##gff-version 3\n" + "".join("\t".join(row).replace("%", " ") + "\n" for row in rows)


def built(folder: Path, text: str, contigs: tuple[Contig, ...] = CHR1, build: str | None = None) -> list[Transcript]:
    source = folder / "source.gff3"
    source.write_text(text)
    build_gene_model(source, contigs, folder, build=build)
    return list(read_gene_model(folder / "genes.gff3.gz").transcripts.values())


@pytest.mark.parametrize(("table", "name"), [(GENCODE, "ENST1.2"), (REFSEQ, "NM_1.2"), (ENSEMBL, "ENST1.2")])
def test_the_three_flavours_say_the_same(table: str, name: str, tmp_path: Path) -> None:
    one = built(tmp_path, text_of(table))[0]
    assert (one.name, one.gene, one.biotype, one.contig, one.coding) == (
        name,
        "AAA",
        "protein_coding",
        "chr1",
        (100, 400),
    )
    assert one.standing == "MANE_Select"


def test_numbers_of_hgnc_and_proteins_are_kept(tmp_path: Path) -> None:
    assert [(one.hgnc_id, one.protein) for one in built(tmp_path, text_of(GENCODE))] == [("HGNC:5", "ENSP1.3")]
    told = {one.gene: (one.hgnc_id, one.protein) for one in built(tmp_path, text_of(REFSEQ))}
    assert told == {"AAA": ("HGNC:5", "NP_1.1"), "ND1": ("HGNC:7455", "YP_1.1")}


def test_the_mitochondrions_genes_of_refseq_are_their_own_transcripts(tmp_path: Path) -> None:
    mito = built(tmp_path, text_of(REFSEQ))[-1]
    assert (mito.contig, mito.exons, mito.coding) == ("chrM", ((3306, 4262),), (3306, 4262))


def test_accessions_mean_contigs_of_their_build_alone(tmp_path: Path) -> None:
    assert built(tmp_path, text_of(REFSEQ), build="GRCh38")
    with pytest.raises(KnowledgeError, match=r"no gene on the reference's contigs \(chr1, chrM\).*NC_000001.10"):
        built(tmp_path, text_of(REFSEQ.replace("NC_000001.11", "NC_000001.10").replace("NC_012920.1", "NT_1.1")),
              build="GRCh38")  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("\t101\t400", "\tx\t400", "no stretch of a contig"),
        ("\t101\t400", "\t500\t400", "no stretch of a contig"),
        ("\t+\t", "\tk\t", "its strand is 'k'"),
        ("\t+\t", "\t.\t", "lies on one strand"),
        ("\t+\t0", "\t+\t7", "its phase is '7'"),
        ("\t.\t+", "\tq\t+", "its score is 'q'"),
        ("ID=gene:ENSG1", "ID=gene:EFSG1", "is part of gene:ENSG1, which the file does not have"),
        ("ID=transcript:ENST1", "ID=transcript:ENST9", "is part of transcript:ENST1"),
        ("\texon\t", "\tensembl\t", "'ensembl' is no part of a transcript"),
        ("\t", " ", "it has 1 columns"),
        ("Parent=transcript:ENST1\n", "ENST1\n", "are no attributes"),
        ("ID=gene:ENSG1;", 'gene_id "ENSG1"; ', "are no attributes.*this is GTF: give the GFF3"),
    ],
)
def test_a_damaged_line_is_refused_with_its_place(old: str, new: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=told) as caught:
        built(tmp_path, text_of(ENSEMBL).replace("x [Source:HGNC Symbol;Acc:HGNC:5]", "x").replace(old, new))
    assert caught.value.file == str(tmp_path / "source.gff3")
    assert caught.value.place and caught.value.place.startswith("line ")


@pytest.mark.parametrize("text", ["##gff-version 3\n", "chr1\tx\tgene\t1\t5\t.\t+\t.\tgene_id=5\n"])
def test_a_model_of_no_known_kind_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="no gene of a kind that is read here"):
        built(tmp_path, text)


def without(table: str, *kinds: str) -> str:
    return "\n".join(line for line in table.strip().splitlines() if line.split()[2] not in kinds)


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (("transcript", "mRNA", "exon", "CDS", "start_codon"), "lacks exons and coding sequences of transcripts"),
        (("exon", "CDS", "start_codon"), "lacks exons and coding sequences of transcripts"),
        (("CDS",), r"lacks coding sequences \(CDS\), and has transcripts of proteins"),
    ],
)
@pytest.mark.parametrize("table", [GENCODE, REFSEQ, ENSEMBL])
def test_a_model_that_tells_no_consequence_is_refused_when_it_is_built(
    table: str, kinds: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    with pytest.raises(KnowledgeError, match=told) as caught:
        built(tmp_path, text_of(without(table, *kinds)))
    assert caught.value.file == str(tmp_path / "source.gff3")
    assert "give the whole GFF3" in str(caught.value)
    assert not (tmp_path / "genes.gff3.gz").exists()


def test_parts_on_other_contigs_alone_are_none(tmp_path: Path) -> None:
    elsewhere = text_of(without(ENSEMBL, "mRNA", "exon", "CDS")) + text_of(ENSEMBL.replace("1 ensembl", "9 ensembl"))
    with pytest.raises(KnowledgeError, match=r"lacks exons.*\(chr1, chrM\)"):
        built(tmp_path, elsewhere)


def test_exons_of_no_protein_and_coding_sequences_without_exons_are_models(tmp_path: Path) -> None:
    assert built(tmp_path, text_of(without(ENSEMBL, "exon")))[0].coding == (100, 400)
    assert built(tmp_path, text_of(without(ENSEMBL, "CDS")).replace("protein_coding", "lncRNA"))[0].coding is None


SITES = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nNC_000001.11\t5\t.\tA\tG\t.\t.\t.\n"


def test_known_sites_are_read_by_every_name_of_a_contig_and_must_share_one(tmp_path: Path) -> None:
    source = tmp_path / "sites.vcf"
    source.write_text(SITES)
    assert build_known_sites(source, CHR1, tmp_path, build="GRCh38") == 1
    with pytest.raises(ReferenceMismatchError, match="no known site lies on a contig of the reference") as caught:
        build_known_sites(source, (Contig("chr7", 500, ""),), tmp_path, build="GRCh38")
    assert caught.value.file == str(source)
    source.write_text(SITES.replace("\t5\t", "\tfive\t"))
    with pytest.raises(KnowledgeError, match="POS 'five' is no number"):
        build_known_sites(source, CHR1, tmp_path)


@pytest.mark.parametrize("table", [GENCODE, REFSEQ, ENSEMBL], ids=["GENCODE", "RefSeq", "Ensembl"])
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("CDS 101 400 . + 0", "CDS 101 400 . - 0", "CDS lies on the other strand than its transcript:"),
        ("exon 101 400", "exon 91 400", "exon 91-400 reaches beyond its transcript:"),
        ("CDS 101 400", "CDS 101 410", "CDS 101-410 reaches beyond its transcript:"),
    ],
)
def test_a_part_that_does_not_lie_within_its_transcript_is_refused(
    table: str, old: str, new: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(KnowledgeError) as caught:
        built(tmp_path, text_of(table.replace(old, new, 1)))
    assert told in caught.value.problem and (caught.value.place or "").startswith("line ")


TWO_EXONS = """
1 ensembl gene 101 900 . + . ID=gene:ENSG1;Name=AAA;biotype=protein_coding
1 ensembl mRNA 101 900 . + . ID=transcript:ENST1;Parent=gene:ENSG1;biotype=protein_coding
1 ensembl exon 101 400 . + . Parent=transcript:ENST1
1 ensembl exon 501 900 . + . Parent=transcript:ENST1
1 ensembl CDS 101 400 . + 0 ID=CDS:ENSP1;Parent=transcript:ENST1
1 ensembl CDS 501 800 . + 0 ID=CDS:ENSP1;Parent=transcript:ENST1
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("exon 501 900", "exon 400 900", 5, "exons of transcript:ENST1 overlap: 101-400 and 400-900"),
        ("gene 101 900", "gene 102 900", 3, "transcript:ENST1 of 101-900 reaches beyond its gene:ENSG1 of 102-900"),
        (
            "1 ensembl exon 101",
            "1 ensembl mRNA 101 900 . + . ID=transcript:ENST1;Parent=gene:ENSG1\n1 ensembl exon 101",
            4,
            "transcript:ENST1 stands twice on 1: in line 3, too",
        ),
    ],
)
def test_a_model_that_contradicts_itself_is_refused_unless_it_says_that_it_is_an_exception(
    old: str, new: str, line: int, told: str, tmp_path: Path
) -> None:
    changed = TWO_EXONS.replace(old, new)
    with pytest.raises(KnowledgeError) as caught:
        built(tmp_path, text_of(changed))
    source = tmp_path / "source.gff3"
    assert (caught.value.problem, caught.value.file, caught.value.place) == (told, str(source), f"line {line}")
    excepted = changed.replace("Parent=gene:ENSG1", "Parent=gene:ENSG1;exception=trans-splicing")
    assert built(tmp_path, text_of(excepted))


def test_twins_on_two_chromosomes_are_two_transcripts(tmp_path: Path) -> None:
    contigs = (*CHR1, Contig("chrY", 1_000, ""))
    twins = text_of(TWO_EXONS) + text_of(TWO_EXONS).replace("\n1\t", "\nY\t")
    assert {one.contig for one in built(tmp_path, twins, contigs)} == {"chr1", "chrY"}


@pytest.mark.parametrize(
    ("old", "new", "strand"),
    [
        ("CDS 501 800 . + 0", "CDS 501 800 . + 1", "+"),
        ("CDS 501 800 . + 0", "CDS 501 800 . + 1", "-"),
        ("CDS 501 800", "CDS 398 800", "+"),
        ("CDS 501 800", "CDS 398 800", "-"),
        ("CDS 101 400", "CDS 101 399", "+"),
        ("CDS 501 800", "CDS 502 800", "-"),
        ("CDS 501 800", "CDS 402 800", "+"),
        ("CDS 501 800 . + 0", "CDS 501 560 . + 0 Parent=transcript:ENST1\n1 ensembl CDS 562 800 . + 0", "+"),
    ],
)
def test_coding_sequences_that_cannot_be_read_on_are_told(old: str, new: str, strand: str, tmp_path: Path) -> None:
    source = tmp_path / "source.gff3"
    source.write_text(text_of(TWO_EXONS.replace(" + ", f" {strand} ")))
    assert build_gene_model(source, CHR1, tmp_path).broken_coding == 0
    source.write_text(text_of(TWO_EXONS.replace(old, new).replace(" + ", f" {strand} ")))
    found = build_gene_model(source, CHR1, tmp_path)
    assert found.broken_coding == 1 and found.broken_coding_examples[0].startswith("ENST1 (line ")


def test_a_microrna_of_refseq_lies_in_its_precursor(tmp_path: Path) -> None:
    mirna = """
NC_000001.11 BestRefSeq gene 1001 1070 . - . ID=gene-MIR1;Name=MIR1;gene_biotype=miRNA
NC_000001.11 BestRefSeq primary_transcript 1001 1070 . - . ID=rna-NR_1.1;Parent=gene-MIR1
NC_000001.11 BestRefSeq exon 1001 1070 . - . ID=exon-NR_1.1-1;Parent=rna-NR_1.1
NC_000001.11 BestRefSeq miRNA 1001 1022 . - . ID=rna-MIR1;Parent=rna-NR_1.1
NC_000001.11 BestRefSeq exon 1001 1022 . - . ID=exon-MIR1-1;Parent=rna-MIR1
"""
    found = built(tmp_path, text_of(REFSEQ + mirna))
    assert [(one.name, one.exons) for one in found if one.gene == "MIR1"] == [("NR_1.1", ((1000, 1070),))]


def test_models_of_whole_chromosomes_contradict_themselves_nowhere(shared_data: Path) -> None:
    for source in (shared_data / "genemodel_chr20").glob("*.gff3.gz"):
        features = read_features(source)
        require_layout(source, features)
        assert not broken_coding_sequences(features)
