"""Delivery: the signed report in the hospital's system."""

from __future__ import annotations

import json

from engine.ops.artifact import Computed, NotApplicable, artifact
from engine.ops.inputs import Making, Own, ToHospital
from engine.receipt import canonical_json


@artifact(kinds={"json"})
def ehr_delivery(making: Making, fhir_bundle: Own, recipient: ToHospital) -> Computed | NotApplicable:
    """The report in the hospital's FHIR server: what was sent where, and what the server had already.

    A report that nobody has signed is not delivered unless the laboratory says so. Nothing is sent twice.
    """
    from engine.report.issue import SIGNED

    if recipient.destination is None:
        return NotApplicable("no FHIR server is named (GENOMICS_FHIR_URL)")
    status = fhir_bundle.measures["status"]
    if status not in SIGNED and not recipient.takes_unsigned:
        return NotApplicable(f"the report is {status}: it is delivered once it is signed")
    bundle = json.loads(fhir_bundle.file(".fhir.json").read_text())
    delivered = recipient.deliver(bundle)
    told = {"destination": recipient.destination, "status": status, **vars(delivered)}
    (making.folder / f"{making.sample}.delivery.json").write_text(canonical_json(told, indent=2) + "\n")
    return Computed(delivered.sent + delivered.unchanged, told)
