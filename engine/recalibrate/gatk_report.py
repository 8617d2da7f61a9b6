"""GATK's recalibration report: the table as text that GATK reads and writes, byte for byte.

Source: the format ``GATKReport.v1.1`` and the five tables that ``BaseRecalibrator`` of GATK 4.6 writes in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import KnowledgeError
from engine.files.text import read_text
from engine.recalibrate.quantization import quantise
from engine.recalibrate.table import CONTEXTS, QUALITIES, RecalibrationTable, empirical_quality

_ARGUMENTS = {
    "binary_tag_name": "null",
    "covariate": "ReadGroupCovariate,QualityScoreCovariate,ContextCovariate,CycleCovariate",
    "default_platform": "null",
    "deletions_default_quality": "45",
    "force_platform": "null",
    "indels_context_size": "3",
    "insertions_default_quality": "45",
    "low_quality_tail": "2",
    "maximum_cycle_value": "500",
    "mismatches_context_size": "2",
    "mismatches_default_quality": "-1",
    "no_standard_covs": "false",
    "quantizing_levels": "16",
    "recalibration_report": "null",
    "run_without_dbsnp": "false",
    "solid_nocall_strategy": "THROW_EXCEPTION",
    "solid_recal_mode": "SET_Q_ZERO",
}
_OF_GROUP = ("ReadGroup", "EventType", "EmpiricalQuality", "EstimatedQReported", "Observations", "Errors")
_OF_QUALITY = ("ReadGroup", "QualityScore", "EventType", "EmpiricalQuality", "Observations", "Errors")
_OF_COVARIATE = (
    "ReadGroup",
    "QualityScore",
    "CovariateValue",
    "CovariateName",
    "EventType",
    "EmpiricalQuality",
    "Observations",
    "Errors",
)
_MISMATCH = "M"


def write_report(table: RecalibrationTable, path: Path) -> None:
    """Write the report as GATK's ``BaseRecalibrator`` does."""
    arguments = _ARGUMENTS | {"maximum_cycle_value": str(table.maximum_cycle)}
    groups = range(len(table.read_groups))
    by_group = table.by_quality.sum(axis=1)
    of_group = empirical_quality(by_group[:, 0], by_group[:, 1], table.reported_quality)
    group_rows = [
        (
            table.read_groups[g],
            _MISMATCH,
            f"{of_group[g]:.4f}",
            f"{table.reported_quality[g]:.4f}",
            str(by_group[g, 0]),
            f"{by_group[g, 1]:.2f}",
        )
        for g in groups
    ]
    quality_rows = _rows(table.by_quality[:, :, np.newaxis], table.read_groups, [""])
    levels = [
        sum(int(row[4]) for row in quality_rows if round(float(row[3])) == quality) for quality in range(QUALITIES)
    ]
    quantised = [
        (str(q), str(bases), str(level)) for q, (bases, level) in enumerate(zip(levels, quantise(levels), strict=True))
    ]
    text = [
        "#:GATKReport.v1.1:5\n",
        _table("Arguments:Recalibration argument collection values used in this run", ("Argument", "Value"),
               list(arguments.items()), ("%s", "%s")),
        _table("Quantized:Quality quantization map", ("QualityScore", "Count", "QuantizedScore"), quantised,
               ("%d", "%d", "%d")),
        _table("RecalTable0:", _OF_GROUP, group_rows, ("%s", "%s", "%.4f", "%.4f", "%d", "%.2f")),
        _table("RecalTable1:", _OF_QUALITY, quality_rows, ("%s", "%d", "%s", "%.4f", "%d", "%.2f")),
        _table("RecalTable2:", _OF_COVARIATE, _covariate_rows(table),
               ("%s", "%d", "%s", "%s", "%s", "%.4f", "%d", "%.2f")),
    ]  # fmt: skip
    path.write_text("".join(text))


def _covariate_rows(table: RecalibrationTable) -> list[tuple[str, ...]]:
    cycles = [str(cycle) for cycle in range(-table.maximum_cycle, table.maximum_cycle + 1)]
    rows = []
    for name, counts, values in (("Context", table.by_context, CONTEXTS), ("Cycle", table.by_cycle, cycles)):
        for group, quality, value, *rest in _rows(counts, table.read_groups, values):
            rows.append((group, quality, value, name, *rest))
    return sorted(rows, key=lambda row: (row[0], int(row[1]), row[2], row[3]))


def _rows(counts: NDArray[np.int64], groups: Sequence[str], values: Sequence[str]) -> list[tuple[str, ...]]:
    """One row for every read group, quality and value with bases; the empirical quality's prior is the reported one."""
    seen = np.argwhere(counts[..., 0] > 0)
    bases, errors = counts[tuple(seen.T)].T
    empirical = empirical_quality(bases, errors, seen[:, 1].astype(np.float64))
    rows = []
    for (group, quality, value), found, n, k in zip(seen.tolist(), empirical, bases, errors, strict=True):
        named = (values[value],) if values[value] else ()
        rows.append((groups[group], str(quality), *named, _MISMATCH, f"{found:.4f}", str(n), f"{k:.2f}"))
    return rows


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], formats: Sequence[str]) -> str:
    """One table: two header lines, column names, then rows padded to the longest cell, numbers to the right."""
    widths = [max(len(name), *(len(row[i]) for row in rows)) for i, name in enumerate(columns)]
    lines = [f"#:GATKTable:{len(columns)}:{len(rows)}:{':'.join(formats)}:;", f"#:GATKTable:{title}"]
    lines.append("  ".join(name.ljust(width) for name, width in zip(columns, widths, strict=True)))
    for row in rows:
        cells = [
            cell.ljust(width) if form == "%s" else cell.rjust(width)
            for cell, width, form in zip(row, widths, formats, strict=True)
        ]
        lines.append("  ".join(cells))
    return "\n".join(lines) + "\n\n"


def read_report(path: Path) -> RecalibrationTable:
    """Read a report, of GATK or of :func:`write_report`.

    Raises:
        KnowledgeError: the file is no recalibration report, or counts something this table has no place for.
    """
    try:
        tables = _parse(read_text(path))
        arguments = dict(zip(*_columns(tables["Arguments"], "Argument", "Value"), strict=True))
        groups = tuple(sorted(_columns(tables["RecalTable0"], "ReadGroup")[0]))
        table = _filled(tables, groups, int(arguments["maximum_cycle_value"]))
        _require_equal_sums(table, _columns(tables["RecalTable0"], "ReadGroup", "EventType", "Observations"))
        return table
    except (KeyError, ValueError, IndexError) as error:
        raise KnowledgeError(
            f"this is no recalibration report that can be used ({error})",
            file=path,
            remedy="give the report that BaseRecalibrator or genomics-engine recalibrate wrote",
        ) from error


def _parse(text: str) -> dict[str, list[list[str]]]:
    """Rows of each table by its name, the line of column names first."""
    if not text.startswith("#:GATKReport.v1"):
        raise ValueError("it does not begin with #:GATKReport.v1")
    tables: dict[str, list[list[str]]] = {}
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#:GATKReport")]
        if len(lines) >= 3:
            name = lines[1].split(":")[2]
            tables[name] = [line.split() for line in lines[2:]]
            rows = int(lines[0].split(":")[3])
            if len(tables[name]) != rows + 1:
                raise ValueError(f"{name} has {len(tables[name]) - 1} rows of {rows}")
    return tables


def _columns(table: list[list[str]], *names: str) -> list[list[str]]:
    header, rows = table[0], table[1:]
    return [[row[header.index(name)] for row in rows] for name in names]


def _filled(tables: dict[str, list[list[str]]], groups: tuple[str, ...], maximum_cycle: int) -> RecalibrationTable:
    by_quality = np.zeros((len(groups), QUALITIES, 2), dtype=np.int64)
    by_context = np.zeros((len(groups), QUALITIES, len(CONTEXTS), 2), dtype=np.int64)
    by_cycle = np.zeros((len(groups), QUALITIES, 2 * maximum_cycle + 1, 2), dtype=np.int64)
    for group, quality, event, bases, errors in zip(
        *_columns(tables["RecalTable1"], "ReadGroup", "QualityScore", "EventType", "Observations", "Errors"),
        strict=True,
    ):
        if event == _MISMATCH:
            by_quality[groups.index(group), int(quality)] = int(bases), _whole(errors)
    for group, quality, value, name, event, bases, errors in zip(
        *_columns(
            tables["RecalTable2"],
            *("ReadGroup", "QualityScore", "CovariateValue", "CovariateName", "EventType", "Observations", "Errors"),
        ),
        strict=True,
    ):
        if event != _MISMATCH:
            continue
        row = groups.index(group), int(quality)
        counts = int(bases), _whole(errors)
        if name == "Context":
            by_context[(*row, CONTEXTS.index(value))] = counts
        elif name == "Cycle":
            by_cycle[(*row, _cycle_column(value, maximum_cycle))] = counts
        else:
            raise ValueError(f"covariate {name}")
    return RecalibrationTable(groups, by_cycle, by_context, by_quality)


def _require_equal_sums(table: RecalibrationTable, of_groups: list[list[str]]) -> None:
    """The tables count the same bases: every base has a quality and a cycle, and some have a context."""
    bases = table.by_quality[..., 0]
    by_cycle, by_context = (counts[..., 0].sum(axis=2) for counts in (table.by_cycle, table.by_context))
    if not (np.array_equal(by_cycle, bases) and (by_context <= bases).all()):
        raise ValueError("RecalTable1 and RecalTable2 count different bases")
    for group, event, observations in zip(*of_groups, strict=True):
        if event == _MISMATCH and int(observations) != bases[table.read_groups.index(group)].sum():
            raise ValueError(f"RecalTable0 and RecalTable1 count different bases of read group {group}")


def _cycle_column(value: str, maximum_cycle: int) -> int:
    if not re.fullmatch(r"-?\d+", value) or not 0 < abs(int(value)) <= maximum_cycle:
        raise ValueError(f"cycle {value}")
    return int(value) + maximum_cycle


def _whole(errors: str) -> int:
    """Errors are whole numbers unless base alignment qualities were on, and GATK rounds them then."""
    return int(float(errors) + 0.5)
