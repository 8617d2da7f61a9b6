"""Reports delivered to a real FHIR server: each once, whatever happens on the way."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest

from engine.errors import DeliveryError
from engine.fhir.transactions import addressed
from engine.fhir.validation.matching import contains
from engine.person import Identity
from resources.audit import AuditLog
from resources.fhir_server import FhirServer, Patience, RefusedError, Seen
from resources.hospital import Hospital
from resources.registry import SampleRegistry
from resources.registry.deliveries import Deliveries, DeliveryState
from tests.builders.fhir_server import FAULTS, HAPI, Faults, faulty, hapi, sekmet
from tests.builders.report_bundle import report_bundle
from tests.builders.sheets import entry

PATIENT = Patience(attempts=3, first=0.01, timeout=60)
QUICK = Patience(attempts=12, first=0.001, longest=0.01, timeout=0.5)
_SHARED = ("Organization/", "Device/", "Practitioner/")
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
    registry.register([entry(tmp_path, f"S{n}") for n in range(1, 40)], sheet="a.csv", sheet_digest="0")

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
    own = [place for place in places(bundle) if not place.startswith(_SHARED)]
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
    assert delivered.transactions == -(-len(bundle["entry"]) // 6), "one entry of each is the mark"
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
    share = 1.0 if "inside" in kind or kind == "late" else 0.5
    faults = Faults(share=share, kinds=(kind,), seed=number, slow=0.8, in_a_row=3)
    bundles = [report_bundle(tmp_path / "r", signatures=signed, **known) for signed in (1, 2)]
    with faulty(url, faults) as proxy:
        hospital(proxy, patience=QUICK).deliver(known["sample"], bundles[0])
        before = numbers(url, bundles[1])
        delivered = hospital(proxy, patience=QUICK).deliver(known["sample"], bundles[1])
        faults.settle()
    assert faults.happened[kind]
    assert get(url, delivered.report)["status"] == "amended"
    assert get(url, f"DiagnosticReport?identifier=S{number}")["total"] == 1
    steps = {place: version - before[place] for place, version in numbers(url, bundles[1]).items()}
    assert set(steps.values()) == {0, 1} and steps[delivered.report] == 1, "amended once, however late it comes"


def numbers(base: str, bundle: dict[str, Any]) -> dict[str, int]:
    """The server's number of what is the sample's own, by place."""
    own = [place for place in places(bundle) if not place.startswith(_SHARED)]
    return {place: int(get(base, place)["meta"]["versionId"]) for place in own}


class Watched(FhirServer):
    """A server whose report is looked at, as a reader does, after every transaction."""

    def __init__(self, url: str, report: str) -> None:
        super().__init__(url, patience=PATIENT)
        self.report, self.told = report, list[str]()

    def transact(self, bundle: dict[str, Any], *seen: Seen) -> None:
        super().transact(bundle, *seen)
        now = get(self.url, self.report)
        results = [get(self.url, self.local(one["reference"])) for one in now.get("result", [])]
        assert {(one["status"], one["issued"]) for one in results} <= {(now["status"], now["issued"])}
        assert bool(results) == (now["status"] != "registered")
        self.told.append(now["status"])


@pytest.mark.parametrize("most", [8, 500])
def test_an_amended_report_is_never_seen_beside_results_of_another_version(
    most: int, tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    """In several transactions it says nothing while its results change; in one it is one version or the other."""
    sample = "S30" if most == 8 else "S31"
    known = {"sample": sample, "subject_id": f"P-parts-{most}", "order": f"O-parts-{most}"}
    first = report_bundle(tmp_path / "r", findings=4, **known)
    report = hospital().deliver(sample, first).report
    second = report_bundle(tmp_path / "r", findings=4, signatures=2, **known)
    at = hospital(access=f"most_entries: {most}\n")
    watched = Watched(url, report)
    at.__dict__["server"] = watched
    delivered = at.deliver(sample, second)
    assert watched.told[-1] == "amended" and delivered.transactions == len(watched.told)
    on_hold = watched.told.count("registered")
    assert on_hold > 1 if most == 8 else on_hold == 0
    assert set(watched.told) <= {"final", "registered", "amended"}
    assert at.deliver(sample, second).sent == 0


def test_an_amendment_that_stops_half_way_leaves_no_contradiction_and_is_taken_up_again(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    known = {"sample": "S32", "subject_id": "P-half", "order": "O-half"}
    report = hospital().deliver("S32", report_bundle(tmp_path / "r", findings=4, **known)).report
    second = report_bundle(tmp_path / "r", findings=4, signatures=2, **known)
    bad = {**second, "entry": [_broken(one) if _is_report(one) else one for one in second["entry"]]}
    at = hospital(access="most_entries: 14\n")
    with pytest.raises(RefusedError):
        at.deliver("S32", bad)
    now = get(url, report)
    assert now["status"] == "registered" and "result" not in now and "does not stand" in now["conclusion"]
    at.__dict__["server"] = watched = Watched(url, report)
    at.deliver("S32", second)
    assert watched.told[-1] == "amended"


def test_a_transaction_that_comes_late_changes_nothing_that_was_written_since(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    known = {"sample": "S33", "subject_id": "P-late", "order": "O-late"}
    first, second, third = (report_bundle(tmp_path / "r", signatures=n, **known) for n in (1, 2, 3))
    hospital().deliver("S33", first)
    faults = Faults(share=1.0, kinds=("late",), slow=2.0)
    with faulty(url, faults) as proxy:
        with pytest.raises(DeliveryError, match="did not take the transaction after 1 attempts"):
            hospital(proxy, patience=Patience(attempts=1, timeout=60)).deliver("S33", second)
        report = hospital().deliver("S33", third).report
        before = numbers(url, third)
        faults.settle()
    assert faults.happened == {"late": 1}
    assert numbers(url, third) == before and get(url, report)["issued"].startswith("2026-11-27T12:00:00")


@pytest.mark.parametrize(("sample", "most"), [("S8", 500), ("S9", 20)])
def test_a_first_version_that_comes_late_changes_nothing_that_was_written_since(
    sample: str, most: int, tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    """Nothing of the report lies there that it could be sent for: the mark beside it does, whole or in parts."""
    known = {"sample": sample, "subject_id": f"P-{sample}", "order": f"O-{sample}"}
    first, second, third = (report_bundle(tmp_path / "r", signatures=n, **known) for n in (1, 2, 3))
    access, once = f"most_entries: {most}\n", Patience(attempts=1, timeout=60)
    faults = Faults(share=1.0, kinds=("late",), slow=2.0)
    with faulty(url, faults) as proxy:
        with pytest.raises(DeliveryError, match="did not take the transaction after 1 attempts"):
            hospital(proxy, access, once).deliver(sample, first)
        faults.settle()  # the mark has come
        with pytest.raises(DeliveryError, match="did not take the transaction after 1 attempts"):
            hospital(proxy, access, once).deliver(sample, first)
        report = hospital(access=access).deliver(sample, second).report
        before = numbers(url, second)
        faults.settle()
    assert faults.happened["late"] >= 2, "the mark, and a transaction for it"
    assert numbers(url, second) == before and get(url, report)["status"] == "amended"
    hospital().deliver(sample, third)
    assert get(url, report)["issued"].startswith("2026-11-27T12:00:00")
    (found,) = get(url, f"Basic?identifier=urn:uuid:{report.partition('/')[2]}")["entry"]
    assert set(found["resource"]) <= {"resourceType", "id", "meta", "text", "identifier", "code"}


def test_a_mark_that_comes_late_says_nothing_and_hinders_nothing(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    known = {"sample": "S29", "subject_id": "P-mark", "order": "O-mark"}
    first, second = (report_bundle(tmp_path / "r", signatures=n, **known) for n in (1, 2))
    faults = Faults(share=1.0, kinds=("late",), slow=2.0)
    with faulty(url, faults) as proxy:
        with pytest.raises(DeliveryError, match="after 1 attempts"):
            hospital(proxy, patience=Patience(attempts=1, timeout=60)).deliver("S29", first)
        hospital().deliver("S29", first)
        faults.settle()
    report = hospital().deliver("S29", second).report
    assert get(url, report)["status"] == "amended" and faults.happened == {"late": 1}


def test_a_server_that_takes_no_marks_is_told_of_and_takes_reports_without(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    class WithoutBasic(FhirServer):
        """Refuses what it does not know, as servers do: here the real one is sent what none knows."""

        def transact(self, bundle: dict[str, Any], *seen: Seen) -> None:
            (entry, *_) = bundle["entry"]
            if entry["resource"]["resourceType"] == "Basic":
                unknown = {"resource": {"resourceType": "Basicest", "id": "a"}, "fullUrl": "urn:uuid:a"}
                bundle = {**bundle, "entry": [unknown | {"request": {"method": "PUT", "url": "Basicest/a"}}]}
            super().transact(bundle, *seen)

    bundle = report_bundle(tmp_path / "r", sample="S28", subject_id="P-none", order="O-none")
    at = hospital()
    at.__dict__["server"] = WithoutBasic(url, patience=PATIENT)
    with pytest.raises(RefusedError, match="refused") as told:
        at.deliver("S28", bundle)
    assert "marks: false" in told.value.remedy
    without = hospital(access="marks: false\n")
    without.__dict__["server"] = WithoutBasic(url, patience=PATIENT)
    report = without.deliver("S28", bundle).report
    assert get(url, report)["status"] == "final"
    assert get(url, f"Basic?identifier=urn:uuid:{report.partition('/')[2]}&_summary=count")["total"] == 0


def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    known = {"sample": "S34", "subject_id": "P-overtaken", "order": "O-overtaken"}
    first, second = (report_bundle(tmp_path / "r", signatures=n, **known) for n in (1, 2))
    report = hospital().deliver("S34", first).report

    class Overtaken(FhirServer):
        def look(self, place: str) -> Seen | None:
            seen = super().look(place)
            if place != report:
                return seen
            other = get(url, place) | {"conclusion": "What somebody else says."}
            httpx.put(f"{url}/{place}", json=other, headers={"Content-Type": "application/fhir+json"}, timeout=60)
            return seen

    at = hospital()
    at.__dict__["server"] = Overtaken(url, patience=PATIENT)
    with pytest.raises(DeliveryError, match="something else was written there meanwhile"):
        at.deliver("S34", second)
    assert get(url, report)["conclusion"] == "What somebody else says."
    (letter,) = at.ledger.dead_letters()
    assert letter.state == DeliveryState.FAILED
    hospital().deliver("S34", second)
    assert get(url, report)["status"] == "amended" and at.ledger.dead_letters() == ()


def test_what_a_later_version_does_not_tell_is_taken_back_with_it(
    tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    known = {"sample": "S35", "subject_id": "P-back", "order": "O-back"}
    before = report_bundle(tmp_path / "a", findings=3, **known)
    after = report_bundle(tmp_path / "b", findings=1, signatures=2, **known)
    hospital().deliver("S35", before)
    delivered = hospital().deliver("S35", after)
    gone = {one for one in {*places(before)} - {*places(after)} if one.startswith(("Observation/", "Task/"))}
    assert delivered.withdrawn == len(gone) > 4 and delivered.transactions == 1
    for place in gone:
        now = get(url, place)
        assert now["status"] == "entered-in-error" and "No longer reported: " in now["text"]["div"]
    assert hospital().deliver("S35", after).sent == 0
    again = hospital().deliver("S35", report_bundle(tmp_path / "a", findings=3, signatures=3, **known))
    assert again.withdrawn == 0 and {get(url, place)["status"] for place in gone if "Observation" in place} == {
        "amended"
    }


@pytest.mark.parametrize("sample", ["S36", "S37", "S38"])
def test_of_two_first_deliveries_at_once_the_server_has_one_whole_and_nothing_twice(
    sample: str, tmp_path: Path, url: str, hospital: Callable[..., Hospital]
) -> None:
    """Two that know nothing of each other; of one data lake's the second waits for the first (its work folder)."""
    known = {"sample": sample, "subject_id": f"P-{sample}", "order": f"O-{sample}"}
    signed = [report_bundle(tmp_path / "r", signatures=n, **known) for n in (1, 2)]
    hospitals, both = [hospital(), hospital()], Barrier(2)
    others = SampleRegistry(tmp_path / "others.sqlite")
    others.register([entry(tmp_path, sample)], sheet="a.csv", sheet_digest="0")
    hospitals[1].ledger = Deliveries(others.database)

    def deliver(at: Hospital, bundle: dict[str, Any]) -> str:
        both.wait()
        return at.deliver(sample, bundle).report

    with ThreadPoolExecutor(2) as pool:
        (report,) = {*pool.map(deliver, hospitals, signed)}
    status = get(url, report)["status"]
    said = addressed(signed[("final", "amended").index(status)])
    own = {place: one for place, one in said.items() if not place.startswith(_SHARED)}
    assert [place for place, one in own.items() if not contains(get(url, place), one)] == []
    for kind, number in (("DiagnosticReport", sample), ("Patient", f"P-{sample}"), ("ServiceRequest", f"O-{sample}")):
        assert get(url, f"{kind}?identifier={number}")["total"] == 1
    patient = next(place for place in own if place.startswith("Patient/"))
    observations = sum(place.startswith("Observation/") for place in own)
    assert get(url, f"Observation?patient={patient}&_summary=count")["total"] == observations


def test_a_server_that_stays_away_is_told_with_what_was_tried(
    tmp_path: Path, hospital: Callable[..., Hospital]
) -> None:
    bundle = report_bundle(tmp_path / "r", sample="S6")
    with pytest.raises(DeliveryError, match="does not answer") as told:
        hospital("http://127.0.0.1:9/fhir").deliver("S6", bundle)
    assert told.value.sample == "S6"
    (letter,) = hospital("http://127.0.0.1:9/fhir").ledger.dead_letters()
    assert letter.state == DeliveryState.FAILED
