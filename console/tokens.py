"""Tokens of programs that use the service: given, listed, withdrawn."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from console.adding import adder
from console.choosing import person
from console.listing import empty, since
from console.output import print_json
from resources.api_tokens import MOST_DAYS, ApiToken, ApiTokens, Scope
from resources.environment import Resources

_DAYS = 90


def give(platform: Resources, chosen: argparse.Namespace) -> int:
    """Make a token and print it, this once."""
    given = _tokens(platform).give(
        chosen.name,
        frozenset(map(Scope, chosen.scope)),
        days=chosen.days,
        person=person(chosen),
        teams=chosen.team,
        every_case=chosen.every_case,
        folders=chosen.folder,
    )
    if chosen.json:
        print_json({"name": chosen.name, "token": given})
    else:
        print(given)
    return 0


def listed(platform: Resources, chosen: argparse.Namespace) -> int:
    """Show every token that was given, without what it is."""
    now = datetime.now(UTC)
    rows = [_row(one, now) for one in _tokens(platform).all()]
    if chosen.json:
        print_json(rows)
        return 0
    for row in rows:
        cases = "every case" if row["every_case"] else f"cases of {', '.join(row['teams'])}"
        reads = f"reads of {', '.join(row['folders'])}; " if row["folders"] else ""
        told = f"{', '.join(row['scopes'])}; {cases}; {reads}{row['state']}, until {since(row['expires'])}"
        print(f"{row['name']}: {told}")
    return 0


def withdraw(platform: Resources, chosen: argparse.Namespace) -> int:
    """Let a program's token hold no more."""
    _tokens(platform).withdraw(chosen.name, person=person(chosen), reason=chosen.reason)
    if chosen.json:
        print_json({"name": chosen.name, "withdrawn": True})
    else:
        print(f"the token of {chosen.name} holds no more")
    return 0


def add_to(group: argparse.ArgumentParser, decision: Callable[[argparse.ArgumentParser], None]) -> None:
    """The commands below ``tokens``."""
    add = adder(group.add_subparsers(required=True, metavar="COMMAND"))
    given = add("add", "make a token for a program, and print it, this once", give)
    given.add_argument("--scope", action="append", required=True, choices=tuple(Scope), help="may be given again")
    whose = given.add_mutually_exclusive_group(required=True)
    whose.add_argument("--team", action="append", default=[], metavar="TEAM", help="whose cases; may be given again")
    whose.add_argument("--every-case", action="store_true", help="the cases of every team")
    given.add_argument(
        "--folder",
        action="append",
        default=[],
        metavar="FOLDER",
        help="of the landing zone, whose reads it may submit, . for all of it; may be given again",
    )
    given.add_argument(
        "--days", type=int, default=_DAYS, help=f"for how long it holds, at most {MOST_DAYS} (%(default)s)"
    )
    given.add_argument("--person", help="who gives it (default: the user logged in)")
    add("list", "list the tokens that were given", listed)
    ended = add("withdraw", "let a program's token hold no more", withdraw)
    for sub in (given, ended):
        sub.add_argument("name", metavar="NAME", help="of the program: a-z, 0-9 and hyphens")
    decision(ended)


def _tokens(platform: Resources) -> ApiTokens:
    if not platform.settings.data.is_dir():
        raise empty(platform)
    return ApiTokens(platform.audit)


def _row(token: ApiToken, now: datetime) -> dict[str, Any]:
    state = token.fault(now).removeprefix("the token ") or "holds"
    return {
        "name": token.name,
        "scopes": sorted(token.scopes),
        "teams": sorted(token.teams),
        "every_case": token.every_case,
        "folders": sorted(token.folders),
        "expires": token.expires,
        "state": state,
        "person": token.person,
    }
