"""The same by JSON: cases, findings, one variant, reads, another run; ``GET /portal/api/openapi.json`` describes it.

Rights, entries in the audit log and limits are those of the pages. Reads are described after GA4GH's htsget 1.3
(https://samtools.github.io/hts-specs/htsget.html); a ticket gives the whole file, and a client takes what it wants.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from engine.errors import GenomicsError
from portal.clinic import cases
from portal.clinic.admission import ROOT, Admitted, RefusalError, needs
from portal.clinic.house import Row
from portal.clinic.rights import Action
from resources.decisions import require_reason

router = APIRouter(prefix=f"{ROOT}/api")
_MOST = 1000

MayEnter = Annotated[Admitted, Depends(needs(Action.ENTER))]
MayList = Annotated[Admitted, Depends(needs(Action.LIST))]
MaySeeCase = Annotated[Admitted, Depends(needs(Action.CASE))]
MaySeeFindings = Annotated[Admitted, Depends(needs(Action.FINDINGS))]
MaySeeReads = Annotated[Admitted, Depends(needs(Action.READS))]
MayRetry = Annotated[Admitted, Depends(needs(Action.RETRY))]


class CaseRow(BaseModel):
    """A case of the work list."""

    sample: str
    order: str | None
    state: str
    stage: str
    since: str
    why: str
    todo: str
    attempt: int
    report: str | None
    version: int


class Explanation(BaseModel):
    """What became of one variant."""

    sample: str
    variant: str
    outcome: str
    explanation: str


class Findings(BaseModel):
    """What is said of a sample."""

    sample: str
    outcome: str
    stage: str
    version: int
    digest: str
    conclusion: list[str]
    findings: list[dict[str, Any]]


class Asked(BaseModel):
    """A run that was asked for."""

    sample: str
    attempt: int


@router.get("/openapi.json", include_in_schema=False)
def description(request: Request, admitted: MayEnter) -> dict[str, Any]:
    """This API after OpenAPI 3.1."""
    app = request.app
    told: dict[str, Any] = get_openapi(title=app.title, version=app.version, routes=app.routes)
    scheme = {"type": "apiKey", "in": "cookie", "name": f"portal_{request.url.port or 'web'}"}
    told.setdefault("components", {})["securitySchemes"] = {"visit": scheme}
    return told | {"security": [{"visit": []}]}


@router.get("/cases")
def cases_of(admitted: MayList, state: str = "", first: Annotated[int, Query(ge=1, le=10**9)] = 1) -> list[CaseRow]:
    """The person's cases, at most 1,000 from ``first`` on."""
    rows = [row for row in admitted.house.rows(admitted.visit.person) if state in ("", row.item.state)]
    return [_told(row) for row in rows[first - 1 : first - 1 + _MOST]]


@router.get("/cases/{case}")
def case_of(admitted: MaySeeCase, case: str) -> CaseRow:
    """Where one case stands."""
    from resources.work_list import work_list

    house = admitted.house
    with house.open_runs() as runs:
        (item,) = work_list(house.platform, runs, [case])
    return _told(house.row(item, admitted.case))


@router.get("/cases/{case}/findings")
def findings_of(admitted: MaySeeFindings, case: str) -> Findings:
    """What is said of the sample now: a row of the findings table for each finding."""
    draft = cases.draft_of(admitted.house.platform, case)
    said = draft.statement
    return Findings(
        sample=case,
        outcome=str(said.outcome),
        stage=draft.issue.stage,
        version=draft.issue.version,
        digest=said.digest,
        conclusion=list(said.conclusion),
        findings=[dict(one.row) for one in said.findings],
    )


@router.get("/cases/{case}/why")
def why(admitted: MaySeeFindings, case: str, variant: str) -> Explanation:
    """Why a variant is or is not reported."""
    from resources.explained import explain

    answer = explain(admitted.house.platform, case, variant)
    return Explanation(sample=case, variant=answer.variant, outcome=answer.outcome, explanation=answer.explanation)


@router.get("/htsget/reads/{case}")
def ticket(request: Request, admitted: MaySeeReads, case: str) -> dict[str, Any]:
    """Where the sample's alignments are, as an htsget ticket."""
    own = [one for one in cases.tracks_of(admitted.house.platform, admitted.case) if one.member == "own"]
    if not own:
        raise RefusalError(404, "there are no such reads", visit=admitted.visit)
    url = f"{request.url.scheme}://{request.url.netloc}{ROOT}/cases/{quote(case)}/reads/own/{quote(own[0].file)}"
    kind = admitted.house.platform.settings.alignment_format.upper()
    return {"htsget": {"format": kind, "urls": [{"url": url}]}}


@router.post("/cases/{case}/retry")
def retry(admitted: MayRetry, case: str) -> Asked:
    """Ask for another run; the body is ``{"reason": "..."}``, the header ``X-CSRF-Token`` the visit's secret."""
    reason = admitted.form.get("reason", "")
    try:
        require_reason(admitted.name, reason, sample=case, what="another run")
        asked = admitted.house.platform.decisions.retry(case, person=admitted.name, reason=reason)
    except GenomicsError as error:
        raise RefusalError(409, error.problem, visit=admitted.visit) from error
    admitted.house.forget()
    return Asked(sample=case, attempt=asked.attempt)


@router.get("/me")
def me(admitted: MayEnter) -> dict[str, Any]:
    """Who is asking, and the secret that whatever changes anything sends along."""
    told = asdict(admitted.visit.person) | {"teams": sorted(admitted.visit.person.teams)}
    return told | {"csrf": admitted.visit.csrf}


def _told(row: Row) -> CaseRow:
    item = row.item
    return CaseRow(
        sample=item.sample,
        order=row.order,
        state=str(item.state),
        stage=item.stage,
        since=item.since,
        why=item.why,
        todo=item.todo,
        attempt=item.attempt,
        report=row.stage,
        version=row.version,
    )
