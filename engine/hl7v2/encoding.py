r"""How HL7 v2 writes text: delimiters, escapes, times (HL7 v2.5.1, chapter 2: 2.5, 2.7, 2.A.22).

What comes from outside is escaped on its way into a field, whatever it holds; what is encoded already says so by its
type, :class:`Encoded`.

>>> components("A|B", "C^D")
'A\\F\\B^C\\S\\D'
>>> segment("NTE", {1: "1", 3: repeated("one line", "another & more")})
'NTE|1||one line~another \\T\\ more'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

DELIMITERS = "^~\\&"
"""MSH-2: of components, repetitions, escapes, subcomponents."""
END = "\r"
"""Ends a segment."""
_ESCAPES = {"|": "F", "^": "S", "&": "T", "~": "R", "\\": "E", "\n": ".br"}
_LETTERS = {letters: character for character, letters in _ESCAPES.items()}
_SPECIAL = re.compile(r"[|^&~\\\x00-\x1f\x7f-\x9f]")
_ESCAPED = re.compile(r"\\(F|S|T|R|E|\.br|X(?:[0-9A-F]{2})+)\\")
_NULL = '""'


class Encoded(str):
    """Text that is written as HL7 v2 has it: it is not escaped again."""

    __slots__ = ()


def escape(text: str) -> Encoded:
    r"""Text with nothing in it that a reader would take for structure; the two quotes that mean "delete" are text too.

    >>> str(escape("5' & 3'\r\n"))
    "5' \\T\\ 3'\\X0D\\\\.br\\"
    """
    if text == _NULL:
        return Encoded("\\X22\\" * 2)
    return Encoded(_SPECIAL.sub(lambda found: f"\\{_letters(found.group())}\\", text))


def _letters(character: str) -> str:
    return _ESCAPES.get(character) or "X" + character.encode().hex().upper()


def unescape(text: str) -> str:
    """What :func:`escape` was given."""
    return _ESCAPED.sub(lambda found: _character(found.group(1)), text)


def _character(letters: str) -> str:
    if letters in _LETTERS:
        return _LETTERS[letters]
    return bytes.fromhex(letters[1:]).decode("utf-8", "replace")


def components(*parts: str | None) -> Encoded:
    """A field's components, or a repetition's; those at the end that say nothing are left out."""
    return _joined("^", parts)


def subcomponents(*parts: str | None) -> Encoded:
    """A component's parts, alike."""
    return _joined("&", parts)


def repeated(*values: str) -> Encoded:
    """A field that is said several times."""
    return Encoded("~".join(_encoded(value) for value in values))


def segment(name: str, fields: Mapping[int, str | None]) -> str:
    """A segment by its name and its fields, which are numbered from 1."""
    last = max(fields, default=0)
    return "|".join([name, *(_encoded(fields.get(number)) for number in range(1, last + 1))]).rstrip("|")


def _joined(delimiter: str, parts: tuple[str | None, ...]) -> Encoded:
    return Encoded(delimiter.join(_encoded(part) for part in parts).rstrip(delimiter))


def _encoded(value: str | None) -> str:
    return value if isinstance(value, Encoded) else escape(value or "")


def moment(told: str) -> str:
    """A date, or a time with its zone, as HL7 v2 writes it; of seconds no fractions.

    >>> moment("2026-11-23T09:30:00.000001+01:00"), moment("2026-11-22T10:00:00Z"), moment("2026-11")
    ('20261123093000+0100', '20261122100000+0000', '202611')
    """
    if "T" not in told:
        return told.replace("-", "")
    return datetime.fromisoformat(told).strftime("%Y%m%d%H%M%S%z")
