"""A lake laid over another, for trials: what is made lies above, and below one state of it is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import LakeError
from engine.receipt import Receipt, Recipe
from resources.lake import Lake, LocalLake, overlay
from resources.lake.overlay import Overlay


def publish(lake: Lake, text: str, sample: str = "S1") -> Receipt:
    with lake.work("findings", sample) as work:
        (work.folder / "a.txt").write_text(text)
        return work.publish(records=1, recipe=Recipe(inputs={"text": text}), measures={})


@pytest.fixture
def lakes(tmp_path: Path) -> tuple[LocalLake, Overlay]:
    lower = LocalLake(tmp_path / "lower")
    return lower, Overlay(LocalLake(tmp_path / "upper"), lower)


def test_a_trial_sees_one_state_of_what_lies_below(lakes: tuple[LocalLake, Overlay]) -> None:
    lower, trial = lakes
    before = publish(lower, "before")
    assert (trial.require("findings", "S1"), trial.receipt("findings", "S1")) == (before, before)
    after = publish(lower, "after")
    assert (trial.require("findings", "S1"), trial.receipt("findings", "S1")) == (before, before)
    assert Overlay(trial.upper, lower).require("findings", "S1") == after


def test_what_was_read_long_ago_is_read_again(
    lakes: tuple[LocalLake, Overlay], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay, "_REMEMBERED", 1)
    lower, trial = lakes
    publish(lower, "before")
    trial.require("findings", "S1")
    after, other = publish(lower, "after"), publish(lower, "other", "S2")
    assert trial.require("findings", "S2") == other
    assert trial.require("findings", "S1") == after


def test_what_is_made_lies_above_and_is_seen_at_once(lakes: tuple[LocalLake, Overlay]) -> None:
    lower, trial = lakes
    below = publish(lower, "below")
    assert trial.require("findings", "S1") == below
    above = publish(trial, "above")
    assert (trial.require("findings", "S1"), trial.receipt("findings", "S1")) == (above, above)
    assert trial.path(above, "a.txt").read_text() == "above"
    assert lower.require("findings", "S1") == below


def test_what_was_not_there_is_refused_whenever_it_is_asked_for(lakes: tuple[LocalLake, Overlay]) -> None:
    _, trial = lakes
    for _ in range(2):
        assert trial.receipt("findings", "S1") is None
        with pytest.raises(LakeError, match="findings has not been made"):
            trial.require("findings", "S1")
