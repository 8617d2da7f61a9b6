"""The service for programs: hand in samples, ask where they stand, end their runs, fetch what was made of them.

A program is admitted by a token (:mod:`resources.api_tokens`), by the same decision, entry and limit as a visit.
``GET /portal/api/service/openapi.json`` describes it. No answer tells more of a person than the sample id.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import Response

from engine.errors import GenomicsError
from engine.ops.report import clinical_report
from engine.reads.sample_sheet import SampleEntry
from engine.receipt import Receipt
from portal.clinic.admission import ROOT, Admitted, RefusalError, needs
from portal.clinic.api import SampleState, state_of
from portal.clinic.files import ranged
from portal.clinic.may import MayAskState, MayCancel, MayFetchResults, MayUseService
from portal.clinic.rights import Action, Case, is_own
from resources.decisions import require_reason

PREFIX = f"{ROOT}/api/service"
router = APIRouter(prefix=PREFIX)
SUBMITTED, ENDED = "samples submitted", "run ended"
"""Kinds of events in the audit log."""
_KEY = re.compile(r"[!-~]{8,100}")
_MOST_ROWS = 500
_LONGEST_SHEET = 512 << 10
_INTERPRETED = frozenset({"statement", "clinical_report", "fhir_bundle"})
"""Artifacts that say what variants mean for the person: given once somebody has signed that."""
_LONGEST_LIST = 20


class Sheet(BaseModel):
    """Samples to hand in.

    Attributes:
        rows: of a sample sheet, each by its columns; the reads lie in the landing zone, and paths are relative to it.
    """

    rows: list[dict[str, str]]


class Submitted(BaseModel):
    """Samples that were handed in: they are registered once the landing zone is read."""

    sheet: str
    samples: list[str]


class Reason(BaseModel):
    """Why something is done, in a sentence."""

    reason: str


class Ended(BaseModel):
    """Runs that were asked to end."""

    sample: str
    runs: list[str]


class ResultFile(BaseModel):
    """A file of an artifact."""

    name: str
    bytes: int
    sha256: str


class Result(BaseModel):
    """An artifact of a sample: its files, or why they are not given."""

    artifact: str
    data_version: str | None = None
    files: list[ResultFile] = []
    withheld: str = ""


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    """The body that a route takes, for the description: the rule reads it before the route is run."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


def _nothing(question: object) -> str:
    """Rows and reasons are typed freely: they could name a patient, whom the log must not."""
    return ""


MaySubmit = Annotated[Admitted, Depends(needs(Action.SUBMIT, told=_nothing, longest=_LONGEST_SHEET))]


@router.get("/openapi.json", include_in_schema=False)
def description(request: Request, admitted: MayUseService) -> dict[str, Any]:
    """The service after OpenAPI 3.1."""
    app = request.app
    told: dict[str, Any] = get_openapi(title=f"{app.title}: service", version=app.version, routes=router.routes)
    told.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return told | {"security": [{"token": []}]}


@router.post("/sheets", status_code=202, openapi_extra=_body_of(Sheet))
def submit(admitted: MaySubmit, idempotency_key: Annotated[str, Header()] = "") -> Submitted:
    """Hand in samples; the same key with the same rows is answered as before, with others it is refused."""
    if not _KEY.fullmatch(idempotency_key):
        raise RefusalError(400, "an Idempotency-Key is 8 to 100 signs of ASCII without blanks", visit=admitted.visit)
    content = _sheet(admitted, admitted.question.get("rows"))
    name = _name_of(admitted, idempotency_key)
    with admitted.house.submitting:
        return _hand_in(admitted, name, content)


@router.get("/samples/{case}")
def state(admitted: MayAskState, case: str) -> SampleState:
    """Where a sample stands; one that was just handed in is there once the landing zone was read."""
    return state_of(admitted.house.row(admitted.house.standing(case), admitted.case))


@router.post("/samples/{case}/cancel", openapi_extra=_body_of(Reason))
def cancel(admitted: MayCancel, case: str) -> Ended:
    """End what runs of a sample, or waits for its turn, for a reason; another run is a person's to ask for."""
    platform, reason = admitted.house.platform, admitted.form.get("reason", "")
    try:
        require_reason(admitted.name, reason, sample=case, what="ending a run")
    except GenomicsError as error:
        raise RefusalError(
            400, f"{error.problem}: send a reason of ten letters or more", visit=admitted.visit
        ) from error
    with admitted.house.open_runs() as runs:
        going = runs.under_way(case) if runs else []
        if runs is None or not going:
            raise RefusalError(409, "no run of the sample is queued or under way", visit=admitted.visit)
        platform.audit.record(admitted.name, ENDED, case, {"reason": reason.strip()[:500], "runs": going})
        ended = runs.end(case, f"Ended by {admitted.name}: {reason.strip()[:500]}")
    admitted.house.forget()
    if len(ended) < len(going):
        left = ", ".join(sorted(set(going) - set(ended)))
        raise RefusalError(
            409, f"a run that does not answer was not ended, see the web UI: {left}", visit=admitted.visit
        )
    return Ended(sample=case, runs=ended)


@router.get("/samples/{case}/results")
def results(admitted: MayFetchResults, case: str) -> list[Result]:
    """What was made of a sample, with digests; what did not pass its gate is named with why."""
    lake = admitted.house.platform.lake
    return [_result(admitted, asset) for asset in sorted(lake.assets(case))]


@router.get("/samples/{case}/results/{artifact}/{name:path}")
def result(request: Request, admitted: MayFetchResults, case: str, artifact: str, name: str) -> Response:
    """A file of an artifact, whole or by a range of bytes."""
    platform = admitted.house.platform
    if artifact not in platform.lake.assets(case):
        raise RefusalError(404, "there is no such artifact of the sample", visit=admitted.visit)
    receipt, withheld = _given(admitted, artifact)
    if receipt is None:
        raise RefusalError(409, withheld, visit=admitted.visit)
    if name not in {file.name for file in receipt.files}:
        raise RefusalError(404, "there is no such file of the artifact", visit=admitted.visit)
    return ranged(request, platform, receipt, name)


def _hand_in(admitted: Admitted, name: str, content: bytes) -> Submitted:
    """Put a sheet into the landing zone, once; RefusalError where it cannot be taken."""
    platform, digest = admitted.house.platform, hashlib.sha256(content).hexdigest()
    before = [one.event.details for one in platform.audit.entries_of(SUBMITTED)]
    known = next((one for one in before if one.get("sheet") == name), None)
    if known and known["digest"] != digest:
        raise RefusalError(409, "the Idempotency-Key was used for other rows: use another", visit=admitted.visit)
    try:
        if known is None:
            samples = _judged(admitted, content)
            told = {"sheet": name, "digest": digest, "samples": samples}
            platform.audit.record(admitted.name, SUBMITTED, None, told)
        else:
            samples = list(known["samples"])
        platform.landing_zone.put(name, content)
    except OSError as error:
        problem = f"the landing zone does not take the sheet ({error.strerror or type(error).__name__})"
        raise RefusalError(503, f"{problem}: tell those who keep the platform", visit=admitted.visit) from error
    return Submitted(sheet=name, samples=samples)


def _judged(admitted: Admitted, content: bytes) -> list[str]:
    """Ids of the samples of a sheet that has no problem and speaks of the program's own cases and reads only."""
    house, folders = admitted.house, admitted.visit.person.folders
    sheet = house.platform.landing_zone.judge(content, house.platform.registry, folders)
    if sheet.problems:
        told = [str(one) for one in sheet.problems]
        more = f" (and {len(told) - _LONGEST_LIST} more)" if len(told) > _LONGEST_LIST else ""
        raise RefusalError(422, "; ".join(told[:_LONGEST_LIST]) + more, visit=admitted.visit)
    others = [entry.sample_id for entry in sheet.samples if not _is_own(admitted, entry)]
    if others:
        told_ids = ", ".join(others[:_LONGEST_LIST])
        raise RefusalError(403, f"cases of none of the token's teams: {told_ids}", visit=admitted.visit)
    return [entry.sample_id for entry in sheet.samples]


def _is_own(admitted: Admitted, entry: SampleEntry) -> bool:
    """Whether a sample is the program's as the sheet tells it; it and its parents were before, where registered."""
    house, person = admitted.house, admitted.visit.person
    told = Case(entry.sample_id, house.access.teams_of(order=entry.person.order_id, family=entry.person.family_id))
    spoken_of = [
        house.sample(name) for name in (entry.sample_id, entry.person.father_id, entry.person.mother_id) if name
    ]
    if not all(is_own(person, house.case_of(one)) for one in spoken_of if one):
        return False
    keeps_teams = house.sample(entry.sample_id) is not None and not entry.stated & {"order_id", "family_id"}
    return keeps_teams or is_own(person, told)


def _sheet(admitted: Admitted, rows: object) -> bytes:
    """Rows as the CSV that a person would have put into the landing zone."""
    if not isinstance(rows, list) or not 0 < len(rows) <= _MOST_ROWS:
        raise RefusalError(400, f"send rows, 1 to {_MOST_ROWS} of them", visit=admitted.visit)
    if not all(_is_row(row) for row in rows):
        raise RefusalError(400, "each row is an object of texts by column", visit=admitted.visit)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and bool(row) and all(isinstance(value, str) for value in row.values())


def _name_of(admitted: Admitted, key: str) -> str:
    """The sheet's name, of the program and its key alone: nothing of it is a path."""
    digest = hashlib.sha256(f"{admitted.name}\0{key}".encode()).hexdigest()
    return f"service-{digest[:32]}.csv"


def _result(admitted: Admitted, asset: str) -> Result:
    receipt, withheld = _given(admitted, asset)
    if receipt is None:
        return Result(artifact=asset, withheld=withheld)
    files = [ResultFile(name=one.name, bytes=one.bytes, sha256=one.sha256) for one in receipt.files]
    return Result(artifact=asset, data_version=receipt.data_version, files=files)


def _given(admitted: Admitted, asset: str) -> tuple[Receipt | None, str]:
    """The receipt of an artifact that may leave, or why it may not."""
    platform, sample = admitted.house.platform, admitted.case.sample_id
    try:
        receipt = platform.gate.require(asset, sample)
        if asset in _INTERPRETED and not _is_signed(platform.gate.require(clinical_report.name, sample)):
            return None, "nobody has signed the report"
    except GenomicsError as error:
        return None, error.problem
    if receipt.measures.get("identified"):
        return None, "it names the person: reports with names go to the hospital's systems alone"
    return receipt, ""


def _is_signed(page: Receipt) -> bool:
    return page.measures["stage"] == "signed"
