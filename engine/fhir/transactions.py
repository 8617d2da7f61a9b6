"""A bundle on its way to a server: resources by their place on it, and transactions that the server can take.

Every resource of ours has an id that derives from its content and is written with PUT, so whatever is sent twice is
there once. What the hospital keeps itself (patient, order) is referred to under the hospital's own id and not sent.

A report that lies on the server is never beside results of another version: what changes of it goes in one
transaction. Where that would be more than the server takes, the report is put on hold first (:func:`held`), so that it
says nothing while its results change.

Beside each report lies a mark (:func:`mark`), which every transaction of it writes anew for the version that was seen:
one that was given up and comes after another finds another version, and is refused whole.
"""

from __future__ import annotations

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.fhir.codes import JsonObject
from engine.fhir.narrative import narrative
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
        withdrawn: of the sent those that were told before and are not told any more.
    """

    sent: int
    unchanged: int
    transactions: int
    report: str
    withdrawn: int = 0


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


def amending(changed: Resources, report: str, known: Collection[str], *, most: int) -> tuple[list[JsonObject], int]:
    """The transactions of a report that lies on the server, and how many of the last of them must follow each other.

    What the server does not have yet is named by nothing that is there: it goes first, in as many transactions as it
    takes. All others go in one with the report, or, where they are too many, in several that each hold the report back
    until the last. Each of these has the report, so that one that comes late can be refused by its version.

    Args:
        changed: what is to be sent.
        report: place of the report.
        known: places that the server has.
        most: entries of a transaction, 2 or more.
    """
    new = {place: one for place, one in changed.items() if place not in known and place != report}
    later = {place: one for place, one in changed.items() if place not in new}
    first = transactions(new, most=most)
    if len(later) <= most or report not in later:
        last = transactions(later, most=most)
        return [*first, *last], len(last)
    order = _in_order(later)
    before, told = order[: order.index(report)], order[order.index(report) :]
    room = max(most - len(told), 0)
    before, with_report = before[: len(before) - room], before[len(before) - room :]
    hold = {report: held(later[report])}
    steps = [before[start : start + most - 1] for start in range(0, len(before), most - 1)]
    on_hold = [_transaction(hold | {place: later[place] for place in step}) for step in steps]
    end = _transaction({place: later[place] for place in [*with_report, *told]})
    return [*first, *on_hold, end], len(on_hold) + 1


_HELD = ("resourceType", "id", "meta", "identifier", "category", "code", "subject", "performer", "issued")


def held(report: JsonObject) -> JsonObject:
    """A report that says nothing for the moment: a later version of it is being written."""
    words = "A later version of this report is being written; what it said before does not stand for the moment."
    told = {name: report[name] for name in _HELD if name in report}
    resource: JsonObject = told | {"status": "registered", "conclusion": words}
    return resource | {"text": narrative(resource)}


_URI = "urn:ietf:rfc:3986"


def mark(report: str, content: str | None = None) -> tuple[str, JsonObject]:
    """Place and resource of the mark that lies beside a report, from before it is there.

    Args:
        report: place of the report.
        content: sha256, hex, of the transaction that writes it; absent while none has come.
    """
    of_report = f"urn:uuid:{report.partition('/')[2]}"
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{of_report}|mark"))
    named = [{"system": _URI, "value": of_report}]
    if content is not None:  # as a URI: RFC 6920
        digest = urlsafe_b64encode(bytes.fromhex(content)).decode().rstrip("=")
        named.append({"system": _URI, "value": f"ni:///sha-256;{digest}"})
    words = "Which transaction of a report came last; it says nothing of a patient."
    resource: JsonObject = {"resourceType": "Basic", "id": name, "identifier": named, "code": {"text": words}}
    return f"Basic/{name}", resource | {"text": narrative(resource)}


def marking(report: str) -> JsonObject:
    """The transaction that puts down the mark of a report of which nothing has come yet."""
    place, resource = mark(report)
    return _transaction({place: resource})


def marked(part: JsonObject, report: str) -> JsonObject:
    """A transaction of a report that writes its mark too."""
    place, resource = mark(report, digest_text(canonical_json(part)))
    return {**part, "entry": [*_transaction({place: resource})["entry"], *part["entry"]]}


WITHDRAWN = {
    "Observation": "entered-in-error",
    "RiskAssessment": "entered-in-error",
    "Task": "entered-in-error",
    "DocumentReference": "superseded",
}
"""Status of what a report told before and does not tell any more, by type; nothing else is taken back."""


def withdrawn(resource: JsonObject) -> JsonObject | None:
    """A resource of the server's as it is when its report does not tell of it any more; absent where it is so already.

    The guide's profile of a proposed Task fixes its status, so one that is taken back does not follow it.
    """
    kind = resource["resourceType"]
    if resource.get("status") == WITHDRAWN[kind]:
        return None
    profiles = resource.get("meta", {}).get("profile")
    meta = {"meta": {"profile": profiles}} if profiles and kind != "Task" else {}
    kept = {name: value for name, value in resource.items() if name not in ("meta", "text")}
    changed: JsonObject = kept | meta | {"status": WITHDRAWN[kind]}
    words = narrative(changed)
    return changed | {"text": words | {"div": words["div"].replace("<p>", "<p>No longer reported: ", 1)}}


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


def is_told_by_the_report(place: str) -> bool:
    """Whether a resource is one that a report tells of."""
    return place.partition("/")[0] in _TOLD_BY_THE_REPORT


def _is_of_the_report(resource: JsonObject) -> bool:
    """The report, and what is said of it: nothing else refers to these."""
    targets: Sequence[JsonObject] = resource.get("target", [])
    is_about = any(str(one.get("reference", "")).startswith("DiagnosticReport/") for one in targets)
    return resource["resourceType"] == "DiagnosticReport" or is_about
