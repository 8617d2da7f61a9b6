"""Builders of what samples contribute to the cohort: rows written by hand, as the engine would compute them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from engine.cohort.columns import TABLES, typed_table
from engine.receipt import digest_text
from resources.warehouse import Warehouse

Carried = tuple[str, int, str, str, int, int]
"""Contig, 1-based position, REF, ALT, copies of the allele, and of how many."""


def contribution(
    sample: str,
    calls: Iterable[Carried] = (),
    *,
    sex: str = "female",
    missing: Iterable[tuple[str, int, int, int]] = (),
    measures: Mapping[tuple[str, str], float] | None = None,
) -> dict[str, pa.Table]:
    """A sample's rows of every table; ``missing`` are contig, 0-based start, end and copies."""
    rows: dict[str, list[tuple[object, ...]]] = {
        "calls": [
            (sample, contig, position // 1_000_000, position, ref, alt, copies, ploidy, 60, 30, 15, 15, 99, 0, 900)
            for contig, position, ref, alt, copies, ploidy in calls
        ],
        "no_calls": [(sample, *one) for one in missing],
        "samples": [(sample, sex, None, None, None, "demo", "bcftools", "1")],
        "measures": [(sample, *name, value) for name, value in (measures or {}).items()],
    }
    return {name: typed_table(rows.get(name, ()), columns) for name, columns in TABLES.items()}


def contribute(warehouse: Warehouse, sample: str, tables: Mapping[str, pa.Table]) -> None:
    """Add them to the cohort."""
    versions = {name: digest_text(str(rows.to_pylist())) for name, rows in tables.items()}
    warehouse.contribute(tables, sample=sample, versions=versions)
