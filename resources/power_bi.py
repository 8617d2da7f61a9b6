"""Power BI's service: lets a published dataset show a new release of the snapshot, by its REST interface.

The dataset's own parameter says which release it shows, so that a release is asked for once however often a run comes
by (https://learn.microsoft.com/rest/api/power-bi/datasets: Get Parameters, Update Parameters, Refresh Dataset).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.errors import DeliveryError
from resources.access_file import read_access_file, unusable
from resources.audit import AuditLog
from resources.fhir_access import LOOPBACK, Authorization, BearerToken, FhirAccess, client_credentials

if TYPE_CHECKING:
    import httpx

SERVICE = "https://api.powerbi.com"
SCOPE = "https://analysis.windows.net/powerbi/api/.default"
REFRESHED = "dashboards refreshed"
"""Kind of an event in the audit log."""
_FILE = ("GENOMICS_POWER_BI", "docs/power-bi.md")
_RELEASE = "Release"


@dataclass(frozen=True)
class PowerBiAccess:
    """What a laboratory says of its dataset.

    Attributes:
        token_url: where tokens are given.
        client: the application's id.
        secret_file: file with its secret.
        workspace: id of the workspace.
        dataset: id of the semantic model in it.
        service: of Power BI; another one for national clouds.
    """

    token_url: str = ""
    client: str = ""
    secret_file: Path | None = None
    workspace: str = ""
    dataset: str = ""
    service: str = SERVICE


@dataclass(frozen=True)
class PowerBi:
    """The dataset that shows the snapshot, where one is named.

    Attributes:
        file: says how it is reached, absent where there is none.
        audit: takes what was asked for.
    """

    file: Path | None
    audit: AuditLog

    def show(self, release: str) -> bool:
        """Let the dataset show a release, unless it does; whether anything was asked for.

        Raises:
            DeliveryError: the file cannot be used, or the service does not do as asked.
        """
        if self.file is None:
            return False
        from httpx import Client

        access = _checked(self.file, read_access_file(self.file, PowerBiAccess, *_FILE))
        with Client(timeout=60) as client:
            asked = FhirAccess("client-credentials", access.token_url, access.client, access.secret_file, scope=SCOPE)
            bearer = BearerToken(lambda: client_credentials(asked, client))
            service = _Service(access, client, bearer, self.file)
            details = {"release": release, "dataset": access.dataset}
            if service.shows(release) and self._asked_last() == details:
                return False
            with self.audit.do("system", REFRESHED, None, details):
                service.show(release)
        return True

    def _asked_last(self) -> dict[str, Any]:
        """What was asked for last; nothing where it did not come to its end: a parameter may be set, and no refresh."""
        unfinished = {entry.number for entry in self.audit.open_intents()}
        asked = self.audit.standing(REFRESHED)
        return dict(asked[-1].event.details) if asked and asked[-1].number not in unfinished else {}


@dataclass(frozen=True)
class _Service:
    """The dataset's part of the service."""

    access: PowerBiAccess
    client: httpx.Client
    bearer: Authorization
    file: Path

    def shows(self, release: str) -> bool:
        """Whether the parameter has the release, and a refresh has not failed since."""
        parameters = self._ask("GET", "parameters").get("value", [])
        current = {one.get("name"): one.get("currentValue") for one in parameters}
        if _RELEASE not in current:
            raise self._refused(
                f"the dataset has no parameter {_RELEASE}", "publish the project of genomics dashboards"
            )
        last = self._ask("GET", "refreshes?$top=1").get("value", [])
        return current[_RELEASE] == release and bool(last) and last[0].get("status") != "Failed"

    def show(self, release: str) -> None:
        """Set the parameter and ask for a refresh."""
        told = {"updateDetails": [{"name": _RELEASE, "newValue": release}]}
        self._ask("POST", "Default.UpdateParameters", told)
        self._ask("POST", "refreshes", {"notifyOption": "NoNotification"})

    def _ask(self, method: str, what: str, told: Any = None) -> dict[str, Any]:
        from httpx import HTTPError

        access = self.access
        url = f"{access.service.rstrip('/')}/v1.0/myorg/groups/{access.workspace}/datasets/{access.dataset}/{what}"
        try:
            answer = self.client.request(method, url, json=told, headers=self.bearer.headers())
            answered = answer.json() if answer.content else {}
        except (HTTPError, ValueError) as error:
            raise self._refused(f"{what}: {type(error).__name__}", "see whether the service answers") from error
        if not answer.is_success:
            said = answered.get("error", {}) if isinstance(answered, dict) else {}
            why = said.get("code", "") if isinstance(said, dict) else said
            remedy = "see whether the application may do so in that workspace"
            raise self._refused(f"{what}: it answered {answer.status_code} {why}".rstrip(), remedy)
        return answered if isinstance(answered, dict) else {}

    def _refused(self, problem: str, remedy: str) -> DeliveryError:
        return DeliveryError(f"Power BI: {problem}", file=self.file, remedy=remedy)


def _checked(path: Path, access: PowerBiAccess) -> PowerBiAccess:
    lacking = [one.name for one in fields(access) if not getattr(access, one.name)]
    if lacking:
        raise unusable(path, f"lacks {', '.join(lacking)}", *_FILE)
    for name in ("token_url", "service"):
        place = urlsplit(getattr(access, name))
        if place.scheme != "https" and place.hostname not in LOOPBACK:
            raise unusable(path, f"has a {name} that is not https", *_FILE)
    for name in ("workspace", "dataset"):
        try:
            uuid.UUID(getattr(access, name))
        except (ValueError, AttributeError) as error:
            raise unusable(path, f"has a {name} that is no id", *_FILE) from error
    return access
