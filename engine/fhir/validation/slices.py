"""Which slice a value belongs to, by the discriminators that its element names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.fhir.validation.definitions import Definitions
from engine.fhir.validation.element import Element
from engine.fhir.validation.matching import coded_in, contains, profiles_of, values_at

JsonObject = dict[str, Any]
Resolve = Callable[[str], JsonObject | None]
Verdict = bool | None
"""Whether a value is in a slice; None where a reference leads outside and cannot tell."""
Test = Callable[[Any, str | None, Resolve], Verdict]


class Slicer:
    """Sorts the values of an element into its slices."""

    def __init__(self, known: Definitions) -> None:
        self._known = known
        self._tests: dict[int, list[tuple[str, Element, Test]]] = {}
        self._coded: dict[int, dict[tuple[Any, Any], tuple[str, Element]]] = {}

    def slice_of(
        self, element: Element, value: Any, kind: str | None, resolve: Resolve
    ) -> tuple[tuple[str, Element] | None, bool]:
        """The slice of a value, absent where it is in none; and whether that is certain."""
        key = id(element)
        if key not in self._tests:
            self._prepare(element)
        by_code = self._coded[key]
        for coding in _codings(value) if by_code else ():
            found = by_code.get((coding.get("system"), coding.get("code"))) if isinstance(coding, dict) else None
            if found is not None:
                return found, True
        certain = True
        for name, one, test in self._tests[key]:
            verdict = test(value, kind, resolve)
            if verdict:
                return (name, one), True
            certain = certain and verdict is not None
        return None, certain

    def _prepare(self, element: Element) -> None:
        """Tests of the slices; those told apart by the pattern of their one code are looked up instead."""
        tests: list[tuple[str, Element, Test]] = []
        coded: dict[tuple[Any, Any], tuple[str, Element]] = {}
        is_by_code = element.by in ((("value", "code"),), (("pattern", "code"),))
        for name, one in element.slices.items():
            code = _code_pattern(one) if is_by_code else None
            if code is not None:
                coded[code] = (name, one)
            else:
                tests.append((name, one, _all([self._test(one, *by) for by in element.by])))
        self._tests[id(element)], self._coded[id(element)] = tests, coded

    def _test(self, one: Element, kind: str, path: str) -> Test:
        if kind == "type":
            codes = {each.code for each in one.types}
            return lambda value, named, resolve: named in codes
        if kind == "profile":
            return self._by_profile(one)
        if path == "url":
            url = _extension_url(one)
            return lambda value, named, resolve: isinstance(value, dict) and value.get("url") == url
        return self._by_value(_below(one, path), path)

    def _by_profile(self, one: Element) -> Test:
        wanted = {target for each in one.types for target in each.targets}

        def test(value: Any, named: str | None, resolve: Resolve) -> Verdict:
            name = value.get("reference") if isinstance(value, dict) else None
            target = resolve(name) if isinstance(name, str) else None
            if target is None:
                return None
            return any(not wanted.isdisjoint(self._known.lineage(profile)) for profile in profiles_of(target))

        return test

    def _by_value(self, below: Element | None, path: str) -> Test:
        if below is None:
            return lambda value, named, resolve: None
        if below.pattern is not None or below.fixed is not None:
            wanted = below.pattern if below.pattern is not None else below.fixed
            return lambda value, named, resolve: any(contains(one, wanted) for one in values_at(value, path))
        codes = self._known.codes(below.codes) if below.codes else None
        if codes is None:
            return lambda value, named, resolve: None
        return lambda value, named, resolve: any(coded_in(one, codes) for one in values_at(value, path))


def _codings(value: Any) -> list[Any]:
    """Those of a value's ``code``."""
    code = value.get("code") if isinstance(value, dict) else None
    told = code.get("coding") if isinstance(code, dict) else None
    return told if isinstance(told, list) else values_at(value, "code.coding")


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def test(value: Any, named: str | None, resolve: Resolve) -> Verdict:
        verdicts = [one(value, named, resolve) for one in tests]
        return False if False in verdicts else None if None in verdicts or not verdicts else True

    return test


def _below(one: Element, path: str) -> Element | None:
    """The element at a discriminator's path."""
    found: Element | None = one
    for part in [] if path == "$this" else path.split("."):
        found = found.children.get(part) if found else None
    return found


def _code_pattern(one: Element) -> tuple[str, str] | None:
    """System and code of a slice that is told by one coding in its ``code``."""
    below = one.children.get("code")
    codings: Iterable[JsonObject] = below.pattern.get("coding", []) if below and isinstance(below.pattern, dict) else []
    pairs = [(coding.get("system"), coding.get("code")) for coding in codings]
    if len(pairs) != 1 or None in pairs[0] or (below and set(below.pattern) != {"coding"}):
        return None
    return str(pairs[0][0]), str(pairs[0][1])


def _extension_url(one: Element) -> str | None:
    profiles = [url for each in one.types for url in each.profiles]
    if profiles:
        return profiles[0]
    below = one.children.get("url")
    return below.fixed if below is not None else None
