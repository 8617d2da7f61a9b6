"""How commands are added to a parser: each says what it does in a sentence, and has its answer as JSON too."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resources.environment import Resources

Command = Callable[["Resources", argparse.Namespace], int]
"""Carries out a command; gives back the exit code."""


def adder(added: Any) -> Callable[[str, str, Command], argparse.ArgumentParser]:
    """Adds commands to what ``add_subparsers`` gave: by name, what it does, and what carries it out."""

    def add(name: str, does: str, command: Command) -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = added.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.")
        sub.set_defaults(command=command, usage=sub.error)
        sub.add_argument("--json", action="store_true", help="print JSON instead of lines")
        return sub

    return add
