"""What stands under later knowledge than it was made with: the confirmations in force, as they were published last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.reanalysis.confirmation import CONFIRMATIONS, FILE, Confirmation, confirmations_in, read_confirmations
from resources.lake import Lake

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Confirmations:
    """The confirmations of one deployment.

    Attributes:
        lake: where they are published.
    """

    lake: Lake
    _read: dict[str, pa.Table] = field(default_factory=dict, repr=False, compare=False)

    def of(self, sample: str) -> Sequence[Confirmation]:
        """Those of a sample, whether or not they still speak of what is published; LakeError where damaged."""
        rows = self.table()
        return confirmations_in(rows, sample) if rows else ()

    def all(self) -> Sequence[Confirmation]:
        """Those of every sample."""
        rows = self.table()
        return confirmations_in(rows) if rows else ()

    def table(self) -> pa.Table | None:
        """All as one table, by sample, absent before the first publication; read once for each."""
        receipt = self.lake.receipt(CONFIRMATIONS)
        if receipt is None:
            return None
        if receipt.data_version not in self._read:
            whole = self.lake.require(CONFIRMATIONS)
            rows = read_confirmations(self.lake.path(whole, FILE))
            self._read.clear()
            self._read[receipt.data_version] = rows
        return self._read[receipt.data_version]
