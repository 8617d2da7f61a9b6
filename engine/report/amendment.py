"""What a later report says otherwise than an earlier one, finding by finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.report.case import CaseFacts, Gene, genes_in_words
from engine.report.drug_response import differences
from engine.report.issue import Issue, SignOut, Status
from engine.report.risk import risk_differences
from engine.report.statement import StatedFinding, Statement
from engine.report.wording import Finding, kind, name, protein_change


@dataclass(frozen=True)
class Version:
    """One version of a report.

    Attributes:
        number: from 1.
        status: FHIR's report status.
        signature: absent of a version that nobody has signed yet.
        changes: what it says otherwise than the version before, in sentences; empty for the first, absent where the
            version before is not kept any more.
    """

    number: int
    status: Status
    signature: SignOut | None
    changes: tuple[str, ...] | None = ()


def versions(issue: Issue, statement: Statement, signed: Mapping[str, Statement]) -> tuple[Version, ...]:
    """Every version of a report, the present one last.

    Args:
        issue: where the present statement stands.
        statement: the present one.
        signed: earlier statements by digest, as far as they are kept.
    """
    told: list[Statement | None] = [*(signed.get(one.digest) for one in issue.earlier), statement]
    changed: list[tuple[str, ...] | None] = [()]
    for before, after in pairwise(told):
        changed.append(changes(before, after) if before and after else None)
    steps = [(one.state, one) for one in issue.earlier] + [(issue.status, issue.signature)]
    return tuple(
        Version(number, status, signature, said)
        for number, ((status, signature), said) in enumerate(zip(steps, changed, strict=True), 1)
    )


def summary(told: Sequence[Version]) -> str | None:
    """What the last version takes the place of, why, and what it says otherwise; absent for a first one."""
    if len(told) < 2:
        return None
    earlier, last = told[-2], told[-1]
    assert earlier.signature is not None
    signed = f"{earlier.status}, signed by {earlier.signature.person}, {earlier.signature.recorded}"
    reason = f" Reason: {last.signature.reason}." if last.signature and last.signature.reason else ""
    otherwise = (
        "What changed cannot be told." if last.changes is None else " ".join(last.changes) or "It says the same."
    )
    return f"Version {last.number} takes the place of version {earlier.number} ({signed}).{reason} {otherwise}"


def changes(before: Statement, after: Statement) -> tuple[str, ...]:
    """What ``after`` says otherwise, in sentences; never empty where the digests differ."""
    said = [*_of_findings(before, after), *_of_drugs_and_risks(before, after), *_of_the_case(before, after)]
    if not said and before.digest != after.digest:
        said = ["Figures of the calls or of the coverage changed, and no conclusion with them."]
    return tuple(said)


def _of_findings(before: Statement, after: Statement) -> Iterator[str]:
    earlier, later = ({one.id: one for one in said.findings} for said in (before, after))
    for finding in after.findings:
        if finding.id not in earlier:
            yield f"Added: {finding.headline}."
        elif told := _differences(earlier[finding.id], finding):
            yield f"Changed: {_named(finding.row)}: {told.rstrip('.')}."
    for finding in before.findings:
        if finding.id not in later:
            yield f"No longer reported: {finding.headline}."


def _named(row: Finding) -> str:
    return f"{row['gene'] or 'intergenic'} {name(row)} {protein_change(row)}".rstrip()


_FACETS: Mapping[str, Callable[[StatedFinding], str]] = {
    "name": lambda one: _named(one.row),
    "classification": lambda one: one.classification,
    "ClinVar's stars": lambda one: str(one.row["clinvar_stars"]),
    "reported as": lambda one: kind(one.row),
    "zygosity": lambda one: str(one.row["zygosity"]),
    "origin": lambda one: str(one.row["origin"]),
    "phase": lambda one: str(one.row["phase"] or "none"),
    "conditions": lambda one: ", ".join(condition["name"] for condition in one.row["conditions"]) or "none",
    "remarks": lambda one: " ".join(one.notes) or "none",
}
"""What is told of a finding when it changes, by the word for it."""


def _differences(before: StatedFinding, after: StatedFinding) -> str:
    facets = [(facet, said(before), said(after)) for facet, said in _FACETS.items()]
    told = [f"{facet} was {earlier}, is {later}" for facet, earlier, later in facets if earlier != later]
    if not told and dict(before.row) != dict(after.row):
        differing = sorted(column for column in after.row if after.row[column] != before.row.get(column))
        told = [f"figures ({', '.join(column.replace('_', ' ') for column in differing)})"]
    return "; ".join(told)


def _of_the_case(before: Statement, after: Statement) -> Iterator[str]:
    for what, said in _CASE.items():
        if said(before) != said(after):
            yield f"{what}: was {said(before)}, is {said(after)}."
    yield from _of_uncalled_genes(before.case, after.case)
    if arrived := [kin for kin in before.awaited if kin in after.compared]:
        yield f"The calls were compared with those of the {' and '.join(arrived)}."
    if before.lineage.reads != after.lineage.reads:
        yield "The report is about other reads: files were added, replaced or taken away."


def _of_drugs_and_risks(before: Statement, after: Statement) -> Iterator[str]:
    """Where drugs are told of at all, or not any more, the case says so."""
    if before.drug_response is not None and after.drug_response is not None:
        yield from differences(before.drug_response, after.drug_response)
    yield from risk_differences(before.risks, after.risks)


def _of_uncalled_genes(before: CaseFacts, after: CaseFacts) -> Iterator[str]:
    """Few genes are told as they were and are; of many which came and which went, those asked about first."""
    was, now = before.uncalled_listed, after.uncalled_listed
    if _symbols(was) == _symbols(now):
        return
    if before.uncalled_file is None and after.uncalled_file is None:
        yield f"Genes not fully called: was {_list(_symbols(was))}, is {_list(_symbols(now))}."
        return
    came, went = (
        genes_in_words([gene for gene in one if gene.symbol not in _symbols(other)], after.question.genes) or "none"
        for one, other in ((now, was), (was, now))
    )
    yield f"Genes not fully called: were {len(was):,}, are {len(now):,}; new: {came}; no more: {went}."


def _symbols(genes: Iterable[Gene]) -> list[str]:
    return sorted(gene.symbol for gene in genes)


def _list(values: Iterable[str]) -> str:
    return ", ".join(values) or "none"


_CASE: Mapping[str, Callable[[Statement], str]] = {
    "The result": lambda said: str(said.outcome),
    "The stated sex": lambda said: str(said.case.person.sex),
    "The order": lambda said: said.case.person.order_id or "none",
    "What was asked about": lambda said: _list((*said.case.question.genes, *filter(None, [said.case.question.panel]))),
    "The phenotype": lambda said: _list(said.case.person.phenotype),
    "Consent to secondary findings": lambda said: "given" if said.case.person.secondary_findings_consent else "absent",
    "Drug response": lambda said: "told" if said.drug_response else "not asked for",
    "What was studied": lambda said: said.case.regions.description,
    "Failed checks let through": lambda said: _list(said.case.overridden_checks),
    "The build": lambda said: said.build,
}
"""What is told of the case when it changes, by the words for it."""
