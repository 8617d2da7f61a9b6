"""A FHIR resource made wrong in one place at a time, each place where its profile says something."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.fhir.validation.definitions import Definitions
from engine.fhir.validation.element import Element
from engine.fhir.validation.slices import Slicer

JsonObject = dict[str, Any]
Place = tuple[str | int, ...]
NONSENSE = {"coding": [{"system": "https://laboratory.invalid/nonsense", "code": "nonsense"}]}


@dataclass(frozen=True)
class Mutant:
    """A resource with one thing wrong.

    Attributes:
        what: the kind of constraint that it breaks.
        element: name of the element at fault, as a message names it.
        resource: the whole resource.
    """

    what: str
    element: str
    resource: JsonObject


def mutants(known: Definitions, profile: str, resource: JsonObject) -> Iterator[Mutant]:
    """Every mutant of a resource that follows a profile."""
    yield Mutant("unknown element", "foo", resource | {"foo": 1})
    unknown = {"url": "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/foo", "valueString": "x"}
    broken = resource | {"extension": [*resource.get("extension", []), unknown]}
    yield Mutant("unknown extension", "extension", broken)
    for what, element, change in _changes(known, known.tree(profile), resource, ()):
        mutant = copy.deepcopy(resource)
        change(mutant)
        yield Mutant(what, element, mutant)


Change = tuple[str, str, Callable[[JsonObject], None]]


def _changes(known: Definitions, tree: Element, value: JsonObject, place: Place, shield: str = "") -> Iterator[Change]:
    """Changes below a place; ``shield`` is what tells the slice, whose change would only leave it."""
    for child in tree.children.values():
        keys = [key for key in value if tree.keys.get(key, (None,))[0] is child]
        if not keys:
            if child.maximum == 0 and not child.is_choice and place == ():
                yield "forbidden", child.name, _set((*place, child.name), [{}] if child.repeats else {})
            continue
        if child.name == shield:
            continue
        key = keys[0]
        here = (*place, key)
        if child.minimum and len(value) > 1 and not (child.name == "url" and "Extension" in child.path):
            yield "minimum", child.name, _remove(here)
        yield "list or not", key, _wrap(here, child.repeats)
        if child.is_choice:
            yield from _choice(tree, child, place, key)
        yield from _of_values(known, child, value[key], here)


def _of_values(known: Definitions, child: Element, found: Any, here: Place) -> Iterator[Change]:
    slicer = Slicer(known)
    values = found if child.repeats else [found]
    if child.repeats and child.maximum:
        yield "maximum", child.name, _repeat(here, child.maximum + 1)
    for number, one in enumerate(values):
        place = (*here, number) if child.repeats else here
        told = slicer.slice_of(child, one, _type_in(here, child), lambda reference: None)[0] if child.slices else None
        element = told[1] if told else child
        shield = child.by[0][1].partition(".")[0] if told and child.by else ""
        if told and child.repeats and element.maximum:
            yield f"slice maximum {told[0]}", told[0], _repeat_one(here, number, element.maximum)
        if told and child.repeats and element.minimum:
            yield f"slice minimum {told[0]}", child.name, _remove(place)
        yield from _of_value(known, element, one, place, shield)


def _of_value(known: Definitions, element: Element, one: Any, place: Place, shield: str) -> Iterator[Change]:
    if (element.pattern is not None or element.fixed is not None) and shield not in ("coding", "$this"):
        yield "pattern", element.name, _set(place, NONSENSE if isinstance(one, dict) else "nonsense")
    if element.codes and known.codes(element.codes):
        yield "required codes", element.name, _set(place, NONSENSE if isinstance(one, dict) else "nonsense")
    targets = [url for each in element.types for url in each.targets]
    if (
        targets
        and not any(url.endswith("/Resource") for url in targets)
        and isinstance(one, dict)
        and "reference" in one
    ):
        yield "reference target", element.name, _set(place, {"reference": "Basic/b1"})
    if isinstance(one, dict):
        yield "empty", element.name, _set(place, {})
        yield "not an object", element.name, _set(place, "text")
        yield from _below(known, element, one, place, shield)
    else:
        yield "primitive type", element.name, _set(place, {"a": 1})


def _below(known: Definitions, element: Element, one: JsonObject, place: Place, shield: str) -> Iterator[Change]:
    if element.children:
        yield from _changes(known, element, one, place, shield)
    elif one.get("url") in known and "value" not in str(element.name):
        yield from _changes(known, known.tree(one["url"]), one, place, "url")
    for profile in [url for each in element.types for url in each.profiles if each.code != "Extension"]:
        yield from _changes(known, known.tree(profile), one, place)


def _choice(tree: Element, child: Element, place: Place, key: str) -> Iterator[Change]:
    """The value under the name of a type that the element may not have."""
    allowed = {one.code for one in child.types}
    wrong = next((name for name, (one, code) in tree.keys.items() if one is child and code not in allowed), None)
    if wrong:
        yield "type", wrong, _rename((*place, key), wrong)


def _type_in(here: Place, child: Element) -> str | None:
    name = str(here[-1]).removeprefix(child.name.removesuffix("[x]"))
    return (name if len(child.types) != 1 else child.types[0].code) if child.is_choice else None


def _parent(resource: Any, place: Place) -> Any:
    for part in place[:-1]:
        resource = resource[part]
    return resource


def _set(place: Place, value: Any) -> Callable[[JsonObject], None]:
    return lambda resource: _parent(resource, place).__setitem__(place[-1], value)


def _remove(place: Place) -> Callable[[JsonObject], None]:
    def change(resource: JsonObject) -> None:
        parent = _parent(resource, place)
        del parent[place[-1]]
        if parent == [] and len(place) > 1:
            del _parent(resource, place[:-1])[place[-2]]

    return change


def _wrap(place: Place, is_list: bool) -> Callable[[JsonObject], None]:
    def change(resource: JsonObject) -> None:
        parent = _parent(resource, place)
        parent[place[-1]] = parent[place[-1]][0] if is_list else [parent[place[-1]]]

    return change


def _rename(place: Place, name: str) -> Callable[[JsonObject], None]:
    def change(resource: JsonObject) -> None:
        parent = _parent(resource, place)
        parent[name] = parent.pop(place[-1])

    return change


def _repeat(place: Place, times: int) -> Callable[[JsonObject], None]:
    def change(resource: JsonObject) -> None:
        parent = _parent(resource, place)
        parent[place[-1]] = [copy.deepcopy(parent[place[-1]][0]) for _ in range(times)]

    return change


def _repeat_one(place: Place, number: int, more: int) -> Callable[[JsonObject], None]:
    def change(resource: JsonObject) -> None:
        values = _parent(resource, place)[place[-1]]
        values += [copy.deepcopy(values[number]) for _ in range(more)]

    return change
