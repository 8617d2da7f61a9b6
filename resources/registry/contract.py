"""What the registry answers with: values that hold no connection, and its error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import GenomicsError, SampleSheetError
from engine.reads.registration import RegisteredSample


class RegistryError(GenomicsError):
    """The sample registry does not hold what was asked of it, or cannot be used."""


@dataclass(frozen=True)
class Registration:
    """What became of the samples of a sheet, each named once.

    Attributes:
        new: ids of samples not known before.
        changed: ids of samples that need another run.
        unchanged: ids of samples of which nothing new was said.
        refused: one error for each sample that contradicts what is known.
        attempts: the runs asked for so far of each sample that is new or changed, the one it needs now included.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    refused: tuple[SampleSheetError, ...]
    attempts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """A sample and its kin, as far as registered and not withdrawn.

    Attributes:
        sample: the one asked for.
        father: absent where not registered.
        mother: absent where not registered.
        others: of the same family, or children, by sample id.
    """

    sample: RegisteredSample
    father: RegisteredSample | None
    mother: RegisteredSample | None
    others: tuple[RegisteredSample, ...]


@dataclass(frozen=True)
class Override:
    """A person's word that one version of an artifact may pass one failed check.

    Attributes:
        sample: sample id.
        asset: name of the asset.
        check: name of the check.
        data_version: the version it holds for, and no other.
        person: who gave it.
        reason: why.
        recorded: UTC time, ISO 8601.
    """

    sample: str
    asset: str
    check: str
    data_version: str
    person: str
    reason: str
    recorded: str


@dataclass(frozen=True)
class HistoryEntry:
    """Something that happened to a sample: UTC time, what, and details."""

    recorded: str
    sample: str
    event: str
    details: dict[str, Any]
