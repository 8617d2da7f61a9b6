"""Allele counts and numbers are those of the whole matrix, with missing coverage; the same SQL says so on Spark."""

from __future__ import annotations

import random
import shutil
import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from engine.cohort.columns import BESIDE, GOLD, TABLES, typed_table
from engine.cohort.disclosure import disclosed
from engine.cohort.gold import change
from engine.cohort.models import cohort_models
from engine.cohort.tables import build_tables
from tests.conftest import PROJECT

SAMPLES, LENGTH = 24, 120
CONTIGS = ("chr20", "chrX", "chrY", "chrM")
Genotype = tuple[int, int]
"""Copies of the allele, and copies that were called."""


def ploidy(contig: str, sex: str) -> int:
    return {"chr20": 2, "chrX": 1 if sex == "male" else 2, "chrY": 1 if sex == "male" else 0, "chrM": 1}[contig]


class Matrix:
    """Genotypes drawn at random at every base of small contigs, with holes in the coverage of every sample."""

    def __init__(self) -> None:
        self.draw = random.Random(7)
        self.sex = {f"S{n:02}": ("male", "female", "unknown")[n % 3] for n in range(SAMPLES)}
        self.strata = [(sample, "phenotype", "HP:0000001") for sample in list(self.sex)[:7]]
        self.strata += [(sample, "consent", "secondary findings") for sample in list(self.sex)[3:20]]
        self.strata += [(sample, "phenotype", "HP:0000002") for sample in list(self.sex)[:4]]  # too few to be told
        self.strata += [(sample, "ancestry", "EUR") for sample in list(self.sex)[2:9]]
        self.genotypes: dict[tuple[str, str, int], Genotype] = {}
        self.missing: list[tuple[str, str, int, int, int]] = []
        for sample, sex in self.sex.items():
            for contig in CONTIGS:
                self._draw_contig(sample, contig, ploidy(contig, sex))

    def _draw_contig(self, sample: str, contig: str, copies: int) -> None:
        holes = {at for start in self.draw.sample(range(LENGTH), 4) for at in range(start, start + 9)}
        for position in range(1, LENGTH + 1):
            called = 0 if position - 1 in holes else copies
            carried = sum(self.draw.random() < 0.02 for _ in range(called))
            self.genotypes[sample, contig, position] = (carried, called)
            if called < 2:
                self.missing.append((sample, contig, position - 1, position, 2 - called))

    def beside(self) -> dict[str, list[tuple[object, ...]]]:
        """What the tables are made of beside contributions: alleles in genes, and how far the cases are."""
        genes = [
            (contig, position, "A", "G", f"{contig}-{position // 20}", position % 3 > 0, position % 4 == 0)
            for contig in ("20", "X", "MT")
            for position in range(1, LENGTH)
        ]
        stages = ("received", "held", "draft", "reviewed", "signed")
        cases = [
            (
                *(sample, f"2026-{1 + n % 3:02}", date(2026, 1 + n % 3, 5), stages[n % 5]),
                *(n / 4 if n % 5 > 1 else None, n / 2 if n % 5 == 4 else None),
            )
            for n, sample in enumerate(self.sex)
        ]
        kinds = (
            ("primary", "BRCA1"),
            ("carrier", "HFE"),
            ("uncertain", "TTN"),
            ("primary", None),
            ("secondary", "LDLR"),
        )
        told = [
            (sample, *kinds[(n + more) % (2 + n % 4)], "Pathogenic", "yes" if n % 5 == 4 else "no")
            for n, sample in enumerate(self.sex)
            for more in range(3)
        ]
        return {
            "strata": self.strata,
            "gene_alleles": genes,
            "annotated_samples": [(sample,) for sample in list(self.sex)[2:]],
            "cases": cases,
            "told_findings": told,
        }

    def carriers(self, alleles: set[tuple[str, int]]) -> dict[str, dict[str, int]]:
        """By gene and annotated sample, the copies of some alleles, by contig without chr and position."""
        genes = {(contig, position): gene for contig, position, _, _, gene, *_ in self.beside()["gene_alleles"]}
        found: dict[str, dict[str, int]] = {}
        for (sample, contig, position), (carried, _) in self.genotypes.items():
            at = (contig.removeprefix("chr").replace("M", "MT"), position)
            if carried and at in alleles and sample not in list(self.sex)[:2]:
                copies = found.setdefault(genes[at], {})
                copies[sample] = copies.get(sample, 0) + carried
        return found

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        calls = [
            (sample, contig, 0, position, "A", "G", carried, called, 60, 30, 15, 15, 99, 0, 900)
            for (sample, contig, position), (carried, called) in self.genotypes.items()
            if carried
        ]
        samples = [(sample, sex, None, None, None, "demo", "drawn", "1") for sample, sex in self.sex.items()]
        told = {"calls": calls, "no_calls": list(self.missing), "samples": samples}
        return {name: told.get(name, []) for name in TABLES}

    def counts(self, takes_part: Callable[[str], bool]) -> set[tuple[object, ...]]:
        """Contig, position, allele count and number, carriers, homozygotes and hemizygotes by going through it all."""
        counted: dict[tuple[str, int], Counter[str]] = {}
        for (sample, contig, position), (carried, called) in self.genotypes.items():
            if takes_part(sample):
                count = counted.setdefault((contig, position), Counter())
                count["copies"] += carried
                count["called"] += called
                count["carriers"] += carried > 0
                count["homozygotes"] += carried == 2
                count["hemizygotes"] += carried == called == 1 and contig in ("chrX", "chrY")
        names = ("copies", "called", "carriers", "homozygotes", "hemizygotes")
        return {(*place, *(count[name] for name in names)) for place, count in counted.items() if count["carriers"]}


COLUMNS = "contig, position, allele_count, allele_number, carriers, homozygotes, hemizygotes"


def contributed(matrix: Matrix, folder: Path, *, with_sums: bool) -> dict[str, list[str]]:
    """The tables of all samples as files, and the sums as they are after each has added what it changes."""
    tables = {name: typed_table(matrix.tables()[name], columns) for name, columns in TABLES.items()}
    tables |= {name: typed_table(matrix.beside()[name], columns) for name, columns in BESIDE.items()}
    for sample in matrix.sex if with_sums else ():
        of_one = {name: rows.filter(_is(rows, sample)) for name, rows in tables.items() if name in TABLES}
        for name, rows in change({}, of_one).items():
            tables[name] = rows if name not in tables else pa.concat_tables([tables[name], rows])
    for name, rows in tables.items():
        pq.write_table(rows, folder / f"of.{name}.parquet")
    return {name: [str(folder / f"of.{name}.parquet")] for name in tables}


def built_in(folder: Path, *, with_sums: bool) -> Path:
    """The folder, with the cohort's tables of a matrix."""
    (folder / "scratch").mkdir()
    files = contributed(Matrix(), folder, with_sums=with_sums)
    assert (set(GOLD) <= set(files)) == with_sums
    results = build_tables(files, folder, folder / "scratch", threads=1)
    assert results and all(result.passed for result in results)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_in(tmp_path_factory.mktemp("built"), with_sums=True)


@pytest.mark.parametrize("with_sums", [True, False], ids=["from the sums", "from all rows"])
def test_counts_and_numbers_are_those_of_the_matrix(built: Path, tmp_path: Path, with_sums: bool) -> None:
    matrix, made = Matrix(), built if with_sums else built_in(tmp_path, with_sums=False)
    found = duckdb.sql(f"select {COLUMNS} from '{made}/cohort_allele_frequency.parquet'").fetchall()
    assert set(found) == matrix.counts(lambda _: True) and len(found) == len(set(found)) > 100

    by_stratum = f"'{made}/allele_frequency_by_stratum.parquet'"
    strata = set(duckdb.sql(f"select distinct kind, stratum from {by_stratum}").fetchall())
    members = {("sex", sex): {name for name, own in matrix.sex.items() if own == sex} for sex in matrix.sex.values()}
    for sample, kind, stratum in matrix.strata:
        members.setdefault((kind, stratum), set()).add(sample)
    del members["phenotype", "HP:0000002"]
    assert strata == set(members)
    for (kind, stratum), some in members.items():
        of_one = f"select {COLUMNS} from {by_stratum} where kind = '{kind}' and stratum = '{stratum}'"
        assert set(duckdb.sql(of_one).fetchall()) == matrix.counts(some.__contains__)


def told(counts: Iterable[tuple[str, list[int]]], people: int) -> dict[str, tuple[int | None, ...]]:
    """By gene people, carriers, and a part of these, as they may leave; genes with too few left out."""
    rows = {
        gene: (disclosed(people, people), disclosed(len(copies), people), disclosed(sum(copies), len(copies)))
        for gene, copies in counts
    }
    return {gene: row for gene, row in rows.items() if row[1] is not None}


def test_counts_of_genes_are_those_of_the_matrix_as_they_may_leave(built: Path) -> None:
    matrix = Matrix()
    frequencies = matrix.counts(lambda _: True)
    rare = {
        (contig.removeprefix("chr").replace("M", "MT"), position)
        for contig, position, copies, called, *_ in frequencies
        if copies / called < 0.01 or copies == 1
    }
    genes = matrix.beside()["gene_alleles"]
    hits = {(contig, position) for contig, position, _, _, _, hit, _ in genes if hit}
    disease = {(contig, position) for contig, position, *_, looked_at in genes if looked_at}
    people = SAMPLES - 2

    burden = matrix.carriers(hits & rare)
    found = duckdb.sql(f"select gene, samples, carriers, with_several_copies from '{built}/gene_burden.parquet'")
    several = [(gene, [copies > 1 for copies in samples.values()]) for gene, samples in burden.items()]
    assert {gene: tuple(row) for gene, *row in found.fetchall()} == told(several, people) != {}
    assert len(told(several, people)) < len(several), "a gene with few carriers is there"

    carried = matrix.carriers(disease)
    found = duckdb.sql(f"select gene, samples, carriers, with_one_copy from '{built}/gene_carriers.parquet'")
    one = [
        (
            gene,
            [
                copies == 1 and not (gene.startswith("MT") or (gene.startswith("X") and matrix.sex[sample] == "male"))
                for sample, copies in samples.items()
            ],
        )
        for gene, samples in carried.items()
    ]
    assert {gene: tuple(row) for gene, *row in found.fetchall()} == told(one, people) != {}
    shares = duckdb.sql(f"select carrier_share - carriers / samples from '{built}/gene_carriers.parquet'").fetchall()
    assert all(difference == (0,) for difference in shares)


def test_findings_are_counted_once_a_person_and_none_that_nobody_judged(built: Path) -> None:
    matrix = Matrix()
    reported = {sample for sample, *_, days, _ in matrix.beside()["cases"] if days is not None}
    people: dict[tuple[str, str], dict[str, bool]] = {}
    for sample, category, gene, _, signed in matrix.beside()["told_findings"]:
        if gene and category != "uncertain" and sample in reported:
            people.setdefault((gene, category), {})[sample] = signed == "yes"
    of = len(reported)
    expected = {
        (gene, category, disclosed(of, of), disclosed(len(some), of), disclosed(sum(some.values()), len(some)))
        for (gene, category), some in people.items()
        if disclosed(len(some), of)
    }
    columns = "gene, category, reported, people, signed"
    found = duckdb.sql(f"select {columns} from '{built}/actionable_findings.parquet'").fetchall()
    assert set(found) == expected and 0 < len(expected) < len(people)

    (month,) = duckdb.sql(f"select * from '{built}/turnaround.parquet' where month = '2026-02'").fetchall()
    cases = [row for row in matrix.beside()["cases"] if row[1] == "2026-02"]
    days: list[list[float]] = [[row[at] for row in cases if row[at] is not None] for at in (4, 5)]
    counts = (len(cases), sum(row[3] == "held" for row in cases), *map(len, days))
    waited = (value for some in days for value in (statistics.median(some), max(some)))
    assert month == ("2026-02", *counts, *waited)


SPARK = PROJECT / ".spark" / "bin" / "dbt"
"""Where ``make spark`` puts dbt with Spark, whose dependencies are not ours."""


def test_the_same_sql_makes_the_same_tables_on_spark(tmp_path: Path) -> None:
    if not SPARK.exists() or not shutil.which("java"):
        pytest.skip("Spark is not installed: make spark (needs Java 17)")
    made = {}
    for name, spark in (("duckdb", None), ("spark", SPARK)):
        folder = tmp_path / name
        (folder / "scratch").mkdir(parents=True)
        files = contributed(Matrix(), folder, with_sums=True)
        results = build_tables(files, folder, folder / "scratch", threads=2, put_aside=["S01"], spark=spark)
        tables = {model.name: pq.read_table(folder / f"{model.name}.parquet") for model in cohort_models()}
        judged = {(result.model, result.name, result.passed) for result in results}
        made[name] = judged, {name: (rows.column_names, rows.to_pylist()) for name, rows in tables.items()}
    assert made["duckdb"] == made["spark"]
    assert made["spark"][1]["cohort_allele_frequency"][1] and "S01" not in str(made["spark"][1]["fct_call"])


def _is(rows: pa.Table, sample: str) -> pa.ChunkedArray:
    return pc.equal(rows["sample_id"], sample)
