"""Named alleles as knowledge of a deployment, and a sample's document made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pysam
import pytest

from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.ops.artifact import NotApplicable
from engine.ops.interpretation import pharmacogenomics
from engine.person import Sex
from engine.pharmacogenomics.changes import Genome
from engine.pharmacogenomics.knowledge import build_star_alleles, read_star_alleles
from engine.pharmacogenomics.pypgx import packaged_tables
from engine.pharmacogenomics.sample import call_pharmacogenes
from engine.reference.bundle import ReferenceBundle
from engine.reference.genome import open_reference
from resources.declaration import read_declaration
from tests.builders.pharmacogenes import definition, whole, write_calls, write_definitions, write_genome


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    return open_reference(write_genome(tmp_path)).fasta


@pytest.fixture
def genome(fasta: Path) -> Iterator[Genome]:
    with pysam.FastaFile(str(fasta)) as file:
        yield Genome(file)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    folder = tmp_path / "star_alleles"
    folder.mkdir()
    return folder


def bundle(fasta: Path, star_alleles: Path | None) -> ReferenceBundle:
    """The reference with its star alleles, and nothing else."""
    return ReferenceBundle(
        name="test",
        build="GRCh38",
        fasta=fasta,
        contigs=open_reference(fasta).contigs,
        aligner_index=Path(),
        gene_model=None,
        known_sites=None,
        clinvar=None,
        targets=None,
        versions={},
        star_alleles=star_alleles,
    )


def test_definitions_of_a_laboratory_are_kept_with_the_tables(tmp_path: Path, genome: Genome, part: Path) -> None:
    source = write_definitions(tmp_path / "own", definition(), definition("CYP2C9", contig="chr10"))
    measures = build_star_alleles(source, "GRCh38", genome, part)
    assert (measures.genes, measures.alleles, measures.positions, measures.left_out) == (1, 7, 4, 1)
    assert measures.release == "TEST 2026-01-01"
    tables, definitions = read_star_alleles(part)
    assert tables.version == packaged_tables().version
    assert [one.gene for one in definitions] == ["CYP2C9", "UGT1A1"]


def test_the_packaged_tables_serve_where_the_reference_says_so(tmp_path: Path, genome: Genome, part: Path) -> None:
    yaml = tmp_path / "r.yaml"
    yaml.write_text("name: r\nbuild: GRCh38\nfasta: r.fa\nstar_alleles: pypgx\n")
    declared = read_declaration(yaml, tmp_path).star_alleles
    assert declared == packaged_tables().folder
    with pytest.raises(ReferenceMismatchError, match="the reference reads nothing"):
        build_star_alleles(declared, "GRCh38", genome, part)
    yaml.write_text("name: r\nbuild: GRCh38\nfasta: r.fa\n")
    assert read_declaration(yaml, tmp_path).star_alleles is None


def test_definitions_of_another_build_are_refused(tmp_path: Path, genome: Genome, part: Path) -> None:
    source = write_definitions(tmp_path / "own")
    with pytest.raises(KnowledgeError, match="of UGT1A1 are of GRCh38, the reference is GRCh37"):
        build_star_alleles(source, "GRCh37", genome, part)


def test_a_sample_has_a_document_of_its_variants_and_gvcf(
    tmp_path: Path, fasta: Path, genome: Genome, part: Path
) -> None:
    build_star_alleles(write_definitions(tmp_path / "own"), "GRCh38", genome, part)
    calls = write_calls(tmp_path / "c.vcf", whole("-", "-", "0/2", "-"))
    head = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "S1"])
    block = "chr2\t1\t.\tA\t<NON_REF>\t.\t.\tEND=59\tGT:DP:GQ\t0/0:30:60"
    gvcf = tmp_path / "s.g.vcf"
    gvcf.write_text("\n".join(["##fileformat=VCFv4.2", head, block]) + "\n")
    output = tmp_path / "out.json"
    measures = call_pharmacogenes(calls, gvcf, bundle(fasta, part), part, Sex.UNKNOWN, output)
    assert (measures.genes, measures.called, measures.missing_positions) == (1, 1, 0)
    (sample,) = json.loads(output.read_text())["samples"]
    assert sample["genes"][0]["phenotype"] == "Intermediate Metabolizer"
    assert measures.recommendations == len(sample["genes"][0]["recommendations"]) > 0


def test_without_star_alleles_there_is_no_document(fasta: Path) -> None:
    alone = dict.fromkeys(("making", "aligned_reads", "variants", "gvcf", "person", "settings"))
    assert isinstance(pharmacogenomics.compute(reference=bundle(fasta, None), **alone), NotApplicable)
