"""The service for programs behind the real door: by which tokens, what is taken and given, and what is written."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from starlette.testclient import TestClient

from console.cli import main
from portal.clinic import trail
from portal.clinic.admission import ROOT, rules_of
from portal.clinic.house import House
from portal.clinic.rights import BY_TOKEN, Role
from portal.clinic.service import ENDED, SUBMITTED
from resources.api_tokens import GIVEN, ApiToken, ApiTokens, Scope, TokenError
from resources.landing_zone import LandingZone
from resources.sample_runs import PARTITION, Runs
from resources.web_token import web_token
from tests.builders.clinic import ACCESS, CHILD, FATHER, OTHER_WARD, WARD, Clinic, clinic_of, platform_of
from tests.builders.deployment import Delivery, Deployment, write_reads
from tests.builders.queued import ORIGIN, Pages, pages_of

SERVICE = f"{ROOT}/api/service"
ASKED: dict[tuple[str, str], Scope | None] = {
    ("GET", "/openapi.json"): None,
    ("POST", "/sheets"): Scope.SUBMIT,
    ("GET", f"/samples/{CHILD}"): Scope.STATE,
    ("POST", f"/samples/{CHILD}/cancel"): Scope.CANCEL,
    ("GET", f"/samples/{CHILD}/results"): Scope.RESULTS,
    ("GET", f"/samples/{CHILD}/results/aligned_reads/{CHILD}.bam"): Scope.RESULTS,
}
"""What needs which scope; any token is told the description."""
KEY = {"Idempotency-Key": "delivery-0001"}
QUEUED_RUNS = {"module": "dagster._core.run_coordinator.queued_run_coordinator", "class": "QueuedRunCoordinator"}


@pytest.fixture(scope="module")
def clinic(made_case: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    return clinic_of(platform_of(made_case, tmp_path_factory.mktemp("service")), ACCESS)


class Programs:
    """Programs with tokens of a clinic."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic, self.tokens, self.number = clinic, ApiTokens(clinic.platform.audit), 0

    def give(self, *scopes: Scope, team: str = WARD, folder: str = ".") -> tuple[str, str]:
        """A new program's name and token."""
        self.number += 1
        name = f"lims-{self.number}-{len(self.tokens.all())}"
        folders = [folder] if Scope.SUBMIT in scopes else []
        return name, self.tokens.give(name, scopes, days=1, person="Dr Head", teams=[team], folders=folders)

    def client(self, *scopes: Scope, team: str = WARD, folder: str = ".") -> TestClient:
        return self.shows(self.give(*scopes, team=team, folder=folder)[1])

    def shows(self, token: str) -> TestClient:
        return TestClient(
            self.clinic.door, base_url="http://127.0.0.1:3000", headers={"Authorization": f"Bearer {token}"}
        )


@pytest.fixture
def programs(clinic: Clinic) -> Programs:
    return Programs(clinic)


def ask(client: TestClient, method: str, path: str) -> Any:
    return client.request(method, SERVICE + path, json={} if method == "POST" else None, headers=KEY)


# Tokens


def test_each_route_is_for_the_tokens_of_its_scope_and_for_no_visit(clinic: Clinic, programs: Programs) -> None:
    routes = {path for _, path in rules_of(clinic.app) if path.startswith(f"{SERVICE}/")}
    assert len(routes) == len(ASKED)
    assert {action for (_, path), action in rules_of(clinic.app).items() if path in routes} == BY_TOKEN
    for scope in Scope:
        client = programs.client(scope)
        for (method, path), needed in ASKED.items():
            before = clinic.number
            told = ask(client, method, path)
            entry = clinic.written(trail.ACCESS, trail.DENIED, after=before)[0].event
            assert entry.who.startswith("token lims-") and entry.details["role"] == "service"
            if needed in (None, scope):
                assert told.status_code not in (401, 403) and entry.what == trail.ACCESS, (scope, path, told.text)
            else:
                assert told.status_code == 403 and "no scope to" in told.json()["error"], (scope, path)
                assert entry.what == trail.DENIED
    for role in Role:
        visitor, _ = clinic.visit(role, WARD)
        assert {ask(visitor, *one).status_code for one in ASKED} == {401}, role


def test_a_token_opens_no_page_and_nothing_of_the_web_ui(clinic: Clinic, programs: Programs) -> None:
    client = programs.client(*Scope)
    for (_, path), action in rules_of(clinic.app).items():
        if action is not None and action not in BY_TOKEN:
            told = client.get(path.replace("{case}", CHILD).replace("{board}", "findings"))
            assert told.status_code in (401, 404, 405), path
    assert client.post("/graphql", json={"query": "{ version }"}).status_code == 401


def test_a_token_that_is_wrong_expired_or_withdrawn_opens_nothing(
    clinic: Clinic, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = SERVICE + f"/samples/{CHILD}"
    before = clinic.number
    for shown in ("", "genomics_wrong", "x" * 5000, web_token(clinic.platform.settings)):
        told = programs.shows(shown).get(path)
        assert told.status_code == 401 and told.headers["www-authenticate"] == "Bearer"
    assert clinic.client().get(path, headers={b"Authorization": b"Bearer \xc3\xa9"}).status_code == 401
    assert clinic.number == before
    name, token = programs.give(Scope.STATE)
    assert programs.shows(token).get(path).status_code == 200
    assert clinic.client().get(path, headers={"Cookie": f"portal_3000={token}"}).status_code == 401
    programs.tokens.withdraw(name, person="Dr Head", reason="the program is shut down")
    told = programs.shows(token).get(path)
    assert told.status_code == 401 and "was withdrawn" in told.json()["error"]
    entry = clinic.written(trail.DENIED)[-1].event
    assert (entry.who, entry.details["reason"]) == (f"token {name}", "the token was withdrawn")
    late = ApiToken("lims", "0", frozenset(), frozenset(), False, frozenset(), "2026-01-02T00:00:00+00:00", "Dr Head")
    assert late.fault(datetime(2026, 1, 1, tzinfo=UTC)) == ""
    assert late.fault(datetime(2026, 1, 2, tzinfo=UTC)) == "the token has expired"
    _, aged = programs.give(Scope.STATE)
    with monkeypatch.context() as later:
        later.setattr("portal.clinic.admission.datetime", _Tomorrow)
        told = programs.shows(aged).get(path)
    assert told.status_code == 401 and "has expired" in told.json()["error"]


class _Tomorrow(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(days=1, seconds=1)


def test_a_token_is_about_the_cases_of_its_teams(programs: Programs) -> None:
    other = programs.client(*Scope, team=OTHER_WARD)
    for (method, path), scope in ASKED.items():
        if scope and "samples" in path:
            assert ask(other, method, path).status_code == 403, path
    assert ask(other, "GET", "/samples/nobody").status_code in (403, 404)


def test_who_asks_too_much_is_told_when_to_go_on(clinic: Clinic, programs: Programs) -> None:
    name, token = programs.give(Scope.STATE)
    client, house = programs.shows(token), clinic.house
    path = f"{SERVICE}/samples/{CHILD}"
    assert client.get(path).status_code == 200
    (visit,) = [one for one in house.token_visits._visits.values() if one.person.name == f"token {name}"]
    visit.allowance = -200.0
    told = client.get(path)
    assert told.status_code == 429 and 4 <= int(told.headers["retry-after"]) <= 6
    assert programs.client(Scope.STATE).get(path).status_code == 200, "another program is not kept waiting"
    visit.allowance = 1.0
    assert client.get(path).status_code == 200


def test_tokens_are_given_listed_and_withdrawn_and_shown_once(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENOMICS_DATA", str(clinic.platform.settings.data))
    given = ["tokens", "add", "lims", "--scope", "submit", "--scope", "state", "--team", WARD, "--days", "9"]
    assert main(given) == 1
    assert "names folders if, and only if, it submits" in capsys.readouterr().err
    assert main([*given, "--folder", "ward-3/"]) == 0
    token = capsys.readouterr().out.strip()
    assert token.startswith("genomics_") and len(token) > 40
    assert main(["tokens", "list"]) == 0
    told = capsys.readouterr().out
    assert "lims: state, submit; cases of ward 3; reads of ward-3; holds, until " in told and token not in told
    entry = clinic.written(GIVEN)[-1].event
    assert entry.details["digest"] == hashlib.sha256(token.encode()).hexdigest() and token not in json.dumps(
        entry.details
    )
    assert main(["tokens", "add", "lims", "--scope", "state", "--every-case"]) == 1
    assert "has a token" in capsys.readouterr().err
    assert main(["tokens", "withdraw", "lims", "--reason", "a new one is given"]) == 0
    assert main(["tokens", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert [row["state"] for row in rows if row["name"] == "lims"] == ["was withdrawn"]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"name": "Dr Weber"}, "names no program"),
        ({"days": 0}, "1 to 366 days"),
        ({"days": 367}, "1 to 366 days"),
        ({"scopes": []}, "would be for nothing"),
        ({"teams": []}, "would be for nothing"),
        ({"folders": ["."]}, "if, and only if, it submits"),
        ({"folders": ["../lake"]}, "no folder of the landing zone"),
        ({"folders": ["ward-3", "/data/landing"]}, "no folder of the landing zone"),
        ({"folders": [""]}, "no folder of the landing zone"),
    ],
)
def test_a_token_that_cannot_be_given_is_refused_in_words(
    programs: Programs, changed: dict[str, Any], problem: str
) -> None:
    told: dict[str, Any] = {"name": "x", "scopes": [Scope.STATE], "days": 1, "teams": [WARD]} | changed
    with pytest.raises(TokenError, match=problem):
        programs.tokens.give(told.pop("name"), told.pop("scopes"), person="Dr Head", **told)


# Submitting


def rows_of(clinic: Clinic, sample: str, **more: str) -> list[dict[str, str]]:
    delivery = Delivery("demo-unrelated-1", 0.01, sample)
    write_reads(clinic.platform.settings.landing, delivery)
    return [{**delivery.row(), "sex": "male", "father_id": "", "order_id": "W3-9", **more}]


def sheets_of(clinic: Clinic) -> list[Path]:
    return sorted(clinic.platform.settings.landing.glob("service-*.csv"))


def test_samples_are_handed_in_once_by_key(clinic: Clinic, programs: Programs) -> None:
    client, rows = programs.client(Scope.SUBMIT, Scope.STATE), rows_of(clinic, "fresh")
    told = client.post(f"{SERVICE}/sheets", json={"rows": rows}, headers=KEY)
    assert told.status_code == 202 and told.json()["samples"] == ["fresh"], told.text
    (sheet,) = sheets_of(clinic)
    assert sheet.name == told.json()["sheet"]
    again = client.post(f"{SERVICE}/sheets", json={"rows": rows}, headers=KEY)
    assert (again.status_code, again.json()) == (202, told.json()) and sheets_of(clinic) == [sheet]
    other = client.post(f"{SERVICE}/sheets", json={"rows": [rows[0] | {"sex": "female"}]}, headers=KEY)
    assert other.status_code == 409 and "other rows" in other.json()["error"]
    (entry,) = clinic.written(SUBMITTED)
    assert entry.event.details["samples"] == ["fresh"] and "delivery-0001" not in json.dumps(entry.event.details)
    mine = programs.client(Scope.SUBMIT).post(f"{SERVICE}/sheets", json={"rows": rows}, headers=KEY)
    assert mine.status_code == 202 and len(sheets_of(clinic)) == 2, "a key is one program's"
    sheet.unlink()
    client.post(f"{SERVICE}/sheets", json={"rows": rows}, headers=KEY)
    assert sheet.is_file(), "what was lost on its way is there again"
    assert client.get(f"{SERVICE}/samples/fresh").status_code == 404
    platform = clinic.platform
    zone = LandingZone(platform.settings.landing, settle=0.0)
    assert "fresh" in zone.scan(None, platform.registry, platform.audit).new
    state = client.get(f"{SERVICE}/samples/fresh").json()
    assert (state["sample"], state["state"]) == ("fresh", "waiting")
    assert set(state) == {"sample", "state", "stage", "since", "why", "todo", "attempt", "report", "version"}


@pytest.mark.parametrize(
    ("body", "key", "status", "problem"),
    [
        ({"rows": []}, "delivery-0002", 400, "send rows"),
        ({"rows": "x"}, "delivery-0002", 400, "send rows"),
        ({"rows": [{"sample_id": 1}]}, "delivery-0002", 400, "object of texts"),
        ([], "delivery-0002", 400, "JSON object"),
        ({"rows": [{"sample_id": "x"}]}, "short", 400, "8 to 100 signs"),
        ({"rows": [{"sample_id": "x"}]}, None, 400, "8 to 100 signs"),
        ({"rows": [{"sample_id": "x"}]}, "../../../../etc/x", 422, "column"),
        ({"rows": [{"sample_id": "x" * 600_000}]}, "delivery-0002", 413, "too long"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_words_and_leaves_nothing(
    clinic: Clinic, programs: Programs, body: Any, key: str | None, status: int, problem: str
) -> None:
    before = sheets_of(clinic)
    headers = {"Idempotency-Key": key} if key else {}
    told = programs.client(Scope.SUBMIT).post(f"{SERVICE}/sheets", json=body, headers=headers)
    assert told.status_code == status and problem in told.json()["error"], told.text
    assert sheets_of(clinic) == before and not list(clinic.platform.settings.landing.glob(".*.csv"))


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"read1": "../registry.sqlite"}, 422),
        ({"read1": "/etc/passwd"}, 422),
        ({"sample_id": "../../x"}, 422),
        ({"order_id": "W4-9"}, 403),
        ({"sample_id": FATHER}, 403),
        ({"father_id": FATHER}, 403),
    ],
)
def test_a_sheet_speaks_of_the_tokens_own_cases_and_of_files_of_the_landing_zone(
    clinic: Clinic, programs: Programs, more: dict[str, str], status: int
) -> None:
    before = sheets_of(clinic)
    rows = [rows_of(clinic, "strange")[0] | more]
    headers = {"Idempotency-Key": f"strange-{sorted(more.items())}".replace(" ", "")}
    told = programs.client(Scope.SUBMIT).post(f"{SERVICE}/sheets", json={"rows": rows}, headers=headers)
    assert told.status_code == status, told.text
    assert sheets_of(clinic) == before


@pytest.mark.parametrize("there", ["theirs", "nothing", "link", "folder", "link to a folder", "sibling"])
def test_a_token_hands_in_reads_of_its_own_folders_alone(
    clinic: Clinic, programs: Programs, tmp_path: Path, there: str
) -> None:
    """Whatever lies elsewhere in the landing zone is refused in the same words, whether it is there or not."""
    landing, delivery = clinic.platform.settings.landing, Delivery("demo-unrelated-1", 0.01, "walled")
    own, other = landing / "ward-3", landing / "ward-4"
    for folder in (own, other, landing / "ward-3-other"):
        folder.mkdir(exist_ok=True)
        write_reads(folder, delivery)
    names = delivery.read_names
    link, linked = own / names[0].replace("walled", "linked"), own / "elsewhere"
    link.unlink(missing_ok=True)
    link.symlink_to(other / names[0])
    linked.unlink(missing_ok=True)
    linked.symlink_to(other)
    read1 = {
        "theirs": f"ward-4/{names[0]}",
        "nothing": "ward-4/none_R1.fastq.gz",
        "link": f"ward-3/{link.name}",
        "folder": f"ward-3/../ward-4/{names[0]}",
        "link to a folder": f"ward-3/elsewhere/{names[0]}",
        "sibling": f"ward-3-other/{names[0]}",
    }[there]
    row = {**rows_of(clinic, "walled")[0], "read1": f"ward-3/{names[0]}", "read2": f"ward-3/{names[1]}"}
    client, before = programs.client(Scope.SUBMIT, folder="ward-3"), sheets_of(clinic)
    refused = client.post(
        f"{SERVICE}/sheets",
        json={"rows": [row | {"read1": read1}]},
        headers={"Idempotency-Key": f"walled-{there}".replace(" ", "-")},
    )
    assert refused.status_code == 422, refused.text
    assert "lies outside the folders whose reads may be named" in refused.json()["error"]
    assert "does not exist" not in refused.text and sheets_of(clinic) == before
    taken = client.post(
        f"{SERVICE}/sheets", json={"rows": [row]}, headers={"Idempotency-Key": f"walled-own-{there}".replace(" ", "-")}
    )
    assert taken.status_code == 202, taken.text
    for sheet in set(sheets_of(clinic)) - set(before):
        sheet.unlink()


def test_a_token_from_before_folders_were_named_hands_in_nothing(clinic: Clinic, programs: Programs) -> None:
    name, token = programs.give(Scope.SUBMIT)
    entry = clinic.written(GIVEN)[-1].event
    told = {key: value for key, value in entry.details.items() if key != "folders"}
    programs.tokens.withdraw(name, person="Dr Head", reason="it is given as an earlier release did")
    clinic.platform.audit.record("Dr Head", GIVEN, None, told)
    client = programs.shows(token)
    refused = client.post(f"{SERVICE}/sheets", json={"rows": rows_of(clinic, "early")}, headers=KEY)
    assert refused.status_code == 422 and "outside the folders" in refused.json()["error"]


# State and results


def test_results_are_listed_with_digests_and_fetched_by_ranges(clinic: Clinic, programs: Programs) -> None:
    client = programs.client(Scope.RESULTS, Scope.STATE)
    listed = {one["artifact"]: one for one in client.get(f"{SERVICE}/samples/{CHILD}/results").json()}
    assert set(listed) == set(clinic.platform.lake.assets(CHILD))
    for artifact, one in listed.items():
        for file in one["files"][:2]:
            at = f"{SERVICE}/samples/{CHILD}/results/{artifact}/{file['name']}"
            whole = client.get(at)
            assert hashlib.sha256(whole.content).hexdigest() == file["sha256"] and len(whole.content) == file["bytes"]
    at = f"{SERVICE}/samples/{CHILD}/results/aligned_reads/{CHILD}.bam"
    whole = client.get(at).content
    part = client.get(at, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, whole[5:10])
    for artifact in ("statement", "clinical_report", "fhir_bundle"):
        assert listed[artifact]["withheld"] == "nobody has signed the report" and not listed[artifact]["files"]
    assert client.get(f"{SERVICE}/samples/{CHILD}/results/statement/{CHILD}.statement.json").status_code == 409
    for path in (
        *(
            "aligned_reads/receipt.json",
            "aligned_reads/..%2fstatement/x",
            "aligned_reads/%2e%2e/%2e%2e/registry.sqlite",
        ),
        *("nothing/x", "..%2f..%2fweb/token", "aligned_reads/%00"),
    ):
        assert client.get(f"{SERVICE}/samples/{CHILD}/results/{path}").status_code in (400, 404), path


def test_what_did_not_pass_its_gate_is_not_given(clinic: Clinic, programs: Programs) -> None:
    client, lake = programs.client(Scope.RESULTS, team=OTHER_WARD), clinic.platform.lake
    receipt = lake.require("aligned_reads", FATHER)
    told = {one["artifact"]: one for one in client.get(f"{SERVICE}/samples/{FATHER}/results").json()}
    assert told["raw_reads"]["files"]
    assert (
        told["aligned_reads"]["files"] == []
        and "the gate of aligned_reads is shut" in told["aligned_reads"]["withheld"]
    )
    name = receipt.files[0].name
    assert client.get(f"{SERVICE}/samples/{FATHER}/results/aligned_reads/{name}").status_code == 409


def test_the_service_describes_itself_and_the_portal_does_not_describe_it(clinic: Clinic, programs: Programs) -> None:
    told = programs.client(Scope.STATE).get(f"{SERVICE}/openapi.json").json()
    described = {(method.upper(), path) for path, one in told["paths"].items() for method in one}
    routes = {route for route in rules_of(clinic.app) if route[1].startswith(f"{SERVICE}/")}
    assert {(method, path.replace(":path", "")) for method, path in routes} - described == {
        ("GET", f"{SERVICE}/openapi.json")
    }
    assert told["security"] == [{"token": []}] and told["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    body = told["paths"][f"{SERVICE}/sheets"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "rows" in body["properties"]


# Ending runs


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(overrides={"run_coordinator": QUEUED_RUNS}) as made:
        yield made


def test_a_run_that_waits_is_taken_out_of_the_queue_for_a_reason(
    clinic: Clinic, programs: Programs, instance: dg.DagsterInstance
) -> None:
    house: House = clinic.house
    before, house.open_runs = house.open_runs, lambda: nullcontext(Runs(instance))
    try:
        client, path = programs.client(Scope.CANCEL), f"{SERVICE}/samples/{CHILD}/cancel"
        reason = {"reason": "the wrong tube was sequenced"}
        assert client.post(path, json=reason).status_code == 409, "nothing runs"
        runs = [
            instance.add_run(
                dg.DagsterRun("sample", status=status, tags={PARTITION: sample}, remote_job_origin=ORIGIN)
            ).run_id
            for status, sample in (
                (dg.DagsterRunStatus.QUEUED, CHILD),
                (dg.DagsterRunStatus.QUEUED, FATHER),
                (dg.DagsterRunStatus.SUCCESS, CHILD),
            )
        ]
        assert client.post(path, json={"reason": "why"}).status_code == 400
        told = client.post(path, json=reason)
        assert (told.status_code, told.json()) == (200, {"sample": CHILD, "runs": runs[:1]}), told.text
        after = [run.status.value for run in map(instance.get_run_by_id, runs) if run]
        assert after == ["CANCELED", "QUEUED", "SUCCESS"]
        (entry,) = clinic.written(ENDED)
        assert entry.event.sample == CHILD and entry.event.details == reason | {"runs": runs[:1]}
        assert client.post(path, json=reason).status_code == 409
    finally:
        house.open_runs = before


AT_WORK = """
import os, sys, time
import dagster as dg
from pathlib import Path

@dg.asset(partitions_def=dg.DynamicPartitionsDefinition(name="samples"))
def gvcf(context):
    Path({began!r}, context.partition_key).write_text(str(os.getpid()))
    time.sleep(300)

sample = dg.define_asset_job("sample", [gvcf])
definitions = dg.Definitions(assets=[gvcf], jobs=[sample])
"""
WATCHED = {"module": "genomics_assets.run_launcher", "class": "WatchedRunLauncher"}


@pytest.fixture
def at_work(clinic: Clinic, tmp_path: Path) -> Iterator[Pages]:
    """Dagster as it is served, whose code works on a sample for minutes."""
    made = AT_WORK.format(began=str(tmp_path))
    with pages_of(clinic.platform, tmp_path, made, [CHILD], run_launcher=WATCHED) as pages:
        yield pages


def test_a_run_that_is_under_way_is_ended_with_its_process(
    clinic: Clinic, programs: Programs, at_work: Pages, tmp_path: Path
) -> None:
    house: House = clinic.house
    before, house.open_runs = house.open_runs, lambda: nullcontext(Runs(at_work.instance))
    try:
        run = at_work.launch(CHILD)
        at_work.start(run)
        wait_until((tmp_path / CHILD).is_file)
        process = Path(f"/proc/{(tmp_path / CHILD).read_text()}")
        assert process.exists()
        client, path = programs.client(Scope.CANCEL), f"{SERVICE}/samples/{CHILD}/cancel"
        told = client.post(path, json={"reason": "the wrong tube was sequenced"})
        assert (told.status_code, told.json()) == (200, {"sample": CHILD, "runs": [run]}), told.text
        wait_until(lambda: at_work.instance.get_run_by_id(run).status is dg.DagsterRunStatus.CANCELED)
        wait_until(lambda: not process.exists())
    finally:
        house.open_runs = before


def wait_until(done: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)
