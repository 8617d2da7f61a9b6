"""How results are told: JSON for programs; lines for people, in which no sheet and no file moves the cursor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.errors import GenomicsError


def print_json(value: Any) -> None:
    """A result as JSON; what JSON has no form for, as text."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def require_new(file: Path) -> None:
    """GenomicsError where a file is there already, which what is to be written would replace."""
    if file.exists():
        raise GenomicsError("the file is there already", file=file, remedy="give a new name, or move it away")


def plain(text: str) -> str:
    r"""The text in one line, with what no terminal should obey written out.

    >>> plain("two\nlines, \x1b[31mred")
    'two lines, \\x1b[31mred'
    """
    line = " ".join(text.split())
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in line)
