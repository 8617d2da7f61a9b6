"""How results are printed: JSON for programs; lines for people, in which no sheet and no file moves the cursor."""

from __future__ import annotations

import json
from typing import Any


def print_json(value: Any) -> None:
    """A result as JSON; what JSON has no form for, as text."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def plain(text: str) -> str:
    r"""The text in one line, with what no terminal should obey written out.

    >>> plain("two\nlines, \x1b[31mred")
    'two lines, \\x1b[31mred'
    """
    line = " ".join(text.split())
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in line)
