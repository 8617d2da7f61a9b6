"""Spark annotates a cohort's alleles as one machine does, row for row."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pysam
import pytest

from engine.annotate.alleles import Allele, annotate_alleles
from engine.cohort.columns import GOLD, typed_table
from engine.errors import ToolError
from resources.spark import session
from tests.builders.tp53 import tp53_bundle
from tests.conftest import PROJECT

SPARK = PROJECT / ".spark" / "bin" / "python"
"""Where ``make spark`` puts Spark with the platform."""
GENE = (7_571_700, 7_590_900)


def alleles_of(fasta: Path, count: int) -> list[Allele]:
    """Substitutions, deletions and insertions drawn at random within a gene, each left-aligned by its own letters."""
    draw = random.Random(1)
    with pysam.FastaFile(str(fasta)) as genome:
        sequence = genome.fetch("17", *GENE).upper()
    found: set[Allele] = set()
    while len(found) < count:
        at = draw.randrange(1, len(sequence) - 5)
        first, second = sequence[at], sequence[at + 1]
        other = draw.choice([base for base in "ACGT" if base not in (first, second)])
        kinds = [(first, other)] * 4 + [(first, first + other)] + ([(first + second, first)] if first != second else [])
        ref, alt = draw.choice(kinds)
        found.add(("17", GENE[0] + at + 1, ref, alt))
    return sorted(found)


_ON_SPARK = """
import sys
from pathlib import Path
import pyarrow.parquet as pq
from resources.spark import annotate_cohort, session
from tests.builders.tp53 import tp53_bundle

shared, folder = Path(sys.argv[1]), Path(sys.argv[2])
spark = session(2, folder)
made = annotate_cohort(spark, [str(folder / "counts.parquet")], tp53_bundle(shared, folder), parts=4)
pq.write_table(made.toArrow(), folder / "spark.parquet")
spark.stop()
"""


def test_a_cohorts_alleles_are_annotated_as_by_one_machine(shared_data: Path, tmp_path: Path) -> None:
    if not SPARK.exists() or not shutil.which("java"):
        pytest.skip("Spark is not installed: make spark (needs Java 17)")
    bundle = tp53_bundle(shared_data, tmp_path)
    alleles = alleles_of(bundle.fasta, 400)
    gone = ("17", GENE[0] + 50, "A", "N")  # of a sample that was taken out
    rows = [(*allele, "female", 1, 1, 0, 0, 0) for allele in (*alleles, *alleles[:50])]
    rows += [(*gone, "male", sign, sign, 0, 0, 0) for sign in (1, -1)]
    pq.write_table(typed_table(rows, GOLD["allele_count"]), tmp_path / "counts.parquet")
    pq.write_table(annotate_alleles(alleles, bundle, tmp_path), tmp_path / "one.parquet")
    command = [str(SPARK), "-c", _ON_SPARK, str(shared_data), str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    count = f"select count(*), count(distinct gene), count(hgvs_c) from '{tmp_path}/one.parquet'"
    (told,) = duckdb.sql(count).fetchall()
    assert told[0] == 400 and told[1] >= 1 and told[2] > 100
    for one, other in (("one", "spark"), ("spark", "one")):
        differing = f"from '{tmp_path}/{one}.parquet' except all from '{tmp_path}/{other}.parquet'"
        assert duckdb.sql(differing).fetchall() == []
    assert pq.read_metadata(tmp_path / "spark.parquet").num_rows == 400


def test_where_spark_is_not_installed_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(ToolError, match="Spark is not installed") as caught:
        session(1, tmp_path)
    assert "make spark" in caught.value.remedy
