"""A run that failed or was canceled is asked for again: with another key, later each time, and what is said is true."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dagster as dg
import pytest

from genomics_assets.attempts import attempts, is_under_way

TAG = "genomics/state"
FAILURE, CANCELED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED
SUCCESS, STARTED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, state: str | None = "a") -> None:
    instance.add_run(dg.DagsterRun("tables", status=status, tags={TAG: state} if state else {}))


def ask(instance: dg.DagsterInstance, state: str = "a", after: float = 0.0) -> str:
    """The run key, or why there is none."""
    asked = attempts(instance, "tables", TAG, state).ask(now=time.time() + after)
    return str(asked.run_key if isinstance(asked, dg.RunRequest) else asked.skip_message)


def test_the_first_run_is_asked_for_at_once_and_bears_its_state(instance: dg.DagsterInstance) -> None:
    asked = attempts(instance, "tables", TAG, "a").ask()
    assert isinstance(asked, dg.RunRequest) and (asked.run_key, asked.tags) == ("tables-a-1", {TAG: "a"})


@pytest.mark.parametrize(("status", "how"), [(FAILURE, "failed"), (CANCELED, "was canceled")])
def test_a_run_that_did_not_succeed_is_asked_for_again_later_each_time(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, how: str
) -> None:
    for number, pause in enumerate((30, 60, 120), 1):
        run(instance, status)
        assert f"{how} (" in ask(instance) and f"{number} in a row); it is tried again at" in ask(instance)
        assert "tried again" in ask(instance, after=pause - 5)
        assert ask(instance, after=pause + 5) == f"tables-a-{number + 1}"
    for _ in range(12):
        run(instance, status)
    assert ask(instance, after=3605) == "tables-a-16"


def test_a_success_settles_it_until_the_state_is_another(instance: dg.DagsterInstance) -> None:
    run(instance, FAILURE)
    assert not attempts(instance, "tables", TAG, "a").succeeded
    run(instance, SUCCESS)
    assert attempts(instance, "tables", TAG, "a").succeeded
    assert ask(instance, "b") == "tables-b-1"
    run(instance, SUCCESS, "b")
    assert not attempts(instance, "tables", TAG, "a").succeeded, "what was made since is of another state"
    assert ask(instance, "a") == "tables-a-3"


def test_a_run_by_hand_settles_what_failed_before_it(instance: dg.DagsterInstance) -> None:
    run(instance, SUCCESS, None)
    assert not attempts(instance, "tables", TAG, "a").succeeded, "of which state it was is not known"
    run(instance, FAILURE)
    run(instance, SUCCESS, None)
    assert attempts(instance, "tables", TAG, "a").succeeded


def test_a_run_is_under_way_until_it_has_ended(instance: dg.DagsterInstance) -> None:
    run(instance, FAILURE)
    assert not is_under_way(instance, "tables")
    run(instance, STARTED)
    assert is_under_way(instance, "tables") and not is_under_way(instance, "others")
