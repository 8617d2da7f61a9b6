"""HL7's invariants: FHIRPath expressions, each true of what it is about.

What every bundle meets has a Python function of the same meaning, a hundred times as quick; everything else is
evaluated by ``fhirpathpy``. ``tests/engine/fhir/validation/test_invariants.py`` holds the functions against it. The
rules of empty elements (``ele-1``), of extensions (``ext-1``) and of narratives (``txt-1``, ``txt-2``) are the
validator's and the primitives' own; that a quantity has no comparator (``sqty-1``) is said by its profile as well.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.fhir.validation.definitions import Rule

JsonObject = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
ELSEWHERE = frozenset({"ele-1", "ext-1", "sqty-1", "txt-1", "txt-2"})
BEYOND_FHIRPATHPY = frozenset({"dom-3", "ras-2", "rng-2"})
"""Those that it cannot evaluate: ``as`` of a list, the type of nothing, and quantities in order."""


@dataclass(frozen=True)
class Place:
    """Where a value stands, as far as invariants ask.

    Attributes:
        resource: the resource that it is in.
        container: the resource around that one, if it is contained; itself otherwise.
    """

    resource: JsonObject
    container: JsonObject


def holds(rule: Rule, value: Any, path: str, place: Place) -> bool:
    """Whether an invariant is true of a value whose element has that path."""
    quick = QUICK.get(rule.expression)
    return quick(value, place) if quick else holds_by_fhirpath(rule, value, path, place)


def holds_by_fhirpath(rule: Rule, value: Any, path: str, place: Place) -> bool:
    """The same by FHIRPath, whatever the invariant; what can be neither true nor false does not hold."""
    from fhirpathpy.engine.nodes import ResourceNode

    inner = copy.deepcopy(value)
    node = inner if isinstance(inner, dict) and "resourceType" in inner else ResourceNode.create_node(inner, path)  # type: ignore[no-untyped-call]
    context = {"resource": copy.deepcopy(place.resource), "rootResource": copy.deepcopy(place.container), "ucum": UCUM}
    answer = _compiled(rule.expression)(node, context)
    return bool(answer) and all(answer)


@functools.cache
def _compiled(expression: str) -> Callable[..., list[Any]]:
    import fhirpathpy
    from fhirpathpy.models import models

    has_value = {"fn": _has_value, "arity": {0: []}, "nullable": True}
    options = {"userInvocationTable": {"hasValue": has_value}, "traceFn": lambda value, label: None}
    return fhirpathpy.compile(expression, models["r4"], options)


def _has_value(values: list[Any]) -> list[bool]:
    """FHIR's own addition to FHIRPath, which fhirpathpy lacks: whether there is one value, and a primitive one."""
    told = [getattr(one, "data", one) for one in values]
    return [len(told) == 1 and told[0] is not None and not isinstance(told[0], dict | list)]


def _choice(value: JsonObject, stem: str) -> bool:
    return any(key.startswith(stem) and key[len(stem) :][:1].isupper() for key in value)


def _contained(value: JsonObject) -> list[JsonObject]:
    return [one for one in value.get("contained", []) if isinstance(one, dict)]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str):
        yield value


def _is_referred_to(value: JsonObject, place: Place) -> bool:
    inner = _contained(value)
    if not inner:
        return True
    said = set(_strings(place.resource))
    return all("#" + str(one.get("id")) in said or "#" in set(_strings(one)) for one in inner)


def _period(value: JsonObject, place: Place) -> bool:
    start, end = value.get("start"), value.get("end")
    return start is None or end is None or _in_order(str(start), str(end))


def _in_order(start: str, end: str) -> bool:
    """Dates of different precision are compared as far as both go."""
    from datetime import datetime

    if "T" in start and "T" in end:
        return datetime.fromisoformat(start) <= datetime.fromisoformat(end)
    length = min(len(start), len(end), 10)
    return start[:length] <= end[:length]


def _range(value: JsonObject, place: Place) -> bool:
    low, high = value.get("low", {}), value.get("high", {})
    same = low.get("code") == high.get("code") and low.get("unit") == high.get("unit")
    return not same or "value" not in low or "value" not in high or bool(low["value"] <= high["value"])


def _probability(value: JsonObject, place: Place) -> bool:
    """HL7's validator takes a prediction without a probability for one that keeps the rule."""
    probability = value.get("probabilityDecimal")
    return not isinstance(probability, int | float | Decimal) or probability <= 100


def _codings(value: JsonObject) -> set[tuple[str | None, str | None]]:
    return {(one.get("system"), one.get("code")) for one in value.get("code", {}).get("coding", [])}


def _has_no_component_of_its_own_code(value: JsonObject, place: Place) -> bool:
    if not _choice(value, "value"):
        return True
    own = _codings(place.resource)
    return not any(_codings(one) & own for one in value.get("component", []))


def _entries(value: JsonObject) -> list[JsonObject]:
    return [one for one in value.get("entry", []) if isinstance(one, dict)]


def _has_each_once(value: JsonObject, place: Place) -> bool:
    if value.get("type") == "history":
        return True
    names = [
        (one["fullUrl"], one.get("resource", {}).get("meta", {}).get("versionId", ""))
        for one in _entries(value)
        if "fullUrl" in one
    ]
    return len(names) == len(set(names))


def _every(part: str, *kinds: str) -> Callable[[JsonObject, Place], bool]:
    def rule(value: JsonObject, place: Place) -> bool:
        expected = place.resource.get("type") in kinds
        return all((part in one) == expected for one in _entries(value))

    return rule


def _is_contained(value: JsonObject, place: Place) -> bool:
    name = value.get("reference", "")
    if not isinstance(name, str) or not name.startswith("#"):
        return True
    return name == "#" or name[1:] in {one.get("id") for one in _contained(place.container)}


def _first_is(kind: str, wanted: str) -> Callable[[JsonObject, Place], bool]:
    def rule(value: JsonObject, place: Place) -> bool:
        if value.get("type") != kind:
            return True
        first = next(iter(_entries(value)), {})
        return bool(first.get("resource", {}).get("resourceType") == wanted)

    return rule


QUICK: dict[str, Callable[[Any, Place], bool]] = {
    "probability is decimal implies (probability as decimal) <= 100": _probability,
    # domain resources
    "contained.contained.empty()": lambda value, place: all("contained" not in one for one in _contained(value)),
    "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | "
    "%resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = "
    "'#').exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = "
    "'#').exists()).not()).trace('unmatched', id).empty()": _is_referred_to,
    "contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()": lambda value, place: all(
        not {"versionId", "lastUpdated"} & set(one.get("meta", {})) for one in _contained(value)
    ),
    "contained.meta.security.empty()": lambda value, place: all(
        "security" not in one.get("meta", {}) for one in _contained(value)
    ),
    "text.`div`.exists()": lambda value, place: "div" in value.get("text", {}),
    # data types
    "data.empty() or contentType.exists()": lambda value, place: "data" not in value or "contentType" in value,
    "code.empty() or system.exists()": lambda value, place: "code" not in value or "system" in value,
    "value.empty() or system.exists()": lambda value, place: "value" not in value or "system" in value,
    "start.hasValue().not() or end.hasValue().not() or (start <= end)": _period,
    "low.empty() or high.empty() or (low <= high)": _range,
    "reference.startsWith('#').not() or (reference.substring(1).trace('url') in "
    "%rootResource.contained.id.trace('ids'))": _is_contained,
    # resources
    "dataAbsentReason.empty() or value.empty()": lambda value, place: (
        "dataAbsentReason" not in value or not _choice(value, "value")
    ),
    "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()": (
        _has_no_component_of_its_own_code
    ),
    "orderDetail.empty() or code.exists()": lambda value, place: "orderDetail" not in value or "code" in value,
    "(identifier.count() + name.count()) > 0": lambda value, place: bool(value.get("identifier") or value.get("name")),
    "lastModified.exists().not() or authoredOn.exists().not() or lastModified >= authoredOn": lambda value, place: (
        "lastModified" not in value
        or "authoredOn" not in value
        or _in_order(value["authoredOn"], value["lastModified"])
    ),
    # bundles
    "total.empty() or (type = 'searchset') or (type = 'history')": lambda value, place: (
        "total" not in value or value.get("type") in ("searchset", "history")
    ),
    "entry.search.empty() or (type = 'searchset')": lambda value, place: (
        value.get("type") == "searchset" or all("search" not in one for one in _entries(value))
    ),
    "entry.all(request.exists() = (%resource.type = 'batch' or %resource.type = 'transaction' or %resource.type = "
    "'history'))": _every("request", "batch", "transaction", "history"),
    "entry.all(response.exists() = (%resource.type = 'batch-response' or %resource.type = 'transaction-response' or "
    "%resource.type = 'history'))": _every("response", "batch-response", "transaction-response", "history"),
    "resource.exists() or request.exists() or response.exists()": lambda value, place: bool(
        {"resource", "request", "response"} & set(value)
    ),
    "(type = 'history') or entry.where(fullUrl.exists()).select(fullUrl&resource.meta.versionId).isDistinct()": (
        _has_each_once
    ),
    "fullUrl.contains('/_history/').not()": lambda value, place: "/_history/" not in value.get("fullUrl", ""),
    "type = 'document' implies (identifier.system.exists() and identifier.value.exists())": lambda value, place: (
        value.get("type") != "document" or {"system", "value"} <= set(value.get("identifier", {}))
    ),
    "type = 'document' implies (timestamp.hasValue())": lambda value, place: (
        value.get("type") != "document" or "timestamp" in value
    ),
    "type = 'document' implies entry.first().resource.is(Composition)": _first_is("document", "Composition"),
    "type = 'message' implies entry.first().resource.is(MessageHeader)": _first_is("message", "MessageHeader"),
}
"""Python for what every bundle meets, by expression."""
