"""How far a report has come: what was signed stands, and what says something else does not bear that signature."""

from __future__ import annotations

from engine.report.issue import SignOut, Status, issue_of


def step(digest: str, state: Status, minute: int, person: str = "Dr A") -> SignOut:
    return SignOut("S1", digest, state, person, f"2026-11-27T10:{minute:02}:00+00:00")


def test_a_report_is_a_draft_then_reviewed_then_signed() -> None:
    review, signature = step("d1", "preliminary", 1), step("d1", "final", 2)
    stages = [issue_of(steps, "d1").stage for steps in ((), (review,), (review, signature))]
    assert stages == ["draft", "reviewed", "signed"]
    signed = issue_of((review, signature), "d1")
    assert (signed.status, signed.version, signed.reviews, signed.amends) == ("final", 1, (review,), None)


def test_what_says_something_else_is_not_signed_and_takes_the_next_version() -> None:
    first = step("d1", "final", 1)
    draft = issue_of((first,), "d2")
    assert (draft.status, draft.version, draft.is_signed, draft.amends) == ("preliminary", 2, False, first)
    amended = step("d2", "amended", 2)
    issue = issue_of((first, amended), "d2")
    assert (issue.status, issue.version, issue.amends, issue.signature) == ("amended", 2, first, amended)


def test_a_statement_that_comes_back_before_another_was_signed_is_still_signed() -> None:
    assert issue_of((step("d1", "final", 1), step("d2", "preliminary", 2)), "d1").is_signed


def test_a_statement_that_was_superseded_takes_a_new_signature() -> None:
    steps = (step("d1", "final", 1), step("d2", "corrected", 2))
    again = issue_of(steps, "d1")
    assert (again.is_signed, again.version, again.earlier) == (False, 3, steps)


def test_a_review_of_an_earlier_version_reviews_no_later_one() -> None:
    steps = (step("d1", "preliminary", 1), step("d1", "final", 2), step("d2", "amended", 3))
    assert issue_of(steps, "d1").reviews == ()
    assert issue_of((*steps, step("d1", "preliminary", 4)), "d1").stage == "reviewed"
