"""Who of the cohort carries an allele of some genes, of a class or by name, in a zygosity.

Read are calls that passed and are of good quality, as samples contributed them; what an allele does to a gene is read
from what was noted of the annotated variants (:mod:`engine.reanalysis.carried`). An allele that only several calls make
together is not found by its name or class. Contigs are compared without ``chr``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cohort.study import StudyDefinition
from engine.duckdb_paths import as_pattern
from engine.reference.accessions import BARE_CONTIG_SQL

if TYPE_CHECKING:
    import duckdb

_ALLELE = "contig, position, ref, alt"


@dataclass(frozen=True)
class Sources:
    """What is read.

    Attributes:
        calls: Parquet files of the cohort's table of calls.
        carried: Parquet files of what was noted of annotated variants.
        clinvar: ClinVar's table, absent where the reference has none.
        decided: class by allele that people of the laboratory gave.
    """

    calls: Sequence[str]
    carried: Sequence[str] = ()
    clinvar: Path | None = None
    decided: Mapping[str, str] = field(default_factory=dict)


def carriers_of(asked: StudyDefinition, sources: Sources) -> frozenset[str]:
    """Ids of the samples that carry what a definition asks for."""
    import duckdb

    if not sources.calls:
        return frozenset()
    with duckdb.connect() as db:
        _views(db, sources)
        narrowed = [name for name, make in _NARROWED.items() if make(db, asked)]
        gene = "gene" if asked.genes else "NULL"
        joined = " ".join(f"JOIN {name} USING ({_ALLELE})" for name in narrowed)
        found = db.execute(
            f"SELECT DISTINCT sample_id FROM (SELECT sample_id, {gene} AS gene, copies, ploidy, contig,"
            f" sum(copies) OVER (PARTITION BY sample_id, {gene}) AS together FROM calls {joined})"
            f" WHERE {_zygosity(asked)}"
        )
        return frozenset(sample for (sample,) in found.fetchall())


def _views(db: duckdb.DuckDBPyConnection, sources: Sources) -> None:
    """Views ``calls``, ``carried``, ``clinvar`` and ``decided``, each there though empty."""
    none = "SELECT ''::VARCHAR AS sample_id, '' AS contig, 0 AS position, '' AS ref, '' AS alt"
    more = {"carried": "false AS hit, []::VARCHAR[] AS genes", "clinvar": "'' AS class, []::VARCHAR[] AS genes"}
    for name, columns in more.items():
        db.execute(f"CREATE VIEW no_{name} AS SELECT *, {columns} FROM ({none}) WHERE false")
    db.read_parquet([as_pattern(Path(file)) for file in sources.calls]).create_view("call_files")
    db.execute(f"CREATE VIEW calls AS SELECT * REPLACE ({BARE_CONTIG_SQL} AS contig) FROM call_files")
    if sources.carried:
        db.read_parquet([as_pattern(Path(file)) for file in sources.carried]).create_view("carried")
    else:
        db.execute("CREATE VIEW carried AS FROM no_carried")
    if sources.clinvar:
        db.read_parquet(as_pattern(sources.clinvar)).create_view("clinvar_file")
        db.execute("CREATE VIEW clinvar AS SELECT *, classification AS class FROM clinvar_file")
    else:
        db.execute("CREATE VIEW clinvar AS FROM no_clinvar")
    db.execute("CREATE TABLE decided (contig VARCHAR, position INTEGER, ref VARCHAR, alt VARCHAR, class VARCHAR)")
    rows = [(*_taken_apart(allele), told) for allele, told in sources.decided.items()]
    if rows:
        db.executemany("INSERT INTO decided VALUES (?, ?, ?, ?, ?)", rows)


def _named(db: duckdb.DuckDBPyConnection, asked: StudyDefinition) -> bool:
    if asked.variants:
        db.execute("CREATE TABLE named (contig VARCHAR, position INTEGER, ref VARCHAR, alt VARCHAR)")
        db.executemany("INSERT INTO named VALUES (?, ?, ?, ?)", [_taken_apart(one) for one in asked.variants])
    return bool(asked.variants)


def _classed(db: duckdb.DuckDBPyConnection, asked: StudyDefinition) -> bool:
    """The laboratory's own class stands above ClinVar's."""
    if asked.classes:
        db.execute(
            f"CREATE TABLE classed AS SELECT {_ALLELE} FROM decided WHERE list_contains($1, class)"
            f" UNION SELECT {_ALLELE} FROM clinvar ANTI JOIN decided USING ({_ALLELE}) WHERE list_contains($1, class)",
            [list(asked.classes)],
        )
    return bool(asked.classes)


def _in_genes(db: duckdb.DuckDBPyConnection, asked: StudyDefinition) -> bool:
    if asked.genes:
        hit = "" if asked.classes or asked.variants else "AND hit"
        within = "unnest(list_intersect(genes, $1)) AS gene"
        db.execute(
            f"CREATE TABLE in_genes AS SELECT {_ALLELE}, {within} FROM carried WHERE list_has_any(genes, $1) {hit}"
            + (f" UNION SELECT {_ALLELE}, {within} FROM clinvar WHERE list_has_any(genes, $1)" if not hit else ""),
            [list(asked.genes)],
        )
        db.execute("CREATE OR REPLACE TABLE in_genes AS SELECT DISTINCT * FROM in_genes")
    return bool(asked.genes)


_NARROWED = {"named": _named, "classed": _classed, "in_genes": _in_genes}
_HOLDS = {
    "het": "copies < ploidy",
    "hom": "copies = ploidy AND ploidy > 1",
    "hemi": "ploidy = 1 AND contig != 'MT'",
    "biallelic": "(together > 1 OR ploidy = 1) AND contig != 'MT'",
}


def _zygosity(asked: StudyDefinition) -> str:
    return " OR ".join(f"({_HOLDS[one]})" for one in asked.zygosities) or "true"


def _taken_apart(allele: str) -> tuple[str, int, str, str]:
    contig, position, ref, alt = allele.rsplit("-", 3)
    return contig, int(position), ref, alt
