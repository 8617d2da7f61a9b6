"""What stands under later knowledge than it was made with: the confirmations in force, as they were published last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.reanalysis.confirmation import CONFIRMATIONS, FILE, Confirmation, read_confirmations
from engine.receipt import Receipt
from resources.lake import Lake

_BySample = Mapping[str, Sequence[Confirmation]]


@dataclass(frozen=True)
class Confirmations:
    """The confirmations of one deployment.

    Attributes:
        lake: where they are published.
    """

    lake: Lake
    _read: dict[str, _BySample] = field(default_factory=dict, repr=False, compare=False)

    def of(self, sample: str) -> Sequence[Confirmation]:
        """Those of a sample, whether or not they still speak of what is published; LakeError where damaged."""
        receipt = self.lake.receipt(CONFIRMATIONS)
        return self._by_sample(receipt).get(sample, ()) if receipt else ()

    def all(self) -> list[Confirmation]:
        """Those of every sample."""
        receipt = self.lake.receipt(CONFIRMATIONS)
        return [one for rows in self._by_sample(receipt).values() for one in rows] if receipt else []

    def _by_sample(self, receipt: Receipt) -> _BySample:
        """Read once for each publication."""
        if receipt.data_version not in self._read:
            whole = self.lake.require(CONFIRMATIONS)
            found: dict[str, list[Confirmation]] = {}
            for one in read_confirmations(self.lake.path(whole, FILE)):
                found.setdefault(one.sample_id, []).append(one)
            self._read.clear()
            self._read[receipt.data_version] = found
        return self._read[receipt.data_version]
