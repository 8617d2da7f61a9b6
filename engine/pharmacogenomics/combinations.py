"""Chromosomes that no single named allele explains: several alleles at once, and changes that no allele names.

``[*2 + *5]`` is a chromosome with the variants of both, ``[*6 + g.233760973C>T]`` one with an allele's and another
change at a place of the definition. An allele that shares places with a larger one that is there is part of that one;
of alleles of one size that share places each is a possibility. Such a diplotype is told beside the named ones and
never has a phenotype: nobody has measured it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from engine.pharmacogenomics.definitions import Definition, NamedAllele, bases_of
from engine.pharmacogenomics.matching import Diplotype, Observed, is_haploid, units_of

MOST_UNITS = 12
"""Unphased heterozygous places beyond which the chromosomes are too many to tell anything of."""
_JOINED = "+"
_NUMBERS = re.compile(r"(\d+)")

Chromosome = Sequence[str | None]
"""What one chromosome has, by place; absent where it is not known."""


@dataclass(frozen=True)
class Makeup:
    """What a chromosome is made of.

    Attributes:
        alleles: named alleles on it, none where it is the reference.
        changes: genomic names of what no allele names.
        score: places that the alleles name.
    """

    alleles: tuple[str, ...]
    changes: tuple[str, ...]
    score: int

    def name(self, reference: str) -> str:
        """As it is written; the reference's name where it has nothing."""
        parts = [*self.alleles, *self.changes]
        return f"[{' + '.join(parts)}]" if len(parts) > 1 else parts[0] if parts else reference


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A key by which ``*9`` comes before ``*10``, and ``Reference`` before what is described against it."""
    if name.startswith("Reference"):
        return ()
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in _NUMBERS.split(name))


def chromosomes(observed: Observed) -> Iterator[tuple[Chromosome, ...]]:
    """Every way to lay the genotypes on chromosomes, each once; a haploid sample has one chromosome in one way."""
    if is_haploid(observed):
        yield ([None if genotype is None else genotype.alleles[0] for genotype in observed],)
        return
    units = units_of(observed)
    for sides in product((0, 1), repeat=max(0, len(units) - 1)):
        turned = {number for unit, side in zip(units[1:], sides, strict=True) if side for number in unit}
        pair: tuple[list[str | None], list[str | None]] = ([], [])
        for number, genotype in enumerate(observed):
            first, last = (None, None) if genotype is None else (genotype.alleles[0], genotype.alleles[-1])
            if number in turned:
                first, last = last, first
            pair[0].append(first)
            pair[1].append(last)
        yield pair


def combine(definition: Definition, observed: Observed, *, partial: bool = True) -> list[Diplotype]:
    """Diplotypes whose chromosomes may carry several alleles, or changes that none names.

    Args:
        definition: of the gene.
        observed: by place.
        partial: whether to tell changes that no allele names.

    Returns:
        None at all where the unphased places are more than :data:`MOST_UNITS`.
    """
    if not any(observed) or len(units_of(observed)) > MOST_UNITS:
        return []
    usual = definition.told(definition.reference.name)
    found: dict[tuple[str, ...], Diplotype] = {}
    for laid in chromosomes(observed):
        for made in product(*(makeups(definition, one, observed, partial=partial) for one in laid)):
            ordered = sorted(made, key=lambda one: natural(one.name(usual)))
            names = tuple(one.name(usual) for one in ordered)
            parts = tuple(one.alleles or (usual,) for one in ordered)
            found.setdefault(names, Diplotype(names, sum(one.score for one in made), parts))
    return list(found.values())


def makeups(
    definition: Definition, chromosome: Chromosome, observed: Observed, *, partial: bool = True
) -> list[Makeup]:
    """What a chromosome may be made of; several where places that are not known leave a choice."""
    carried = [
        allele
        for allele in definition.alleles
        if not allele.is_reference and not _is_joined(definition, allele) and is_carried(allele, chromosome, observed)
    ]
    return [_makeup(definition, chosen, chromosome, observed, partial) for chosen in _compatible(carried, observed)]


def _is_joined(definition: Definition, allele: NamedAllele) -> bool:
    """Whether an allele's name joins the names of others, so that it is found as their combination."""
    parts = allele.name.split(_JOINED)
    return len(parts) > 1 and all(any(part == other.name for other in definition.alleles) for part in parts)


def is_carried(allele: NamedAllele, chromosome: Chromosome, observed: Observed) -> bool:
    """Whether a chromosome has what an allele names, at every place that is known, and at one at least."""
    known = [number for number in allele.core if observed[number] is not None]
    return bool(known) and all(chromosome[number] in bases_of(allele.bases[number] or "") for number in known)


def _compatible(carried: Sequence[NamedAllele], observed: Observed) -> Iterator[tuple[NamedAllele, ...]]:
    """Alleles that may lie on one chromosome together, the larger chosen before the smaller; sizes by known places."""
    places = {allele: frozenset(n for n in allele.core if observed[n] is not None) for allele in carried}
    yield from _chosen(sorted({len(known) for known in places.values()}, reverse=True), places, ())


def _chosen(
    sizes: Sequence[int], places: Mapping[NamedAllele, frozenset[int]], taken: tuple[NamedAllele, ...]
) -> Iterator[tuple[NamedAllele, ...]]:
    if not sizes:
        yield taken
        return
    held = {number for allele in taken for number in places[allele]}
    free = [allele for allele, known in places.items() if len(known) == sizes[0] and not known & held]
    for more in _independent(free, places):
        yield from _chosen(sizes[1:], places, (*taken, *more))


def _independent(
    alleles: Sequence[NamedAllele], places: Mapping[NamedAllele, frozenset[int]]
) -> Iterator[tuple[NamedAllele, ...]]:
    """Every choice of alleles of which no two share a place and to which none can be added."""
    if not alleles:
        yield ()
        return
    first, rest = alleles[0], alleles[1:]
    rivals = [other for other in rest if places[first] & places[other]]
    for chosen in _independent([other for other in rest if other not in rivals], places):
        yield (first, *chosen)
    if rivals:
        # Without the first, one of its rivals must be there: else the first could be added.
        yield from (chosen for chosen in _independent(rest, places) if any(other in rivals for other in chosen))


def _makeup(
    definition: Definition,
    chosen: Sequence[NamedAllele],
    chromosome: Chromosome,
    observed: Observed,
    partial: bool,
) -> Makeup:
    explained = {number for allele in chosen for number in allele.core}
    others = [
        locus.hgvs(base)
        for number, (locus, base) in enumerate(zip(definition.loci, chromosome, strict=True))
        if partial and observed[number] is not None and number not in explained and base != locus.ref
    ]
    names = sorted({definition.told(allele.name) for allele in chosen}, key=natural)
    return Makeup(tuple(names), tuple(others), len(explained) or (0 if others else len(definition.loci)))
