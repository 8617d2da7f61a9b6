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
from engine.identity.sketch import Sketch, pack, stacked

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
_TOGETHER = 256
"""Persons compared at a time: what is in work then stays in the processor's cache."""
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
        self._sketches = stacked(pack(person.copies) for person in persons)

    @classmethod
    def of_sketches(cls, samples: Sequence[str], sketches: Sequence[Sketch]) -> Persons:
        """Those of whom sketches were kept, all of one panel."""
        persons = cls()
        persons.samples, persons._sketches = tuple(samples), stacked(sketches)
        return persons

    def pairs(self) -> Iterator[Pair]:
        """Every pair once, in the order given."""
        for index, sample in enumerate(self.samples):
            after = self._sketches[index + 1 :]
            yield from _pairs(sample, self._sketches[index], self.samples[index + 1 :], after)

    def against(self, person: Genotypes) -> Iterator[Pair]:
        """One more person with each of these."""
        return _pairs(person.sample, pack(person.copies), self.samples, self._sketches)

    def against_sketch(self, sample: str, sketch: Sketch) -> Iterator[Pair]:
        """The same with a sketch."""
        return _pairs(sample, sketch, self.samples, self._sketches)


def _pairs(a: str, one: Sketch, others: Sequence[str], sketches: NDArray[np.uint8]) -> Iterator[Pair]:
    for first in range(0, len(others), _TOGETHER):
        counts = _compared(one, sketches[first : first + _TOGETHER])
        for other, found in zip(others[first : first + _TOGETHER], counts, strict=True):
            yield _pair(a, other, *found)


def _compared(one: Sketch, others: NDArray[np.uint8]) -> Iterator[tuple[int, int, int, int, int]]:
    """Of each of the others: sites known of both, both heterozygous, opposite, and each one's heterozygous sites."""
    reference, heterozygous, alternate = others[:, 0], others[:, 1], others[:, 2]
    own_known, their_known = one[0] | one[1] | one[2], reference | heterozygous | alternate
    counts = (
        own_known & their_known,
        one[1] & heterozygous,
        (one[0] & alternate) | (one[2] & reference),
        one[1] & their_known,
        heterozygous & own_known,
    )
    return zip(*(_bits(found).tolist() for found in counts), strict=True)


def _bits(rows: NDArray[np.uint8]) -> NDArray[np.int64]:
    """int64[n], how many bits are set in each row; by eight bytes at a time where they fit."""
    if rows.shape[1] % 8 == 0:
        rows = np.ascontiguousarray(rows).view(np.uint64)
    count: NDArray[np.int64] = np.bitwise_count(rows).sum(axis=1, dtype=np.int64)
    return count


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
