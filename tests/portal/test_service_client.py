"""The commands that ask a platform elsewhere, of the real server behind the real door."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.responses import RedirectResponse
from starlette.types import Receive, Scope, Send

from console.cli import main
from console.service import TOKEN, ServiceError, _relative
from resources.api_tokens import ApiTokens
from resources.api_tokens import Scope as TokenScope
from tests.builders.clinic import ACCESS, CHILD, WARD, Clinic, clinic_of, platform_of
from tests.builders.deployment import Delivery, Deployment, write_reads
from tests.builders.web import free_port, listening


@dataclass(frozen=True)
class Served:
    """A clinic that listens."""

    clinic: Clinic
    address: str
    token: str


@pytest.fixture(scope="module")
def served(made_case: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    port = free_port()
    clinic = clinic_of(platform_of(made_case, tmp_path_factory.mktemp("client")), ACCESS, port=port)
    token = ApiTokens(clinic.platform.audit).give(
        "lims", [*TokenScope], days=1, person="Dr Head", teams=[WARD], folders=["."]
    )
    with listening(clinic.door, port):
        yield Served(clinic, f"http://127.0.0.1:{port}", token)


@pytest.fixture(autouse=True)
def elsewhere(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without a deployment, which none of the commands makes."""
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "none"))
    monkeypatch.setenv(TOKEN, served.token)
    yield
    assert not (tmp_path / "none").exists()


def test_samples_are_handed_in_and_asked_for(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery, sheet = Delivery("demo-unrelated-1", 0.01, "afar"), tmp_path / "sheet.csv"
    write_reads(served.clinic.platform.settings.landing, delivery)
    row = delivery.row() | {"sex": "male", "father_id": "", "order_id": "W3-9"}
    with sheet.open("w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    told = []
    for _ in range(2):
        assert main(["submit", str(sheet), "--server", served.address]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1] and told[0].startswith("afar: handed in as service-")
    sheet.write_text("sample_id\n../x\n")
    assert main(["submit", str(sheet), "--server", served.address]) == 1
    assert "column" in capsys.readouterr().err
    sheet.write_text("sample_id\na,b\n")
    assert main(["submit", str(sheet), "--server", served.address]) == 1
    assert "more cells than there are columns" in capsys.readouterr().err
    assert main(["state", CHILD, "--server", served.address]) == 0
    assert capsys.readouterr().out.startswith(f"{CHILD}: ")
    (visit,) = served.clinic.house.token_visits._visits.values()
    visit.allowance = -10.0
    assert main(["state", CHILD, "--server", served.address]) == 0, "it waits as long as it is told to"
    assert main(["state", "nobody", "--server", served.address]) == 1


def test_results_are_fetched_and_compared_with_their_digests(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = ["fetch", CHILD, "--server", served.address, "--folder", str(tmp_path / "out")]
    assert main([*ask, "--artifact", "aligned_reads"]) == 0
    lake = served.clinic.platform.lake
    receipt = lake.require("aligned_reads", CHILD)
    for file in receipt.files:
        fetched = tmp_path / "out" / "aligned_reads" / file.name
        assert fetched.read_bytes() == lake.path(receipt, file.name).read_bytes()
    assert sorted(path.name for path in fetched.parent.iterdir()) == sorted(file.name for file in receipt.files)
    capsys.readouterr()
    assert main([*ask, "--artifact", "statement"]) == 1
    assert "not given: nobody has signed the report" in capsys.readouterr().out
    assert main([*ask, "--artifact", "nothing"]) == 1
    assert "there is no nothing" in capsys.readouterr().err


def test_a_run_is_ended_only_where_one_goes(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["cancel", CHILD, "--server", served.address, "--reason", "the wrong tube was sequenced"]
    assert main(asked) == 1
    assert "no run of the sample is queued or under way" in capsys.readouterr().err


def test_a_token_is_shown_to_its_server_alone(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong").write_text("genomics_wrong\n")
    asked = ["state", CHILD, "--server", served.address]
    assert main([*asked, "--token-file", str(tmp_path / "wrong")]) == 1
    assert "send a token of this service" in capsys.readouterr().err
    assert main(["state", CHILD, "--server", "http://genomics.example.org"]) == 1
    assert "would show the token" in capsys.readouterr().err
    monkeypatch.delenv(TOKEN)
    assert main(asked) == 1
    assert "there is no token" in capsys.readouterr().err
    monkeypatch.setenv(TOKEN, served.token)
    assert main(["state", CHILD, "--server", f"http://127.0.0.1:{free_port()}"]) == 1
    assert "does not answer" in capsys.readouterr().err
    seen: list[str] = []

    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            seen.append(scope["path"])
            await RedirectResponse("/caught")(scope, receive, send)

    port = free_port()
    with listening(elsewhere, port):
        assert main(["state", CHILD, "--server", f"http://127.0.0.1:{port}"]) == 1
    assert "the server answers 307" in capsys.readouterr().err and seen == [f"/portal/api/service/samples/{CHILD}"]


@pytest.mark.parametrize(("artifact", "name"), [("a", "../x"), ("a", "/etc/x"), ("..", "x"), ("a", "b\\..\\c")])
def test_no_server_makes_a_file_outside_the_folder(artifact: str, name: str) -> None:
    with pytest.raises(ServiceError, match="names a file"):
        _relative(artifact, name)
