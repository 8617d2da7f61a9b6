"""The cohort tables that dbt makes and the platform publishes: what each is, and which tests judge it.

The SQL is in ``dbt_project/``. What dbt is told of tables and columns in YAML is written from here
(:mod:`engine.cohort.dbt_yaml`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from dbt_project import FOLDER
from engine.cohort.columns import (
    ACTIONABLE_FINDING_COLUMNS,
    FREQUENCY_COLUMNS,
    GENE_BURDEN_COLUMNS,
    GENE_CARRIER_COLUMNS,
    MODEL_CALL_COLUMNS,
    QUALITY_COLUMNS,
    SAMPLE_COLUMNS,
    SAMPLE_STRATUM_COLUMNS,
    STRATUM_FREQUENCY_COLUMNS,
    TURNAROUND_COLUMNS,
)
from engine.cohort.disclosure import MINIMUM_CELL
from engine.tables import Column


@dataclass(frozen=True)
class Model:
    """One cohort table.

    Attributes:
        name: of the table.
        description: one sentence.
        columns: in order.
    """

    name: str
    description: str
    columns: tuple[Column, ...]

    @cached_property
    def tests(self) -> tuple[str, ...]:
        """Names of the tests that judge it: those of its columns, then those that are SQL files."""
        of_columns = (f"{test}_{column.name}" for column in self.columns for test in tests_of(column))
        return (*of_columns, *(name for name, sql in _written_tests().items() if f"ref('{self.name}')" in sql))


def tests_of(column: Column) -> Iterator[str]:
    """The tests, as dbt names them, of what a column promises; bounds are left to Great Expectations."""
    if column.required:
        yield "not_null"
    if column.unique:
        yield "unique"
    if column.values:
        yield "accepted_values"
    if column.refers_to:
        yield "relationships"


_MODELS = (
    Model("dim_sample", "The samples of the cohort, pseudonymous; one row a sample.", SAMPLE_COLUMNS),
    Model(
        "sample_stratum",
        "What each sample belongs to beside its sex: phenotypes, purposes consented to, ancestry; one row a sample and"
        " stratum.",
        SAMPLE_STRATUM_COLUMNS,
    ),
    Model("fct_call", "Alleles carried and called with confidence; one row a sample and allele.", MODEL_CALL_COLUMNS),
    Model(
        "cohort_allele_frequency",
        "How common each allele is among the samples that were called at its site.",
        FREQUENCY_COLUMNS,
    ),
    Model(
        "allele_frequency_by_stratum",
        "How common each allele is among the samples of one sex, phenotype, ancestry or consent; of all but sex only"
        f" strata that have at least {MINIMUM_CELL} samples.",
        STRATUM_FREQUENCY_COLUMNS,
    ),
    Model("sample_qc", "The main quality measures of each sample; one row a sample.", QUALITY_COLUMNS),
    Model(
        "gene_burden",
        "How many samples carry rare alleles that hit each gene: below 1% in the cohort, or seen once; counts as they"
        " may leave, genes with too few left out as if nobody carried any.",
        GENE_BURDEN_COLUMNS,
    ),
    Model(
        "gene_carriers",
        "How many samples carry alleles of each gene that ClinVar tells as causing disease; counts as they may leave,"
        " genes with too few left out as if nobody carried any.",
        GENE_CARRIER_COLUMNS,
    ),
    Model(
        "actionable_findings",
        "Of how many people statements tell a finding, by gene, category and class, those that nobody has judged left"
        " out; counts as they may leave, rows with too few left out as if there were none.",
        ACTIONABLE_FINDING_COLUMNS,
    ),
    Model(
        "turnaround",
        "How long cases take by the month in which they came; exact, since it tells nothing of anybody.",
        TURNAROUND_COLUMNS,
    ),
)


def cohort_models() -> tuple[Model, ...]:
    """The published tables, each after those it is made from; known without dbt: the code location loads quickly."""
    return _MODELS


@cache
def _written_tests() -> dict[str, str]:
    return {path.stem: path.read_text() for path in sorted((FOLDER / "tests").glob("*.sql"))}
