"""How two persons are related, by the robust estimator of KING: no allele frequencies, no common ancestry needed.

With *b* sites where both are heterozygous, *o* sites where they are opposite homozygotes (IBS0), and *h* and *H* the
heterozygous sites of the one with fewer and the one with more, all counted where both are known, kinship is
``(b - 2 o) / (2 h) + 1/2 - (h + H) / (4 h)``. It is 1/2 for one person twice, 1/4 for parents, children and
full siblings, 0 or less for strangers. Parent and child share an allele everywhere, so that *o* is only errors;
siblings share none at a quarter of the sites.

Source: Manichaikul et al., Bioinformatics 2010, doi:10.1093/bioinformatics/btq559, equation 11, with its limits between
degrees (powers of the square root of 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.identity.genotypes import Genotypes

Relation = Literal[
    "same person or twin",
    "parent and child",
    "siblings",
    "second degree",
    "third degree",
    "unrelated",
    "unknown",
]
LEAST_SITES = 200
"""Known of both; with fewer no relation is told."""
_TWIN, _FIRST, _SECOND, _THIRD = 2**-1.5, 2**-2.5, 2**-3.5, 2**-4.5
_PARENT_MOST = 0.015
"""IBS0 for each site where both are heterozygous: some thousandth for parent and child, from 0.02 (rare alleles) to 0.1
(common ones) for siblings."""


@dataclass(frozen=True)
class Pair:
    """Two persons.

    Attributes:
        a: one's sample id.
        b: the other's.
        sites: how many are known of both.
        kinship: the estimate, absent where either has no heterozygous site.
        ibs0: share of the sites where they are opposite homozygotes.
        relation: what that means.
    """

    a: str
    b: str
    sites: int
    kinship: float | None
    ibs0: float
    relation: Relation


class Persons:
    """Many persons, eight sites a byte, so that one more is compared with ten thousand in a fraction of a second.

    Args:
        persons: with genotypes at the same sites.
    """

    def __init__(self, persons: Sequence[Genotypes] = ()) -> None:
        self.samples = tuple(person.sample for person in persons)
        self._bits = _Bits.of([person.copies for person in persons])

    def pairs(self) -> Iterator[Pair]:
        """Every pair once, in the order given."""
        for index, sample in enumerate(self.samples):
            for other, found in zip(
                self.samples[index + 1 :], _compared(self._bits.row(index), self._bits.after(index)), strict=True
            ):
                yield _pair(sample, other, *found)

    def against(self, person: Genotypes) -> Iterator[Pair]:
        """One more person with each of these."""
        row = _Bits.of([person.copies]).row(0)
        for other, found in zip(self.samples, _compared(row, self._bits), strict=True):
            yield _pair(person.sample, other, *found)


@dataclass(frozen=True)
class _Bits:
    """Sites packed by eights: uint8[n, bytes] each."""

    reference: NDArray[np.uint8]
    heterozygous: NDArray[np.uint8]
    alternate: NDArray[np.uint8]

    @staticmethod
    def of(copies: Sequence[NDArray[np.int8]]) -> _Bits:
        table = np.stack(copies) if copies else np.zeros((0, 0), np.int8)
        return _Bits(*(np.packbits(table == count, axis=1) for count in (0, 1, 2)))

    def row(self, index: int) -> _Bits:
        return _Bits(*(bits[index] for bits in (self.reference, self.heterozygous, self.alternate)))

    def after(self, index: int) -> _Bits:
        return _Bits(*(bits[index + 1 :] for bits in (self.reference, self.heterozygous, self.alternate)))

    @property
    def known(self) -> NDArray[np.uint8]:
        return self.reference | self.heterozygous | self.alternate


def _compared(one: _Bits, others: _Bits) -> Iterator[tuple[int, int, int, int, int]]:
    """Of each of the others: sites known of both, both heterozygous, opposite, and each one's heterozygous sites."""
    counts = (
        one.known & others.known,
        one.heterozygous & others.heterozygous,
        (one.reference & others.alternate) | (one.alternate & others.reference),
        one.heterozygous & others.known,
        others.heterozygous & one.known,
    )
    yield from zip(*(np.bitwise_count(bits).sum(axis=1).tolist() for bits in counts), strict=True)


def _pair(a: str, b: str, sites: int, both: int, opposite: int, own: int, theirs: int) -> Pair:
    fewer, more = sorted((own, theirs))
    kinship = (both - 2 * opposite) / (2 * fewer) + 0.5 - (fewer + more) / (4 * fewer) if fewer else None
    ibs0 = opposite / sites if sites else 0.0
    return Pair(a, b, sites, kinship, ibs0, _relation(sites, kinship, opposite, both))


def _relation(sites: int, kinship: float | None, opposite: int, both: int) -> Relation:
    if sites < LEAST_SITES or kinship is None:
        return "unknown"
    if kinship > _TWIN:
        return "same person or twin"
    if kinship > _FIRST:
        return "parent and child" if opposite <= _PARENT_MOST * both else "siblings"
    if kinship > _SECOND:
        return "second degree"
    return "third degree" if kinship > _THIRD else "unrelated"
