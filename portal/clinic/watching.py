"""What the security officer sees: who saw what, whether the log is whole, and the log as FHIR."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from engine.errors import GenomicsError
from portal.clinic import trail
from portal.clinic.admission import ROOT, Admitted
from portal.clinic.audit_event import audit_event
from portal.clinic.may import MaySeeAudit
from portal.clinic.rendering import page
from resources.identities import IDENTIFIED, LOOKED_UP
from resources.sign_out import REVIEWED, SIGNED

router = APIRouter(prefix=ROOT, include_in_schema=False)
MOST_SHOWN, MOST_EXPORTED = 200, 10_000
KINDS = (
    *(trail.ACCESS, trail.DENIED, trail.BROKEN, trail.ENTERED, trail.LEFT),
    *(LOOKED_UP, IDENTIFIED, REVIEWED, SIGNED),
)
"""Kinds of events that are searched for by name; any other is found by its case or person."""


@router.get("/audit")
def audit(
    request: Request, admitted: MaySeeAudit, sample: str = "", who: str = "", what: str = "", since: str = "",
    until: str = "",
) -> Response:  # fmt: skip
    """Entries of the audit log that are looked for, the newest first."""
    return _shown(request, admitted, trail.Search(sample.strip(), who.strip(), what, since, until))


@router.post("/audit/verify")
def verify(request: Request, admitted: MaySeeAudit) -> Response:
    """Whether every line of the log is as it was written, and none is missing."""
    try:
        lines = admitted.house.platform.audit.verify()
    except GenomicsError as error:
        return _shown(request, admitted, trail.Search(), problem=str(error))
    return _shown(request, admitted, trail.Search(), told=f"All {lines:,} entries are as they were written.")


@router.get("/audit/fhir")
def as_fhir(
    admitted: MaySeeAudit, sample: str = "", who: str = "", what: str = "", since: str = "", until: str = ""
) -> Response:
    """The same as NDJSON of FHIR R4 AuditEvents, at most 10,000."""
    search = trail.Search(sample.strip(), who.strip(), what, since, until)
    entries = trail.found(admitted.house.platform.audit, search, MOST_EXPORTED)
    system = admitted.house.platform.settings.laboratory.system
    lines = "".join(f"{json.dumps(audit_event(entry, system))}\n" for entry in entries)
    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"', "Cache-Control": "no-store"}
    return Response(lines, media_type="application/fhir+ndjson", headers=headers)


def _shown(
    request: Request, admitted: Admitted, search: trail.Search, *, told: str = "", problem: str = ""
) -> Response:
    entries = trail.found(admitted.house.platform.audit, search, MOST_SHOWN)
    return page(
        request,
        "audit.html.j2",
        admitted.visit,
        search=search,
        entries=entries,
        kinds=KINDS,
        most=MOST_SHOWN,
        query=urlencode(vars(search)),
        told=told,
        problem=problem,
    )
