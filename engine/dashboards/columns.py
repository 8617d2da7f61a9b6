"""The tables of the snapshot. None names a person or a sample, or tells an allele that somebody carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from engine.cohort.columns import (
    CATEGORY,
    CLASSIFICATION,
    DAYS_TO_REPORT,
    DAYS_TO_SIGNATURE,
    MONTH,
    QUALITY_COLUMNS,
    RECEIVED,
    SIGNED_WORDS,
    STAGE,
    TOLD_GENE,
)
from engine.quality.cohort_report import METRICS
from engine.report.statement import Outcome
from engine.tables import Column

STAGES: Final = ("received", "held", "draft", "reviewed", "signed")
"""How far a case has come: nothing is said yet; a gate or damage holds it; then as its report's issue has it."""
BANDS: Final[Mapping[str, float]] = {
    "0 to 0.001": 0.001,
    "0.001 to 0.01": 0.01,
    "0.01 to 0.05": 0.05,
    "0.05 to 0.5": 0.5,
    "0.5 to 1": 1.0,
}
"""Frequencies by their upper ends, which belong to them; in the order of the alphabet, as dashboards sort."""
STRATA: Final[Mapping[str, float]] = {
    "1: more than 1 SD below": -1.0,
    "2: within 1 SD": 1.0,
    "3: 1 to 2 SD above": 2.0,
    "4: more than 2 SD above": float("inf"),
}
"""Where a polygenic score lies beside the mean of its population, by upper ends in standard deviations."""
UNPLACED: Final = "0: place not known"
"""Stratum of a score whose sum or distribution is not known."""

CASE_ID: Final = Column(
    "case_id", "VARCHAR", "Number of the case in this release; it is no id of anything elsewhere", required=True
)

CASE_COLUMNS: Final = (
    replace(CASE_ID, unique=True),
    replace(MONTH, meaning="Month in which the sample was first registered, 2026-11"),
    RECEIVED,
    replace(STAGE, values=STAGES),
    Column("outcome", "VARCHAR", "Result; absent while nothing is said", values=tuple(map(str, Outcome))),
    Column("panel", "VARCHAR", "Gene panel of the order; absent where it names none"),
    Column("consent", "VARCHAR", "Whether secondary findings may be told", required=True, values=("yes", "no")),
    Column("signed", "DATE", "Day of the first signature, UTC; absent while nobody signed"),
    DAYS_TO_REPORT,
    DAYS_TO_SIGNATURE,
    Column("amended", "VARCHAR", "Whether it was signed more than once", required=True, values=("yes", "no")),
)
CASE_TEAM_COLUMNS: Final = (
    replace(CASE_ID, refers_to="cases"),
    Column("team", "VARCHAR", "A team that the case belongs to", required=True),
)
FINDING_COLUMNS: Final = (
    replace(CASE_ID, refers_to="cases"),
    CATEGORY,
    TOLD_GENE,
    Column("condition", "VARCHAR", "First condition that is meant; absent where none is known"),
    Column("inheritance", "VARCHAR", "Its mode of inheritance; absent with it"),
    CLASSIFICATION,
    Column("zygosity", "VARCHAR", "As of the findings table"),
    Column("consequence", "VARCHAR", "Most severe Sequence Ontology term; absent outside genes"),
    SIGNED_WORDS,
)
_MEASURED = frozenset(metric.name for metric in METRICS)
QUALITY_TREND_COLUMNS: Final = (
    replace(CASE_ID, refers_to="cases", unique=True),
    replace(MONTH, meaning="Month in which the reads were aligned, 2026-11"),
    *(column for column in QUALITY_COLUMNS if column.name in _MEASURED),
    Column("freemix", "DOUBLE", "Share of the bases that are another person's", "fraction", minimum=0, maximum=1),
)
COHORT_FREQUENCY_COLUMNS: Final = (
    Column("band", "VARCHAR", "Frequency in the cohort, the upper end included", required=True, values=tuple(BANDS)),
    Column("variant_type", "VARCHAR", "SNV or indel", required=True, values=("SNV", "indel")),
    Column("alleles", "BIGINT", "Different alleles of that frequency", "alleles", required=True, minimum=1),
)
RISK_COLUMNS: Final = (
    replace(CASE_ID, refers_to="cases"),
    Column("score", "VARCHAR", "Id in the PGS Catalog with the trait", required=True),
    Column("stratum", "VARCHAR", "Where the sum lies", required=True, values=(UNPLACED, *STRATA)),
)
TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    "cases": CASE_COLUMNS,
    "case_teams": CASE_TEAM_COLUMNS,
    "findings": FINDING_COLUMNS,
    "quality": QUALITY_TREND_COLUMNS,
    "cohort_frequencies": COHORT_FREQUENCY_COLUMNS,
    "risk_strata": RISK_COLUMNS,
}
"""Columns of each table of the snapshot; each is one Parquet file, ``<table>.parquet``."""


def refers_to_cases(table: str) -> bool:
    """Whether a row is one case's, so that who may not see the case does not see the row."""
    return any(column.refers_to == "cases" for column in TABLES[table])
