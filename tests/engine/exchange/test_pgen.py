"""PLINK 2 itself reads our files, and finds what our analyses find in the same genotypes."""

from __future__ import annotations

import csv
import shutil
import subprocess
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.cohort.analysis.association import Effect, firth, linear, logistic
from engine.cohort.analysis.frequencies import genotype_counts, hardy_weinberg
from engine.cohort.analysis.structure import kinship
from engine.exchange.pgen import write_pgen
from engine.person import Sex

PEOPLE, RECORDS = 200, 250


@dataclass(frozen=True)
class Genomes:
    """Real genotypes, as PLINK 2's files and as they were read.

    Attributes:
        files: their path without ending.
        dosages: alleles by people.
    """

    files: Path
    dosages: np.ndarray

    def told(self, ending: str, *asked: str) -> list[dict[str, str]]:
        """What PLINK 2 answers, a row an allele or a pair."""
        program = shutil.which("plink2")
        if program is None:
            pytest.skip("plink2 is not installed (Debian has it)")
        out = self.files.with_name(asked[0].strip("-"))
        command = [program, "--pfile", str(self.files), *asked, "--threads", "1", "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        with Path(f"{out}.{ending}").open() as stream:
            header = stream.readline().lstrip("#").split()
            return list(csv.DictReader(stream, header, delimiter="\t"))


@pytest.fixture(scope="module")
def genomes(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Genomes:
    """The first records of 1000 Genomes on chromosome 22, of the first people, one genotype in fifty taken away."""
    files, draw = tmp_path_factory.mktemp("plink") / "real", np.random.default_rng(22)
    source = pysam.VariantFile(str(shared_data / "kgp2504_chr22_16m" / "vcflib.chr22.16-16.5.vcf.gz"))
    source.subset_samples(list(source.header.samples)[:PEOPLE])
    rows = []
    with pysam.VariantFile(f"{files}.vcf", "w", header=source.header) as written:
        for record in islice(source, RECORDS):
            for call in record.samples.values():
                if draw.random() < 0.02:
                    call["GT"] = (None, None)
            written.write(record)
            for number in range(1, len(record.alleles)):
                genotypes = [call["GT"] for call in record.samples.values()]
                rows.append([-1 if None in one else one.count(number) for one in genotypes])
    sexes = dict.fromkeys(source.header.samples, Sex.FEMALE)
    assert write_pgen(Path(f"{files}.vcf"), files.with_suffix(".pgen"), sexes) == len(rows)
    return Genomes(files, np.array(rows, np.int8))


def test_counts_and_hardy_weinberg_are_those_that_plink_finds(genomes: Genomes) -> None:
    counts = genotype_counts(genomes.dosages)
    told = [(int(row["ALT_CTS"]), int(row["OBS_CT"])) for row in genomes.told("acount", "--freq", "counts")]
    assert told == [(het + 2 * hom, 2 * (none + het + hom)) for none, het, hom in counts.tolist()]
    balanced = [float(row["P"]) for row in genomes.told("hardy", "--hardy")]
    assert balanced == pytest.approx([hardy_weinberg(het, hom, none) for none, het, hom in counts.tolist()], rel=1e-4)


def test_kinship_of_every_pair_is_that_of_plink(genomes: Genomes) -> None:
    found = kinship(genomes.dosages)
    told = genomes.told("kin0", "--make-king-table")
    numbers = {name: number for number, name in enumerate(pysam.VariantFile(f"{genomes.files}.vcf").header.samples)}
    pairs = [(numbers[row["IID1"]], numbers[row["IID2"]]) for row in told]
    assert len(pairs) == PEOPLE * (PEOPLE - 1) // 2
    ours, theirs = np.array([found[pair] for pair in pairs]), np.array([float(row["KINSHIP"]) for row in told])
    known = np.isfinite(ours)
    assert (known == np.isfinite(theirs)).all(), "one of a pair without heterozygotes: -inf there, nan here"
    assert theirs[known] == pytest.approx(ours[known], abs=1e-4) and known.sum() > 10_000


@pytest.mark.parametrize(("trait", "modifier"), [("height", ""), ("ill", "no-firth"), ("ill", "firth")])
def test_associations_are_those_of_plink(genomes: Genomes, trait: str, modifier: str) -> None:
    draw = np.random.default_rng(8)
    age = draw.normal(size=PEOPLE)
    common = [row for row in range(len(genomes.dosages)) if (genomes.dosages[row] == 1).sum() > 20]
    effect = 0.5 * np.maximum(genomes.dosages[common[0]], 0) + 0.4 * age
    values = effect + draw.normal(size=PEOPLE)
    if trait == "ill":
        values = (draw.random(PEOPLE) < 1 / (1 + np.exp(0.5 - effect))).astype(float)
    names = list(pysam.VariantFile(f"{genomes.files}.vcf").header.samples)
    table = genomes.files.with_name(f"{trait}.txt")
    shown = values if trait == "height" else values + 1  # 2 is a case
    lines = [f"{name}\t{value}\t{years}\n" for name, value, years in zip(names, shown, age, strict=True)]
    table.write_text(f"#IID\t{trait}\tage\n" + "".join(lines))
    asked = ("--glm", "hide-covar", *([modifier] if modifier else []), "--pheno", str(table), "--pheno-name", trait)
    kind = {"": "linear", "no-firth": "logistic", "firth": "firth"}[modifier]
    told = genomes.told(f"{trait}.glm.{kind}", *asked, "--covar", str(table), "--covar-name", "age")
    by = {"": linear, "no-firth": logistic, "firth": firth}[modifier]
    compared = 0
    for row in common:
        called = genomes.dosages[row] >= 0
        found: Effect = by(values[called], genomes.dosages[row][called].astype(float), age[called])
        theirs = told[row]
        beta = float(theirs["BETA"]) if trait == "height" else np.log(float(theirs["OR"]))
        error = float(theirs["SE" if trait == "height" else "LOG(OR)_SE"])
        assert (abs(found.beta), found.error) == pytest.approx((abs(beta), error), rel=2e-3, abs=1e-4)
        if modifier != "firth":  # whose p value is Wald's there, and of the likelihood ratio here
            assert found.p == pytest.approx(float(theirs["P"]), rel=5e-3)
        compared += 1
    assert compared > 10
