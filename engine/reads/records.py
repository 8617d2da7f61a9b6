"""Packed BAM records in memory: the form in which alignments travel from the aligner to the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Records:
    """BAM records end to end, as in the body of a BAM file.

    Attributes:
        data: uint8[], each record beginning with its ``block_size`` (SAM specification 4.2).
        offset: int64[n + 1], where each record begins and the last one ends.
    """

    data: NDArray[np.uint8]
    offset: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offset) - 1

    @staticmethod
    def of(packed: bytes | NDArray[np.uint8]) -> Records:
        """Find the records in bytes that hold nothing else."""
        from engine.reads.record_kernels import record_offsets

        # a copy that may be written to: kernels are compiled once for those, and once more for others
        data = np.frombuffer(bytearray(packed), dtype=np.uint8) if isinstance(packed, bytes) else packed
        return Records(data, record_offsets(data))
