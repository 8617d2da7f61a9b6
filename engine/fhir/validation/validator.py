"""Walks a resource along the trees of its profiles and says everything that is wrong with it.

Structure is judged here: which elements there are, how often, of which types, with which fixed values and required
codes; other modules of this package judge values, slices, invariants and references.
"""

from __future__ import annotations

import marshal
from typing import Any

from engine.fhir.validation import invariants, references
from engine.fhir.validation.definitions import Definitions, Rule, definitions
from engine.fhir.validation.element import Element, ElementType
from engine.fhir.validation.invariants import Place
from engine.fhir.validation.matching import coded_in, contains, profiles_of
from engine.fhir.validation.primitives import fault, is_primitive
from engine.fhir.validation.problem import Path, Problem, name_of, text_of
from engine.fhir.validation.references import Resolve, Resolver, within
from engine.fhir.validation.slices import Slicer

JsonObject = dict[str, Any]
Key = tuple[int, str | None, bytes]
"""A value where it stands: its element, the type that its name tells, and the value as ``marshal`` writes it."""

_HL7 = "http://hl7.org/fhir/"
_ELEMENT = _HL7 + "StructureDefinition/Element"
_OF_A_SYSTEM = frozenset({"Coding", "Identifier"})
_MOST_REMEMBERED = 200_000
_REFERENCE = b"\x09\0\0\0reference"
"""The key of whatever refers to others, as ``marshal`` writes it: its length goes first."""


class Validator:
    """Judges resources. One may be used for any number of them: what it found good it need not look at again."""

    def __init__(self, known: Definitions | None = None) -> None:
        self.known = known or definitions()
        self.slicer = Slicer(self.known)
        self.good: dict[Key | None, str] = {}
        self._rules: dict[tuple[int, str | None], list[tuple[Rule, str]]] = {}

    def resource(self, resource: JsonObject, resolve: Resolve | None = None) -> list[Problem]:
        """What is wrong with a resource, taken for itself.

        Args:
            resource: as JSON has it.
            resolve: finds what it refers to; without it references are judged by their words only.
        """
        return _judge(self, resource, resolve or Resolver(), is_whole=False)

    def bundle(self, bundle: JsonObject, *, is_whole: bool = True) -> list[Problem]:
        """What is wrong with a bundle and every resource in it.

        Args:
            bundle: as JSON has it.
            is_whole: whether every reference has to lead to a resource of the bundle.
        """
        return _judge(self, bundle, Resolver(bundle), is_whole=is_whole)

    def rules(self, element: Element, kind: str | None) -> list[tuple[Rule, str]]:
        """Invariants of an element and of its type, each with the path that FHIRPath is told."""
        key = (id(element), kind)
        found = self._rules.get(key)
        if found is None:
            url = self.known.type_url(kind) if kind else None
            numbered = [(number, element.path) for number in element.rules]
            numbered += [(number, kind or "") for number in (self.known.tree(url).rules if url else ())]
            told = {self.known.rules[number].expression: (self.known.rules[number], path) for number, path in numbered}
            found = self._rules[key] = [one for one in told.values() if one[0].key not in invariants.ELSEWHERE]
        return found

    def remember(self, key: Key, slice_name: str = "") -> None:
        """Keep in mind that a value was good where it stood, and in which slice; not of what refers to others."""
        if _REFERENCE in key[2]:
            return
        if len(self.good) >= _MOST_REMEMBERED:
            self.good.clear()
        self.good[key] = slice_name


def _judge(validator: Validator, resource: JsonObject, resolve: Resolve, *, is_whole: bool) -> list[Problem]:
    walk = _Walk(validator, resolve, is_whole)
    walk.resource(resource, None)
    return list(dict.fromkeys(walk.problems))


class _Walk:
    """One walk: what it found so far, and where it is."""

    def __init__(self, validator: Validator, resolve: Resolve, is_whole: bool) -> None:
        self.problems: list[Problem] = []
        self._errors = 0
        self._validator, self._known, self._slicer = validator, validator.known, validator.slicer
        self._resolve, self._is_whole = resolve, is_whole
        self._place = Place({}, {})
        self._led: set[tuple[int, str]] = set()

    def resource(self, resource: Any, container: JsonObject | None) -> None:
        """Judge a resource by its type and by the profiles that it says it follows."""
        before, self._place = self._place, Place(resource, container if container is not None else resource)
        outer, self._resolve = self._resolve, within(resource, self._resolve) if container is None else self._resolve
        kind = resource.get("resourceType")
        path: Path = (None, str(kind))
        url = self._known.type_url(kind) if isinstance(kind, str) else None
        if url is None:
            self._say((None, "resourceType"), f"is none of those known here: {kind!r}")
        else:
            for tree in self._trees(resource, url, path):
                errors = self._errors
                self._object(tree, resource, path, is_resource=True)
                if self._errors == errors:
                    self._invariants(tree, None, resource, path)
        self._place, self._resolve = before, outer

    def _trees(self, resource: JsonObject, url: str, path: Path) -> list[Element]:
        names = profiles_of(resource)
        for name in names:
            if name not in self._known:
                how = "error" if name.startswith(_HL7) else "warning"
                self._say((path, "meta.profile"), f"names what is not known here: {name}", severity=how)
            elif self._known.type_of(name) != resource["resourceType"]:
                self._say((path, "meta.profile"), f"is of a {self._known.type_of(name)}: {name}")
        fitting = [one for one in names if one in self._known and self._known.type_of(one) == resource["resourceType"]]
        return [self._known.tree(one) for one in fitting or [url]]

    def _object(self, element: Element, value: JsonObject, path: Path, *, is_resource: bool = False) -> None:
        """Judge what stands below an element."""
        keys, seen = element.keys, set[str]()
        for key, inner in value.items():
            told = keys.get(key)
            if told is None:
                self._other(element, key, inner, path, seen, is_resource)
                continue
            child, kind = told
            name = child.name
            if child.is_choice and name in seen and "_" + key not in value:
                self._say((path, name), "is there in more than one type")
            seen.add(name)
            if not child.is_single or isinstance(inner, list):
                self._several(child, inner, kind, (path, key))
            elif child.check is None:
                self._value(child, inner, kind, (path, key))
            elif problem := child.check(inner):
                self._say((path, key), problem)
        for child in element.demanded:
            if child.name not in seen:
                self._element(child, [], None, (path, child.name))

    def _other(self, element: Element, key: str, inner: Any, path: Path, seen: set[str], is_resource: bool) -> None:
        """A key that names no child: extensions of a primitive, or nothing that may be there."""
        told = element.keys.get(key[1:]) if key.startswith("_") else None
        if told is not None:
            seen.add(told[0].name)
            for one in inner if isinstance(inner, list) else [inner]:
                if one is not None:
                    self._complex(self._known.tree(_ELEMENT), one, "Element", (path, key))
        elif key != "resourceType" or not is_resource:
            self._say((path, key), "is no element here")

    def _several(self, child: Element, inner: Any, kind: str | None, here: Path) -> None:
        """Judge an element that JSON has as a list, has to be counted, or is sliced."""
        if isinstance(inner, list) != child.repeats:
            self._say(here, "is not a list and has to be one" if child.repeats else "is a list and may not be one")
        elif child.repeats and not inner:
            self._say(here, "is an empty list")
        elif child.repeats and child.types and child.types[0].code == "CodeableConcept":
            self._concepts(child, inner, kind, here)
        else:
            self._element(child, inner if child.repeats else [inner], kind, here)

    def _concepts(self, child: Element, values: list[Any], kind: str | None, here: Path) -> None:
        """Judge a list of concepts, which most resources of a bundle have alike."""
        key = _key(child, values, kind)
        if key in self._validator.good:
            return
        count = len(self.problems)
        self._element(child, values, kind, here)
        if key is not None and len(self.problems) == count:
            self._validator.remember(key)

    def _element(self, child: Element, values: list[Any], kind: str | None, here: Path) -> None:
        self._count(child, len(values), here)
        if child.maximum == 0:
            return
        if child.slices:
            self._slices(child, values, kind, here)
            return
        for number, value in enumerate(values):
            if value is not None or not child.is_primitive:
                self._value(child, value, kind, (here, number) if child.repeats else here)

    def _count(self, child: Element, found: int, here: Path) -> None:
        if found < child.minimum:
            self._say(here, f"is missing (at least {child.minimum}, found {found})")
        elif child.maximum is not None and found > child.maximum:
            self._say(here, f"is there too often (at most {child.maximum}, found {found})")

    def _slices(self, child: Element, values: list[Any], kind: str | None, here: Path) -> None:
        """Judge each value as one of its slice, which says all that the element says and more."""
        counts = dict.fromkeys(child.slices, 0)
        sure, known, recurs = True, self._validator.good, child.recurs
        for number, value in enumerate(values):
            key = _key(child, value, kind) if recurs else None
            if known.get(key):
                counts[known[key]] += 1
                continue
            place = (here, number) if child.repeats else here
            found, certain = self._slicer.slice_of(child, value, kind, self._resolve)
            if found is not None:
                counts[found[0]] += 1
                count = len(self.problems)
                self._new(found[1], value, kind, (place, found[1].label))
                if key is not None and len(self.problems) == count:
                    self._validator.remember(key, found[0])
                continue
            sure = sure and certain
            self._value(child, value, kind, place)
            self._unsliced(child, value, certain, place)
        for name, one in child.slices.items():
            if counts[name] >= one.minimum or sure:
                self._count(one, counts[name], (here, one.label))

    def _unsliced(self, child: Element, value: Any, certain: bool, place: Path) -> None:
        if child.closed and certain and not child.is_choice:
            self._say(place, f"is in no slice, and there may be only {', '.join(child.slices)}")
        elif child.name == "extension" and isinstance(value, dict) and ":" not in str(value.get("url", ":")):
            self._say(place, f"is no part of this extension: {value['url']}")

    def _value(self, element: Element, value: Any, kind: str | None, path: Path) -> None:
        """Judge one value of an element, unless the same was good in the same place."""
        if not element.recurs or not isinstance(value, dict):
            self._new(element, value, kind, path)
            return
        key = _key(element, value, kind)
        if key in self._validator.good:
            return
        count = len(self.problems)
        self._new(element, value, kind, path)
        if key is not None and len(self.problems) == count:
            self._validator.remember(key)

    def _new(self, element: Element, value: Any, kind: str | None, path: Path) -> None:
        """Judge one value of an element."""
        if element.check is not None:
            if problem := element.check(value):
                self._say(path, problem)
            return
        told = element.type_named(kind)
        if kind is not None and told is None and element.types:
            self._say(path, f"is a {kind}; it may be {', '.join(one.code for one in element.types)}")
            return
        self._fresh(element, value, kind or (told.code if told else None), told, path)

    def _fresh(self, element: Element, value: Any, code: str | None, told: ElementType | None, path: Path) -> None:
        if element.is_restricted:
            self._restricted(element, value, path)
        if code is not None and is_primitive(code):
            problem = fault(code, value)
            if problem:
                self._say(path, problem)
        elif code in ("Resource", "DomainResource") and isinstance(value, dict):
            self.resource(value, self._place.container if element.name == "contained" else None)
        else:
            self._complex(element, value, code, path, told)

    def _restricted(self, element: Element, value: Any, path: Path) -> None:
        """Judge a value by what the element says of its content."""
        if element.fixed is not None and not _same(value, element.fixed):
            self._say(path, f"has to be {element.fixed!r}")
        if element.pattern is not None and not contains(value, element.pattern):
            self._say(path, f"does not have {_shown(element.pattern)}")
        codes = self._known.codes(element.codes) if element.codes else None
        if codes is not None and not coded_in(value, codes):
            name = (element.codes or "").rpartition("/")[2]
            self._say(path, f"has no code of the required value set {name}: {_shown(value)}")

    def _complex(
        self, element: Element, value: Any, code: str | None, path: Path, told: ElementType | None = None
    ) -> None:
        if not isinstance(value, dict):
            self._say(path, f"is no {code or 'object'}: a {type(value).__name__}")
            return
        if not value.keys() - {"id"}:
            self._say(path, "is empty", rule="ele-1")
            return
        led = _outward(element, value) if code == "Reference" else None
        if led in self._led:
            return
        errors, count = self._errors, len(self.problems)
        if code == "Extension":
            self._extension(element, value, path)
        elif code != "Reference" or len(value) > 1 or not isinstance(value.get("reference"), str):
            for tree in self._structures(element, code, told):
                self._object(tree, value, path)
        if code in _OF_A_SYSTEM and ":" not in (system := str(value.get("system", ":"))) and system[:1] != "#":
            self._say((path, "system"), "is no absolute URI")
        if code == "Reference":
            for words in references.faults(self._known, told, value, self._resolve, is_whole=self._is_whole):
                self._say(path, words)
        if self._errors == errors:
            self._invariants(element, code, value, path)
        if led and len(self.problems) == count:
            self._led.add(led)

    def _structures(self, element: Element, code: str | None, told: ElementType | None) -> list[Element]:
        """What a value of a complex type is walked along."""
        own = [element] if element.children else []
        if told and told.profiles:
            own += [self._known.tree(url) for url in told.profiles if url in self._known]
        if own:
            return own
        url = self._known.type_url(code) if code else None
        return [self._known.tree(url)] if url else []

    def _extension(self, element: Element, value: JsonObject, path: Path) -> None:
        url = value.get("url")
        if not isinstance(url, str):
            self._say((path, "url"), "is missing (at least 1, found 0)")
            return
        if ("extension" in value) == any(key.lstrip("_").startswith("value") for key in value):
            self._say(path, "has to have either a value or extensions", rule="ext-1")
        if element.children:
            self._object(element, value, path)
        elif url in self._known:
            self._context(element, url, path)
            self._object(self._known.tree(url), value, path)
            return
        else:
            self._object(self._known.tree(_HL7 + "StructureDefinition/Extension"), value, path)
        if url.startswith(_HL7) and url not in self._known:
            self._say(path, f"is an extension that is not known: {url}")
        elif element.modifies and url not in self._known:
            self._say(path, f"changes the meaning in a way that is not known: {url}")

    def _context(self, element: Element, url: str, path: Path) -> None:
        """Whether an extension may stand here.

        What FHIRPath says of places is not judged, nor extensions of a primitive, whose tree does not know its place.
        """
        contexts = self._known.contexts(url)
        here = element.path.rpartition(".")[0]
        names = [expression for kind, expression in contexts if kind == "element"]
        anywhere = {"Element", "Resource", "DomainResource"} | ({"DomainResource"} if "." not in here else set())
        is_told = names and len(names) == len(contexts) and here not in ("Element", "Extension")
        if is_told and here not in names and not anywhere & set(names):
            self._say(path, f"may stand on {', '.join(names)} only: {url}")

    def _invariants(self, element: Element, code: str | None, value: Any, path: Path) -> None:
        """Judge the rules of what is whole: they take its structure for granted."""
        for rule, at in self._validator.rules(element, code):
            if not invariants.holds(rule, value, at, self._place):
                self._say(path, f"breaks a rule: {rule.human}", severity=rule.severity, rule=rule.key)

    def _say(self, path: Path, message: str, *, severity: str = "error", rule: str | None = None) -> None:
        self._errors += severity == "error" and rule is None
        self.problems.append(Problem(name_of(self._place.resource), text_of(path), message, severity, rule))


def _key(element: Element, value: Any, kind: str | None) -> Key | None:
    """By which a value is remembered; absent where it is not of JSON's own types."""
    try:
        return id(element), kind, marshal.dumps(value, 2)
    except ValueError:
        return None


def _outward(element: Element, value: JsonObject) -> tuple[int, str] | None:
    """By which a reference is remembered that leads to the same from wherever it stands in a bundle."""
    name = value.get("reference")
    return (id(element), name) if len(value) == 1 and isinstance(name, str) and name[:1] != "#" else None


def _same(value: Any, fixed: Any) -> bool:
    return bool(value == fixed) and isinstance(value, bool) == isinstance(fixed, bool)


def _shown(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)[:120]
