"""What people do in the portal: review, sign, ask for another run, break the glass."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from engine.errors import GenomicsError
from engine.reads.registration import RegisteredSample
from portal.clinic.admission import ROOT, Admitted, RefusalError
from portal.clinic.may import MayBreakGlass, MayClassify, MayRetry, MayReview, MaySign
from portal.clinic.pages import report_page, variant_page
from portal.clinic.trail import break_glass
from resources.channels import Notice, subject_of
from resources.decisions import require_reason
from resources.environment import Resources
from resources.signing import Reports

router = APIRouter(prefix=ROOT, include_in_schema=False)
_TOLD = logging.getLogger("portal")


@router.post("/cases/{case}/review")
def review(request: Request, admitted: MayReview, case: str) -> Response:
    """Note that the person looked at what is said and found it right."""
    reports = Reports(admitted.house.platform)
    return _step(
        request,
        admitted,
        lambda: reports.review(case, admitted.form.get("digest", ""), person=admitted.name),
        "The review is noted",
    )


@router.post("/cases/{case}/sign")
def sign(request: Request, admitted: MaySign, case: str) -> Response:
    """The person answers for what is said; page and bundle are made anew and bear it."""
    reports, form = Reports(admitted.house.platform), admitted.form
    return _step(
        request,
        admitted,
        lambda: reports.sign(
            case,
            form.get("digest", ""),
            person=admitted.name,
            corrected=form.get("corrected") == "yes",
            reason=form.get("reason") or None,
        ),
        "The report is signed",
    )


@router.post("/cases/{case}/variants/{allele}/classify")
def classify(request: Request, admitted: MayClassify, case: str, allele: str) -> Response:
    """Give an allele the laboratory's own class; whoever carries it is asked for again."""
    form = admitted.form
    try:
        decision, asked = admitted.house.platform.catalogue.decide(
            case,
            allele,
            classification=form.get("classification", ""),
            criteria=form.get("criteria", ""),
            comment=form.get("comment", ""),
            person=admitted.name,
        )
    except GenomicsError as error:
        return variant_page(request, admitted, allele, problem=str(error), status=409)
    admitted.house.forget()
    told = f"{decision.classification.replace('_', ' ')} by decision {decision.number}; asked for again: "
    return variant_page(request, admitted, allele, told=f"{told}{', '.join(asked)}.")


@router.post("/cases/{case}/retry")
def retry(admitted: MayRetry, case: str) -> Response:
    """Ask for another run."""
    run_again(admitted)
    return RedirectResponse(f"{ROOT}/cases/{case}", 303)


@router.post("/cases/{case}/break-glass")
def broken_glass(admitted: MayBreakGlass, case: str) -> Response:
    """See a case that is not the person's for an hour, for a reason; the security officer is told at once."""
    platform = admitted.house.platform
    try:
        break_glass(platform.audit, admitted.visit, case, admitted.form.get("reason", ""))
    except GenomicsError as error:
        raise RefusalError(400, f"{error.problem}: {error.remedy}", breakable=case, visit=admitted.visit) from error
    told = BackgroundTask(_alert, platform, case, str(admitted.visit.person.role))
    return RedirectResponse(f"{ROOT}/cases/{case}", 303, background=told)


def run_again(admitted: Admitted) -> RegisteredSample:
    """Ask for another run of a case for the reason that was sent along; RefusalError where there is none."""
    case, reason = admitted.case.sample_id, admitted.form.get("reason", "")
    try:
        require_reason(admitted.name, reason, sample=case, what="another run")
        asked = admitted.house.platform.decisions.retry(case, person=admitted.name, reason=reason)
    except GenomicsError as error:
        raise RefusalError(409, error.problem, visit=admitted.visit) from error
    admitted.house.forget()
    return asked


def _step(request: Request, admitted: Admitted, take: object, done: str) -> Response:
    """Take a step of the sign-out, make page and bundle anew, and show the report as it stands then."""
    assert callable(take)
    try:
        take()
        Reports(admitted.house.platform).write(admitted.case.sample_id, log=lambda _: None)
    except GenomicsError as error:
        return report_page(request, admitted, problem=str(error), status=409)
    admitted.house.forget()
    return report_page(request, admitted, told=f"{done}.")


def _alert(platform: Resources, case: str, role: str) -> None:
    """Tell those whom the deployment names; the entry in the audit log stands whether they can be told or not."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    text = f"the glass was broken over case {case} by a {role}: the portal's page Who saw what says who and why"
    notices = [Notice("glass broken", case, "portal", now, text, f"glass {case} {now}")]
    for channel in platform.settings.channels:
        try:
            channel.send(subject_of(notices), notices)
        except GenomicsError as error:
            _TOLD.warning("an alert could not be sent: %s", error)
