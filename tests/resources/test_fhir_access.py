"""How a FHIR server is let know who asks."""

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from engine.errors import DeliveryError
from resources.fhir_access import authorization, read_access
from resources.fhir_server import FhirServer, Patience


class Office(HTTPServer):
    """Gives tokens, and a FHIR server beside it that takes the latest one only."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Desk)
        self.asked: list[dict[str, list[str]]] = []
        self.basic: list[str] = []
        self.lasts: float = 3600
        self.status = 200
        self.told: Any = None
        self.headers: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Desk(BaseHTTPRequestHandler):
    server: Office

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.asked.append(form)
        self.server.basic.append(self.headers.get("Authorization", ""))
        self._give(self.server.told)

    def _give(self, told: Any) -> None:
        given = {"access_token": f"token-{len(self.server.asked)}", "expires_in": self.server.lasts}
        self._answer(self.server.status, told or given if self.server.status == 200 else {"error": "invalid_client"})

    def do_GET(self) -> None:
        if self.path.startswith("/msi/token"):
            self.server.asked.append(parse_qs(self.path.partition("?")[2]))
            self.server.headers.append(self.headers.get("X-IDENTITY-HEADER", ""))
            lasts = {"expires_on": str(int(time.time() + self.server.lasts)), "token_type": "Bearer"}
            self._give({"access_token": f"token-{len(self.server.asked)}", "resource": "x"} | lasts)
            return
        good = self.headers.get("Authorization") == f"Bearer token-{len(self.server.asked)}"
        self._answer(200 if good else 401, {"resourceType": "Patient", "id": "p"})

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def office() -> Iterator[Office]:
    with Office() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def written(folder: Path, text: str, secret: str = "hush") -> Path:
    (folder / "secret").write_text(secret + "\n")
    path = folder / "access.yaml"
    path.write_text(text)
    return path


def server(office: Office, path: Path) -> FhirServer:
    client = httpx.Client()
    access = authorization(read_access(path), office.url, client)
    return FhirServer(office.url, access, Patience(attempts=2, first=0.001), client=client)


def test_client_credentials_are_asked_for_once_and_again_when_the_server_no_longer_takes_them(
    office: Office, tmp_path: Path
) -> None:
    told = f"access: client-credentials\ntoken_url: {office.url}/token\nclient: genomics\nsecret_file: secret\n"
    asking = server(office, written(tmp_path, told))
    assert asking.get("Patient/p") == asking.get("Patient/p") == {"resourceType": "Patient", "id": "p"}
    assert [form["grant_type"] for form in office.asked] == [["client_credentials"]]
    assert office.basic == ["Basic " + base64.b64encode(b"genomics:hush").decode()]
    office.asked.append({})  # the token that was given is now none of the server's
    assert asking.get("Patient/p")
    assert len(office.asked) == 3


def test_a_token_is_asked_for_again_before_it_ends(office: Office, tmp_path: Path) -> None:
    office.lasts = 0.0
    told = f"access: client-credentials\ntoken_url: {office.url}/token\nclient: genomics\nsecret_file: secret\n"
    asking = server(office, written(tmp_path, told))
    asking.get("Patient/p")
    asking.get("Patient/p")
    assert len(office.asked) == 2


def test_smart_backend_services_sign_who_they_are(office: Office, tmp_path: Path) -> None:
    jwt = pytest.importorskip("jwt")
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    told = f"access: smart\ntoken_url: {office.url}/token\nclient: genomics\nsecret_file: secret\nkey_id: k1\n"
    server(office, written(tmp_path, told, key.private_bytes(*plain).decode())).get("Patient/p")
    (form,) = office.asked
    assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    assertion = form["client_assertion"][0]
    claims = jwt.decode(assertion, key.public_key(), algorithms=["RS384"], audience=f"{office.url}/token")
    assert (claims["iss"], claims["sub"]) == ("genomics", "genomics") and claims["exp"] - claims["iat"] <= 300
    assert jwt.get_unverified_header(assertion)["kid"] == "k1"


@pytest.fixture
def machine(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of Azure's whose identity the office gives tokens for: nothing else says who this is."""
    for name in [name for name in os.environ if name.startswith(("AZURE_", "IDENTITY_", "MSI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{office.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "of-this-machine")


def test_entra_id_is_asked_by_the_default_credential_for_the_servers_own_scope(
    office: Office, machine: None, tmp_path: Path
) -> None:
    """The real DefaultAzureCredential, which finds the managed identity of the machine it runs on."""
    pytest.importorskip("azure.identity", reason="needs the extra azure")
    asking = server(office, written(tmp_path, "access: entra\n"))
    assert asking.get("Patient/p") == asking.get("Patient/p") == {"resourceType": "Patient", "id": "p"}
    assert [form["resource"] for form in office.asked] == [[office.url]]
    assert office.headers == ["of-this-machine"]


def test_entra_id_that_knows_nobody_is_told_without_a_traceback(office: Office, machine: None, tmp_path: Path) -> None:
    pytest.importorskip("azure.identity", reason="needs the extra azure")
    office.status = 400
    with pytest.raises(DeliveryError, match=f"no token from Entra ID for {office.url}"):
        server(office, written(tmp_path, "access: entra\n")).get("Patient/p")


@pytest.mark.parametrize("answer", [["x"], {"access_token": "t", "expires_in": "soon"}, {"expires_in": 5}], ids=str)
def test_an_office_that_gives_no_token_is_told(answer: Any, office: Office, tmp_path: Path) -> None:
    office.told = answer
    told = f"access: client-credentials\ntoken_url: {office.url}/token\nclient: genomics\nsecret_file: secret\n"
    with pytest.raises(DeliveryError, match="no token from"):
        server(office, written(tmp_path, told)).get("Patient/p")


def test_a_refused_token_names_the_office_and_no_secret(office: Office, tmp_path: Path) -> None:
    office.status = 401
    told = f"access: client-credentials\ntoken_url: {office.url}/token\nclient: genomics\nsecret_file: secret\n"
    path = written(tmp_path, told)
    with pytest.raises(DeliveryError, match="it answered 401") as error:
        server(office, path).get("Patient/p")
    assert "hush" not in str(error.value) and "hush" not in repr(read_access(path))


@pytest.mark.parametrize(("told", "problem"), [
    ("access: basic", "access is 'basic'"),
    ("acess: none", "known are"),
    ("- none", "no mapping"),
    ("access: smart", "needs token_url, client, secret_file"),
    ("most_entries: 2", "most_entries is 2"),
    ("marks: sometimes", "marks is 'sometimes'"),
    ("deliver: maybe", "deliver is 'maybe'"),
    ("access: [", "cannot be read"),
], ids=lambda one: one)  # fmt: skip
def test_a_file_that_cannot_be_meant_is_refused(told: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=problem):
        read_access(written(tmp_path, told))


@pytest.mark.parametrize(("url", "problem"), [
    ("http://ehr.example.org/fhir", "is not https"),
    ("https://ehr.example.org/fhir", "without authorization"),
])  # fmt: skip
def test_patients_data_leaves_by_https_and_with_authorization_only(url: str, problem: str) -> None:
    with pytest.raises(DeliveryError, match=problem):
        authorization(read_access(None), url, httpx.Client())
