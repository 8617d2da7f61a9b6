"""A contribution as files: one Parquet file for each of the cohort's tables.

Every run of a sample reads them, even where all is fresh: it loads neither what computes a contribution nor pandas.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.tables import read_rows

if TYPE_CHECKING:
    import pyarrow as pa


def write_contribution(tables: Mapping[str, pa.Table], folder: Path) -> None:
    """Write each table as ``<name>.parquet``."""
    import pyarrow.parquet as pq

    for name, rows in tables.items():
        pq.write_table(rows, folder / f"{name}.parquet", compression="zstd")


def read_contribution(folder: Path, name: str) -> pa.Table:
    """One table that :func:`write_contribution` wrote."""
    return read_rows(folder / f"{name}.parquet")
