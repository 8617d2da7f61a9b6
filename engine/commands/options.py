"""What the commands of ``genomics-engine`` have in common: how one is added, with an example, and how it speaks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import PROGRAM, STREAM

Command = Callable[[argparse.Namespace], None]
if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


class UsageError(Exception):
    """Options that do not go together, beyond what the parser can see."""


def add_command(
    commands: Commands, name: str, run: Command, help_text: str, example: str, *, reference: bool = True
) -> argparse.ArgumentParser:
    """Add a command with its description, an example, and the options that most commands have.

    Args:
        commands: where it is added.
        name: what the user types.
        run: called with the options.
        help_text: what it does, without capital and full stop.
        example: options as one may type them.
        reference: whether it needs a reference.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_text,
        description=help_text[0].upper() + help_text[1:] + ".",
        epilog=f"example:\n  {PROGRAM} {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    if reference:
        parser.add_argument(
            "--reference",
            type=Path,
            required=True,
            metavar="REF.fa",
            help="FASTA, plain or bgzip; its indexes are made when absent",
        )
    parser.add_argument("--quiet", action="store_true", help="say nothing on standard error unless something is wrong")
    return parser


WRITTEN = ("output", "differences", "metrics", "report")
"""Options that name a file to be written; so does ``table`` beside ``input``."""


def require_other_names(options: argparse.Namespace) -> None:
    """Raise UsageError where what is to be written is a file that is read, or written, under another option."""
    named = vars(options)
    written = [*WRITTEN, *(["table"] if "input" in named else [])]
    for one in written:
        for other, value in named.items():
            for path in value if isinstance(value, list) else [value]:
                if one != other and (other not in written or one < other) and _is_same(named.get(one), path):
                    raise UsageError(f"--{one} and --{other.replace('_', '-')} are one file, {path}: name another")


def _is_same(one: object, other: object) -> bool:
    """Whether both name one file, which may not be there yet; devices and pipes are no files."""
    if not (isinstance(one, Path) and isinstance(other, Path)) or STREAM in (one, other):
        return False
    if one.exists() and other.exists():
        return one.is_file() and one.samefile(other)
    return one.resolve() == other.resolve()


def warn(line: str) -> None:
    """What must be told even where nothing else is to be said."""
    print(f"{PROGRAM}: warning: {line}", file=sys.stderr, flush=True)


def warn_of_depths(records: int, first: str | None) -> None:
    """Tell of records whose AD counts more reads than DP, where there are any."""
    if records:
        warn(
            f"{records:,} records, the first at {first}, tell of more reads of the alleles (AD) than of reads (DP): one"
            " of them is not what its name says; both are passed on as they are"
        )


def say(options: argparse.Namespace, line: str) -> None:
    """Tell progress on standard error, unless it is to be quiet."""
    if not options.quiet:
        print(line, file=sys.stderr, flush=True)
