"""Genes whose phenotype is that of the lowest-function variant on each chromosome: DPYD and RYR1.

Each of their alleles is a variant of its own, so that a chromosome may carry several. Genotypes that can be laid on
chromosomes in one way only, or that are phased in sets, give diplotypes; others a list of the alleles found, twice
where both chromosomes have one.

HapB3 of DPYD is told by its intronic variant, which is held to lower the function; the exonic one, a synonymous change
that travels with it, decides only where the intronic one is not known (CPIC guideline for fluoropyrimidines, Amstutz et
al. 2018, Clin Pharmacol Ther 103:210, and its update).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from engine.pharmacogenomics.combinations import (
    MOST_UNITS,
    Chromosome,
    Makeup,
    chromosomes,
    makeups,
    natural,
)
from engine.pharmacogenomics.definitions import Definition, NamedAllele
from engine.pharmacogenomics.matching import Diplotype, Observed, is_effectively_phased, units_of, uses_phase_sets

GENES = ("DPYD", "RYR1")
_INTRONIC, _EXONIC = "rs75017182", "rs56038477"


class Warned(StrEnum):
    """What is to be told of a call."""

    EXONIC_ONLY = "HapB3 is told by its exonic variant alone: genotype rs75017182 to confirm it"
    EXON_WITHOUT_INTRON = "rs56038477 is there without rs75017182: HapB3 is not called by it"


@dataclass(frozen=True)
class Found:
    """What a lowest-function gene has.

    Attributes:
        diplotypes: where the alleles can be laid on chromosomes.
        haplotypes: the alleles found, whichever chromosome each is on; twice those of both.
        possible: every diplotype that the genotypes allow, also where none is told.
        warnings: what is to be told.
    """

    diplotypes: tuple[Diplotype, ...]
    haplotypes: tuple[str, ...]
    possible: tuple[Diplotype, ...]
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True)
class _HapB3:
    """HapB3 in a definition.

    Attributes:
        whole: the allele of both variants.
        intronic: the allele of the intronic one alone; the whole one where the definition has none.
        intron: number of the intronic variant's place.
        exon: of the exonic one's, absent where the definition lacks it.
    """

    whole: str
    intronic: str
    intron: int
    exon: int | None

    def on(self, definition: Definition, chromosome: Chromosome, observed: Observed) -> str | None:
        """Which of the two a chromosome has, if any."""
        intronic = _is_changed(definition, chromosome, observed, self.intron)
        exonic = _is_changed(definition, chromosome, observed, self.exon)
        if intronic is None:
            return self.whole if exonic else None
        if not intronic:
            return None
        return self.whole if exonic or self.exon is None else self.intronic


def _is_changed(definition: Definition, chromosome: Chromosome, observed: Observed, number: int | None) -> bool | None:
    if number is None or observed[number] is None:
        return None
    return chromosome[number] != definition.loci[number].ref


def find(definition: Definition, observed: Observed) -> Found:
    """What alleles of a lowest-function gene are there, and how they can lie."""
    if not any(observed):
        return Found((), (), ())
    hap_b3 = _hap_b3(definition)
    others = _without(definition, hap_b3)
    relevant = _relevant(others, observed, hap_b3)
    laid = list(chromosomes(relevant)) if len(units_of(relevant)) <= MOST_UNITS else []
    possible = _possible(others, laid, relevant, hap_b3)
    warnings = _warnings(definition, observed, hap_b3)
    if is_effectively_phased(observed) or uses_phase_sets(observed):
        return Found(possible, _listed(others, observed, hap_b3), possible, warnings)
    return Found((), _listed(others, observed, hap_b3), possible, warnings)


def decided_by_another(definition: Definition, observed: Observed) -> frozenset[str]:
    """Alleles of missing places which another place decides: HapB3 by its intronic variant."""
    hap_b3 = _hap_b3(definition)
    if hap_b3 is None or observed[hap_b3.intron] is None:
        return frozenset()
    return frozenset((hap_b3.whole, hap_b3.intronic))


def _hap_b3(definition: Definition) -> _HapB3 | None:
    places = {locus.rsid: number for number, locus in enumerate(definition.loci)}
    intron, exon = places.get(_INTRONIC), places.get(_EXONIC)
    if intron is None:
        return None
    both = {intron} if exon is None else {intron, exon}
    whole = next((allele for allele in definition.alleles if "HapB3" in allele.name), None)
    if whole is None or not set(whole.core) <= both:
        return None
    alone = next((allele for allele in definition.alleles if allele.core == (intron,)), whole)
    return _HapB3(whole.name, alone.name, intron, exon)


def _without(definition: Definition, hap_b3: _HapB3 | None) -> Definition:
    """The definition without HapB3, which has rules of its own."""
    if hap_b3 is None:
        return definition
    gone = {hap_b3.whole, hap_b3.intronic}
    return replace(definition, alleles=tuple(allele for allele in definition.alleles if allele.name not in gone))


def _relevant(definition: Definition, observed: Observed, hap_b3: _HapB3 | None) -> Observed:
    """The genotypes without those that no allele names: they would be laid out for nothing."""
    named = {number for allele in definition.alleles if not allele.is_reference for number in allele.core}
    if hap_b3 is not None:
        named |= {hap_b3.intron} if hap_b3.exon is None else {hap_b3.intron, hap_b3.exon}
    return [genotype if number in named else None for number, genotype in enumerate(observed)]


def _possible(
    definition: Definition, laid: Sequence[Sequence[Chromosome]], observed: Observed, hap_b3: _HapB3 | None
) -> tuple[Diplotype, ...]:
    found: dict[tuple[str, ...], Diplotype] = {}
    usual = definition.reference.name
    for ways in laid:
        for made in product(*(_makeups(definition, one, observed, hap_b3) for one in ways)):
            ordered = sorted(made, key=lambda one: natural(one.name(usual)))
            names = tuple(one.name(usual) for one in ordered)
            parts = tuple(one.alleles or (usual,) for one in ordered)
            found.setdefault(names, Diplotype(names, sum(one.score for one in made), parts))
    return tuple(found.values())


def _makeups(definition: Definition, chromosome: Chromosome, observed: Observed, hap_b3: _HapB3 | None) -> list[Makeup]:
    made = makeups(definition, chromosome, observed, partial=False)
    extra = hap_b3.on(definition, chromosome, observed) if hap_b3 else None
    if extra is None:
        return made
    return [Makeup(tuple(sorted((*one.alleles, extra), key=natural)), (), one.score + 1) for one in made]


def _listed(definition: Definition, observed: Observed, hap_b3: _HapB3 | None) -> tuple[str, ...]:
    """The alleles found; the reference beside them where fewer than two are."""
    found: list[str] = []
    for allele in definition.alleles:
        if not allele.is_reference:
            found += [allele.name] * _copies(allele, observed)
    found += _hap_b3_copies(definition, observed, hap_b3)
    usual = definition.reference.name
    return tuple(sorted(found + [usual] * max(0, 2 - len(found)), key=natural))


def _copies(allele: NamedAllele, observed: Observed) -> int:
    known = [(number, genotype) for number in allele.core if (genotype := observed[number])]
    return min((genotype.alleles.count(allele.bases[number]) for number, genotype in known), default=0)


def _changed_copies(definition: Definition, observed: Observed, number: int | None) -> int | None:
    genotype = None if number is None else observed[number]
    if number is None or genotype is None:
        return None
    return sum(allele not in {None, definition.loci[number].ref} for allele in genotype.alleles)


def _hap_b3_copies(definition: Definition, observed: Observed, hap_b3: _HapB3 | None) -> list[str]:
    if hap_b3 is None:
        return []
    intronic = _changed_copies(definition, observed, hap_b3.intron)
    exonic = _changed_copies(definition, observed, hap_b3.exon)
    if intronic is None:
        return [hap_b3.whole] * (exonic or 0)
    whole = intronic if hap_b3.exon is None else min(intronic, exonic or 0)
    return [hap_b3.whole] * whole + [hap_b3.intronic] * (intronic - whole)


def _warnings(definition: Definition, observed: Observed, hap_b3: _HapB3 | None) -> tuple[Warned, ...]:
    if hap_b3 is None or not _changed_copies(definition, observed, hap_b3.exon):
        return ()
    if observed[hap_b3.intron] is None:
        return (Warned.EXONIC_ONLY,)
    return (Warned.EXON_WITHOUT_INTRON,) if _is_exon_alone(definition, observed, hap_b3) else ()


def _is_exon_alone(definition: Definition, observed: Observed, hap_b3: _HapB3) -> bool:
    """Whether a chromosome has the exonic variant without the intronic one; where their phase is not known, whether
    fewer have the intronic one."""
    both = [genotype if number in {hap_b3.intron, hap_b3.exon} else None for number, genotype in enumerate(observed)]
    if not is_effectively_phased(both):
        intronic = _changed_copies(definition, observed, hap_b3.intron) or 0
        return (_changed_copies(definition, observed, hap_b3.exon) or 0) > intronic
    laid = next(chromosomes(both))
    return any(
        _is_changed(definition, one, both, hap_b3.exon) and not _is_changed(definition, one, both, hap_b3.intron)
        for one in laid
    )
