"""The demo's reference is real sequence, and every part of it speaks of the same coordinates."""

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path

import pysam
import pysam.bcftools
import pytest

from demo.reference import DATA, read_slices, write_reference
from demo.slices import CONTIG, CONTIG_LENGTH, SLICES, slice_at
from resources.knowledge import DECLARATIONS, read_declaration


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    write_reference(folder)
    return folder


def test_the_slices_are_what_both_builds_read_there(shared_data: Path) -> None:
    new = pysam.FastaFile(str(shared_data / "grch38_chr20_10M_ref" / "grch38.chr20_and_21_10M.fa.gz"))
    old = pysam.FastaFile(str(shared_data / "b37_chr20_ref" / "20.fa.gz"))
    for piece, sequence in zip(SLICES, read_slices(), strict=True):
        assert set(sequence) == set("ACGT")
        assert new.fetch("chr20", piece.start, piece.end).upper() == sequence
        assert old.fetch("20", piece.start - piece.shift, piece.end - piece.shift).upper() == sequence


def test_the_source_is_chromosome_20_of_grch37(shared_data: Path) -> None:
    with pysam.FastaFile(str(shared_data / "b37_chr20_ref" / "20.fa.gz")) as source:
        m5 = hashlib.md5(source.fetch("20").upper().encode()).hexdigest()
    assert m5 == "0dec9660ec1efaaf33281c0d5ea2560f"


def test_the_fasta_is_chromosome_20_masked_outside_the_slices(reference: Path) -> None:
    with pysam.FastaFile(str(reference / "demo.fa.gz")) as fasta:
        assert dict(zip(fasta.references, fasta.lengths, strict=True)) == {CONTIG: CONTIG_LENGTH}
        for piece, sequence in zip(SLICES, read_slices(), strict=True):
            assert fasta.fetch(CONTIG, piece.start - 1, piece.end + 1) == f"N{sequence}N"
        whole = fasta.fetch(CONTIG)
    assert len(whole) - whole.count("N") == sum(len(piece) for piece in SLICES)


def test_the_declaration_names_the_files_and_the_m5(reference: Path) -> None:
    declared = read_declaration(DECLARATIONS / "demo.yaml", reference)
    named = (declared.fasta, declared.targets, declared.gene_model, declared.known_sites, declared.clinvar)
    assert all(path is not None and path.is_file() for path in named)
    with pysam.FastaFile(str(declared.fasta)) as fasta:
        m5 = hashlib.md5(fasta.fetch(CONTIG).encode()).hexdigest()
    assert declared.contig_md5 == {CONTIG: m5}


def test_writing_it_again_leaves_it_alone(reference: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in reference.iterdir()}
    assert write_reference(reference)["targets.bed"] == reference / "targets.bed"
    assert before == {path: path.stat().st_mtime_ns for path in reference.iterdir()}


def test_the_command_writes_the_same_and_says_what(reference: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "demo.reference", str(tmp_path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=DATA.parent.parent).stdout
    for path in map(Path, said.split()):
        assert path.read_bytes() == (reference / path.name).read_bytes()


def test_what_another_version_wrote_is_replaced(tmp_path: Path) -> None:
    paths = write_reference(tmp_path)
    paths["clinvar.tsv.gz"].write_bytes(b"of last year")
    (tmp_path / ".demo-reference").write_text("another version")
    write_reference(tmp_path)
    assert paths["clinvar.tsv.gz"].read_bytes() == (DATA / "clinvar.tsv.gz").read_bytes()


@pytest.mark.parametrize(
    ("name", "ref_column"), [("clinvar.tsv.gz", 2), ("people.vcf.gz", 3), ("known_sites.vcf.gz", 3)]
)
def test_every_ref_is_what_the_sequence_reads(name: str, ref_column: int) -> None:
    sequences = dict(zip(SLICES, read_slices(), strict=True))
    with gzip.open(DATA / name, "rt") as stream:
        rows = [line.split("\t") for line in stream if line.startswith(CONTIG)]
    assert len(rows) > 50
    for row in rows:
        position, ref = int(row[1]) - 1, row[ref_column]
        piece = slice_at(position)
        assert piece is not None
        assert sequences[piece][position - piece.start :].startswith(ref)


@pytest.mark.parametrize("name", ["people.vcf.gz", "known_sites.vcf.gz"])
def test_the_alleles_are_normalised_and_sorted(name: str, reference: Path, tmp_path: Path) -> None:
    normalised = tmp_path / "normalised.vcf"
    fasta = str(reference / "demo.fa.gz")
    pysam.bcftools.norm(
        "--no-version", "-c", "e", "-f", fasta, "-o", str(normalised), str(DATA / name), catch_stdout=False
    )
    with gzip.open(DATA / name, "rt") as stream:
        ours = [line.split("\t")[:5] for line in stream if line.startswith(CONTIG)]
    theirs = [line.split("\t")[:5] for line in normalised.read_text().splitlines() if line.startswith(CONTIG)]
    assert ours == theirs


def test_the_gene_model_has_the_genes_that_each_slice_was_chosen_for() -> None:
    with gzip.open(DATA / "genes.gff3.gz", "rt") as stream:
        rows = [line.rstrip("\n").split("\t") for line in stream if not line.startswith("#")]
    genes = {row[8].split("Name=")[1].split(";")[0]: (int(row[3]) - 1, int(row[4])) for row in rows if row[2] == "gene"}
    for piece in SLICES:
        start, end = genes[piece.gene]
        assert piece.start + 2_000 <= start < end <= piece.end - 2_000
    assert {"OXT", "MAVS", "ITPA", "DDRGK1", "PRND"} <= set(genes)
