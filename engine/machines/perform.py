"""One piece of work in a process of its own: ``python -m engine.machines.perform FUNCTION TASK``, on any machine.

Ends with 0 where the output is there or the data is at fault, and which of them is told by the files; otherwise with 1.
"""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from engine.errors import GenomicsError, ToolError
from engine.machines.work import Work, code_of

LOOKS_EVERY = 1.0
"""Seconds between two looks at whether anybody still waits for the output."""
UNWANTED = 3


class LostError(Exception):
    """The process of a piece ended before the piece did."""


def command(work: Work, task: str | None = None) -> list[str]:
    """What a machine runs; ``task`` stands for the task's path where the machine fills it in."""
    return [sys.executable, "-m", "engine.machines.perform", work.function, task or str(work.task)]


def perform_here(work: Work) -> None:
    """Run a piece on this machine, and wait for it; LostError where it ends without output and without a word."""
    if not work.task.exists():
        raise LostError(f"{socket.gethostname()} does not see {work.task.parent}")
    ran = subprocess.run(command(work), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if ran.returncode:
        said = " ".join(ran.stderr.decode(errors="replace").split())[-300:]
        raise LostError(f"a process on {socket.gethostname()} ended with {ran.returncode}: {said}")


def main(arguments: Sequence[str]) -> int:
    """Do the piece; returns the exit code."""
    work = Work(arguments[0], Path(arguments[1]))
    threading.Thread(target=_end_when_unwanted, args=(work.task, os.getppid()), daemon=True).start()
    # Two machines may do one piece at once; each writes under a name of its own.
    own = work.task.with_suffix(f".{socket.gethostname()}-{os.getpid()}")
    try:
        _compute(work, own)
        own.replace(work.output)
    except GenomicsError as error:
        own.write_bytes(pickle.dumps(error))
        own.replace(work.refusal)
    except Exception as error:
        with suppress(OSError):
            work.words.write_text(f"{socket.gethostname()}: {type(error).__name__}: {error}")
        raise
    finally:
        with suppress(OSError):
            own.unlink(missing_ok=True)
    return 0


def _compute(work: Work, output: Path) -> None:
    code, argument = pickle.loads(work.task.read_bytes())
    if code != code_of(work.function):
        raise ToolError(
            f"{socket.gethostname()} has another release of the engine, or of a package that it uses, than who asks",
            remedy="install the same release on every machine, from one requirements.lock",
        )
    module, _, name = work.function.partition(":")
    function: Callable[[Any, Path], object] = getattr(import_module(module), name)
    function(argument, output)


def _end_when_unwanted(task: Path, parent: int) -> None:
    """End this process, and its children with it, once who waits for it removed the task or who started it is gone."""
    while task.exists() and os.getppid() == parent:
        time.sleep(LOOKS_EVERY)
    os._exit(UNWANTED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
