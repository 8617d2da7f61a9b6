"""A family of three taken through every contract without Dagster, seen by a witness: what each one really opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from engine.ops.artifact import Computed, Contract, NotApplicable, Published
from engine.receipt import Receipt
from genomics_assets.artifacts import KNOWLEDGE, OF_A_SAMPLE
from resources.environment import Resources, build_resources
from tests.builders.deployment import (
    PANEL,
    Delivery,
    Deployment,
    let_settle,
    tiny_deployment,
    write_reads,
    write_sheet,
)
from tests.builders.witness import watching

CHILD, FATHER, MOTHER = "child", "father", "mother"
GENOMES = {FATHER: "demo-unrelated-1", MOTHER: "demo-unrelated-3", CHILD: "demo-unrelated-1"}
"""The child has its father's genome: a finding that he carries and that the mother does not."""


@dataclass
class Seen:
    """One artifact as it was made.

    Attributes:
        receipt: of what was published.
        opened: names of the artifacts whose files the computation opened: an asset of the sample or of the knowledge,
            or ``asset of father``.
        landed: whether it opened a file of the landing zone.
    """

    receipt: Receipt
    opened: frozenset[str]
    landed: bool


@dataclass
class Family:
    """A deployment in which a trio has come to its end.

    Attributes:
        deployment: where.
        resources: of it.
        seen: what was made, by sample (empty for knowledge) and asset.
        trace: modules of the engine in which a function was called, by asset.
    """

    deployment: Deployment
    resources: Resources
    seen: dict[tuple[str, str], Seen] = field(default_factory=dict)

    def make(self, contract: Contract, sample: str, **options: Any) -> Seen | NotApplicable:
        """Make an artifact under the witness's eyes."""
        opened: set[Path] = set()
        watched = replace(contract, compute=_witnessed(contract, self._folders(), opened))
        made = watched.make(self.resources, sample if contract.by_sample else "", log=lambda _: None, **options)
        if isinstance(made, NotApplicable):
            return made
        assert isinstance(made, Published) and not made.fresh
        names = {self._name(path, sample) for path in opened}
        landed = "the landing zone" in names
        return Seen(made.receipt, frozenset(names - {"the landing zone"}), landed)

    def _folders(self) -> list[Path]:
        lake = self.deployment.settings.data / "lake"
        versions = [*lake.glob("samples/*/*/*"), *lake.glob("shared/*/*")]
        nested = [below for folder in versions if folder.is_dir() for below in (folder, *folder.glob("**/"))]
        return [self.resources.landing_zone.root, *dict.fromkeys(nested)]

    def _name(self, path: Path, sample: str) -> str:
        """Which artifact a file belongs to, as recipes name their inputs."""
        lake = self.deployment.settings.data / "lake"
        if not path.is_relative_to(lake):
            return "the landing zone"
        kind, owner, asset, *_ = path.relative_to(lake).parts
        if kind == "shared":
            return owner
        kin = {FATHER: " of father", MOTHER: " of mother"} if sample == CHILD else {}
        return asset if owner == sample else f"{asset}{kin.get(owner, ' of ' + owner)}"


def _witnessed(contract: Contract, folders: list[Path], opened: set[Path]) -> Any:
    @wraps(contract.compute)
    def compute(**values: Any) -> Computed | NotApplicable:
        with watching(folders) as witness:
            result = contract.compute(**values)
            opened.update(witness.opened())
        return result

    return compute


def family_deployment(folder: Path) -> Deployment:
    """A tiny deployment into whose landing zone the trio's files were dropped."""
    deployment = tiny_deployment(folder)
    landing = deployment.settings.landing
    rows = []
    for number, (sample, sex) in enumerate(((FATHER, "male"), (MOTHER, "female"), (CHILD, "unknown"))):
        delivery = Delivery(GENOMES[sample], coverage=30.0 + number, sample=sample)
        write_reads(landing, delivery)
        rows.append(delivery.row() | {"sex": sex, "father_id": "", "mother_id": ""})
    for row in rows:
        row["panel"] = PANEL.upper() if row["sample_id"] == CHILD else ""
        row["drug_response"] = row["polygenic_scores"] = "yes" if row["sample_id"] == CHILD else ""
        row["research_consent"] = "" if row["sample_id"] == MOTHER else "HMB 2020-01-01"
    rows[-1] |= {"father_id": FATHER, "mother_id": MOTHER}
    write_sheet(landing / "sheet.csv", rows)
    let_settle(landing)
    return deployment


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Family]:
    """Knowledge, father, mother, then the child."""
    deployment = family_deployment(tmp_path_factory.mktemp("family"))
    resources = build_resources(deployment.settings)
    resources.landing_zone.scan(None, resources.registry, resources.audit)
    made = Family(deployment, resources)
    for sample, contracts in (("", KNOWLEDGE), (FATHER, OF_A_SAMPLE), (MOTHER, OF_A_SAMPLE), (CHILD, OF_A_SAMPLE)):
        for contract in contracts:
            seen = made.make(contract, sample)
            if isinstance(seen, Seen):
                made.seen[sample, contract.name] = seen
    yield made
