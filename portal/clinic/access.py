"""Who comes in with which role and teams, and whose a case is: one YAML file of the deployment.

Without a file there is no provider of identities, and only the demo's people can come in, from this machine
(:mod:`portal.clinic.entrance`).

>>> access = Access.of({"roles": {"grp-genetics": "geneticist"}, "every_case": ["grp-genetics"],
...                     "teams": {"ward 3": {"groups": ["grp-ward-3"], "orders": ["W3-*"]}}})
>>> access.person("Dr Weber", ["grp-genetics"]).every_case
True
>>> sorted(access.teams_of(order="W3-77", family=None))
['ward 3']
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal.clinic.rights import Person, Role
from resources.teams import DEMO_TEAMS, AccessError, Team, Teams, listed, read_file, require_known, teams_of, unreadable
from resources.work_list import State

REPORT_STAGES = ("draft", "reviewed", "signed", "none")
"""How far a case's report has come, as the work list is asked for it; the last of a case without one."""


@dataclass(frozen=True)
class Provider:
    """A provider of identities after OpenID Connect.

    Attributes:
        issuer: its URL, below which ``.well-known/openid-configuration`` lies.
        client_id: under which it knows the portal.
        client_secret_file: file that holds the secret, absent for a public client.
        scope: what is asked for, some providers want another for groups (``openid profile groups``).
        groups_claim: claim of the id token that lists a person's groups.
        name_claim: claim that names the person in the audit log.
    """

    issuer: str
    client_id: str
    client_secret_file: Path | None = None
    scope: str = "openid profile"
    groups_claim: str = "groups"
    name_claim: str = "name"


@dataclass(frozen=True)
class Access:
    """The deployment's word on who may come in.

    Attributes:
        provider: absent where there is none.
        roles: role by group of the provider.
        every_case: groups whose members see the cases of every team.
        teams: by name.
        filters: of the work list, which the laboratory locked: what they ask of state, report, stage and q, by name.
    """

    provider: Provider | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    every_case: frozenset[str] = frozenset()
    teams: Mapping[str, Team] = field(default_factory=dict)
    filters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Mapping[str, Any], file: Path | None = None) -> Access:
        """From what the file says.

        Raises:
            AccessError: a key or a role is not known, or a value of another kind than it should be.
        """
        try:
            require_known(told, {"provider", "roles", "every_case", "teams", "filters", "second_reader"})
            return cls(
                provider=_provider(told.get("provider"), file),
                roles={str(group): Role(role) for group, role in (told.get("roles") or {}).items()},
                every_case=frozenset(listed(told.get("every_case"))),
                teams=teams_of(told).by_name,
                filters={str(name): _filter(one) for name, one in (told.get("filters") or {}).items()},
            )
        except (TypeError, ValueError, AttributeError) as error:
            raise unreadable(error, file) from error

    @classmethod
    def read(cls, path: Path | None) -> Access:
        """From the file; that of the demo where there is none."""
        if path is None:
            return DEMO
        return cls.of(read_file(path), path)

    def person(self, name: str, groups: Collection[str]) -> Person:
        """Somebody whom the provider has signed in.

        Raises:
            AccessError: no group gives a role, or several give different ones.
        """
        roles = {self.roles[group] for group in groups if group in self.roles}
        if len(roles) != 1:
            said = f"several roles ({', '.join(sorted(roles))})" if roles else "no role"
            raise AccessError(
                f"{name} has {said} here", remedy="let the provider put the person into one of the groups of the file"
            )
        teams = frozenset(one for one, team in self.teams.items() if set(team.groups) & set(groups))
        return Person(name, roles.pop(), teams, bool(self.every_case & set(groups)))

    def teams_of(self, *, order: str | None, family: str | None) -> frozenset[str]:
        """The teams that a case belongs to, by its order and its family."""
        return Teams(self.teams).of(order=order, family=family)


DEMO = Access(
    roles={role.value: role for role in Role},
    every_case=frozenset({Role.BIOINFORMATICIAN.value, Role.GENETICIST.value}),
    teams=DEMO_TEAMS.by_name,
)
"""Of a deployment without a file: a group for each role; the clinician's cases are those that somebody ordered."""


def _filter(told: Any) -> dict[str, str]:
    require_known(told, {"state", "report", "stage", "q"})
    for name, known in (("state", tuple(State)), ("report", REPORT_STAGES)):
        if told.get(name, known[0]) not in known:  # it would leave no case, without a word
            raise ValueError(f"there is no {name} {told[name]!r}: there are {', '.join(known)}")
    return {name: str(value) for name, value in told.items()}


def _provider(told: Any, file: Path | None) -> Provider | None:
    if told is None:
        return None
    require_known(told, {"issuer", "client_id", "client_secret_file", "scope", "groups_claim", "name_claim"})
    if not str(told.get("issuer", "")).startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise ValueError("the issuer is no https URL")
    secret = told.get("client_secret_file")
    place = (file.parent if file else Path()) / secret if secret else None
    return Provider(**{**told, "issuer": told["issuer"].rstrip("/"), "client_secret_file": place})
