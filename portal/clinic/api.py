"""The same by JSON: cases, findings, one variant, reads, another run; ``GET /portal/api/openapi.json`` describes it.

Rights, entries in the audit log and limits are those of the pages.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from portal.clinic import cases
from portal.clinic.admission import ROOT
from portal.clinic.deeds import run_again
from portal.clinic.house import Row
from portal.clinic.may import MayEnter, MayList, MayRetry, MaySeeCase, MaySeeFindings

router = APIRouter(prefix=f"{ROOT}/api")
_MOST = 1000


class SampleState(BaseModel):
    """Where a sample stands."""

    sample: str
    state: str
    stage: str
    since: str
    why: str
    todo: str
    attempt: int
    report: str | None
    version: int


class CaseRow(SampleState):
    """A case of the work list."""

    order: str | None


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
    return _told(admitted.house.row(admitted.house.standing(case), admitted.case))


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


@router.post("/cases/{case}/retry")
def retry(admitted: MayRetry, case: str) -> Asked:
    """Ask for another run; the body is ``{"reason": "..."}``, the header ``X-CSRF-Token`` the visit's secret."""
    return Asked(sample=case, attempt=run_again(admitted).attempt)


@router.get("/me")
def me(admitted: MayEnter) -> dict[str, Any]:
    """Who is asking, and the secret that whatever changes anything sends along."""
    told = asdict(admitted.visit.person) | {"teams": sorted(admitted.visit.person.teams)}
    return told | {"csrf": admitted.visit.csrf}


def state_of(row: Row) -> SampleState:
    """Where the sample of a row of the work list stands."""
    item = row.item
    return SampleState(
        sample=item.sample,
        state=str(item.state),
        stage=item.stage,
        since=item.since,
        why=item.why,
        todo=item.todo,
        attempt=item.attempt,
        report=row.stage,
        version=row.version,
    )


def _told(row: Row) -> CaseRow:
    return CaseRow(**state_of(row).model_dump(), order=row.order)
