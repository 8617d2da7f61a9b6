"""Candidate genes come from the annotated calls of one person."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import VariantFileError
from engine.phenotype.candidates import KNOWN_PATHOGENIC, candidate_genes

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def vcf(folder: Path, *records: tuple[str, str, str, str], samples: tuple[str, ...] = ("S1",)) -> Path:
    """Records of ALT, FILTER, INFO and genotypes parted by blanks."""
    path = folder / "calls.vcf"
    columns = "".join(f"\t{name}" for name in ("FORMAT", *samples)) if samples else ""
    lines = [HEADER + columns]
    for position, (alt, mark, info, genotypes) in enumerate(records, start=1):
        calls = "\t".join(["", "GT", *genotypes.split()]) if samples else ""
        lines.append(f"chr1\t{position}\t.\tA\t{alt}\t50\t{mark}\t{info}{calls}")
    path.write_text("\n".join(lines) + "\n")
    return path


def ann(*parts: tuple[str, str, str]) -> str:
    return "ANN=" + ",".join(f"{allele}|x|{impact}|{gene}|g|transcript|t" for allele, impact, gene in parts)


def test_the_strongest_variant_of_a_gene_counts(tmp_path: Path) -> None:
    calls = vcf(
        tmp_path,
        ("G", "PASS", ann(("G", "MODERATE", "A"), ("G", "MODIFIER", "B")), "0/1"),
        ("G", "PASS", ann(("G", "HIGH", "A")), "0|1"),
        ("G", ".", "DP=3;" + ann(("G", "MODERATE", "C")) + ";CLNSIG=Likely_pathogenic", "1/1"),
    )
    assert candidate_genes(calls) == {"A": 2.0, "C": KNOWN_PATHOGENIC}


@pytest.mark.parametrize(
    "record",
    [
        ("G", "LowQual", ann(("G", "HIGH", "A")), "0/1"),
        ("G", "PASS", ann(("G", "HIGH", "A")), "0/0"),
        ("G", "PASS", ann(("G", "HIGH", "A")), "./."),
        ("G,T", "PASS", ann(("T", "HIGH", "A")), "0/1"),
        ("G", "PASS", ann(("G", "HIGH", "A")) + ";CLNSIG=Benign/Likely_benign", "0/1"),
        ("G", "PASS", ann(("G", "LOW", "A")), "0/1"),
    ],
)
def test_what_makes_no_candidate(tmp_path: Path, record: tuple[str, str, str, str]) -> None:
    assert candidate_genes(vcf(tmp_path, record)) == {}


def test_consequences_of_alleles_that_alt_does_not_have_are_refused(tmp_path: Path) -> None:
    """As of a deletion whose allele is written without the base that it shares with REF."""
    for told in ("-", "C", "AG"):
        with pytest.raises(VariantFileError, match="of no allele of ALT") as caught:
            candidate_genes(vcf(tmp_path, ("G", "PASS", ann((told, "HIGH", "A")), "0/1")))
        assert caught.value.file and caught.value.place == "chr1:1" and caught.value.remedy
    beside = ann(("g", "MODIFIER", "B"), ("G-T", "HIGH", "A"))
    assert candidate_genes(vcf(tmp_path, ("G", "PASS", beside, "0/1"))) == {}
    for alt, told in (("g", "G"), ("G", "g")):
        assert candidate_genes(vcf(tmp_path, (alt, "PASS", ann((told, "HIGH", "A")), "0/1"))) == {"A": 2.0}


def test_conflicting_classifications_add_nothing(tmp_path: Path) -> None:
    info = ann(("G", "MODERATE", "A")) + ";CLNSIG=Conflicting_classifications_of_pathogenicity"
    assert candidate_genes(vcf(tmp_path, ("G", "PASS", info, "0/1"))) == {"A": 0.0}


def test_of_several_people_one_is_to_be_named(tmp_path: Path) -> None:
    calls = vcf(tmp_path, ("G", "PASS", ann(("G", "HIGH", "A")), "0/0 0/1"), samples=("S1", "S2"))
    assert candidate_genes(calls, "S1") == {} and candidate_genes(calls, "S2") == {"A": 2.0}
    for sample in (None, "S3"):
        with pytest.raises(VariantFileError, match="the calls are those of S1, S2") as refused:
            candidate_genes(calls, sample)
        assert "--sample" in refused.value.remedy


def test_without_genotypes_every_allele_counts(tmp_path: Path) -> None:
    assert candidate_genes(vcf(tmp_path, ("G", "PASS", ann(("G", "HIGH", "A")), ""), samples=())) == {"A": 2.0}


def test_calls_without_annotation_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VariantFileError, match="no record has INFO/ANN"):
        candidate_genes(vcf(tmp_path, ("G", "PASS", "DP=3", "0/1")))
