"""The hospital's electronic health record: takes reports as FHIR, each once.

What is sent, in which order and how, is decided here; the report is made elsewhere (:mod:`engine.fhir`), the server is
spoken to by :mod:`resources.fhir_server`, and what was sent is remembered by :mod:`resources.registry.deliveries`.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

from engine.errors import DeliveryError
from engine.fhir.codes import JsonObject
from engine.fhir.transactions import (
    WITHDRAWN,
    Arrival,
    Resources,
    addressed,
    amending,
    content_digests,
    is_told_by_the_report,
    mark,
    marked,
    marking,
    transactions,
    with_references,
    withdrawn,
)
from engine.receipt import canonical_json, digest_text
from resources.audit import AuditLog
from resources.fhir_access import FhirAccess, authorization, read_access
from resources.fhir_server import FhirServer, OvertakenError, Patience, RefusedError, Seen, content_of
from resources.registry.deliveries import Deliveries, DeliveryState

_LONGEST_RESPONSE = 20_000
_MOST_TURNS = 4
"""Times that a report is looked at anew because another transaction of it came in between."""


class Hospital:
    """The system that reports are delivered to.

    Args:
        url: base of its FHIR server, absent where reports are delivered nowhere.
        access: file that says how it is asked, absent on loopback.
        ledger: what was sent.
        audit: who asked for what.
        server: speaks with it; made of the others where absent.
    """

    def __init__(
        self,
        url: str | None,
        access: Path | None,
        ledger: Deliveries,
        audit: AuditLog,
        *,
        server: FhirServer | None = None,
    ) -> None:
        self._url, self._access_file = url.rstrip("/") if url else None, access
        self.ledger, self._audit = ledger, audit
        if server is not None:
            self.__dict__["server"] = server

    @property
    def destination(self) -> str | None:
        """Base URL of the server, absent where reports are delivered nowhere."""
        return self._url

    @property
    def takes_unsigned(self) -> bool:
        """Whether the laboratory delivers reports that nobody has signed."""
        return self.access.deliver == "unsigned"

    @cached_property
    def access(self) -> FhirAccess:
        """How the server is asked."""
        return read_access(self._access_file)

    @cached_property
    def server(self) -> FhirServer:
        """The server; DeliveryError where it may not be asked like this."""
        import httpx

        patience = Patience()
        client = httpx.Client(timeout=patience.timeout)
        access = authorization(self.access, str(self._url), client)
        return FhirServer(str(self._url), access, patience, client=client)

    def deliver(self, sample: str, bundle: JsonObject) -> Arrival:
        """Send a report: what the server does not have yet, the report itself last.

        Raises:
            DeliveryError: no server is named, it cannot be reached, or it refuses what is sent; ``deliveries`` keeps
                what it said.
        """
        if self._url is None:
            raise DeliveryError("no FHIR server is named", remedy="set GENOMICS_FHIR_URL", sample=sample)
        content = digest_text(canonical_json(bundle))
        self.ledger.ask(sample, self._url, content)
        try:
            delivered = self._in_turn(sample, bundle)
        except DeliveryError as error:
            state = DeliveryState.REFUSED if isinstance(error, RefusedError) else DeliveryState.FAILED
            said = json.dumps(error.outcome) if isinstance(error, RefusedError) and error.outcome else error.problem
            self.ledger.tried(sample, self._url, content, state, said[:_LONGEST_RESPONSE])
            raise error.about(sample=sample) from None
        self.ledger.tried(sample, self._url, content, DeliveryState.SENT)
        self._audit.record("system", "report delivered", sample, {"to": self._url, "content": content})
        return delivered

    def _in_turn(self, sample: str, bundle: JsonObject) -> Arrival:
        """Send it for what lies on the server; where another transaction of it comes first, look there again."""
        for turn in range(1, _MOST_TURNS + 1):
            try:
                return self._send(sample, bundle)
            except OvertakenError as error:
                if turn == _MOST_TURNS or not error.place.startswith("Basic/"):
                    raise
        raise AssertionError("the last turn returns or raises")

    def _send(self, sample: str, bundle: JsonObject) -> Arrival:
        resources = addressed(bundle, self._known(bundle))
        contents, report = content_digests(resources), _report(resources)
        has = self.ledger.have(str(self._url), contents)
        changed = {place: one for place, one in resources.items() if has.get(place) != contents[place]}
        unchanged = len(resources) - len(changed)
        if not changed:
            return Arrival(0, unchanged, 0, report)
        gone = self._no_longer_told(sample, resources)
        before = self._mark_of(report)  # looked at first: what comes from now on is found out by it
        seen, most = self.server.look(report), self.access.most_entries - (before is not None)
        if seen is None:
            parts, guarded = transactions(changed | gone, most=most), 0
        else:
            known = {*has, *gone} if report in has else {*resources, *gone}
            amended = {report: resources[report]} if any(map(is_told_by_the_report, known & changed.keys())) else {}
            parts, guarded = amending(changed | gone | amended, report, known, most=most)
        for left, part in zip(range(len(parts), 0, -1), parts, strict=True):
            left_there = self._write(part, report, before, seen if left <= guarded else None)
            self.ledger.keep(sample, str(self._url), _kept(part))
            if left > 1:
                before = self.server.still(left_there) if left_there else None
                seen = self.server.look(report) if left <= guarded else seen
        return Arrival(len(changed) + len(gone), unchanged, len(parts), report, len(gone))

    def _write(self, part: JsonObject, report: str, before: Seen | None, seen: Seen | None) -> Seen | None:
        """Have the server take a transaction after that which left the mark; the mark that it leaves itself.

        Args:
            part: the transaction.
            report: place of the report.
            before: the mark as it lies on the server, absent where there are to be none.
            seen: the report, where the transaction takes its place.
        """
        of_report = [seen] if seen else []
        if before is None:
            self.server.transact(part, *of_report)
            return None
        whole = marked(part, report)
        self.server.transact(whole, before, *of_report)
        return Seen(before.place, "", content_of(whole["entry"][0]["resource"]))

    def _mark_of(self, report: str) -> Seen | None:
        """The mark beside a report as it lies on the server, put there where none is; absent where there are none."""
        if not self.access.marks:
            return None
        place, _ = mark(report)
        found = self.server.look(place)
        if found is None:
            try:
                self.server.transact(marking(report))
            except RefusedError as error:
                error.remedy = "mend what the server names; one that takes no Basic needs marks: false in its file"
                raise
            found = self.server.look(place)
        if found is None:
            raise DeliveryError(f"{self._url} took {place} and does not have it", remedy="see what the server does")
        return found

    def _no_longer_told(self, sample: str, resources: Resources) -> Resources:
        """What was told of the sample and is not any more, as it is to lie on the server."""
        told = self.ledger.places_of(sample, str(self._url))
        dropped = [place for place in sorted(told - resources.keys()) if place.partition("/")[0] in WITHDRAWN]
        found = {place: one for place in dropped if (one := self.server.get(place)) is not None}
        taken_back = {place: withdrawn(with_references(one, self.server.local)) for place, one in found.items()}
        return {place: one for place, one in taken_back.items() if one is not None}

    def _known(self, bundle: JsonObject) -> dict[str, str]:
        """Places of patient and order as the hospital has them, by full URL; DeliveryError where it must have them."""
        found: dict[str, str] = {}
        for entry in bundle["entry"]:
            kind = entry["resource"]["resourceType"]
            if kind in ("Patient", "ServiceRequest"):
                place = self._patient(entry["resource"]) if kind == "Patient" else self._order(entry["resource"])
                if place is not None and place != entry["request"]["url"]:
                    found[entry["fullUrl"]] = place
        return found

    def _patient(self, patient: JsonObject) -> str | None:
        """By the hospital's own number where it is known, then by the laboratory's pseudonym."""
        numbers = [one for one in patient["identifier"] if "system" in one]
        for number in reversed(numbers):
            place = self.server.find("Patient", number["system"], number["value"])
            if place is not None:
                return place
        if not self.access.known_patients:
            return None
        told = "by the record number" if len(numbers) > 1 else "and no record number of that hospital is known here"
        raise DeliveryError(
            f"the hospital has no such patient, {told}",
            remedy="correct the number with genomics identify, or have the patient entered there",
        )

    def _order(self, order: JsonObject) -> str | None:
        """By the hospital's own number where it is known which system that is, by the laboratory's otherwise."""
        own = order["identifier"][0]
        place = self.server.find("ServiceRequest", self.access.order_system or own["system"], own["value"])
        if place is None and self.access.order_system:
            raise DeliveryError(
                f"the hospital has no order {own['value']!r} in {self.access.order_system}",
                remedy="correct the order in the sample sheet, or have it entered there",
            )
        return place


def _kept(part: JsonObject) -> dict[str, str]:
    """Content by place of what a transaction wrote, as :func:`engine.fhir.transactions.content_digests` has it."""
    return content_digests(addressed(part))


def _report(resources: Resources) -> str:
    return next(place for place, one in resources.items() if one["resourceType"] == "DiagnosticReport")
