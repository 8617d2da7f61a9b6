"""``genomics-databricks``: what a task of Databricks runs, between files of a volume of Unity Catalog.

Run there by the job of ``deploy/databricks`` or by the asset of ``genomics_assets/databricks.py``, which it tells how
many alleles it annotated.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from dagster_pipes import (
    PipesCliArgsParamsLoader,
    PipesUnityCatalogVolumesContextLoader,
    PipesUnityCatalogVolumesMessageWriter,
    open_dagster_pipes,
)

from engine.reference.bundle_file import read_bundle
from resources.spark import annotate_cohort


def main(words: Sequence[str] | None = None) -> None:
    """Annotate the alleles of a file, and write them as Parquet files of one folder."""
    from pyspark.sql import SparkSession

    parser = argparse.ArgumentParser(prog="genomics-databricks", description=__doc__)
    parser.add_argument("--counts", required=True, help="Parquet: contig, position, ref, alt and carriers of alleles")
    parser.add_argument("--bundle", type=Path, required=True, help="the reference, as engine/reference/bundle_file.py")
    parser.add_argument("--output", required=True, help="folder for the annotated alleles; one that is there goes")
    parser.add_argument("--parts", type=int, default=256, help="ranges of places")
    chosen, _ = parser.parse_known_args(words)  # Dagster's own words stand beside
    with open_dagster_pipes(
        params_loader=PipesCliArgsParamsLoader(),  # type: ignore[no-untyped-call]
        context_loader=PipesUnityCatalogVolumesContextLoader(),
        message_writer=PipesUnityCatalogVolumesMessageWriter(),
    ) as pipes:
        spark = SparkSession.builder.getOrCreate()
        made = annotate_cohort(spark, [chosen.counts], read_bundle(chosen.bundle), parts=chosen.parts)
        made.write.mode("overwrite").parquet(chosen.output)
        pipes.report_custom_message({"alleles": spark.read.parquet(chosen.output).count()})
        pipes.log.info(f"annotated into {chosen.output}")


if __name__ == "__main__":
    main()
