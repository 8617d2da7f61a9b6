"""The clinicians' portal over a real case: who may do what on every route, what is written of it, and what is shown."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import APIRouter, FastAPI
from fhir.resources.R4B.auditevent import AuditEvent
from starlette.testclient import TestClient

from portal.clinic import trail
from portal.clinic.access import Access
from portal.clinic.admission import CSRF_HEADER, PUBLIC, ROOT, require_rules, rules_of
from portal.clinic.rendering import STATIC
from portal.clinic.rights import Role
from portal.clinic.visits import IDLE_SECONDS
from resources.anchor import Anchor
from resources.audit import AuditLog
from resources.channels import webhook_channel
from resources.environment import PROJECT
from resources.teams import AccessError
from resources.web_token import web_token
from tests.builders.clinic import ACCESS, CHILD, FATHER, OTHER_WARD, OWN, PORT, WARD, Clinic, clinic_of, platform_of
from tests.builders.deployment import Deployment
from tests.builders.receivers import webhook

B, G, C, S, A = Role.BIOINFORMATICIAN, Role.GENETICIST, Role.CLINICIAN, Role.SECURITY_OFFICER, Role.ADMIN
CASE = "/cases/{case}"
EXPECTED: dict[tuple[str, str], set[Role]] = {
    ("GET", "/home"): {B, G, C, S, A},
    ("POST", "/leave"): {B, G, C, S, A},
    ("GET", "/cases"): {B, G, C},
    ("GET", CASE): {B, G, C},
    ("POST", f"{CASE}/identity"): {G, C},
    ("GET", f"{CASE}/findings"): {B, G},
    ("GET", f"{CASE}/variants/{{allele}}"): {B, G},
    ("POST", f"{CASE}/variants/{{allele}}/classify"): {G},
    ("GET", f"{CASE}/weigh"): {G},
    ("GET", f"{CASE}/why"): {B, G},
    ("GET", f"{CASE}/reads/{{member}}/{{name}}"): {B, G},
    ("GET", "/reference/{name}"): {B, G, C},
    ("GET", f"{CASE}/report"): {B, G},
    ("GET", f"{CASE}/report/page"): {B, G},
    ("GET", f"{CASE}/report/pdf"): {G},
    ("GET", f"{CASE}/uncalled_genes.tsv"): {G},
    ("GET", f"{CASE}/signed"): {B, G, C},
    ("GET", f"{CASE}/signed/{{number}}"): {B, G, C},
    ("GET", f"{CASE}/bundle"): {G},
    ("GET", f"{CASE}/findings.csv"): {G},
    ("POST", f"{CASE}/review"): {G},
    ("POST", f"{CASE}/sign"): {G},
    ("POST", f"{CASE}/retry"): {B},
    ("GET", f"{CASE}/comments"): {B, G},
    ("POST", f"{CASE}/comments"): {B, G},
    ("POST", f"{CASE}/comments/{{number}}/take-back"): {B, G},
    ("POST", f"{CASE}/break-glass"): {G, C},
    ("GET", "/inbox"): {B, G},
    ("GET", "/deliveries"): {B, G, A},
    ("GET", "/dashboards"): {B, G},
    ("GET", "/dashboards/{board}"): {B, G},
    ("GET", "/audit"): {S},
    ("POST", "/audit/verify"): {S},
    ("GET", "/audit/fhir"): {S},
    ("GET", "/rights"): {S, A},
    ("GET", "/api/openapi.json"): {B, G, C, S, A},
    ("GET", "/api/me"): {B, G, C, S, A},
    ("GET", "/api/cases"): {B, G, C},
    ("GET", f"/api{CASE}"): {B, G, C},
    ("GET", f"/api{CASE}/findings"): {B, G},
    ("GET", f"/api{CASE}/why"): {B, G},
    ("GET", "/api/htsget/reads/{case}"): {B, G},
    ("POST", "/api/htsget/reads/{case}"): {B, G},
    ("GET", "/api/htsget/reads/service-info"): {B, G, C, S, A},
    ("GET", f"/api{CASE}/phenopacket"): {G},
    ("GET", f"/api{CASE}/statements"): {G},
    ("GET", "/api/cds-services"): {B, G, C, S, A},
    ("GET", f"/api{CASE}/cds-services/drug-response"): {B, G, C},
    ("GET", "/api/ga4gh/drs/v1/service-info"): {B, G, C, S, A},
    ("GET", "/api/ga4gh/drs/v1/objects/{case}"): {B, G},
    ("GET", "/api/ga4gh/beacon/v2/service-info"): {B, G, C, S, A},
    ("GET", "/api/ga4gh/beacon/v2/g_variants"): {B, G},
    ("GET", "/cases.csv"): {B, G, C},
    ("POST", f"/api{CASE}/retry"): {B},
    ("GET", f"/api{CASE}/comments"): {B, G},
    ("POST", f"/api{CASE}/comments"): {B, G},
    ("POST", f"/api{CASE}/comments/{{number}}/take-back"): {B, G},
}
"""Who may ask for what, of a case that is theirs: written by hand, not read from what decides."""
OF_PROGRAMS = {
    ("GET", "/api/service/openapi.json"),
    ("POST", "/api/service/sheets"),
    ("GET", "/api/service/samples/{case}"),
    ("POST", "/api/service/samples/{case}/cancel"),
    ("GET", "/api/service/samples/{case}/results"),
    ("GET", "/api/service/samples/{case}/results/{artifact}/{name:path}"),
}
"""What nobody is answered by signing in: tests/portal/test_service.py tells by which tokens."""
FILLED = {
    "case": CHILD,
    "member": "own",
    "name": f"{CHILD}.bam",
    "allele": "20-3084620-C-T",
    "number": "1",
    "board": "findings",
}
DIGEST = re.compile(r'name="digest" value="([0-9a-f]{64})"')


@pytest.fixture(scope="module")
def clinic(made_case: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    return clinic_of(platform_of(made_case, tmp_path_factory.mktemp("clinic")), ACCESS)


def address(path: str, **more: str) -> str:
    query = "?variant=20-3084620-C-T" if path.endswith("/why") else ""
    return ROOT + path.format(**FILLED | more) + query


# Rights


def test_every_route_is_one_whose_rights_are_told_here(clinic: Clinic) -> None:
    """And with the files of the pages' looks, no other route."""
    routes = {route for route in rules_of(clinic.app) if route[1] not in (*PUBLIC, STATIC)}
    assert routes == {(method, f"{ROOT}{path}") for method, path in EXPECTED.keys() | OF_PROGRAMS}


def test_an_application_with_a_route_without_a_rule_does_not_start() -> None:
    app, router = FastAPI(openapi_url=None), APIRouter(prefix=ROOT)
    router.add_api_route("/everything", lambda: "everything")
    app.include_router(router)
    with pytest.raises(AssertionError, match="/portal/everything"):
        require_rules(app)


@pytest.mark.parametrize("role", list(Role))
def test_every_route_answers_those_who_may_and_nobody_else(clinic: Clinic, role: Role) -> None:
    for (method, path), roles in EXPECTED.items():
        client, visit = clinic.visit(role, WARD)
        before = clinic.number
        told = client.request(method, address(path))
        kinds = [one.event.what for one in clinic.written(trail.ACCESS, trail.DENIED, after=before)]
        if role in roles:
            assert told.status_code not in (401, 403) and told.status_code < 500, (method, path, told.text[:300])
            assert kinds[0] == trail.ACCESS, (method, path)
        else:
            assert told.status_code == 403 and kinds == [trail.DENIED], (method, path, told.status_code)
            assert CHILD not in told.text or "Break" in told.text or path.startswith("/api")
        assert clinic.written(trail.ACCESS, trail.DENIED, after=before)[0].event.who == visit.person.name


def test_nobody_is_answered_without_signing_in(clinic: Clinic) -> None:
    for method, path in EXPECTED:
        before = clinic.number
        told = clinic.client().request(method, address(path))
        assert told.status_code == 401 and FATHER not in told.text, (method, path)
        assert clinic.number == before


@pytest.mark.parametrize("role", [G, C])
def test_a_case_of_another_ward_is_nobodys_but_who_breaks_the_glass(clinic: Clinic, role: Role) -> None:
    client, _ = clinic.visit(role, OTHER_WARD)
    assert FATHER in client.get(f"{ROOT}/cases").text and f"/{CHILD}" not in client.get(f"{ROOT}/cases").text
    for method, path in EXPECTED:
        if "{case}" in path and not path.endswith("break-glass"):
            assert client.request(method, address(path)).status_code == 403, (method, path)


def test_a_bioinformatician_sees_every_ward(clinic: Clinic) -> None:
    person = clinic.house.access.person("Ada", ["grp-bioinformatician"])
    client, _ = clinic.visit(person.role, every_case=person.every_case)
    shown = client.get(f"{ROOT}/cases").text
    assert f"/cases/{CHILD}" in shown and f"/cases/{FATHER}" in shown


def test_the_glass_is_broken_for_a_reason_an_hour_and_somebody_is_told(clinic: Clinic) -> None:
    with webhook() as hook:
        channel = webhook_channel(hook.address)
        settings = replace(clinic.platform.settings, channels=(channel,))
        alarmed = clinic_of(replace(clinic.platform, settings=settings), ACCESS)
        client, _ = alarmed.visit(G, OTHER_WARD, name="Dr Night")
        refused = client.get(address(CASE))
        assert refused.status_code == 403 and "Break the glass" in refused.text
        assert client.post(address(f"{CASE}/break-glass"), data={"reason": "why"}).status_code == 400
        reason = {"reason": "emergency on ward 4, the clinician is not here"}
        assert client.post(address(f"{CASE}/break-glass"), data=reason).status_code == 303
        assert "you broke the glass" in client.get(address(CASE)).text
        (entry,) = alarmed.written(trail.BROKEN)
        assert entry.event.who == "Dr Night" and entry.event.sample == CHILD
        assert entry.event.details["reason"] == reason["reason"]
        ((_, sent),) = hook.posts
        assert CHILD in sent["text"] and "Night" not in sent["text"], "who it was stands in the log alone"
    last = alarmed.written(trail.ACCESS)[-1]
    assert last.event.details["purpose"] == "BTG"
    for path in (f"{CASE}/sign", f"{CASE}/review"):
        assert client.post(address(path)).status_code == 403, "it is there to see, not to sign"
    assert client.get(address(f"{CASE}/bundle")).status_code == 403
    again, _ = alarmed.visit(G, OTHER_WARD, name="Dr Night")
    assert again.get(address(CASE)).status_code == 403, "it holds for the visit in which it was broken"


def test_a_change_comes_from_a_page_of_the_same_visit(clinic: Clinic) -> None:
    for method, path in EXPECTED:
        if method == "POST":
            client, _ = clinic.visit(next(iter(EXPECTED[method, path])), WARD)
            client.headers[CSRF_HEADER] = clinic.visit(G, WARD)[1].csrf
            before = clinic.number
            assert client.post(address(path)).status_code == 403, path
            assert clinic.number == before


def test_a_visit_ends_by_time_and_by_its_person(clinic: Clinic) -> None:
    client, visit = clinic.visit(G, WARD)
    assert client.get(address("/cases")).status_code == 200
    visit.seen -= IDLE_SECONDS + 1
    assert client.get(address("/cases")).status_code == 401
    client, visit = clinic.visit(G, WARD)
    assert client.post(address("/leave")).status_code == 303
    client.cookies.set(f"portal_{PORT}", visit.key)
    assert client.get(address("/cases")).status_code == 401
    assert clinic.written(trail.LEFT)[-1].event.details["visit"] == visit.name


def test_who_asks_too_much_waits(clinic: Clinic) -> None:
    client, visit = clinic.visit(G, WARD)
    visit.allowance = -1e6
    assert client.get(address("/cases")).status_code == 429
    visit.allowance = 1.0
    assert client.get(address("/cases")).status_code == 200


def test_another_host_or_page_asks_nothing_of_the_portal(clinic: Clinic) -> None:
    client, _ = clinic.visit(G, WARD)
    assert client.get(address("/cases"), headers={"Host": "evil.example"}).status_code == 403
    assert client.get(address("/cases"), headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.get(address("/cases"), headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize(
    "path", ["/cases", CASE, f"{CASE}/report/page", f"{CASE}/reads/{{member}}/{{name}}", "/nowhere"]
)
def test_every_answer_is_kept_nowhere_and_runs_nothing_of_its_own(clinic: Clinic, path: str) -> None:
    told = clinic.visit(G, WARD)[0].get(address(path))
    assert "no-store" in told.headers["cache-control"]
    assert told.headers["x-content-type-options"] == "nosniff" and "frame-ancestors" in told.headers.get(
        "content-security-policy", ""
    )
    assert "unsafe" not in told.headers["content-security-policy"]
    if "html" in told.headers.get("content-type", "") and "report/page" not in path:
        assert "<script>" not in told.text and "<style" not in told.text and " style=" not in told.text
        assert not re.search(r"\son\w+=", told.text)


def test_the_file_that_the_guide_shows_is_one_that_can_be_used() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", (PROJECT / "docs" / "portal.md").read_text(), re.DOTALL)
    access = Access.of(yaml.safe_load(shown))
    ward, genetics = (access.person("Dr A", [group]) for group in ("grp-ward-3", "grp-genetics"))
    assert (ward.role, ward.teams, ward.every_case) == (C, {"ward 3"}, False)
    assert (genetics.role, genetics.every_case) == (G, True)
    assert access.provider and access.provider.issuer == "https://login.example.org/tenant/v2.0"
    assert access.teams_of(order="W3-77", family=None) == {"ward 3"} and not access.teams_of(order="W4-1", family="F1")


@pytest.mark.parametrize(
    ("told", "groups", "problem"),
    [
        ({"roles": {"x": "surgeon"}}, [], "'surgeon' is not a valid Role"),
        ({"rolls": {}}, [], "rolls: there are every_case, filters, provider, roles, second_reader, teams"),
        ({"provider": {"issuer": "http://idp.example", "client_id": "x"}}, [], "the issuer is no https URL"),
        ({"teams": {"t": {"orders": "W3-*"}}}, [], "is no list"),
        ({"filters": {"f": {"colour": "red"}}}, [], "colour: there are q, report, stage, state"),
        ({"filters": {"f": {"state": "faild"}}}, [], "there is no state 'faild': there are "),
        ({"filters": {"f": {"report": "unsigned"}}}, [], "there is no report 'unsigned': there are draft, reviewed"),
        ({"roles": {"x": "admin"}}, ["y"], "Dr A has no role here"),
        ({"roles": {"x": "admin", "y": "clinician"}}, ["x", "y"], "several roles"),
    ],
)
def test_a_file_or_a_person_that_cannot_be_taken_is_refused_in_words(
    told: dict[str, Any], groups: list[str], problem: str
) -> None:
    with pytest.raises(AccessError, match=re.escape(problem)):
        Access.of(told).person("Dr A", groups)


# The demo's people


def test_the_demos_people_come_in_on_this_machine_alone_and_with_the_token(clinic: Clinic) -> None:
    demo = clinic_of(clinic.platform)
    form = {"role": "geneticist", "to": f"{ROOT}/cases"}
    client = demo.client()
    assert "Open the address" in client.get(f"{ROOT}/enter").text
    assert client.post(f"{ROOT}/enter", data=form).status_code == 403, "the token was not shown"
    opened = client.get(ROOT, params={"token": web_token(demo.platform.settings)})
    assert opened.status_code == 200 and "Dr Gregor Demo" in client.get(f"{ROOT}/enter").text
    elsewhere = TestClient(
        demo.door, base_url=OWN, headers=client.headers, cookies=dict(client.cookies), client=("192.0.2.7", 1)
    )
    assert elsewhere.post(f"{ROOT}/enter", data=form).status_code == 403
    assert client.post(f"{ROOT}/enter", data=form).status_code == 200
    assert f"/cases/{CHILD}" in client.get(f"{ROOT}/cases").text
    (entry,) = demo.written(trail.ENTERED)
    assert entry.event.who == "Dr Gregor Demo" and entry.event.details["provider"] == "demo"


@pytest.mark.parametrize("settings", [{"web_listen": "0.0.0.0"}, {"web_origins": ("https://genomics.example.org",)}])
def test_the_demos_people_do_not_come_in_where_others_reach_the_server(
    clinic: Clinic, settings: dict[str, Any]
) -> None:
    demo = clinic_of(clinic.platform, **settings)
    client = demo.client()
    client.get(ROOT, params={"token": web_token(demo.platform.settings)})
    assert client.post(f"{ROOT}/enter", data={"role": "geneticist"}).status_code == 403


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example/portal/x", "/graphql", "/portal/\\evil", "/portal//x"]
)
def test_the_sign_in_leads_nowhere_but_to_the_portal(clinic: Clinic, to: str) -> None:
    demo = clinic_of(clinic.platform)
    client = demo.client()
    client.get(ROOT, params={"token": web_token(demo.platform.settings)})
    page = client.post(f"{ROOT}/enter", data={"role": "admin", "to": to}).text
    assert f'href="{ROOT}/home"' in page and "evil" not in page and "graphql" not in page


# What is shown


@pytest.fixture
def geneticist(clinic: Clinic) -> Iterator[TestClient]:
    yield clinic.visit(G, WARD)[0]


def test_a_case_shows_what_the_services_say(geneticist: TestClient) -> None:
    shown = geneticist.get(address(CASE)).text
    for words in ("Result: positive, not signed", "W3-1", "AVP", "mean coverage", "Pedigree of child", "exons of"):
        assert words in shown, words
    findings = geneticist.get(address(f"{CASE}/findings")).text
    assert "AVP" in findings and "pathogenic" in findings and "not reported" in findings
    (seen,) = re.findall(r'data-label="Population">([^<]+)', findings)
    assert seen in geneticist.get(address(f"{CASE}/variants/{{allele}}")).text and seen != "not known"
    assert re.search(r'<abbr title="[^"]{20,}">P', findings), "what a criterion stands on"
    variant = geneticist.get(address(f"{CASE}/variants/{{allele}}")).text
    told = json.loads(re.search(r'data-reads="([^"]+)"', variant)[1].replace("&#34;", '"'))  # type: ignore[index]
    assert [track["name"] for track in told["tracks"]] == [CHILD, f"father: {FATHER}"]
    assert told["locus"].startswith("chr20:3084560-")
    why = geneticist.get(f"{ROOT}/cases/{CHILD}/why", params={"variant": "20-3084700-A-G"}).text
    assert "not carried" in why


def test_reads_are_read_by_ranges_of_bytes(clinic: Clinic, geneticist: TestClient) -> None:
    receipt = clinic.platform.lake.require("aligned_reads", CHILD)
    whole = clinic.platform.lake.path(receipt, f"{CHILD}.bam").read_bytes()
    at = address(f"{CASE}/reads/{{member}}/{{name}}")
    assert geneticist.get(at).content == whole
    for asked, part in (
        ("bytes=0-99", whole[:100]),
        ("bytes=-7", whole[-7:]),
        (f"bytes={len(whole) - 5}-", whole[-5:]),
    ):
        told = geneticist.get(at, headers={"Range": asked})
        assert told.status_code == 206 and told.content == part
    for asked in (f"bytes={len(whole)}-", "bytes=5-2", "bytes=0-1,4-5", "bytes=-", "lines=1-2"):
        assert geneticist.get(at, headers={"Range": asked}).status_code == 416, asked
    entry = clinic.written(trail.ACCESS)[-1].event
    assert (
        entry.sample == CHILD and "lines=1-2" in entry.details["detail"] and f"{CHILD}.bam" in entry.details["detail"]
    )
    father = geneticist.get(address(f"{CASE}/reads/{{member}}/{{name}}", member="father", name=f"{FATHER}.bam"))
    assert father.status_code == 200, "the trio is one case"
    for member, name in (("mother", "x.bam"), ("own", "receipt.json"), ("own", f"{FATHER}.bam")):
        assert geneticist.get(address(f"{CASE}/reads/{{member}}/{{name}}", member=member, name=name)).status_code == 404


def test_the_api_says_what_the_pages_say(clinic: Clinic, geneticist: TestClient) -> None:
    described = geneticist.get(f"{ROOT}/api/openapi.json").json()
    assert set(described["paths"]) == {
        f"{ROOT}{path}" for _, path in EXPECTED if path.startswith("/api/") and "openapi" not in path
    }
    told = geneticist.get(address(f"/api{CASE}/findings")).json()
    draft = clinic.platform.gate.require("statement", CHILD)
    assert told["outcome"] == "positive" and told["digest"] == draft.measures["statement_digest"]
    assert [row["gene"] for row in told["findings"]] == ["AVP"]
    assert [row["sample"] for row in geneticist.get(f"{ROOT}/api/cases").json()] == [CHILD]
    ticket = geneticist.get(address("/api/htsget/reads/{case}")).json()["htsget"]
    reads = geneticist.get(ticket["urls"][0]["url"].removeprefix(OWN)).content
    assert ticket["format"] == "BAM" and reads[:4] == b"\x1f\x8b\x08\x04"
    assert geneticist.get(f"{ROOT}/api/cases/nobody").status_code == 404
    assert geneticist.get(address(f"/api{CASE}/why").split("?")[0], params={"variant": "?"}).status_code == 409


def test_a_report_is_reviewed_and_signed_by_its_digest_and_the_clinician_reads_it(clinic: Clinic) -> None:
    ward, _ = clinic.visit(C, WARD)
    assert "No report of this case has been signed" in ward.get(address(f"{CASE}/signed")).text
    assert "Result" not in ward.get(address(CASE)).text, "a clinician reads what was signed"
    client, _ = clinic.visit(G, WARD, name="Dr Curie")
    shown = client.get(address(f"{CASE}/report")).text
    digest = DIGEST.search(shown)[1]  # type: ignore[index]
    assert client.post(address(f"{CASE}/sign"), data={"digest": digest[::-1]}).status_code == 409
    assert "The review is noted" in client.post(address(f"{CASE}/review"), data={"digest": digest}).text
    signed = client.post(address(f"{CASE}/sign"), data={"digest": digest})
    assert signed.status_code == 200 and "Signed by Dr Curie" in signed.text
    assert client.post(address(f"{CASE}/sign"), data={"digest": digest}).status_code == 409
    page = ward.get(address(f"{CASE}/signed/{{number}}"))
    assert page.status_code == 200 and "Dr Curie" in page.text and "sandbox" in page.headers["content-security-policy"]
    assert "Result: positive" in ward.get(address(CASE)).text
    assert 'class="state signed"' in client.get(f"{ROOT}/cases").text
    bundle = client.get(address(f"{CASE}/bundle")).json()
    reports = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "DiagnosticReport"]
    assert [one["status"] for one in reports] == ["final"]


def test_genes_that_the_page_counts_are_taken_along_as_a_file(clinic: Clinic) -> None:
    at, button = address(f"{CASE}/uncalled_genes.tsv"), ">Genes not fully called</a>"
    client, _ = clinic.visit(G, WARD)
    assert client.get(at).status_code == 404 and button not in client.get(address(f"{CASE}/report")).text
    lake = clinic.platform.lake
    made = lake.require("clinical_report", CHILD)
    with lake.work("clinical_report", CHILD) as work:
        for file in made.files:
            (work.folder / file.name).write_bytes(lake.path(made, file.name).read_bytes())
        (work.folder / f"{CHILD}.uncalled_genes.tsv").write_text("gene\thgnc_id\tasked_about\nAVP\t\tno\n")
        work.publish(records=made.records, recipe=made.recipe, measures=made.measures)
    assert button in client.get(address(f"{CASE}/report")).text
    told = client.get(at)
    assert told.text.splitlines()[1:] == ["AVP\t\tno"]
    assert f'filename="{CHILD}.uncalled_genes.tsv"' in told.headers["content-disposition"]


def test_an_allele_is_classified_by_a_person_with_points_and_rules_beside_it(clinic: Clinic) -> None:
    client, _ = clinic.visit(G, WARD, name="Dr Curie")
    weighed = client.get(address(f"{CASE}/weigh"), params={"criteria": "PVS1,PM2=P"}).text
    assert "likely pathogenic (9)" in weighed and "By the rules of 2015" in weighed
    assert "NONE1" in client.get(address(f"{CASE}/weigh"), params={"criteria": "NONE1"}).text
    at = address(f"{CASE}/variants/{{allele}}/classify")
    told = {"classification": "likely_pathogenic", "criteria": "PVS1,PM2=P", "comment": "seen in two families here"}
    assert client.post(at, data=told | {"comment": "so"}).status_code == 409
    assert client.post(at, data=told | {"classification": "bad"}).status_code == 409
    decided = client.post(at, data=told)
    assert decided.status_code == 200 and f"asked for again: {CHILD}" in decided.text
    shown = client.get(address(f"{CASE}/variants/{{allele}}")).text
    assert "which stands" in shown and "seen in two families here" in shown and "Dr Curie" in shown
    assert "Dr Curie" in client.get(address(f"{CASE}/findings")).text, "earlier decisions stand beside the finding"
    (decision,) = clinic.platform.catalogue.every()
    assert (decision.classification, decision.person, decision.sample) == ("likely_pathogenic", "Dr Curie", CHILD)


# Who saw what


def test_what_is_typed_into_the_search_of_cases_is_not_written_down(clinic: Clinic, geneticist: TestClient) -> None:
    assert geneticist.get(f"{ROOT}/cases", params={"q": "Lovelace", "state": "done"}).status_code == 200
    details = clinic.written(trail.ACCESS)[-1].event.details
    assert details["detail"] == "state=done" and "Lovelace" not in json.dumps(details)


def test_the_security_officer_finds_who_saw_a_case_and_takes_it_along_as_fhir(clinic: Clinic) -> None:
    clinic.visit(G, WARD, name="Dr Seen")[0].get(address(CASE))
    officer, _ = clinic.visit(S)
    shown = officer.get(f"{ROOT}/audit", params={"sample": CHILD, "who": "dr seen"}).text
    assert "1 entries" in shown and "see a case" in shown
    assert "0 entries" in officer.get(f"{ROOT}/audit", params={"who": "Dr Seen", "until": "2020-01-01"}).text
    lines = officer.get(f"{ROOT}/audit/fhir", params={"sample": CHILD}).text.splitlines()
    events = [AuditEvent.model_validate_json(line) for line in lines]
    assert len(events) > 10
    read = [json.loads(line) for line in lines if '"profile"' in line]
    assert len(read) > 5 and [balp_faults(one) for one in read] == [[]] * len(read)
    last = next(one for one in read if one["agent"][-1]["who"]["display"] == "Dr Seen")
    for broken in (
        last | {"action": "E"},
        last | {"agent": last["agent"][1:]},
        last | {"entity": last["entity"][:1]},
        last | {"outcome": "4"},
    ):
        assert balp_faults(broken), "a resource that is not of the profile is found"
    assert last["action"] == "R" and last["entity"][0]["what"]["identifier"]["value"] == CHILD
    assert last["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"


def balp_faults(told: dict[str, Any]) -> list[str]:
    """What of BALP 1.1's profile PatientRead an AuditEvent does not keep, as its text has it, slice by slice."""

    def of(kind: str, code: str) -> list[dict[str, Any]]:
        kinds = [(one, one["type"].get("coding", [one["type"]])) for one in told[kind]]
        return [one for one, codes in kinds if code in {each["code"] for each in codes}]

    client, server, user = (of("agent", code) for code in ("110152", "110153", "IRCP"))
    patient, data = (of("entity", code) for code in ("1", "2"))
    kept = {
        "type": told["type"]["code"] == "rest",
        "subtype": {"system": "http://hl7.org/fhir/restful-interaction", "code": "read", "display": "read"}
        in told["subtype"],
        "action": told["action"] == "R" and told["outcome"] == "0",
        "client": len(client) == 1 and all(one["who"] and one["network"] for one in client),
        "server": len(server) == 1 and all(one["who"] and one["network"] for one in server),
        "user": len(user) == 1 and all(one["who"] and one["requestor"] and "network" not in one for one in user),
        "patient": len(patient) == 1
        and all(one["role"]["code"] == "1" and one["what"]["type"] == "Patient" for one in patient),
        "data": len(data) == 1 and all(one["role"]["code"] in ("3", "4", "20") and one["what"] for one in data),
    }
    return [name for name, is_kept in kept.items() if not is_kept]


@pytest.mark.parametrize(
    "harm",
    [
        lambda lines: [
            *lines[:5],
            lines[5].replace(b"Dr", b"Mr", 1) if b"Dr" in lines[5] else lines[5][:-3],
            *lines[6:],
        ],
        lambda lines: [*lines[:5], *lines[6:]],
        lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
        lambda lines: lines[:-2],
    ],
    ids=["changed", "cut out", "swapped", "truncated"],
)
def test_a_log_that_was_tampered_with_is_found(clinic: Clinic, tmp_path: Path, harm: Any) -> None:
    audit, anchor = (tmp_path / name for name in ("audit", "anchor"))
    shutil.copytree(clinic.platform.audit.path.parent, audit)
    shutil.copytree(clinic.platform.settings.anchor, anchor)
    copy = clinic_of(replace(clinic.platform, audit=AuditLog(audit / "audit.jsonl", Anchor(anchor))), ACCESS)
    officer, _ = copy.visit(S)
    assert "entries are as they were written" in officer.post(f"{ROOT}/audit/verify").text
    lines = copy.platform.audit.path.read_bytes().splitlines()
    copy.platform.audit.path.write_bytes(b"\n".join(harm(lines)) + b"\n")
    told = officer.post(f"{ROOT}/audit/verify").text
    assert "as they were written" not in told and ("line 6" in told or "line 5" in told or "once had" in told), told
