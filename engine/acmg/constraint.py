"""What is known of genes rather than alleles: how much variation they bear, and whether loss of a copy causes disease.

Constraint is gnomAD's table of metrics (v2.1.1 or v4: ``gene``, ``loeuf`` and missense z under either release's names);
of a gene with several transcripts the MANE Select one speaks, else the canonical, else the first. Dosage is ClinGen's
list of curated genes, whose haplo-insufficiency score of 3 says that loss of one copy is known to cause disease. What
either speaks for is decided in :mod:`engine.acmg.decide`.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.duckdb_paths import as_pattern
from engine.errors import KnowledgeError
from engine.files.compressed import COPY_AGAIN
from engine.files.text import text_lines
from engine.tables import Column, arrow_schema

CONSTRAINT = "constraint.parquet"
CONSTRAINT_COLUMNS = (
    Column("gene", "VARCHAR", "Symbol", required=True, unique=True),
    Column("transcript", "VARCHAR", "Transcript that the metrics are of; absent where there are none"),
    Column("loeuf", "DOUBLE", "Upper bound of truncations seen per truncation expected", "ratio", minimum=0),
    Column("missense_z", "DOUBLE", "How much fewer missense variants there are than expected", "z"),
    Column("haploinsufficiency", "INTEGER", "ClinGen's score: 3 is sufficient evidence", "score", minimum=0),
)
_NAMES: Mapping[str, tuple[str, ...]] = {
    "gene": ("gene",),
    "transcript": ("transcript",),
    "loeuf": ("lof.oe_ci.upper", "oe_lof_upper", "loeuf"),
    "missense_z": ("mis.z_score", "mis_z", "missense_z"),
}
_PREFERRED = ("mane_select", "canonical")
_GENE_SYMBOL, _SCORE = "#Gene Symbol", "Haploinsufficiency Score"


@dataclass(frozen=True)
class GeneConstraint:
    """What is known of a gene.

    Attributes:
        loeuf: upper bound of truncations seen per truncation expected, absent where not known.
        missense_z: how much fewer missense variants there are than expected, in standard deviations.
        haploinsufficiency: ClinGen's score, absent where it has not curated the gene.
        release: of the metrics.
    """

    loeuf: float | None = None
    missense_z: float | None = None
    haploinsufficiency: int | None = None
    release: str = ""


@dataclass(frozen=True)
class ConstraintMeasures:
    """What a table of constraint holds.

    Attributes:
        genes: of which something is known.
        haploinsufficient: of them with sufficient evidence that loss of one copy causes disease.
        release: date or name, as declared.
        licence: as declared.
    """

    genes: int
    haploinsufficient: int
    release: str
    licence: str


def build_constraint(
    metrics: Path, dosage: Path | None, folder: Path, *, release: str | None, licence: str | None
) -> ConstraintMeasures:
    """Write :data:`CONSTRAINT`, a row a gene by symbol, into ``folder``.

    Args:
        metrics: gnomAD's table of constraint metrics, tab-separated, plain or compressed.
        dosage: ClinGen's ``ClinGen_gene_curation_list_*.tsv``, absent where the laboratory has none.
        folder: for the table.
        release: of the metrics.
        licence: under which they may be used.

    Raises:
        KnowledgeError: a file is missing, damaged, lacks a column, or a value is no number.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    genes = dict(_metrics(metrics))
    for symbol, score in _scores(dosage) if dosage else ():
        genes.setdefault(symbol, _empty(symbol))["haploinsufficiency"] = score
    rows = [genes[symbol] for symbol in sorted(genes)]
    if not rows:
        raise KnowledgeError("the table has no genes", file=metrics, remedy=COPY_AGAIN)
    table = pa.Table.from_pylist(rows, schema=arrow_schema(CONSTRAINT_COLUMNS))
    table = table.replace_schema_metadata({"release": release or "", "licence": licence or ""})
    pq.write_table(table, folder / CONSTRAINT, compression="zstd")
    enough = sum(row["haploinsufficiency"] == SUFFICIENT for row in rows)
    return ConstraintMeasures(len(rows), enough, release or "", licence or "")


SUFFICIENT = 3
"""ClinGen's score of sufficient evidence that loss of one copy causes disease."""
_Values = dict[str, str | float | int | None]


def _empty(symbol: str) -> _Values:
    return {**dict.fromkeys(column.name for column in CONSTRAINT_COLUMNS), "gene": symbol}


def _metrics(path: Path) -> Iterator[tuple[str, _Values]]:
    """The metrics of each gene by the transcript that speaks for it."""
    rows = csv.DictReader(text_lines(path, error=KnowledgeError), delimiter="\t")
    header = rows.fieldnames or ()
    columns = {name: next((one for one in names if one in header), None) for name, names in _NAMES.items()}
    if missing := [names[0] for name, names in _NAMES.items() if columns[name] is None]:
        raise KnowledgeError(
            f"the header has no column {', '.join(missing)}",
            file=path,
            place="line 1",
            remedy="give gnomAD's table of constraint metrics, v2.1.1 or v4",
        )
    best: dict[str, tuple[int, _Values]] = {}
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise KnowledgeError(
                "the row has another number of columns than the header",
                file=path,
                place=f"line {number:,}",
                remedy=COPY_AGAIN,
            )
        symbol = row[str(columns["gene"])]
        rank = next((at for at, name in enumerate(_PREFERRED) if row.get(name) == "true"), len(_PREFERRED))
        if symbol in ("", "NA") or (symbol in best and best[symbol][0] <= rank):
            continue
        numbers = {name: _number(row[str(columns[name])], path, number) for name in ("loeuf", "missense_z")}
        best[symbol] = rank, _empty(symbol) | {"transcript": row[str(columns["transcript"])]} | numbers
    for symbol, (_, values) in best.items():
        yield symbol, values


def _scores(path: Path) -> Iterator[tuple[str, int]]:
    """ClinGen's score of each gene that has one; the lines before the header begin with ``#``, too."""
    lines = itertools.dropwhile(lambda line: not line.startswith(_GENE_SYMBOL), text_lines(path, error=KnowledgeError))
    rows = csv.DictReader(lines, delimiter="\t")
    if _SCORE not in (rows.fieldnames or ()):
        raise KnowledgeError(
            f"the file has no header with {_GENE_SYMBOL} and {_SCORE}",
            file=path,
            remedy="give ClinGen's ClinGen_gene_curation_list of the reference's build",
        )
    for row in rows:
        if (row[_SCORE] or "").isdigit():
            yield row[_GENE_SYMBOL], int(row[_SCORE])


def _number(text: str, path: Path, line: int) -> float | None:
    try:
        return None if text in ("", "NA", "NaN") else float(text)
    except ValueError:
        raise KnowledgeError(f"{text!r} is no number", file=path, place=f"line {line:,}", remedy=COPY_AGAIN) from None


def haploinsufficient_genes(table: Path) -> frozenset[str] | None:
    """Genes with sufficient evidence that loss of one copy causes disease; absent where no dosage was declared."""
    import duckdb

    with duckdb.connect() as db:
        rows = db.execute(
            "SELECT gene, haploinsufficiency FROM read_parquet(?) WHERE haploinsufficiency IS NOT NULL",
            [as_pattern(table)],
        ).fetchall()
    return frozenset(gene for gene, score in rows if score == SUFFICIENT) if rows else None


def read_constraint(table: Path, genes: Collection[str]) -> dict[str, GeneConstraint]:
    """What is known of some genes, by symbol."""
    import duckdb
    import pyarrow.parquet as pq

    with pq.ParquetFile(table) as file:
        release = (file.metadata.metadata or {}).get(b"release", b"").decode()
    with duckdb.connect() as db:
        rows = db.execute(
            "SELECT gene, loeuf, missense_z, haploinsufficiency FROM read_parquet(?) WHERE list_contains(?, gene)",
            [as_pattern(table), sorted(genes)],
        ).fetchall()
    return {gene: GeneConstraint(loeuf, z, score, release) for gene, loeuf, z, score in rows}
