"""Every table of the platform with its columns; ``docs/tables.md`` is what running this module prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.acmg.constraint import CONSTRAINT_COLUMNS
from engine.acmg.predictor_table import PREDICTOR_COLUMNS, SPLICE_PREDICTOR_COLUMNS
from engine.annotate.columns import (
    ANNOTATED_COLUMNS,
    CLINVAR_COLUMNS,
    COMBINED,
    CONSEQUENCE_COLUMNS,
    POPULATION,
    TRANSCRIPT_CONSEQUENCE,
)
from engine.annotate.dbsnp import DBSNP_COLUMNS
from engine.annotate.frequency_table import FREQUENCY_COLUMNS
from engine.classify.candidate_genes import CANDIDATE_GENE_COLUMNS
from engine.classify.columns import FINDING_COLUMNS
from engine.classify.unreported import UNREPORTED_COLUMNS
from engine.cohort.columns import (
    DATASET_CALL_COLUMNS,
    DATASET_FREQUENCY_COLUMNS,
    KEPT,
    STUDY_COHORT_COLUMNS,
    STUDY_MEMBER_COLUMNS,
)
from engine.cohort.models import cohort_models
from engine.dashboards.columns import TABLES as SNAPSHOT
from engine.phenotype.conditions import GENE_CONDITION_COLUMNS
from engine.report.exon_coverage import EXON_COLUMNS
from engine.tables import Column, struct_of
from resources.registry.tables import METADATA, described
from resources.work_list import COLUMNS as WORK_LIST_COLUMNS

_MEMBERS: Mapping[str, str] = {
    f"{struct_of(TRANSCRIPT_CONSEQUENCE)}[]": "a list of transcripts' consequences, below",
    f"{struct_of(POPULATION)}[]": "a list of populations, below",
    f"{struct_of(COMBINED)}[]": "a list of combined alleles, below",
}
"""Types too long for a row, in words."""


@dataclass(frozen=True)
class Described:
    """A table of the platform.

    Attributes:
        name: as its asset or file is called.
        place: where its rows are.
        columns: in order.
    """

    name: str
    place: str
    columns: Sequence[Column]


def described_tables() -> tuple[Described, ...]:
    """All of them, in the order in which they are made."""
    return (
        Described("clinvar", "knowledge `clinvar`, Parquet", CLINVAR_COLUMNS),
        Described("frequencies", "knowledge `frequencies`, Parquet", FREQUENCY_COLUMNS),
        Described("predictors", "knowledge `predictors`, Parquet", PREDICTOR_COLUMNS),
        Described("splice_predictors", "knowledge `splice_predictors`, Parquet", SPLICE_PREDICTOR_COLUMNS),
        Described("constraint", "knowledge `constraint`, Parquet", CONSTRAINT_COLUMNS),
        Described("dbsnp", "knowledge `dbsnp`, Parquet", DBSNP_COLUMNS),
        Described("gene_conditions", "knowledge `phenotypes`, Parquet", GENE_CONDITION_COLUMNS),
        Described("variant_consequences", "artifact `variant_consequences` of a sample, Parquet", CONSEQUENCE_COLUMNS),
        Described("annotated_variants", "artifact `annotated_variants` of a sample, Parquet", ANNOTATED_COLUMNS),
        Described("transcripts' consequences", "`consequences` of annotated variants", TRANSCRIPT_CONSEQUENCE),
        Described("populations", "`populations` of annotated variants", POPULATION),
        Described("combined alleles", "`compounds` and `known_parts` of annotated variants", COMBINED),
        Described("exon_coverage", "artifact `exon_coverage` of a sample, Parquet", EXON_COLUMNS),
        Described("findings", "artifact `findings` of a sample, Parquet", FINDING_COLUMNS),
        Described("unreported", "artifact `findings` of a sample, Parquet beside it", UNREPORTED_COLUMNS),
        Described("candidate_genes", "artifact `findings` of a sample, Parquet beside it", CANDIDATE_GENE_COLUMNS),
        *(Described(name, f"Delta table `cohort/{name}`", columns) for name, columns in KEPT.items()),
        *(Described(one.name, f"cohort table. {one.description}", one.columns) for one in cohort_models()),
        Described("study_members", "Delta table `cohort/study_members`", STUDY_MEMBER_COLUMNS),
        Described("study_cohorts", "asset `study_cohorts`, Parquet", STUDY_COHORT_COLUMNS),
        Described("dataset frequencies", "artifact of each imported dataset, Parquet", DATASET_FREQUENCY_COLUMNS),
        Described("dataset calls", "artifact of each imported dataset with genotypes, Parquet", DATASET_CALL_COLUMNS),
        *(
            Described(f"snapshot: {name}", f"artifact `gold_snapshot`, `{name}.parquet`", columns)
            for name, columns in SNAPSHOT.items()
        ),
        Described("work_list", "nowhere kept; `genomics samples` and the web UI show it", WORK_LIST_COLUMNS),
        *(Described(f"registry: {name}", *described(table)) for name, table in METADATA.tables.items()),
    )


def as_markdown() -> str:
    """The tables as a page of documentation."""
    lines = [
        "# Tables and their columns",
        "",
        "Each column is stated once in the code, and this page, Arrow schemas, the catalogue, dbt's YAML and the",
        "expectations that tables are judged by are made of it. Types are DuckDB's.",
        "",
    ]
    for table in described_tables():
        lines += [f"## {table.name}", "", f"{table.place[0].upper()}{table.place[1:].rstrip('.')}.", ""]
        lines += ["| column | type | unit | meaning | promises |", "|---|---|---|---|---|"]
        lines += [_row(column) for column in table.columns]
        lines.append("")
    return "\n".join(lines)


def _row(column: Column) -> str:
    kind = _MEMBERS.get(column.type, f"`{column.type}`")
    meaning = column.meaning.replace("|", "\\|")
    return f"| `{column.name}` | {kind} | {column.unit} | {meaning} | {'; '.join(_promises(column))} |"


def _promises(column: Column) -> Iterator[str]:
    if column.required:
        yield "always there"
    if column.unique:
        yield "unique"
    if column.values:
        yield f"one of {', '.join(column.values)}"
    if column.minimum is not None and column.maximum is not None:
        yield f"{column.minimum:g} to {column.maximum:g}"
    elif column.minimum is not None:
        yield f"at least {column.minimum:g}"
    elif column.maximum is not None:
        yield f"at most {column.maximum:g}"
    if column.refers_to:
        yield f"one of `{column.refers_to}`"


if __name__ == "__main__":
    print(as_markdown(), end="")
