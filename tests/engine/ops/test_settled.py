"""When a sample is done whoever made it, and when it is told beside its parents: read from real artifacts."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from engine.errors import FastqError
from engine.ops import interpretation
from engine.reads.registration import SampleStatus
from engine.receipt import Recipe
from genomics_assets.artifacts import OF_A_SAMPLE
from genomics_assets.sample_runs import PARENTS, look, parents_changed
from tests.builders.runs import execute, instance_of
from tests.engine.ops.conftest import CHILD, FATHER, MOTHER, Family


@pytest.fixture
def settled(family: Family, monkeypatch: pytest.MonkeyPatch) -> Iterator[Family]:
    """The family, of which every run is over."""
    monkeypatch.setenv("DAGSTER_HOME", os.environ.get("DAGSTER_HOME", ""))
    registry = family.resources.registry
    registry.take_waiting(9)
    for sample in (FATHER, MOTHER, CHILD):
        registry.mark(sample, SampleStatus.DONE)
    yield family


def tick(family: Family) -> None:
    with instance_of(family.resources) as instance:
        look(instance, family.resources, family.resources.registry, None)


def test_what_is_published_is_what_would_be_made_until_an_input_changes(settled: Family) -> None:
    made = [one for one in OF_A_SAMPLE if (CHILD, one.name) in settled.seen]
    assert len(made) >= 9 and all(one.is_current(settled.resources, CHILD) for one in made)
    read1 = settled.resources.registry.sample(CHILD).lanes[0].read1
    before = read1.stat()
    os.utime(read1, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
    try:
        stale = [one.name for one in made if not one.is_current(settled.resources, CHILD)]
    finally:
        os.utime(read1, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "raw_reads" in stale


def test_a_failed_sample_that_was_mended_by_hand_is_done(settled: Family) -> None:
    registry = settled.resources.registry
    execute(settled.resources, FATHER, FastqError("the share is offline", remedy="mount it"))
    registry.mark(FATHER, SampleStatus.FAILED)
    tick(settled)
    assert registry.sample(FATHER).status is SampleStatus.FAILED
    execute(settled.resources, FATHER, by_hand=True)
    tick(settled)
    assert registry.sample(FATHER).status is SampleStatus.DONE


def test_a_child_that_was_told_without_its_parents_is_asked_for_again_when_they_are_there(settled: Family) -> None:
    registry, lake = settled.resources.registry, settled.resources.lake
    child = registry.sample(CHILD)
    assert not parents_changed(settled.resources, child)
    assert not parents_changed(settled.resources, registry.sample(FATHER)), "he has no parents here"
    alone = {"annotated_variants": lake.require("annotated_variants", CHILD).data_version}
    with lake.work("findings", CHILD) as work:
        (work.folder / "findings.parquet").write_text("told alone")
        work.publish(records=0, recipe=Recipe(inputs=alone), measures={})
    try:
        assert parents_changed(settled.resources, child)
        execute(settled.resources, MOTHER)
        tick(settled)
        asked = registry.sample(CHILD)
        assert (asked.status, asked.attempt) == (SampleStatus.WAITING, child.attempt + 1)
        assert registry.asked_again(CHILD, cause=PARENTS) == 1
    finally:
        settled.make(interpretation.findings, CHILD)
    assert not parents_changed(settled.resources, child)
