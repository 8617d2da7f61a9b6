"""Which pairs of named alleles explain a sample's genotypes: all of them, each with its score.

Heterozygous places that are phased together form one *unit*; an unphased one is a unit of its own. A named allele fits
a chromosome one way round, the other, both or not at all, unit by unit, so two alleles make a diplotype where in every
unit one can take the side that the other leaves: no list of all chromosomes is ever made.

The score is PharmCAT's: the number of places at which an allele names a base, all of them for the reference; a place
that allows several bases counts only where the sample does not have the reference's. Places of which nothing is known
are left out of every allele; an allele of whose places none is known cannot be told from the reference, and is listed
as not looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.pharmacogenomics.definitions import CODES, Definition, Locus, NamedAllele, bases_of
from engine.pharmacogenomics.genotypes import Genotype

Observed = Sequence[Genotype | None]
"""By place of a definition; absent where nothing is known."""


@dataclass(frozen=True)
class Diplotype:
    """A pair of alleles, or one where there is one chromosome.

    Attributes:
        names: of the alleles, in order.
        score: how much of the definition it answers for; higher is the better-told solution.
        parts: by chromosome the named alleles it is made of.
    """

    names: tuple[str, ...]
    score: int
    parts: tuple[tuple[str, ...], ...] = ()

    @property
    def name(self) -> str:
        """As it is written."""
        return "/".join(self.names)


@dataclass(frozen=True)
class Fit:
    """How an allele fits one of the sample's chromosomes.

    Attributes:
        name: the allele's.
        fixed: its score from places at which the chromosomes do not differ.
        sides: by unit its score where the chromosome has the first, and the second, of each pair; absent where it does
            not fit.
    """

    name: str
    fixed: int
    sides: tuple[tuple[int | None, int | None], ...]


def units_of(observed: Observed) -> list[list[int]]:
    """Numbers of heterozygous places, those together that are phased with each other."""
    units: dict[object, list[int]] = {}
    for number, genotype in enumerate(observed):
        if genotype is not None and genotype.is_het:
            key = ("alone", number) if genotype.phase is None else ("set", genotype.phase)
            units.setdefault(key, []).append(number)
    return list(units.values())


def is_effectively_phased(observed: Observed) -> bool:
    """Whether there is one way only to lay the alleles on two chromosomes."""
    return len(units_of(observed)) <= 1


def uses_phase_sets(observed: Observed) -> bool:
    """Whether genotypes are phased in sets, and not all with each other."""
    sets = {genotype.phase for genotype in observed if genotype is not None and genotype.phase is not None}
    return bool(sets - {""})


def is_haploid(observed: Observed) -> bool:
    """Whether there is one chromosome."""
    known = [genotype for genotype in observed if genotype is not None]
    return bool(known) and all(len(genotype.alleles) == 1 for genotype in known)


def assessed(definition: Definition, observed: Observed) -> list[NamedAllele]:
    """Alleles that can be looked for: something is known of one of their places."""
    return [allele for allele in definition.alleles if any(observed[number] is not None for number in allele.core)]


def not_assessed(definition: Definition, observed: Observed) -> list[NamedAllele]:
    """Alleles of whose places nothing is known."""
    looked_for = set(assessed(definition, observed))
    return [allele for allele in definition.alleles if allele not in looked_for]


def match(definition: Definition, observed: Observed, alleles: Iterable[NamedAllele] | None = None) -> list[Diplotype]:
    """All pairs of named alleles that explain the genotypes, the best-told first.

    Args:
        definition: of the gene.
        observed: by place.
        alleles: to choose from; by default those of which something is known.
    """
    if not any(observed):
        return []
    units = units_of(observed)
    chosen = assessed(definition, observed) if alleles is None else alleles
    fits = [fit for allele in chosen if (fit := _fit(definition, allele, observed, units))]
    found: dict[tuple[str, ...], int] = {}
    for names, score in _pairs(definition, fits, is_haploid(observed)):
        found[names] = max(score, found.get(names, 0))
    return sorted((Diplotype(n, s, tuple((one,) for one in n)) for n, s in found.items()), key=lambda d: -d.score)


def _pairs(definition: Definition, fits: Sequence[Fit], haploid: bool) -> Iterable[tuple[tuple[str, ...], int]]:
    if haploid:
        yield from (((definition.told(fit.name),), fit.fixed) for fit in fits)
        return
    for index, first in enumerate(fits):
        for second in fits[index:]:
            score = _together(first, second)
            if score is not None:
                yield (definition.told(first.name), definition.told(second.name)), score


def _together(first: Fit, second: Fit) -> int | None:
    """The score of two alleles on the two chromosomes; absent where they cannot lie there together."""
    score = first.fixed + second.fixed
    for mine, other in zip(first.sides, second.sides, strict=True):
        ways = [a + b for a, b in ((mine[0], other[1]), (mine[1], other[0])) if a is not None and b is not None]
        if not ways:
            return None
        score += max(ways)
    return score


def _fit(definition: Definition, allele: NamedAllele, observed: Observed, units: Sequence[Sequence[int]]) -> Fit | None:
    in_unit = {number for unit in units for number in unit}
    fixed = 0
    for number, genotype in enumerate(observed):
        if genotype is not None and number not in in_unit:
            score = _score_at(definition, allele, number, genotype.alleles[0])
            if score is None:
                return None
            fixed += score
    sides = tuple(
        (_side(definition, allele, observed, unit, 0), _side(definition, allele, observed, unit, 1)) for unit in units
    )
    return None if any(side == (None, None) for side in sides) else Fit(allele.name, fixed, sides)


def _side(
    definition: Definition, allele: NamedAllele, observed: Observed, unit: Sequence[int], side: int
) -> int | None:
    total = 0
    for number in unit:
        genotype = observed[number]
        assert genotype is not None
        score = _score_at(definition, allele, number, genotype.alleles[side])
        if score is None:
            return None
        total += score
    return total


def _score_at(definition: Definition, allele: NamedAllele, number: int, seen: str | None) -> int | None:
    """What a place adds to an allele's score; absent where the chromosome has what the allele may not."""
    named = allele.bases[number]
    usual = definition.reference.bases[number]
    assert usual is not None
    locus = definition.loci[number]
    if named is None:
        # Of a reference that allows several bases, the genome's own.
        return 0 if seen == (locus.ref if usual in CODES else usual) else None
    if seen not in bases_of(named):
        return None
    if named in CODES and not allele.is_reference:
        return 0 if seen == usual else 1
    return 1


def best(definition: Definition, observed: Observed, found: Sequence[Diplotype]) -> list[Diplotype]:
    """The solutions that their publisher prefers.

    They are those with the highest score; of a gene with preferences for unphased genotypes the preferred one, and all
    where none is: there the score tells nothing.
    """
    if definition.preferred and not is_effectively_phased(observed):
        preferred = _preferred(definition, found)
        return [one for one in found if preferred is None or frozenset(one.names) == preferred]
    top = max((one.score for one in found), default=0)
    return [one for one in found if one.score == top]


def _preferred(definition: Definition, found: Sequence[Diplotype]) -> frozenset[str] | None:
    names = {frozenset(one.names) for one in found}
    for group, pick in definition.preferred:
        if {frozenset(name.split("/")) for name in group} <= names:
            return frozenset(pick.split("/"))
    return None


def by_place(definition: Definition, known: Mapping[Locus, Genotype]) -> list[Genotype | None]:
    """Genotypes in the order of a definition's places."""
    return [known.get(locus) for locus in definition.loci]
