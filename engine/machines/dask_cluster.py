"""The machines of a Dask cluster: its scheduler gives pieces to workers, and again when a worker is lost.

A worker starts a process for each piece, which ends with the worker. Dask runs whatever it is sent by anyone who
reaches its port: outside of a closed network it is to speak TLS with certificates, as its own configuration has it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import ToolError
from engine.machines.perform import LostError, perform_here
from engine.machines.work import Attempts, Work, is_done

if TYPE_CHECKING:
    from distributed import Client

ANSWERS_WITHIN = 30
"""Seconds."""
_REMEDY = "see whether the scheduler runs under this address, and is reached from here; then run again"


class DaskMachines:
    """The workers of one scheduler.

    Args:
        address: as Dask writes it, ``tcp://host:8786`` or ``tls://host:8786``.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def run(self, pieces: Sequence[Work], done: Callable[[Work], None], log: Callable[[str], None]) -> None:
        """See :class:`~engine.machines.work.Machines`."""
        if not pieces:
            return
        with self._client() as client, client.as_current():
            waiting = {_give(client, work, number): work for number, work in enumerate(pieces)}
            log(f"{len(pieces):,} pieces are with Dask at {self._address}")
            try:
                self._finish(client, waiting, done, log)
            finally:
                client.cancel(list(waiting))

    def _client(self) -> Client:
        try:
            from distributed import Client
        except ImportError:
            raise ToolError("Dask is not installed", remedy="pip install distributed, as on the workers") from None
        try:
            return Client(self._address, set_as_default=False, timeout=ANSWERS_WITHIN)  # type: ignore[no-untyped-call]
        except (OSError, TimeoutError, ValueError) as error:
            raise ToolError(f"no Dask scheduler answers at {self._address}: {error}", remedy=_REMEDY) from error

    def _finish(
        self, client: Client, waiting: dict[Any, Work], done: Callable[[Work], None], log: Callable[[str], None]
    ) -> None:
        from distributed import wait

        attempts = Attempts()
        while waiting:
            try:
                first = "FIRST_COMPLETED"
                ended = wait(list(waiting), timeout=ANSWERS_WITHIN, return_when=first).done  # type: ignore[no-untyped-call]
            except TimeoutError:
                self._require_answer(client, log)
                continue
            for future in ended:
                work = waiting.pop(future)
                if is_done(work):
                    done(work)
                else:
                    how = self._how_it_ended(future)
                    attempts.lost(work, how)
                    log(f"a piece was lost: {how}")
                    waiting[_give(client, work, 0)] = work

    def _how_it_ended(self, future: Any) -> str:
        from distributed import KilledWorker

        if future.status == "cancelled":
            raise ToolError(f"the Dask scheduler at {self._address} was lost", remedy=_REMEDY)
        error = future.exception()
        if error is None:
            return "a worker says that it is done, and its output is not to be seen here"
        if isinstance(error, KilledWorker | LostError):
            return str(error)
        raise ToolError(f"Dask could not run a piece of the work: {error}", remedy=_REMEDY) from error

    def _require_answer(self, client: Client, log: Callable[[str], None]) -> None:
        """Tell how many workers there are; with none the work waits for one."""
        try:
            known = client.sync(client.scheduler.identity)  # type: ignore[no-untyped-call, union-attr]
            workers = known["workers"]
        except (OSError, TimeoutError) as error:
            raise ToolError(f"the Dask scheduler at {self._address} was lost: {error}", remedy=_REMEDY) from error
        log(f"Dask: {len(workers):,} workers" + ("" if workers else "; the work waits until one comes"))


def _give(client: Client, work: Work, number: int) -> Any:
    """Hand a piece to the scheduler; those of smaller numbers are begun first."""
    return client.submit(perform_here, work, key=f"genomics-{uuid.uuid4().hex}", pure=False, priority=-number)
