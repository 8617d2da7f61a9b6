"""What a report says of drugs: what a sample's pharmacogenes allow to be said, and nothing that they leave open.

It is told where the order asks for it or the person agreed to hear of it. The document of the artifact
``pharmacogenomics`` (:mod:`engine.pharmacogenomics.document`) is put into words here and nothing of it is concluded
anew: a gene that was not called has no alleles, and one whose solutions differ in phenotype has no phenotype and no
advice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from engine.classify.inheritance import hgnc_id
from engine.errors import ReportError
from engine.pharmacogenomics.edition import EDITION

LIMIT = (
    "Drug response: alleles are those that the named sources define; copies of genes but CYP2D6, HLA, other drugs, "
    "liver, kidney and age are not taken into account. Recommendations are texts of guidelines, not orders."
)
NOT_LOOKED_FOR = "Drug response was asked for and not looked for: the laboratory declares no alleles of pharmacogenes"
_COMMON = ("normal", "indeterminate", "uncertain")
"""Words of a phenotype under which nothing is to be done otherwise, or nobody knows."""
GeneStatus = Literal["called", "indeterminate", "not called"]


@dataclass(frozen=True)
class Allele:
    """A named allele that was found.

    Attributes:
        name: such as ``*2``.
        function: such as ``No Function``, absent where the guidelines do not say.
    """

    name: str
    function: str | None = None


@dataclass(frozen=True)
class PossiblePhenotype:
    """A phenotype that the genotypes allow.

    Attributes:
        phenotype: absent where the guidelines do not say.
        activity_score: absent of a gene without, or where several are possible.
        diplotypes: that have it.
        only_with: alleles of which one would have to be there, though they could not be looked for.
    """

    phenotype: str | None
    activity_score: float | None = None
    diplotypes: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pharmacogene:
    """What is said of one gene.

    Attributes:
        gene: symbol.
        hgnc_id: absent where it is not known here.
        status: called, indeterminate or not called.
        reason: why it is not called or not concluded, empty where it is.
        diplotypes: all solutions that the genotypes allow.
        preferred: of them those that the publisher of the alleles would tell.
        haplotypes: of a gene told by its lowest function the alleles found, whichever chromosome each is on.
        combinations: what explains the genotypes where no pair of named alleles does.
        phenotype: the one phenotype, absent where it is not concluded.
        activity_score: absent of a gene without, or where it is not concluded.
        possible: every phenotype that the genotypes allow.
        alleles: that the solutions name.
        uncalled: positions of which nothing is known, each in words.
        not_excluded: alleles that could not be looked for.
        structural: deletions, duplications and hybrids that are known of the gene and were not looked for.
        warnings: what else is to be known.
        source: who published the alleles.
        version: as published.
    """

    gene: str
    hgnc_id: str | None
    status: GeneStatus
    reason: str = ""
    diplotypes: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    haplotypes: tuple[str, ...] = ()
    combinations: tuple[str, ...] = ()
    phenotype: str | None = None
    activity_score: float | None = None
    possible: tuple[PossiblePhenotype, ...] = ()
    alleles: tuple[Allele, ...] = ()
    uncalled: tuple[str, ...] = ()
    not_excluded: tuple[str, ...] = ()
    structural: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    source: str = ""
    version: str = ""

    @property
    def is_called(self) -> bool:
        """Whether it was concluded."""
        return self.status == "called"

    @property
    def matters(self) -> bool:
        """Whether a phenotype was concluded under which guidelines may ask for something else than usual."""
        return self.is_called and bool(self.phenotype) and not _is_common(str(self.phenotype))

    @property
    def found(self) -> str:
        """The alleles in words, all solutions that there are; never those of the reference for want of a call."""
        if self.status == "not called":
            return f"not called; {self.combinations[0]} would explain it" if self.combinations else "not called"
        if self.diplotypes:
            return " or ".join(self.diplotypes)
        return ", ".join(self.haplotypes) + ", phase not known" if self.haplotypes else "not told"

    @property
    def defined_by(self) -> str:
        """Whose alleles they are, in which release."""
        return self.source if self.version in self.source else f"{self.source} {self.version}"

    @property
    def headline(self) -> str:
        """The gene in one line.

        >>> Pharmacogene("CYP2C19", None, "called", diplotypes=("*1/*2",), phenotype="Poor Metabolizer").headline
        'CYP2C19 *1/*2: Poor Metabolizer'
        >>> Pharmacogene("CYP2D6", None, "not called", "a VCF does not tell its copies").headline
        'CYP2D6: not called: a VCF does not tell its copies'
        """
        if self.status == "not called":
            return f"{self.gene}: {self.found}: {self.reason}"
        return f"{self.gene} {self.found}: {self.conclusion}"

    @property
    def conclusion(self) -> str:
        """The phenotype with its activity score, or why there is none."""
        if not self.is_called:
            return f"{'no phenotype' if self.status == 'indeterminate' else 'not called'}: {self.reason}"
        if not self.phenotype:
            return "no phenotype is known"
        return self.phenotype + ("" if self.activity_score is None else f", activity score {self.activity_score:g}")

    @property
    def told(self) -> dict[str, Any]:
        """What is said, without the release that it is said by."""
        return {name: value for name, value in asdict(self).items() if name != "version"}

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is to be known beside it, in sentences."""
        return tuple(_sentences(self))


@dataclass(frozen=True)
class Advice:
    """What a guideline says of a drug.

    Attributes:
        drug: its name.
        text: of the guideline.
        phenotypes: by gene what it is said for; absent where the gene's is not known.
        rxnorm: RxNorm's number, absent where the tables have none.
        guideline: address, absent where the tables have none.
        level: CPIC's level of evidence, absent where the tables have none.
    """

    drug: str
    text: str
    phenotypes: Mapping[str, str | None]
    rxnorm: str | None = None
    guideline: str | None = None
    level: str | None = None

    @property
    def reason(self) -> str:
        """For which phenotypes it is said."""
        return ", ".join(f"{gene} {phenotype or 'not known'}" for gene, phenotype in self.phenotypes.items())

    @property
    def matters(self) -> bool:
        """Whether one of the phenotypes is not the usual one."""
        return any(one and not _is_common(one) for one in self.phenotypes.values())


@dataclass(frozen=True)
class DrugResponse:
    """What is said of drugs; of a person for whom nobody asked nothing is.

    Attributes:
        genes: in order of name; empty where they could not be looked for.
        advice: in the order of drugs.
        source: who published phenotypes and recommendations.
        version: as published.
    """

    genes: tuple[Pharmacogene, ...] = ()
    advice: tuple[Advice, ...] = ()
    source: str = ""
    version: str = ""

    def of(self, *statuses: GeneStatus) -> tuple[Pharmacogene, ...]:
        """The genes that stand so."""
        return tuple(one for one in self.genes if one.status in statuses)

    def for_gene(self, gene: str) -> tuple[Advice, ...]:
        """The advice that rests on a gene."""
        return tuple(one for one in self.advice if one.phenotypes.get(gene))

    @property
    def conclusion(self) -> tuple[str, ...]:
        """In sentences without their full stop, what matters first."""
        if not self.genes:
            return (NOT_LOOKED_FOR,)
        telling = [one.headline for one in self.genes if one.matters]
        counted = {word: len(self.of(word)) for word in _STATUSES}
        how = ", ".join(f"{count} {word}" for word, count in counted.items() if count)
        looked = f"Drug response was looked for in {_counted(len(self.genes), 'gene')}: {how}"
        return (f"{looked}. {'; '.join(telling)}",) if telling else (looked,)

    @property
    def told(self) -> dict[str, Any]:
        """What is said, without the releases that it is said by: a release that says the same changes nothing."""
        advice = [asdict(one) for one in self.advice]
        return {"genes": [one.told for one in self.genes], "advice": advice, "source": self.source}


_STATUSES: tuple[GeneStatus, ...] = ("called", "indeterminate", "not called")


def read_drug_response(document: Path, sample: str) -> DrugResponse:
    """What the artifact ``pharmacogenomics`` says of a sample.

    Raises:
        ReportError: the document is damaged, of another format, or of another sample.
    """
    try:
        told = json.loads(document.read_text())
        if told["format"] != EDITION:
            raise ValueError(f"it has format {told['format']}, this release reads {EDITION}")
        (one,) = told["samples"]
        if one["sample"] != sample:
            raise ValueError(f"it is of {one['sample']}")
        genes = tuple(_gene(gene) for gene in one["genes"])
        guidelines = told["guidelines"]
        publisher = f"{guidelines['published_by']}, by the tables of {guidelines['source']}"
        return DrugResponse(genes, tuple(_advice(one["genes"])), publisher, str(guidelines["version"]))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ReportError(
            f"the calls of pharmacogenes cannot be read: {error}",
            sample=sample,
            file=document,
            remedy="materialize pharmacogenomics again with recompute",
        ) from error


def drug_response_of(told: Mapping[str, Any]) -> DrugResponse:
    """The value of which :func:`dataclasses.asdict` made a mapping."""
    genes = tuple(Pharmacogene(**_tuples(one, possible=PossiblePhenotype, alleles=Allele)) for one in told["genes"])
    return DrugResponse(genes, tuple(Advice(**one) for one in told["advice"]), told["source"], told["version"])


def differences(before: DrugResponse, after: DrugResponse) -> Iterator[str]:
    """What is said of drugs otherwise than before, in sentences."""
    earlier, later = ({one.gene: one for one in said.genes} for said in (before, after))
    for gene in sorted({*earlier, *later}):
        was, is_ = (found[gene].headline if gene in found else "not told" for found in (earlier, later))
        if was != is_:
            yield f"Drug response: was {was}; is {is_}."
        elif earlier[gene].told != later[gene].told:
            yield f"Drug response: what was looked at in {gene} changed."
    advised = [{(one.drug, one.reason): one for one in said.advice} for said in (before, after)]
    keys = {*advised[0], *advised[1]}
    if changed := sorted({key[0] for key in keys if advised[0].get(key) != advised[1].get(key)}):
        yield f"What guidelines say changed for {', '.join(changed)}."


def _tuples(told: Mapping[str, Any], **kinds: type) -> dict[str, Any]:
    """Lists as tuples, those of some fields of values of a class."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    made = {name: tuple(kind(**_tuples(one)) for one in told[name]) for name, kind in kinds.items()}
    return values | made


def _gene(told: Mapping[str, Any]) -> Pharmacogene:
    return Pharmacogene(
        gene=told["gene"],
        hgnc_id=hgnc_id(told["gene"]),
        status=told["status"],
        reason=told["reason"] or "",
        diplotypes=tuple(one["diplotype"] for one in told["diplotypes"]),
        preferred=tuple(one["diplotype"] for one in told["diplotypes"] if one["preferred"]),
        haplotypes=tuple(told["haplotypes"]),
        combinations=tuple(told["combinations"]),
        phenotype=told["phenotype"],
        activity_score=told["activity_score"],
        possible=tuple(PossiblePhenotype(**_tuples(one)) for one in told["phenotypes"]),
        alleles=tuple(Allele(one["allele"], one["function"]) for one in told["alleles"]),
        uncalled=tuple(_uncalled(told["missing_positions"])),
        not_excluded=tuple(told["not_excluded"]),
        structural=tuple(told["structural_not_assessed"]),
        warnings=tuple(told["warnings"]),
        source=told["definition"]["source"],
        version=told["definition"]["version"],
    )


def _uncalled(positions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in positions:
        place = f"{one['contig']}:{one['position']:,}"
        yield f"{one['rsid']} ({place}): {one['reason']}" if one["rsid"] else f"{place}: {one['reason']}"


def _advice(genes: Iterable[Mapping[str, Any]]) -> list[Advice]:
    """Each once, though it stands beside every gene that it rests on."""
    found: dict[tuple[str, str], Advice] = {}
    for gene in genes:
        for one in gene["recommendations"]:
            advice = Advice(one["drug"], one["text"], one["phenotypes"], one["rxnorm"], one["guideline"], one["level"])
            found.setdefault((one["drug"], advice.reason), advice)
    return [found[key] for key in sorted(found)]


def _is_common(phenotype: str) -> bool:
    return any(word in phenotype.lower() for word in _COMMON)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _sentences(gene: Pharmacogene) -> Iterator[str]:
    if len(gene.diplotypes) > 1:
        best = f"; the publisher of the alleles would tell {' or '.join(gene.preferred)}" if gene.preferred else ""
        yield f"The genotypes allow {len(gene.diplotypes)} solutions: {', '.join(gene.diplotypes)}{best}."
    if gene.status == "indeterminate" and gene.possible:
        yield f"Possible: {'; '.join(_possible(one) for one in gene.possible)}."
    if functions := [f"{one.name} {one.function}" for one in gene.alleles if one.function]:
        yield f"Function of the alleles: {', '.join(functions)}."
    if gene.not_excluded:
        yield f"Not excluded, since their positions were not called: {', '.join(gene.not_excluded)}."
    if gene.structural:
        yield f"Not looked for: {', '.join(gene.structural)}."
    yield from (f"{warning}." for warning in gene.warnings)


def _possible(one: PossiblePhenotype) -> str:
    unseen = f"{'one of ' if len(one.only_with) > 1 else ''}{', '.join(one.only_with)}"
    why = f"with {' or '.join(one.diplotypes)}" if one.diplotypes else f"if {unseen} is there"
    return f"{one.phenotype or 'no known phenotype'} {why}"
