"""What a report proposes to do next, by rules that anyone can read; the geneticist who signs answers for it.

>>> finding = {"finding_id": "f1", "category": "carrier", "needs_confirmation": False, "gene": "PANK2",
...            "hgvs_c": "PANK2-201:c.1C>T", "phase": None}
>>> [step.kind for step in next_steps([finding], unassessed=(), awaited=(), leaves_genes_out=False)]
['genetic_counselling', 'additional_testing']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.report.drug_response import DrugResponse
from engine.report.wording import Finding, name

Kind = Literal["confirmatory_testing", "genetic_counselling", "additional_testing", "reassessment", "medication_review"]


@dataclass(frozen=True)
class NextStep:
    """One thing to do.

    Attributes:
        kind: of action; the first three are those of LOINC's list LL1037-2.
        text: what, for whom and why, one sentence.
        reasons: finding_id of the findings, or symbols of the pharmacogenes, that it is about; empty where it is about
            none.
    """

    kind: Kind
    text: str
    reasons: tuple[str, ...] = ()


def next_steps(
    findings: Sequence[Finding],
    *,
    unassessed: Sequence[str],
    awaited: Sequence[str],
    leaves_genes_out: bool,
    drugs: DrugResponse | None = None,
) -> tuple[NextStep, ...]:
    """The steps, what makes a finding certain first.

    Args:
        findings: of the person.
        unassessed: genes that were asked about and not called throughout.
        awaited: parents named on the sheet whose samples were not compared yet.
        leaves_genes_out: whether genes were left out because nobody said what is asked about.
        drugs: what is said of drugs, absent where nobody asked for it.
    """
    steps = [
        *_confirmation(findings),
        *_counselling(findings),
        *_phase(findings),
        *_carriers(findings),
        *_candidates(findings),
        *_uncertain(findings),
        *_gaps(unassessed, leaves_genes_out),
        *(_drugs(drugs) if drugs else ()),
    ]
    if awaited:
        steps.append(_await(awaited))
    if not any(finding["category"] in _TELLING for finding in findings):
        steps.append(_beyond())
    return tuple(steps)


_TELLING = ("primary", "compound_heterozygote", "secondary")


def _about(kind: Kind, findings: Sequence[Finding], text: str) -> list[NextStep]:
    if not findings:
        return []
    named = ", ".join(f"{finding['gene'] or 'intergenic'} {name(finding)}" for finding in findings)
    return [NextStep(kind, text.format(named), tuple(finding["finding_id"] for finding in findings))]


def _confirmation(findings: Sequence[Finding]) -> list[NextStep]:
    doubtful = [finding for finding in findings if finding["needs_confirmation"]]
    return _about("confirmatory_testing", doubtful, "Confirm by an independent method before anything rests on it: {}.")


def _counselling(findings: Sequence[Finding]) -> list[NextStep]:
    telling = [finding for finding in findings if finding["category"] in _TELLING]
    text = "Offer genetic counselling; relatives at risk can be tested for what was found: {}."
    return _about("genetic_counselling", telling, text)


def _phase(findings: Sequence[Finding]) -> list[NextStep]:
    open_ = [one for one in findings if one["category"] == "compound_heterozygote" and one["phase"] == "unknown"]
    text = "Test the parents, to tell whether these variants lie on different copies of the gene: {}."
    return _about("additional_testing", open_, text)


def _carriers(findings: Sequence[Finding]) -> list[NextStep]:
    carried = [finding for finding in findings if finding["category"] == "carrier"]
    text = "Tell of the carrier state at genetic counselling; where children are planned, offer the partner a test: {}."
    return _about("genetic_counselling", carried, text)


def _uncertain(findings: Sequence[Finding]) -> list[NextStep]:
    open_ = [finding for finding in findings if finding["category"] == "uncertain"]
    text = "Base no decision on variants of uncertain significance; ask for them to be looked at again: {}."
    return _about("reassessment", open_, text)


def _candidates(findings: Sequence[Finding]) -> list[NextStep]:
    found = [finding for finding in findings if finding["category"] == "candidate"]
    text = "Judge these candidates by all the evidence at hand, signs and segregation among it: {}."
    return _about("reassessment", found, text)


def _gaps(unassessed: Sequence[str], leaves_genes_out: bool) -> list[NextStep]:
    steps = []
    if unassessed:
        text = f"Test by another method what was asked about and not called throughout: {', '.join(unassessed)}."
        steps.append(NextStep("additional_testing", text))
    if leaves_genes_out:
        text = "State the genes that are asked about, or consent to secondary findings; genes were left out."
        steps.append(NextStep("additional_testing", text))
    return steps


def _drugs(said: DrugResponse) -> list[NextStep]:
    """What to weigh before a drug is given, and what a VCF cannot tell of drugs."""
    named = list(dict.fromkeys(one.drug for one in said.advice if one.matters))
    genes = tuple(one.gene for one in said.genes if one.matters and said.for_gene(one.gene))
    steps = []
    if named:
        text = f"Before one of these drugs is given, weigh what its guideline says of this person: {_list(named)}."
        steps.append(NextStep("medication_review", text, genes))
    if open_ := [one.gene for one in said.genes if not one.is_called]:
        text = f"Where a drug depends on them, test these pharmacogenes by another method: {_list(open_)}."
        steps.append(NextStep("additional_testing", text))
    return steps


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


def _await(awaited: Sequence[str]) -> NextStep:
    whose = " and ".join(awaited)
    return NextStep("additional_testing", f"Await the comparison with the {whose}: the report is amended by it.")


def _beyond() -> NextStep:
    text = (
        "Where a genetic cause is still suspected, consider tests for what is not examined here, and a re-analysis "
        "when knowledge has grown."
    )
    return NextStep("additional_testing", text)
