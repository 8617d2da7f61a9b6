"""Delivery: the signed report in the hospital's systems, as FHIR or as a message of HL7 v2."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from engine.ops.artifact import Computed, NotApplicable, artifact
from engine.ops.inputs import (
    Addressee,
    Identified,
    Making,
    Own,
    Recipient,
    Standing,
    StandingOf,
    ToHospital,
    ToInterfaceEngine,
)
from engine.ops.report import page_of
from engine.receipt import Measure, canonical_json

if TYPE_CHECKING:
    from engine.report.amendment import Version
    from engine.report.drug_response import Pharmacogene
    from engine.report.issue import Issue
    from engine.report.statement import StatedFinding, Statement


@artifact(kinds={"json"})
def ehr_delivery(making: Making, fhir_bundle: Own, recipient: ToHospital) -> Computed | NotApplicable:
    """The report in the hospital's FHIR server: what was sent where, and what the server had already.

    A report that nobody has signed is not delivered unless the laboratory says so. Nothing is sent twice.
    """
    if recipient.destination is None:
        return NotApplicable("no FHIR server is named (GENOMICS_FHIR_URL)")
    status = fhir_bundle.measures["status"]
    if refusal := _may_not_go(str(status), recipient):
        return refusal
    bundle = json.loads(fhir_bundle.file(".fhir.json").read_text())
    delivered = recipient.deliver(bundle)
    told = {"destination": recipient.destination, "status": status, **vars(delivered)}
    (making.folder / f"{making.sample}.delivery.json").write_text(canonical_json(told, indent=2) + "\n")
    return Computed(delivered.sent + delivered.unchanged, told)


@artifact(kinds={"json"})
def hl7v2_delivery(
    making: Making,
    statement: Own,
    clinical_report: Own,
    standing: Annotated[Standing, StandingOf("statement")],
    identity: Identified,
    addressee: ToInterfaceEngine,
) -> Computed | NotApplicable:
    """The report as an ORU^R01 message of HL7 v2.5.1 with the hospital's interface engine, and what it was sent as.

    It goes under the same rule as the bundle. The message names the person and is not kept: it is made again, in the
    same bytes, when it is sent again.
    """
    from engine.hl7v2.check import require_structure
    from engine.hl7v2.message import build_message
    from engine.report.issue import issue_of
    from engine.report.statement_file import SUFFIX, read_statement

    if addressee.destination is None:
        return NotApplicable("no receiver of HL7 v2 is named (GENOMICS_HL7)")
    said = read_statement(statement.file(SUFFIX))
    issue = issue_of(standing.sign_outs, said.digest)
    if refusal := _may_not_go(issue.status, addressee):
        return refusal
    page = page_of(clinical_report, said, issue)
    earlier = {digest: read_statement(one.file(SUFFIX)) for digest, one in standing.signed.items()}
    message = build_message(
        said,
        issue,
        identity.look_up() if identity.identified else None,
        _versions(issue, said, earlier),
        dropped=_dropped(issue, said, earlier),
        dropped_genes=_dropped_genes(issue, said, earlier),
        document=page.content if page.is_pdf else None,
        address=addressee.address,
    )
    require_structure(message, making.sample)
    is_sent = addressee.deliver(message)
    told: dict[str, Measure] = {
        "destination": addressee.destination,
        "status": issue.status,
        "control_id": message.control_id,
        "sent": int(is_sent),
        "bytes": len(message.content),
    }
    (making.folder / f"{making.sample}.hl7v2.json").write_text(canonical_json(told, indent=2) + "\n")
    return Computed(1, told)


def _may_not_go(status: str, system: Recipient | Addressee) -> NotApplicable | None:
    """Why a report of this status is not delivered, absent where it may be: one rule for all systems."""
    from engine.report.issue import SIGNED

    if status in SIGNED or system.takes_unsigned:
        return None
    return NotApplicable(f"the report is {status}: it is delivered once it is signed")


def _versions(issue: Issue, said: Statement, earlier: dict[str, Statement]) -> tuple[Version, ...]:
    from engine.report.amendment import versions

    return versions(issue, said, earlier)


def _dropped(issue: Issue, said: Statement, earlier: dict[str, Statement]) -> list[StatedFinding]:
    """Findings of earlier signed versions that are not told any more, each as it was told last."""
    told = {one.id: one for step in issue.earlier if step.digest in earlier for one in earlier[step.digest].findings}
    now = {one.id for one in said.findings}
    return [told[name] for name in sorted(told) if name not in now]


def _dropped_genes(issue: Issue, said: Statement, earlier: dict[str, Statement]) -> list[Pharmacogene]:
    """Pharmacogenes of earlier signed versions that are not told any more, each as it was told last."""
    told = {
        gene.gene: gene for step in issue.earlier if step.digest in earlier for gene in _genes(earlier[step.digest])
    }
    now = {one.gene for one in _genes(said)}
    return [told[name] for name in sorted(told) if name not in now]


def _genes(said: Statement) -> tuple[Pharmacogene, ...]:
    return said.drug_response.genes if said.drug_response else ()
