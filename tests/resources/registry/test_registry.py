"""The sample registry: what a sheet says becomes new, changed, unchanged or refused, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import FastqError
from engine.person import Sex
from engine.reads.conventions import QualityEncoding
from engine.reads.file_digests import FileDigests, file_digests
from engine.reads.registration import RegisteredSample, SampleStatus
from engine.reads.sample_sheet import Change, SampleEntry
from resources.registry import Registration, RegistryError, SampleRegistry
from tests.builders.sheets import entry, said_anew, write_pair

PROJECT = Path(__file__).resolve().parents[3]


def say(registry: SampleRegistry, *entries: SampleEntry, sheet: str = "sheet.csv") -> Registration:
    return registry.register(entries, sheet=sheet, sheet_digest="d" * 64)


def digests_of(sample: SampleEntry | RegisteredSample) -> list[FileDigests]:
    return [
        file_digests(path, lane=lane.name, mate=mate)
        for lane in sample.lanes
        for mate, path in ((1, lane.read1), (2, lane.read2))
    ]


def test_a_sample_is_known_as_the_sheet_said_it(registry: SampleRegistry, zone: Path) -> None:
    said = entry(
        zone,
        "S1",
        "S1_L1",
        "S1_L2",
        sex=Sex.FEMALE,
        family_id="F1",
        father_id="DAD",
        phenotype=("HP:0001263", "HP:0001250"),
        order_id="ORD-7",
        ordered_genes=("PANK2", "AVP"),
        panel="movement disorders",
        secondary_findings_consent=True,
    )
    assert say(registry, said).new == ("S1",)
    known = registry.sample("S1")
    assert (known.person, known.lanes) == (said.person, said.lanes)
    assert (known.attempt, known.status, known.withdrawn) == (1, SampleStatus.WAITING, None)
    assert known.run_key == f"S1-{known.content[:16]}-1"


def test_a_second_drop_of_the_same_files_is_nothing_new(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1"))
    before = registry.sample("S1")
    time.sleep(0.01)
    again = say(registry, entry(zone, "S1"))  # the same bytes written anew, at another time
    assert (again.new, again.changed, again.unchanged) == ((), (), ("S1",))
    assert registry.sample("S1") == before


def test_replaced_reads_are_a_change(registry: SampleRegistry, zone: Path) -> None:
    said = entry(zone, "S1")
    say(registry, said)
    first = registry.sample("S1")
    write_pair(zone, "S1", content="sequenced again")
    assert say(registry, said).changed == ("S1",)
    second = registry.sample("S1")
    assert (second.attempt, second.status) == (2, SampleStatus.WAITING)
    assert second.run_key != first.run_key


@pytest.mark.parametrize(
    "fact",
    [
        {"sex": Sex.MALE},
        {"phenotype": ("HP:0001250",)},
        {"order_id": "ORD-8"},
        {"father_id": "DAD"},
        {"ordered_genes": ("PANK2",)},
        {"panel": "movement disorders"},
    ],
)
def test_an_edited_sheet_is_a_change(registry: SampleRegistry, zone: Path, fact: dict[str, object]) -> None:
    said = entry(zone, "S1")
    say(registry, said)
    assert say(registry, said_anew(said, **fact)).changed == ("S1",)


def test_another_sheet_may_repeat_a_sample_but_not_contradict_it(registry: SampleRegistry, zone: Path) -> None:
    said = entry(zone, "S1")
    say(registry, said, sheet="monday.csv")
    assert say(registry, said, sheet="tuesday.csv").unchanged == ("S1",)
    (error,) = say(registry, said_anew(said, order_id="ORD-9"), sheet="tuesday.csv").refused
    assert error.problem == "duplicate sample id: registered by sheet 'monday.csv' with other order_id"
    assert (error.sample, error.file, error.place) == ("S1", "tuesday.csv", "line 2")
    (error,) = say(registry, entry(zone, "S1", "other_reads"), sheet="tuesday.csv").refused
    assert error.problem.endswith("with other reads")
    assert registry.sample("S1").lanes == said.lanes


def test_another_sheet_may_replace_a_sample_if_it_says_so(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1"), sheet="monday.csv")
    better = entry(zone, "S1", "S1_topped_up", change=Change.REPLACE)
    assert say(registry, better, sheet="tuesday.csv").changed == ("S1",)
    assert registry.sample("S1").lanes == better.lanes


def test_an_outdated_sheet_read_again_brings_nothing_back(registry: SampleRegistry, zone: Path) -> None:
    old, better = entry(zone, "S1"), entry(zone, "S1", "S1_topped_up", change=Change.REPLACE)
    say(registry, old, sheet="monday.csv")
    say(registry, better, sheet="tuesday.csv")
    assert say(registry, said_anew(old, change=Change.REPLACE), sheet="monday.csv").unchanged == ("S1",)
    assert registry.sample("S1").lanes == better.lanes


def test_a_sheet_edited_back_is_a_change(registry: SampleRegistry, zone: Path) -> None:
    said = entry(zone, "S1")
    for order, outcome in (("A", "new"), ("B", "changed"), ("A", "changed")):
        assert getattr(say(registry, said_anew(said, order_id=order)), outcome) == ("S1",)
    assert registry.sample("S1").attempt == 3


def test_a_sample_does_not_change_its_person_unless_it_is_said(registry: SampleRegistry, zone: Path) -> None:
    said = entry(zone, "S1", subject_id="P1")
    say(registry, said)
    (error,) = say(registry, said_anew(said, subject_id="P2")).refused
    assert error.problem == "the sample is registered for subject 'P1'"
    assert say(registry, said_anew(said, subject_id="P2", change=Change.REPLACE)).changed == ("S1",)


def test_two_samples_of_a_person_agree_on_the_sex(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1", subject_id="P1", sex=Sex.FEMALE))
    assert say(registry, entry(zone, "S2", subject_id="P1")).new == ("S2",)
    (error,) = say(registry, entry(zone, "S3", subject_id="P1", sex=Sex.MALE)).refused
    assert error.problem == "sex is male, but subject 'P1' is registered as female"


def test_one_refused_sample_does_not_stop_the_others(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1"), sheet="monday.csv")
    result = say(registry, entry(zone, "S1", "x"), entry(zone, "S2"), sheet="tuesday.csv")
    assert result.new == ("S2",)
    assert [error.sample for error in result.refused] == ["S1"]


def test_refusals_stay_until_the_sheet_is_right(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1"), sheet="monday.csv")
    say(registry, entry(zone, "S1", "x"), sheet="tuesday.csv")
    assert [str(error) for error in registry.refusals("tuesday.csv")] == [
        "sample S1: tuesday.csv, line 2: duplicate sample id: registered by sheet 'monday.csv' with other reads. "
        "Remedy: give another id to another sample; if these lanes and facts come to those registered, say add in the "
        "column change; if they take the place of all of them, say replace and list every lane."
    ]
    say(registry, entry(zone, "S1", "x", change=Change.REPLACE), sheet="tuesday.csv")
    assert registry.refusals("tuesday.csv") == ()


def test_a_file_that_vanished_refuses_its_sample(registry: SampleRegistry, zone: Path) -> None:
    said = entry(zone, "S1")
    said.lanes[0].read2.unlink()
    (error,) = say(
        registry,
        said,
    ).refused
    assert "cannot be read" in error.problem


def test_moved_reads_are_followed_without_a_run(registry: SampleRegistry, zone: Path, tmp_path: Path) -> None:
    said = entry(zone, "S1")
    say(registry, said)
    archive = tmp_path / "archive"
    zone.rename(archive)
    moved = entry(archive, "S1")
    assert say(registry, moved).unchanged == ("S1",)
    assert registry.sample("S1").lanes == moved.lanes


def test_a_failed_sample_whose_files_were_copied_again_is_tried_again(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1"))
    registry.mark("S1", SampleStatus.FAILED)
    assert say(registry, registry_entry(registry, "S1")).unchanged == ("S1",)
    time.sleep(0.01)
    assert say(registry, entry(zone, "S1")).changed == ("S1",)


def registry_entry(registry: SampleRegistry, sample_id: str) -> SampleEntry:
    """What the registry knows, said again without touching a file."""
    known = registry.sample(sample_id)
    return SampleEntry(known.sample_id, known.person, known.lanes)


def test_waiting_samples_are_given_once_and_again_when_nobody_carried_the_request_out(
    registry: SampleRegistry, zone: Path
) -> None:
    say(registry, *(entry(zone, f"S{number}") for number in range(5)))
    first = registry.take_waiting(3)
    second = registry.take_waiting(3)
    assert [sample.sample_id for sample in first + second] == ["S0", "S1", "S2", "S3", "S4"]
    assert registry.take_waiting(3) == ()
    registry.mark("S0", SampleStatus.RUNNING)
    registry.mark("S1", SampleStatus.DONE)
    asked = registry.requested(before=time.time() + 1)
    assert [sample.sample_id for sample in asked] == ["S0", "S2", "S3", "S4"]
    assert registry.requested(before=time.time() - 60) == ()
    registry.give_back([sample.sample_id for sample in asked])
    again = registry.take_waiting(9)
    assert [sample.run_key for sample in again] == [sample.run_key for sample in (first + second)[2:]]


def test_a_sample_asked_for_again_waits_for_its_pause_and_is_another_run(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1"))
    (first,) = registry.take_waiting(1)
    registry.ask_again("S1", cause="alone", why="killed", pause=3600)
    assert registry.take_waiting(1) == ()
    registry.ask_again("S1", cause="alone", why="killed again")
    (third,) = registry.take_waiting(1)
    assert (first.attempt, third.attempt) == (1, 3)
    registry.mark("S1", SampleStatus.FAILED, why="enough")
    assert (registry.asked_again("S1", cause="alone"), registry.asked_again("S1", cause="other")) == (2, 0)
    assert registry.history("S1")[-1].details == {"attempt": 3, "why": "enough"}
    registry.ask_again("S1", cause="alone", why="", pause=3600)
    registry.retry("S1", person="dr.jones")
    assert registry.asked_again("S1", cause="alone") == 0
    assert len(registry.take_waiting(1)) == 1


def test_a_child_is_given_when_its_parents_runs_have_ended(registry: SampleRegistry, zone: Path) -> None:
    family = {"CHILD": ("DAD", "MUM"), "DAD": (None, "GRAN"), "MUM": (None, None), "GRAN": (None, None)}
    people = [
        entry(zone, name, sex=Sex.MALE if name == "DAD" else Sex.FEMALE, father_id=father, mother_id=mother)
        for name, (father, mother) in family.items()
    ]
    say(registry, *people)

    def given() -> list[str]:
        return [sample.sample_id for sample in registry.take_waiting(9)]

    assert given() == ["MUM", "GRAN"]
    registry.mark("MUM", SampleStatus.DONE)
    assert given() == []
    registry.mark("GRAN", SampleStatus.FAILED)
    assert given() == ["DAD"], "a parent that failed holds nobody"
    registry.mark("DAD", SampleStatus.RUNNING)
    assert given() == []
    registry.withdraw("DAD", person="dr.jones", reason="consent taken back")
    assert given() == ["CHILD"]


def test_no_parent_holds_a_child_for_ever(
    registry: SampleRegistry, zone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(registry, entry(zone, "CHILD", father_id="DAD"), entry(zone, "DAD", sex=Sex.MALE))
    say(registry, entry(zone, "ORPHAN", father_id="NOBODY"), sheet="another.csv")
    assert [sample.sample_id for sample in registry.take_waiting(9)] == ["DAD", "ORPHAN"]
    monkeypatch.setattr("resources.registry.registry.HOLD", 0.0)
    assert [sample.sample_id for sample in registry.take_waiting(9)] == ["CHILD"]


def test_a_retry_is_another_run(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1"))
    (first,) = registry.take_waiting(1)
    registry.mark("S1", SampleStatus.FAILED, run_key=first.run_key)
    registry.retry("S1", person="dr.jones", reason="disk was full")
    (second,) = registry.take_waiting(1)
    assert (second.content, second.attempt) == (first.content, 2)
    events = [(each.event, each.details.get("person")) for each in registry.history("S1")]
    assert events == [("new", None), ("failed", None), ("retry", "dr.jones")]


def test_a_run_overtaken_by_a_change_does_not_speak_for_the_new_one(registry: SampleRegistry, zone: Path) -> None:
    said = entry(zone, "S1")
    say(registry, said)
    (old,) = registry.take_waiting(1)
    say(registry, said_anew(said, order_id="ORD-8"))
    assert not registry.mark("S1", SampleStatus.DONE, run_key=old.run_key)
    assert registry.sample("S1").status is SampleStatus.WAITING


def test_a_withdrawn_sample_is_left_alone(registry: SampleRegistry, zone: Path) -> None:
    said = entry(zone, "S1")
    say(registry, said)
    registry.withdraw("S1", person="dr.jones", reason="consent taken back")
    assert registry.take_waiting(9) == ()
    assert say(registry, said).unchanged == ("S1",)
    (error,) = say(registry, said_anew(said, order_id="ORD-8", change=Change.REPLACE)).refused
    assert error.problem == "the sample was withdrawn"
    with pytest.raises(RegistryError, match="withdrawn"):
        registry.retry("S1", person="dr.jones")


def test_the_same_lane_under_two_samples_is_refused(registry: SampleRegistry, zone: Path) -> None:
    first, copy = entry(zone, "S1"), entry(zone, "S2")
    copy.lanes[0].read1.write_bytes(first.lanes[0].read1.read_bytes())
    say(registry, first, copy)
    registry.record_digests("S1", digests_of(first))
    registry.record_digests("S1", digests_of(first))
    with pytest.raises(FastqError, match="the content of read 1 of lane L001 of sample S1") as caught:
        registry.record_digests("S2", digests_of(copy))
    assert caught.value.sample == "S2"


def test_reads_of_a_withdrawn_sample_may_be_registered_under_the_right_id(registry: SampleRegistry, zone: Path) -> None:
    wrong = entry(zone, "S1")
    say(registry, wrong, said_anew(wrong, sample_id="S2", subject_id="P2"))
    registry.record_digests("S1", digests_of(wrong))
    registry.withdraw("S1", person="dr.jones", reason="tubes were swapped")
    registry.record_digests("S2", digests_of(wrong))
    with pytest.raises(FastqError, match="of sample S2"):
        say(registry, entry(zone, "S3"))
        registry.record_digests("S3", digests_of(wrong))


def test_the_same_lane_twice_in_a_sample_is_refused(registry: SampleRegistry, zone: Path) -> None:
    said = entry(zone, "S1", "A", "B")
    said.lanes[1].read2.write_bytes(said.lanes[0].read2.read_bytes())
    say(registry, said)
    with pytest.raises(FastqError, match="the content of read 2 of lane L001"):
        registry.record_digests("S1", digests_of(said))


def test_a_family(registry: SampleRegistry, zone: Path) -> None:
    kid = entry(zone, "KID", father_id="DAD", mother_id="MUM", family_id="F1")
    say(
        registry,
        kid,
        entry(zone, "DAD", sex=Sex.MALE),
        entry(zone, "MUM", sex=Sex.FEMALE, family_id="F1"),
        entry(zone, "SIS", family_id="F1"),
        entry(zone, "STRANGER"),
    )
    family = registry.family_of("KID")
    assert family.father is not None and family.mother is not None
    assert (family.father.sample_id, family.mother.sample_id) == ("DAD", "MUM")
    assert [other.sample_id for other in family.others] == ["SIS"]
    assert [other.sample_id for other in registry.family_of("DAD").others] == ["KID"]
    registry.withdraw("MUM", person="dr.jones", reason="asked for it")
    assert registry.family_of("KID").mother is None
    alone = registry.family_of("STRANGER")
    assert (alone.father, alone.mother, alone.others) == (None, None, ())
    assert registry.sexes()["DAD"] is Sex.MALE


def test_overrides_name_a_version_a_person_and_a_reason(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1"), entry(zone, "S2"))
    registry.override_gate("S1", "raw_reads", "q30_fraction", "v1", person="dr.jones", reason="known old kit")
    (override,) = registry.overrides("S1")
    assert (override.asset, override.check, override.data_version) == ("raw_reads", "q30_fraction", "v1")
    assert (override.person, override.reason) == ("dr.jones", "known old kit")
    assert registry.overrides("S2") == ()
    with pytest.raises(RegistryError, match="not registered"):
        registry.override_gate("S9", "raw_reads", "q30_fraction", "v1", person="dr.jones", reason="x")


def test_identity_is_kept_apart_from_the_sample(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1", subject_id="P1", sex=Sex.FEMALE))
    registry.identify("P1", mrn="123", name="Ada Example", birth_date="1970-01-31")
    who = registry.identity("P1")
    assert (who.mrn, who.name, who.birth_date, who.sex) == ("123", "Ada Example", "1970-01-31", Sex.FEMALE)
    assert "Ada" not in repr(registry.sample("S1")) + repr(registry.history("S1"))
    with pytest.raises(RegistryError, match="no date"):
        registry.identify("P1", mrn=None, name=None, birth_date="31.1.1970")
    with pytest.raises(RegistryError, match="not registered"):
        registry.identify("P9", mrn=None, name=None, birth_date=None)
    with pytest.raises(RegistryError, match="not registered"):
        registry.identity("P9")


def test_a_name_is_kept_in_its_parts(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1", subject_id="P1"))
    registry.identify("P1", mrn="123", name=None, family="Example", given=("Ada", "Mary Ann"), birth_date=None)
    who = registry.identity("P1")
    assert (who.family, who.given, who.name) == ("Example", ("Ada", "Mary Ann"), None)


def test_an_unknown_sample_is_an_error(registry: SampleRegistry) -> None:
    with pytest.raises(RegistryError, match="not registered"):
        registry.sample("S1")
    assert registry.samples() == ()


def test_thousands_of_samples_are_registered_once(registry: SampleRegistry, zone: Path) -> None:
    shared = entry(zone, "S")
    entries = [said_anew(shared, sample_id=f"S{number}") for number in range(3000)]
    assert len(say(registry, *entries).new) == 3000
    assert len(say(registry, *entries).unchanged) == 3000


def test_several_threads_and_registries_of_one_process_share_it(
    registry: SampleRegistry, location: Path | str, zone: Path
) -> None:
    shared = entry(zone, "S")

    def register(number: int) -> None:
        own = SampleRegistry(location)
        for repeat in range(5):
            say(own, said_anew(shared, sample_id=f"S{number}-{repeat}"))
            own.retry(f"S{number}-{repeat}", person="dr.jones")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(register, range(8)))
    assert [sample.attempt for sample in registry.samples()] == [2] * 40


CLIENT = """
import sys
from pathlib import Path
from engine.person import Person
from engine.reads.sample_sheet import Change, SampleEntry
from engine.reads.lane import Lane
from resources.registry import SampleRegistry
location, zone, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
registry = SampleRegistry(location if "://" in location else Path(location))
lane = Lane("L001", zone / "S_R1.fastq", zone / "S_R2.fastq")
for number in range(30):
    sample = SampleEntry(f"{name}-{number}", Person(f"{name}-{number}"), (lane,))
    registry.register([sample], sheet=f"{name}.csv", sheet_digest="d")
    for taken in registry.take_waiting(5):
        print(taken.sample_id)
"""


def test_several_processes_share_it_and_each_sample_is_taken_once(
    registry: SampleRegistry, location: Path | str, zone: Path
) -> None:
    """They are also the first to open it: one of them makes the tables."""
    write_pair(zone, "S")
    command = [sys.executable, "-c", CLIENT, str(location), str(zone)]
    clients = [
        subprocess.Popen([*command, name], cwd=PROJECT, stdout=subprocess.PIPE, text=True) for name in ("A", "B", "C")
    ]
    taken = [line for client in clients for line in client.communicate(timeout=60)[0].split()]
    assert [client.returncode for client in clients] == [0, 0, 0]
    taken += [sample.sample_id for sample in registry.take_waiting(999)]
    assert sorted(taken) == sorted(f"{name}-{number}" for name in "ABC" for number in range(30))


def topped_up(zone: Path, *stems: str, name: str = "", **facts: object) -> SampleEntry:
    """What a sheet says that adds lanes to S1; the sheet names them where a name is given."""
    said = entry(zone, "S1", *(stems or ("S1_again",)), change=Change.ADD, stated=frozenset(facts), **facts)
    lanes = tuple(replace(lane, name=name) if name else lane for lane in said.lanes)
    return replace(said, lanes=lanes, unnamed_lanes=frozenset() if name else frozenset(lane.name for lane in lanes))


def test_a_top_up_adds_its_lanes_once_and_the_history_says_so(registry: SampleRegistry, zone: Path) -> None:
    first, more = entry(zone, "S1", order_id="ORD-1"), topped_up(zone)
    say(registry, first, sheet="monday.csv")
    assert say(registry, more, sheet="tuesday.csv").changed == ("S1",)
    sample = registry.sample("S1")
    assert [(lane.name, lane.read1.name) for lane in sample.lanes] == [
        ("L001", "S1_R1.fastq"),
        ("L002", "S1_again_R1.fastq"),
    ]
    assert (sample.person.order_id, sample.person.subject_id, sample.attempt) == ("ORD-1", "P-S1", 2)
    assert registry.history("S1")[-1].details.items() >= {"lanes added": ["L002"], "change": "add"}.items()
    for said, sheet in ((more, "tuesday.csv"), (first, "monday.csv"), (more, "tuesday.csv")):
        assert say(registry, said, sheet=sheet).unchanged == ("S1",)
    assert registry.sample("S1") == sample


def test_a_top_up_fills_in_facts_and_gives_a_lane_the_name_it_says(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1", order_id="ORD-1"), sheet="monday.csv")
    say(registry, topped_up(zone, name="L007", sex=Sex.MALE, ordered_genes=("TP53",)), sheet="tuesday.csv")
    sample = registry.sample("S1")
    assert [lane.name for lane in sample.lanes] == ["L001", "L007"]
    assert (sample.person.sex, sample.person.ordered_genes, sample.person.order_id) == (Sex.MALE, ("TP53",), "ORD-1")
    details = registry.history("S1")[-1].details
    assert details["facts"] == {"sex": ["unknown", "male"], "genes": [None, ["TP53"]]}


def lane_of(zone: Path, number: int, **facts: object) -> SampleEntry:
    """What a sheet says that names subject and lane, and neither adds nor replaces in words."""
    said = topped_up(zone, f"S1_{number}", name=f"L00{number}", **facts)
    return replace(said, change=Change.NO, stated=frozenset({*facts, "subject_id"}))


def lanes_of(registry: SampleRegistry) -> list[str]:
    return [lane.name for lane in registry.sample("S1").lanes]


def test_a_sheet_that_names_subject_and_another_lane_is_a_top_up_without_the_word(
    registry: SampleRegistry, zone: Path
) -> None:
    first, second = lane_of(zone, 1), lane_of(zone, 2)
    say(registry, first, sheet="monday.csv")
    assert say(registry, second, sheet="tuesday.csv").changed == ("S1",)
    assert lanes_of(registry) == ["L001", "L002"]
    assert registry.history("S1")[-1].details.items() >= {"lanes added": ["L002"], "change": "add"}.items()
    for said, sheet in ((second, "tuesday.csv"), (first, "monday.csv"), (second, "tuesday.csv")):
        assert say(registry, said, sheet=sheet).unchanged == ("S1",)
    only = replace(lane_of(zone, 3), change=Change.REPLACE)
    assert say(registry, only, sheet="wednesday.csv").changed == ("S1",)
    for said, sheet in ((second, "tuesday.csv"), (first, "monday.csv"), (only, "wednesday.csv")):
        assert say(registry, said, sheet=sheet).unchanged == ("S1",), "nothing that was replaced comes back"
    assert lanes_of(registry) == ["L003"]


@pytest.mark.parametrize(
    "said",
    [
        lambda zone: lane_of(zone, 2, subject_id="P-other"),
        lambda zone: lane_of(zone, 2, sex=Sex.MALE),
        lambda zone: replace(lane_of(zone, 2), stated=frozenset()),
        lambda zone: replace(lane_of(zone, 2), unnamed_lanes=frozenset({"L002"})),
        lambda zone: replace(lane_of(zone, 2), lanes=(replace(lane_of(zone, 2).lanes[0], name="L001"),)),
        lambda zone: replace(lane_of(zone, 2), lanes=(replace(lane_of(zone, 1).lanes[0], name="L002"),)),
    ],
    ids=["another subject", "another sex", "no subject", "no lane", "the same lane", "the same files"],
)
def test_where_it_might_mean_something_else_the_word_is_asked_for(
    registry: SampleRegistry, zone: Path, said: Callable[[Path], SampleEntry]
) -> None:
    say(registry, lane_of(zone, 1, sex=Sex.FEMALE), sheet="monday.csv")
    before = registry.sample("S1")
    assert len(say(registry, said(zone), sheet="tuesday.csv").refused) == 1
    assert registry.sample("S1") == before


def test_a_sheet_written_over_with_another_lane_does_not_take_the_first_one_away_unasked(
    registry: SampleRegistry, zone: Path
) -> None:
    say(registry, lane_of(zone, 1))
    (error,) = say(registry, lane_of(zone, 2)).refused
    assert error.problem == "the sheet has other lanes (L002) in place of those registered (L001)"
    assert "say add" in error.remedy and "say replace" in error.remedy and lanes_of(registry) == ["L001"]
    assert say(registry, replace(lane_of(zone, 2), change=Change.ADD)).changed == ("S1",)
    assert lanes_of(registry) == ["L001", "L002"]


def test_files_moved_and_their_lane_renamed_are_the_lane_they_were(
    registry: SampleRegistry, zone: Path, tmp_path: Path
) -> None:
    """In a sheet written over they are followed; another sheet does not count the same reads twice."""
    said = lane_of(zone, 1)
    say(registry, said)
    archive = tmp_path / "archive"
    zone.rename(archive)
    (lane,) = said.lanes
    there = replace(lane, name="L007", read1=archive / lane.read1.name, read2=archive / lane.read2.name)
    moved = replace(said, lanes=(there,))
    assert len(say(registry, moved, sheet="tuesday.csv").refused) == 1 and lanes_of(registry) == ["L001"]
    assert say(registry, moved).changed == ("S1",)
    assert registry.sample("S1").lanes == (there,)


def test_lanes_that_were_added_are_not_lost_where_their_files_were_moved(
    registry: SampleRegistry, zone: Path, tmp_path: Path
) -> None:
    first, second = lane_of(zone, 1), lane_of(zone, 2)
    say(registry, first, sheet="monday.csv")
    say(registry, second, sheet="tuesday.csv")
    archive = tmp_path / "archive"
    zone.rename(archive)
    lanes = tuple(
        replace(lane, name=f"{lane.name}b", read1=archive / lane.read1.name, read2=archive / lane.read2.name)
        for lane in (*first.lanes, *second.lanes)
    )
    assert len(say(registry, replace(second, lanes=lanes[1:]), sheet="tuesday.csv").refused) == 1, "one would be lost"
    assert say(registry, replace(second, lanes=lanes), sheet="tuesday.csv").changed == ("S1",)
    assert registry.sample("S1").lanes == lanes


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (lambda zone: topped_up(zone, name="L001"), "the same lane twice: 'L001' is registered with other files"),
        (lambda zone: topped_up(zone, subject_id="P-other"), "'P-other' cannot be added to it"),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_is_lost(
    registry: SampleRegistry, zone: Path, said: Callable[[Path], SampleEntry], problem: str
) -> None:
    say(registry, entry(zone, "S1"), sheet="monday.csv")
    before = registry.sample("S1")
    (error,) = say(registry, said(zone), sheet="tuesday.csv").refused
    assert problem in error.problem
    assert registry.sample("S1") == before


def test_lanes_that_were_added_go_by_replace_alone_and_do_not_come_back(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1"), sheet="monday.csv")
    say(registry, more := topped_up(zone), sheet="tuesday.csv")
    (error,) = say(registry, replace(more, change=Change.NO), sheet="tuesday.csv").refused
    assert "lanes that were added to the sample are not in this sheet: L001" in error.problem
    assert "say add" in error.remedy
    whole = entry(zone, "S1", "S1_best", change=Change.REPLACE)
    assert say(registry, whole, sheet="wednesday.csv").changed == ("S1",)
    assert registry.history("S1")[-1].details["lanes taken away"] == ["L002"]
    for said, sheet in ((more, "tuesday.csv"), (entry(zone, "S1"), "monday.csv"), (whole, "wednesday.csv")):
        assert say(registry, said, sheet=sheet).unchanged == ("S1",)
    assert [lane.read1.name for lane in registry.sample("S1").lanes] == ["S1_best_R1.fastq"]


def test_better_copies_of_added_files_are_taken(registry: SampleRegistry, zone: Path) -> None:
    say(registry, entry(zone, "S1"), sheet="monday.csv")
    say(registry, more := topped_up(zone), sheet="tuesday.csv")
    write_pair(zone, "S1_again", content="copied again")
    assert say(registry, more, sheet="tuesday.csv").changed == ("S1",)
    assert len(registry.sample("S1").lanes) == 2


def test_a_top_up_that_comes_first_is_a_sample(registry: SampleRegistry, zone: Path) -> None:
    assert say(registry, more := topped_up(zone), sheet="tuesday.csv").new == ("S1",)
    assert say(registry, more, sheet="tuesday.csv").unchanged == ("S1",)


def test_the_id_as_written_and_an_old_encoding_are_kept(registry: SampleRegistry, zone: Path) -> None:
    said = entry(zone, "S1", name="23/0816")
    lanes = tuple(replace(lane, quality_encoding=QualityEncoding.PHRED64) for lane in said.lanes)
    say(registry, replace(said, lanes=lanes))
    sample = registry.sample("S1")
    assert (sample.name, sample.lanes) == ("23/0816", lanes)
    (error,) = say(registry, replace(said, name="23 0816"), sheet="tuesday.csv").refused
    assert "the id is that of '23/0816' already" in error.problem
