"""``python -m benchmarks.spark_cores`` on few alleles."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from benchmarks.inputs import SHARED
from benchmarks.spark_cores import FASTA, GENES, substitutions
from tests.resources.test_spark import SPARK, ran

_MEASURE = (
    "import sys; from benchmarks.spark_cores import main; sys.argv[1:] = ['--alleles', '400', '--cores', '2']; main()"
)


def test_alleles_are_annotated_and_seconds_told(tmp_path: Path) -> None:
    if not (FASTA.exists() and GENES.exists()):
        pytest.skip(f"{FASTA} or {GENES} is not beside the checkout")
    alleles = list(substitutions(400))
    assert len(set(alleles)) == 400 and all(ref != alt for _, _, ref, alt in alleles)
    if not SPARK.exists() or not shutil.which("java"):
        pytest.skip("Spark is not installed: make spark (needs Java 17)")
    done = ran(SPARK, tmp_path, _MEASURE, GENOMICS_SHARED_DATA=str(SHARED))
    assert re.fullmatch(r"400 alleles, 2 cores: \d+\.\d s\n", done.stdout)
