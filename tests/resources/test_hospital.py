"""Reports delivered to a real FHIR server: each once, whatever happens on the way."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.errors import DeliveryError
from engine.person import Identity
from resources.audit import AuditLog
from resources.fhir_server import FhirServer, Patience, RefusedError
from resources.hospital import Hospital
from resources.registry import SampleRegistry
from resources.registry.deliveries import Deliveries, DeliveryState
from tests.builders.fhir_server import FAULTS, HAPI, Faults, faulty, hapi, sekmet
from tests.builders.report_bundle import report_bundle
from tests.builders.sheets import entry

PATIENT = Patience(attempts=3, first=0.01, timeout=60)
QUICK = Patience(attempts=12, first=0.001, longest=0.01, timeout=0.5)
GUIDE = "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/"


@pytest.fixture(scope="module", params=["sekmet", "hapi"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Each of two servers of different makers; the second where ``make hapi`` installed it."""
    if request.param == "hapi" and not (HAPI / "classes").is_dir():
        pytest.skip("needs HAPI FHIR: make hapi")
    with {"sekmet": sekmet, "hapi": hapi}[request.param](tmp_path_factory.mktemp("ehr")) as base:
        yield base


@pytest.fixture
def hospital(tmp_path: Path, url: str) -> Callable[..., Hospital]:
    """A hospital at the server, or at another address, as a file says."""
    registry = SampleRegistry(tmp_path / "samples.sqlite")
    registry.register([entry(tmp_path, f"S{n}") for n in range(1, 30)], sheet="a.csv", sheet_digest="0")

    def made(address: str = url, access: str = "", patience: Patience = PATIENT) -> Hospital:
        file = None
        if access:
            file = tmp_path / "access.yaml"
            file.write_text(access)
        server = FhirServer(address, patience=patience, client=httpx.Client(timeout=patience.timeout))
        ledger, audit = Deliveries(registry.database), AuditLog(tmp_path / "audit.jsonl")
        return Hospital(address, file, ledger, audit, server=server)

    return made


def get(base: str, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{base}/{path}", headers={"Accept": "application/fhir+json"}, timeout=60).json()
    return answer


def is_hapi(base: str) -> bool:
    return str(get(base, "metadata")["software"]["name"]).startswith("HAPI")


def places(bundle: dict[str, Any]) -> list[str]:
    return [one["request"]["url"] for one in bundle["entry"]]


def versions(base: str, bundle: dict[str, Any]) -> set[str]:
    """Of what is the sample's own: laboratory, tools and signer are every sample's."""
    own = [place for place in places(bundle) if not place.startswith(("Organization/", "Device/", "Practitioner/"))]
    return {get(base, place)["meta"]["versionId"] for place in own}


def test_a_report_arrives_once_and_is_found_by_patient_code_gene_and_profile(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    bundle = report_bundle(tmp_path / "r", sample="S1", subject_id="P-once", order="O-once")
    first = hospital().deliver("S1", bundle)
    again = hospital().deliver("S1", bundle)
    assert (first.sent, first.transactions) == (len(bundle["entry"]), 1)
    assert (again.sent, again.unchanged, again.transactions) == (0, len(bundle["entry"]), 0)
    assert versions(url, bundle) == {"1"}
    (patient,) = (place for place in places(bundle) if place.startswith("Patient/"))
    found = get(url, f"DiagnosticReport?patient={patient}&_include=DiagnosticReport:result")
    kinds = [one["resource"]["resourceType"] for one in found["entry"]]
    named = get(url, first.report)["result"]
    assert kinds.count("DiagnosticReport") == 1 and kinds.count("Observation") == len(named) > 6
    variants = f"Observation?patient={patient}&code=http://loinc.org|69548-6"
    assert get(url, variants)["total"] == 2
    assert get(url, f"{variants}&_profile={GUIDE}variant")["total"] == 2
    assert get(url, f"{variants}&component-code=http://loinc.org|48018-6")["total"] == 2
    assert get(url, f"{variants}&component-value-concept=http://www.genenames.org|HGNC:15894")["total"] == 2
    assert get(url, f"{variants}&component-value-concept=http://www.genenames.org|HGNC:1")["total"] == 0


def test_an_amended_report_is_the_second_version_of_the_same(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    known = {"sample": "S2", "subject_id": "P-amended", "order": "O-amended"}
    first = hospital().deliver("S2", report_bundle(tmp_path / "r", **known))
    second = hospital().deliver("S2", report_bundle(tmp_path / "r", signatures=2, **known))
    assert first.report == second.report and 0 < second.sent < first.sent
    now, before = get(url, second.report), get(url, f"{second.report}/_history/1")
    assert (now["status"], now["meta"]["versionId"], before["status"]) == ("amended", "2", "final")
    assert get(url, f"DiagnosticReport?identifier={now['identifier'][0]['value']}")["total"] == 1


def test_a_report_of_more_entries_than_the_server_takes_arrives_in_parts(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    bundle = report_bundle(tmp_path / "r", sample="S3", subject_id="P-parts", order="O-parts", findings=5)
    delivered = hospital(access="most_entries: 7\n").deliver("S3", bundle)
    assert delivered.transactions == -(-len(bundle["entry"]) // 7)
    assert versions(url, bundle) == {"1"}


def test_a_report_whose_last_part_is_refused_is_not_there_and_nothing_is_sent_twice_when_it_is_mended(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    """In parts a report is there whole or not at all: it comes last."""
    access = "most_entries: 12\n"
    bundle = report_bundle(tmp_path / "r", sample="S7", subject_id="P-whole", order="O-whole")
    bad = {**bundle, "entry": [_broken(one) if _is_report(one) else one for one in bundle["entry"]]}
    with pytest.raises(RefusedError):
        hospital(access=access).deliver("S7", bad)
    assert get(url, "DiagnosticReport?identifier=S7")["total"] == 0
    mended = hospital(access=access).deliver("S7", bundle)
    assert 0 < mended.sent <= 12 < mended.unchanged and mended.transactions == 1
    assert versions(url, bundle) == {"1"}
    assert get(url, "DiagnosticReport?identifier=S7")["total"] == 1


def _is_report(one: dict[str, Any]) -> bool:
    return bool(one["resource"]["resourceType"] == "DiagnosticReport")


def _broken(one: dict[str, Any]) -> dict[str, Any]:
    return one | {"resource": one["resource"] | {"bogus": "x"}}


def test_patient_and_order_are_those_that_the_hospital_has(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    headers = {"Content-Type": "application/fhir+json"}
    patient = {"resourceType": "Patient", "identifier": [{"system": "urn:mrn", "value": "4711"}]}
    made = httpx.post(f"{url}/Patient", json=patient, headers=headers, timeout=60).json()["id"]
    order = {"resourceType": "ServiceRequest", "identifier": [{"system": "urn:orders", "value": "O-known"}]}
    order |= {"status": "active", "intent": "order", "subject": {"reference": f"Patient/{made}"}}
    asked = httpx.post(f"{url}/ServiceRequest", json=order, headers=headers, timeout=60).json()["id"]
    access = "known_patients: true\norder_system: urn:orders\n"
    known = {"sample": "S4", "subject_id": "P-known", "order": "O-known"}

    def bundle(mrn: str | None) -> dict[str, Any]:
        identity = Identity("P-known", mrn=mrn, mrn_system="urn:mrn") if mrn else None
        return report_bundle(tmp_path / "r", identity=identity, **known)

    report = get(url, hospital(access=access).deliver("S4", bundle("4711")).report)
    assert report["subject"]["reference"].endswith(f"Patient/{made}")
    assert report["basedOn"][0]["reference"].endswith(f"ServiceRequest/{asked}")
    assert get(url, "Patient?identifier=P-known")["total"] == 0
    with pytest.raises(DeliveryError, match="no such patient, by the record number"):
        hospital(access=access).deliver("S4", bundle("4712"))
    with pytest.raises(DeliveryError, match="no record number"):
        hospital(access=access).deliver("S4", bundle(None))
    with pytest.raises(DeliveryError, match="no order 'O-known' in urn:others"):
        hospital(access="order_system: urn:others\n").deliver("S4", bundle("4711"))
    httpx.post(f"{url}/Patient", json=patient, headers=headers, timeout=60)
    with pytest.raises(DeliveryError, match="several resources Patient"):
        hospital(access=access).deliver("S4", bundle("4711"))


def test_one_bad_entry_rolls_all_back_and_is_a_dead_letter_until_it_is_mended(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    bundle = report_bundle(tmp_path / "r", sample="S5", subject_id="P-bad", order="O-bad")
    bad = {**bundle, "entry": [*bundle["entry"]]}
    broken = bad["entry"][-3] | {"resource": bad["entry"][-3]["resource"] | {"status": "bogus"}}
    bad["entry"][-3] = broken
    with pytest.raises(RefusedError, match="refused the transaction") as told:
        hospital().deliver("S5", bad)
    assert told.value.sample == "S5" and told.value.outcome["resourceType"] == "OperationOutcome"
    assert get(url, "Patient?identifier=P-bad")["total"] == 0
    (letter,) = hospital().ledger.dead_letters()
    assert (letter.sample, letter.state, letter.attempts) == ("S5", DeliveryState.REFUSED, 1)
    assert "OperationOutcome" in (letter.response or "")
    hospital().deliver("S5", bundle)
    assert hospital().ledger.dead_letters() == ()
    assert [one.state for one in hospital().ledger.reports(sample="S5")] == ["refused", "sent"]


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_outlived_and_doubles_nothing(
    kind: str, tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    if is_hapi(url):
        pytest.skip("takes longer than the time-outs of this test")
    number = 10 + FAULTS.index(kind)
    known = {"sample": f"S{number}", "subject_id": f"P-{number}", "order": f"O-{number}"}
    faults = Faults(share=0.8 if "inside" in kind else 0.5, kinds=(kind,), seed=number, slow=0.8)
    bundles = [report_bundle(tmp_path / "r", signatures=signed, **known) for signed in (1, 2)]
    with faulty(url, faults) as proxy:
        delivered = [hospital(proxy, patience=QUICK).deliver(known["sample"], bundle) for bundle in bundles]
    assert faults.happened[kind]
    assert get(url, delivered[0].report)["status"] == "amended"
    assert get(url, f"DiagnosticReport?identifier=S{number}")["total"] == 1
    if kind != "slow":  # what arrives after it was given up and sent again is a version that says the same
        assert versions(url, bundles[1]) == {"1", "2"}


def test_a_server_that_stays_away_is_told_with_what_was_tried(
    tmp_path: Path, hospital: Callable[..., Hospital]
) -> None:
    bundle = report_bundle(tmp_path / "r", sample="S6")
    with pytest.raises(DeliveryError, match="does not answer") as told:
        hospital("http://127.0.0.1:9/fhir").deliver("S6", bundle)
    assert told.value.sample == "S6"
    (letter,) = hospital("http://127.0.0.1:9/fhir").ledger.dead_letters()
    assert letter.state == DeliveryState.FAILED
