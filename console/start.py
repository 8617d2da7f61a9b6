"""The installed command ``genomics``: Ctrl-C while it loads what it needs leaves no trace."""

from __future__ import annotations

from typing import NoReturn

from engine.interruption import quiet_interruption


def console() -> NoReturn:
    """Load, and carry out what was asked."""
    with quiet_interruption():
        from console.cli import console
    console()
