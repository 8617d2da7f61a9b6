"""What dbt is told of the cohort's tables: their YAML, written by ``python -m engine.cohort.dbt_yaml``.

dbt reads files. So the files are made of the columns (:mod:`engine.cohort.columns`) and models, and a test compares
them with what is made of these now. Under its contract dbt refuses a model whose SQL makes other columns or types.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from dbt_project import FOLDER
from engine.cohort.columns import BESIDE, GOLD, MODELLED
from engine.cohort.models import cohort_models, tests_of
from engine.tables import Column

_HEAD = "# Written by: python -m engine.cohort.dbt_yaml. What it says is stated in engine/cohort/.\n"
_CONTRACT = "{{ (target.type == 'duckdb') | as_bool }}"
"""dbt's contract speaks of DuckDB's types; on Spark the tables are compared with DuckDB's."""
_STAGED = {
    "calls": "Alleles carried, one row a sample and allele, as contributed to the Delta table calls.",
    "no_calls": "Stretches where fewer than two copies of a sample were called, from the Delta table no_calls.",
    "samples": "Samples that contributed, from the Delta table samples. No patient identity.",
    "measures": "Quality measures of each sample's artifacts, from the Delta table measures.",
    "allele_count": "Signed changes of how often each allele was seen, from the Delta table allele_count.",
    "strata": "What each sample belongs to beside its sex, as the registry knew it when the tables were built.",
    "coverage_step": "Signed changes of how many copies were not called, from the Delta table coverage_step.",
    "gene_alleles": "Alleles that lie in genes, of the Delta table carried; each allele and gene once.",
    "annotated_samples": "Samples whose alleles are in the Delta table carried.",
    "cases": "How far each case had come when the tables were built.",
    "told_findings": "What the cases' statements told when the tables were built.",
}

STAGED = {**MODELLED, **{name: columns[:-1] for name, columns in GOLD.items()}, **BESIDE}
"""Columns of each staging model: of sums all but the tier, which counts nothing."""


def files() -> dict[Path, str]:
    """The text of each file, by its path below the dbt project."""
    staged = [_model(f"stg_{name}", _STAGED[name], columns) for name, columns in STAGED.items()]
    marts = [
        _model(model.name, model.description, model.columns, tests=True)
        | {"config": {"contract": {"enforced": _CONTRACT}}}
        for model in cohort_models()
    ]
    return {
        Path("models", "staging", "staging.yml"): _text(staged),
        Path("models", "marts", "marts.yml"): _text(marts),
    }


def write(project: Path = FOLDER) -> None:
    """Write the files into the project."""
    for path, text in files().items():
        (project / path).write_text(text)


def _text(models: Sequence[dict[str, Any]]) -> str:
    return _HEAD + yaml.safe_dump({"version": 2, "models": list(models)}, sort_keys=False, width=120)


def _model(name: str, description: str, columns: Sequence[Column], *, tests: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "columns": [_column(column, list(_tests(column)) if tests else []) for column in columns],
    }


def _column(column: Column, tests: list[Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": column.name,
        "data_type": column.type.lower(),
        "description": column.description,
    }
    if column.unit:
        told["config"] = {"meta": {"unit": column.unit}}
    if tests:
        told["data_tests"] = tests
    return told


def _tests(column: Column) -> Iterator[Any]:
    arguments = {
        "accepted_values": {"values": list(column.values)},
        "relationships": {"to": f"ref('{column.refers_to}')", "field": column.name},
    }
    for test in tests_of(column):
        yield {test: {"arguments": arguments[test]}} if test in arguments else test


if __name__ == "__main__":
    write()
