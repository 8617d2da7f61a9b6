"""Studies' cohorts: versions that stay, lists that leave only with consent, and nobody in them who was withdrawn."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.cohort.columns import STUDY_MEMBER_COLUMNS, typed_table
from engine.cohort.study import Candidate, Selection, StudyError, StudyVersion, define, select
from engine.consent import ConsentError
from engine.errors import GateError
from engine.ops.studies import MEMBERS
from resources.audit import AuditLog
from resources.registry import SampleRegistry
from resources.registry.studies import StudyLedger
from resources.studies import MADE, RELEASED, Studies, is_kept
from resources.warehouse import Warehouse
from tests.builders.sheets import entry

WHO = {"person": "Dr A", "reason": "recurrence in families"}
AGREED = {"S1": ("GRU",), "S2": ("HMB 2020-01-01",), "S3": ("HMB 2020-01-01/2020-12-31",), "S4": ()}


@pytest.fixture
def studies(tmp_path: Path) -> Studies:
    registry = SampleRegistry(tmp_path / "samples.sqlite")
    entries = [entry(tmp_path / "reads", name, research_consent=said) for name, said in AGREED.items()]
    registry.register(entries, sheet="run.csv", sheet_digest="0")
    return Studies(AuditLog(tmp_path / "audit.jsonl"), registry, StudyLedger(registry.database))


def selected(studies: Studies, *, on: str = "2020-06-01", only: Sequence[str] = tuple(AGREED)) -> Selection:
    people = {one.sample_id: Candidate(one.person) for one in studies.registry.samples() if not one.withdrawn}
    return select(define("families", "HMB"), {name: one for name, one in people.items() if name in only}, on=on)


def kept(studies: Studies, data: str = "1", **options: object) -> StudyVersion:
    return studies.keep(selected(studies, **options), {"calls": data}, **WHO)  # type: ignore[arg-type]


def test_a_version_is_new_where_its_members_are_and_the_earlier_one_stays(studies: Studies) -> None:
    first = kept(studies)
    assert (first.version, first.member_count, studies.members(first)) == (1, 3, ("S1", "S2", "S3"))
    assert kept(studies, "2") == first, "the same question with the same answer"
    second = kept(studies, "3", only=["S1"])
    assert (str(second), studies.members(second), second.data_versions) == (
        "families version 2",
        ("S1",),
        {"calls": "3"},
    )
    assert studies.every() == (first, second) and studies.current() == {"families": second}
    assert studies.version("families", 1) == first and studies.members(first) == ("S1", "S2", "S3")
    assert [entry.event.details["version"] for entry in studies.audit.entries_of(MADE)] == [1, 2]


def test_what_is_not_there_is_told_with_what_may_be_meant(studies: Studies) -> None:
    kept(studies)
    with pytest.raises(StudyError, match="there is no cohort 'familes'") as caught:
        studies.version("familes")
    assert "did you mean families?" in caught.value.remedy
    with pytest.raises(StudyError, match="there is no cohort 'families version 2'"):
        studies.version("families", 2)


def test_who_is_withdrawn_leaves_every_version_and_every_table(studies: Studies, tmp_path: Path) -> None:
    version, warehouse = kept(studies), Warehouse(tmp_path / "cohort")
    rows = [(sample, "S1", 1) for sample in studies.members(version)]
    warehouse.restate(MEMBERS, typed_table(rows, STUDY_MEMBER_COLUMNS))
    studies.registry.withdraw("S1", person="Dr B", reason="asked for by the person")
    warehouse.remove("S1")
    assert studies.members(version) == ("S2", "S3") and studies.version("families").member_count == 3
    assert warehouse.traces("S1") == []
    assert studies.release(version, "HMB", **WHO).withdrawn == 1
    studies.registry.reinstate("S1", person="Dr B", reason="it was another person")
    assert studies.members(version) == ("S2", "S3"), "who comes back is in versions from then on"
    again = kept(studies)
    assert again.version == 2 and studies.members(again) == ("S1", "S2", "S3")


def test_a_list_leaves_with_those_who_agreed_to_its_purpose_and_each_is_written_down(studies: Studies) -> None:
    version = kept(studies)
    release = studies.release(version, "hmb", **WHO)
    assert (release.members, release.withdrawn, release.without_consent) == (("S1", "S2"), 0, 1)
    assert studies.release(version, "GRU", **WHO).members == ("S1",)
    told = [entry.event for entry in studies.audit.entries_about("S2") if entry.event.what == RELEASED]
    assert [(one.who, one.details) for one in told] == [
        ("Dr A", {"cohort": "families", "version": 1, "purpose": "HMB"})
    ]
    with pytest.raises(ConsentError, match="nobody agreed to NRES"):
        studies.release(version, "NRES", **WHO)
    with pytest.raises(GateError, match="a list of samples needs a person and a reason"):
        studies.release(version, "HMB", person="Dr A", reason="")
    assert not [entry for entry in studies.audit.entries_about("S3") if entry.event.what == RELEASED]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ('UPDATE study_cohorts SET definition = \'{"sexes": ["female"]}\'', "the audit log does not have so"),
        ("INSERT INTO study_members VALUES ('families', 1, 'S4')", "are not those that were selected"),
        ("UPDATE study_members SET sample_id = 'S4' WHERE sample_id = 'S1'", "are not those that were selected"),
    ],
)
def test_what_nobody_selected_is_found(studies: Studies, tmp_path: Path, change: str, told: str) -> None:
    kept(studies)
    with sqlite3.connect(tmp_path / "samples.sqlite") as database:
        database.execute(change)
    with pytest.raises(GateError, match=told):
        studies.members(studies.version("families"))


def test_a_version_whose_process_was_killed_before_it_was_kept_is_known_as_not_kept(
    studies: Studies, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        write = studies.audit._write
        broken.setattr(studies.audit, "_write", lambda *told, **how: (write(*told, **how), killed(0)))
        kept(studies)
    (intent,) = studies.audit.open_intents()
    assert not is_kept(studies.ledger.every(), intent)
    assert kept(studies).version == 1 and is_kept(studies.ledger.every(), intent)


def test_members_are_stated_anew_only_where_they_are_others(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "cohort")
    rows = typed_table([("S1", "families", 1)], STUDY_MEMBER_COLUMNS)
    for _ in range(2):
        warehouse.restate(MEMBERS, rows)
    assert warehouse.version(MEMBERS) == 0
    warehouse.restate(MEMBERS, typed_table([], STUDY_MEMBER_COLUMNS))
    assert warehouse.version(MEMBERS) == 1
