"""Metrics are what is there, name nobody, and are served to this machine alone; each alert has a runbook."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from console.cli import main
from console.metering import server
from engine.reads.registration import SampleStatus
from resources.environment import PROJECT, Resources, Settings, build_resources
from resources.metrics import Metric, measured, metrics
from tests.builders.sheets import entry

ALERTS = yaml.safe_load((PROJECT / "deploy" / "alerts.yaml").read_text())["groups"][0]["rules"]
RUNBOOKS = (PROJECT / "docs" / "runbooks.md").read_text()


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resources:
    """Of three samples one failed and one is withdrawn."""
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GENOMICS_REFERENCE", "demo")
    made = build_resources(Settings.from_environment())
    names = ("SECRETIVE-1", "SECRETIVE-2", "SECRETIVE-3")
    made.registry.register(
        [entry(tmp_path / "reads", name, subject_id="PSEUDO-1") for name in names], sheet="odd.csv", sheet_digest="0"
    )
    made.registry.identify("PSEUDO-1", mrn="M-47", name="Ada Example", birth_date="1970-01-31")
    made.registry.mark(names[1], SampleStatus.FAILED)
    made.decisions.withdraw(names[2], person="Dr Example", reason="consent was withdrawn")
    return made


def values(text: str) -> dict[str, float]:
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}


def test_they_tell_what_is_there(platform: Resources) -> None:
    told = values(metrics(platform))
    assert told['genomics_samples{state="failed"}'] == told['genomics_samples{state="withdrawn"}'] == 1
    assert told['genomics_samples{state="done"}'] == 0 and told['genomics_deliveries{state="refused"}'] == 0
    assert told["genomics_audit_whole"] == 1 and told["genomics_audit_entries"] > 0
    assert 0 < told["genomics_disk_free_bytes"] < told["genomics_disk_bytes"]
    platform.audit.path.write_text("")
    assert values(metrics(platform))["genomics_audit_whole"] == 0


def test_they_name_nobody_and_nothing(platform: Resources) -> None:
    text = metrics(platform)
    told = [word for word in ("SECRETIVE", "PSEUDO", "Ada", "M-47", "odd.csv", "Dr Example", "1970") if word in text]
    assert told == [] and str(platform.settings.data) not in text


def test_a_large_number_is_told_to_its_last_digit() -> None:
    assert str(Metric("genomics_disk_bytes", "Size.", {"": 1_234_567_890_123})).endswith(
        "\ngenomics_disk_bytes 1234567890123\n"
    )


def test_the_format_is_prometheus(platform: Resources) -> None:
    for line in metrics(platform).splitlines():
        number = r"-?\d+(\.\d+)?(e[+-]\d+)?"
        assert re.fullmatch(rf'# (HELP|TYPE) genomics_\w+ .+|genomics_\w+(\{{\w+="[a-z ]+"\}})? {number}', line), line


@pytest.fixture
def address(platform: Resources) -> Iterator[str]:
    listening = server(platform, 0)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()
    thread.join()


def test_they_are_served_on_loopback_and_by_no_other_name(address: str) -> None:
    answer = httpx.get(f"{address}/metrics")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'genomics_samples{state="failed"} 1' in answer.text
    assert httpx.get(f"{address}/anything").status_code == 404
    assert httpx.get(f"{address}/metrics", headers={"Host": "evil.example.org"}).status_code == 404
    assert httpx.post(f"{address}/metrics").status_code == 501


def test_by_command(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["genomics_samples"]["failed"] == 1


def test_every_alert_is_about_what_is_told_and_has_its_runbook(platform: Resources) -> None:
    known = {one.name: one for one in measured(platform)}
    assert len(ALERTS) >= 8
    for alert in ALERTS:
        asked = re.findall(r"(genomics_\w+)(?:\{(\w+)=~?\"([^\"]+)\"\})?", alert["expr"])
        assert asked, alert
        for name, label, wanted in asked:
            assert name in known and (not label or label == known[name].label), alert
            assert not wanted or set(wanted.split("|")) <= set(known[name].values), alert
        document, _, section = alert["annotations"]["runbook"].partition("#")
        assert document == "docs/runbooks.md" and f"\n## {alert['alert']}\n" in RUNBOOKS
        assert section == alert["alert"].lower()
    assert {line[3:] for line in RUNBOOKS.splitlines() if line.startswith("## ")} == {one["alert"] for one in ALERTS}
