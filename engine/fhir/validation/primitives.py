"""FHIR's primitive types: what a value of each looks like (FHIR R4, section Data Types).

>>> fault("instant", "2026-02-30T10:00:00Z")
'is no date of the calendar'
>>> fault("id", "a_b")
'is no id'
>>> fault("positiveInt", 1) is None
True
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date
from typing import Any
from xml.etree import ElementTree

_DATE = r"([0-9]{4})(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_ZONE = r"(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_TEXTS = {
    "canonical": r"\S+",
    "code": r"[^\s]+(\s[^\s]+)*",
    "date": _DATE,
    "dateTime": rf"[0-9]{{4}}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])(T{_CLOCK}{_ZONE})?)?)?",
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "instant": rf"[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T{_CLOCK}{_ZONE}",
    "markdown": r"[\s\S]*\S[\s\S]*",
    "oid": r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+",
    "string": r"[\s\S]*\S[\s\S]*",
    "time": _CLOCK,
    "uri": r"\S+",
    "url": r"\S+",
    "uuid": r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
}
_LONGEST = 1_048_576
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_LARGEST = 2**31 - 1
_SMALLEST = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
_DATED = frozenset({"date", "dateTime", "instant"})
_ADDRESSES = frozenset({"canonical", "uri", "url"})
_SHORTEST_OID = len("urn:oid:1.23")
"""Without its last arc, as HL7's validator counts."""
_XHTML = "{http://www.w3.org/1999/xhtml}"
_TEXT = r"[^<>&\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]*+"
_PARAGRAPHS = re.compile(
    rf'<div xmlns="http://www\.w3\.org/1999/xhtml">(?:<p>{_TEXT}(?:&(?:amp|lt|gt);{_TEXT})*+</p>)++</div>'
)
"""A narrative of paragraphs without markup; whatever does not match is parsed, which takes four times as long."""
_WORDS = re.compile(r"<p>\s*+[^\s<]")
_MARKUP = frozenset(
    (
        *("a", "abbr", "acronym", "b", "big", "blockquote", "br", "caption", "cite", "code", "col", "colgroup"),
        *("dd", "dfn", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li", "map"),
        *("area", "ol", "p", "pre", "q", "samp", "small", "span", "strong", "sub", "sup", "table", "tbody", "td"),
        *("tfoot", "th", "thead", "tr", "tt", "ul", "var"),
    )
)
_ATTRIBUTES = frozenset(
    (
        *("abbr", "accesskey", "align", "alt", "axis", "bgcolor", "border", "cellhalign", "cellpadding"),
        *("cellspacing", "cellvalign", "char", "charoff", "charset", "cite", "class", "colspan", "compact"),
        *("coords", "dir", "frame", "headers", "height", "href", "hreflang", "hspace", "id", "lang", "longdesc"),
        *("name", "nowrap", "rel", "rev", "rowspan", "rules", "scope", "shape", "span", "src", "start", "style"),
        *("summary", "tabindex", "title", "type", "valign", "value", "vspace", "width"),
    )
)


def fault(name: str, value: Any) -> str | None:
    """What is wrong with a value of a primitive type, or nothing."""
    return CHECKS[name](value)


def is_primitive(name: str) -> bool:
    """Whether a type is a primitive one."""
    return name in CHECKS


def _text(name: str, pattern: str) -> Callable[[Any], str | None]:
    matches = re.compile(pattern).fullmatch
    more = _calendar if name in _DATED else _urn if name in _ADDRESSES else None

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return f"is no {name}: a {type(value).__name__}"
        if not matches(value):
            return f"is no {name}" if value.strip() else "is empty"
        if len(value) > _LONGEST or (not value.isprintable() and _CONTROL.search(value)):
            return "holds control characters" if len(value) <= _LONGEST else "is longer than FHIR allows"
        return more(value) if more else None

    return check


def _calendar(value: str) -> str | None:
    if len(value) < 10:
        return None
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return "is no date of the calendar"
    return None


def _urn(value: str) -> str | None:
    """An OID or UUID within a URI is one; of OIDs HL7's validator takes none as short as ``1.2.3``, a body's own."""
    if not value.startswith(("urn:oid:", "urn:uuid:")):
        return None
    kind = value.split(":", 2)[1]
    is_short = kind == "oid" and len(value.rpartition(".")[0]) < _SHORTEST_OID
    return f"holds no {kind.upper()}" if is_short or not re.fullmatch(_TEXTS[kind], value) else None


def _number(name: str) -> Callable[[Any], str | None]:
    smallest = _SMALLEST[name]

    def check(value: Any) -> str | None:
        if type(value) is not int:
            return f"is no {name}: a {type(value).__name__}"
        return None if smallest <= value <= _LARGEST else f"is no {name}: out of range"

    return check


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"is no boolean: a {type(value).__name__}"


def _decimal(value: Any) -> str | None:
    if type(value) not in (int, float):
        return f"is no decimal: a {type(value).__name__}"
    return None if value - value == 0 else "is no decimal: not a number"


def _base64(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"is no base64Binary: a {type(value).__name__}"
    try:
        base64.b64decode(re.sub(r"\s", "", value), validate=True)
    except binascii.Error:
        return "is no base64Binary"
    return None if value else "is empty"


def _xhtml(value: Any) -> str | None:
    """A narrative: one ``div`` in XHTML's name space, of text with simple markup (invariants txt-1 and txt-2)."""
    if not isinstance(value, str):
        return f"is no xhtml: a {type(value).__name__}"
    return None if is_plain(value) else _parsed(value)


def is_plain(narrative: str) -> bool:
    """Whether a narrative is paragraphs of words, which are XHTML whatever they say.

    >>> is_plain('<div xmlns="http://www.w3.org/1999/xhtml"><p>Smith &amp; Daughters</p></div>')
    True
    """
    return bool(_PARAGRAPHS.fullmatch(narrative) and _WORDS.search(narrative))


def _parsed(value: str) -> str | None:
    if "<!" in value.replace("<!--", ""):
        return "declares a document type or CDATA"
    try:
        root = ElementTree.fromstring(value)
    except ElementTree.ParseError as error:
        return f"is no XHTML: {error}"
    if root.tag != f"{_XHTML}div":
        return "is no div of XHTML"
    return _markup(root)


def _markup(root: ElementTree.Element) -> str | None:
    for one in root.iter():
        if isinstance(one.tag, str):
            if one.tag.removeprefix(_XHTML) not in _MARKUP:
                return f"has the element {one.tag.removeprefix(_XHTML)}, which a narrative may not have (txt-1)"
            odd = [name for name in one.attrib if name not in _ATTRIBUTES and not name.endswith("}lang")]
            if odd:
                return f"has the attribute {odd[0]}, which a narrative may not have (txt-1)"
    has_words = any(text.strip() for text in root.itertext()) or root.find(f".//{_XHTML}img") is not None
    return None if has_words else "has no content (txt-2)"


CHECKS: dict[str, Callable[[Any], str | None]] = {
    **{name: _text(name, pattern) for name, pattern in _TEXTS.items()},
    **{name: _number(name) for name in _SMALLEST},
    "boolean": _boolean,
    "decimal": _decimal,
    "base64Binary": _base64,
    "xhtml": _xhtml,
}
"""What is wrong with a value, by the name of its type."""
