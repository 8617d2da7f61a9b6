"""What a release would say otherwise of signed cases, and when that is too much."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.reanalysis.canary import Flip, Trial, flips
from tests.builders.annotated import variant
from tests.builders.statements import statement

TRIAL = Trial("clinvar", "d2", "2025-02", "2025-02-03T04:05:06+00:00", 40, 50, (), 5)
FLIP = Flip("S1", "AVP", "c.1A>G", "pathogenic", "not reported")


@pytest.mark.parametrize(
    ("trial", "held"),
    [
        (TRIAL, False),
        (replace(TRIAL, flips=(FLIP,) * 2), False),
        (replace(TRIAL, flips=(FLIP,) * 3), True),
        (replace(TRIAL, flips=(FLIP,), classifications=1), False),
        (replace(TRIAL, flips=(FLIP,) * 2, classifications=2), True),
        (replace(TRIAL, flips=(FLIP,) * 2, classifications=2, most_percent=100), False),
        (replace(TRIAL, failed=("S2: it is damaged",)), True),
    ],
)
def test_a_release_is_held_where_more_changes_than_may(trial: Trial, held: bool) -> None:
    assert trial.is_held is held
    assert Trial.from_json(trial.to_json()) == trial


def test_what_is_new_gone_or_of_another_class_is_a_flip(tmp_path: Path) -> None:
    likely = {"clinvar_classification": "likely_pathogenic", "clinvar_significance": "Likely_pathogenic"}
    signed = statement(tmp_path / "a", variant("PRNP", 3_100_000), variant("AVP", 3_082_646))
    then = statement(tmp_path / "b", variant("PRNP", 3_100_000, **likely), variant("PRNP", 3_200_000))
    count, found = flips(signed, then)
    assert count == 3
    assert sorted((one.gene, one.before, one.after) for one in found) == [
        ("AVP", "pathogenic", "not reported"),
        ("PRNP", "not reported", "pathogenic"),
        ("PRNP", "pathogenic", "likely pathogenic"),
    ]
    assert flips(signed, signed) == (2, [])
