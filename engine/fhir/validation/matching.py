"""Comparing values with what a definition says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def contains(value: Any, pattern: Any) -> bool:
    """Whether a value has everything that a pattern has (FHIR, ElementDefinition.pattern).

    >>> contains({"coding": [{"system": "s", "code": "a", "display": "A"}]}, {"coding": [{"code": "a"}]})
    True
    """
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(key in value and contains(value[key], pattern[key]) for key in pattern)
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(contains(one, part) for one in value) for part in pattern)
    return bool(value == pattern) and isinstance(value, bool) == isinstance(pattern, bool)


def values_at(value: Any, path: str) -> list[Any]:
    """Every value at a path below one, lists opened.

    >>> values_at({"code": {"coding": [{"code": "a"}, {"code": "b"}]}}, "code.coding")
    [{'code': 'a'}, {'code': 'b'}]
    """
    found = [value]
    for part in [] if path == "$this" else path.split("."):
        inner = [one.get(part) for one in found if isinstance(one, dict)]
        found = [each for one in inner if one is not None for each in (one if isinstance(one, list) else [one])]
    return found


def coded_in(value: Any, codes: Mapping[str, frozenset[str] | None]) -> bool:
    """Whether a code, a Coding or one coding of a CodeableConcept is among the codes."""
    if isinstance(value, str):
        return any(known is None or value in known for known in codes.values())
    if not isinstance(value, dict):
        return True
    codings = [value] if "code" in value or "system" in value else value.get("coding", [])
    return any(_is_among(one.get("system"), one.get("code"), codes) for one in codings if isinstance(one, dict))


def _is_among(system: Any, code: Any, codes: Mapping[str, frozenset[str] | None]) -> bool:
    if not isinstance(system, str) or system not in codes:
        return False
    listed = codes[system]
    return listed is None or code in listed


def profiles_of(resource: Mapping[str, Any]) -> list[str]:
    """URLs of the profiles that a resource says it follows, without versions."""
    meta = resource.get("meta")
    told = meta.get("profile") if isinstance(meta, dict) else None
    if not isinstance(told, list):
        told = values_at(resource, "meta.profile") if told or meta else []
    return [url.partition("|")[0] for url in told if isinstance(url, str)]
