"""What the server's terminal shows of what happens in its processes: the lines that matter, and no others.

Each process of the server writes to a log of its own; a line that begins with :data:`MARK` is for people.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

MARK = "genomics: "
_NAMED, _REMEMBERED = 5, 10_000
_told: dict[str, None] = {}


def tell(text: str) -> None:
    """Show a message in the terminal of the server that this process belongs to, in one line."""
    print(f"{MARK}{' '.join(text.split())}", file=sys.stderr, flush=True)


def tell_once(text: str) -> None:
    """Show a message that comes again with every look, when it comes first."""
    if text not in _told:
        tell(text)
    _told.pop(text, None)
    _told[text] = None
    if len(_told) > _REMEMBERED:
        _told.pop(next(iter(_told)))


def listed(names: Sequence[str]) -> str:
    """Names in a line: the first ones, and how many there are beside.

    >>> listed([f"S{number}" for number in range(1, 501)])
    'S1, S2, S3, S4, S5 and 495 more'
    """
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
