"""What a sample carries, as far as it decides which changes of knowledge its interpretation could read.

One row an allele of the annotated variants, those that failed a filter included: a filter says that a call is not to
be trusted, not that nobody reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.classify.phase import TOLD
from engine.columns import ALT, POSITION, REF
from engine.duckdb_paths import as_pattern
from engine.errors import VariantFileError
from engine.reference.accessions import BARE_CONTIG_SQL
from engine.tables import Column, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

TABLE = "carried"
"""Name of the Delta table that holds the rows of all samples."""
CARRIED_COLUMNS = (
    Column("sample_id", "VARCHAR", "Pseudonym of the sample", required=True),
    Column("made", "VARCHAR", "Data version of the annotated variants that the row was taken from", required=True),
    Column("contig", "VARCHAR", "Contig without chr; the mitochondrion is MT", required=True),
    POSITION,
    REF,
    ALT,
    Column("hit", "BOOLEAN", "Whether it is of high or moderate impact on a transcript", required=True),
    Column("looked_at", "BOOLEAN", "Whether ClinVar tells it, its whole or a part as causing disease", required=True),
    Column("genes", "VARCHAR[]", "Genes that it hits, or in which it is looked at; empty of any other"),
)


def carried(annotated: Path, sample: str, made: str) -> pa.Table:
    """The rows of a sample, schema bare, as :data:`CARRIED_COLUMNS` says.

    What is hit or looked at stands first, so that who asks for such rows can pass over all others.

    Args:
        annotated: Parquet of the annotated variants.
        sample: sample id.
        made: data version of the annotated variants.

    Raises:
        VariantFileError: the table is missing or damaged.
    """
    import duckdb

    try:
        with duckdb.connect() as db:
            table: pa.Table = db.sql(_CARRIED, params=[sample, made, as_pattern(annotated)]).to_arrow_table()
    except duckdb.Error as error:
        raise VariantFileError(
            f"the annotated variants cannot be read: {error}",
            file=annotated,
            sample=sample,
            remedy="annotate the sample again",
        ) from error
    return table.cast(arrow_schema(CARRIED_COLUMNS, bare=True))


def noted(files: Sequence[Path]) -> dict[str, str]:
    """By sample the data version of the annotated variants that its rows were taken from.

    Args:
        files: Parquet files of the table of all samples.
    """
    import duckdb

    if not files:
        return {}
    with duckdb.connect() as db:  # one version a sample; grouped by it alone, since versions are long
        query = "SELECT sample_id, any_value(made) FROM read_parquet(?) GROUP BY sample_id"
        return dict(db.execute(query, [list(map(as_pattern, files))]).fetchall())


_HITS = "('HIGH', 'MODERATE')"
_CARRIED = f"""
SELECT $1 AS sample_id, $2 AS made,
       {BARE_CONTIG_SQL} AS contig, position, ref, alt,
       hit, looked_at, CASE WHEN hit OR looked_at THEN list_distinct(named) ELSE [] END AS genes
FROM (
    SELECT *, impact IN {_HITS} OR len([one FOR one IN consequences IF one.impact IN {_HITS}]) > 0 AS hit,
           coalesce(clinvar_classification IN {TOLD}, false)
               OR coalesce(len(compounds), 0) > 0 OR coalesce(len(known_parts), 0) > 0 AS looked_at,
           [one FOR one IN list_concat(
               [gene], [hit.gene FOR hit IN coalesce(consequences, [])],
               [whole.gene FOR whole IN coalesce(compounds, [])], [part.gene FOR part IN coalesce(known_parts, [])]
           ) IF one IS NOT NULL] AS named
    FROM read_parquet($3)
)
ORDER BY NOT (hit OR looked_at), contig, position, ref, alt
"""
