"""Declared scores: judged by the genome before they are kept, and a sample's sums by them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pysam
import pytest

from engine.errors import GenomicsError
from engine.person import Sex
from engine.reference.bundle import ReferenceBundle
from engine.report.risk import read_risks
from engine.risk.knowledge import build_scoring_files
from engine.risk.sample import score_sample
from tests.builders.alignments import write_reference
from tests.builders.scores import write_calls, write_score

BASES = "".join(random.Random(5).choices("ACGT", k=2_000))
BUILD = "genome_build=GRCh38"
PLACES = range(100, 1_100, 100)


def other(base: str) -> str:
    return "ACGT"["ACGT".index(base) - 1]


def rows(places: Sequence[int] = PLACES) -> list[str]:
    """Each place's other allele weighs 1."""
    return [f"- chr20 {place} {other(BASES[place - 1])} {BASES[place - 1]} 1" for place in places]


@pytest.fixture
def reference(tmp_path: Path) -> ReferenceBundle:
    (tmp_path / "r").mkdir()
    made = write_reference(tmp_path / "r", {"chr20": BASES})
    return ReferenceBundle("r", "GRCh38", made.fasta, made.contigs, Path(), None, None, None, None, {})


def build(reference: ReferenceBundle, source: Path, part: Path) -> str:
    part.mkdir()
    with pysam.FastaFile(str(reference.fasta)) as fasta:
        return build_scoring_files(source, reference.build, reference.contigs, fasta, part).release


def sources(folder: Path, facts: Sequence[str] = (BUILD,), lines: Sequence[str] = ()) -> Path:
    folder.mkdir()
    write_score(folder / "PGS9.txt", lines or rows(), facts=facts)
    return folder


def gvcf(path: Path, end: int) -> Path:
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1"
    head = f"##fileformat=VCFv4.2\n##contig=<ID=chr20,length=2000>\n{columns}\n"
    path.write_text(f"{head}chr20\t1\t.\t{BASES[0]}\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ\t0/0:30:90\n")
    return Path(pysam.tabix_index(str(path), preset="vcf", force=True))


def test_a_sample_is_scored_by_what_it_carries_and_by_what_its_gvcf_calls(
    reference: ReferenceBundle, tmp_path: Path
) -> None:
    source = sources(tmp_path / "s", (BUILD, "trait_mapped=stature"))
    (source / "distributions.tsv").write_text("score_id\tpopulation\tmean\tsd\talpha\nPGS9\tpeople of X\t1\t0.5\t\n")
    assert build(reference, source, tmp_path / "part") == "PGS9"
    base = BASES[299]
    calls = write_calls(tmp_path / "c.vcf", [f"chr20 300 . {base} {other(base)} 0/1"])
    reached = {}
    for end in (2_000, 800, 400):
        made = gvcf(tmp_path / f"{end}.g.vcf", end)
        told = score_sample(calls, made, reference, tmp_path / "part", Sex.FEMALE, "child", tmp_path / "o.json")
        (reached[end],) = read_risks(tmp_path / "o.json")
        assert told.least_matched == reached[end].matched / 10
        has_sum = reached[end].z is not None
        assert told.placed_scores == ["PGS9, people of X"] * has_sum and told.placed_z == [0.0] * has_sum
    assert (reached[2_000].total, reached[2_000].matched, reached[2_000].z) == (1.0, 10, 0.0)
    assert (reached[800].total, reached[800].matched) == (1.0, 8)
    assert (reached[400].total, reached[400].matched, reached[400].z) == (None, 4, None), "never a sum of a part"
    assert reached[2_000].population == "people of X" and reached[2_000].trait == "stature"
    assert json.loads((tmp_path / "o.json").read_text())[0]["score"]["sample"] == "child"


@pytest.mark.parametrize(
    ("facts", "lines", "said"),
    [
        (["genome_build=GRCh37"], [], "are of GRCh37, the reference is GRCh38"),
        (["genome_build=NR"], [], "a build that the file does not tell"),
        ([BUILD], ["- chr20 x"], "columns"),
        ([BUILD], [row.replace(" 1", " much") for row in rows()], "is no number"),
    ],
)
def test_what_is_no_score_of_the_build_is_refused(
    reference: ReferenceBundle, tmp_path: Path, facts: list[str], lines: list[str], said: str
) -> None:
    with pytest.raises(GenomicsError, match=said):
        build(reference, sources(tmp_path / "s", facts, lines), tmp_path / "part")


def test_a_score_whose_alleles_the_genome_does_not_read_is_refused(reference: ReferenceBundle, tmp_path: Path) -> None:
    complements = {"A": "C G", "C": "A T", "G": "A T", "T": "C G"}
    wrong = [f"- chr20 {p} {complements[BASES[p - 1]]} 1" for p in PLACES]
    with pytest.raises(GenomicsError, match="reads neither allele at 10 of 10 places of PGS9"):
        build(reference, sources(tmp_path / "s", lines=wrong), tmp_path / "part")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("score_id\tpopulation\tmean\tsd\nPGS8\tX\t1\t1\n", "of PGS8, of which there is no scoring file"),
        ("score_id\tpopulation\tmean\tsd\nPGS9\tX\t1\tfew\n", "line 2: the row tells no distribution"),
        ("score_id\tpopulation\tmean\tsd\nPGS9\tX\t1\t0\n", "no standard deviation above 0"),
        ("score_id\tpopulation\tmean\tsd\nPGS9\t\t1\t1\n", "line 2: the row tells no distribution"),
        ("score_id\tpopulation\tmean\tsd\nPGS9\tX\t1\t1\nPGS9\tY\t1\t1\n", "line 3: the row tells no distribution"),
    ],
)
def test_a_distribution_that_is_none_is_refused(
    reference: ReferenceBundle, tmp_path: Path, table: str, said: str
) -> None:
    source = sources(tmp_path / "s")
    (source / "distributions.tsv").write_text(table)
    with pytest.raises(GenomicsError, match=said):
        build(reference, source, tmp_path / "part")


def test_a_folder_without_a_score_or_with_one_twice_is_refused(reference: ReferenceBundle, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(GenomicsError, match="there is no scoring file"):
        build(reference, tmp_path / "none", tmp_path / "a")
    source = sources(tmp_path / "s")
    write_score(source / "PGS9_again.txt", rows(), facts=[BUILD])
    with pytest.raises(GenomicsError, match=r"PGS9 is in PGS9\.txt too"):
        build(reference, source, tmp_path / "b")
