"""The end of the demo: everybody's report in a hospital's FHIR server, and the queries that find it there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import httpx

from demo.hospital import PORT, serving
from demo.outcome import tell
from demo.people import PEOPLE
from engine.errors import GenomicsError
from engine.fhir.codes import HGNC, LOINC, PROFILE
from engine.ops import delivery
from resources.environment import Resources, Settings, build_resources

GENE, SYMBOL = "HGNC:15894", "PANK2"
"""What the child's findings are in."""


@dataclass
class Delivered:
    """What became of the reports.

    Attributes:
        url: base of the FHIR server.
        sent: resources that were sent, by sample.
        again: resources that were sent when everything was delivered a second time.
        reports: on the server at the end.
        queries: below the base, each with how many resources it finds, by what it asks for.
        problems: what was not delivered, and why.
    """

    url: str = ""
    sent: dict[str, int] = field(default_factory=dict)
    again: int = 0
    reports: int = 0
    queries: dict[str, tuple[str, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def deliver(settings: Settings, port: int = PORT) -> Delivered:
    """Deliver the reports of all people, twice, and look for them; the server is stopped at the end.

    Nobody signs the demo's reports: its laboratory delivers them as preliminary ones.

    Args:
        settings: the deployment.
        port: where the server listens. At another one it is another hospital, which has nothing yet.
    """
    access = settings.data / "hospital.yaml"
    access.write_text("deliver: unsigned\n")
    done = Delivered()
    try:
        with serving(settings.data / "hospital", port) as done.url:
            platform = build_resources(replace(settings, fhir_url=done.url, fhir_access=access))
            done.sent = _sent(platform, done.problems)
            done.again = sum(_sent(platform, done.problems).values())
            _look(done)
    except ImportError:
        done.problems = ["the FHIR server is not installed: pip install genomics-assets[demo]"]
    return done


def _sent(platform: Resources, problems: list[str]) -> dict[str, int]:
    """Resources that were sent of each person's report."""
    sent = {}
    for person in PEOPLE:
        before = platform.lake.receipt(delivery.ehr_delivery.name, person.sample)
        try:
            delivery.ehr_delivery.make(platform, person.sample, log=lambda line: None)
        except GenomicsError as error:
            problems.append(str(error))
            continue
        now = platform.lake.receipt(delivery.ehr_delivery.name, person.sample)
        sent[person.sample] = int(str(now.measures["sent"])) if now and now != before else 0
    return sent


def _look(done: Delivered) -> None:
    """Ask the server as a hospital would."""
    child = next(person for person in PEOPLE if person.parents)
    with httpx.Client(base_url=done.url, headers={"Accept": "application/fhir+json"}, timeout=60) as client:
        done.reports = _count(client, "DiagnosticReport")
        reports = client.get("/DiagnosticReport", params={"identifier": child.sample}).json().get("entry", [])
        patient = reports[0]["resource"]["subject"]["reference"] if reports else "Patient/unknown"
        of_child = f"Observation?patient={patient}"
        queries = {
            f"reports of {child.sample}": f"DiagnosticReport?patient={patient}",
            "its variants, by code": f"{of_child}&code={LOINC}|69548-6",
            f"anybody's variants in {SYMBOL}, by gene": f"Observation?component-value-concept={HGNC}|{GENE}",
            "all variants, by profile": f"Observation?_profile={PROFILE}variant",
        }
        done.queries = {what: (query, _count(client, query)) for what, query in queries.items()}


def _count(client: httpx.Client, query: str) -> int:
    return int(client.get(f"/{query}").json()["total"])


def tell_delivered(done: Delivered, pages: Mapping[str, str]) -> None:
    """Say what arrived, how to find it, and which report to open.

    Args:
        done: what became of the reports.
        pages: report by sample, to be opened.
    """
    tell("\nIn the hospital")
    for problem in done.problems:
        tell(f"  {problem}")
    if done.queries:
        tell(f"  {done.reports} reports at {done.url}: {sum(done.sent.values()):,} resources sent")
        tell(f"  delivered again: {done.again} resources sent, no second copy")
        tell("  that server is stopped; start it again: .venv/bin/python -m demo.hospital")
        for what, (query, found) in done.queries.items():
            tell(f"  {what}, {found} found\n      curl -G '{done.url}/{query}'")
    child = next(person.sample for person in PEOPLE if person.parents)
    if child in pages:
        tell(f"  the report to open, of {child}\n      {pages[child]}")
