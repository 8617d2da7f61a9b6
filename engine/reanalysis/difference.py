"""What differs between two releases of ClinVar, allele by allele, in what interpretation reads.

Every column of the table counts but the release's name, so that a release with the same assertions differs in nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.annotate.clinvar import ClinvarMatch
from engine.classify.candidates import UNDECIDED
from engine.classify.phase import TOLD
from engine.duckdb_paths import as_pattern
from engine.errors import KnowledgeError
from engine.files.text import text_lines
from engine.reference.accessions import bare_contig
from engine.tables import Column, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

_BENIGN = ("benign", "likely_benign")
CHANGE_COLUMNS = (
    Column("contig", "VARCHAR", "Contig without chr; the mitochondrion is MT", required=True),
    Column("position", "INTEGER", "1-based position of the allele, left-aligned", "bases", required=True, minimum=1),
    Column("ref", "VARCHAR", "Reference allele", required=True),
    Column("alt", "VARCHAR", "Alternate allele", required=True),
    Column("before", "VARCHAR", "Classification in the earlier release; absent where it did not know the allele"),
    Column("after", "VARCHAR", "Classification in the later release; absent where it does not know the allele"),
    Column("before_stars", "TINYINT", "Stars in the earlier release", "stars"),
    Column("after_stars", "TINYINT", "Stars in the later release", "stars"),
    Column("told", "BOOLEAN", "Whether either release tells it as causing disease", required=True),
    Column("undecided", "BOOLEAN", "Whether either release has not decided on it", required=True),
    Column("benign_changed", "BOOLEAN", "Whether one of them alone calls it benign", required=True),
)
"""Columns of a difference. Of an allele that a release holds twice, its best record stands for it."""


def clinvar_difference(before: Path, after: Path) -> pa.Table:
    """The alleles that were added, removed or changed between two tables of ClinVar, along the genome.

    Args:
        before: the table that :func:`engine.annotate.clinvar.build_clinvar` wrote of the earlier release.
        after: that of the later one.

    Raises:
        KnowledgeError: a table is missing or damaged.
    """
    import duckdb

    try:
        with duckdb.connect() as db:
            table: pa.Table = db.sql(_DIFFERENCE, params=[as_pattern(before), as_pattern(after)]).to_arrow_table()
            return table.cast(arrow_schema(CHANGE_COLUMNS))
    except duckdb.Error as error:
        raise KnowledgeError(
            f"the tables of two ClinVar releases cannot be compared: {error}",
            file=after,
            remedy="materialize clinvar again",
        ) from error


_READ = ", ".join(("contig", "position", "ref", "alt", *ClinvarMatch.__annotations__, "genes", "consequences"))
# The rule by which :func:`engine.annotate.clinvar.match_clinvar` takes one of several records of an allele.
_BEST = "row_number() OVER (PARTITION BY contig, position, ref, alt ORDER BY stars DESC, variation_id::BIGINT) = 1"
_DIFFERENCE = f"""
WITH earlier AS MATERIALIZED (SELECT {_READ} FROM read_parquet($1)),
     later AS MATERIALIZED (SELECT {_READ} FROM read_parquet($2)),
     gone AS MATERIALIZED (FROM earlier EXCEPT FROM later),
     come AS MATERIALIZED (FROM later EXCEPT FROM earlier),
     changed AS (SELECT contig, position, ref, alt FROM gone UNION SELECT contig, position, ref, alt FROM come),
     was AS (SELECT e.* FROM earlier e SEMI JOIN changed USING (contig, position, ref, alt) QUALIFY {_BEST}),
     becomes AS (SELECT l.* FROM later l SEMI JOIN changed USING (contig, position, ref, alt) QUALIFY {_BEST})
SELECT contig, position, ref, alt,
       was.classification AS before, becomes.classification AS after,
       was.stars AS before_stars, becomes.stars AS after_stars,
       coalesce(before IN {TOLD}, false) OR coalesce(after IN {TOLD}, false) AS told,
       coalesce(before, '') IN {UNDECIDED} OR coalesce(after, '') IN {UNDECIDED} AS undecided,
       coalesce(before IN {_BENIGN}, false) != coalesce(after IN {_BENIGN}, false) AS benign_changed
FROM changed LEFT JOIN was USING (contig, position, ref, alt) LEFT JOIN becomes USING (contig, position, ref, alt)
ORDER BY contig, position, ref, alt
"""


def gene_spans(gene_model: Path) -> Mapping[str, list[tuple[str, int, int]]]:
    """By gene symbol (the id where there is none) where it lies: contig without ``chr``, 0-based half-open.

    Args:
        gene_model: Ensembl-style GFF3 (plain, gzip or bgzip).
    """
    spans: dict[str, list[tuple[str, int, int]]] = {}
    for line in text_lines(gene_model):
        if "\tID=gene:" not in line:
            continue
        contig, _, _, start, end, *_, attributes = line.rstrip("\n").split("\t")
        facts = dict(part.partition("=")[::2] for part in attributes.split(";"))
        names = {facts.get("Name"), facts["ID"].partition(":")[2]} - {None}
        for name in names:
            spans.setdefault(str(name), []).append((bare_contig(contig), int(start) - 1, int(end)))
    return spans
