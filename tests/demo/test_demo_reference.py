"""The demo's reference is real sequence, and every part of it speaks of the same coordinates."""

import gzip
from pathlib import Path

import pysam
import pysam.bcftools
import pytest

from demo.people import PEOPLE, variants_of
from demo.reference import DATA, read_slices, write_reference
from demo.slices import CONTIG, CONTIG_LENGTH, SLICES


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    write_reference(folder)
    return folder


def test_the_slices_are_what_both_builds_read_there(shared_data: Path) -> None:
    new = pysam.FastaFile(str(shared_data / "grch38_chr20_10M_ref" / "grch38.chr20_and_21_10M.fa.gz"))
    old = pysam.FastaFile(str(shared_data / "b37_chr20_ref" / "20.fa.gz"))
    for piece, sequence in zip(SLICES, read_slices(), strict=True):
        assert new.fetch("chr20", piece.start, piece.end).upper() == sequence
        assert old.fetch("20", piece.start - piece.shift, piece.end - piece.shift).upper() == sequence


def test_the_fasta_is_chromosome_20_masked_outside_the_slices(reference: Path) -> None:
    with pysam.FastaFile(str(reference / "demo.fa.gz")) as fasta:
        assert fasta.lengths == [CONTIG_LENGTH]
        for piece, sequence in zip(SLICES, read_slices(), strict=True):
            framed = fasta.fetch(CONTIG, piece.start - 1, piece.end + 1)
            assert framed == f"N{sequence}N"
        whole = fasta.fetch(CONTIG)
    assert len(whole) - whole.count("N") == sum(len(piece) for piece in SLICES)


def test_writing_it_again_gives_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    write_reference(tmp_path)
    for path in reference.iterdir():
        if path.suffix not in (".fai", ".gzi"):
            assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_clinvar_and_genotypes_agree_with_the_sequence() -> None:
    alleles = []
    for name, columns in (("clinvar.tsv.gz", (1, 2)), ("founders.vcf.gz", (1, 3)), ("known_sites.vcf.gz", (1, 3))):
        with gzip.open(DATA / name, "rt") as stream:
            rows = [line.split("\t") for line in stream if line.startswith(CONTIG)]
        assert rows
        alleles += [(int(row[columns[0]]) - 1, row[columns[1]]) for row in rows]
    sequences = read_slices()
    for position, ref in alleles:
        (number,) = [n for n, piece in enumerate(SLICES) if piece.start <= position < piece.end]
        start = position - SLICES[number].start
        assert sequences[number][start : start + len(ref)] == ref


def test_the_childs_alleles_are_her_parents() -> None:
    child, father, mother = ({(v.position, v.alt): v.carried for v in variants_of(p)} for p in PEOPLE[:3])
    for allele, (from_father, from_mother) in child.items():
        assert not from_father or any(father[allele])
        assert not from_mother or any(mother[allele])
    for parent in (father, mother):
        homozygous = {allele for allele, carried in parent.items() if all(carried)}
        assert homozygous <= set(child)


def test_the_planted_variants_are_pathogenic_in_clinvar() -> None:
    with gzip.open(DATA / "clinvar.tsv.gz", "rt") as stream:
        rows = [line.rstrip("\n").split("\t") for line in stream if line.startswith(CONTIG)]
    clinvar = {row[4]: row for row in rows}
    planted = {person.sample: [v for v in variants_of(person) if v.name.startswith("ClinVar")] for person in PEOPLE}
    assert {sample: len(variants) for sample, variants in planted.items()} == {
        "demo-child": 2,
        "demo-father": 1,
        "demo-mother": 1,
        "demo-unrelated-1": 1,
        "demo-unrelated-2": 1,
        "demo-unrelated-3": 0,
    }
    for variant in (variant for variants in planted.values() for variant in variants):
        row = clinvar[variant.name.removeprefix("ClinVar:")]
        assert (int(row[1]) - 1, row[2], row[3]) == (variant.position, variant.ref, variant.alt)
        assert "pathogenic" in row[6].lower()
    first, second = planted["demo-child"]
    assert first.carried != second.carried and any(first.carried) and any(second.carried)


def test_the_gene_model_gives_the_planted_consequences(reference: Path, tmp_path: Path) -> None:
    expected = {
        "ClinVar:12206": "missense|AVP|",
        "ClinVar:1305": "missense|SLC4A11|",
        "ClinVar:456524": "frameshift|PANK2|",
        "ClinVar:4548": "missense|PANK2|",
    }
    planted = {v.name: v for person in PEOPLE for v in variants_of(person) if v.name in expected}
    lines = [f"{CONTIG}\t{v.position + 1}\t{v.name}\t{v.ref}\t{v.alt}\t.\t.\t.\n" for v in planted.values()]
    header = f"##fileformat=VCFv4.3\n##contig=<ID={CONTIG},length={CONTIG_LENGTH}>\n"
    vcf = tmp_path / "planted.vcf"
    vcf.write_text(header + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + "".join(sorted(lines)))
    fasta, genes = reference / "demo.fa.gz", reference / "genes.gff3.gz"
    said = pysam.bcftools.csq("--local-csq", "-f", str(fasta), "-g", str(genes), "--no-version", str(vcf))
    rows = {row[2]: row[7] for row in (line.split("\t") for line in said.splitlines()) if row[0] == CONTIG}
    assert {name: consequence in rows[name] for name, consequence in expected.items()} == dict.fromkeys(expected, True)
