"""Slurm's machines: pieces as one job array, looked after by their outputs and by ``squeue``.

Slurm starts tasks of a lost node again by itself; one that it has forgotten (a controller that was killed forgets jobs
of its last seconds), that somebody cancelled or that ran out of memory is submitted again here.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from engine.errors import ToolError
from engine.machines.perform import command
from engine.machines.work import Attempts, Work, is_done

ENDED = frozenset({"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"}) | {
    *("PREEMPTED", "REVOKED", "TIMEOUT")
}
"""States of Slurm's that a task does not leave by itself."""
LOOKS_EVERY = 2.0
"""Seconds between two looks at outputs."""
ASKS_EVERY = 5
"""Looks for each question to the controller, which is everybody's."""
SILENT_FOR = 900.0
"""Seconds after which a controller that does not answer is given up."""
_TELLS_EVERY = 60.0


class SlurmMachines:
    """Those that ``sbatch`` reaches.

    Args:
        options: for ``sbatch``, as on its command line: ``--partition``, ``--account``, ``--qos``, ``--nice``, ...
    """

    def __init__(self, options: str = "") -> None:
        self._options = shlex.split(options)

    def run(self, pieces: Sequence[Work], done: Callable[[Work], None], log: Callable[[str], None]) -> None:
        """See :class:`~engine.machines.work.Machines`."""
        require_client()
        if pieces:
            _Run(pieces, self._options, done, log).finish()


def require_client() -> None:
    """ToolError where Slurm's commands are not installed."""
    if shutil.which("sbatch") is None:
        raise ToolError("sbatch is not installed here", remedy="install Slurm's client, or name other machines")


def submit(*arguments: str) -> str:
    """Hand a job to ``sbatch``; returns its id.

    Raises:
        ToolError: it is not taken.
    """
    ran = _ask("sbatch", "--parsable", *arguments)
    if ran.returncode:
        raise ToolError(
            f"Slurm takes no jobs: {' '.join(ran.stderr.split())[-300:]}",
            remedy="try sbatch by hand with the same options, then run again",
        )
    return ran.stdout.strip().partition(";")[0]


def states_of(names: Sequence[str]) -> Mapping[str, str] | None:
    """State of each job by its name; one that is forgotten is left out. Absent where Slurm is silent."""
    ran = _ask("squeue", "--noheader", "--states=all", "--format=%j %T", f"--name={','.join(names)}")
    if ran.returncode:
        return None
    return dict(line.rsplit(maxsplit=1) for line in ran.stdout.splitlines())


def is_over(state: str | None) -> bool:
    """Whether a job of :func:`states_of` has ended, or is forgotten."""
    return state is None or state in ENDED


def cancel(name: str) -> None:
    """End the job of this name; its process is asked to first (SIGTERM)."""
    _ask("scancel", f"--name={name}")


class _Run:
    """Pieces under way; each is known by its number, and by the array that it was submitted in."""

    def __init__(
        self, pieces: Sequence[Work], options: Sequence[str], done: Callable[[Work], None], log: Callable[[str], None]
    ) -> None:
        self._waiting = dict(enumerate(pieces))
        self._options, self._done, self._log = options, done, log
        self._folder = pieces[0].task.parent
        self._script = _script(pieces[0], self._folder)
        self._arrays: dict[int, str] = {}
        self._missing: set[int] = set()
        self._attempts = Attempts()
        self._answered = self._told = time.monotonic()

    def finish(self) -> None:
        """Return when every piece is done."""
        try:
            self._submit(list(self._waiting))
            while self._waiting:
                for _ in range(ASKS_EVERY):
                    time.sleep(LOOKS_EVERY)
                    self._take()
                if self._waiting:
                    self._look_after(self._states())
        finally:
            if self._waiting and self._arrays:
                _ask("scancel", *sorted(set(self._arrays.values())))

    def _submit(self, numbers: Sequence[int]) -> None:
        array = ",".join(map(str, numbers))
        fixed = ["--requeue", f"--array={array}", f"--output={self._folder}/%a.log", "--open-mode=append"]
        asked = ["--job-name=genomics", "--ntasks=1", "--cpus-per-task=1", *self._options]
        job = submit(*fixed, *asked, str(self._script))
        self._log(f"{len(numbers):,} pieces are with Slurm as job {job}")
        self._arrays |= dict.fromkeys(numbers, job)

    def _take(self) -> None:
        for number, work in list(self._waiting.items()):
            if is_done(work):
                del self._waiting[number]
                self._done(work)

    def _states(self) -> Mapping[str, str] | None:
        """State of each task that Slurm knows, and why it is pending; absent where it is silent."""
        arrays = ",".join(sorted({self._arrays[number] for number in self._waiting}))
        ran = _ask("squeue", "--noheader", "--array", "--states=all", "--format=%F_%K %T %r", f"--jobs={arrays}")
        if ran.returncode and "Invalid job id" not in ran.stderr:
            self._require_patience(ran.stderr)
            return None
        self._answered = time.monotonic()
        rows = (line.split(maxsplit=2) for line in ran.stdout.splitlines())
        return {row[0]: row[1] if row[1] != "PENDING" else " ".join(row[1:]) for row in rows if len(row) > 1}

    def _look_after(self, states: Mapping[str, str] | None) -> None:
        """Submit again what ended, or was forgotten, and left nothing: at two looks, for outputs may be seen late."""
        if states is None:
            return
        now = {number: states.get(f"{self._arrays[number]}_{number}", "forgotten") for number in self._waiting}
        gone = {number for number, state in now.items() if state in ENDED or state == "forgotten"}
        lost = sorted(gone & self._missing)
        self._missing = gone - set(lost)
        if lost:
            self._take()
            lost = [number for number in lost if number in self._waiting]
            for number in lost:
                self._attempts.lost(self._waiting[number], f"Slurm tells it as {now[number]}")
            if lost:
                self._log(f"{len(lost):,} pieces were lost ({', '.join(sorted({now[one] for one in lost}))})")
                self._submit(lost)
        self._tell(now)

    def _tell(self, now: Mapping[int, str]) -> None:
        if time.monotonic() - self._told > _TELLS_EVERY:
            self._told = time.monotonic()
            counts = {state: list(now.values()).count(state) for state in sorted(set(now.values()))}
            self._log("Slurm: " + ", ".join(f"{count:,} {state.lower()}" for state, count in counts.items()))

    def _require_patience(self, said: str) -> None:
        if time.monotonic() - self._answered > SILENT_FOR:
            words = " ".join(said.split())[-200:]
            raise ToolError(
                f"Slurm's controller has not answered for {SILENT_FOR / 60:.0f} minutes: {words}",
                remedy="see to slurmctld, then run again",
            )


def _script(work: Work, folder: Path) -> Path:
    """The array's script: each task is the piece of its number."""
    script = folder / "slurm.sh"
    # After a word of the shell's own, not within quotes, so that the folder's name may hold anything.
    task = f'{shlex.quote(str(folder))}/"$SLURM_ARRAY_TASK_ID".task'
    arguments = [shlex.quote(one) for one in command(work)[:-1]]
    script.write_text(f"#!/bin/sh\nexec {' '.join(arguments)} {task}\n")
    return script


def _ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of Slurm's commands; one that hangs has failed."""
    with suppress(subprocess.TimeoutExpired):
        return subprocess.run(arguments, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return subprocess.CompletedProcess(list(arguments), 1, "", f"{arguments[0]} did not answer within a minute")
