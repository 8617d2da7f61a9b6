"""A published release is shown by the dataset: asked of a real server that answers as Power BI's interface does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from engine.errors import DeliveryError
from engine.storage import StorageError
from resources.anchor import Anchor
from resources.audit import AuditLog
from resources.power_bi import REFRESHED, PowerBi

WORKSPACE, DATASET = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


@dataclass
class Service:
    """A dataset with a parameter and refreshes, behind tokens."""

    url: str = ""
    release: str = "none"
    refreshes: list[str] = field(default_factory=list)
    refuses: int = 0
    refuses_refresh: int = 0
    parameter: str = "Release"

    def answer(self, method: str, path: str, told: Any) -> tuple[int, Any]:
        what = path.removeprefix(f"/v1.0/myorg/groups/{WORKSPACE}/datasets/{DATASET}/")
        if self.refuses and method == "POST":
            return self.refuses, {"error": {"code": "PowerBINotAuthorizedException"}}
        if (method, what) == ("GET", "parameters"):
            return 200, {"value": [{"name": self.parameter, "currentValue": self.release}]}
        if (method, what) == ("GET", "refreshes?$top=1"):
            return 200, {"value": [{"status": status} for status in self.refreshes[-1:]]}
        if (method, what) == ("POST", "Default.UpdateParameters"):
            self.release = told["updateDetails"][0]["newValue"]
            return 200, None
        if (method, what) == ("POST", "refreshes"):
            if self.refuses_refresh:
                return self.refuses_refresh, {}
            self.refreshes.append("Completed")
            return 202, None
        return 404, {}


@pytest.fixture
def service() -> Iterator[Service]:
    known = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/token":
                status = 200 if b"analysis.windows" in sent else 400
                told: Any = {"access_token": "given", "expires_in": 60}
            elif self.headers.get("Authorization") != "Bearer given":
                status, told = 401, {}
            else:
                status, told = known.answer(method, self.path, json.loads(sent) if sent else None)
            body = json.dumps(told).encode() if told is not None else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    yield known
    server.shutdown()
    server.server_close()


def power_bi(folder: Path, service: Service, changed: Mapping[str, Any] = MappingProxyType({})) -> PowerBi:
    (folder / "secret").write_text("s3cret\n")
    told = {"token_url": f"{service.url}/token", "client": "c", "secret_file": "secret", "workspace": WORKSPACE,
            "dataset": DATASET, "service": service.url} | dict(changed)  # fmt: skip
    (folder / "power-bi.yaml").write_text(yaml.safe_dump({name: value for name, value in told.items() if value}))
    audit = AuditLog(folder / "audit" / "audit.jsonl", Anchor(folder / "anchor"))
    return PowerBi(folder / "power-bi.yaml", audit)


def test_a_release_is_shown_once(tmp_path: Path, service: Service) -> None:
    dataset = power_bi(tmp_path, service)
    assert dataset.show("r1") and service.release == "r1" and service.refreshes == ["Completed"]
    assert not dataset.show("r1") and len(service.refreshes) == 1
    assert dataset.show("r2") and len(service.refreshes) == 2
    told = [entry.event.details["release"] for entry in dataset.audit.entries() if entry.event.what == REFRESHED]
    assert told == ["r1", "r2"]


def test_a_refresh_that_failed_is_asked_for_again(tmp_path: Path, service: Service) -> None:
    dataset = power_bi(tmp_path, service)
    dataset.show("r1")
    service.refreshes = ["Failed"]
    assert dataset.show("r1") and service.refreshes == ["Failed", "Completed"]


def test_a_refresh_that_was_never_asked_for_is_although_the_parameter_has_the_release(
    tmp_path: Path, service: Service
) -> None:
    """The last refresh is the one of the release before, which did not fail."""
    dataset = power_bi(tmp_path, service)
    dataset.show("r1")
    service.refuses_refresh = 429
    with pytest.raises(DeliveryError, match="it answered 429"):
        dataset.show("r2")
    assert service.release == "r2" and service.refreshes == ["Completed"]
    service.refuses_refresh = 0
    assert dataset.show("r2") and len(service.refreshes) == 2
    assert not dataset.show("r2") and len(service.refreshes) == 2


def test_what_is_asked_for_is_written_down_first(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = power_bi(tmp_path, service)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("resources.audit._append", full)
    with pytest.raises(StorageError):
        dataset.show("r1")
    assert (service.release, service.refreshes) == ("none", [])


def test_nothing_is_asked_where_no_dataset_is_named(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path / "audit.jsonl", Anchor(tmp_path / "anchor"))
    assert not PowerBi(None, audit).show("r1") and not list(audit.entries())


def test_what_the_service_refuses_is_told(tmp_path: Path, service: Service) -> None:
    service.refuses = 403
    with pytest.raises(DeliveryError, match="it answered 403 PowerBINotAuthorizedException"):
        power_bi(tmp_path, service).show("r1")
    service.parameter = "Other"
    with pytest.raises(DeliveryError, match="no parameter Release"):
        power_bi(tmp_path, service).show("r1")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"dataset": ""}, "lacks dataset"),
        ({"workspace": "my workspace"}, "workspace that is no id"),
        ({"service": "http://powerbi.example.org"}, "service that is not https"),
        ({"colour": "blue"}, "not known: colour"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    tmp_path: Path, service: Service, changed: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DeliveryError, match=problem):
        power_bi(tmp_path, service, changed).show("r1")
