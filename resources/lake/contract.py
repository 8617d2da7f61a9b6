"""What a lake is, wherever its bytes lie: whole artifacts, each with one receipt, found by asset and sample.

An artifact becomes visible in one step, when it is published, and what is handed out has been compared with its
receipt. A backend says where files lie and how they are moved; whoever uses a lake knows this contract only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from engine.receipt import Measure, Receipt, Recipe

RECEIPT = "receipt.json"


class Work(Protocol):
    """An artifact in the making, in a folder on this machine."""

    @property
    def folder(self) -> Path:
        """Everything written here is the artifact."""

    @property
    def scratch(self) -> Path:
        """For temporary files."""

    def fresh(self, recipe: Recipe) -> Receipt | None:
        """The published receipt if it came from an equal recipe and its files are as published, else None.

        Raises:
            LakeError: it came from an equal recipe, and is not what was published.
        """

    def publish(self, *, records: int, recipe: Recipe, measures: Mapping[str, Measure]) -> Receipt:
        """Make the folder's files the current artifact, in one commit.

        A publication that equals the current one keeps its receipt, time included.
        """


@dataclass(frozen=True)
class Finding:
    """Something that verifying found.

    Attributes:
        problem: what is wrong, or was left unfinished.
        harmless: whether nothing is wrong: a process was killed, and its work is done again by the next one.
    """

    problem: str
    harmless: bool = False


@dataclass(frozen=True)
class KeptFile:
    """A file of a lake on this machine.

    Attributes:
        path: where it lies.
        name: relative to the lake.
        changes: whether it is ever written again under that name.
    """

    path: Path
    name: str
    changes: bool


class Tier(StrEnum):
    """Where files lie, from what is read at once to what must be asked back first."""

    HOT = "hot"
    COOL = "cool"
    COLD = "cold"
    ARCHIVE = "archive"
    PENDING = "on its way back"


@runtime_checkable
class TieredLake(Protocol):
    """A lake whose storage has cheaper places for what is seldom read."""

    def tier(self, receipt: Receipt) -> Tier:
        """Where the files of a version lie: of several tiers that from which it takes longest to read."""

    def move(self, receipt: Receipt, tier: Tier) -> None:
        """Move the files of a version; out of the archive that takes hours, :attr:`Tier.PENDING` meanwhile."""


class Lake(Protocol):
    """Where artifacts are published and read."""

    @property
    def place(self) -> str:
        """Where the lake is, for people."""

    def receipt(self, asset: str, sample: str | None = None) -> Receipt | None:
        """The current receipt, absent where nothing was published yet.

        Raises:
            LakeError: it cannot be read, was written by a newer release, or is not the one that was published.
        """

    def require(self, asset: str, sample: str | None = None) -> Receipt:
        """The current receipt, its files there with their sha256.

        Raises:
            LakeError: nothing was published, or the receipt or a file is not what was published.
        """

    def previous(self, asset: str, sample: str | None = None) -> Receipt | None:
        """The current receipt, absent where nothing was published or it is not what was published."""

    def in_force(self, asset: str, sample: str | None = None) -> str | None:
        """sha256 of the current receipt's text, as the audit log names it; absent where there is none to be read."""

    def verify(self, receipt: Receipt) -> None:
        """Read every file of an artifact again, whatever was noted of it; LakeError if one differs."""

    def is_whole(self, receipt: Receipt) -> bool:
        """Whether every file of an artifact, of the current version or an earlier one, is what its receipt says."""

    def findings(self, asset: str, sample: str | None = None) -> list[Finding]:
        """What the audit log says against the receipts of an artifact, the current one and those of its history."""

    def folder(self, receipt: Receipt) -> Path:
        """A folder on this machine that holds an artifact's files, brought there where they lie elsewhere."""

    def path(self, receipt: Receipt, name: str) -> Path:
        """One file of an artifact as a file on this machine; KeyError if it has none of that name."""

    def read_range(self, receipt: Receipt, name: str, start: int, length: int) -> bytes:
        """Bytes of one file, without bringing the whole file here; fewer at its end."""

    def sha256(self, path: Path) -> str:
        """sha256 of a file on this machine, hex; not read again while it is untouched since it was read last."""

    def discard(self, receipt: Receipt) -> None:
        """Remove the files of a version for good; its receipts stay. Who decided it is the caller's to write down."""

    def kept(self) -> Iterator[KeptFile]:
        """What a backup of this machine holds of the lake; nothing where the storage itself keeps it."""

    def history(self, asset: str, sample: str | None = None) -> list[Receipt]:
        """Receipts of every version that was ever current, oldest first."""

    def samples(self) -> list[str]:
        """Samples with at least one published artifact, in order of their ids."""

    def assets(self, sample: str | None = None) -> list[str]:
        """Names of the published artifacts of a sample, or of those that belong to none, in order."""

    def samples_since(self, mark: str) -> tuple[str, frozenset[str] | None]:
        """The samples of which anything was published, or was about to be, since a mark; and the mark of now.

        ``mark`` is what an earlier call gave, empty at the first one. Samples are absent where that cannot be told.
        """

    def work(
        self, asset: str, sample: str | None = None, *, log: Callable[[str], None] = ...
    ) -> AbstractContextManager[Work]:
        """A private work folder in which to make an artifact, one process at a time.

        ``log`` is told where another process is making it, before its end is waited for.
        """
