"""Consent to research: what a person's data may be used for, from when and until when, as the sheet states it.

Purposes are permissions of GA4GH's Data Use Ontology by their abbreviations (https://github.com/EBISPOT/DUO): ``NRES``
no restriction, ``GRU`` general research use, ``HMB`` health, medical and biomedical research, and ``DS`` research of
one disease, which is named by its MONDO id. Whoever agreed to a wider use agreed to the narrower ones. Dates are ISO
8601 and belong to the time they bound; without dates a consent always holds.

>>> permits(("HMB 2026-01-01/2027-12-31",), "DS:MONDO:0005027", "2026-06-01")
True
>>> permits(("HMB 2026-01-01/2027-12-31",), "GRU", "2026-06-01"), permits(("HMB 2026-01-01",), "HMB", "2025-12-31")
(False, False)
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.errors import GenomicsError

WIDEST_FIRST = ("NRES", "GRU", "HMB")
DISEASE = "DS:"
_DATE = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_PURPOSE = r"(?:NRES|GRU|HMB|DS:MONDO:[0-9]{7})"
CONSENT = rf"{_PURPOSE}(?: +{_DATE}(?:/{_DATE})?)?"
"""One consent as people write it: a purpose, since when, and until when."""


class ConsentError(GenomicsError):
    """Something is asked for that no consent covers, or a purpose that is none."""


def purpose_of(text: str) -> str:
    """A purpose as people write it.

    Raises:
        ConsentError: it is none.

    >>> purpose_of("ds:mondo:0005027")
    'DS:MONDO:0005027'
    """
    purpose = text.strip().upper()
    if not re.fullmatch(_PURPOSE, purpose):
        raise ConsentError(
            f"{text!r} is no purpose of research",
            remedy="give GRU (general research), HMB (health and biomedical), DS:MONDO:0005027 (one disease), or NRES",
        )
    return purpose


def permits(consents: Iterable[str], purpose: str, on: str) -> bool:
    """Whether any of a person's consents covers a purpose on a day.

    Args:
        consents: as :data:`CONSENT`.
        purpose: as :func:`purpose_of` gives it.
        on: the day, ISO 8601.
    """
    return any(_covers(*one.partition(" ")[::2], purpose, on) for one in consents)


def _covers(given: str, dates: str, purpose: str, on: str) -> bool:
    since, _, until = dates.strip().partition("/")
    return since <= on and (not until or on <= until) and given in _wider(purpose)


def _wider(purpose: str) -> tuple[str, ...]:
    """What covers a purpose: itself and whatever is wider."""
    if purpose.startswith(DISEASE):
        return (*WIDEST_FIRST, purpose)
    return WIDEST_FIRST[: WIDEST_FIRST.index(purpose) + 1]
