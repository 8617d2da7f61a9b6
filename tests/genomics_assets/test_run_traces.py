"""Traces of runs: a span for each step, the wait before it, checks and failures, and nothing that names a sample."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import dagster as dg
import pytest

from genomics_assets.dead_runs import open_instance
from genomics_assets.instance import prepare_instance
from genomics_assets.run_traces import ASKED, REGISTERED
from resources.environment import Settings
from resources.traces import FILE, TracesError, traces_to
from tests.genomics_assets.test_run_events import NAME, aligned_reads, gvcf

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra traces is not installed")
Span = dict[str, Any]


def landed_hours_ago() -> tuple[datetime, dict[str, str]]:
    """When a sample came that was registered two hours ago, and its run's tags: it was asked for an hour later."""
    landed = datetime.now(UTC) - timedelta(hours=2)
    return landed, {REGISTERED: landed.isoformat(), ASKED: (landed + timedelta(hours=1)).isoformat()}


def run(folder: Path, place: str, **tags: str) -> str:
    """A run of two steps, of which one fails; returns its id."""
    settings = Settings.from_environment({"GENOMICS_DATA": str(folder / "data"), "GENOMICS_TRACES": place})
    with open_instance(prepare_instance(settings)) as instance:
        done = dg.materialize(
            [aligned_reads, gvcf], instance=instance, partition_key="S0001", raise_on_error=False, tags=tags
        )
    return done.run_id


@pytest.fixture(autouse=True)
def home_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")


def spans_of(text: str) -> list[Span]:
    return [
        span
        for line in text.splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def attributes(of: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in of.get("attributes", ())}


def test_a_run_is_one_trace_from_its_sheet_with_a_span_for_each_step(tmp_path: Path) -> None:
    landed, tags = landed_hours_ago()
    ran = run(tmp_path, "file", **tags)
    text = (tmp_path / "data" / FILE).read_text()
    spans = {span["name"]: span for span in spans_of(text)}
    assert {span["traceId"] for span in spans.values()} == {UUID(ran).hex}
    (root,) = [span for span in spans.values() if "parentSpanId" not in span]
    assert set(spans) == {root["name"], "waiting", "queued", "aligned_reads", "gvcf"}
    assert {span["parentSpanId"] for span in spans.values() if span is not root} == {root["spanId"]}
    assert int(root["startTimeUnixNano"]) == pytest.approx(landed.timestamp() * 1e9, abs=1e6)
    hours = {
        name: (int(spans[name]["endTimeUnixNano"]) - int(spans[name]["startTimeUnixNano"])) / 3600e9
        for name in ("waiting", "queued", root["name"])
    }
    assert hours == pytest.approx({"waiting": 1, "queued": 1, root["name"]: 2}, abs=0.1)
    events = {event["name"]: attributes(event) for event in spans["aligned_reads"]["events"]}
    assert events == {
        "made": {"genomics.asset": "aligned_reads"},
        "check": {"genomics.check": "mean_coverage", "genomics.passed": False},
    }
    assert attributes(spans["gvcf"]) == {"error.type": "FastqError"}
    assert {name for name, span in spans.items() if span.get("status")} == {root["name"], "gvcf"}
    for word in ("S0001", "fastq.gz", *NAME.split(), str(tmp_path)):
        assert word not in text, "no sample, file, person or words"


def test_a_run_of_which_nobody_told_when_it_was_asked_for_begins_with_itself(tmp_path: Path) -> None:
    run(tmp_path, "file", **{REGISTERED: "yesterday"})
    assert len(spans_of((tmp_path / "data" / FILE).read_text())) == 3


@contextmanager
def collector(status: int) -> Iterator[tuple[str, list[bytes]]]:
    """One that takes OTLP on the loopback address."""
    taken: list[bytes] = []

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Takes) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", taken
        server.shutdown()


def test_a_collector_is_sent_the_whole_trace(tmp_path: Path) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    with collector(200) as (url, taken):
        ran = run(tmp_path, url, **landed_hours_ago()[1])
    told = [ExportTraceServiceRequest.FromString(one) for one in taken]
    spans = [span for one in told for each in one.resource_spans for scope in each.scope_spans for span in scope.spans]
    assert len(spans) == 5 and {span.trace_id for span in spans} == {UUID(ran).bytes}
    (resource,) = {str(each.resource.attributes) for one in told for each in one.resource_spans}
    assert "service.name" in resource and resource.count("key:") == 1


def test_a_collector_that_is_away_stops_no_run(tmp_path: Path) -> None:
    run(tmp_path, "http://127.0.0.1:9/v1/traces")


@pytest.mark.parametrize(
    "setting",
    [
        "http://collector.example.org/v1/traces",
        "https://me:secret@collector.example.org/",
        "logs/x.json",
        "https://",
        "https://collector.example.org/v1/traces?key=secret",
    ],
)
def test_a_place_that_is_none_or_to_which_they_would_go_in_the_clear_is_refused(setting: str, tmp_path: Path) -> None:
    with pytest.raises(TracesError, match=r"no place for traces.*Remedy: write file, or the collector's https") as told:
        traces_to(setting, tmp_path)
    assert "secret" not in str(told.value)
