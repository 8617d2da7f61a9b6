"""Apache Spark, for cohorts that one machine does not hold: where a session comes from, and what runs on it.

A local session by default; where ``SPARK_REMOTE`` names a server, that is used (Spark Connect).
Databricks Connect brings a Spark of its own: :func:`resources.databricks.connected`.
Spark is no dependency of the platform: without it everything here says so, and nothing else needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.errors import ToolError
from engine.reference.bundle import ReferenceBundle
from engine.reference.intervals import Interval, shards
from engine.tables import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa
    from dagster_pyspark import LazyPySparkResource

    from engine.genotype.joint import JointSummary

SPARK = "spark"
"""The cohort's engine, as the deployment's options name it."""
_REGION = 10_000_000
"""Bases of a region that one worker calls at a time."""
_ALLELE = ("contig", "position", "ref", "alt")


def session(cores: int, folder: Path) -> Any:
    """A session of Spark.

    Args:
        cores: of this machine, where no server is named.
        folder: for what Spark keeps meanwhile.

    Raises:
        ToolError: Spark is not installed.
    """
    try:
        import dagster_pyspark  # noqa: F401
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ToolError(
            "Spark is not installed", remedy="install the extra `spark` (make spark); it needs Java 17"
        ) from error
    if os.environ.get("SPARK_REMOTE"):
        return SparkSession.builder.appName("genomics").getOrCreate()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return resource(cores, folder).spark_session


def resource(cores: int, folder: Path) -> LazyPySparkResource:
    """Dagster's resource of a local session, which starts when it is asked for its session; as :func:`session`."""
    from dagster_pyspark import LazyPySparkResource

    places = {"spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder)}
    named = {"spark.app.name": "genomics", "spark.master": f"local[{cores},{_ATTEMPTS}]"}
    return LazyPySparkResource(spark_config=named | _LOCAL | places)


def annotate_cohort(spark: Any, counts: Sequence[str], bundle: ReferenceBundle, *, parts: int) -> Any:
    """Annotate every allele of a cohort by the platform's own annotator, each range of places by itself.

    Args:
        spark: a session whose workers have the platform installed and see the reference's files.
        counts: Parquet files of the table ``allele_count``.
        bundle: with a gene model.
        parts: ranges of places.

    Returns:
        Spark's data frame with the columns of annotated variants, in no order; the rows are those of
        :func:`engine.annotate.alleles.annotate_alleles`.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    alleles = spark.read.parquet(*counts).groupBy(*_ALLELE).sum("carriers").where("`sum(carriers)` <> 0")
    ranges = alleles.select(*_ALLELE).repartitionByRange(parts, "contig", "position")
    return ranges.mapInArrow(_annotating(bundle), from_arrow_schema(arrow_schema(ANNOTATED_COLUMNS, bare=True)))


def genotype_cohort(
    spark: Any, gvcfs: Sequence[Path], bundle: ReferenceBundle, output: Path, *, regions: Sequence[Interval]
) -> JointSummary:
    """Genotype samples together, each region by itself, into one VCF with its index.

    Args:
        spark: a session whose workers have the platform installed and see gVCFs and the reference's files.
        gvcfs: one file for each sample, with index.
        bundle: the reference.
        output: VCF to write (bgzip): that of :func:`engine.genotype.joint.genotype_gvcfs`.
        regions: that do not overlap, in the reference's order; only sites that begin in one are called.

    Raises:
        GenomicsError: as of :func:`engine.genotype.joint.genotype_gvcfs`.
    """
    from engine.genotype.regional import put_together

    rows = [(number, one.contig, one.start, one.end) for number, one in enumerate(regions)]
    asked = spark.createDataFrame(rows, "region int, contig string, start int, end int").repartition(
        len(rows), "region"
    )
    made = asked.mapInArrow(_calling(gvcfs, bundle), "region int, number int, line string").orderBy("region", "number")
    lines = (row["line"] for row in made.toLocalIterator())
    return put_together([lines], gvcfs, bundle.contigs, output)


def genotype_everywhere(gvcfs: Sequence[Path], bundle: ReferenceBundle, output: Path) -> JointSummary:
    """As :func:`genotype_cohort`, of the whole reference cut into regions, in a session of its own."""
    whole = [Interval(contig.name, 0, contig.length) for contig in bundle.contigs]
    regions = [region for shard in shards(whole, _REGION) for region in shard]
    with TemporaryDirectory() as folder:
        spark = session(os.cpu_count() or 1, Path(folder))
        try:
            return genotype_cohort(spark, gvcfs, bundle, output, regions=regions)
        finally:
            spark.stop()


def _calling(
    gvcfs: Sequence[Path], bundle: ReferenceBundle
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What a worker does to regions."""

    def called(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from engine.genotype.regional import call_region

        for region, *at in (row.values() for batch in batches for row in batch.to_pylist()):
            lines = list(call_region(gvcfs, bundle.contigs, bundle.fasta, Interval(*at)))
            numbers = pa.array(range(len(lines)), pa.int32())
            columns = [pa.array([region] * len(lines), pa.int32()), numbers, pa.array(lines, pa.string())]
            yield pa.RecordBatch.from_arrays(columns, ["region", "number", "line"])

    return called


def _annotating(bundle: ReferenceBundle) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What a worker does to one range."""

    def annotated(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from engine.annotate.alleles import annotate_alleles

        alleles = [tuple(row[name] for name in _ALLELE) for batch in batches for row in batch.to_pylist()]
        if alleles:
            with TemporaryDirectory() as folder:
                rows = annotate_alleles(alleles, bundle, Path(folder))
            yield from rows.cast(arrow_schema(ANNOTATED_COLUMNS, bare=True)).to_batches()

    return annotated


_ATTEMPTS = 4
"""Times that a part is tried whose worker died, as on a cluster; alone on a machine Spark would give up at once."""
_LOCAL = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
}
