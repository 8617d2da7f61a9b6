"""Downloads are known by their publishers' names, and declared; what is not known, twice there or missing is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import KnowledgeError
from resources.declaration import DECLARATIONS, FIELDS, read_declaration
from resources.shipped_files import GATHERED, SHIPPED, declare, gather

AS_SHIPPED = {
    "GCA_000001405.15_GRCh38_no_alt_analysis_set.fna.gz": ("fasta", None),
    "Homo_sapiens.GRCh37.dna.primary_assembly.fa.gz": ("fasta", None),
    "hs37d5.fa.gz": ("fasta", None),
    "Homo_sapiens_assembly38.fasta": ("fasta", None),
    "gencode.v44.annotation.gff3.gz": ("gene_model", "44"),
    "gencode.v44.primary_assembly.annotation.gff3.gz": ("gene_model", "44"),
    "Homo_sapiens.GRCh38.110.gff3.gz": ("gene_model", "110"),
    "GCF_000001405.40_GRCh38.p14_genomic.gff.gz": ("gene_model", None),
    "Homo_sapiens_assembly38.dbsnp138.vcf": ("known_sites", None),
    "clinvar_20241215.vcf.gz": ("clinvar", "2024-12-15"),
    "gnomad.exomes.v4.1.sites.vcf.bgz": ("frequencies", "4.1"),
    "gnomad.exomes.r2.1.1.sites.vcf.bgz": ("frequencies", "2.1.1"),
    "revel-v1.3_all_chromosomes.csv": ("predictors", "1.3"),
    "whole_genome_SNVs.tsv.gz": ("predictors", None),
    "spliceai_scores.masked.snv.hg38.vcf.gz": ("splice_predictors", None),
    "gnomad.v2.1.1.lof_metrics.by_gene.txt.bgz": ("constraint", "2.1.1"),
    "gnomad.v4.1.constraint_metrics.tsv": ("constraint", "4.1"),
    "ClinGen_gene_curation_list_GRCh38.tsv": ("dosage", None),
    "GCF_000001405.40.gz": ("dbsnp", None),
    "STRchive-loci.json": ("repeat_loci", None),
    "peddy-0.4.8.tar.gz": ("ancestry_panel", "0.4.8"),
}


@pytest.mark.parametrize("name", AS_SHIPPED)
def test_a_file_is_known_by_the_name_that_its_publisher_gave_it(tmp_path: Path, name: str) -> None:
    field, release = AS_SHIPPED[name]
    (tmp_path / name).touch()
    gathered = gather(tmp_path)
    assert gathered.files == {field: tmp_path / name} and gathered.unknown == ()
    assert gathered.releases == ({field: release} if release else {})


def test_folders_are_known_by_what_they_hold(tmp_path: Path) -> None:
    for folder, files in {
        "1000g.phase3.10k.b38": ("1000g.phase3.10k.b38.vcf.gz.dat.bed", "x.UD", "x.mu"),
        "hpo": ("hp.obo", "phenotype.hpoa", "genes_to_phenotype.txt"),
        "pharmcat": ("CYP2C19_translation.json",),
        "something else": ("readme.html",),
    }.items():
        (tmp_path / folder).mkdir()
        for file in files:
            (tmp_path / folder / file).touch()
    gathered = gather(tmp_path)
    assert {field: path.name for field, path in gathered.files.items()} == {
        "identity_panel": "1000g.phase3.10k.b38",
        "phenotypes": "hpo",
        "star_alleles": "pharmcat",
    }
    assert gathered.unknown == ("something else",)


def test_every_field_that_is_recognised_is_one_of_a_declaration() -> None:
    assert {one.field for one in SHIPPED} <= set(FIELDS)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (("clinvar_20241215.vcf.gz", "clinvar_20250105.vcf.gz"), "clinvar_20241215.vcf.gz and clinvar_20250105.vcf.gz"),
        (("notes.docx",), "nothing in the folder has a name that is known"),
        ((), "nothing in the folder has a name that is known"),
        (None, "the folder cannot be read"),
    ],
    ids=["two releases", "nothing known", "empty", "no folder"],
)
def test_a_folder_that_cannot_be_taken_is_refused(tmp_path: Path, names: tuple[str, ...] | None, problem: str) -> None:
    folder = tmp_path if names is not None else tmp_path / "absent"
    for name in names or ():
        (tmp_path / name).touch()
    with pytest.raises(KnowledgeError, match=problem) as refused:
        gather(folder)
    assert refused.value.remedy


def test_what_was_gathered_stands_in_the_declaration_with_its_release_and_nothing_that_is_not_there(
    tmp_path: Path,
) -> None:
    downloads, sources = tmp_path / "downloads", tmp_path / "sources"
    downloads.mkdir()
    for name in ("GCA_000001405.15_GRCh38_no_alt_analysis_set.fna.gz", "clinvar_20241215.vcf.gz", "notes.docx"):
        (downloads / name).touch()
    (downloads / "clinvar_20241215.vcf.gz.tbi").touch()
    gathered = gather(downloads)
    assert gathered.unknown == ("notes.docx",), "an index goes with its file"
    path = declare(gathered, DECLARATIONS / "GRCh38.yaml", sources)
    assert path == sources / GATHERED
    told = read_declaration(path, sources)
    assert told.fasta == downloads / "GCA_000001405.15_GRCh38_no_alt_analysis_set.fna.gz"
    assert (told.clinvar, told.clinvar_release) == (downloads / "clinvar_20241215.vcf.gz", "2024-12-15")
    assert (told.name, told.build, set(told.contig_md5)) == ("GRCh38", "GRCh38", {"chr20", "chrM"})
    assert told.gene_model is None and told.known_sites is None, "named by the platform's own YAML, and not there"
    assert told.star_alleles is not None, "those of the package"


def test_a_file_that_lies_among_the_sources_stays_declared_and_a_newer_one_takes_its_place(tmp_path: Path) -> None:
    downloads, sources = tmp_path / "downloads", tmp_path / "sources"
    for folder in (downloads, sources):
        folder.mkdir()
    for name in ("demo.fa.gz", "genes.gff3.gz", "clinvar.tsv.gz"):
        (sources / name).touch()
    (downloads / "clinvar_20250105.vcf.gz").touch()
    told = read_declaration(declare(gather(downloads), DECLARATIONS / "demo.yaml", sources), sources)
    assert (told.fasta, told.gene_model) == (sources / "demo.fa.gz", sources / "genes.gff3.gz")
    assert (told.clinvar, told.clinvar_release) == (downloads / "clinvar_20250105.vcf.gz", "2025-01-05")


def test_without_a_reference_sequence_nothing_is_declared(tmp_path: Path) -> None:
    (tmp_path / "clinvar_20241215.vcf.gz").touch()
    with pytest.raises(KnowledgeError, match="there is no reference sequence"):
        declare(gather(tmp_path), DECLARATIONS / "GRCh38.yaml", tmp_path / "sources")
    assert not (tmp_path / "sources").exists()
