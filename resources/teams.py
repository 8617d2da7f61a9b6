"""Whose a case is: the teams of the file that says who comes into the portal.

>>> teams = Teams({"ward 3": Team(groups=("grp-ward-3",), orders=("W3-*",))})
>>> sorted(teams.of(order="W3-77", family=None)), sorted(teams.of(order="W4-1", family=None))
(['ward 3'], [])
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from engine.errors import GenomicsError

_REMEDY = "write the file as docs/portal.md shows"


class AccessError(GenomicsError):
    """The file that says who may come in cannot be used, or somebody it does not know wants to come in."""


@dataclass(frozen=True)
class Team:
    """Whose a case is.

    Attributes:
        groups: of the provider, whose members are in the team.
        orders: patterns of order ids (``W3-*``) whose cases are the team's.
        families: patterns of families' pseudonyms.
    """

    groups: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    families: tuple[str, ...] = ()


@dataclass(frozen=True)
class Teams:
    """Every team, by name."""

    by_name: Mapping[str, Team] = field(default_factory=dict)

    def of(self, *, order: str | None, family: str | None) -> frozenset[str]:
        """The teams that a case belongs to, by its order and its family."""
        return frozenset(
            name
            for name, team in self.by_name.items()
            if _matches(order, team.orders) or _matches(family, team.families)
        )

    @property
    def stated(self) -> dict[str, Any]:
        """What is said of each, as plain values."""
        return {name: asdict(team) for name, team in self.by_name.items()}


DEMO_TEAMS = Teams({"whoever orders": Team(groups=("clinician",), orders=("*",))})
"""Of a deployment without a file: the clinician's cases are those that somebody ordered."""


def read_file(path: Path) -> dict[str, Any]:
    """What the file says.

    Raises:
        AccessError: it cannot be read.
    """
    try:
        told = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise AccessError(f"who may come in cannot be read: {error}", remedy=_REMEDY, file=path) from error
    if not isinstance(told, dict):
        raise AccessError("the file does not say who may come in", remedy=_REMEDY, file=path)
    return told


def teams_of(told: Mapping[str, Any]) -> Teams:
    """The teams that the file tells of; ValueError, TypeError or AttributeError where it cannot be."""
    return Teams({str(name): _team(team) for name, team in (told.get("teams") or {}).items()})


def read_teams(path: Path | None) -> Teams:
    """From the file; those of the demo where there is none."""
    if path is None:
        return DEMO_TEAMS
    try:
        return teams_of(read_file(path))
    except (TypeError, ValueError, AttributeError) as error:
        raise unreadable(error, path) from error


def needs_second_reader(path: Path | None) -> bool:
    """Whether a report is signed only after another person has reviewed it; AccessError as of :func:`read_file`."""
    return bool(path and read_file(path).get("second_reader"))


def unreadable(error: Exception, file: Path | None) -> AccessError:
    """That what the file says cannot be taken, and why."""
    return AccessError(f"who may come in cannot be read: {error}", remedy=_REMEDY, file=file)


def listed(values: Any) -> tuple[str, ...]:
    """A list of texts; ValueError where it is none."""
    if values is not None and not isinstance(values, list):
        raise ValueError(f"{values!r} is no list")
    return tuple(str(value) for value in values or ())


def require_known(told: Mapping[str, Any], known: Collection[str]) -> None:
    """ValueError where a mapping has another key than those."""
    if strange := sorted(set(told) - set(known)):
        raise ValueError(f"{', '.join(map(str, strange))}: there are {', '.join(sorted(known))}")


def _team(told: Any) -> Team:
    require_known(told, {"groups", "orders", "families"})
    return Team(**{name: listed(values) for name, values in told.items()})


def _matches(value: str | None, patterns: Collection[str]) -> bool:
    return value is not None and any(fnmatchcase(value, pattern) for pattern in patterns)
