"""Every notebook over real people: 2,504 of the 1000 Genomes Project at 22q11, 503 Europeans at 20p13."""

from __future__ import annotations

import random
import re
from pathlib import Path

import duckdb
import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from engine.cohort.disclosure import disclosed
from engine.cohort.genotypes import common_genotypes
from engine.identity.components import principal_components
from engine.notebook.run import Ran, run_notebook
from notebooks import FOLDER
from tests.builders.real_cohorts import people, samples_of, tables_of

COHORTS = {
    "kgp2504": (("kgp2504_chr22_16m/vcflib.chr22.16-16.5.vcf.gz",), "superpopulation"),
    "eur503": (("eur503_chr20_1_4m/reference.vcf.gz", "eur503_chr20_1_4m/unphased.vcf.gz"), "population"),
}


@pytest.fixture(scope="module", params=COHORTS)
def cohort(request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    files, ancestry = COHORTS[request.param]
    vcfs = [shared_data / file for file in files]
    if not all(vcf.exists() for vcf in vcfs):
        pytest.skip(f"{files[0]} is not beside the checkout")
    known, samples = people(shared_data), samples_of(vcfs)
    strata = [(sample, "ancestry", known[sample][ancestry]) for sample in samples]
    sexes = {sample: known[sample]["gender"] for sample in samples}
    return tables_of(vcfs, tmp_path_factory.mktemp(request.param), sexes, strata)


def run(name: str, cohort: Path, folder: Path, **parameters: object) -> Ran:
    (folder / "out").mkdir()
    path, inputs = FOLDER / f"{name}.ipynb", {"cohort": cohort}
    return run_notebook(path, folder / "out", inputs=inputs, parameters=parameters, scratch=folder)


def counted(cohort: Path, query: str) -> tuple[object, ...]:
    with duckdb.connect() as db:
        for file in cohort.glob("*.parquet"):
            db.read_parquet(str(file)).create_view(file.stem)
        (row,) = db.execute(query).fetchall()
    return row


def with_cases(cohort: Path, cases: list[str], folder: Path) -> Path:
    """The cohort's tables in a folder, with a phenotype that some samples have."""
    folder.mkdir()
    for file in cohort.glob("*.parquet"):
        if file.stem != "sample_stratum":
            (folder / file.name).symlink_to(file)
    with duckdb.connect() as db:
        db.execute(
            f"copy (select unnest($1) as sample_id, 'phenotype' as kind, 'HP:0000118' as stratum)"
            f" to '{folder}/sample_stratum.parquet'",
            [cases],
        )
    return folder


def test_the_overview_tells_what_is_in_the_tables(cohort: Path, tmp_path: Path) -> None:
    ran = run("cohort_overview", cohort, tmp_path)
    many = "select (select count(*) from dim_sample), count(*), count(*) filter (allele_count = 1)"
    expected = counted(cohort, f"{many} from cohort_allele_frequency")
    told = tuple(ran.measures[name] for name in ("samples", "alleles", "singletons"))
    assert told == (disclosed(int(expected[0])), *expected[1:])  # type: ignore[call-overload]
    assert 1.5 < float(ran.measures["titv"]) < 3 and ran.measures["median_call_rate"] == 1  # type: ignore[arg-type]
    assert len(ran.figures) == 3


def test_ancestry_tells_apart_what_differs_and_no_degree_from_so_little(cohort: Path, tmp_path: Path) -> None:
    ran = run("ancestry_and_relatedness", cohort, tmp_path)
    found = np.load(tmp_path / "out" / "components.npz")
    assert ran.measures["samples"] == disclosed(len(found["samples"])) == disclosed(found["kinship"].shape[0])
    assert found["components"].T @ found["components"] == pytest.approx(np.eye(10), abs=1e-6)
    assert np.diag(found["kinship"]) == pytest.approx(0.5)
    # Less than four million bases are a few dozen independent stretches: that is told, not a thousand false twins.
    assert ran.measures["degrees_told"] is False and "twins_or_duplicates" not in ran.measures
    assert "no degree is told" in (tmp_path / "out" / "ancestry_and_relatedness.html").read_text()
    with duckdb.connect(str(tmp_path / "strata.duckdb")) as db:
        rows = db.execute(f"select sample_id, stratum from '{cohort}/sample_stratum.parquet'").fetchall()
    group = np.array([dict(rows)[name] for name in found["samples"]])
    if "AFR" in group:
        first = found["components"][:, 0]
        assert mannwhitneyu(first[group == "AFR"], first[group == "EUR"]).pvalue < 1e-20


def test_association_finds_the_allele_that_was_planted(cohort: Path, tmp_path: Path) -> None:
    with duckdb.connect() as db:
        for file in cohort.glob("*.parquet"):
            db.read_parquet(str(file)).create_view(file.stem)
        genotypes = common_genotypes(db, 0.2)
        causal = len(genotypes.alleles) // 2
        draw = random.Random(3)
        risk = [0.08 + 0.4 * copies for copies in genotypes.copies[:, causal]]
        cases = [sample for sample, chance in zip(genotypes.samples, risk, strict=True) if draw.random() < chance]
    ran = run("association", with_cases(cohort, cases, tmp_path / "planted"), tmp_path, covariates=2)
    assert (ran.measures["cases"], ran.measures["decided"]) == (disclosed(len(cases)), True)
    contig, position, ref, alt = str(ran.measures["top"]).split("-")
    found = [number for number, one in enumerate(genotypes.alleles) if one == (contig, int(position), ref, alt)]
    together = np.corrcoef(genotypes.copies[:, causal], genotypes.copies[:, found[0]])[0, 1]
    assert together**2 > 0.5  # itself, or one inherited with it
    assert float(ran.measures["least_p"]) < 1e-10  # type: ignore[arg-type]


def test_without_a_phenotype_sex_is_a_check_that_finds_nothing(cohort: Path, tmp_path: Path) -> None:
    if "kgp" in str(cohort):
        pytest.skip("once is enough: with the 503")
    ran = run("association", cohort, tmp_path)
    assert ran.measures["significant"] == 0 and 0.6 < float(ran.measures["inflation"]) < 1.4  # type: ignore[arg-type]


def test_what_is_not_told_cannot_be_worked_out_from_the_odds_ratio(cohort: Path, tmp_path: Path) -> None:
    if "kgp" in str(cohort):
        pytest.skip("once is enough: with the 503")
    cases = duckdb.sql(f"select sample_id from '{cohort}/dim_sample.parquet' order by sample_id limit 12").fetchall()
    run("association", with_cases(cohort, [name for (name,) in cases], tmp_path / "planted"), tmp_path)
    rows = re.findall(r"<tr>(.*?)</tr>", (tmp_path / "out" / "association.html").read_text(), re.DOTALL)
    listed = [cells for row in rows if len(cells := re.findall(r"<td>(.*?)</td>", row)) == 9]
    secret = [(odds, exact) for *_, carriers, beside, odds, _, exact in listed if "not told" in (carriers, beside)]
    assert len(listed) == 10 >= len(secret) > 0
    assert set(secret) == {("NaN", "NaN")}
    assert sum("NaN" in cells for cells in listed) == len(secret)


def test_strata_of_a_planted_score_fare_as_planted(cohort: Path, tmp_path: Path) -> None:
    with duckdb.connect() as db:
        for file in cohort.glob("*.parquet"):
            db.read_parquet(str(file)).create_view(file.stem)
        genotypes = common_genotypes(db, 0.1).apart(10_000)
    chosen = list(range(0, len(genotypes.alleles), max(len(genotypes.alleles) // 20, 1)))[:20]
    draw = random.Random(5)
    effects = [draw.choice((-0.4, 0.4)) for _ in chosen]
    lines = ["#format_version=2.0", "#pgs_id=PGS000000", "#genome_build=GRCh37"]
    lines += ["chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight"]
    expected = np.zeros(len(genotypes.samples))
    for number, (at, effect) in enumerate(zip(chosen, effects, strict=True)):
        contig, position, ref, alt = genotypes.alleles[at]
        copies = genotypes.copies[:, at]
        of_alt = number % 2 == 0  # every other one counts the reference allele
        lines.append("\t".join([contig, str(position), *((alt, ref) if of_alt else (ref, alt)), str(effect)]))
        expected += effect * (copies if of_alt else 2 - copies)
    (tmp_path / "score.txt").write_text("\n".join([*lines, ""]))
    rows = ["sample_id\ttime\tevent"]
    for sample, score in zip(genotypes.samples, expected, strict=True):
        time = draw.expovariate(0.05 * np.exp(score - expected.mean()))
        rows.append(f"{sample}\t{min(time, 20):.3f}\t{int(time < 20)}")
    (tmp_path / "outcomes.tsv").write_text("\n".join([*rows, ""]))
    files = {"scoring_file": str(tmp_path / "score.txt"), "outcomes": str(tmp_path / "outcomes.tsv")}
    ran = run("risk_strata", cohort, tmp_path, **files)
    assert (ran.measures["matched"], ran.measures["followed"]) == (len(chosen), disclosed(len(genotypes.samples)))
    assert ran.measures["mean_score"] == pytest.approx(expected.mean())
    assert ran.measures["spread_of_score"] == pytest.approx(expected.std())
    assert float(ran.measures["logrank_p"]) < 1e-6  # type: ignore[arg-type]


def test_components_are_those_of_a_plain_decomposition() -> None:
    draw = np.random.default_rng(1)
    for shape in ((30, 12), (12, 30)):
        copies = draw.binomial(2, 0.4, shape).astype(np.float32)
        found = principal_components(copies.T, 3)
        vectors, explained = found.coordinates, found.shares
        frequency = copies.mean(axis=0) / 2
        left, singular, _ = np.linalg.svd((copies - 2 * frequency) / np.sqrt(2 * frequency * (1 - frequency)))
        assert np.abs((left[:, :3] * vectors).sum(axis=0)) == pytest.approx(np.ones(3), abs=1e-4)
        assert explained == pytest.approx(singular[:3] ** 2 / (singular**2).sum(), abs=1e-5)
