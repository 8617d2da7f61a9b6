"""The rows of a score by columns: millions of alleles as arrays, each as an object only where it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

Pair = tuple[str, tuple[str, ...]]
"""The allele that is counted, and the others of its site."""
Name = TypeVar("Name")
_MOST_CODES = 1 << 22
"""Pairs of alleles up to which a table of all of them is faster than to sort those that there are."""
FARTHEST = (1 << 40) - 1
"""A position that no sequence has: a row's that lies farther is taken for it."""
_COMPLEMENT = str.maketrans("ACGT", "TGCA")


@dataclass(frozen=True)
class ScoredAllele:
    """An allele and what it weighs.

    Attributes:
        contig: name without ``chr``, absent where the file has no place.
        position: 1-based, absent where the file has no place.
        rsid: dbSNP's id, absent where the file has none.
        effect: the allele that is counted.
        others: the other alleles of the site, as far as the file tells; may be empty.
        weights: added for none, one and two copies.
    """

    contig: str | None
    position: int | None
    rsid: str | None
    effect: str
    others: tuple[str, ...]
    weights: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class ScoredRows(Sequence[ScoredAllele]):
    """Alleles in the order of the file.

    Attributes:
        contigs: names without ``chr``.
        contig: int16[rows], which of them, -1 where the file has no place.
        position: int64[rows], 1-based, 0 where the file has no place.
        rsids: dbSNP's id by row, of rows without a place that have one.
        pairs: alleles, each two once.
        pair: int32[rows], which of them.
        weights: float64[rows, 3], added for none, one and two copies.
    """

    contigs: tuple[str, ...]
    contig: NDArray[np.int16]
    position: NDArray[np.int64]
    rsids: Mapping[int, str]
    pairs: tuple[Pair, ...]
    pair: NDArray[np.int32]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, alleles: Sequence[ScoredAllele]) -> ScoredRows:
        """By columns what is given row by row."""
        names, pairs = Numbered[str](), Numbered[Pair]()
        contig = [-1 if one.contig is None else names.number(one.contig) for one in alleles]
        position = [min(one.position or 0, FARTHEST) for one in alleles]
        pair = [pairs.number((one.effect, one.others)) for one in alleles]
        return cls(
            tuple(names),
            np.array(contig, np.int16),
            np.array(position, np.int64),
            {row: one.rsid for row, one in enumerate(alleles) if one.contig is None and one.rsid is not None},
            tuple(pairs),
            np.array(pair, np.int32),
            np.array([one.weights for one in alleles], np.float64).reshape(len(alleles), 3),
        )

    def taken(self, kept: NDArray[np.bool_]) -> ScoredRows:
        """Some of them, in their order."""
        to = np.cumsum(kept) - 1
        rsids = {int(to[row]): name for row, name in self.rsids.items() if kept[row]}
        columns = (self.contig[kept], self.position[kept], rsids, self.pairs, self.pair[kept], self.weights[kept])
        return ScoredRows(self.contigs, *columns)

    def __len__(self) -> int:
        return len(self.pair)

    @overload
    def __getitem__(self, row: int) -> ScoredAllele: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[ScoredAllele]: ...
    def __getitem__(self, row: int | slice) -> ScoredAllele | Sequence[ScoredAllele]:
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        placed = self.contig[row] >= 0
        effect, others = self.pairs[self.pair[row]]
        none, one, two = self.weights[row].tolist()
        return ScoredAllele(
            self.contigs[self.contig[row]] if placed else None,
            int(self.position[row]) if placed else None,
            self.rsids.get(row),
            effect,
            others,
            (none, one, two),
        )


class Numbered(dict[Name, int]):
    """Numbers of names, in the order in which they come."""

    def number(self, name: Name) -> int:
        """Of a name, its own from the first time on."""
        return self.setdefault(name, len(self))


def distinct(codes: NDArray[np.int64], many: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The codes that there are, each once, and where each of some is among them.

    Args:
        codes: from 0 on.
        many: how many there could be.
    """
    if many > _MOST_CODES:
        return np.unique(codes, return_inverse=True)
    is_used = np.zeros(many, np.bool_)
    is_used[codes] = True
    return np.flatnonzero(is_used), (np.cumsum(is_used) - 1)[codes]


def complement(bases: str) -> str:
    """The same bases as the other strand has them."""
    return bases.translate(_COMPLEMENT)[::-1]
