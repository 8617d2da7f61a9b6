"""The laboratory's catalogue: decisions are kept in their order, and none is there that nobody took."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from engine.classify.decision import Decision
from engine.errors import GateError
from engine.reads.registration import SampleStatus
from resources.audit import NOT_DONE, AuditLog
from resources.catalogue import DECISION, Catalogue, decision_of, event_of
from resources.lake import LocalLake
from resources.registry import SampleRegistry
from resources.warehouse import Warehouse
from tests.builders.sheets import entry

ONE = Decision("GRCh38", "20-100-A-T", "pathogenic", ("PVS1=VS", "PM2=P"), "Seen twice", "Dr A", "2026-11-28", "S1")


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    audit, registry = AuditLog(tmp_path / "audit.jsonl"), SampleRegistry(tmp_path / "samples.sqlite")
    entries = [entry(tmp_path / "reads", name) for name in ("S1", "S2")]
    registry.register(entries, sheet="run.csv", sheet_digest="0")
    lake, warehouse = LocalLake(tmp_path / "lake", audit), Warehouse(tmp_path / "cohort")
    return Catalogue(audit, registry, lake, warehouse, "GRCh38")


def take(catalogue: Catalogue, decision: Decision, *carriers: str) -> Decision:
    with catalogue.audit.deed() as deed:
        return catalogue.registry.decide(
            decision, carriers=carriers, cause=DECISION, announce=lambda one: deed.intend(event_of(one))
        )


def test_the_last_decision_on_an_allele_stands_and_the_earlier_ones_stay(catalogue: Catalogue) -> None:
    first = take(catalogue, ONE)
    other = take(catalogue, replace(ONE, allele="20-200-C-G"))
    last = take(catalogue, replace(ONE, classification="benign", criteria=(), person="Dr B", comment="Assayed"))
    assert (first.number, other.number, last.number, last.supersedes) == (1, 2, 3, 1)
    assert catalogue.every() == (first, other, last)
    assert catalogue.current() == {ONE.allele: last, other.allele: other}
    assert [decision_of(one) for one in catalogue.audit.entries_of("variant classified")] == [first, other, last]


def test_another_builds_decisions_are_not_told(catalogue: Catalogue) -> None:
    take(catalogue, replace(ONE, build="GRCh37"))
    assert catalogue.current() == {}


def test_carriers_whose_path_has_ended_are_asked_for_again(catalogue: Catalogue) -> None:
    catalogue.registry.mark("S1", SampleStatus.DONE)
    take(catalogue, ONE, "S1", "S2")
    statuses = {one.sample_id: (one.status, one.attempt) for one in catalogue.registry.samples()}
    assert statuses == {"S1": (SampleStatus.WAITING, 2), "S2": (SampleStatus.WAITING, 1)}
    assert catalogue.registry.asked_again("S1", cause=DECISION) == 1
    assert catalogue.registry.history("S1")[-1].details["why"] == "Dr A judged 20-100-A-T pathogenic"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE decisions SET classification = 'benign'", "the registry holds a decision on 20-100-A-T by 'Dr A'"),
        ("DELETE FROM decisions", "the audit log holds a decision on 20-100-A-T by 'Dr A'"),
        (
            "INSERT INTO decisions VALUES (9, 'GRCh38', '20-5-A-C', 'benign', '', 'x', 'Dr E', '2026', 'S1', NULL)",
            "the registry holds a decision on 20-5-A-C by 'Dr E'",
        ),
    ],
)
def test_what_nobody_decided_and_what_is_gone_is_found(
    catalogue: Catalogue, tmp_path: Path, change: str, told: str
) -> None:
    take(catalogue, ONE)
    assert len(catalogue.current()) == 1
    with sqlite3.connect(tmp_path / "samples.sqlite") as database:
        database.execute(change)
    with pytest.raises(GateError, match=told):
        catalogue.current()


def test_a_decision_whose_process_was_killed_before_it_held_counts_for_nothing(catalogue: Catalogue) -> None:
    with pytest.raises(KeyboardInterrupt), catalogue.audit.deed() as deed:
        deed.intend(event_of(replace(ONE, number=1)))
        raise KeyboardInterrupt
    assert catalogue.current() == {}
    (intent,) = catalogue.audit.open_intents()
    catalogue.audit.settle(intent, NOT_DONE, "found not to have taken place")
    assert catalogue.current() == {}


def test_a_decision_needs_a_person_and_a_reason(catalogue: Catalogue) -> None:
    with pytest.raises(GateError, match="a decision on a variant needs a person and a reason"):
        catalogue.decide("S1", "20-1-A-C", classification="lp", criteria="", comment="short", person="Dr A")
