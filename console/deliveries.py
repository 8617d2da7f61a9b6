"""What the console does with deliveries: send a sample's report, send again what did not arrive, list what was sent."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict

from console.choosing import find
from console.commands import each
from console.output import print_json
from engine.errors import DeliveryError
from engine.ops.artifact import NotApplicable, Published
from resources.environment import Resources
from resources.registry.deliveries import DeliveryRecord

_SHOWN = 200


def deliver(platform: Resources, chosen: argparse.Namespace) -> int:
    """Send the reports of samples to the hospital's systems; what they have already is not sent."""
    from engine.ops import delivery, report

    told: list[dict[str, object]] = []
    log = lambda line: None  # noqa: E731 - what is told is told below
    bundle, page = report.fhir_bundle, report.clinical_report
    ways = [
        (platform.hospital.destination, (page, bundle), delivery.ehr_delivery),
        (platform.interface_engine.destination, (page,), delivery.hl7v2_delivery),
    ]
    named = [(what, way) for destination, what, way in ways if destination is not None]

    def send(name: str) -> None:
        if not named:
            nowhere = "no FHIR server is named (GENOMICS_FHIR_URL), and no receiver of HL7 v2 (GENOMICS_HL7)"
            raise DeliveryError(f"not delivered: {nowhere}", sample=name, remedy="set one of them, or both")
        errors = []
        for what, way in named:
            try:
                for one in what:
                    one.make(platform, name, log=log)
                told.append(_delivered(way.make(platform, name, log=log), name, tell=not chosen.json))
            except DeliveryError as error:  # the other system takes it all the same
                errors.append(error)
        if errors:
            raise errors[0]

    refused = each(platform, _asked_for(platform, chosen), send)
    if chosen.json:
        print_json(told)
    return refused


def export(platform: Resources, chosen: argparse.Namespace) -> int:
    """Write signed reports as NDJSON for the first filling of a server; a sample whose report is not signed is told."""
    from engine.fhir.bulk import REQUEST, write_bulk
    from engine.fhir.transactions import addressed
    from engine.ops import report
    from engine.report.issue import SIGNED

    reports = []

    def take(name: str) -> None:
        report.clinical_report.make(platform, name, log=lambda line: None)
        made = report.fhir_bundle.make(platform, name, log=lambda line: None)
        assert not isinstance(made, NotApplicable)
        status = made.receipt.measures["status"]
        if status not in SIGNED and not platform.hospital.takes_unsigned:
            raise DeliveryError(f"not exported: the report is {status}", sample=name, remedy="sign it first")
        bundle = json.loads(platform.lake.path(made.receipt, f"{name}.fhir.json").read_text())
        platform.audit.record("system", "report exported", name, {"to": str(chosen.folder)})
        reports.append(addressed(bundle))

    refused = each(platform, list(dict.fromkeys(chosen.samples)), take)
    counts = write_bulk(chosen.folder, reports, chosen.base)
    if chosen.json:
        print_json({"reports": len(reports), "resources": counts})
    else:
        print(
            f"{len(reports):,} reports, {sum(counts.values()):,} resources; POST {chosen.folder / REQUEST} to $import"
        )
    return refused


def deliveries(platform: Resources, chosen: argparse.Namespace) -> int:
    """List reports on their way to the hospital, oldest first."""
    if not platform.settings.data.is_dir():
        found: tuple[DeliveryRecord, ...] = ()
    else:
        sample = find(platform, chosen.sample) if chosen.sample else None
        ledger = platform.hospital.ledger
        found = ledger.dead_letters() if chosen.failed else ledger.reports(sample=sample)
    if chosen.json:
        print_json([asdict(one) for one in found])
        return 0
    for one in found:
        said = f"\t{one.response[:_SHOWN]}" if one.response else ""
        print(f"{one.sample}\t{one.state}\t{one.destination}\tattempts {one.attempts}\t{one.recorded}{said}")
    if not found:
        print("nothing was delivered yet" if not chosen.failed else "nothing waits to be sent again", file=sys.stderr)
    return 0


def _delivered(made: Published | NotApplicable, name: str, *, tell: bool) -> dict[str, object]:
    """What became of a delivery; DeliveryError where the report may not go."""
    if isinstance(made, NotApplicable):
        raise DeliveryError(f"not delivered: {made.reason}", sample=name, remedy="see genomics sample")
    measures = dict(made.receipt.measures)
    if tell:
        print(_sentence(name, made.fresh, measures))
    return {"sample": name, "fresh": made.fresh} | measures


def _asked_for(platform: Resources, chosen: argparse.Namespace) -> list[str]:
    """The samples that were named, or those whose delivery was refused or failed."""
    if bool(chosen.samples) == chosen.whole:
        chosen.usage("name samples, or give --failed")
    if not chosen.whole:
        return list(dict.fromkeys(chosen.samples))
    if not platform.settings.data.is_dir():
        return []
    asked = list(dict.fromkeys(one.sample for one in platform.hospital.ledger.dead_letters()))
    if not asked:
        print("nothing waits to be sent again", file=sys.stderr)
    return asked


def _sentence(name: str, fresh: bool, measures: Mapping[str, object]) -> str:
    if "control_id" in measures:
        has = "has the report already, as" if fresh or not measures["sent"] else "took the report as"
        return f"{name}: {measures['destination']} {has} message {measures['control_id']}"
    if fresh or not measures["sent"]:
        return f"{name}: {measures['destination']} has the report already, as {measures['report']}"
    return (
        f"{name}: {measures['sent']:,} resources sent to {measures['destination']} in {measures['transactions']} "
        f"transactions, {measures['unchanged']:,} were there already; the report is {measures['report']}"
    )
