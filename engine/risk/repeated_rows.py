"""Rows of a score that are of one allele: the same row twice, or two that give it different weights.

Scores are made of several studies, and two places of one build may be one of another, so that a file has an allele more
than once. The same row again says nothing new and counts once. Different weights of one allele contradict each other:
what the allele weighs is not known then, as it is not for the PGS Catalog's own calculator, which leaves out what one
variant is matched by twice. Rows that weigh copies in different ways (each copy, the first, two of them) are parts of
one model, and both count.

Source: https://pgsc-calc.readthedocs.io/en/latest/explanation/output.html#match
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.risk.scored_rows import FARTHEST, ScoredAllele, ScoredRows, complement


@dataclass
class Settled:
    """What of some rows counts.

    Attributes:
        rows: each allele's once.
        repeated: rows left out that say what another one says.
        contradicted: alleles left out that rows give different weights.
        first: of them the first.
    """

    rows: ScoredRows
    repeated: int = 0
    contradicted: int = 0
    first: ScoredAllele | None = None


@dataclass
class _LeftOut:
    """Rows that do not count."""

    repeated: list[int] = field(default_factory=list)
    contradicted: list[list[int]] = field(default_factory=list)


def settle(rows: ScoredRows) -> Settled:
    """Leave out what is there twice, and what contradicts itself."""
    left_out = _LeftOut()
    for group in _at_one_place(rows):
        _judge(rows, group, left_out)
    if not (left_out.repeated or left_out.contradicted):
        return Settled(rows)
    contradicting = [row for group in left_out.contradicted for row in group]
    kept = np.ones(len(rows), np.bool_)
    kept[[*left_out.repeated, *contradicting]] = False
    first = rows[min(contradicting)] if contradicting else None
    return Settled(rows.taken(kept), len(left_out.repeated), len(left_out.contradicted), first)


def _at_one_place(rows: ScoredRows) -> Iterator[list[int]]:
    """Rows of each place, or id where there is no place, that several have."""
    keys = rows.contig.astype(np.int64) * (FARTHEST + 1) + rows.position
    placed = np.flatnonzero(rows.contig >= 0)
    if not _ascend(keys[placed]):
        order = placed[np.argsort(keys[placed], kind="stable")]
        firsts = np.flatnonzero(np.diff(keys[order], prepend=-1))
        many = np.flatnonzero(np.diff(firsts, append=len(order)) > 1)
        ends = [*firsts[1:].tolist(), len(order)]
        yield from (order[firsts[one] : ends[one]].tolist() for one in many.tolist())
    by_id: dict[str, list[int]] = {}
    for row, name in rows.rsids.items():
        by_id.setdefault(name, []).append(row)
    yield from (group for group in by_id.values() if len(group) > 1)


def _ascend(keys: NDArray[np.int64]) -> bool:
    """Whether each is farther than the one before, as in most files."""
    return bool((np.diff(keys) > 0).all())


def _judge(rows: ScoredRows, group: list[int], left_out: _LeftOut) -> None:
    alleles = [rows[row] for row in group]
    by_effect_alone = not all(allele.others for allele in alleles)
    same: dict[Hashable, list[int]] = {}
    for row, allele in zip(group, alleles, strict=True):
        counted = allele.effect if by_effect_alone else _on_one_strand(allele)
        same.setdefault((counted, _way(allele.weights)), []).append(row)
    for of_one in same.values():
        if len({tuple(rows.weights[row].tolist()) for row in of_one}) > 1:
            left_out.contradicted.append(of_one)
        else:
            left_out.repeated += of_one[1:]


def _on_one_strand(allele: ScoredAllele) -> tuple[str, frozenset[str]]:
    """The allele that is counted and all of its site, the same whichever strand they are stated on.

    >>> rows = [ScoredAllele("1", 5, None, one, (other,), (0, 1, 2)) for one, other in ("AG", "TC", "GA", "AT", "TA")]
    >>> [_on_one_strand(rows[0]) == _on_one_strand(row) for row in rows[1:]]
    [True, False, False, False]
    """
    stated = (allele.effect, frozenset((allele.effect, *allele.others)))
    turned = (complement(allele.effect), frozenset(map(complement, stated[1])))
    is_of_single_bases = {len(one) for one in stated[1]} == {1}
    if not is_of_single_bases or turned[1] == stated[1]:
        return stated
    return min(stated, turned, key=lambda told: sorted(told[1]))


def _way(weights: tuple[float, float, float]) -> str:
    """In which way copies weigh.

    >>> _way((0.0, 0.5, 1.0)), _way((0.0, 0.5, 0.5)), _way((0.0, 0.0, 0.5)), _way((1.0, 2.0, 3.5))
    ('each copy', 'the first', 'two of them', 'each number by itself')
    """
    none, one, two = weights
    if none:
        return "each number by itself"
    if two == 2 * one:
        return "each copy"
    return {one: "the first", 0.0: "two of them"}.get(two if one else 0.0, "each number by itself")
