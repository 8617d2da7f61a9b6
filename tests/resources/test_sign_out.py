"""A signature is what the audit log knows: a row that nobody gave, and one that is gone, are found."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import GateError
from engine.quality.thresholds import ThresholdTable
from engine.report.issue import SignOut
from resources.audit import AuditLog
from resources.gate import Gate
from resources.lake import LocalLake
from resources.registry import SampleRegistry
from resources.sign_out import entry_of, unfinished_steps
from tests.builders.sheets import entry

STEP = SignOut("S1", "d" * 64, "final", "Dr A", "2026-11-27T10:00:00.000001+00:00")


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    audit, registry = AuditLog(tmp_path / "audit.jsonl"), SampleRegistry(tmp_path / "samples.sqlite")
    registry.register([entry(tmp_path / "reads", "S1")], sheet="run.csv", sheet_digest="0")
    return Gate(LocalLake(tmp_path / "lake", audit), registry, audit, ThresholdTable(()))


def log(gate: Gate, step: SignOut) -> None:
    what, details = entry_of(step)
    gate.audit.record(step.person, what, step.sample, details)


def test_a_step_is_kept_once_with_its_order(gate: Gate) -> None:
    review = replace(STEP, state="preliminary", recorded="2026-11-27T09:00:00.000001+00:00")
    for step in (review, STEP, STEP):
        gate.registry.sign_out(step)
    for step in (review, STEP):
        log(gate, step)
    assert gate.sign_outs("S1") == (review, STEP)
    assert [one.event for one in gate.registry.history("S1")][-2:] == ["report reviewed", "report signed"]


def test_a_signature_that_nobody_gave_is_refused(gate: Gate) -> None:
    gate.registry.sign_out(STEP)
    with pytest.raises(GateError, match=r"a sign-out by 'Dr A'.*not the one the audit log knows"):
        gate.sign_outs("S1")


def test_a_signature_that_was_changed_is_refused(gate: Gate, tmp_path: Path) -> None:
    log(gate, STEP)
    gate.registry.sign_out(STEP)
    with sqlite3.connect(tmp_path / "samples.sqlite") as database:
        database.execute("UPDATE sign_outs SET person = 'Dr B'")
    with pytest.raises(GateError, match="by 'Dr B'"):
        gate.sign_outs("S1")


def test_a_step_whose_process_was_killed_before_its_row_is_finished(gate: Gate) -> None:
    log(gate, STEP)
    assert unfinished_steps(gate.audit, "S1", ()) == (STEP,)
    assert gate.sign_outs("S1") == (STEP,)
    assert gate.registry.sign_outs("S1") == (STEP,)
