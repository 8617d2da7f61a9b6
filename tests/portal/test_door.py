"""The door before Dagster's real web application: who may ask, how a change is sent, and what is written of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from resources.audit import AuditError
from resources.environment import Settings, SettingsError
from resources.structured_log import FILE
from tests.builders.web import MARK, OWN, WIPE, Web, web_of, wiping

ASK = {"query": "{ version }"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with web_of(tmp_path_factory.mktemp("web")) as web:
        yield web


@pytest.fixture
def web(served: Web) -> Web:
    """With the record in Dagster, and nothing in the audit log that the test would see."""
    if served.is_wiped:
        served.record()
    served.forget()
    return served


def assert_nothing_done(web: Web) -> None:
    assert not web.is_wiped
    assert not web.mutations()


def test_without_the_door_a_get_from_anywhere_wipes_a_record(web: Web) -> None:
    """What the door is there for: should Dagster ever mend it, this fails and the door can be thinner."""
    bare = TestClient(web.door._behind, base_url="http://evil.example", headers={"Origin": "http://evil.example"})
    told = bare.get("/graphql", params={"query": WIPE, "variables": json.dumps({"key": [MARK]})})
    assert told.status_code == 200 and web.is_wiped


# Who may ask


@pytest.mark.parametrize("host", ["http://evil.example:3000", "http://127.0.0.1:3001", "http://127.0.0.1", "http://0"])
def test_another_host_name_is_refused_even_with_the_token(web: Web, host: str) -> None:
    client = web.client(host, Authorization=f"Bearer {web.token}")
    assert client.post("/graphql", json=wiping()).status_code == 403
    assert client.get("/", params={"token": web.token}).status_code == 403
    assert_nothing_done(web)


@pytest.mark.parametrize("host", [OWN, "http://localhost:3000", "http://LOCALHOST:3000", "http://[::1]:3000"])
def test_every_name_of_the_loopback_address_is_served(web: Web, host: str) -> None:
    told = web.client(host, Authorization=f"Bearer {web.token}").post("/graphql", json=ASK)
    assert told.status_code == 200 and told.json()["data"] == {"version": ""}


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:8000", "https://127.0.0.1:3000", f"{OWN}.evil.example"]
)
def test_a_page_of_another_origin_may_ask_nothing(web: Web, origin: str) -> None:
    client = web.person()
    client.headers["Origin"] = origin
    assert client.post("/graphql", json=wiping()).status_code == 403
    assert client.get("/graphql", params=ASK).status_code == 403
    assert "access-control-allow-origin" not in client.options("/graphql").headers
    assert_nothing_done(web)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_only_be_left_by_a_link(web: Web, site: str) -> None:
    client = web.person()
    del client.headers["Origin"]
    elsewhere = {"Sec-Fetch-Site": site}
    image = elsewhere | {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    frame = elsewhere | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    link = elsewhere | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.get("/server_info", headers=image).status_code == 403
    assert client.get("/", headers=frame).status_code == 403
    assert client.post("/graphql", json=ASK, headers=link).status_code == 403
    assert client.get("/assets", headers=link).status_code == 200


def test_a_link_from_elsewhere_is_asked_again_by_our_own_page(web: Web) -> None:
    """A strict cookie does not come with it; the page that goes on is ours, so that it does then."""
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    told = web.client().get("/runs?q=1&x=%22%3E", headers=link)
    assert told.status_code == 200 and 'url=/runs?q=1&amp;x=%22%3E"' in told.text
    assert "Dagster" not in told.text
    assert 'url=/x"' in web.client().get(f"{OWN}//evil.example/x", headers=link).text


@pytest.mark.parametrize("path", ["/", "/graphql?query={version}", "/server_info", "/logs/x/y.out", "/favicon.svg"])
def test_without_the_token_nothing_is_told(web: Web, path: str) -> None:
    assert web.client().get(path).status_code == 401
    assert web.client(Accept="text/html").get(path).status_code == 401
    assert web.client(Authorization="Bearer wrong").get(path).status_code == 401
    assert web.client(Authorization=f"Basic {web.token}").get(path).status_code == 401
    assert web.client(Cookie="genomics_3000=e30=.aaaa").get(path).status_code == 401


def test_without_the_token_nothing_is_done(web: Web) -> None:
    assert web.client(Origin=OWN).post("/graphql", json=wiping()).status_code == 401
    assert web.client(Origin=OWN).post(f"/report_asset_materialization/{MARK}", json={}).status_code == 401
    assert_nothing_done(web)


def test_the_address_with_the_token_is_traded_for_a_strict_cookie_and_loses_the_token(web: Web) -> None:
    opened = web.client().get("/runs?view=all", params={"token": web.token, "view": "all"})
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and web.token not in cookie
    assert "url=/runs?view=all" in opened.text and web.token not in opened.text
    assert web.client().get("/", params={"token": "wrong"}).status_code == 401
    assert "set-cookie" not in web.client().get("/", params={"token": "wrong"}).headers


def test_the_form_takes_the_token_from_our_own_page_only(web: Web) -> None:
    form = {"token": web.token, "person": "Dr Mendel", "to": "//evil.example/x"}
    assert web.client(Origin="http://evil.example").post("/door", data=form).status_code == 403
    opened = web.client(Origin=OWN).post("/door", data=form)
    assert opened.status_code == 200 and "set-cookie" in opened.headers
    assert 'url=/x"' in opened.text
    assert web.client(Origin=OWN).post("/door", json=form).status_code == 415


@pytest.mark.parametrize("name", ['"><script>alert(1)</script>', "a\nb\0c", "x" * 5000, "Зоя"])
def test_what_a_person_calls_himself_is_one_short_line_of_the_log(web: Web, name: str) -> None:
    assert web.person(name).post("/graphql", json=wiping()).status_code == 200
    who = web.mutations()[0].event.who
    assert who and len(who) <= 100 and "\n" not in who and "\0" not in who
    assert web.audit.verify()


# How a change is sent


def test_a_change_sent_by_get_is_refused_in_every_spelling(web: Web) -> None:
    client = web.person()
    variables = json.dumps({"key": [MARK]})
    both = f"query Ask {{ version }} {WIPE}"
    hidden = "fragment F on Query { version } " + WIPE
    for query, name in (
        (WIPE, None),
        (WIPE, "Wipe"),
        (both, "Wipe"),
        (both, "Ask"),
        (hidden, None),
        (f"#\n{WIPE}", ""),
    ):
        asked = {"query": query, "variables": variables} | ({"operationName": name} if name is not None else {})
        assert client.get("/graphql", params=asked).status_code == 405, query
        assert client.head("/graphql", params=asked).status_code == 405
    assert_nothing_done(web)


def test_a_query_that_hides_behind_another_is_refused(web: Web) -> None:
    client = web.person()
    wipe = {"query": WIPE, "variables": json.dumps({"key": [MARK]})}
    for text in (f"{urlencode(ASK)}&{urlencode(wipe)}", f"{urlencode(wipe)}&{urlencode(ASK)}"):
        assert client.get(f"/graphql?{text}").status_code == 400
    assert client.get("/graphql", params={"extensions": '{"persistedQuery":{"sha256Hash":"x"}}'}).status_code == 400
    assert_nothing_done(web)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "application/graphql",
        "application/jsonp",
        "",
    ],
)
def test_a_form_or_any_other_type_than_json_is_refused(web: Web, kind: str) -> None:
    told = web.person().post("/graphql", content=json.dumps(wiping()), headers={"Content-Type": kind})
    assert told.status_code == 415
    in_address = {"query": WIPE, "variables": json.dumps({"key": [MARK]})}
    assert web.person().post("/graphql", params=in_address, headers={"Content-Type": kind}).status_code == 415
    assert_nothing_done(web)


@pytest.mark.parametrize(
    "body",
    [
        [wiping()],
        [],
        "text",
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0"}}},
        wiping(extensions={"persistedQuery": {"version": 1, "sha256Hash": "0"}}),
        wiping(id="stored"),
        wiping(query=[WIPE]),
        wiping(query="no graphql"),
        wiping(query="{" * 3000),
        wiping(query=WIPE + WIPE.replace("Wipe(", "Other("), operationName=None),
        wiping(variables=[MARK]),
        wiping(variables="no json"),
        wiping(operationName=1),
    ],
)
def test_lists_persisted_and_unreadable_requests_are_refused(web: Web, body: Any) -> None:
    assert web.person().post("/graphql", json=body).status_code == 400
    assert_nothing_done(web)


def test_a_browser_that_does_not_say_whence_changes_nothing(web: Web) -> None:
    client = web.person()
    del client.headers["Origin"]
    assert client.post("/graphql", json=wiping()).status_code == 403
    assert_nothing_done(web)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"])
def test_no_other_method_is_served(web: Web, method: str) -> None:
    assert web.person().request(method, "/graphql", json=wiping()).status_code == 405
    assert_nothing_done(web)


def test_what_is_judged_is_what_is_executed(web: Web) -> None:
    """Of a key that stands twice, in any encoding of JSON, the door and Dagster read the same one."""
    twice = f'{{"query": "{{ version }}", "query": {json.dumps(WIPE)}, "variables": {{"key": ["{MARK}"]}}}}'
    for text in (twice.encode(), twice.encode("utf-16")):
        assert web.person().post("/graphql", content=text, headers=JSON).status_code == 200
    assert [entry.event.details["operation"] for entry in web.mutations()] == ["Wipe", "Wipe"]


def test_letters_that_cannot_be_written_do_not_keep_a_change_out_of_the_log(web: Web) -> None:
    client = web.person()
    sent = json.dumps(wiping(variables={"key": [MARK], "\ud800": "\udfff"}))
    told = client.post("/graphql", content=sent, headers=JSON)
    assert told.status_code == 200 and len(web.mutations()) == 1
    odd = {"query": "mutation ($k: String!) { addDynamicPartition(partitionKey: $k) { __typename } }"}
    client.post("/graphql", content=json.dumps({**odd, "variables": {"k": "\ud800 <x>"}}), headers=JSON)
    assert web.mutations()[1].event.sample is None and web.audit.verify()


def test_a_request_nested_too_deeply_is_refused(web: Web) -> None:
    for depth in (500, 900, 990, 1500, 100_000):
        variables = '{"a":' * depth + "1" + "}" * depth
        text = f'{{"query": {json.dumps(WIPE)}, "variables": {variables}}}'
        assert web.person().post("/graphql", content=text, headers=JSON).status_code in (200, 400)
    assert not web.is_wiped


def test_a_request_without_end_is_refused(web: Web) -> None:
    told = web.person().post("/graphql", content=b" " * (17 << 20), headers=JSON)
    assert told.status_code == 413


# What is written of it


def test_a_change_stands_in_the_audit_log_with_who_and_what(web: Web) -> None:
    assert web.person("Dr Mendel").post("/graphql", json=wiping()).status_code == 200
    assert web.is_wiped
    (entry,) = web.mutations()
    assert entry.event.who == "Dr Mendel"
    assert entry.event.details["operation"] == "Wipe"
    assert entry.event.details["fields"] == [
        {"field": "wipeAssets", "arguments": {"assetPartitionRanges": [{"assetKey": {"path": [MARK]}}]}}
    ]
    assert entry.account and "address" in entry.event.details


def test_one_who_gives_no_name_is_the_account_that_holds_the_token(web: Web) -> None:
    web.person().post("/graphql", json=wiping())
    web.program().post("/graphql", json=wiping())
    whole = web.mutations()
    assert [entry.event.who for entry in whole] == [whole[0].account] * 2


def test_a_reported_materialization_is_written_down_and_a_question_is_not(web: Web) -> None:
    client = web.person("Dr Mendel")
    assert client.post("/graphql", json=ASK).status_code == 200
    assert client.get("/graphql", params=ASK).json()["data"] == {"version": ""}
    assert not web.mutations()
    told = client.post(f"/report_asset_materialization/{MARK}", json={"metadata": {"password": "geheim"}})
    assert told.status_code == 200, told.text
    assert web.mutations()[0].event.details["path"] == f"/report_asset_materialization/{MARK}"
    assert "geheim" not in web.audit.path.read_text()


def test_what_cannot_be_written_down_is_not_done(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for trouble in (OSError(28, "No space left on device"), AuditError("broken", remedy="look")):

        def full(*_: object, trouble: Exception = trouble) -> None:
            raise trouble

        monkeypatch.setattr(web.audit, "record", full)
        told = web.person().post("/graphql", json=wiping())
        assert told.status_code == 503 and "audit log" in told.text
    assert not web.is_wiped


# Websockets


def subscribe(client: TestClient, query: str, origin: str | None = OWN) -> Any:
    """What the server answers to a subscription."""
    headers = {} if origin is None else {"Origin": origin}
    with client.websocket_connect(
        "ws://127.0.0.1:3000/graphql", subprotocols=["graphql-ws"], headers=headers
    ) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json() == {"type": "connection_ack"}
        socket.send_json({"id": "1", "type": "start", "payload": {"query": query, "variables": {"key": [MARK]}}})
        return socket.receive_json()


def test_a_subscription_of_our_own_page_is_served(web: Web) -> None:
    client = web.person()
    del client.headers["Origin"]
    told = subscribe(client, 'subscription { pipelineRunLogs(runId: "none") { __typename } }')
    assert told["payload"]["data"]["pipelineRunLogs"]["__typename"] == "PipelineRunLogsSubscriptionFailure"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:8000", None])
def test_a_websocket_of_another_page_is_not_accepted(web: Web, origin: str | None) -> None:
    client = web.person()
    del client.headers["Origin"]
    with pytest.raises(WebSocketDisconnect):
        subscribe(client, "subscription { locationStateChangeEvents { __typename } }", origin)


def test_a_websocket_without_the_token_is_not_accepted(web: Web) -> None:
    with pytest.raises(WebSocketDisconnect):
        subscribe(web.client(), "subscription { locationStateChangeEvents { __typename } }")


@pytest.mark.parametrize("query", [WIPE, "{ version }", "no graphql", f"subscription S {{ x }} {WIPE}"])
def test_a_websocket_only_subscribes(web: Web, query: str) -> None:
    client = web.person()
    del client.headers["Origin"]
    with pytest.raises(WebSocketDisconnect):
        subscribe(client, query)
    assert_nothing_done(web)


# The clinicians' portal beside it


def test_the_portal_is_served_beside_dagster_and_opens_nothing_of_it(web: Web) -> None:
    stranger = web.client(Sec_Fetch_Site="same-origin", Origin=OWN)
    shown = stranger.get("/portal/enter")
    assert shown.status_code == 200 and "Open the address" in shown.text and "demo's people" not in shown.text
    assert stranger.get("/portal/cases").status_code == 401
    assert stranger.post("/portal/enter", data={"role": "geneticist"}).status_code == 403
    assert stranger.get("/portalx").status_code == stranger.get("/portal/../graphql").status_code == 401
    person = web.person()
    assert "Dr Gregor Demo" in person.get("/portal/enter").text
    assert person.post("/portal/enter", data={"role": "geneticist"}).status_code == 200
    assert person.get("/portal/cases").status_code == 200
    clinician = web.client(Sec_Fetch_Site="same-origin", Origin=OWN)
    clinician.cookies.update({name: value for name, value in person.cookies.items() if name.startswith("portal")})
    assert clinician.get("/portal/cases").status_code == 200
    assert clinician.post("/graphql", json=ASK).status_code == 401, "who is in the portal is not before Dagster"


# Behind a reverse proxy


def test_a_reverse_proxy_names_the_person_it_signed_on(tmp_path: Path) -> None:
    options = {
        "GENOMICS_WEB_ORIGINS": "https://genomics.example.org",
        "GENOMICS_WEB_PERSON_HEADER": "X-Forwarded-User",
    }
    with web_of(tmp_path, **options) as web:
        ours = {"Origin": "https://genomics.example.org", "X-Forwarded-User": "mendel@example.org"}
        assert web.program(**ours).post("/graphql", json=wiping()).status_code == 200
        by_name = web.client("http://genomics.example.org", Authorization=f"Bearer {web.token}", **ours)
        assert by_name.post("/graphql", json=wiping()).status_code == 200
        person = web.person("Dr Jones")
        person.post("/graphql", json=wiping(), headers={"X-Forwarded-User": "somebody else"})
        assert [each.event.who for each in web.mutations()] == ["mendel@example.org"] * 2 + ["Dr Jones"]


def test_who_is_no_operator_looks_and_changes_nothing(tmp_path: Path) -> None:
    options = {"GENOMICS_WEB_PERSON_HEADER": "X-Forwarded-User", "GENOMICS_WEB_OPERATORS": "mendel@example.org,night"}
    with web_of(tmp_path, **options) as web:
        look = {"query": "{ version }"}
        others = [web.program(**{"X-Forwarded-User": name}) for name in ("jones@example.org", "", "Mendel@example.org")]
        for one in (*others, web.program(), web.person("mendel@example.org")):
            assert one.post("/graphql", json=look).status_code == 200
            refused = one.post("/graphql", json=wiping())
            assert refused.status_code == 403 and "ask an operator" in refused.text
            assert one.post("/report_asset_materialization/x", json={}).status_code == 403
        assert not web.mutations()
        operator = web.program(**{"X-Forwarded-User": "mendel@example.org"})
        assert operator.post("/graphql", json=wiping()).status_code == 200
        assert [each.event.who for each in web.mutations()] == ["mendel@example.org"]


def test_operators_that_nobody_names_are_refused() -> None:
    with pytest.raises(SettingsError, match="nothing says who is at the door"):
        Settings.from_environment({"GENOMICS_WEB_OPERATORS": "mendel@example.org"})


def test_every_answer_says_that_nobody_may_frame_it(web: Web) -> None:
    for answer in (web.person().get("/"), web.client().get("/"), web.client("http://evil.example").get("/")):
        assert "frame-ancestors" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


# What programs are told


def test_each_answer_is_told_without_what_was_asked_and_by_whom(web: Web) -> None:
    log = web.settings.data / FILE
    log.unlink(missing_ok=True)
    web.person("Kunigunde").get("/", params={"x": "Beispielhuber"})
    web.client("http://evil.example").get("/Beispielhuber")
    web.client().get("/portal/")
    text = log.read_text()
    told = [(one["process"], one["method"], one["status"]) for one in map(json.loads, text.splitlines())]
    assert told[1:3] == [("web-server", "GET", 200), ("web-server", "GET", 403)] and told[3][0] == "portal"
    assert "Kunigunde" not in text and "Beispielhuber" not in text and "evil" not in text
