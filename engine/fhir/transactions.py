"""A bundle on its way to a server: resources by their place on it, and transactions that the server can take.

Every resource of ours has an id that derives from its content and is written with PUT, so whatever is sent twice is
there once. What the hospital keeps itself (patient, order) is referred to under the hospital's own id and not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.fhir.codes import JsonObject
from engine.receipt import canonical_json, digest_text

Resources = dict[str, JsonObject]
"""Resources by ``Type/id``; their references are of that form too."""

_TOLD_BY_THE_REPORT = frozenset({"DiagnosticReport", "Observation", "Procedure", "RiskAssessment", "Task"})


@dataclass(frozen=True)
class Arrival:
    """What became of a report that a server took.

    Attributes:
        sent: resources that were sent.
        unchanged: resources that the server had already.
        transactions: in which they were sent.
        report: place of the DiagnosticReport on the server.
    """

    sent: int
    unchanged: int
    transactions: int
    report: str


def addressed(bundle: JsonObject, known: Mapping[str, str] | None = None) -> Resources:
    """The resources of a bundle as they are to lie on a server.

    Args:
        bundle: a transaction as :func:`engine.fhir.bundle.build_bundle` makes it.
        known: places on the server, by full URL, of what the hospital has already; left out of what is sent.
    """
    known = known or {}
    places = {entry["fullUrl"]: str(entry["request"]["url"]) for entry in bundle["entry"]} | dict(known)
    return {
        str(entry["request"]["url"]): with_references(entry["resource"], lambda name: places.get(name, name))
        for entry in bundle["entry"]
        if entry["fullUrl"] not in known
    }


def content_digests(resources: Resources) -> dict[str, str]:
    """sha256 of what each resource says, by place."""
    return {place: digest_text(canonical_json(resource)) for place, resource in resources.items()}


def transactions(resources: Resources, *, most: int) -> list[JsonObject]:
    """The resources as transactions of at most so many entries, in the order in which they are to be sent.

    A reference leads into the same transaction, an earlier one, or to what the server has. The report comes last,
    with as much of what it tells as there is room for, so that it is never there without something it names.
    """
    order = _in_order(resources)
    ends = range(len(order), 0, -most)
    parts = [order[max(end - most, 0) : end] for end in reversed(ends)]
    return [_transaction({place: resources[place] for place in part}) for part in parts]


def with_references(resource: Any, place: Callable[[str], str]) -> Any:
    """The same with every literal reference written anew."""
    if isinstance(resource, dict):
        return {
            key: place(value) if key == "reference" and isinstance(value, str) else with_references(value, place)
            for key, value in resource.items()
        }
    if isinstance(resource, list):
        return [with_references(value, place) for value in resource]
    return resource


def references_in(resource: Any) -> Iterator[str]:
    """Every literal reference within a resource."""
    if isinstance(resource, dict):
        for key, value in resource.items():
            if key == "reference" and isinstance(value, str):
                yield value
            else:
                yield from references_in(value)
    elif isinstance(resource, list):
        for value in resource:
            yield from references_in(value)


def _transaction(resources: Resources) -> JsonObject:
    def within(name: str) -> str:
        return f"urn:uuid:{name.partition('/')[2]}" if name in resources else name

    entries = [
        {
            "fullUrl": f"urn:uuid:{place.partition('/')[2]}",
            "resource": with_references(resource, within),
            "request": {"method": "PUT", "url": place},
        }
        for place, resource in resources.items()
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _in_order(resources: Resources) -> list[str]:
    """Each after what it refers to; what the report tells after everything else, and the report at the end."""
    ranked = sorted(resources, key=lambda place: (_rank(resources[place]), place))
    order: dict[str, None] = {}
    for place in ranked:
        _visit(place, resources, order, set())
    reports = [place for place in order if _is_of_the_report(resources[place])]
    return [place for place in order if place not in reports] + reports


def _visit(place: str, resources: Resources, order: dict[str, None], waiting: Collection[str]) -> None:
    if place in order or place in waiting:
        return
    below = [name for name in references_in(resources[place]) if name in resources]
    for name in sorted(below, key=lambda one: (_rank(resources[one]), one)):
        _visit(name, resources, order, {*waiting, place})
    order[place] = None


def _rank(resource: JsonObject) -> int:
    return 2 if _is_of_the_report(resource) else int(resource["resourceType"] in _TOLD_BY_THE_REPORT)


def _is_of_the_report(resource: JsonObject) -> bool:
    """The report, and what is said of it: nothing else refers to these."""
    targets: Sequence[JsonObject] = resource.get("target", [])
    is_about = any(str(one.get("reference", "")).startswith("DiagnosticReport/") for one in targets)
    return resource["resourceType"] == "DiagnosticReport" or is_about
