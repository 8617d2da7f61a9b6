"""The simulated days lose nobody, let urgent samples go first, and a lost machine costs the step that it was at."""

from __future__ import annotations

import pytest

from benchmarks.day import RESEARCH, SETUP, STEPS, URGENT, Day, simulate, steps_of


def of(**changed: float) -> Day:
    given = {"machines": 12, "genomes": 100, "days": 2, "urgent": 0.1, "lost_per_day": 0.0, "spread": 0.0, "seed": 1}
    return simulate(**(given | changed))  # type: ignore[arg-type]


def test_the_steps_are_those_of_the_table_that_a_laboratory_reads() -> None:
    text = SETUP.read_text()
    assert len(STEPS) >= 5 and f"| all of it | | about 12 | about 7 h | about {sum(STEPS.values()):.1f} h |" in text
    assert steps_of(text.replace("| 0.5 h |", "| 0.7 h |"))["aligned, sorted, marked"] == 0.7
    with pytest.raises(SystemExit, match="no table"):
        steps_of("")


def test_alone_a_sample_takes_what_its_steps_take() -> None:
    day = of(machines=1000)
    assert {round(hours, 6) for each in day.hours.values() for hours in each} == {round(sum(STEPS.values()), 6)}
    assert day.lost == day.losses == 0


@pytest.mark.parametrize("machines", [8, 12, 30])
def test_everybody_is_done_however_many_machines_are_lost(machines: int) -> None:
    calm, rough = of(machines=machines), of(machines=machines, lost_per_day=6.0)
    assert sum(map(len, calm.hours.values())) > 150 and rough.losses > 50
    assert rough.busy == pytest.approx(sum(map(len, rough.hours.values())) * sum(STEPS.values()))
    assert rough.lost < rough.losses * max(STEPS.values()), "never more than the step that was under way"


def test_urgent_samples_go_first() -> None:
    day = of(machines=9)
    urgent, research = (sorted(day.hours[priority]) for priority in (URGENT, RESEARCH))
    assert urgent[len(urgent) // 2] < research[len(research) // 2]
    assert max(urgent) < 2 * sum(STEPS.values()) < max(research)
