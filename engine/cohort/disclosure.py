"""Which counts of people may leave the house, and how: no small cell, no small complement of one, and no exact number.

A count below :data:`MINIMUM_CELL` could point at somebody, and so could one that leaves fewer than that out of a known
whole; five is what OHDSI's networks use. What leaves is rounded, so that two answers differ by no single person.

>>> disclosed(4), disclosed(0), disclosed(12), disclosed(13, of=15)
(None, None, 10, None)
"""

from __future__ import annotations

MINIMUM_CELL = 5
"""People that a count must stand for."""
ROUNDED_TO = 5
TOLD = (
    f"Counts are rounded to {ROUNDED_TO}. Fewer than {MINIMUM_CELL} people, nobody included, and all but fewer than "
    f"{MINIMUM_CELL} are answered alike, as none."
)


def in_words(count: int, of: int | None = None) -> str:
    """As :func:`disclosed`, for people who read.

    >>> in_words(3), in_words(2504)
    ('not told', '2,505')
    """
    told = disclosed(count, of)
    return "not told" if told is None else f"{told:,}"


def disclosed(count: int, of: int | None = None) -> int | None:
    """A count of people as it may leave; absent where it may not, which does not tell nobody from a few.

    Args:
        count: of people.
        of: people of a whole that is known outside, absent where none is.
    """
    if count < MINIMUM_CELL or (of is not None and 0 < of - count < MINIMUM_CELL):
        return None
    return max(MINIMUM_CELL, round(count / ROUNDED_TO) * ROUNDED_TO)
