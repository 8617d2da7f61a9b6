"""A signature is what the audit log knows: a row that nobody gave, and one that is gone, are found."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import GateError
from engine.quality.thresholds import ThresholdTable
from engine.report.issue import SignOut
from resources.audit import NOT_DONE, AuditLog
from resources.gate import Gate
from resources.lake import LocalLake
from resources.registry import RegistryError, SampleRegistry
from resources.sign_out import event_of, step_of
from tests.builders.sheets import entry

STEP = SignOut("S1", "d" * 64, "final", "Dr A", "2026-11-27T10:00:00.000001+00:00")


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    audit, registry = AuditLog(tmp_path / "audit.jsonl"), SampleRegistry(tmp_path / "samples.sqlite")
    registry.register([entry(tmp_path / "reads", "S1")], sheet="run.csv", sheet_digest="0")
    return Gate(LocalLake(tmp_path / "lake", audit), registry, audit, ThresholdTable(()))


def take(gate: Gate, step: SignOut) -> None:
    with gate.audit.deed() as deed:
        gate.registry.sign_out(
            step, after=len(gate.sign_outs("S1")), announce=lambda taken: deed.intend(event_of(taken))
        )


def test_steps_are_kept_in_their_order(gate: Gate) -> None:
    review = replace(STEP, state="preliminary", recorded="2026-11-27T09:00:00.000001+00:00")
    for step in (review, STEP):
        take(gate, step)
    assert gate.sign_outs("S1") == (review, STEP)
    assert [one.event for one in gate.registry.history("S1")][-2:] == ["report reviewed", "report signed"]


def test_a_signature_that_nobody_gave_is_refused(gate: Gate) -> None:
    gate.registry.sign_out(STEP, after=0)
    with pytest.raises(GateError, match=r"a signature by 'Dr A'.*that the audit log does not have"):
        gate.sign_outs("S1")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE sign_outs SET person = 'Dr B'", "the registry holds a signature by 'Dr B'"),
        ("DELETE FROM sign_outs", "the audit log holds a signature by 'Dr A'"),
    ],
)
def test_a_signature_that_was_changed_or_taken_away_is_found(
    gate: Gate, tmp_path: Path, change: str, told: str
) -> None:
    take(gate, STEP)
    with sqlite3.connect(tmp_path / "samples.sqlite") as database:
        database.execute(change)
    with pytest.raises(GateError, match=told):
        gate.sign_outs("S1")


def test_a_step_whose_process_was_killed_before_it_held_counts_for_nothing(gate: Gate) -> None:
    with pytest.raises(KeyboardInterrupt), gate.audit.deed() as deed:
        deed.intend(event_of(STEP))
        raise KeyboardInterrupt
    assert gate.sign_outs("S1") == ()
    (intent,) = gate.audit.open_intents()
    assert step_of(intent) == STEP
    gate.audit.settle(intent, NOT_DONE, "found not to have taken place")
    assert gate.sign_outs("S1") == ()


def test_who_has_not_seen_the_last_step_takes_none(gate: Gate) -> None:
    take(gate, STEP)
    with pytest.raises(RegistryError, match="somebody else reviewed or signed the report meanwhile"):
        gate.registry.sign_out(STEP, after=0)
