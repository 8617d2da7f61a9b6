"""What the criteria are decided from: the facts of one allele, gathered from knowledge and calls.

How they are gathered is the business of :mod:`engine.acmg.gather`; what they decide that of :mod:`engine.acmg.decide`.
Coordinates are 0-based half-open on the reference's contig.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from engine.acmg.constraint import GeneConstraint
from engine.acmg.criteria import Criterion
from engine.annotate.edit import Edit
from engine.annotate.gene_model import Transcript

TRUNCATING = frozenset({"stop_gained", "frameshift_variant"})
SPLICE_SITES = frozenset({"splice_acceptor_variant", "splice_donor_variant"})
_RESIDUE = re.compile(r"p\.\(?([A-Z][a-z]{2})(\d+)")
_STOP = re.compile(r"p\.\(?[A-Z][a-z]{2}(\d+)(?:Ter|\*)")
_SHIFTED = re.compile(r"p\.\(?[A-Z][a-z]{2}(\d+)(?:[A-Z][a-z]{2})?fs(?:(?:Ter|\*)(\d+))?")
_MISSENSE = re.compile(r"p\.\(?([A-Z][a-z]{2})(\d+)([A-Z][a-z]{2})\)?")


@dataclass(frozen=True)
class Evidence:
    """A criterion that is met, and why.

    Attributes:
        criterion: with the strength at which it counts.
        sentence: what was found.
        source: where it was found.
        version: of the source, absent where it has none.
        record: id of the record there, absent where there is none.
    """

    criterion: Criterion
    sentence: str
    source: str
    version: str | None = None
    record: str | None = None


@dataclass(frozen=True)
class Known:
    """A pathogenic or likely pathogenic allele of the gene that ClinVar knows.

    Attributes:
        variation_id: ClinVar's.
        is_pathogenic: whether it is pathogenic, not likely pathogenic.
        stars: of the review.
        edit: what it replaces.
        terms: Sequence Ontology terms; as ClinVar has them, or as the gene model says.
        protein: ``p.`` name without reference, absent where it was not worked out.
    """

    variation_id: str
    is_pathogenic: bool
    stars: int
    edit: Edit
    terms: frozenset[str]
    protein: str | None = None

    @property
    def truncates(self) -> bool:
        """Whether it is a nonsense, frameshift or splice site allele."""
        return bool(self.terms & (TRUNCATING | SPLICE_SITES))


@dataclass(frozen=True)
class Seen:
    """How often an allele was seen in a population.

    Attributes:
        frequency: share of the alleles called, in the population in which it is most frequent.
        number: alleles called there.
        count: times that it was seen there.
        population: its name.
        homozygotes: people of all populations with two copies, absent where the source does not tell.
    """

    frequency: float
    number: int
    count: int
    population: str
    homozygotes: int | None = None


@dataclass(frozen=True)
class Population:
    """What a source of population frequencies tells of an allele.

    Attributes:
        source: as its publisher calls it.
        release: date or name.
        largest: the most alleles called at any of its sites.
        seen: absent where the source does not have the allele.
    """

    source: str
    release: str
    largest: int
    seen: Seen | None = None


@dataclass(frozen=True)
class Partner:
    """Another pathogenic allele of the gene in the same person.

    Attributes:
        variation_id: ClinVar's.
        is_pathogenic: whether it is pathogenic, not likely pathogenic.
        phase: trans, cis or unknown.
    """

    variation_id: str
    is_pathogenic: bool
    phase: str


@dataclass(frozen=True)
class Missense:
    """How ClinVar classifies missense alleles of a gene, the one in question left out.

    Attributes:
        harmful: residues with P/LP missense alleles, one entry an allele.
        harmless: residues with benign or likely benign ones, one entry an allele.
    """

    harmful: tuple[int, ...] = ()
    harmless: tuple[int, ...] = ()


@dataclass(frozen=True)
class VariantFacts:
    """The facts of one allele on the transcript that speaks for its gene.

    Attributes:
        gene: symbol.
        transcript: on the genome.
        edit: what is replaced by what.
        terms: Sequence Ontology terms of the consequence.
        protein: ``p.`` name without reference, absent where no coding base is concerned.
        known: ClinVar's P/LP alleles of the gene, this one left out.
        clinvar_release: of ClinVar.
        next_methionine: number of the first residue behind the first that may start the protein instead; absent where
            there is none, or nobody looked.
        repeat_copies: how often the unit that was lost or gained stands there in a row; 0 where nothing of the kind.
        population: absent where there is no source of frequencies.
        predictions: score by predictor.
        predictor_source: release of the table of scores.
        splicing: score by predictor of splicing.
        splicing_source: release of their table.
        missense: ClinVar's missense alleles of the gene.
        constraint: what is known of the gene, absent where no such knowledge is declared.
        modes: how the gene's conditions are inherited: AD, AR, XL, MT.
        variation_id: ClinVar's of the allele itself, absent where it does not know it.
        partners: other P/LP alleles of the gene in this person.
        homozygous: whether both copies carry it.
        de_novo: parents seen without it, where the call is new: ``("father", "mother")``, or the one who passes on
            the place.
        de_novo_basis: how well they were seen.
        phenotype_rank: of the gene by the person's signs, absent without signs.
        replaced: the base that a single substitution replaces, on the genome's strand; empty of anything else.
    """

    gene: str
    transcript: Transcript
    edit: Edit
    terms: frozenset[str]
    protein: str | None = None
    known: tuple[Known, ...] = ()
    clinvar_release: str = ""
    next_methionine: int | None = None
    repeat_copies: int = 0
    population: Population | None = None
    predictions: Mapping[str, float] = field(default_factory=dict)
    predictor_source: str | None = None
    splicing: Mapping[str, float] = field(default_factory=dict)
    splicing_source: str | None = None
    missense: Missense = Missense()
    constraint: GeneConstraint | None = None
    modes: frozenset[str] = frozenset()
    variation_id: str | None = None
    partners: tuple[Partner, ...] = ()
    homozygous: bool = False
    de_novo: tuple[str, ...] = ()
    de_novo_basis: str | None = None
    phenotype_rank: int | None = None
    replaced: str = ""

    @property
    def is_recessive(self) -> bool:
        """Whether every mode that is known is recessive or X-linked; what is not known counts as dominant."""
        return bool(self.modes) and self.modes <= {"AR", "XL"}

    @cached_property
    def residue(self) -> int | None:
        """Number of the first residue concerned."""
        found = _RESIDUE.match(self.protein or "")
        return int(found[2]) if found else None

    @cached_property
    def new_stop(self) -> int | None:
        """Number of the residue where the protein ends too early; where a shifted frame ends is not always known."""
        return stop_of(self.protein)

    @property
    def residues(self) -> int:
        """Amino acids of the protein."""
        return max(self.transcript.coding_length // 3 - 1, 1)


def stop_of(protein: str | None) -> int | None:
    """The residue at which a truncated protein ends, by its p. name.

    >>> stop_of("p.(Trp12Ter)"), stop_of("p.(Glu115LysfsTer22)"), stop_of("p.(Glu115fs)"), stop_of("p.(Arg3Cys)")
    (12, 136, 115, None)
    """
    if found := _STOP.match(protein or ""):
        return int(found[1])
    if found := _SHIFTED.match(protein or ""):
        return int(found[1]) + (int(found[2]) - 1 if found[2] else 0)
    return None


def missense_of(protein: str | None) -> tuple[str, int, str] | None:
    """Old residue, number and new residue of a change of one amino acid; of nothing else.

    >>> missense_of("p.(Arg34Cys)"), missense_of("p.(Arg34Ter)"), missense_of("p.(Arg34=)")
    (('Arg', 34, 'Cys'), None, None)
    """
    found = _MISSENSE.fullmatch(protein or "")
    if found is None or found[3] == "Ter" or found[1] in ("Ter", found[3]):
        return None
    return found[1], int(found[2]), found[3]
