"""The services of a deployment that the console uses, each under its type."""

from __future__ import annotations

from dataclasses import dataclass

from engine.reads.registration import RegisteredSample
from resources.audit import AuditLog
from resources.environment import Settings, build_resources
from resources.gate import Gate
from resources.lake import Lake
from resources.sample_registry import SampleRegistry
from resources.warehouse import Warehouse


@dataclass(frozen=True)
class Platform:
    """One deployment.

    Attributes:
        settings: its options.
        lake: where artifacts lie.
        registry: which samples there are.
        gate: what has not passed does not go on.
        audit: who did what.
        warehouse: the cohort's Delta tables.
    """

    settings: Settings
    lake: Lake
    registry: SampleRegistry
    gate: Gate
    audit: AuditLog
    warehouse: Warehouse

    @classmethod
    def of(cls, settings: Settings) -> Platform:
        """The deployment that the settings describe; nothing is written."""
        services = build_resources(settings)
        return cls(settings, *(services[name] for name in ("lake", "registry", "gate", "audit", "warehouse")))

    def samples(self) -> tuple[RegisteredSample, ...]:
        """Every registered sample; none, and nothing is made, where the deployment's folder does not exist."""
        return self.registry.samples() if self.settings.data.is_dir() else ()
