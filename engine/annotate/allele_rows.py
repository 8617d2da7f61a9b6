"""Rows of a table that are of the same alleles as others, many at a time: by place first, then by bases.

>>> import pyarrow as pa
>>> table = AlleleRows(np.array([7, 9, 9]), pa.array(["A", "C", "C"]), pa.array(["G", "T", "CA"]))
>>> wanted = np.array([9, 8]), pa.array(["C", "A"]), pa.array(["CA", "G"])
>>> [found.tolist() for found in table.pairs(*wanted)]
[[0], [2]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class AlleleRows:
    """Alleles of one contig.

    Attributes:
        positions: 1-based, ascending, shape (rows,).
        ref: REF of each.
        alt: ALT of each.
    """

    positions: NDArray[np.int64]
    ref: pa.Array
    alt: pa.Array

    def pairs(
        self, positions: NDArray[np.int64], ref: pa.Array, alt: pa.Array
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which of some alleles are which rows.

        Args:
            positions: 1-based, in any order.
            ref: REF of each.
            alt: ALT of each.

        Returns:
            Number of the allele and its row, a pair for each row; ascending.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        firsts = np.searchsorted(self.positions, positions, "left")
        counts = np.searchsorted(self.positions, positions, "right") - firsts
        numbers = np.repeat(np.arange(len(positions)), counts)
        within = np.arange(len(numbers)) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = firsts[numbers] + within
        own, others = pa.array(rows), pa.array(numbers)
        same = pc.and_(pc.equal(self.alt.take(own), alt.take(others)), pc.equal(self.ref.take(own), ref.take(others)))
        hit = np.asarray(same, np.bool_)
        return numbers[hit], rows[hit]


def first_of_each(numbers: NDArray[np.int64], rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The first row of each of ``count`` alleles, negative where it has none; pairs are ascending by allele."""
    found = np.full(count, -1, np.int64)
    own, place = np.unique(numbers, return_index=True)
    found[own] = rows[place]
    return found
