"""Weights of carried alleles are added up, strand, alleles and missing genotypes minded."""

from __future__ import annotations

import csv
import math
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.errors import KnowledgeError, VariantFileError
from engine.person import Sex
from engine.reference.bundle import Contig
from engine.reference.genome import Reference
from engine.risk.dosages import Site, add_reference_places, copies_by_sex
from engine.risk.genotypes import read_dosages
from engine.risk.score import SampleScore, Score, longest_allele, match, score_samples, wanted
from engine.risk.scoring_file import ScoringFile, read_scoring_file
from tests.builders.alignments import write_reference
from tests.builders.scores import write_calls, write_score


def scored(
    folder: Path, rows: Sequence[str], records: Sequence[str], *, samples: Sequence[str] = ("S1",), least: float = 0.0
) -> Score:
    score = read_scoring_file(write_score(folder / "score.txt", rows))
    dosages = read_dosages(write_calls(folder / "calls.vcf", records, samples=samples), *wanted([score]))
    return score_samples(score, dosages, least_matched=least)


@pytest.mark.parametrize(
    ("row", "record", "total"),
    [
        ("- 20 5 G A 0.5", "chr20 5 . A G 0/1", 0.5),
        ("- 20 5 G A 0.5", "20 5 . A G 1|1", 1.0),
        ("- 20 5 A G 0.5", "chr20 5 . A G 0/1", 0.5),
        ("- 20 5 A G 0.5", "chr20 5 . A G 0/0", 1.0),
        ("- 20 5 C T 0.5", "chr20 5 . A G 1/1", 1.0),  # on the reverse strand
        ("- 20 5 A T 0.5", "chr20 5 . A T 0/1", 0.5),  # alike from both strands
        ("- 20 5 C T 0.5", "chr20 5 . T A,C 1/2", 0.5),
        ("- 20 5 T C 0.5", "chr20 5 . T A,C 1/2", 0.0),
        ("- 20 5 G A 0.5", "chr20 5 . A T 0/1", 0.0),  # not carried, another allele is
        ("- 20 5 AT A 0.5", "chr20 5 . A AT 0/1", 0.5),
        ("- 20 5 A AT 0.5", "chr20 5 . A AT 0/1", 0.5),
        ("- 20 5 A AT 0.5", "chr20 5 . AT A 1/1", 1.0),
        ("- 20 5 AT A 0.5", "chr20 5 . A AT,G 1/2", 0.5),
        ("- X 5 G A 0.5", "chrX 5 . A G 1", 0.5),
        ("- MT 5 G A 0.5", "chrM 5 . A G 1", 0.5),
        ("rs7 - - G - 0.5", "chr20 5 rs7 A G 0/1", 0.5),
        ("- 20 5 G - 0.5", "chr20 5 . A G 0/1", 0.5),
    ],
)
def test_an_allele_is_counted(tmp_path: Path, row: str, record: str, total: float) -> None:
    sample = scored(tmp_path, [row], [record]).samples[0]
    assert (sample.total, sample.matched, sample.variants) == (total, 1, 1)


@pytest.mark.parametrize(
    ("row", "record"),
    [
        ("- 20 5 G A 0.5", "chr20 6 . A G 0/1"),
        ("- 20 5 G A 0.5", "chr20 5 . A G ./."),
        ("- 20 5 G A 0.5", "chr20 5 . A G ./1"),
        ("- 20 5 G C 0.5", "chr20 5 . A T 0/1"),
        ("- 20 5 AT A 0.5", "chr20 5 . ATT A 0/1"),
        ("- 20 5 C - 0.5", "chr20 5 . A G 0/1"),
        ("- 20 5 A AT 0.5", "chr20 5 . A G 0/1"),  # nobody says whether A or AT is the reference's
        ("- 20 5 T TA 0.5", "chr20 5 . A G 0/1"),  # the other strand's insertion would stand elsewhere
        ("rs8 - - G - 0.5", "chr20 5 rs7 A G 0/1"),
    ],
)
def test_what_does_not_match_or_is_missing_is_not_known(tmp_path: Path, row: str, record: str) -> None:
    sample = scored(tmp_path, [row], [record]).samples[0]
    assert (sample.total, sample.matched, sample.variants) == (None, 0, 1)


def test_alleles_split_over_records_are_those_of_one_site(tmp_path: Path) -> None:
    rows, records = ["- 20 5 A G 1", "- 20 5 T A 10"], ["chr20 5 . A G 0/1", "chr20 5 . A T 1/0"]
    assert scored(tmp_path, rows, records).samples[0].total == 0 * 1 + 1 * 10


def test_each_sample_has_its_own_sum_and_too_little_known_is_no_sum(tmp_path: Path) -> None:
    rows = [f"- 20 {position} G A {position}" for position in (1, 2, 3, 4)]
    records = [f"chr20 {position} . A G 0/1 {'./.' if position < 3 else '1/1'}" for position in (1, 2, 3, 4)]
    first, second = scored(tmp_path, rows, records, samples=("S1", "S2"), least=0.75).samples
    assert (first.total, first.matched) == (10.0, 4)
    assert (second.total, second.matched) == (None, 2)


def test_strands_are_told(tmp_path: Path) -> None:
    rows = ["- 20 1 C T 1", "- 20 2 A T 1", "- 20 3 G A 1"]
    told = scored(tmp_path, rows, ["20 1 . A G 0/1", "20 2 . A T 0/1", "20 3 . A G 0/1"])
    assert (told.flipped, told.ambiguous) == (1, 1)


def test_reference_where_the_gvcf_says_so(tmp_path: Path) -> None:
    """Looked at from 3 to 4, 1-based: positions 2 and 5 are not known."""
    reference = write_reference(tmp_path, {"chr20": "CCAGCC"})
    score = read_scoring_file(
        write_score(tmp_path / "s.txt", ["- 20 2 C G 1", "- 20 3 A G 10", "- 20 4 C G 100", "- 20 5 C G 1000"])
    )
    assert at_reference(tmp_path, reference, score, (2, 4)) == (20.0, 2)


def at_reference(folder: Path, genome: Reference, score: ScoringFile, looked_at: tuple[int, int]) -> tuple[float, int]:
    """Total and matched of somebody without a call, who was looked at in a stretch, 0-based half-open."""
    dosages = read_dosages(write_calls(folder / "calls.vcf", ["chr20 999 . A G 0/1"]), *wanted([score]))
    with pysam.FastaFile(str(genome.fasta)) as fasta:
        longest = longest_allele([score])
        add_reference_places(dosages, {"chr20": [looked_at]}, fasta, longest=longest)
    sample = score_samples(score, dosages, least_matched=0).samples[0]
    return sample.total or 0.0, sample.matched


@pytest.mark.parametrize(
    ("row", "total", "matched"),
    [
        ("- 20 3 AT A 1", 0.0, 1),  # an insertion: the genome reads AG
        ("- 20 3 A AT 1", 2.0, 1),
        ("- 20 3 AG TC 1", 2.0, 1),
        ("- 20 3 TC AG 1", 0.0, 1),
        ("- 20 3 AG A 1", 0.0, 0),  # AG lost its G, or A gained one
        ("- 20 3 A AG 1", 0.0, 0),
        ("- 20 4 GC G 1", 0.0, 0),  # looked at as far as the G
        ("- 20 4 GA G 1", 0.0, 0),
        ("- 20 4 GC TA 1", 0.0, 0),
    ],
)
def test_reference_alleles_of_several_bases_are_read_from_the_genome(
    tmp_path: Path, row: str, total: float, matched: int
) -> None:
    reference = write_reference(tmp_path, {"chr20": "CCAGCC"})
    score = read_scoring_file(write_score(tmp_path / "s.txt", [row]))
    assert at_reference(tmp_path, reference, score, (2, 4)) == (total, matched)


@pytest.mark.parametrize("genotype", ["0/2", "a/b", "-1/0"])
def test_a_genotype_that_is_none_is_refused(tmp_path: Path, genotype: str) -> None:
    with pytest.raises(VariantFileError, match="chr20:5: the call is not as VCF has it: GT is"):
        scored(tmp_path, ["- 20 5 G A 0.5"], [f"chr20 5 . A G {genotype}"])


def test_sums_over_hundreds_of_people_are_those_added_up_by_hand(shared_data: Path, tmp_path: Path) -> None:
    """Every hundredth variant of 1000 Genomes' Europeans, its alleles now one way and now the other."""
    calls = shared_data / "eur503_chr20_1_4m" / "reference.vcf.gz"
    expected: dict[str, float] = {}
    rows = []
    with pysam.VariantFile(str(calls)) as variants:
        for number, record in enumerate(variants):
            if number % 100 or len(record.alts or ()) != 1:
                continue
            effect = number // 100 % 2
            weight = math.sin(number)
            alleles = record.alleles or ()
            rows.append(f"- {record.chrom} {record.pos} {alleles[effect]} {alleles[1 - effect]} {weight!r}")
            for name, call in record.samples.items():
                expected[name] = expected.get(name, 0.0) + weight * call["GT"].count(effect)
    score = read_scoring_file(write_score(tmp_path / "score.txt", rows))
    told = score_samples(score, read_dosages(calls, *wanted([score])))
    assert len(told.samples) == len(expected) == 300 and all(sample.matched == len(rows) for sample in told.samples)
    assert {one.sample: one.total for one in told.samples} == pytest.approx(expected, abs=1e-9)


def test_sums_over_a_real_region_are_those_of_plink(shared_data: Path, tmp_path: Path) -> None:
    """Every third site of 1000 Genomes' Europeans that has one record: of more, REF is what none of them changes here.

    PLINK tells six digits.
    """
    program = shutil.which("plink2")
    if program is None:
        pytest.skip("plink2 is not installed (Debian has it)")
    calls = shared_data / "eur503_chr20_1_4m" / "reference.vcf.gz"
    rows, table = [], ["ID\tA1\tW"]
    with pysam.VariantFile(str(calls)) as variants:
        sites = Counter(record.pos for record in variants)
    with pysam.VariantFile(str(calls)) as variants:
        for number, record in enumerate(variants):
            if number % 3 or sites[record.pos] > 1:
                continue
            alleles, effect, weight = record.alleles or (), number // 3 % 2, round(math.sin(number), 6)
            rows.append(f"- {record.chrom} {record.pos} {alleles[effect]} {alleles[1 - effect]} {weight}")
            table.append(f"{record.chrom}:{record.pos}\t{alleles[effect]}\t{weight}")
    (tmp_path / "weights.tsv").write_text("\n".join([*table, ""]))
    counting = ["--score", str(tmp_path / "weights.tsv"), "header-read", "cols=+scoresums", "no-mean-imputation"]
    made = ["--vcf", str(calls), "--set-all-var-ids", "@:#", "--threads", "1", "--out", str(tmp_path / "plink")]
    subprocess.run([program, *made, *counting], check=True, capture_output=True)
    with (tmp_path / "plink.sscore").open() as stream:
        expected = {row["#IID"]: float(row["W_SUM"]) for row in csv.DictReader(stream, delimiter="\t")}
    score = read_scoring_file(write_score(tmp_path / "score.txt", rows))
    told = score_samples(score, read_dosages(calls, *wanted([score])))
    assert len(rows) > 8000 and len(expected) == 300 and all(one.matched == len(rows) for one in told.samples)
    assert {one.sample: one.total for one in told.samples} == pytest.approx(expected, abs=1e-3, rel=1e-5)


def test_a_man_has_one_copy_of_x_and_y_but_where_they_are_alike() -> None:
    contigs = [Contig("chr1", 1000, ""), Contig("chrX", 156_040_895, "")]
    copies = copies_by_sex(contigs, Sex.MALE)
    assert copies("X", np.array([10_000, 10_001, 2_781_479, 2_781_480, 155_701_383])).tolist() == [1, 2, 2, 1, 2]
    assert copies("1", np.array([5])).tolist() == [2]
    assert copies_by_sex(contigs, Sex.FEMALE)("X", np.array([5_000_000])).tolist() == [2]


ROW = ["- 20 5 G A 0.5", "rs7 - - T C 1"]


@pytest.mark.parametrize(
    ("records", "total"),
    [
        (["chr20 5 . A G 0/1", "chr20 5 . A G 0/1"], 0.5),
        (["chr20 5 . A G 0/1", "chr20 5 . A G 1|0"], 0.5),
        (["chr20 5 . A G 1/1", "chr20 5 . A g 1/1"], 1.0),  # the second is judged by itself, the first by columns
        (["chr20 5 . A G 0/1", "chr20 5 . A G,T 0/1"], 0.5),
        (["chr20 5 . A G 0/1"] * 5, 0.5),
        (["chr20 5 . A G 0/1", "chr20 5 . A T 0/1"], 0.5),  # one site, split: no record twice
        (["chr20 9 rs7 C T 1/1", "chr20 9 rs7 C T 1/1"], 2.0),
        (["chr20 5 . A G 0/1", "chr20 5 . A G ./."], None),
        (["chr20 5 . A G ./.", "chr20 5 . A G 0/1"], None),
    ],
)
def test_a_record_that_is_there_twice_counts_once(tmp_path: Path, records: list[str], total: float | None) -> None:
    assert scored(tmp_path, ROW, records).samples[0].total == total


@pytest.mark.parametrize(
    "records",
    [
        ["chr20 5 . A G 0/1 0/1", "chr20 5 . A G 0/1 1/1"],
        ["chr20 5 . A G 0/1 0/1", "chr20 5 . A G 0/1 0/0"],
        ["chr20 5 . A G 0/1 0/0", "chr20 5 . A G 0/1 0"],
        ["chr20 5 . A G 0/1 0/1", "chr20 5 . A T,g 1/2 1/1"],
        ["chr20 9 rs7 C T 0/0 0/0", "chr20 9 rs7 C T 0/0 0/1"],
    ],
)
def test_records_of_one_allele_that_contradict_each_other_are_refused(tmp_path: Path, records: list[str]) -> None:
    with pytest.raises(VariantFileError, match="two records of one allele have different genotypes") as caught:
        scored(tmp_path, ROW, records, samples=("S1", "S2"))
    assert (caught.value.sample, caught.value.file) == ("S2", str(tmp_path / "calls.vcf"))
    assert caught.value.place and caught.value.place.startswith("20:") and caught.value.remedy


def test_an_id_at_two_places_is_not_known(tmp_path: Path) -> None:
    records = ["chr20 9 rs7 C T 1/1", "chr20 30 rs7 C T 0/1", "chr20 5 . A G 0/1"]
    for order in (records, [records[1], records[0], records[2]]):
        sample = scored(tmp_path, ROW, order).samples[0]
        assert (sample.total, sample.matched, sample.variants) == (0.5, 1, 2)


@pytest.mark.parametrize("weight", ["1_0", "\u0665", "1e", "nan", "-inf", "0,5"])
def test_a_weight_that_is_no_number_is_refused(tmp_path: Path, weight: str) -> None:
    with pytest.raises(KnowledgeError, match="effect_weight is no number") as caught:
        scored(tmp_path, [f"- 20 5 G A {weight}"], ["chr20 5 . A G 0/1"])
    assert caught.value.file and caught.value.place == "line 4"


COLUMNS = ("rsID", "hm_chr", "hm_pos", "effect_allele", "other_allele", "effect_weight", "is_dominant")


@pytest.mark.parametrize("alternates", ["A", "a", "G,A"])
def test_an_alternate_that_is_the_reference_is_refused(tmp_path: Path, alternates: str) -> None:
    with pytest.raises(VariantFileError, match="holds REF itself") as caught:
        scored(tmp_path, ROW, [f"chr20 5 . A {alternates} 0/1"])
    assert caught.value.place and caught.value.place.startswith("line ")


def test_by_columns_a_score_is_what_it_is_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores and calls of all kinds, read by columns and once more without: the same rows, and the same sums."""
    chance, refused, repeated, contradicted = random.Random(7), 0, 0, 0
    for number in range(90):
        rows, records = made_up_rows(chance), made_up_records(chance)
        path = write_score(tmp_path / f"{number}.txt", rows, columns=COLUMNS)
        by_columns = read_scoring_file(path)
        repeated, contradicted = repeated + by_columns.repeated, contradicted + by_columns.contradicted
        calls = write_calls(tmp_path / "calls.vcf", records, samples=("S1", "S2"))
        if contradictions(by_columns, records):
            refused += 1
            with pytest.raises(VariantFileError, match="two records of one allele have different genotypes"):
                read_dosages(calls, *wanted([by_columns]))
            continue
        told = score_samples(by_columns, read_dosages(calls, *wanted([by_columns])), least_matched=0)
        with monkeypatch.context() as patched:
            patched.setattr("engine.risk.scoring_file.rows_by_columns", lambda *_: None)
            row_by_row = read_scoring_file(path)
        assert [*row_by_row.alleles] == [*by_columns.alleles]
        assert row_by_row.variants == by_columns.variants <= len(rows) - by_columns.repeated - by_columns.contradicted
        assert told.samples == tuple(one_by_one(row_by_row, records, sample) for sample in range(2))
    assert 5 <= refused <= 45 and repeated > 5 and contradicted > 5


def made_up_rows(chance: random.Random) -> list[str]:
    kinds: Sequence[Sequence[str]] = (
        [f"rs{number}" for number in range(9)],
        ["20", "chr20", "-"],
        [str(place) for place in range(1, 60)],
        ["A", "C", "G", "T", "t", "AC", "HLA-1"],
        ["A", "C", "G", "T", "t", "AC", "-", "A/C"],
        ["0.1", "-0.30021429623483686", "1e-5"],
        ["True", "False", "-"],
    )
    rows = [[chance.choice(kind) for kind in kinds] for _ in range(chance.randrange(1, 60))]
    # Refused: test_an_effect_allele_that_is_the_other_allele_is_refused_by_its_line.
    return [" ".join(row) for row in rows if row[3].upper() not in row[4].upper().split("/")] or ["rs1 20 5 A G 1 -"]


def made_up_records(chance: random.Random) -> list[str]:
    genotypes = ["0/1", "1|1", "0/0", "./.", "0/.", "1", "."]
    alternates = ["A", "C", "G", "T", "AC", "A,C", "a"]
    names = [".", *(f"rs{number}" for number in range(9))]
    kinds: Sequence[Sequence[str]] = (names, "ACGT", alternates, genotypes, genotypes)
    places = sorted(chance.randrange(1, 60) for _ in range(chance.randrange(1, 60)))
    records = [f"chr20 {place} {' '.join(map(chance.choice, kinds))}" for place in places]
    # An alternate that is REF is refused: test_an_alternate_that_is_the_reference_is_refused.
    return [one for one in records if one.split()[3] not in one.split()[4].upper().split(",")]


def one_by_one(score: ScoringFile, records: Sequence[str], sample: int) -> SampleScore:
    """The sum of a sample, each row by itself, from the text of the records that are asked about."""
    sites: dict[int, list[Site]] = {}
    ids: dict[str | None, set[int]] = {}
    for place, name, ref, alternates, genotypes in asked_about(score, records):
        ids.setdefault(name, set()).add(place)
        add_record(sites.setdefault(place, []), ref, alternates, genotypes[sample])
    total, matched = 0.0, 0
    for allele in score.alleles:
        named = ids.get(allele.rsid, set())
        found = match(allele, sites.get(allele.position or (max(named) if len(named) == 1 else 0), []))
        copies = found.site.count(found.effect)[0] if found else np.nan
        if not np.isnan(copies):
            total, matched = total + allele.weights[min(int(copies), 2)], matched + 1
    return SampleScore(f"S{sample + 1}", score.score_id, total if matched else None, matched, score.variants)


def asked_about(
    score: ScoringFile, records: Sequence[str]
) -> Iterator[tuple[int, str, str, list[str], list[list[str]]]]:
    """Place, id, REF, ALT and the alleles of each sample of the records that a score asks about."""
    asked, names = {one.position for one in score.alleles}, {one.rsid for one in score.alleles}
    for record in records:
        _, place, name, ref, alternates, *genotypes = record.split()
        if name in names or int(place) in asked:
            called = [genotype.replace("|", "/").split("/") for genotype in genotypes]
            yield int(place), name, ref, alternates.upper().split(","), called


def contradictions(score: ScoringFile, records: Sequence[str]) -> bool:
    """Whether a sample has different genotypes in two records of one allele."""
    seen: dict[object, dict[str, set[object]]] = {}
    for place, _, ref, alternates, genotypes in asked_about(score, records):
        for sample, alleles in enumerate(genotypes):
            if "." in alleles:
                continue
            site = seen.setdefault((place, ref, sample), {})
            for index, alt in enumerate(alternates, start=1):
                site.setdefault(alt, set()).add((len(alleles), alleles.count(str(index))))
    return any(len(told) > 1 for site in seen.values() for told in site.values())


def add_record(sites: list[Site], ref: str, alternates: Sequence[str], alleles: Sequence[str]) -> None:
    is_known = "." not in alleles
    site = next((site for site in sites if site.ref == ref), None)
    if site is None:
        site = Site(ref, {}, np.array([float(len(alleles))]))
        sites.append(site)
    site.alleles = site.alleles if is_known else np.array([np.nan])
    for index, alt in enumerate(alternates, start=1):
        copies = np.array([float(alleles.count(str(index))) if is_known else np.nan])
        site.copies[alt] = site.copies.get(alt, copies) if is_known else copies
