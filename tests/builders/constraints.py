"""Every constraint of a structure's snapshot, with a resource that breaks it and one that differs by keeping it.

Resources are made of the snapshot alone: what has to be there, and on the way to the element whatever its parents need.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.fhir.validation.definitions import Definitions
from engine.fhir.validation.element import ANY_TYPE, Element

JsonObject = dict[str, Any]
Step = tuple[Element, Element | None]
"""A child, and the slice of it if it is one."""
NONSENSE = {"coding": [{"system": "https://laboratory.invalid/nonsense", "code": "nonsense"}]}
ELSEWHERE = {"url": "https://laboratory.invalid/x", "valueString": "x"}
SAMPLES: dict[str, Any] = {
    "base64Binary": "eA==", "boolean": True, "canonical": "https://laboratory.invalid/x", "code": "x",
    "date": "2026-01-01", "dateTime": "2026-01-01", "decimal": 1.5, "id": "x", "instant": "2026-01-01T00:00:00Z",
    "integer": 1, "markdown": "x", "oid": "urn:oid:1.2.3.4", "positiveInt": 1, "string": "x", "time": "10:00:00",
    "unsignedInt": 1, "uri": "https://laboratory.invalid/x", "url": "https://laboratory.invalid/x",
    "uuid": "urn:uuid:00000000-0000-4000-8000-000000000000",
    "xhtml": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>',
    "Address": {"text": "x"}, "Annotation": {"text": "x"}, "Attachment": {"title": "x"},
    "CodeableConcept": {"text": "x"}, "Coding": {"system": "https://laboratory.invalid/x", "code": "x"},
    "ContactPoint": {"system": "phone", "value": "1"}, "Extension": ELSEWHERE, "HumanName": {"text": "x"},
    "Identifier": {"system": "https://laboratory.invalid/x", "value": "x"},
    "Meta": {"tag": [{"system": "https://laboratory.invalid/x", "code": "x"}]},
    "Narrative": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    "Period": {"start": "2026-01-01"}, "Quantity": {"value": 1}, "Range": {"low": {"value": 1}},
    "Ratio": {"numerator": {"value": 1}, "denominator": {"value": 2}}, "Reference": {"display": "x"},
    "RelatedArtifact": {"type": "citation", "citation": "x"}, "Resource": {"resourceType": "Patient", "id": "in"},
    "Timing": {"event": ["2026-01-01"]},
}  # fmt: skip
"""A value of each type, of which nothing more is known."""


@dataclass(frozen=True)
class Constraint:
    """What a structure demands of one element.

    Attributes:
        structure: URL.
        kind: ``minimum``, ``maximum``, ``forbidden``, ``fixed``, ``codes``, ``type`` or ``target``.
        steps: from the structure's root to the element.
        kept: a resource that says something of the element, or of its parent, that it may.
        broken: the same with the constraint broken.
    """

    structure: str
    kind: str
    steps: tuple[Step, ...]
    kept: JsonObject
    broken: JsonObject

    @property
    def name(self) -> str:
        """As people know it."""
        names = [one.name + (part.label if part else "") for one, part in self.steps]
        return f"{self.structure.rpartition('/')[2]} {'.'.join(names)} {self.kind}"

    def is_named_by(self, place: str) -> bool:
        """Whether the place in a message is this element's: every step of the way is in it, in order."""
        parts = []
        for number, (one, part) in enumerate(self.steps):
            told = part.label if part and (number + 1 < len(self.steps) or self.kind == "minimum") else ""
            parts.append(rf"\.{re.escape(one.name.removesuffix('[x]'))}\w*(\[x\]|\[\d+\])*{re.escape(told)}(:[\w-]+)?")
        return re.search("".join(parts), place) is not None


def constraints(known: Definitions, structure: str) -> Iterator[Constraint]:
    """Every constraint of a structure's own snapshot, its root's apart."""
    maker = _Maker(known, structure)
    for steps in _ways(known.tree(structure), ()):
        for kind in _kinds(known, steps):
            kept, broken = maker.pair(steps, kind)
            yield Constraint(structure, kind, steps, kept, broken)


def elements(known: Definitions, structure: str) -> list[str]:
    """Ids of the elements that are looked at, as a snapshot has them."""
    root = known.type_of(structure)
    ways = _ways(known.tree(structure), ())
    return [".".join([root, *(one.name + (part.label if part else "") for one, part in way)]) for way in ways]


def _ways(element: Element, way: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    for child in element.children.values():
        if child in [one for one, _ in way]:
            continue
        for part in (None, *child.slices.values()):
            yield (*way, (child, part))
            if (part or child).maximum != 0:
                yield from _ways(part or child, (*way, (child, part)))


def _kinds(known: Definitions, steps: tuple[Step, ...]) -> Iterator[str]:
    child, part = steps[-1]
    one, told = part or child, _tells_a_slice(steps)
    if one.maximum == 0:
        yield "forbidden"
        return
    if (
        one.minimum
        and not (part is not None and not child.repeats)
        and (not told or (part is not None and one is part))
    ):
        yield "minimum"
    if child.repeats and one.maximum:
        yield "maximum"
    if (one.fixed is not None or one.pattern is not None) and not told:
        yield "fixed"
    if one.codes and known.codes(one.codes) and not told:
        yield "codes"
    if child.is_choice and part is None and _wrong_type(child):
        yield "type"
    targets = [url for each in one.types if each.code == "Reference" for url in each.targets]
    if targets and not any(url.endswith("/Resource") for url in targets):
        yield "target"


def _tells_a_slice(steps: tuple[Step, ...]) -> bool:
    """Whether an element is what a slice is told by: whoever changes it has left the slice and broken nothing."""
    for number, (child, part) in enumerate(steps):
        below = [one.name for one, _ in steps[number + 1 :]]
        for _, path in child.by if part else ():
            if all(one == other for one, other in zip(below, [] if path == "$this" else path.split("."), strict=False)):
                return True
    return [one.path for one, _ in steps] == ["Extension.url"]


def _wrong_type(child: Element) -> str | None:
    allowed = {one.code for one in child.types}
    return next((code for code in ANY_TYPE if code not in allowed), None)


class _Maker:
    """Makes resources of a structure."""

    def __init__(self, known: Definitions, structure: str) -> None:
        self._known, self._structure = known, structure

    def pair(self, steps: tuple[Step, ...], kind: str) -> tuple[JsonObject, JsonObject]:
        """A resource that keeps a constraint, and one that breaks it."""
        return self._resource(steps, kind, broken=False), self._resource(steps, kind, broken=True)

    def _resource(self, steps: tuple[Step, ...], kind: str, *, broken: bool) -> JsonObject:
        tree, name = self._known.tree(self._structure), self._known.type_of(self._structure)
        value = self._whole(tree)
        self._reach(tree, value, steps, kind, broken=broken)
        if not value:
            value["extension"] = [ELSEWHERE]
        if name == "Extension":
            return {"resourceType": "Patient", "id": "p", "extension": [value]}
        if name == "Annotation":
            note = self._structure.rpartition("/")[0] + "/genomic-report-note"
            return {"resourceType": "Patient", "id": "p", "extension": [{"url": note, "valueAnnotation": value}]}
        profile = [] if "profile" in value.get("meta", {}) else [self._structure]
        meta = {**value.get("meta", {}), "profile": [*value.get("meta", {}).get("profile", []), *profile]}
        return {**value, "resourceType": name, "id": value.get("id", "r"), "meta": meta}

    def _reach(self, tree: Element, value: JsonObject, steps: tuple[Step, ...], kind: str, *, broken: bool) -> None:
        (child, part), below = steps[0], steps[1:]
        if not below:
            self._change(value, child, part, kind, broken=broken)
            return
        code = (part or child).types[0].code if (part or child).types else None
        key = _key(child, code)
        inner = self._value(part or child, code)
        if not isinstance(inner, dict):
            inner = {}
            key = "_" + key
        self._put(value, key, child, part, inner)
        self._reach(part or child, inner, below, kind, broken=broken)
        if not inner.keys() - {"id"}:
            inner["extension"] = [ELSEWHERE]

    def _change(self, value: JsonObject, child: Element, part: Element | None, kind: str, *, broken: bool) -> None:
        one = part or child
        code = one.types[0].code if one.types else None
        key = _key(child, code)
        if kind == "minimum":
            if broken:
                self._drop(value, child, part)
            return
        if kind == "forbidden" and not broken:
            return
        if not broken:
            self._put(value, key, child, part, self._value(one, code))
        elif kind == "maximum":
            value[key] = [*self._others(value.get(key, []), child, part)] + [
                self._value(one, code) for _ in range(int(one.maximum or 0) + 1)
            ]
        elif kind == "type":
            self._drop(value, child, None)
            wrong = str(_wrong_type(child))
            value[_key(child, wrong)] = copy.deepcopy(SAMPLES.get(wrong, {"value": 1}))
        else:
            self._put(value, key, child, part, _wrong(kind, one, code))

    def _others(self, found: list[Any], child: Element, part: Element | None) -> list[Any]:
        return [each for number, each in enumerate(found) if part is not None and number != self._place(child, part)]

    def _put(self, value: JsonObject, key: str, child: Element, part: Element | None, inner: Any) -> None:
        if not child.repeats:
            self._drop(value, child, None)
            value[key] = inner
            return
        found = value.setdefault(key, [])
        place = self._place(child, part)
        if place < len(found):
            found[place] = inner
        else:
            found.append(inner)

    def _place(self, child: Element, part: Element | None) -> int:
        """Where a slice stands among those that have to be there; the first, where there are no slices."""
        needed = [one for one in child.slices.values() if one.minimum]
        return needed.index(part) if part in needed else len(needed)

    def _drop(self, value: JsonObject, child: Element, part: Element | None) -> None:
        stem = child.name.removesuffix("[x]")
        for key in [key for key in value if key == child.name or (child.is_choice and key.startswith(stem))]:
            if part is not None and child.repeats:
                value[key] = self._others(value[key], child, part)
            if part is None or not value[key]:
                del value[key]

    def _whole(self, tree: Element) -> JsonObject:
        """What has to be there below an element."""
        value: JsonObject = {}
        for child in tree.children.values():
            parts = [one for one in child.slices.values() if one.minimum]
            for one in parts or ([child] if child.minimum else []):
                code = one.types[0].code if one.types else None
                key = _key(child, code)
                inner = self._value(one, code)
                if child.repeats:
                    value.setdefault(key, []).append(inner)
                else:
                    value[key] = inner
        if tree.path.rpartition(".")[2] == "extension" or tree.path == "Extension":
            self._say(tree, value)
        return value

    def _say(self, tree: Element, value: JsonObject) -> None:
        """An extension has to say something."""
        told = tree.children.get("value[x]")
        if "extension" not in value and not any(key.startswith("value") for key in value):
            if told is not None and told.maximum != 0 and told.types:
                code = told.types[0].code
                value[_key(told, code)] = self._value(told, code)
            else:
                parts = [one for one in tree.children["extension"].slices.values() if one.maximum != 0]
                value["extension"] = [self._value(parts[0], "Extension")] if parts else [ELSEWHERE]

    def _value(self, one: Element, code: str | None) -> Any:
        """A value that an element may have."""
        if one.fixed is not None or one.pattern is not None:
            return copy.deepcopy(one.fixed if one.fixed is not None else one.pattern)
        codes = self._known.codes(one.codes) if one.codes else None
        if codes:
            return self._coded(codes, code)
        kind = one.type_named(code)
        targets = kind.targets if kind else ()
        if targets:
            return {"reference": f"{self._known.type_of(targets[0])}/x".replace("Resource/", "Patient/")}
        profiles = [url for url in (kind.profiles if kind else ()) if url in self._known]
        tree = self._known.tree(profiles[0]) if profiles and not one.children else one
        whole = self._whole(tree)
        sample = copy.deepcopy(SAMPLES.get(code or "", {}))
        if not isinstance(sample, dict) or (not whole and sample):
            return sample
        return whole or {"extension": [ELSEWHERE]}

    def _coded(self, codes: Any, code: str | None) -> Any:
        system, listed = next(iter(codes.items()))
        found = sorted(listed)[0] if listed else "NM_1.1:c.1A>G"
        if code == "Coding":
            return {"system": system, "code": found}
        return {"coding": [{"system": system, "code": found}]} if code == "CodeableConcept" else found


def _key(child: Element, code: str | None) -> str:
    """What JSON calls a child whose value has a type."""
    name = code or ""
    return child.name.removesuffix("[x]") + name[:1].upper() + name[1:] if child.is_choice else child.name


def _wrong(kind: str, one: Element, code: str | None) -> Any:
    if kind == "target":
        return {"reference": "Basic/b1"}
    if kind == "forbidden":
        return copy.deepcopy(SAMPLES.get(code or "", {"extension": [ELSEWHERE]}))
    if code == "CodeableConcept":
        return copy.deepcopy(NONSENSE)
    if code in ("Coding", "Quantity"):
        return {"system": "https://laboratory.invalid/nonsense", "code": "nonsense"}
    return {"boolean": not one.fixed}.get(code or "", "nonsense")
