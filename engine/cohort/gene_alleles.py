"""Which alleles of the cohort lie in which genes, out of what was noted of each sample's annotated variants.

What was noted is the Delta table ``carried`` (:mod:`engine.reanalysis.carried`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cohort.columns import ANNOTATED_SAMPLE_COLUMNS, GENE_ALLELE_COLUMNS, typed_table
from engine.duckdb_paths import as_pattern
from engine.tables import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

_GENES = """
SELECT contig, position, ref, alt, gene, bool_or(hit) AS hit, bool_or(looked_at) AS looked_at
FROM (SELECT contig, position, ref, alt, hit, looked_at, unnest(genes) AS gene
      FROM read_parquet($1) WHERE len(genes) > 0)
GROUP BY ALL ORDER BY ALL"""
_SAMPLES = "SELECT DISTINCT sample_id FROM read_parquet($1) ORDER BY sample_id"


def gene_alleles(carried: Sequence[str]) -> dict[str, pa.Table]:
    """The tables ``gene_alleles`` and ``annotated_samples`` of :data:`engine.cohort.columns.BESIDE`.

    Args:
        carried: Parquet files of what was noted of all samples.
    """
    import duckdb

    wanted = {
        "gene_alleles": (_GENES, GENE_ALLELE_COLUMNS),
        "annotated_samples": (_SAMPLES, ANNOTATED_SAMPLE_COLUMNS),
    }
    if not carried:
        return {name: typed_table([], columns) for name, (_, columns) in wanted.items()}
    files = [as_pattern(Path(file)) for file in carried]
    with duckdb.connect() as db:
        return {
            name: db.sql(query, params=[files]).to_arrow_table().cast(arrow_schema(columns, bare=True))
            for name, (query, columns) in wanted.items()
        }
