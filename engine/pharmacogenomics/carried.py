"""Alleles that a chromosome carries whatever else it has (:attr:`Rule.CARRIED`), told by their publisher's order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.pharmacogenomics.combinations import MOST_UNITS, Chromosome, chromosomes, is_carried, natural
from engine.pharmacogenomics.definitions import Definition, NamedAllele, bases_of
from engine.pharmacogenomics.matching import Diplotype, Observed, units_of


def tell(definition: Definition, observed: Observed) -> list[Diplotype]:
    """All pairs of alleles that the genotypes allow, each chromosome told by the first of the alleles on it.

    Returns:
        None at all where the unphased places are more than :data:`MOST_UNITS`.
    """
    if not any(observed):
        return []
    found: dict[tuple[str, ...], Diplotype] = {}
    for pair in laid_out(definition, observed):
        made = [allele for allele, _ in pair]
        names = tuple(allele.name for allele in made)
        score = sum(len(definition.loci) if one.is_reference else len(one.core) for one in made)
        found.setdefault(names, Diplotype(names, score, tuple((name,) for name in names)))
    return list(found.values())


def laid_out(definition: Definition, observed: Observed) -> Iterator[list[tuple[NamedAllele, Chromosome]]]:
    """Every way to lay the genotypes on chromosomes, each with the allele that it is told by, in order of their names.

    Nothing where the unphased places are more than :data:`MOST_UNITS`.
    """
    for laid in _ways(definition, observed):
        told = [(first_told(definition, one, observed), one) for one in laid]
        yield sorted(told, key=lambda one: natural(one[0].name))


def first_told(definition: Definition, chromosome: Chromosome, observed: Observed) -> NamedAllele:
    """The allele that a chromosome is told by; the reference where it carries none whose every place is known."""
    whole = [
        allele
        for allele in definition.alleles
        if not allele.is_reference
        and all(observed[number] is not None for number in allele.core)
        and is_carried(allele, chromosome, observed)
    ]
    # An allele that is part of a larger one on the same chromosome is not told.
    top = [one for one in whole if not any(_is_part(one, other) for other in whole)]
    return min(top, key=lambda one: definition.rank[one.name], default=definition.reference)


def not_excluded(definition: Definition, observed: Observed) -> list[NamedAllele]:
    """Alleles that may be there unseen: a place of theirs is not known, and nothing known speaks against them."""
    laid = [one for ways in _ways(definition, observed) for one in ways]
    return [
        allele
        for allele in definition.alleles
        if not allele.is_reference
        and any(observed[number] is None for number in allele.core)
        and any(_may_be_on(allele, one, observed) for one in laid)
    ]


def _ways(definition: Definition, observed: Observed) -> Sequence[Sequence[Chromosome]]:
    relevant = _relevant(definition, observed)
    return list(chromosomes(relevant)) if len(units_of(relevant)) <= MOST_UNITS else []


def _may_be_on(allele: NamedAllele, chromosome: Chromosome, observed: Observed) -> bool:
    return all(
        chromosome[number] in bases_of(allele.bases[number] or "")
        for number in allele.core
        if observed[number] is not None
    )


def _relevant(definition: Definition, observed: Observed) -> Observed:
    """The genotypes without places that no allele names."""
    named = {number for allele in definition.alleles if not allele.is_reference for number in allele.core}
    return [genotype if number in named else None for number, genotype in enumerate(observed)]


def _is_part(one: NamedAllele, other: NamedAllele) -> bool:
    pairs = {(number, one.bases[number]) for number in one.core}
    return one is not other and pairs < {(number, other.bases[number]) for number in other.core}
