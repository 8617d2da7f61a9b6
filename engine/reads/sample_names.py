"""Ids of samples: what a laboratory writes, and the safe id that names folders, partitions and read groups.

A safe id needs quoting nowhere. What a laboratory writes otherwise (``23/0816``) is kept for people to see, and gets a
safe id that follows from it alone: what is legible of it, and a digest, so that ``23/0816`` and ``23 0816`` stay two.

>>> safe_id("S0001"), safe_id("23/0816"), safe_id("23 0816")
('S0001', '23_0816-8e86c1afa4', '23_0816-7c1e16758a')
>>> safe_id("Anna Schmidt") is None, safe_id("--help") is None
(True, True)
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

SAMPLE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
"""Sample ids are partition keys, folder names, read groups, arguments: nothing to be quoted or taken as an option."""
LONGEST_WRITTEN = 64
_SPOILT = re.compile(
    r"\d(?:[.,]\d+)?E\+\d+|#(?:N/A|NV|[A-ZÄÖÜ0-9/]+[!?])|n/?a|nan|none|null|nil|true|false|unknown", re.IGNORECASE
)


def safe_id(written: str) -> str | None:
    """The id under which a sample goes, ``None`` where what is written is none.

    Without a digit it is more likely a person's name than an id; what begins with = + - or @ is a formula or an option.
    """
    if SAMPLE_ID.fullmatch(written):
        return written
    text = as_written(written)
    if len(text) > LONGEST_WRITTEN or not text.isprintable() or text[:1] in "=+-@" or not re.search("[0-9]", text):
        return None
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    legible = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:50]
    return f"{legible}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def is_spoilt(written: str) -> bool:
    """A program has put something in the id's place that many ids would share: a rounded number, the name of an error,
    a word for nothing.

    >>> is_spoilt("1.23E+05"), is_spoilt("#N/A"), is_spoilt("nan"), is_spoilt("23#0816")
    (True, True, True, False)
    """
    return _SPOILT.fullmatch(written) is not None


def as_written(written: str) -> str:
    """The id as people see it, composed and with single spaces, so that it is one however it was typed."""
    return " ".join(unicodedata.normalize("NFC", written).split())
