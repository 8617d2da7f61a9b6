"""A statement as a file: canonical JSON, so that the same statement has the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.classify.columns import CONDITION, FINDING_COLUMNS
from engine.classify.further import Further, further_of
from engine.errors import ReportError
from engine.person import Person, Sex
from engine.receipt import ArtifactFile, Receipt, Recipe, canonical_json
from engine.reference.panels import Panel
from engine.report.case import CaseFacts, Gene, Laboratory, Regions
from engine.report.drug_response import drug_response_of
from engine.report.lineage import Lineage
from engine.report.next_steps import NextStep
from engine.report.pileup import Pileup, ShownRead
from engine.report.risk import StatedRisk
from engine.report.statement import Outcome, StatedFinding, StatedPhase, Statement

SUFFIX = ".statement.json"
PILEUPS_SUFFIX = ".pileups.json"
_ABSENT = dict.fromkeys(column.name for column in FINDING_COLUMNS)
_ABSENT_OF_A_CONDITION = dict.fromkeys(re.findall(r"(\w+) VARCHAR", CONDITION))
_PLAIN = ("build", "methods", "made", "digest")
_SENTENCES = ("conclusion", "limits", "failed_checks", "compared", "awaited")


def write_statement(statement: Statement, path: Path) -> None:
    """Write it."""
    path.write_text(canonical_json(asdict(statement), indent=1) + "\n")


def read_statement(path: Path) -> Statement:
    """What :func:`write_statement` wrote.

    Raises:
        ReportError: the file is missing or is no statement.
    """
    told = _read(path)
    try:
        return Statement(
            case=_case(told["case"]),
            findings=tuple(_finding(one) for one in told["findings"]),
            phases=tuple(StatedPhase(**one) for one in told["phases"]),
            lineage=_lineage(told["lineage"]),
            outcome=Outcome(told["outcome"]),
            signs=told.get("signs", {}),
            risks=tuple(StatedRisk(**one) for one in told.get("risks", ())),
            drug_response=drug_response_of(told["drug_response"]) if told.get("drug_response") else None,
            further=further_of(told["further"]) if told.get("further") else Further(),
            next_steps=tuple(NextStep(**one | {"reasons": tuple(one["reasons"])}) for one in told["next_steps"]),
            **_plain(told),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _no_statement(path, error) from error


def _finding(told: Mapping[str, Any]) -> StatedFinding:
    """A statement that an earlier release wrote lacks what was not told then: it is absent."""
    sentences = {name: tuple(told.get(name, ())) for name in ("notes", "evidence")}
    conditions = [_ABSENT_OF_A_CONDITION | one for one in told["row"]["conditions"]]
    return StatedFinding(**{**told, **sentences, "row": _ABSENT | told["row"] | {"conditions": conditions}})


def write_pileups(shown: tuple[Pileup, ...], path: Path) -> None:
    """Write the reads at the findings' places."""
    path.write_text(canonical_json([asdict(one) for one in shown]) + "\n")


def read_pileups(path: Path) -> tuple[Pileup, ...]:
    """What :func:`write_pileups` wrote; errors as of :func:`read_statement`."""
    told = _read(path)
    try:
        return tuple(_pileup(one) for one in told)
    except (KeyError, TypeError) as error:
        raise _no_statement(path, error) from error


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise _no_statement(path, error) from error


def _no_statement(path: Path, error: Exception) -> ReportError:
    return ReportError(
        f"the statement cannot be read: {error}", file=path, remedy="materialize statement again with recompute"
    )


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in _PLAIN} | {name: tuple(told[name]) for name in _SENTENCES}


def _case(told: Mapping[str, Any]) -> CaseFacts:
    regions, genes = told["regions"], ("studied", "uncalled")
    named: dict[str, Any] = {name: tuple(Gene(**gene) for gene in regions[name]) for name in genes}
    named |= {name: tuple(regions[name]) for name in ("beyond", "unknown", "uncalled_exons")}
    return CaseFacts(
        sample=told["sample"],
        person=_person(told["person"]),
        regions=Regions(**regions | named),
        overridden_checks=tuple(told["overridden_checks"]),
        laboratory=Laboratory(**told["laboratory"]),
        collected=told["collected"],
        panel=Panel(**told["panel"] | {"genes": tuple(told["panel"]["genes"])}) if told["panel"] else None,
        written=told["written"],
    )


def _person(told: Mapping[str, Any]) -> Person:
    lists = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
    return Person(**{**told, **lists, "sex": Sex(told["sex"])})


def _lineage(told: Mapping[str, Any]) -> Lineage:
    return Lineage(told["reads"], tuple(_receipt(one) for one in told["receipts"]), told["location"])


def _receipt(told: Mapping[str, Any]) -> Receipt:
    files = tuple(ArtifactFile(**file) for file in told["files"])
    return Receipt(**{**told, "files": files, "recipe": Recipe(**told["recipe"])})


def _pileup(told: Mapping[str, Any]) -> Pileup:
    reads = tuple(
        ShownRead(**{**one, "insertions": tuple((column, bases) for column, bases in one["insertions"])})
        for one in told["reads"]
    )
    first, last = told["allele"]
    return Pileup(**{**told, "reads": reads, "depth": tuple(told["depth"]), "allele": (first, last)})
