"""Pieces of work that any machine may do: a task in a file, a function's name, and a file that is there at the end.

A piece may be done twice, by a machine that was believed dead and by the one that took its place: its output appears in
one step, and is the same bytes whoever wrote it.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.errors import GenomicsError, ToolError

MOST_ATTEMPTS = 5
"""So often is a piece given out whose machine ends before it does."""


@dataclass(frozen=True)
class Work:
    """One piece.

    Attributes:
        function: as ``module:name``; called with what is in the task, and the path to write.
        task: pickled code version and argument, in a folder that every machine sees.
    """

    function: str
    task: Path

    @property
    def output(self) -> Path:
        """There when it is done."""
        return self.task.with_suffix(".output")

    @property
    def refusal(self) -> Path:
        """There when the data is at fault: the pickled error. No other machine would do better."""
        return self.task.with_suffix(".refusal")

    @property
    def words(self) -> Path:
        """What the last machine said that failed in any other way."""
        return self.task.with_suffix(".words")


class Machines(Protocol):
    """Who has machines."""

    def run(self, pieces: Sequence[Work], done: Callable[[Work], None], log: Callable[[str], None]) -> None:
        """Have every piece done, in any order; one whose machine is lost is given out again.

        When this ends early, or the folder of the tasks is removed, whatever is under way ends as well.

        Args:
            pieces: in the order in which they are to be begun.
            done: told of each piece whose output is there.
            log: takes lines for the people who watch.

        Raises:
            GenomicsError: what the piece itself raised, as it would have here.
            ToolError: machines cannot be had, or a piece was given out :data:`MOST_ATTEMPTS` times and never done.
        """


def write_work(function: str, arguments: Iterable[Any], folder: Path) -> list[Work]:
    """One piece for each argument; the function's code is to be the same wherever it runs."""
    code = code_of(function)
    pieces = []
    for number, argument in enumerate(arguments):
        task = folder / f"{number}.task"
        task.write_bytes(pickle.dumps((code, argument)))
        pieces.append(Work(function, task))
    return pieces


def code_of(function: str) -> str:
    """Version of all code that a function reaches."""
    from engine.code_version import code_version  # tells whether code is the same, and computes nothing of a result

    return code_version(function.partition(":")[0]).digest


def is_done(work: Work) -> bool:
    """Whether the output is there; the error that the piece ended with is raised."""
    if work.refusal.exists():
        error: GenomicsError = pickle.loads(work.refusal.read_bytes())
        raise error
    return work.output.exists()


class Attempts:
    """How often each piece was given out again."""

    def __init__(self) -> None:
        self._lost: Counter[Work] = Counter()

    def lost(self, work: Work, how: str) -> None:
        """Count a machine that ended before the piece did; ToolError where that was one too many."""
        self._lost[work] += 1
        if self._lost[work] < MOST_ATTEMPTS:
            return
        said = work.words.read_text().strip() if work.words.exists() else ""
        raise ToolError(
            f"a piece of the work was given to {MOST_ATTEMPTS} machines, and none finished it: {said or how}",
            remedy="see whether machines run out of memory or time, see this folder under the same path, and have "
            "room; then run again",
            file=work.task.parent,
        )
