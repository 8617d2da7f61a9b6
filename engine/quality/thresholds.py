"""The threshold table: which measure of which asset must lie where, and whether a breach stops the sample.

The table itself is ``thresholds.yaml`` beside this file; a laboratory puts its own values for named thresholds into a
file of its own (see :func:`load_thresholds`). Nothing here evaluates anything.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from engine.errors import GenomicsError
from engine.files.strict_yaml import load_yaml
from engine.receipt import canonical_json

Severity = Literal["block", "warn"]
DEFAULT_TABLE = Path(__file__).with_name("thresholds.yaml")
CHANGEABLE = ("minimum", "maximum", "severity")


class ThresholdError(GenomicsError):
    """The threshold table, or a laboratory's changes to it, cannot be used."""


@dataclass(frozen=True)
class Threshold:
    """One row of the table.

    Attributes:
        asset: whose measure it judges.
        name: the check's name, unique within the asset.
        measure: name of the measure in the asset's receipt.
        minimum: smallest acceptable value, absent where there is none.
        maximum: largest acceptable value, absent where there is none.
        severity: ``block`` stops the sample, ``warn`` is shown only.
        meaning: what is judged and why a laboratory cares, one sentence.
        given: the measure that says how much evidence there is, absent where the check always applies.
        given_at_least: below this much evidence the check does not apply and passes.
    """

    asset: str
    name: str
    measure: str
    minimum: float | None
    maximum: float | None
    severity: Severity
    meaning: str
    given: str | None = None
    given_at_least: float = 0.0

    @property
    def expectation(self) -> str:
        """The bound in words, as shown to people.

        >>> Threshold("a", "n", "m", 0.5, None, "warn", "").expectation
        'm >= 0.5'
        """
        if self.minimum is not None and self.minimum == self.maximum:
            return f"{self.measure} = {self.minimum:g}"
        low = "" if self.minimum is None else f"{self.minimum:g} <= "
        high = "" if self.maximum is None else f" <= {self.maximum:g}"
        if not high:
            return f"{self.measure} >= {self.minimum:g}"
        return f"{low}{self.measure}{high}"


@dataclass(frozen=True)
class ThresholdTable:
    """All thresholds, in the order of the stages."""

    thresholds: tuple[Threshold, ...]

    def of(self, asset: str) -> tuple[Threshold, ...]:
        """The thresholds of one asset."""
        return tuple(threshold for threshold in self.thresholds if threshold.asset == asset)

    @property
    def assets(self) -> tuple[str, ...]:
        """Assets that have a gate, in order."""
        return tuple(dict.fromkeys(threshold.asset for threshold in self.thresholds))

    @cached_property
    def version(self) -> str:
        """Digest of the whole table, as recorded with overrides and in receipts."""
        rows = [threshold.__dict__ for threshold in self.thresholds]
        return hashlib.sha256(canonical_json(rows).encode()).hexdigest()[:12]


def load_thresholds(laboratory: Path | None = None) -> ThresholdTable:
    """The table, with a laboratory's changes where a file is given.

    Args:
        laboratory: YAML of ``asset: {check name: {minimum, maximum, severity}}``; only thresholds that exist can be
            changed, so that a misspelt name cannot silently leave a gate as it was.

    Raises:
        ThresholdError: the file is not of that form or names what does not exist.
    """
    table = dict(_default_table())
    if laboratory is not None:
        for (asset, name), changes in _laboratory_changes(laboratory).items():
            if (asset, name) not in table or not set(changes) <= set(CHANGEABLE):
                raise ThresholdError(
                    f"{asset}.{name} with {', '.join(map(str, changes))} is not a threshold that can be changed",
                    file=laboratory,
                    remedy=f"use the names in docs/thresholds.md and only {', '.join(CHANGEABLE)}",
                )
            table[asset, name] = _checked(replace(table[asset, name], **changes), laboratory)
    return ThresholdTable(tuple(table.values()))


@cache
def _default_table() -> Mapping[tuple[str, str], Threshold]:
    rows = load_yaml(DEFAULT_TABLE.read_text())
    return {
        (asset, name): _threshold(asset, name, fields)
        for asset, checks in rows.items()
        for name, fields in checks.items()
    }


def _threshold(asset: str, name: str, fields: Mapping[str, Any]) -> Threshold:
    return _checked(
        Threshold(
            asset=asset,
            name=name,
            measure=fields.get("measure", name),
            minimum=fields.get("minimum"),
            maximum=fields.get("maximum"),
            severity=fields["severity"],
            meaning=fields["meaning"],
            given=fields.get("given"),
            given_at_least=fields.get("given_at_least", 0.0),
        ),
        DEFAULT_TABLE,
    )


def _checked(threshold: Threshold, file: Path) -> Threshold:
    bounds = (threshold.minimum, threshold.maximum)
    numbers = [bound for bound in bounds if isinstance(bound, int | float) and not isinstance(bound, bool)]
    numbers = [bound for bound in numbers if math.isfinite(bound)]
    sane = len(numbers) == sum(bound is not None for bound in bounds) > 0 and numbers == sorted(numbers)
    if not sane or threshold.severity not in ("block", "warn"):
        raise ThresholdError(
            f"{threshold.asset}.{threshold.name} has bounds {bounds} and severity {threshold.severity!r}",
            file=file,
            remedy="give a number for minimum, maximum or both, minimum first, and severity block or warn",
        )
    return threshold


def _laboratory_changes(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    try:
        rows = load_yaml(path.read_text()) or {}
        return {
            (asset, name): _mapping(fields)
            for asset, checks in _mapping(rows).items()
            for name, fields in _mapping(checks).items()
        }
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise ThresholdError(
            f"the laboratory's thresholds cannot be read: {error}",
            file=path,
            remedy="write YAML of the form  asset: {check: {minimum: 20}}",
        ) from error


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{str(value)[:40]!r} stands where names with values are asked for")
    return value


def as_markdown(table: ThresholdTable) -> str:
    """The table as a page of documentation (``docs/thresholds.md`` is this, written by running this module)."""
    lines = [
        "# Quality thresholds",
        "",
        "Each row is a check of the asset, shown in the web UI and judged again by the gate before every later use.",
        "**block** stops the sample until it is mended or a person overrides the check; warn is shown only.",
        "A laboratory sets its own values in a YAML file named by `GENOMICS_THRESHOLDS`:",
        "",
        "```yaml",
        "aligned_reads:",
        "  mean_coverage: {minimum: 30}",
        "raw_reads:",
        "  adapter_fraction: {severity: block}",
        "```",
        "",
    ]
    for asset in table.assets:
        lines += [
            f"## {asset}",
            "",
            "| check | expected | severity | applies when | meaning |",
            "|---|---|---|---|---|",
        ]
        for row in table.of(asset):
            severity = "**block**" if row.severity == "block" else "warn"
            applies = f"`{row.given}` >= {row.given_at_least:g}" if row.given else "always"
            lines.append(f"| `{row.name}` | `{row.expectation}` | {severity} | {applies} | {row.meaning} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_markdown(load_thresholds()), end="")
