"""The clinicians' portal of a deployment with one case, whose father was sequenced too, behind the real door."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from fastapi import FastAPI
from starlette.testclient import TestClient

from engine.ops.artifact import NotApplicable
from genomics_assets.artifacts import KNOWLEDGE, OF_A_SAMPLE
from portal.clinic.admission import CSRF_HEADER
from portal.clinic.application import portal_of
from portal.clinic.house import House
from portal.clinic.rights import Person, Role
from portal.clinic.visits import Visit
from portal.door import Door, loopback_origins
from portal.sessions import Sessions
from resources.audit import AuditEntry
from resources.environment import Resources, build_resources
from resources.web_token import web_token
from tests.builders.deployment import Delivery, Deployment, let_settle, tiny_deployment, write_reads, write_sheet

CHILD, FATHER = "child", "father"
PORT = 3000
OWN = f"http://127.0.0.1:{PORT}"
WARD, OTHER_WARD = "ward 3", "ward 4"
ACCESS = {
    "roles": {f"grp-{role}": str(role) for role in Role},
    "every_case": ["grp-bioinformatician"],
    "teams": {
        WARD: {"groups": ["grp-ward-3"], "orders": ["W3-*"]},
        OTHER_WARD: {"groups": ["grp-ward-4"], "orders": ["W4-*"]},
    },
}
"""Cases are those of a ward; the child's is ward 3's, and only bioinformaticians see every case."""


@dataclass(frozen=True)
class Clinic:
    """The portal and what it stands on."""

    platform: Resources
    app: FastAPI
    door: Door

    @property
    def house(self) -> House:
        house: House = self.app.state.house
        return house

    def client(self, **headers: str) -> TestClient:
        """A browser of this machine, with the portal open."""
        sent = {"Sec-Fetch-Site": "same-origin", "Origin": OWN} | headers
        return TestClient(
            self.door, base_url=OWN, headers=sent, follow_redirects=False, client=("127.0.0.1", 50_000)
        )  # fmt: skip

    def visit(self, role: Role, *teams: str, name: str = "", every_case: bool = False) -> tuple[TestClient, Visit]:
        """Somebody who has signed in."""
        person = Person(name or f"Dr {role}", role, frozenset(teams), every_case)
        key = self.house.visits.open(person, "test", time.time())
        visit = self.house.visits.find(key, time.time())
        assert visit is not None
        client = self.client(**{CSRF_HEADER: visit.csrf})
        client.cookies.set(f"portal_{PORT}", key)
        return client, visit

    def written(self, *kinds: str, after: int = 0) -> list[AuditEntry]:
        """Entries of some kinds, oldest first."""
        return [one for one in self.platform.audit.entries() if one.event.what in kinds and one.number > after]

    @property
    def number(self) -> int:
        """Of the last entry."""
        return self.platform.audit.head().entries


def clinic_of(
    platform: Resources, access: Mapping[str, object] | None = None, *, port: int = PORT, **settings: object
) -> Clinic:
    """The portal of a platform; without ``access`` with the demo's people."""
    path = None
    if access is not None:
        path = platform.settings.data / "access.yaml"
        path.write_text(yaml.safe_dump(dict(access)))
    own = replace(platform, settings=replace(platform.settings, portal_access=path, **settings))  # type: ignore[arg-type]
    app = portal_of(own, lambda: nullcontext(None))
    door = Door(_nothing, Sessions(web_token(own.settings), "lab"), own.audit, loopback_origins(port), portal=app)
    return Clinic(own, app, door)


async def _nothing(scope: object, receive: object, send: object) -> None:
    raise AssertionError("the portal's requests go to the portal")


def made_deployment(folder: Path) -> Deployment:
    """A deployment in which the child has come to its bundle, and the father to his alignments."""
    deployment = tiny_deployment(folder)
    platform, landing = build_resources(deployment.settings), deployment.settings.landing
    deliveries = [
        Delivery("demo-unrelated-1", depth, sample) for depth, sample in ((12.0, FATHER), (30.0, CHILD))
    ]  # fmt: skip
    for delivery in deliveries:
        write_reads(landing, delivery)
    rows = [one.row() | {"sex": "male", "father_id": "", "order_id": "W4-2"} for one in deliveries]
    rows[1] |= {"father_id": FATHER, "order_id": "W3-1"}
    write_sheet(landing / "sheet.csv", rows)
    let_settle(landing)
    platform.landing_zone.scan(None, platform.registry, platform.audit)
    for contract in (one for one in KNOWLEDGE if one.name in platform.knowledge.parts):
        assert not isinstance(contract.make(platform, "", log=lambda _: None), NotApplicable)
    upto = {FATHER: {"raw_reads", "aligned_reads"}, CHILD: {one.name for one in OF_A_SAMPLE} - {"cohort_contribution"}}
    for sample, wanted in upto.items():
        for contract in OF_A_SAMPLE:
            if contract.name in wanted:
                contract.make(platform, sample, log=lambda _: None)
    return deployment


def platform_of(made: Deployment, folder: Path) -> Resources:
    """The services of a copy of a deployment, so that what is signed there is signed nowhere else."""
    shutil.copytree(made.folder, folder, dirs_exist_ok=True)
    return build_resources(Deployment(folder, str(folder / Path(made.reference).name)).settings)
