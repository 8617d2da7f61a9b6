"""``genomics-engine classify``: what criteria add up to, for one variant or for a table of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import STREAM, readable, staged
from engine.commands.options import UsageError, add_command, say
from engine.errors import ClassificationError

if TYPE_CHECKING:
    from engine.commands.options import Commands

ADDED = ("points", "points_class", "rules2015_class")
STAND_ALONE = "BA"
"""Stands for points where benign evidence stands alone."""


def add_classify(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "classify",
        _classify,
        "add up ACMG/AMP criteria to a class, by points and by the rules of 2015",
        "--criteria PVS1,PM2=P",
        reference=False,
    )
    parser.add_argument("--criteria", metavar="CODES", help="criteria of one variant, such as PVS1,PM2=P")
    parser.add_argument("--table", type=Path, metavar="IN.tsv", help="table of variants with a header, plain or gzip")
    parser.add_argument(
        "--column", default="met", metavar="NAME", help="the table's column of criteria (default: %(default)s)"
    )
    parser.add_argument(
        "--output", type=Path, default=STREAM, metavar="OUT.tsv", help=f"table with {', '.join(ADDED)} (default: -)"
    )


def _classify(options: argparse.Namespace) -> None:
    if (options.criteria is None) == (options.table is None):
        raise UsageError("give either --criteria or --table")
    if options.criteria is not None:
        rows = [[options.column, *ADDED], [options.criteria, *_told(options.criteria)]]
    else:
        with readable(options.table) as table:
            rows = list(_with_classes(table, options.table, options.column))
    with staged(options.output) as output:
        output.write_text("".join("\t".join(row) + "\n" for row in rows))
    if options.table is not None:
        say(options, f"{len(rows) - 1:,} variants classified")


def _with_classes(table: Path, named: Path, column: str) -> Iterator[list[str]]:
    """The table's rows with three columns more; columns of these names that it had already are made anew."""
    header, *rows = _rows(table, named)
    if column not in header:
        raise ClassificationError(
            f"there is no column {column!r}, but {', '.join(map(repr, header))}",
            file=named,
            place="line 1",
            remedy="name the column of criteria with --column; columns are parted by tabs",
        )
    kept = [index for index, name in enumerate(header) if name not in ADDED]
    yield [*(header[index] for index in kept), *ADDED]
    for number, row in enumerate(rows, start=2):
        try:
            yield [*(row[index] for index in kept), *_told(row[header.index(column)])]
        except ClassificationError as error:
            error.place = f"line {number:,}"
            raise error.about(file=named) from None


def _rows(table: Path, named: Path) -> Iterator[list[str]]:
    """The header, an empty one where the file is empty, and rows of the same width."""
    from engine.files.text import text_lines

    lines = text_lines(table, error=ClassificationError, may_have_mark=True)
    width = len(header := next(lines, "").rstrip("\n").split("\t"))
    yield header
    for number, line in enumerate(lines, start=2):
        fields = line.rstrip("\n").split("\t")
        if len(fields) != width:
            raise ClassificationError(
                f"there are {len(fields)} columns where the header has {width}",
                file=named,
                place=f"line {number:,}",
                remedy="write every row in full; copy the table again if it was cut off",
            )
        yield fields


def _told(criteria: str) -> list[str]:
    from engine.acmg.combination import combine
    from engine.acmg.criteria import parse_criteria

    added = combine(parse_criteria(criteria))
    return [STAND_ALONE if added.points is None else str(added.points), added.by_points, added.by_rules]
