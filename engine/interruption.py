"""How an installed command begins: Ctrl-C while it loads ends it as it later does, without a trace.

A command takes up to two seconds to load, and Python shows where in that it was interrupted, which helps nobody.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


@contextmanager
def quiet_interruption() -> Iterator[None]:
    """Let Ctrl-C meanwhile end the process as the system does by default, which a shell tells as 130.

    Where it is ignored, as in a job that a script started in the background, that stays so.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def hear_who_ends_it() -> None:
    """Let INT and TERM end a server from its first moment, also where a script's background job ignores them."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


class Terminated(KeyboardInterrupt):
    """The process was told to end, by TERM: a scheduler's Ctrl-C."""


def end_in_order() -> None:
    """Let TERM clean up as Ctrl-C does, where it would otherwise end the process on the spot."""

    def end(*_: object) -> NoReturn:
        raise Terminated

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, end)
