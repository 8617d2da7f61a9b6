"""The list of ALT contigs goes where its FASTA goes, whatever it is called and whenever it comes."""

from pathlib import Path

import pytest

from engine.align.index import build_index, ensure_index, require_alternates
from engine.errors import KnowledgeError
from engine.quality.evaluation import evaluate
from engine.quality.thresholds import load_thresholds
from engine.reference.alternates import alternates_beside, read_alternates
from engine.reference.build import build_genome
from engine.reference.genome import open_reference
from tests.builders.alignments import random_sequence

LISTED = "@SQ\tSN:x\tLN:1\nchr1_KI270762v1_alt\t0\tchr1\t101\t60\t300M\t*\t0\t0\t*\t*\nHLA-A*01:01\t4\t*\n"


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    """A chromosome and an ALT contig that repeats a part of it."""
    path, chromosome = tmp_path / "ref.fa", random_sequence(1_200, 3)
    path.write_text(f">chr1\n{chromosome}\n>chr1_KI270762v1_alt\n{chromosome[100:400]}\n")
    return path


@pytest.mark.parametrize("name", ["ref.fa.alt", "ref.fa.64.alt"])
def test_a_list_is_carried_into_the_lake_and_into_the_index(fasta: Path, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(LISTED)
    assert alternates_beside(fasta) == tmp_path / name
    assert read_alternates(tmp_path / name) == {"chr1_KI270762v1_alt", "HLA-A*01:01"}
    lake = tmp_path / "lake"
    lake.mkdir()
    measures = build_genome(fasta, None, {}, lake)
    assert (measures.alternates, measures.unlisted_alternates) == (1, 0)
    build_index(open_reference(lake / "ref.fa"), tmp_path / "index")
    assert (tmp_path / "index.alt").read_text() == "1\n"


def test_a_list_that_comes_later_changes_or_goes_is_taken_over(fasta: Path, tmp_path: Path) -> None:
    reference, prefix, listed = open_reference(fasta), tmp_path / "index", tmp_path / "index.alt"
    ensure_index(reference, prefix)
    assert not listed.exists()
    built = Path(f"{prefix}.bwt.2bit.64").stat().st_mtime_ns
    (tmp_path / "ref.fa.alt").write_text(LISTED)
    ensure_index(reference, prefix)
    assert listed.read_text() == "1\n"
    (tmp_path / "ref.fa.alt").unlink()
    ensure_index(reference, prefix)
    assert not listed.exists() and Path(f"{prefix}.bwt.2bit.64").stat().st_mtime_ns == built


def test_an_index_of_the_aligners_own_making_must_have_the_list_itself(fasta: Path, tmp_path: Path) -> None:
    index = build_index(open_reference(fasta), tmp_path / "index")
    own = type(index)(fasta, index.contigs, index.pieces, numbered=False)
    require_alternates(open_reference(fasta), own)
    (tmp_path / "ref.fa.64.alt").write_text(LISTED)
    with pytest.raises(KnowledgeError, match="has not the list of ALT contigs"):
        require_alternates(open_reference(fasta), own)
    (tmp_path / "ref.fa.alt").write_text(LISTED)
    require_alternates(open_reference(fasta), own)


def test_alt_contigs_without_a_list_are_counted_and_stop_the_knowledge(fasta: Path, tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    measures = build_genome(fasta, None, {}, tmp_path / "lake")
    assert measures.unlisted_alternates == 1
    assert [verdict.blocks for verdict in evaluate(load_thresholds().of("reference_genome"), vars(measures))] == [True]


@pytest.mark.parametrize("name", ["chrA,complete", "chr<1>", "*chr1", "chr(1)"])
def test_a_contig_that_no_bam_file_could_name_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.fa"
    path.write_text(f">{name}\nACGTACGT\n")
    with pytest.raises(KnowledgeError, match="that SAM and VCF do not allow"):
        open_reference(path)
    hla = tmp_path / "hla.fna"
    hla.write_text(">HLA-A*01:01\nACGTACGT\n")
    assert open_reference(hla).dictionary.name == "hla.dict"
