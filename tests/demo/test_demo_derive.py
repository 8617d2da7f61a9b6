"""The committed data is what its sources say: deriving it again gives the same."""

import gzip
import json
from pathlib import Path

from demo.derive import main
from demo.gene_structures import gene_model_lines
from demo.qualities import count_qualities, pairs_of
from demo.reference import DATA, read_slices
from demo.slices import SLICES


def test_the_sources_give_the_committed_data(shared_data: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for folder, kind in (("genes", "genes"), ("gene-structures", "gene-structures"), ("variants", "variants")):
        (cache / folder).mkdir(parents=True)
        for ending in ("tsv.gz", "tsv.li.gz"):
            source = shared_data / "clinvar_genes_ideogram" / f"homo-sapiens-{kind}.{ending}"
            if source.exists():
                (cache / folder / source.name).symlink_to(source)
    fasta = shared_data / "b37_chr20_ref" / "20.fa.gz"
    genotypes = shared_data / "eur503_chr20_1_4m" / "reference.vcf.gz"
    sources = ["--fasta", str(fasta), "--genotypes", str(genotypes), "--ideogram", str(cache)]
    main([*sources, "--output", str(tmp_path / "data")])
    derived = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert derived == [
        "clinvar.tsv.gz",
        "frequencies.vcf.gz",
        "genes.gff3.gz",
        "known_sites.vcf.gz",
        "people.vcf.gz",
        "slices.fa.gz",
    ]
    for name in derived:
        assert gzip.decompress((tmp_path / "data" / name).read_bytes()) == gzip.decompress((DATA / name).read_bytes())


def test_the_qualities_are_those_of_real_reads(shared_data: Path) -> None:
    reads = shared_data / "na12878_chr20_10m" / "NA12878_S1.chr20.10_10p1mb.bam"
    assert count_qualities(pairs_of(reads)) == json.loads((DATA / "qualities.json").read_text())


def gene_at(start: int, transcripts: list[list[str]]) -> list[str]:
    """Lines of one gene of 40 bases on the first slice, on a sequence where ATGAAATAA begins 20 bases into it."""
    sequences = read_slices()
    offset = start - 1 - SLICES[0].start + 20
    sequences[0] = sequences[0][:offset] + "ATGAAATAA" + sequences[0][offset + 9 :]
    return list(gene_model_lines([["20", str(start), "40", "7", "GENE"]], transcripts, sequences))


def test_a_transcript_is_placed_with_its_untranslated_parts() -> None:
    start = SLICES[0].start + 5_000
    lines = gene_at(start, [["GENE-201", "15", "0", "+", "0;0;4", "1;0;20", "2;14;6"]])
    coding = [line.split("\t") for line in lines if "\tCDS\t" in line]
    assert [(row[3], row[4], row[7]) for row in coding] == [(str(start + 20), str(start + 28), "0")]
    (exon,) = [line.split("\t") for line in lines if "\texon\t" in line]
    assert (exon[3], exon[4]) == (str(start + 15), str(start + 35))
    assert lines[0].endswith("ID=gene:ENSG00000000007;Name=GENE;biotype=protein_coding;gene_id=ENSG00000000007")


def test_transcripts_counted_from_another_base_than_the_genes_first_are_moved() -> None:
    start = SLICES[0].start + 5_000
    lines = gene_at(start, [["GENE-201", "12", "0", "+", "0;0;4", "1;0;20", "2;14;6"]])
    (coding,) = [line.split("\t") for line in lines if "\tCDS\t" in line]
    assert (coding[3], coding[4]) == (str(start + 20), str(start + 28))


def test_a_gene_without_a_whole_protein_is_left_out() -> None:
    start = SLICES[0].start + 5_000
    assert gene_at(start, [["GENE-201", "15", "0", "+", "0;0;4", "1;0;20", "2;15;5"]]) == []
    assert gene_at(start, [["GENE-201", "15", "3", "+", "0;0;4", "1;0;20", "2;14;6"]]) == []
