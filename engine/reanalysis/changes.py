"""The change report: which finding of whom was told otherwise than before, from what to what, when, and why.

It is read from the versions of a sample's findings that are kept, so that it tells what was really said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Finding = Mapping[str, Any]


@dataclass(frozen=True)
class Version:
    """Findings of a sample as they were once.

    Attributes:
        made: UTC time, ISO 8601 to the second.
        findings: rows of the findings table.
        made_from: what they were made from, in words by what it is: ``clinvar``, ``calls``, ``code``, ...
    """

    made: str
    findings: Sequence[Finding]
    made_from: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """One finding that was told otherwise.

    Attributes:
        sample: sample id.
        finding: its id.
        gene: symbol, empty where it lies in none.
        allele: ``contig-position-ref-alt``.
        before: what was said, ``not reported`` where it was not there.
        after: what is said since.
        why: what had changed, in words.
        first_seen: when the finding was first told, UTC.
        changed: when it changed, UTC.
    """

    sample: str
    finding: str
    gene: str
    allele: str
    before: str
    after: str
    why: str
    first_seen: str
    changed: str


ABSENT = "not reported"
_SAID: Mapping[str, Callable[[Finding], str]] = {
    "classification": lambda row: str(
        row.get("decided_class") or row["clinvar_classification"] or "not in ClinVar"
    ).replace("_", " "),
    "decision": lambda row: f"decided by {row['decided_by']}" if row.get("decided_by") else "no decision",
    "stars": lambda row: f"{row['clinvar_stars'] or 0} stars",
    "category": lambda row: str(row["category"]).replace("_", " "),
    "zygosity": lambda row: str(row["zygosity"]),
    "phase": lambda row: f"phase {row['phase'] or 'none'}",
    "conditions": lambda row: ", ".join(sorted(one["name"] for one in row["conditions"] or [])) or "no condition",
}
"""What is said of a finding, by the word for it."""


def changes(sample: str, versions: Sequence[Version]) -> list[Change]:
    """Every change between one version of a sample's findings and the next, in the order of time.

    Args:
        sample: sample id.
        versions: oldest first.
    """
    first: dict[str, str] = {}
    found = []
    for version in versions:
        for row in version.findings:
            first.setdefault(str(row["finding_id"]), version.made)
    for before, after in pairwise(versions):
        why = _why(before.made_from, after.made_from)
        for row, was, becomes in _between(before.findings, after.findings):
            finding = str(row["finding_id"])
            found.append(
                Change(sample, finding, row["gene"] or "", row["allele"], was, becomes, why, first[finding], after.made)
            )
    return found


def _between(before: Sequence[Finding], after: Sequence[Finding]) -> Iterator[tuple[Finding, str, str]]:
    """Findings that differ, each with what was said of it and what is."""
    earlier, later = ({str(row["finding_id"]): row for row in rows} for rows in (before, after))
    for finding, row in later.items():
        if finding not in earlier:
            yield row, ABSENT, _all(row)
        elif was := [facet for facet, said in _SAID.items() if said(earlier[finding]) != said(row)]:
            told = ["; ".join(_SAID[facet](one) for facet in was) for one in (earlier[finding], row)]
            yield row, told[0], told[1]
        elif dict(earlier[finding]) != dict(row):
            yield row, "other figures", "figures"
    for finding, row in earlier.items():
        if finding not in later:
            yield row, _all(row), ABSENT


def _all(row: Finding) -> str:
    return "; ".join((_SAID["classification"](row), _SAID["stars"](row), _SAID["category"](row)))


def _why(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    told = [
        f"{what} {before.get(what, 'none')} to {after.get(what, 'none')}" if what not in _UNNAMED else f"other {what}"
        for what in sorted(before.keys() | after.keys())
        if before.get(what) != after.get(what)
    ]
    return "; ".join(told) or "nothing that is told of"


_UNNAMED = ("calls", "code", "facts of the person", "calls of the parents")
"""What has no name that a person could read."""
