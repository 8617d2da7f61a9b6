"""A lake laid over another: what is made goes into the upper one, what is not there is read from the lower.

For trials that must leave the lower lake as it is; nobody vouches for what is made in the upper one. What the lower
one has vouched for last is remembered: a gate asks for the whole chain of a sample with each artifact, which took a
third of the time of a trial on twelve signed cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from engine.receipt import Receipt
from resources.lake.contract import Finding, KeptFile, Lake, Work

_Key = tuple[str, str | None]
"""Asset and sample."""
_REMEMBERED = 200
"""Receipts: those of a sample, its parents and the knowledge."""
_Told = TypeVar("_Told", Receipt, Receipt | None)


@dataclass(frozen=True)
class Overlay:
    """See :class:`resources.lake.contract.Lake`.

    Attributes:
        upper: takes what is made.
        lower: is read alone.
    """

    upper: Lake
    lower: Lake
    _read: dict[_Key, Receipt | None] = field(default_factory=dict, init=False, repr=False, compare=False)
    _vouched: dict[_Key, Receipt] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def place(self) -> str:
        """Of the lower one."""
        return self.lower.place

    def _of(self, asset: str, sample: str | None) -> Lake:
        """The lake in which the current version of an artifact lies."""
        return self.lower if self.upper.receipt(asset, sample) is None else self.upper

    def _holding(self, receipt: Receipt) -> Lake:
        return self.upper if self.upper.receipt(receipt.asset, receipt.sample) == receipt else self.lower

    def receipt(self, asset: str, sample: str | None = None) -> Receipt | None:
        """See the contract."""
        if (made := self.upper.receipt(asset, sample)) is not None:
            return made
        if (asset, sample) not in self._read:
            _remember(self._read, (asset, sample), self.lower.receipt(asset, sample))
        return self._read[asset, sample]

    def require(self, asset: str, sample: str | None = None) -> Receipt:
        """See the contract."""
        if self.upper.receipt(asset, sample) is not None:
            return self.upper.require(asset, sample)
        if (asset, sample) not in self._vouched:
            _remember(self._vouched, (asset, sample), self.lower.require(asset, sample))
        return self._vouched[asset, sample]

    def previous(self, asset: str, sample: str | None = None) -> Receipt | None:
        """See the contract: nothing but what was made here."""
        return self.upper.previous(asset, sample)

    def in_force(self, asset: str, sample: str | None = None) -> str | None:
        """See the contract."""
        return self._of(asset, sample).in_force(asset, sample)

    def verify(self, receipt: Receipt) -> None:
        """See the contract."""
        self._holding(receipt).verify(receipt)

    def is_whole(self, receipt: Receipt) -> bool:
        """See the contract."""
        return self._holding(receipt).is_whole(receipt)

    def findings(self, asset: str, sample: str | None = None) -> list[Finding]:
        """See the contract."""
        return self._of(asset, sample).findings(asset, sample)

    def folder(self, receipt: Receipt) -> Path:
        """See the contract."""
        return self._holding(receipt).folder(receipt)

    def path(self, receipt: Receipt, name: str) -> Path:
        """See the contract."""
        return self._holding(receipt).path(receipt, name)

    def read_range(self, receipt: Receipt, name: str, start: int, length: int) -> bytes:
        """See the contract."""
        return self._holding(receipt).read_range(receipt, name, start, length)

    def sha256(self, path: Path) -> str:
        """See the contract."""
        return self.lower.sha256(path)

    def discard(self, receipt: Receipt) -> None:
        """See the contract; of what lies below nothing is removed."""
        self.upper.discard(receipt)

    def kept(self) -> Iterator[KeptFile]:
        """See the contract; of what was made here nothing is kept."""
        yield from self.lower.kept()

    def history(self, asset: str, sample: str | None = None) -> list[Receipt]:
        """See the contract."""
        return [*self.lower.history(asset, sample), *self.upper.history(asset, sample)]

    def samples(self) -> list[str]:
        """See the contract."""
        return sorted({*self.lower.samples(), *self.upper.samples()})

    def assets(self, sample: str | None = None) -> list[str]:
        """See the contract."""
        return sorted({*self.lower.assets(sample), *self.upper.assets(sample)})

    def samples_since(self, mark: str) -> tuple[str, frozenset[str] | None]:
        """See the contract: of a trial nobody keeps a log."""
        return "", None

    def work(
        self, asset: str, sample: str | None = None, *, log: Callable[[str], None] = lambda _: None
    ) -> AbstractContextManager[Work]:
        """See the contract; what is made now is made anew, unless it is there in the upper lake."""
        return self.upper.work(asset, sample, log=log)


def _remember(known: dict[_Key, _Told], key: _Key, told: _Told) -> None:
    known[key] = told
    if len(known) > _REMEMBERED:
        del known[next(iter(known))]
