"""Notifications: each news once, by every channel, without identity; a channel that fails stops nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from engine.errors import FastqError
from engine.receipt import Recipe
from genomics_assets.notifications import notifications
from resources.environment import Resources, Settings, build_resources
from resources.notifications import notices_of
from resources.work_list import State, Waits, WorkItem
from tests.builders.receivers import Hook, MailServer, mail_server, webhook
from tests.builders.runs import add_run, execute, instance_of
from tests.builders.sheets import entry

NAMED = FastqError("cut off", file="Mueller_Anna_1961-04-12_R1.fastq.gz", remedy="copy Mueller_Anna's file again")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook() as server:
        yield server


@pytest.fixture
def platform(tmp_path: Path, mail: MailServer, hook: Hook) -> Resources:
    """S1 and S2 are registered; both channels are on."""
    options = {
        "GENOMICS_DATA": str(tmp_path / "data"),
        "GENOMICS_NOTIFY_MAIL": "lab@example.org",
        "GENOMICS_NOTIFY_SMTP": f"smtp://127.0.0.1:{mail.port}",
        "GENOMICS_NOTIFY_WEBHOOK": hook.address,
    }
    made = build_resources(Settings.from_environment(options))
    entries = [entry(tmp_path / "reads", sample) for sample in ("S1", "S2")]
    made.registry.register(entries, sheet="run 7.csv", sheet_digest="0")
    return made


def tick(platform: Resources, cursor: str | None = None) -> Any:
    services = {name: getattr(platform, name) for name in Resources.names()}
    with instance_of(platform) as instance:
        return notifications.evaluate_tick(dg.build_sensor_context(instance, cursor=cursor, resources=services))


def test_nothing_is_told_while_nothing_is_wrong(platform: Resources, mail: MailServer, hook: Hook) -> None:
    assert "No news" in tick(platform).skip_message
    assert not mail.mails and not hook.posts


def test_a_failed_run_is_told_once_by_each_channel_and_names_nobody(
    platform: Resources, mail: MailServer, hook: Hook
) -> None:
    execute(platform, "S1", NAMED, step="raw_reads")
    first = tick(platform)
    tick(platform, first.cursor)
    ((_, message),), ((_, body),) = mail.mails, hook.posts
    for text in (message.get_content(), body["text"]):
        assert "sample S1 failed at raw_reads" in text and "genomics sample S1" in text
    assert "Mueller" not in message.as_string() + json.dumps(body) + str(first.skip_message) + str(first.cursor)


def test_the_next_attempt_that_fails_is_news(platform: Resources, mail: MailServer) -> None:
    execute(platform, "S1", NAMED)
    first = tick(platform)
    execute(platform, "S1", NAMED)
    tick(platform, first.cursor)
    assert len(mail.mails) == 2


def test_a_channel_that_fails_is_tried_again_and_stops_nothing(
    platform: Resources, mail: MailServer, hook: Hook
) -> None:
    hook.answers = 500
    execute(platform, "S1", NAMED)
    first = tick(platform)
    assert "answered 500" in first.skip_message and "1 told by mail" in first.skip_message
    assert len(mail.mails) == 1
    hook.answers = 200
    second = tick(platform, first.cursor)
    assert "1 told by webhook" in second.skip_message and len(mail.mails) == 1 and len(hook.posts) == 2
    assert "No news" in tick(platform, second.cursor).skip_message


def test_a_shut_gate_is_told_with_check_and_bound(platform: Resources, mail: MailServer) -> None:
    bounds = {row.measure: row.minimum or row.maximum or 0 for row in platform.gate.thresholds.of("aligned_reads")}
    with platform.lake.work("aligned_reads", "S1") as work:
        (work.folder / "file").write_text("x")
        work.publish(records=1, recipe=Recipe(), measures=bounds | {"mean_coverage": 3.0})
    execute(platform, "S1", ValueError("the gate is shut"))
    tick(platform)
    ((_, message),) = mail.mails
    assert "gate shut" in message["Subject"]
    assert "mean_coverage: observed 3" in message.get_content()


def test_a_failed_run_of_the_cohort_is_told(platform: Resources, mail: MailServer) -> None:
    add_run(platform, "", dg.DagsterRunStatus.FAILURE, job="cohort")
    first = tick(platform)
    tick(platform, first.cursor)
    ((_, message),) = mail.mails
    assert "the job cohort failed" in message.get_content()


def item(sample: str, state: State, since: datetime, waits_for: Waits | None = None) -> WorkItem:
    time = since.isoformat(timespec="seconds")
    return WorkItem(sample, "Anna M", None, state, "gvcf", time, waits_for, "why", "todo", 1, "a.csv", None)


def test_a_queue_is_stuck_when_a_sample_waits_for_the_platform_too_long() -> None:
    now = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)
    long_ago, just_now = now - timedelta(hours=5), now - timedelta(minutes=5)
    items = [
        item("S1", State.QUEUED, long_ago),
        item("S2", State.WAITING, long_ago + timedelta(hours=1), Waits.RUN),
        item("S3", State.QUEUED, just_now),
        item("S4", State.RUNNING, long_ago),
        item("S5", State.WAITING, long_ago, Waits.PARENTS),
        item("Anna M", State.WAITING, long_ago, Waits.SHEET),
    ]
    (notice,) = notices_of(items, now, timedelta(hours=2))
    assert notice.kind == "queue stuck" and notice.text.startswith("2 samples wait for the platform, S1 longest")
    assert not notices_of(items, now, timedelta(hours=6))


def test_without_a_place_there_is_no_sensor(tmp_path: Path) -> None:
    from genomics_assets.definitions import build_definitions

    off = {"GENOMICS_DATA": str(tmp_path)}
    for options, there in ((off, False), (off | {"GENOMICS_NOTIFY_MAIL": "lab@example.org"}, True)):
        made = build_definitions(Settings.from_environment(options))
        assert ("notifications" in {sensor.name for sensor in made.sensors or ()}) is there
