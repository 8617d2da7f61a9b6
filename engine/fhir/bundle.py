"""Building a sample's FHIR bundle: one transaction that a server may apply any number of times.

It renders a statement (:mod:`engine.report.statement`) and computes nothing. Order of the entries is fixed and every
id derives from the content, so the same findings give the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.fhir.actions import add_actions
from engine.fhir.actors import add_actors
from engine.fhir.check import check_bundle, require_conformant
from engine.fhir.codes import JsonObject
from engine.fhir.diagnostic_report import add_report
from engine.fhir.drug_response import add_drug_response
from engine.fhir.further import add_further
from engine.fhir.observations import Observations
from engine.fhir.provenance import add_devices, add_files, add_provenance
from engine.fhir.report_document import Document, add_document, attachment
from engine.fhir.resources import Entries
from engine.fhir.risk import add_risks
from engine.fhir.study import add_study
from engine.person import Identity
from engine.receipt import canonical_json
from engine.report.amendment import Version, summary
from engine.report.issue import Issue
from engine.report.statement import Statement


@dataclass(frozen=True)
class BundleSummary:
    """What was measured of a written bundle.

    Attributes:
        resources: entries.
        findings: Variant Observations.
        references: references between the resources.
        unresolved_references: of them those that lead to no resource of the bundle.
        parse_errors: resources that the FHIR R4 models refuse.
        duplicate_ids: entries whose id another has.
        unstable_ids: resources whose id changes when the bundle is built again.
        resource_types: types of the resources, in alphabetical order.
        resource_counts: resources of each type.
        problems: what is wrong, in words; empty in a good bundle.
    """

    resources: int
    findings: int
    references: int
    unresolved_references: int
    parse_errors: int
    duplicate_ids: int
    unstable_ids: int
    resource_types: list[str]
    resource_counts: list[int]
    problems: list[str]


def build_bundle(
    statement: Statement,
    issue: Issue | None = None,
    identity: Identity | None = None,
    versions: Sequence[Version] = (),
    document: Document | None = None,
) -> JsonObject:
    """The bundle of a sample.

    Args:
        statement: what is said.
        issue: how far it has come towards its signature; a draft where absent.
        identity: who the person is, absent in a pseudonymous bundle.
        versions: of the report, the present one last; of an amended one the report tells what changed.
        document: the page that people read and sign, absent where it is to stay outside.

    Raises:
        ReportError: the identity is another person's.
    """
    issue, case, lineage = issue or Issue(), statement.case, statement.lineage
    if identity:
        case.require_own(identity)
    issued = issue.signature.recorded if issue.signature else statement.made
    entries = Entries(case.laboratory.system)
    actors = add_actors(entries, statement, issue.signature, identity)
    files = add_files(entries, lineage, actors, case.sample)
    devices = add_devices(entries, lineage.tools)
    study = add_study(entries, statement, files, devices, actors)
    observations = Observations(entries, case, issue.status, actors, study, issued)
    told = {finding.id: observations.add(finding) for finding in statement.findings}
    results = [reference for references in told.values() for reference in references]
    results += [observations.add_phase(phase) for phase in statement.phases]
    results += add_further(entries, statement, observations.common, study)
    drugs = add_drug_response(entries, statement, observations.common, study)
    results += [reference for references in drugs.values() for reference in references]
    meanings = {name: references[-1] for name, references in (told | drugs).items() if references}
    actions = add_actions(entries, statement, meanings, actors, issued)
    risks = add_risks(entries, statement, issue.status, study, actors, issued)
    page = attachment(document, issued) if document else None
    report = add_report(
        entries, statement, issue.status, summary(versions), results, actions, risks, study, actors, issued, page
    )
    told_of = [report, study, *results, *risks]
    if document:
        told_of.append(add_document(entries, case.sample, document, issue.status, actors, report, issued))
    add_provenance(entries, lineage, files, actors, told_of, f"report|{case.sample}", issued)
    return entries.bundle(entries.identifier("bundle", case.sample), issued)


def bundle_json(bundle: JsonObject) -> str:
    """The bundle as it is written: sorted keys, two spaces, one newline at the end."""
    return canonical_json(bundle, indent=2) + "\n"


def write_bundle(
    statement: Statement,
    folder: Path,
    issue: Issue | None = None,
    identity: Identity | None = None,
    versions: Sequence[Version] = (),
    document: Document | None = None,
) -> BundleSummary:
    """Write ``<sample>.fhir.json`` into ``folder``, then read it back and judge it.

    Arguments as of :func:`build_bundle`. What the second judge says of a bundle is measured, not refused: the gate
    decides.

    Raises:
        ReportError: the identity is another person's, or the bundle does not follow its profiles; then nothing is
            written.
    """
    path = folder / f"{statement.case.sample}.fhir.json"
    built = build_bundle(statement, issue, identity, versions, document)
    require_conformant(built, statement.case.sample)
    path.write_text(bundle_json(built))
    bundle = json.loads(path.read_text())
    again = build_bundle(statement, issue, identity, versions, document)
    verdict = check_bundle(bundle)
    types = Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])
    ids = [{entry["request"]["url"] for entry in one["entry"]} for one in (bundle, again)]
    return BundleSummary(
        resources=len(bundle["entry"]),
        findings=len(statement.findings),
        references=verdict.references,
        unresolved_references=verdict.unresolved_references,
        parse_errors=verdict.parse_errors,
        duplicate_ids=verdict.duplicate_ids,
        unstable_ids=len(ids[0] ^ ids[1]),
        resource_types=sorted(types),
        resource_counts=[types[name] for name in sorted(types)],
        problems=list(verdict.problems),
    )
