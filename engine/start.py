"""The installed command ``genomics-engine``, which loads what it needs so that Ctrl-C meanwhile leaves no trace."""

from __future__ import annotations

from typing import NoReturn

from engine.interruption import end_in_order, quiet_interruption


def console() -> NoReturn:
    """Load, and carry out what was asked."""
    with quiet_interruption():
        from engine.cli import console
    end_in_order()
    console()
