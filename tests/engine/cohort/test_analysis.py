"""Analyses against closed forms, brute force and, where they are, real genotypes of 1000 Genomes and of Europeans."""

from __future__ import annotations

from math import comb, log
from pathlib import Path

import numpy as np
import pysam
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2_contingency, ttest_ind

from engine.cohort.analysis.association import firth, fisher, linear, logistic, score_tests
from engine.cohort.analysis.frequencies import frequency_spectrum, genotype_counts, hardy_weinberg
from engine.cohort.analysis.genotypes import DosageMatrix, read_genotypes
from engine.cohort.analysis.rare import burden, skat
from engine.cohort.analysis.structure import (
    FIRST,
    groups_of_one_person,
    kinship,
    opposite_homozygotes,
    related_pairs,
)
from engine.cohort.analysis.survival import logrank, survival
from engine.errors import VariantFileError
from engine.identity.components import MISSING, principal_components

DRAW = np.random.default_rng(15)


def population(samples: int, alleles: int, frequency: np.ndarray) -> np.ndarray:
    return DRAW.binomial(2, np.broadcast_to(frequency[:, None], (alleles, samples))).astype(np.int8)


def child_of(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return sum(DRAW.binomial(1, parent / 2) for parent in (first, second)).astype(np.int8)


@pytest.mark.parametrize("counts", [(57, 14, 50), (2, 0, 98), (0, 3, 97), (100, 0, 0), (1, 0, 1), (0, 0, 9), (9, 9, 9)])
def test_hardy_weinberg_is_the_sum_over_all_that_is_no_more_probable(counts: tuple[int, int, int]) -> None:
    het, hom, other = counts
    total, rare = sum(counts), het + 2 * min(hom, other)
    chances = {}
    for hets in range(rare % 2, rare + 1, 2):
        both = (rare - hets) // 2
        rest = total - hets - both
        if rest >= 0:
            chances[hets] = 2**hets * comb(total, hets) * comb(total - hets, both)
    expected = sum(one for one in chances.values() if one <= chances[het]) / sum(chances.values())
    assert hardy_weinberg(het, hom, other) == pytest.approx(expected, rel=1e-9)


def test_genotypes_are_counted_and_what_is_missing_is_not() -> None:
    dosages = np.array([[0, 1, 2, MISSING], [0, 0, 0, 1], [2, 2, 2, 1]], np.int8)
    assert genotype_counts(dosages).tolist() == [[1, 1, 1], [3, 1, 0], [0, 1, 3]]
    assert frequency_spectrum(dosages).tolist() == [0, 2, 0, 0, 0]


def test_kinship_tells_parents_siblings_and_samples_of_one_person() -> None:
    alleles = 20_000
    frequency = DRAW.uniform(0.1, 0.9, alleles)
    founders = population(6, alleles, frequency)
    first, second = (child_of(founders[:, 0], founders[:, 1]) for _ in range(2))
    dosages = np.column_stack([founders, first, second, first])
    found = kinship(dosages)
    assert found[0, 6] == pytest.approx(0.25, abs=0.02) and found[6, 7] == pytest.approx(0.25, abs=0.02)
    assert abs(found[2, 3]) < 0.03 and found[6, 8] == pytest.approx(0.5)
    assert groups_of_one_person(found) == [(6, 8)]
    near = {(one, other) for one, other, _ in related_pairs(found, FIRST)}
    assert near == {(0, 6), (0, 7), (0, 8), (1, 6), (1, 7), (1, 8), (6, 7), (6, 8), (7, 8)}
    assert np.isnan(kinship(np.zeros((9, 2), np.int8))[0, 1])


def test_a_missing_genotype_takes_a_pair_out_at_that_allele_alone() -> None:
    dosages = population(3, 500, DRAW.uniform(0.2, 0.8, 500))
    dosages[:250, 0] = MISSING
    assert kinship(dosages)[0, 1] == pytest.approx(kinship(dosages[250:])[0, 1])
    assert kinship(dosages)[1, 2] != pytest.approx(kinship(dosages[250:])[1, 2])


def test_principal_components_tell_populations_apart() -> None:
    frequency = DRAW.uniform(0.2, 0.8, 3_000)
    other = np.clip(frequency + DRAW.normal(0, 0.15, 3_000), 0.02, 0.98)
    dosages = np.column_stack([population(40, 3_000, frequency), population(40, 3_000, other)])
    found = principal_components(dosages, 3)
    first = found.coordinates[:, 0]
    assert max(first[:40]) < min(first[40:]) or min(first[:40]) > max(first[40:])
    assert found.shares[0] > 2 * found.shares[1] and found.coordinates.shape == (80, 3)
    assert (found.coordinates**2).sum(axis=0) == pytest.approx(1)


def test_linear_regression_of_two_groups_is_students_t_test() -> None:
    copies = np.repeat([0.0, 1.0], [40, 25])
    trait = DRAW.normal(size=65) + 0.7 * copies
    found, expected = linear(trait, copies), ttest_ind(trait[copies == 1], trait[copies == 0])
    assert found.p == pytest.approx(expected.pvalue) and found.beta == pytest.approx(
        trait[copies == 1].mean() - trait[copies == 0].mean()
    )


def table(a: int, b: int, c: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Trait and copies of a two by two table: carriers and others with the trait, and without."""
    return np.repeat([1.0, 1, 0, 0], [a, b, c, d]), np.repeat([1.0, 0, 1, 0], [a, b, c, d])


def test_logistic_regression_of_a_table_is_its_odds_ratio_with_woolfs_error() -> None:
    found = logistic(*table(12, 30, 5, 44))
    assert found.beta == pytest.approx(log(12 * 44 / (30 * 5)))
    assert found.error == pytest.approx((1 / 12 + 1 / 30 + 1 / 5 + 1 / 44) ** 0.5)


@pytest.mark.parametrize("cells", [(12, 30, 5, 44), (4, 40, 0, 50), (3, 0, 1, 5)])
def test_firths_penalty_adds_half_a_person_to_each_cell(cells: tuple[int, int, int, int]) -> None:
    a, b, c, d = (cell + 0.5 for cell in cells)
    found = firth(*table(*cells))
    assert found.beta == pytest.approx(log(a * d / (b * c)), abs=1e-5) and 0 < found.p < 1
    assert not np.isfinite(logistic(*table(4, 40, 0, 50)).p), "without it, there is no end"


def test_firths_regression_with_covariates_is_the_maximum_of_its_likelihood() -> None:
    copies, age = DRAW.binomial(2, 0.1, 80).astype(float), DRAW.normal(size=80)
    trait = (DRAW.random(80) < 1 / (1 + np.exp(1 - copies - age))).astype(float)
    design = np.column_stack([copies, np.ones(80), age])

    def against(beta: np.ndarray) -> float:
        chance = 1 / (1 + np.exp(-design @ beta))
        weight = np.linalg.slogdet((design * (chance * (1 - chance))[:, None]).T @ design)[1]
        return -float((trait * np.log(chance) + (1 - trait) * np.log1p(-chance)).sum() + weight / 2)

    best = minimize(
        against, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 9999}
    )
    assert firth(trait, copies, age).beta == pytest.approx(best.x[0], abs=1e-4)


def test_nothing_is_told_of_what_does_not_vary() -> None:
    trait = np.repeat([0.0, 1.0], 20)
    for test in (linear, logistic, firth):
        assert np.isnan(test(trait, np.ones(40)).p)
    assert np.isnan(skat(trait, np.zeros((3, 40), np.int8)))
    assert np.isnan(logrank({"a": ([1, 2], [False, False]), "b": ([3], [False])}))


@pytest.mark.parametrize(
    ("trait", "covariates"),
    [
        (np.zeros(40), None),
        (np.ones(40), None),
        (np.full(40, 2.7), None),
        (np.arange(40) / 7, np.arange(40) / 3),
        (np.repeat([0.0, 1.0], 20), np.repeat([0.0, 2.0], 20)),
    ],
)
def test_nothing_is_told_of_a_trait_that_does_not_vary_or_that_covariates_tell(
    trait: np.ndarray, covariates: np.ndarray | None
) -> None:
    dosages = np.random.default_rng(1).binomial(2, 0.2, (3, 40)).astype(np.int8)
    assert np.isnan(skat(trait, dosages, covariates))
    if len(np.unique(trait)) != 2:
        assert np.isnan(burden(trait, dosages, covariates).p)


def test_covariates_that_say_the_same_twice_leave_skat_as_it_is() -> None:
    dosages, age = population(60, 5, np.full(5, 0.1)), DRAW.normal(size=60)
    trait = DRAW.normal(size=60) + age
    assert skat(trait, dosages, np.column_stack([age, age])) == pytest.approx(skat(trait, dosages, age))


def test_score_tests_of_tables_are_pearsons_and_near_walds_where_covariates_are_known() -> None:
    tables = ((12, 30, 5, 44), (20, 22, 20, 29))
    copies = np.column_stack([table(*one)[1] for one in tables])
    trait = table(*tables[0])[0]
    expected = [chi2_contingency(np.reshape(one, (2, 2)), correction=False).pvalue for one in tables]
    assert score_tests(trait, copies) == pytest.approx(expected)
    age = np.random.default_rng(1).normal(size=len(trait))
    near = [logistic(trait, one, age[:, None]).p for one in copies.T]
    assert score_tests(trait, copies, age[:, None]) == pytest.approx(near, rel=0.25)
    assert np.isnan(score_tests(trait, np.ones((len(trait), 1)))).all(), "everybody carries it"
    assert np.isnan(score_tests(np.ones(len(trait)), copies)).all(), "everybody has the trait"


def test_opposite_homozygotes_of_a_pair_are_counted() -> None:
    dosages = np.array([[0, 2, 2], [2, 0, MISSING], [1, 2, 0]], np.int8)
    assert opposite_homozygotes(dosages).tolist() == [[0, 2, 1], [2, 0, 1], [1, 1, 0]]


def test_fishers_test_of_the_lady_tasting_tea() -> None:
    assert fisher(3, 1, 1, 3) == pytest.approx(34 / 70)


def test_skat_and_burden_are_uniform_without_effect_and_find_effects_of_either_kind() -> None:
    dosages = population(400, 12, np.full(12, 0.02))
    age = DRAW.normal(size=400)
    p_values = [skat(DRAW.normal(size=400) + age, dosages, age) for _ in range(300)]
    assert 0.4 < np.mean(p_values) < 0.6 and 0.02 < np.mean(np.array(p_values) < 0.05) < 0.09
    same = DRAW.normal(size=400) + 1.2 * dosages.sum(axis=0)
    either = DRAW.normal(size=400) + 1.5 * (dosages[::2].sum(axis=0) - dosages[1::2].sum(axis=0))
    assert burden(same, dosages).p < 1e-6 and skat(same, dosages) < 1e-4
    assert skat(either, dosages) < 1e-4 and burden(either, dosages).p > 1e-3
    ill = (DRAW.random(400) < 1 / (1 + np.exp(1.5 - 2 * dosages.sum(axis=0)))).astype(float)
    assert burden(ill, dosages).p < 1e-3 and skat(ill, dosages) < 1e-2


def test_skats_p_value_is_that_of_permutations() -> None:
    dosages = population(120, 6, np.full(6, 0.05))
    trait = DRAW.normal(size=120) + 0.45 * dosages[0]
    weighted = (25 * (1 - dosages.mean(axis=1) / 2) ** 24)[:, None] * dosages

    def statistic(values: np.ndarray) -> float:
        return float(((weighted @ (values - values.mean())) ** 2).sum())

    observed = statistic(trait)
    more = np.mean([statistic(DRAW.permutation(trait)) >= observed for _ in range(4_000)])
    assert skat(trait, dosages) == pytest.approx(more, abs=0.03)


def test_survival_of_freireichs_leukaemia_trial() -> None:
    """Weeks in remission under 6-mercaptopurine and placebo (Freireich et al. 1963), log-rank 16.79 on 1 degree."""
    treated = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    happened = [True] * 9 + [False] * 12
    curve = survival(treated, happened)
    assert curve.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.fraction == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=6e-4)
    p = logrank({"6-MP": (treated, happened), "placebo": (placebo, [True] * 21)})
    assert p == pytest.approx(4.169e-5, rel=1e-3)


@pytest.fixture(scope="session")
def real(shared_data: Path) -> DosageMatrix:
    return read_genotypes(shared_data / "kgp2504_chr22_16m" / "vcflib.chr22.16-16.5.vcf.gz")


def test_real_genomes_are_read_and_their_alleles_counted(real: DosageMatrix) -> None:
    assert len(real.samples) == 2504 and real.dosages.shape == (len(real.alleles), 2504)
    counts = genotype_counts(real.dosages)
    assert (counts.sum(axis=1) == 2504).all()
    spectrum = frequency_spectrum(real.dosages)
    assert spectrum.sum() == len(real.alleles) and spectrum[1] > spectrum[2] > spectrum[5]
    balanced = [hardy_weinberg(int(het), int(hom), int(none)) for none, het, hom in counts[:500]]
    assert min(balanced) > 0 and max(balanced) <= 1


def test_a_file_that_is_no_vcf_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.vcf"
    path.write_text("no VCF\n")
    with pytest.raises(VariantFileError, match="the file has no VCF header"):
        read_genotypes(path)


HEAD = "##fileformat=VCFv4.2\n##contig=<ID=20,length=1000>\n" + '##FORMAT=<ID=GT,Number=1,Type=String,Description="">\n'
HEAD += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\n"


def matrix_of(path: Path, *records: str) -> Path:
    rows = (record.split() for record in records)
    path.write_text(HEAD + "".join("\t".join([*row[:5], ".", ".", ".", "GT", *row[5:]]) + "\n" for row in rows))
    return path


def test_a_record_that_is_there_again_is_one_row(tmp_path: Path) -> None:
    records = ("20 5 . A C 0/1 1/1", "20 5 . a c 0/1 1/1", "20 5 . A G 0/0 ./.")
    told = read_genotypes(matrix_of(tmp_path / "x.vcf", *records))
    assert told.alleles == ("20-5-A-C", "20-5-A-G") and told.dosages.tolist() == [[1, 2], [0, MISSING]]


def test_records_of_one_allele_that_differ_are_refused(tmp_path: Path) -> None:
    path = matrix_of(tmp_path / "x.vcf", "20 5 . A C 0/1 1/1", "20 5 . A C 0/1 0/1")
    with pytest.raises(VariantFileError, match="two records of 20-5-A-C have different genotypes") as caught:
        read_genotypes(path)
    assert caught.value.file == str(path) and caught.value.remedy


def test_a_region_needs_an_index_of_the_file_and_a_contig_that_it_has(tmp_path: Path) -> None:
    path = tmp_path / "x.vcf.gz"
    plain = matrix_of(tmp_path / "x.vcf", "20 5 . A C 0/1 1/1", "20 9 . A C 0/1 0/0")
    pysam.tabix_compress(str(plain), str(path))
    with pytest.raises(VariantFileError, match="no index"):
        read_genotypes(path, "20:1-7")
    pysam.tabix_index(str(path), preset="vcf")
    assert read_genotypes(path, "20:1-7").alleles == ("20-5-A-C",)
    with pytest.raises(VariantFileError, match="does not have the region's contig"):
        read_genotypes(path, "chr20:1-7")
