"""``.spark/bin/python -m benchmarks.spark_cores``: a cohort's alleles annotated on Spark by one core and by two.

Every allele is a substitution of chromosome 20 of GRCh37, with Ensembl's genes; each number of cores is a session of
its own, warmed up by a few alleles, so that the start of the JVM and of its workers is not in the seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

from benchmarks.inputs import SHARED
from engine.cohort.columns import GOLD, typed_table
from engine.reference.bundle import Contig, ReferenceBundle
from resources.spark import annotate_cohort, session

FASTA = SHARED / "b37_chr20_ref" / "20.fa.gz"
GENES = SHARED / "genemodel_chr20" / "chr20.b37.gff3.gz"
_LENGTH = 63_025_520
_NEXT = dict(zip("ACGT", "CGTA", strict=True))
_WARM = 200
"""Alleles of the first look, which nobody counts."""


def chromosome() -> ReferenceBundle:
    """Chromosome 20 with its genes, and without knowledge."""
    return ReferenceBundle(
        name="chr20",
        build="GRCh37",
        fasta=FASTA,
        contigs=(Contig("20", _LENGTH, ""),),
        aligner_index=Path(),
        gene_model=GENES,
        known_sites=None,
        clinvar=None,
        targets=None,
        versions={"gene_model": "ensembl-110", "reference_genome": "b37-chr20"},
    )


def substitutions(count: int) -> Iterator[tuple[str, int, str, str]]:
    """As many alleles as asked for, evenly along the chromosome, as contig, position (1-based), REF and ALT."""
    import pysam

    with pysam.FastaFile(str(FASTA)) as genome:
        bases = genome.fetch("20").upper()
    known = [at for at in range(0, len(bases), max(len(bases) // (2 * count), 1)) if bases[at] in _NEXT]
    for at in known[:: max(len(known) // count, 1)][:count]:
        yield "20", at + 1, bases[at], _NEXT[bases[at]]


def seconds(spark: Any, counts: Path, output: Path, parts: int) -> float:
    """By the clock, until every allele's row is written."""
    started = time.monotonic()
    annotate_cohort(spark, [str(counts)], chromosome(), parts=parts).write.parquet(str(output))
    return time.monotonic() - started


def measure(cores: int, count: int, folder: Path) -> float:
    """Seconds by the clock of so many alleles by so many cores."""
    written = {}
    for name, alleles in (("warm", _WARM), ("all", count)):
        rows = [(*allele, "female", 1, 1, 0, 0, 0) for allele in substitutions(alleles)]
        written[name] = folder / f"{cores}.{name}.counts.parquet"
        pq.write_table(typed_table(rows, GOLD["allele_count"]), written[name])
    spark = session(cores, folder)
    try:
        seconds(spark, written["warm"], folder / f"{cores}.warm", parts=4)
        return seconds(spark, written["all"], folder / f"{cores}.all", parts=4)
    finally:
        spark.stop()


def main() -> int:
    """Print a row for each number of cores."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark_cores", description=__doc__)
    parser.add_argument("--alleles", type=int, default=400_000, help="how many (%(default)s)")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2], help="of the machine (%(default)s)")
    options = parser.parse_args()
    for cores in options.cores:
        with TemporaryDirectory() as folder:
            took = measure(cores, options.alleles, Path(folder))
        print(f"{options.alleles:,} alleles, {cores} core{'s' if cores > 1 else ''}: {took:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
