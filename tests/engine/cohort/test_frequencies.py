"""Allele counts and numbers are those of the whole matrix, with missing coverage; the same SQL says so on Spark."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from engine.cohort.columns import GOLD, STRATUM_COLUMNS, TABLES, typed_table
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

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        calls = [
            (sample, contig, 0, position, "A", "G", carried, called, 60, 30, 15)
            for (sample, contig, position), (carried, called) in self.genotypes.items()
            if carried
        ]
        samples = [(sample, sex, None, None, None, "demo", "drawn", "1") for sample, sex in self.sex.items()]
        return {"calls": calls, "missing": list(self.missing), "samples": samples, "measures": []}

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
    tables["strata"] = typed_table(matrix.strata, STRATUM_COLUMNS)
    for sample in matrix.sex if with_sums else ():
        of_one = {name: rows.filter(_is(rows, sample)) for name, rows in tables.items() if name in TABLES}
        for name, rows in change({}, of_one).items():
            tables[name] = rows if name not in tables else pa.concat_tables([tables[name], rows])
    for name, rows in tables.items():
        pq.write_table(rows, folder / f"of.{name}.parquet")
    return {name: [str(folder / f"of.{name}.parquet")] for name in tables}


@pytest.mark.parametrize("with_sums", [True, False], ids=["from the sums", "from all rows"])
def test_counts_and_numbers_are_those_of_the_matrix(tmp_path: Path, with_sums: bool) -> None:
    matrix = Matrix()
    (tmp_path / "scratch").mkdir()
    files = contributed(matrix, tmp_path, with_sums=with_sums)
    assert (set(GOLD) <= set(files)) == with_sums
    results = build_tables(files, tmp_path, tmp_path / "scratch", threads=1)
    assert results and all(result.passed for result in results)

    found = duckdb.sql(f"select {COLUMNS} from '{tmp_path}/cohort_allele_frequency.parquet'").fetchall()
    assert set(found) == matrix.counts(lambda _: True) and len(found) == len(set(found)) > 100

    by_stratum = f"'{tmp_path}/allele_frequency_by_stratum.parquet'"
    strata = set(duckdb.sql(f"select distinct kind, stratum from {by_stratum}").fetchall())
    members = {("sex", sex): {name for name, own in matrix.sex.items() if own == sex} for sex in matrix.sex.values()}
    for sample, kind, stratum in matrix.strata:
        members.setdefault((kind, stratum), set()).add(sample)
    del members["phenotype", "HP:0000002"]
    assert strata == set(members)
    for (kind, stratum), some in members.items():
        of_one = f"select {COLUMNS} from {by_stratum} where kind = '{kind}' and stratum = '{stratum}'"
        assert set(duckdb.sql(of_one).fetchall()) == matrix.counts(some.__contains__)


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
