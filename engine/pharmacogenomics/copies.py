"""More than two copies of a gene: which of its two alleles is there more than once, as far as reads tell it.

How many copies there are is told by depth (:mod:`engine.structural.cyp2d6`). Of three copies one chromosome has two, so
that at a place at which the chromosomes differ a third or two thirds of the reads have either base. All ways to lay the
genotypes on two chromosomes and to share the copies out are weighed by the reads at such places, no two of them on one
read; a solution stays unless another is a hundred times likelier. Where the reads lie near no way, or there are none,
all stay. That copies on one chromosome are alike is taken for granted, as nothing here tells it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.pharmacogenomics.carried import laid_out
from engine.pharmacogenomics.definitions import Definition, Locus, Rule
from engine.pharmacogenomics.matching import Diplotype, Observed

if TYPE_CHECKING:
    from engine.reference.genome import Reference

Bases = Mapping[str, int]
"""Reads by base."""
Way = tuple[int, int]
"""Copies on the chromosome of the first allele, and on that of the second."""
_LIKELIER: Final = 100.0
_NEAR: Final = 0.12
"""Share of all reads by which they may differ from what the way predicts: a third and a half lie 0.17 apart."""
_SPREAD: Final = 50.0
"""Of the shares from place to place, as a beta distribution has it (sum of its parameters): reads of one base are
placed more easily than those of another, and neighbouring places share their reads."""
_APART: Final = 150
"""Bases between two places: nearer ones are read by the same reads."""
_LEAST_QUALITY, _LEAST_MAPPING = 15, 20


@dataclass(frozen=True)
class Copies:
    """More than two copies of a gene.

    Attributes:
        number: how many.
        reads: by place of the gene, reads by base; places without any are left out.
    """

    number: int
    reads: Mapping[Locus, Bases] = field(default_factory=dict)


def count_copies(
    reads: Path, reference: Reference, build: str | None, definitions: Collection[Definition]
) -> dict[str, str | Copies]:
    """Of genes of copies that can be counted: more than two, or why their alleles cannot be named, empty for two.

    Args:
        reads: sorted, indexed BAM or CRAM.
        reference: the genome it was aligned to.
        build: of the reference.
        definitions: of the genes that are asked about.

    Raises:
        AlignmentFileError: the reads cannot be read.
    """
    from engine.structural.cyp2d6 import GENE, Cyp2d6Copies, bases_at, count_cyp2d6, why_not_named

    gene = next((one for one in definitions if one.gene == GENE), None)
    if gene is None:
        return {}
    found = count_cyp2d6(reads, reference, build)
    if not isinstance(found, Cyp2d6Copies) or (found.copies or 0) <= 2:
        return {GENE: why_not_named(found)}
    single = [locus for locus in gene.loci if {len(locus.ref), *map(len, locus.alternates)} == {1}]
    bases = bases_at(reads, reference, [locus.position - 1 for locus in single], _LEAST_MAPPING, _LEAST_QUALITY)
    seen = {locus: there for locus, there in zip(single, bases, strict=True) if any(there.values())}
    return {GENE: Copies(found.copies or 0, seen)}


def share_out(
    definition: Definition, observed: Observed, diplotypes: Sequence[Diplotype], copies: Copies
) -> tuple[Diplotype, ...]:
    """The solutions with as many copies as there are, without those that the reads speak against.

    Args:
        definition: of the gene.
        observed: genotypes by place of it.
        diplotypes: solutions for two chromosomes.
        copies: counted in the reads.
    """
    weights = _weights(definition, observed, copies) if definition.rule == Rule.CARRIED else {}
    best = max(weights.values(), default=0.0)
    return tuple(
        _written(one, way)
        for one in diplotypes
        for way in (_ways(copies.number) if len(set(one.names)) > 1 else [(copies.number - 1, 1)])
        if weights.get((one.names, way), best) > best - math.log(_LIKELIER)
    )


def _weights(definition: Definition, observed: Observed, copies: Copies) -> dict[tuple[tuple[str, ...], Way], float]:
    """Log-likelihood by names and way, of the best way to lay the genotypes; nothing where reads lie near no way."""
    places = _places(definition, observed, copies)
    weights: dict[tuple[tuple[str, ...], Way], float] = {}
    nearest = 1.0
    for (first, own), (second, other) in laid_out(definition, observed):
        pairs = [(reads.get(own[number] or "", 0), reads.get(other[number] or "", 0)) for number, reads in places]
        share = sum(one for one, _ in pairs) / max(sum(map(sum, pairs)), 1)
        for way in _ways(copies.number):
            expected = way[0] / copies.number
            key = ((first.name, second.name), way)
            weight = sum(_log_likelihood(*pair, expected) for pair in pairs)
            weights[key] = max(weights.get(key, -math.inf), weight)
            nearest = min(nearest, abs(share - expected))
    return weights if nearest <= _NEAR else {}


def _places(definition: Definition, observed: Observed, copies: Copies) -> list[tuple[int, Bases]]:
    """Numbers of places at which the chromosomes differ, with the reads there, no two of them on one read."""
    named = {number for allele in definition.alleles if not allele.is_reference for number in allele.core}
    found: list[tuple[int, Bases]] = []
    last = -_APART
    for number, (locus, genotype) in enumerate(zip(definition.loci, observed, strict=True)):
        reads = copies.reads.get(locus)
        differs = genotype is not None and genotype.is_het and None not in genotype.alleles
        if reads and differs and number in named and locus.position >= last + _APART:
            found.append((number, reads))
            last = locus.position
    return found


def _ways(number: int) -> list[Way]:
    return [(first, number - first) for first in range(number - 1, 0, -1)]


def _written(one: Diplotype, way: Way) -> Diplotype:
    """The solution with so many copies of each allele: one part a copy, so that each counts."""
    names = tuple(name if count == 1 else f"{name}x{count}" for name, count in zip(one.names, way, strict=True))
    parts = tuple(part for part, count in zip(one.parts, way, strict=True) for _ in range(count))
    return Diplotype(names, one.score, parts)


def _log_likelihood(first: int, second: int, share: float) -> float:
    """Of so many reads where a share is expected, by the beta-binomial distribution, but for a constant.

    >>> round(_log_likelihood(20, 10, 2 / 3) - _log_likelihood(20, 10, 1 / 3), 1)
    4.3
    """
    alpha, beta = share * _SPREAD, (1 - share) * _SPREAD
    return _log_beta(first + alpha, second + beta) - _log_beta(alpha, beta)


def _log_beta(alpha: float, beta: float) -> float:
    return math.lgamma(alpha) + math.lgamma(beta) - math.lgamma(alpha + beta)
