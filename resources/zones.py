"""Who may read which part of the data, as access lists: zones and roles, and what each path must have for them.

A zone is a set of folders, a role a group of people that the deployment names (``GENOMICS_ACCESS``). Linux and Data
Lake Storage Gen2 both keep access lists after POSIX.1e, so that one rule serves both: who reads a zone may read and
enter what lies in it, and enter what leads there, and no more. What is made in a folder inherits its list where nothing
below it is another zone's; elsewhere what is new is the platform's alone until the lists are applied again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

import yaml

from engine.errors import GenomicsError

ZONES: dict[str, tuple[str, ...]] = {
    "landing": ("landing",),
    "lake": ("lake/samples",),
    "reports": (
        *("lake/samples/*/clinical_report", "lake/samples/*/statement", "lake/samples/*/findings"),
        "lake/shared/*_trial",  # what a release of knowledge would change of signed reports, case by case
    ),
    "identified": ("lake/samples/*/fhir_bundle",),
    "cohort": (
        *("cohort", "lake/shared/cohort_*", "lake/shared/study_cohorts", "lake/shared/dataset_*"),
        *("lake/shared/data_docs", "lake/shared/gold_snapshot"),
        *("lake/shared/annotate_cohort", "lake/shared/merge_and_analyze", "lake/shared/association"),
        *("lake/shared/ancestry_and_relatedness", "lake/shared/risk_strata", "lake/shared/joint_call"),
    ),
    "knowledge": ("lake/shared", "sources"),
    "audit": ("audit",),
}
"""Folders of each zone, by patterns in which a star is one name; of several that a path lies in, the longest counts."""
ROLES: dict[str, frozenset[str]] = {
    "bioinformatician": frozenset({"landing", "lake", "reports", "cohort", "knowledge"}),
    "geneticist": frozenset({"lake", "reports", "identified", "cohort", "knowledge"}),
    "clinician": frozenset({"reports", "identified"}),
    "analyst": frozenset({"cohort", "knowledge"}),
    "auditor": frozenset({"audit"}),
}
"""Zones that each role reads. Only the platform's own account writes, which owns everything."""
_CLOSED = ("registry", "anchor", "secrets", "web", "audit/seals", "dagster_home", "logs", "lake/.work")
"""Folders that are the platform's alone."""
OWNING_GROUP, EVERYBODY = "(owning group)", "(everybody)"
"""Of whom a list tells without naming them."""


class AccessListError(GenomicsError):
    """Who may read what cannot be applied as it is declared."""


@dataclass(frozen=True)
class AccessList:
    """What a file or folder grants beside its owner, who has everything.

    Attributes:
        groups: rights by group, such as ``r-x``; those without any are not among them.
        inherited: rights by group that what is made in the folder gets; absent where nothing is inherited.
    """

    groups: Mapping[str, str] = field(default_factory=dict)
    inherited: Mapping[str, str] | None = None

    def __str__(self) -> str:
        own = _text(self.groups, "")
        return own if self.inherited is None else f"{own},{_text(self.inherited, 'default:')}"


class Store(Protocol):
    """Files and folders with access lists."""

    @property
    def place(self) -> str:
        """Where they are, for people."""

    def paths(self) -> Iterator[tuple[str, bool]]:
        """Every path, and whether it is a folder."""

    def read(self, path: str) -> AccessList | None:
        """What a path grants now; absent where it is gone meanwhile."""

    def write(self, path: str, granted: AccessList, *, is_folder: bool) -> None:
        """Let a path grant this and nothing else; nothing happens where it is gone meanwhile."""


@dataclass(frozen=True)
class Drift:
    """A path that does not grant what it must.

    Attributes:
        path: it.
        is_folder: whether it is a folder.
        found: what it grants.
        wanted: what it must.
    """

    path: str
    is_folder: bool
    found: AccessList
    wanted: AccessList

    @property
    def is_open(self) -> bool:
        """Whether somebody may more than they must, which is worse than less."""
        pairs = [(self.found.groups, self.wanted.groups), (self.found.inherited or {}, self.wanted.inherited or {})]
        return any(set(rights) - set(must.get(who, "") + "-") for may, must in pairs for who, rights in may.items())


def zone_of(path: str) -> str | None:
    """The zone of a path of the data folder; absent where it is the platform's alone."""
    if any(_lies_in(path, closed) for closed in _CLOSED):
        return None
    found = [(pattern.count("/"), zone) for zone, many in ZONES.items() for pattern in many if _lies_in(path, pattern)]
    return max(found)[1] if found else None


def wanted(path: str, groups: Mapping[str, str], *, is_folder: bool) -> AccessList:
    """What a path must grant.

    Args:
        path: relative to the data folder.
        groups: the group of each role that the deployment has.
        is_folder: whether it is one.
    """
    zone, rights = zone_of(path), dict[str, str]()
    for role, group in groups.items():
        if zone in ROLES[role]:
            rights[group] = "r-x" if is_folder else "r--"
        elif is_folder and any(_leads_to(path, pattern) for one in ROLES[role] for pattern in ZONES[one]):
            rights.setdefault(group, "--x")
    if not is_folder:
        return AccessList(rights)
    mixed = any(_leads_to(path, pattern) for many in (*ZONES.values(), _CLOSED) for pattern in many)
    return AccessList(rights, {} if mixed else dict(rights))


def drift(store: Store, groups: Mapping[str, str]) -> list[Drift]:
    """Every path that does not grant what it must; what goes while they are looked at is left out."""
    return [
        Drift(path, is_folder, found, must)
        for path, is_folder in store.paths()
        if (found := store.read(path)) is not None and found != (must := wanted(path, groups, is_folder=is_folder))
    ]


def apply(store: Store, groups: Mapping[str, str]) -> list[Drift]:
    """Let every path grant what it must; what had drifted."""
    found = drift(store, groups)
    for one in found:
        store.write(one.path, one.wanted, is_folder=one.is_folder)
    return found


def read_groups(path: Path | None) -> dict[str, str]:
    """The group of each role, from the deployment's file; none where there is no file.

    Raises:
        AccessListError: the file cannot be read, or names a role that there is not, or one group for two roles.
    """
    if path is None:
        return {}
    try:
        told = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise AccessListError("GENOMICS_ACCESS cannot be read", file=path, remedy="mend the file") from error
    groups = told.get("groups") if isinstance(told, dict) and set(told) == {"groups"} else None
    if not isinstance(groups, dict) or not all(isinstance(name, str) and name for name in groups.values()):
        raise AccessListError(
            "it does not say groups by role", file=path, remedy="write groups:, and a group for each role"
        )
    if odd := sorted(set(map(str, groups)) - set(ROLES)):
        raise AccessListError(f"there is no role {odd[0]!r}", file=path, remedy=f"the roles are {', '.join(ROLES)}")
    if len(set(groups.values())) < len(groups):
        raise AccessListError("two roles have one group", file=path, remedy="give each role a group of its own")
    return dict(groups)


def parse(text: str) -> AccessList:
    """An access list as Data Lake Storage writes it; the owner is not told. AccessListError where it is none."""
    found: dict[str, dict[str, str]] = {"": {}}
    masks: dict[str, str] = {}
    for entry in filter(None, text.split(",")):
        scope = "default:" if entry.startswith("default:") else ""
        kind, _, rest = entry.removeprefix(scope).partition(":")
        who, _, rights = rest.partition(":")
        if kind not in ("user", "group", "mask", "other") or len(rights) != 3 or set(rights) - set("rwx-"):
            raise AccessListError(f"{entry!r} is no entry of an access list", remedy="report this as a bug")
        rows = found.setdefault(scope, {})
        if kind == "mask":
            masks[scope] = rights
        elif (name := _named(kind, who)) is not None:
            rows[name] = rights
    granted = {scope: _masked(rows, masks.get(scope, "rwx")) for scope, rows in found.items()}
    return AccessList(granted[""], granted.get("default:"))


def _named(kind: str, who: str) -> str | None:
    """Of whom an entry tells; absent of the owner, who has everything."""
    if kind == "user":
        return f"user {who}" if who else None
    return who or {"group": OWNING_GROUP, "other": EVERYBODY}[kind]


def _masked(rights: Mapping[str, str], mask: str) -> dict[str, str]:
    """What is in force: of an entry beyond the mask nothing is, but for everybody else's, which no mask limits."""
    found = {
        who: may if who == EVERYBODY else "".join(one if one in mask else "-" for one in may)
        for who, may in rights.items()
    }
    return {who: may for who, may in found.items() if may != "---"}


def _text(groups: Mapping[str, str], scope: str) -> str:
    named = [f"{scope}group:{who}:{rights}" for who, rights in sorted(groups.items())]
    mask = "".join(one if any(one in rights for rights in groups.values()) else "-" for one in "rwx")
    masked = [f"{scope}mask::{mask}"] if named else []
    return ",".join([f"{scope}user::rwx", f"{scope}group::---", *named, *masked, f"{scope}other::---"])


def _lies_in(path: str, pattern: str) -> bool:
    parts, wanted_parts = path.split("/"), pattern.split("/")
    return len(parts) >= len(wanted_parts) and all(map(fnmatchcase, parts, wanted_parts))


def _leads_to(path: str, pattern: str) -> bool:
    """Whether the pattern's folders lie below the path."""
    parts, wanted_parts = path.split("/"), pattern.split("/")
    return path == "" or (len(parts) < len(wanted_parts) and all(map(fnmatchcase, parts, wanted_parts)))


def entries(granted: AccessList, numbers: Mapping[str, int], *, inherited: bool) -> bytes:
    """The list as Linux keeps it in ``system.posix_acl_access`` or ``..._default`` (linux/posix_acl_xattr.h)."""
    groups = (granted.inherited or {}) if inherited else granted.groups
    rows = [(_USER_OBJ, 7, _NOBODY), (_GROUP_OBJ, 0, _NOBODY)]
    rows += sorted((_GROUP, _bits(rights), numbers[who]) for who, rights in groups.items())
    if groups:
        mask = 0
        for rights in groups.values():
            mask |= _bits(rights)
        rows.append((_MASK, mask, _NOBODY))
    rows.append((_OTHER, 0, _NOBODY))
    return struct.pack("<I", _VERSION) + b"".join(struct.pack("<HHI", *row) for row in rows)


def read_entries(content: bytes, names: Mapping[int, str]) -> dict[str, str]:
    """Rights in force by group, of what Linux keeps."""
    rows = [struct.unpack_from("<HHI", content, at) for at in range(4, len(content), 8)]
    mask = next((rights for kind, rights, _ in rows if kind == _MASK), 7)
    told: dict[str, str] = {}
    for kind, rights, number in rows:
        if kind in (_GROUP, _GROUP_OBJ, _OTHER, _USER) and rights & (7 if kind == _OTHER else mask):
            who = names.get(number, str(number)) if kind == _GROUP else _OTHERS.get(kind, f"user {number}")
            told[who] = _letters(rights & (7 if kind == _OTHER else mask))
    return told


_VERSION, _NOBODY = 2, 0xFFFFFFFF
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_OTHERS = {_GROUP_OBJ: OWNING_GROUP, _OTHER: EVERYBODY}


def _bits(rights: str) -> int:
    return sum(value for letter, value in (("r", 4), ("w", 2), ("x", 1)) if letter in rights)


def _letters(bits: int) -> str:
    return "".join(letter if bits & value else "-" for letter, value in (("r", 4), ("w", 2), ("x", 1)))


def told(found: Iterable[Drift], *, most: int = 20) -> str:
    """Drift in lines, the open ones first."""
    ordered = sorted(found, key=lambda one: (not one.is_open, one.path))
    words = {True: "OPEN", False: "shut"}
    lines = [f"{words[one.is_open]} {one.path or '.'}: {one.found}; must be {one.wanted}" for one in ordered]
    return "\n".join([*lines[:most], *([f"and {len(lines) - most:,} more"] if len(lines) > most else [])])
