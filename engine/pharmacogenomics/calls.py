"""What is said of each gene of each sample: alleles, what is not known, phenotype, recommendations.

Nothing is said that the genotypes leave open. Where two solutions have different phenotypes, or where an allele that
could not be looked for would change the phenotype, the gene is *indeterminate* and all that is possible is told. A gene
whose copies are deleted, doubled or exchanged with its neighbour's in many people is *not called* from a VCF: its
genotypes look like those of two ordinary copies. Where reads were counted and there are two or more whole ones, it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from engine.person import Sex
from engine.pharmacogenomics import carried, lowest_function
from engine.pharmacogenomics.combinations import combine, natural
from engine.pharmacogenomics.copies import Copies, share_out
from engine.pharmacogenomics.definitions import Definition, Locus, NamedAllele, Rule
from engine.pharmacogenomics.genotypes import Calls, Genotype, Missing
from engine.pharmacogenomics.guidelines import Guidelines, Phenotype, Recommendation
from engine.pharmacogenomics.matching import (
    Diplotype,
    Observed,
    best,
    by_place,
    is_haploid,
    match,
    not_assessed,
)
from engine.reference.accessions import bare_contig

COPY_NUMBER = {
    "CYP2A6": "deletions and hybrids with CYP2A7",
    "CYP2D6": "deletions, duplications and hybrids with CYP2D7",
    "GSTM1": "deletions",
    "GSTT1": "deletions",
    "SULT1A1": "deletions and duplications",
    "UGT2B17": "deletions",
}
"""Genes that are not called from a VCF, and what it cannot tell of them (PharmVar's and PyPGx's lists of structural
alleles)."""
_CONVERSIONS = "conversions by the neighbouring gene that leave the depth as it is are not excluded"
COUNTED = f"two copies by depth; {_CONVERSIONS}"
"""Warning beside a gene of copies whose alleles were named."""
UNNAMED_IS_REFERENCE = ("CACNA1S", "DPYD", "G6PD", "NUDT15", "RYR1", "TPMT")
"""Genes in which a base that no allele names counts as the reference's, as PharmCAT has it ("Named Allele Matcher
101"): their alleles are single variants, and a base without a name has no function on record."""


class Status(StrEnum):
    """How far a gene could be told."""

    CALLED = "called"
    INDETERMINATE = "indeterminate"
    NOT_CALLED = "not called"


@dataclass(frozen=True)
class Possible:
    """A phenotype that the genotypes allow.

    Attributes:
        phenotype: with its activity score.
        diplotypes: that have it.
        only_with: alleles of which one would have to be there, though they could not be looked for.
    """

    phenotype: Phenotype
    diplotypes: tuple[str, ...]
    only_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class GeneCall:
    """What is said of one gene of one sample.

    Attributes:
        definition: by which.
        status: how far.
        reason: why it is not called, or not concluded; empty where it is.
        diplotypes: all solutions of named alleles, the best-told first.
        preferred: names of those that the definition's publisher would tell.
        haplotypes: alleles found, for a gene told by its lowest function, whichever chromosome each is on.
        combinations: where no pair of named alleles explains the genotypes, what several together and changes without
            a name do.
        observed: genotypes by place of the definition.
        missing: why nothing is known of a place.
        not_excluded: alleles that could not be looked for.
        possible: phenotypes.
        warnings: what is to be told.
        is_counted: whether it is a gene of copies, which were counted in the reads.
    """

    definition: Definition
    status: Status
    reason: str = ""
    diplotypes: tuple[Diplotype, ...] = ()
    preferred: tuple[str, ...] = ()
    haplotypes: tuple[str, ...] = ()
    combinations: tuple[Diplotype, ...] = ()
    observed: Observed = ()
    missing: Mapping[Locus, Missing] = field(default_factory=dict)
    not_excluded: tuple[str, ...] = ()
    possible: tuple[Possible, ...] = ()
    warnings: tuple[str, ...] = ()
    is_counted: bool = False

    @property
    def phenotype(self) -> Phenotype | None:
        """The one phenotype, absent where it is not concluded."""
        return self.possible[0].phenotype if self.status == Status.CALLED and self.possible else None


@dataclass(frozen=True)
class SampleCalls:
    """What is said of one sample.

    Attributes:
        sample: its name.
        genes: in order of name.
        recommendations: of all genes together: some drugs need two.
    """

    sample: str
    genes: tuple[GeneCall, ...]
    recommendations: tuple[Recommendation, ...]


@dataclass(frozen=True)
class _Solved:
    """Alleles found, before it is asked what they mean."""

    diplotypes: tuple[Diplotype, ...]
    possible: tuple[Diplotype, ...]
    not_excluded: tuple[NamedAllele, ...]
    haplotypes: tuple[str, ...] = ()
    combinations: tuple[Diplotype, ...] = ()
    reason: str = ""
    warnings: tuple[str, ...] = ()


def call_sample(
    definitions: Iterable[Definition],
    guidelines: Guidelines,
    calls: Calls,
    sex: Sex = Sex.UNKNOWN,
    copies: Mapping[str, str | Copies] | None = None,
) -> SampleCalls:
    """Say of every gene what one sample's genotypes allow.

    Args:
        definitions: of the genes.
        guidelines: what alleles mean.
        calls: genotypes at the definitions' places.
        sex: of the person.
        copies: of genes whose copies were counted in the reads: more than two, or why their alleles cannot be named
            all the same; empty text where there are two copies.
    """
    genes = tuple(
        call_gene(one, guidelines, calls, sex, copies) for one in sorted(definitions, key=lambda one: one.gene)
    )
    phenotypes = {call.definition.gene: call.phenotype.term if call.phenotype else None for call in genes}
    return SampleCalls(calls.sample, genes, tuple(guidelines.recommendations(phenotypes)))


def call_gene(
    definition: Definition,
    guidelines: Guidelines,
    calls: Calls,
    sex: Sex = Sex.UNKNOWN,
    copies: Mapping[str, str | Copies] | None = None,
) -> GeneCall:
    """Say what one sample's genotypes allow of a gene; arguments as of :func:`call_sample`."""
    observed, missing, warnings = _observed(definition, calls, sex)
    has_copies = definition.gene in COPY_NUMBER
    counted = _counted(definition.gene, copies or {}) if has_copies else ""
    if isinstance(counted, str) and counted:
        return GeneCall(definition, Status.NOT_CALLED, counted, missing=missing)
    solved = _solve(definition, observed)
    if isinstance(counted, Copies):
        solved = _multiplied(definition, observed, solved, counted)
    call = GeneCall(
        definition,
        Status.NOT_CALLED,
        solved.reason,
        solved.diplotypes,
        tuple(one.name for one in best(definition, observed, solved.diplotypes)),
        solved.haplotypes,
        solved.combinations,
        observed,
        missing,
        tuple(allele.name for allele in solved.not_excluded),
        warnings=(*warnings, *solved.warnings, *([COUNTED] if has_copies and not isinstance(counted, Copies) else [])),
        is_counted=has_copies,
    )
    return _concluded(call, solved, guidelines, sex) if solved.possible else call


def _counted(gene: str, copies: Mapping[str, str | Copies]) -> str | Copies:
    """Copies where there are more than two; why the alleles cannot be named, empty where there are two."""
    if gene in copies:
        return copies[gene]
    return f"a VCF does not tell {COPY_NUMBER[gene]}: its copies must be counted by other means"


def _multiplied(definition: Definition, observed: Observed, solved: _Solved, copies: Copies) -> _Solved:
    """The solutions with as many copies as were counted."""
    found = share_out(definition, observed, solved.diplotypes, copies)
    doubled = {one.names for one in found}
    told = "" if len(doubled) < 2 else "; reads and genotypes leave open how they are shared out"
    warning = f"{copies.number} copies by depth{told}; that copies on one chromosome are alike is taken for granted"
    warnings = (*solved.warnings, warning, _CONVERSIONS)
    return replace(solved, diplotypes=found, possible=found, warnings=warnings)


def _observed(definition: Definition, calls: Calls, sex: Sex) -> tuple[Observed, dict[Locus, Missing], tuple[str, ...]]:
    """Genotypes by place, why nothing is known of the others, and what is to be told."""
    missing = {locus: calls.missing[locus] for locus in definition.loci if locus in calls.missing}
    observed = by_place(definition, calls.known)
    warnings: list[str] = []
    if definition.gene in UNNAMED_IS_REFERENCE and definition.rule == Rule.WHOLE:
        observed = [_named(locus, one, warnings) for locus, one in zip(definition.loci, observed, strict=True)]
    copies = _copies(definition, observed, sex)
    halves_tell = definition.rule == Rule.WHOLE and definition.gene not in lowest_function.GENES
    for number, (locus, genotype) in enumerate(zip(definition.loci, observed, strict=True)):
        if genotype is None:
            continue
        one_of_two = copies == 1 and len(genotype.alleles) == 2 and not genotype.is_het
        fitting = replace(genotype, alleles=genotype.alleles[:1]) if one_of_two else genotype
        observed[number] = fitting
        if len(fitting.alleles) != copies:
            missing[locus], observed[number] = Missing.COPIES, None
        elif None in fitting.alleles and not halves_tell:
            missing[locus], observed[number] = Missing.HALF, None
    return observed, missing, tuple(warnings)


def _copies(definition: Definition, observed: Observed, sex: Sex) -> int:
    """Chromosomes with the gene: one of the mitochondrion, and of X in a man, or where the sex is not known and a
    genotype has one allele."""
    contig = bare_contig(definition.contig)
    has_single = any(one is not None and len(one.alleles) == 1 for one in observed)
    if contig == "MT" or (contig == "X" and (sex == Sex.MALE or (sex == Sex.UNKNOWN and has_single))):
        return 1
    return 2


def _named(locus: Locus, genotype: Genotype | None, warnings: list[str]) -> Genotype | None:
    if genotype is None:
        return None
    known = {None, locus.ref, *locus.alternates}
    unnamed = [allele for allele in genotype.alleles if allele not in known]
    if not unnamed:
        return genotype
    warnings.append(f"{locus.label}: {', '.join(map(str, unnamed))} belongs to no allele and counts as the reference")
    return replace(genotype, alleles=tuple(one if one in known else locus.ref for one in genotype.alleles))


def _solve(definition: Definition, observed: Observed) -> _Solved:
    if not any(observed):
        return _unsolved("nothing is known of any of its positions")
    if missing := [definition.loci[number].label for number in sorted(definition.required) if not observed[number]]:
        return _unsolved(f"positions that it cannot be called without are missing: {', '.join(missing)}")
    if definition.gene in lowest_function.GENES:
        return _lowest_function(definition, observed)
    if definition.rule == Rule.CARRIED:
        return _carried(definition, observed)
    return _whole(definition, observed)


def _unsolved(reason: str) -> _Solved:
    return _Solved((), (), (), reason=reason)


def _lowest_function(definition: Definition, observed: Observed) -> _Solved:
    found = lowest_function.find(definition, observed)
    if not found.possible:
        return _unsolved("the unphased positions are too many to say how its alleles can lie")
    unseen = tuple(
        allele
        for allele in not_assessed(definition, observed)
        if not allele.is_reference and allele.name not in lowest_function.decided_by_another(definition, observed)
    )
    return _Solved(found.diplotypes, found.possible, unseen, found.haplotypes, warnings=found.warnings)


def _carried(definition: Definition, observed: Observed) -> _Solved:
    found = tuple(carried.tell(definition, observed))
    if not found:
        return _unsolved("the unphased positions are too many to say how its alleles can lie")
    return _Solved(found, found, tuple(carried.not_excluded(definition, observed)))


def _whole(definition: Definition, observed: Observed) -> _Solved:
    halves = [
        locus.label
        for locus, one in zip(definition.loci, observed, strict=True)
        if one is not None and None in one.alleles
    ]
    found = () if halves else tuple(match(definition, observed))
    if found:
        unseen = not_assessed(definition, observed)
        possible = tuple(match(definition, observed, definition.alleles)) if unseen else found
        seen_in = {name for one in possible for name in one.names}
        return _Solved(found, possible, tuple(one for one in unseen if definition.told(one.name) in seen_in))
    reason = f"half of a genotype is missing: {', '.join(halves)}" if halves else "no pair of named alleles explains it"
    return _Solved((), (), (), combinations=tuple(combine(definition, observed)), reason=reason)


def _concluded(call: GeneCall, solved: _Solved, guidelines: Guidelines, sex: Sex) -> GeneCall:
    """The call with its phenotype, or with why none is concluded."""
    gene = call.definition.gene
    if not guidelines.has_phenotypes(gene):
        if len(solved.diplotypes) == 1 and not call.not_excluded:
            return replace(call, status=Status.CALLED)
        return replace(call, status=Status.INDETERMINATE, reason=_open(call))
    possible = _possible(call, solved, guidelines, sex)
    if len(possible) == 1 and not possible[0].only_with:
        return replace(call, status=Status.CALLED, possible=possible)
    certain = sum(not one.only_with for one in possible)
    reason = "solutions differ in phenotype" if certain > 1 else _open(call)
    return replace(call, status=Status.INDETERMINATE, reason=reason, possible=possible)


def _open(call: GeneCall) -> str:
    """Why a gene with known solutions is not concluded."""
    if not call.not_excluded:
        return "there are several solutions"
    unseen = sorted(call.not_excluded, key=natural)
    told = ", ".join(unseen[:5]) + (f" and {len(unseen) - 5} more" if len(unseen) > 5 else "")
    return f"positions are missing, so that these alleles are not excluded: {told}"


def _possible(call: GeneCall, solved: _Solved, guidelines: Guidelines, sex: Sex) -> tuple[Possible, ...]:
    """Phenotypes of the solutions, then those that only alleles not looked for would give."""
    gene, unseen = call.definition.gene, set(call.not_excluded)
    seen: dict[Phenotype, list[str]] = {}
    open_: dict[Phenotype, set[str]] = {}
    for one in solved.possible:
        added = {name for part in one.parts for name in part} & unseen
        for phenotype in _phenotypes(call, one.parts, guidelines, sex):
            if added:
                open_.setdefault(phenotype, set()).update(added)
            else:
                seen.setdefault(phenotype, []).append(one.name)
    if call.definition.rule == Rule.CARRIED or gene in lowest_function.GENES:
        _add_unseen(call, solved, guidelines, sex, open_)
    certain = [Possible(phenotype, tuple(names)) for phenotype, names in seen.items()]
    others = [
        Possible(phenotype, (), tuple(sorted(names, key=natural)))
        for phenotype, names in open_.items()
        if phenotype.term not in {known.term for known in seen}
    ]
    return tuple(_by_term(certain) + others)


def _by_term(certain: Sequence[Possible]) -> list[Possible]:
    """One entry a phenotype; of several activity scores within it none is told."""
    by_term: dict[str | None, list[Possible]] = {}
    for one in certain:
        by_term.setdefault(one.phenotype.term, []).append(one)
    merged = []
    for term, same in by_term.items():
        scores = {one.phenotype.score for one in same}
        names = tuple(name for one in same for name in one.diplotypes)
        merged.append(Possible(Phenotype(term, scores.pop() if len(scores) == 1 else None), names))
    return merged


def _add_unseen(
    call: GeneCall, solved: _Solved, guidelines: Guidelines, sex: Sex, open_: dict[Phenotype, set[str]]
) -> None:
    """Add what the solutions would mean if an allele not looked for were on one or both chromosomes."""
    for one in solved.possible:
        for name in call.not_excluded:
            for mask in range(1, 1 << len(one.parts)):
                parts = tuple((name,) if mask >> n & 1 else part for n, part in enumerate(one.parts))
                for phenotype in _phenotypes(call, parts, guidelines, sex):
                    open_.setdefault(phenotype, set()).add(name)


def _phenotypes(call: GeneCall, parts: Sequence[Sequence[str]], guidelines: Guidelines, sex: Sex) -> list[Phenotype]:
    """What chromosomes mean, each by the lowest-function allele on it.

    Two like chromosomes X of a person whose sex is not known may be one.
    """
    gene = call.definition.gene
    told = [_lowest(gene, part, guidelines) for part in parts]
    found = [guidelines.phenotype(gene, told)]
    is_x = bare_contig(call.definition.contig) == "X"
    if is_x and sex == Sex.UNKNOWN and not is_haploid(call.observed) and len(set(told)) == 1:
        found.append(guidelines.phenotype(gene, told[:1]))
    return found


def _lowest(gene: str, names: Sequence[str], guidelines: Guidelines) -> str:
    return min(names, key=lambda name: guidelines.severity(gene, name))
