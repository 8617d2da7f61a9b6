"""The places that scores ask about, as one sorted column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.risk.scored_rows import Numbered, ScoredRows

Place = tuple[str, int]
"""Contig without ``chr``, and 1-based position."""
_POSITION = 40
"""Bits of a key that hold the position."""


@dataclass(frozen=True, eq=False)
class Places:
    """Places, each once.

    Attributes:
        contigs: names without ``chr``.
        keys: int64[places], ascending: which contig, and in the low bits the 1-based position.
        by_several: bool[places], whether some row asks there about alleles of several bases.
    """

    contigs: tuple[str, ...]
    keys: NDArray[np.int64]
    by_several: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Place]:
        for key in self.keys.tolist():
            yield self.contigs[key >> _POSITION], key & ((1 << _POSITION) - 1)

    def find(self, contig: str, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where places of a contig stand, -1 for those that nobody asks about.

        Args:
            contig: without ``chr``.
            positions: int64[n], 1-based.
        """
        if contig not in self.contigs:
            return np.full(len(positions), -1, np.int64)
        return self._at((self.contigs.index(contig) << _POSITION) + positions)

    def on(self, contig: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the places of a contig stand, and their 1-based positions."""
        number = self.contigs.index(contig)
        first, stop = np.searchsorted(self.keys, [number << _POSITION, (number + 1) << _POSITION]).tolist()
        return np.arange(first, stop), self.keys[first:stop] - (number << _POSITION)

    def of_rows(self, rows: ScoredRows) -> NDArray[np.int64]:
        """Where the places of a score's rows stand, -1 of rows without one."""
        numbers = Numbered[str]({name: number for number, name in enumerate(self.contigs)})
        keys = _keys(rows, numbers)
        return np.arange(len(keys)) if np.array_equal(keys, self.keys) else self._at(keys)

    def _at(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        found = np.searchsorted(self.keys, keys)
        known = found < len(self.keys)
        known[known] = self.keys[found[known]] == keys[known]
        found[~known] = -1
        return found


def places_of(scores: Sequence[ScoredRows]) -> Places:
    """The places of all rows that have one."""
    names = Numbered[str]()
    every = [_keys(rows, names) for rows in scores]
    several = [keys[_asks_about_several(rows) & (keys >= 0)] for rows, keys in zip(scores, every, strict=True)]
    keys = _ascending(every)
    by_several = np.zeros(len(keys), np.bool_)
    by_several[np.searchsorted(keys, _ascending(several))] = True
    return Places(tuple(names), keys, by_several)


def _keys(rows: ScoredRows, names: Numbered[str]) -> NDArray[np.int64]:
    """Keys of a score's rows, -1 of rows without a place."""
    numbers = np.array([*(names.number(name) for name in rows.contigs), -1], np.int64)
    return np.where(rows.contig < 0, -1, (numbers << _POSITION)[rows.contig] + rows.position)


def _asks_about_several(rows: ScoredRows) -> NDArray[np.bool_]:
    several = [max(map(len, (effect, *others))) > 1 for effect, others in rows.pairs]
    return np.array(several, np.bool_)[rows.pair] if several else np.zeros(0, np.bool_)


def _ascending(keys: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Keys from 0 on, sorted and each once."""
    joined = np.concatenate(keys) if keys else np.zeros(0, np.int64)
    if (joined[:-1] < joined[1:]).all() and (not len(joined) or joined[0] >= 0):
        return joined
    found = np.unique(joined)
    return found[np.searchsorted(found, 0) :]
