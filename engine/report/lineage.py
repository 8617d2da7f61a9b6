"""Where a report comes from: the receipts of the sample's artifacts, from the reads to the findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.receipt import Receipt


@dataclass(frozen=True)
class Lineage:
    """A sample's artifacts.

    Attributes:
        reads: sha256 by name of each FASTQ file.
        receipts: of the artifacts, each after those it was made from; ``raw_reads`` stands for the FASTQ files.
        location: URL of the store, below which artifacts lie as ``asset/sample/data version/file``; absent: files
            are told of by name and digest only.
    """

    reads: Mapping[str, str]
    receipts: tuple[Receipt, ...] = field(default_factory=tuple)
    location: str | None = None

    @property
    def tools(self) -> dict[str, str]:
        """Version by name of every tool that took part; of two versions the later artifact's."""
        return dict(sorted(pair for receipt in self.receipts for pair in receipt.recipe.tools.items()))

    @property
    def knowledge(self) -> dict[str, str]:
        """Version by name of every knowledge source that took part."""
        return dict(sorted(pair for receipt in self.receipts for pair in receipt.recipe.knowledge.items()))

    @property
    def kin(self) -> dict[str, str]:
        """Data version of each artifact of a relative that took part, as ``asset of father``."""
        inputs = [pair for receipt in self.receipts for pair in receipt.recipe.inputs.items()]
        return dict(sorted((name, version) for name, version in inputs if " of " in name))

    def receipt(self, asset: str) -> Receipt | None:
        """The receipt of that asset, if there is one."""
        return next((receipt for receipt in self.receipts if receipt.asset == asset), None)
