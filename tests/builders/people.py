"""Builders of people: the facts of one as keywords, whatever a test does not name being unknown."""

from __future__ import annotations

from typing import Any

from engine.classify.findings import Subject
from engine.person import Person


def person(subject_id: str = "P1", **facts: Any) -> Person:
    """A person of whom only these facts are known."""
    return Person(subject_id, **facts)


def subject(
    *, report_carriers: bool = True, father: Any = None, mother: Any = None, asked: Any = None, **facts: Any
) -> Subject:
    """A person whose calls are looked through, with the parents' calls and the order's panel where given."""
    return Subject(person(**facts), asked, father=father, mother=mother, report_carriers=report_carriers)
