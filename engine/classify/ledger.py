"""Each classification as a GA4GH VA-Spec statement: a ledger of evidence that can be replayed and compared.

VA-Spec 1.0 (va-spec.ga4gh.org), profile ACMG 2015: a statement puts forth that an allele causes a condition, gives its
class, direction and strength, and holds one line of evidence for each criterion that is met, with what was found, where
and in which version. :func:`replayed` adds the lines up again: what a ledger says follows from its own evidence, and
whoever has two ledgers can compare them line by line. A person's decision is a second statement with its author.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.acmg.combination import POINTS, VariantClass, combine
from engine.acmg.criteria import Criterion, Strength, own_strength, parse_criteria
from engine.errors import ClassificationError, VariantFileError

SUFFIX = ".evidence.json"
Ledger = list[dict[str, Any]]
_ACMG = "ACMG Guidelines, 2015"
_STRENGTHS = {
    Strength.STAND_ALONE: "standalone",
    Strength.VERY_STRONG: "very strong",
    Strength.STRONG: "strong",
    Strength.MODERATE: "moderate",
    Strength.SUPPORTING: "supporting",
}
_LETTERS = {word: strength for strength, word in _STRENGTHS.items()}
_STANDS: Mapping[VariantClass, tuple[str, str | None]] = {
    VariantClass.PATHOGENIC: ("supports", "definitive"),
    VariantClass.LIKELY_PATHOGENIC: ("supports", "likely"),
    VariantClass.UNCERTAIN: ("neutral", None),
    VariantClass.LIKELY_BENIGN: ("disputes", "likely"),
    VariantClass.BENIGN: ("disputes", "definitive"),
}
"""Direction and strength of a statement by its class."""
_METHOD = {
    "type": "Method",
    "name": _ACMG,
    "methodType": "guideline",
    "reportedIn": {"type": "Document", "pmid": "25741868", "doi": "10.1038/gim.2015.30"},
}


def statements(findings: Iterable[Mapping[str, Any]]) -> Ledger:
    """The statements of findings that have a class: one by criteria, and one more where a person decided.

    Args:
        findings: rows of the findings table.
    """
    told: Ledger = []
    for row in findings:
        if row["acmg_class"]:
            told.append(_by_criteria(row))
        if row["decided_class"]:
            told.append(_by_a_person(row))
    return told


def replayed(statement: Mapping[str, Any]) -> str:
    """The class that a statement's own lines of evidence add up to by points.

    Raises:
        ClassificationError: a line names no criterion or no strength.
    """
    return str(combine(criteria_of(statement)).by_points)


def criteria_of(statement: Mapping[str, Any]) -> tuple[Criterion, ...]:
    """The criteria of a statement's lines of evidence; errors as of :func:`replayed`."""
    return tuple(_criterion(line) for line in statement.get("hasEvidenceLines", ()))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """What another ledger's statement on the same allele says otherwise, a sentence each."""
    said = [{one.code: str(one.strength) for one in criteria_of(each)} for each in (before, after)]
    told = [each["classification"]["primaryCoding"]["code"] for each in (before, after)]
    lines = [f"{told[0]} became {told[1]}"] if told[0] != told[1] else []
    for code in sorted(said[0].keys() | said[1].keys()):
        was, now = (each.get(code) for each in said)
        if was != now:
            lines.append(f"{code} {was or 'not met'} became {now or 'not met'}")
    return tuple(lines)


def write_ledger(findings: Iterable[Mapping[str, Any]], path: Path) -> int:
    """Write the statements as JSON, one list; returns how many there are."""
    told = statements(findings)
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(told)


def read_ledger(path: Path) -> Ledger:
    """The statements of a file; VariantFileError where it is none."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VariantFileError(
            f"the ledger cannot be read: {error}", file=path, remedy="look for findings again"
        ) from None
    if not isinstance(told, list) or not all(isinstance(one, dict) and one.get("type") == "Statement" for one in told):
        raise VariantFileError("the file is no list of statements", file=path, remedy="give a file *.evidence.json")
    return told


def _by_criteria(row: Mapping[str, Any]) -> dict[str, Any]:
    lines = [_line(row, one) for one in row["acmg_criteria"]]
    told = _statement(row, _class(row["acmg_class"]), lines, "criteria")
    if row["acmg_points"] is not None:
        told["score"] = row["acmg_points"]
    agent = {"type": "Agent", "agentType": "software", "name": f"rule set {row['acmg_rule_set']}"}
    return told | {"contributions": [{"type": "Contribution", "contributor": agent, "activityType": "evaluated"}]}


def _by_a_person(row: Mapping[str, Any]) -> dict[str, Any]:
    criteria = parse_criteria(";".join(row["decided_criteria"] or ()))
    lines = [
        _line(row, {"code": one.code, "strength": str(one.strength), "sentence": row["decided_comment"] or ""})
        for one in criteria
    ]
    agent = {"type": "Agent", "agentType": "person", "name": row["decided_by"]}
    contribution = {
        "type": "Contribution", "contributor": agent, "activityType": "decided", "date": row["decided_at"]
    }  # fmt: skip
    told = _statement(row, _class(row["decided_class"]), lines, "decision")
    return told | {"contributions": [contribution], "description": row["decided_comment"]}


def _statement(
    row: Mapping[str, Any], told: VariantClass, lines: Sequence[Mapping[str, Any]], by: str
) -> dict[str, Any]:
    direction, strength = _STANDS[told]
    whole: dict[str, Any] = {
        "id": f"{row['build']}:{row['allele']}:{by}",
        "type": "Statement",
        "proposition": _proposition(row),
        "direction": direction,
        "classification": _coded(str(told).lower()),
        "specifiedBy": _METHOD,
    }
    if strength:
        whole["strength"] = _coded(strength)
    return whole | ({"hasEvidenceLines": list(lines)} if lines else {})


def _proposition(row: Mapping[str, Any]) -> dict[str, Any]:
    condition = next((one for one in row["conditions"] or () if one["mondo"]), None)
    named = (row["conditions"] or [{"name": "not provided"}])[0]["name"] if condition is None else condition["name"]
    known: dict[str, Any] = {"conceptType": "Disease", "name": named}
    if condition:
        known["primaryCoding"] = {"system": "https://www.ebi.ac.uk/ols4/ontologies/mondo", "code": condition["mondo"]}
    gene = {"geneContextQualifier": {"conceptType": "Gene", "name": row["gene"]}} if row["gene"] else {}
    return {
        "type": "VariantPathogenicityProposition",
        "predicate": "isCausalFor",
        "subjectVariant": {
            "id": f"{row['build']}:{row['allele']}",
            "type": "CategoricalVariant",
            "name": row["hgvs_c"] or row["hgvs_g"] or row["allele"],
        },
        "objectCondition": known,
        **gene,
    }


def _line(row: Mapping[str, Any], met: Mapping[str, Any]) -> dict[str, Any]:
    criterion = Criterion(met["code"], Strength(met["strength"]))
    where = " ".join(str(part) for part in (met.get("source"), met.get("version")) if part)
    line: dict[str, Any] = {
        "type": "EvidenceLine",
        "directionOfEvidenceProvided": "disputes" if criterion.is_benign else "supports",
        "strengthOfEvidenceProvided": _coded(_STRENGTHS[criterion.strength]),
        "evidenceOutcome": _coded(_outcome(criterion)),
        "specifiedBy": _METHOD | {"methodType": criterion.code},
        "description": f"{met['sentence']} [{where}]" if where else met["sentence"],
    }
    if criterion.strength in POINTS:
        line["scoreOfEvidenceProvided"] = POINTS[criterion.strength] * (-1 if criterion.is_benign else 1)
    if met.get("record"):
        line["id"] = f"{row['build']}:{row['allele']}:{criterion.code}"
        line["hasEvidenceItems"] = [f"{_name(met['source'])}:{met['record']}"]
    return line


def _name(source: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in source.lower())


def _outcome(criterion: Criterion) -> str:
    """The code, with its strength where that is not its own: ``PM2_supporting``."""
    if criterion.strength is own_strength(criterion.code):
        return criterion.code
    return f"{criterion.code}_{_STRENGTHS[criterion.strength].replace(' ', '_')}"


def _criterion(line: Mapping[str, Any]) -> Criterion:
    code = str(line.get("evidenceOutcome", {}).get("primaryCoding", {}).get("code", "")).partition("_")[0]
    word = line.get("strengthOfEvidenceProvided", {}).get("primaryCoding", {}).get("code")
    if word not in _LETTERS:
        raise ClassificationError(
            f"a line of evidence for {code or 'nothing'} has the strength {word!r}",
            remedy=f"give one of {', '.join(_LETTERS)}",
        )
    return Criterion(code, _LETTERS[word])


def _class(word: str) -> VariantClass:
    return next(one for one in VariantClass if str(one).lower().replace(" ", "_") == word)


def _coded(code: str) -> dict[str, Any]:
    return {"primaryCoding": {"system": _ACMG, "code": code}}
