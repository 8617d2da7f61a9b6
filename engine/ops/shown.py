"""What the web UI shows of an artifact beside its numbers: tables of what was found, and where its plots are to be had.

A plot is drawn when it is looked at, from the receipt that its address names (``portal/plots.py`` serves it): an
address is short, and what is short the UI shows without a click.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from engine.ops.services import Lake
from engine.receipt import Receipt
from engine.tables import Column

PLOTS = "/plots"
"""Where the web UI serves plots: ``/plots/<asset>/<data version>/<title>.svg?sample=<sample>``, ``.png`` of figures."""
FIGURE = ".png"
"""How the name of a figure among an artifact's files ends; what comes before is its title."""
MOST_ROWS = 200
"""Of findings; more are counted."""
MOST_EXONS = 20
"""Of exons, of which a genome has thousands: each row stands in Dagster's event log. More are counted; the artifact's
table has them all.
"""


@dataclass(frozen=True)
class Shown:
    """A table for people.

    Attributes:
        columns: its columns.
        rows: values by column name.
    """

    columns: Sequence[Column]
    rows: Sequence[Mapping[str, str | int | float | bool | None]]


def tables(receipt: Receipt, lake: Lake) -> dict[str, Shown]:
    """The tables shown of an artifact, by title."""
    shown = _SHOWN.get(receipt.asset)
    return shown(receipt, lake) if shown else {}


def first_rows(
    columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], *, told_in: str, most: int = MOST_ROWS
) -> Shown:
    """The first rows, and below them, in the column ``told_in``, how many more there are."""
    left_out = len(rows) - most
    if left_out <= 0:
        return Shown(columns, rows)
    told = {column.name: "" for column in columns} | {told_in: f"and {left_out:,} more"}
    return Shown(columns, [*rows[:most], told])


def plot_address(receipt: Receipt, title: str) -> str:
    """Where the plot of that title is to be had, on the server of the web UI."""
    sample = f"?sample={quote(receipt.sample)}" if receipt.sample else ""
    kind = FIGURE if title in figures(receipt) else ".svg"
    return f"{PLOTS}/{receipt.asset}/{receipt.data_version}/{quote(title, safe='')}{kind}{sample}"


def figures(receipt: Receipt) -> tuple[str, ...]:
    """Titles of the figures that the artifact holds as files."""
    return tuple(file.name.removesuffix(FIGURE) for file in receipt.files if file.name.endswith(FIGURE))


def _findings(receipt: Receipt, lake: Lake) -> dict[str, Shown]:
    from engine.report.findings_table import COLUMNS, table_rows
    from engine.report.statement import read_findings

    file = next(file.name for file in receipt.files if file.name.endswith(".findings.parquet"))
    return {"variants": first_rows(COLUMNS, table_rows(read_findings(lake.path(receipt, file))), told_in="gene")}


def _exons(receipt: Receipt, lake: Lake) -> dict[str, Shown]:
    """Those that were not seen throughout."""
    from engine.report.exon_coverage import EXON_COLUMNS, missed, read_exon_coverage

    (file,) = receipt.files
    rows = [asdict(row) for row in missed(read_exon_coverage(lake.path(receipt, file.name)))]
    return {"exons not seen throughout": first_rows(EXON_COLUMNS, rows, told_in="gene", most=MOST_EXONS)}


_SHOWN: Mapping[str, Callable[[Receipt, Lake], dict[str, Shown]]] = {"exon_coverage": _exons, "findings": _findings}
