"""Names that a person types: the right one, or an error that says which is nearest.

>>> require_name("gvfc", ("gvcf", "variants"), kind="asset")
Traceback (most recent call last):
console.names.UnknownNameError: there is no asset 'gvfc'. Remedy: did you mean gvcf? There are gvcf, variants.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from engine.errors import GenomicsError


class UnknownNameError(GenomicsError):
    """A name that was typed belongs to nothing."""


def require_name(given: str, known: Sequence[str], *, kind: str, sample: str | None = None) -> str:
    """The name as given; UnknownNameError names the nearest one and all there are where it is not known.

    Args:
        given: what was typed.
        known: the right names.
        kind: what is named ("asset"), for the message.
        sample: the sample concerned, for the message.
    """
    if given in known:
        return given
    there_are = f"There are {', '.join(known)}" if known else "There are none"
    raise UnknownNameError(f"there is no {kind} {given!r}", sample=sample, remedy=f"{_asked(given, known)}{there_are}")


def require_sample(given: str, known: Sequence[str]) -> str:
    """The sample id as given; UnknownNameError names the nearest one where it is not registered."""
    if given in known:
        return given
    listed = "`genomics samples` lists every sample"
    raise UnknownNameError("the sample is not registered", sample=given, remedy=f"{_asked(given, known)}{listed}")


def _asked(given: str, known: Sequence[str]) -> str:
    """The nearest name as a question, whatever its case; empty where none is near."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(given.lower(), by_lower, n=1)
    return f"did you mean {by_lower[near[0]]}? " if near else ""
