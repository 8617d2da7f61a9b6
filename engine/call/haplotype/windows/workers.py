"""Windows spread over cores: each worker keeps the reads of its windows and does what it is asked in order.

A worker is this process or one of its own. Kernels let go of Python's lock, but what joins them is Python and holds
it for a third of the time, so that threads alone would keep no more than three cores busy.
"""

from __future__ import annotations

import atexit
import multiprocessing
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.activity.regions import Regions
from engine.call.haplotype.genotype.genotyping import OpenDeletion
from engine.call.haplotype.reads.source import ReadSource
from engine.call.haplotype.windows.plan import Window
from engine.call.haplotype.windows.window_caller import (
    LONGEST_REGION,
    CalledWindow,
    CallerSettings,
    PreparedWindow,
    ReferenceSequence,
    WindowOutline,
    call_window,
    prepare_window,
    settle_window,
)
from engine.errors import ToolError
from engine.recalibrate.table import RecalibrationTable

WINDOWS_WORTH_A_PROCESS = 4
"""With fewer windows for each, a process costs more than it saves."""
_SAMPLED_BASES = 10_000


@dataclass(frozen=True)
class WindowTask:
    """What a worker must know to work on any window.

    Attributes:
        reads: BAM or CRAM.
        reference: FASTA.
        sample: whose read groups count; absent where the file is of one sample.
        reads_per_start: how many reads that start at one position are kept.
        recalibration: what base qualities are replaced by, absent where they stay.
        settings: how every window is called.
        wanted: by contig, starts and ends of the padded, merged intervals of which reads are seen.
    """

    reads: Path
    reference: Path
    sample: str | None
    reads_per_start: int
    recalibration: RecalibrationTable | None
    settings: CallerSettings
    wanted: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]


class WindowWorker:
    """Works on windows, known by numbers of the asker's choice, one after the other."""

    def __init__(self, task: WindowTask) -> None:
        self._task = task
        self._source = ReadSource(
            task.reads,
            fasta=task.reference,
            sample=task.sample,
            reads_per_start=task.reads_per_start,
            recalibration=task.recalibration,
        )
        self._sequence = ReferenceSequence(task.reference)
        self._prepared: dict[int, PreparedWindow] = {}
        self._called: dict[int, CalledWindow] = {}

    def prepare(self, number: int, window: Window) -> WindowOutline:
        """Decode the reads of a window and find its activity."""
        prepared = prepare_window(self._source, self._sequence, window, *self._task.wanted[window.contig])
        self._prepared[number] = prepared
        return prepared.outline

    def call(self, number: int, regions: Regions) -> CalledWindow:
        """Call the regions that start in a window that was prepared."""
        called = call_window(self._prepared[number], regions, self._task.settings)
        if called.upstream_matters:
            self._called[number] = called
        else:
            del self._prepared[number]
        return called

    def settle(self, number: int, upstream: Sequence[OpenDeletion]) -> CalledWindow | None:
        """Call again what deletions called before the window change; without any the window is only forgotten."""
        prepared, called = self._prepared.pop(number), self._called.pop(number)
        if not upstream:
            return None
        settle_window(prepared, called, upstream, self._task.settings)
        return called

    def close(self) -> None:
        """Close the reference."""
        self._sequence.close()


def start_method() -> str:
    """How processes are started: forking is quickest, and safe only while no other thread can hold a lock."""
    return "fork" if threading.active_count() == 1 else "spawn"


class _Performer(Protocol):
    def ask(self, action: str, *arguments: Any) -> Future[Any]: ...

    def close(self) -> None: ...


class _Here:
    """A worker in this thread: what it is asked is done before the asker goes on."""

    def __init__(self, task: WindowTask) -> None:
        self._worker = WindowWorker(task)

    def ask(self, action: str, *arguments: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(getattr(self._worker, action)(*arguments))
        return done

    def close(self) -> None:
        self._worker.close()


class _Elsewhere:
    """A worker in a process of its own, which ends with this one."""

    def __init__(self, task: WindowTask, others: Sequence[_Elsewhere]) -> None:
        self._thread: ThreadPoolExecutor | None = None
        context: Any = multiprocessing.get_context(start_method())
        self._connection, theirs = context.Pipe()
        inherited = [self._connection, *(other._connection for other in others)]
        closing = tuple(inherited) if context.get_start_method() == "fork" else ()
        self._process = context.Process(target=_serve, args=(task, theirs, closing), daemon=True)
        with _held_signals():
            self._process.start()
        atexit.register(self._process.kill)  # before multiprocessing asks it to end, which it does not hear
        theirs.close()

    def ask(self, action: str, *arguments: Any) -> Future[Any]:
        self._thread = self._thread or ThreadPoolExecutor(1)
        return self._thread.submit(self._perform, action, *arguments)

    def _perform(self, action: str, *arguments: Any) -> Any:
        try:
            self._connection.send((action, arguments))
            error, result = self._connection.recv()
        except (EOFError, OSError) as lost:
            raise ToolError(
                "a process of the haplotype caller ended before its time",
                remedy="see whether memory ran out; run again with fewer threads",
            ) from lost
        if error is not None:
            raise error
        return result

    def close(self) -> None:
        if self._thread:
            self._thread.shutdown(wait=True, cancel_futures=True)
        self._connection.close()
        self._process.join(1)
        self._process.kill()
        self._process.join()
        atexit.unregister(self._process.kill)


_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})


@contextmanager
def _held_signals() -> Iterator[None]:
    """Let a process that is started meanwhile begin without being interrupted."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(task: WindowTask, connection: Connection[Any, Any], inherited: Sequence[Connection[Any, Any]]) -> None:
    """Answer until the asker hangs up; a signal that a terminal sends to both is the asker's to judge."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    for end in inherited:
        end.close()  # an end held open here would keep a sibling from seeing that the asker is gone
    worker: WindowWorker | None = None
    while True:
        try:
            action, arguments = connection.recv()
        except EOFError:
            return
        try:
            worker = worker or WindowWorker(task)
            connection.send((None, getattr(worker, action)(*arguments)))
        except BrokenPipeError:
            return
        except Exception as error:
            connection.send((error, None))


class Workers:
    """Workers that windows are dealt out to in turn; what one is asked is done in the order of asking."""

    def __init__(self, performers: Sequence[_Performer]) -> None:
        self._performers = performers

    @property
    def count(self) -> int:
        """How many windows are worked on at the same time."""
        return len(self._performers)

    def prepare(self, number: int, window: Window) -> Future[WindowOutline]:
        """See :meth:`WindowWorker.prepare`."""
        return self._ask(number, "prepare", window)

    def call(self, number: int, regions: Regions) -> Future[CalledWindow]:
        """See :meth:`WindowWorker.call`."""
        return self._ask(number, "call", regions)

    def settle(self, number: int, upstream: Sequence[OpenDeletion]) -> Future[CalledWindow | None]:
        """See :meth:`WindowWorker.settle`."""
        return self._ask(number, "settle", upstream)

    def _ask(self, number: int, action: str, argument: Any) -> Future[Any]:
        return self._performers[number % self.count].ask(action, number, argument)


@contextmanager
def workers(task: WindowTask, windows: Sequence[Window], threads: int) -> Iterator[Workers]:
    """As many workers as there are threads and the number of windows is worth; they end with the context."""
    count = max(1, min(threads, len(windows) // WINDOWS_WORTH_A_PROCESS))
    with ExitStack() as stack:
        performers: list[_Performer] = []
        if count == 1:
            performers.append(_Here(task))
            stack.callback(performers[0].close)
        else:
            processes: list[_Elsewhere] = []
            if start_method() == "fork":
                _load_kernels(task, windows[len(windows) // 2])
            for _ in range(count):
                processes.append(_Elsewhere(task, processes))
                stack.callback(processes[-1].close)
            performers += processes
        yield Workers(performers)


def _load_kernels(task: WindowTask, window: Window) -> None:
    """Call a little of a window and forget it, so that forked processes find compiled kernels loaded: a second each."""
    piece = window.pieces[0]
    sample = replace(piece, end=min(piece.end, piece.start + _SAMPLED_BASES))
    worker = WindowWorker(task)
    worker.prepare(0, Window((sample,)))
    starts = np.arange(sample.start, sample.end, LONGEST_REGION)
    ends = np.append(starts[1:], sample.end)
    worker.call(0, Regions(starts, ends, np.ones(starts.size, np.bool_)))
    worker.close()
