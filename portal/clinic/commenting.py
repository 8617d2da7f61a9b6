"""Comments on a case or a variant: the page of all, what is written, answered and taken back; and the same by JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from engine.errors import GateError, GenomicsError
from portal.clinic import cases
from portal.clinic.admission import ROOT, Admitted
from portal.clinic.may import MayComment, MaySeeFindings
from portal.clinic.pages import comments_page
from resources.comments import Comment, Comments

router = APIRouter(prefix=ROOT, include_in_schema=False)
api_router = APIRouter(prefix=f"{ROOT}/api")


@router.get("/cases/{case}/comments")
def comments(request: Request, admitted: MaySeeFindings, case: str) -> Response:
    """What was said of the case and of its variants."""
    return comments_page(request, admitted)


@router.post("/cases/{case}/comments")
def comment(request: Request, admitted: MayComment, case: str) -> Response:
    """Say something of the case or of a variant, or answer somebody."""
    try:
        said = _said(admitted)
    except GenomicsError as error:
        return comments_page(request, admitted, problem=f"{error.problem}; {error.remedy}", status=409)
    return _back_to(admitted, said)


@router.post("/cases/{case}/comments/{number}/take-back")
def take_back(request: Request, admitted: MayComment, case: str, number: int) -> Response:
    """Take one's own comment back; it stays to be read, with the reason."""
    try:
        taken = _taken_back(admitted, number)
    except GenomicsError as error:
        return comments_page(request, admitted, problem=f"{error.problem}; {error.remedy}", status=409)
    return _back_to(admitted, taken)


@api_router.get("/cases/{case}/comments")
def comments_of(admitted: MaySeeFindings, case: str) -> list[dict[str, Any]]:
    """What was said of the case and of its variants, each answer behind what it answers."""
    return [asdict(one) for one in Comments(admitted.house.platform.audit).of(case)]


@api_router.post("/cases/{case}/comments")
def comment_by_program(admitted: MayComment, case: str) -> dict[str, Any]:
    """Say something; the body is ``{"text": "...", "allele": "...", "answers": "..."}``, the last two as needed."""
    return asdict(_said(admitted))


@api_router.post("/cases/{case}/comments/{number}/take-back")
def take_back_by_program(admitted: MayComment, case: str, number: int) -> dict[str, Any]:
    """Take one's own comment back; the body is ``{"reason": "..."}``."""
    return asdict(_taken_back(admitted, number))


def _said(admitted: Admitted) -> Comment:
    form, platform, sample = admitted.form, admitted.house.platform, admitted.case.sample_id
    answers, allele = form.get("answers", ""), form.get("allele", "")
    if answers and not (answers.isascii() and answers.isdigit() and len(answers) < 19):
        raise GateError(f"{answers[:40]!r} is no number of a comment", remedy="answer one of the case's comments")
    if allele:
        row, answer = cases.variant_of(platform, sample, allele)
        if not row:
            raise GateError(f"the case has no variant {allele[:60]}", remedy="comment on a variant that was called")
        allele = answer.variant
    return Comments(platform.audit).add(
        sample,
        form.get("text", ""),
        person=admitted.name,
        allele=allele,
        answers=int(answers) if answers else None,
    )


def _taken_back(admitted: Admitted, number: int) -> Comment:
    comments = Comments(admitted.house.platform.audit)
    reason = admitted.form.get("reason", "")
    return comments.take_back(admitted.case.sample_id, number, person=admitted.name, reason=reason)


def _back_to(admitted: Admitted, comment: Comment) -> Response:
    """To where it was written: the variant's page, or the case's comments."""
    of = f"variants/{quote(comment.allele)}" if comment.allele and "page" not in admitted.form else "comments"
    return RedirectResponse(f"{ROOT}/cases/{quote(comment.sample)}/{of}#comment-{comment.number}", 303)
