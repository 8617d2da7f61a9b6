"""Whose sample a report is about, who answers for it, and what was looked at.

Who the person is (:class:`engine.person.Identity`) is no part of it: a report that goes to a clinician is told when it
is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from engine.classify.question import Question, question_of
from engine.errors import ReportError
from engine.person import Identity, Person
from engine.reference.panels import Panel

TOLD_OF_THE_PERSON = (
    *("subject_id", "sex", "order_id", "phenotype"),
    *("ordered_genes", "panel", "secondary_findings_consent", "drug_response", "polygenic_scores"),
    *("father_id", "mother_id"),
)
"""Fields of :class:`engine.person.Person` that a report tells of or depends on; a change of another amends nothing."""


@dataclass(frozen=True)
class Laboratory:
    """Who answers for the report.

    Attributes:
        name: of the laboratory.
        system: URI below which its identifiers are unique; ids of resources derive from it, so it never changes.
        identifier: number under which an authority knows it (CLIA, say), absent where none was given.
        identifier_system: URI of that authority's numbers; there where the number is.
        address: in one line.
        phone: absent where none was given.
        email: absent where none was given.
    """

    name: str = "Genomics laboratory"
    system: str = "https://laboratory.invalid/genomics"
    identifier: str | None = None
    identifier_system: str | None = None
    address: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True)
class Gene:
    """A gene that was looked at; the HGNC id is absent where it is not known."""

    symbol: str
    hgnc_id: str | None = None


@dataclass(frozen=True)
class Regions:
    """What was looked at, and how well.

    Attributes:
        description: in words, such as ``5 intervals, 202,000 bases``.
        studied: genes within the targets; empty where they are too many to list.
        uncalled: genes with target bases that could not be called.
        beyond: symbols of genes that were asked about and do not lie within the targets as a whole.
        unknown: symbols of genes that were asked about and are not in the gene model.
        uncalled_bases: target bases that could not be called, absent where that was not measured.
        mean_coverage: mean depth over the targets, absent where not measured.
        fraction_20x: share of target bases covered 20 times or more, absent where not measured.
        uncalled_exons: in words, the exons of what was asked about that could not be called throughout, with how many
            bases of each.
    """

    description: str
    studied: tuple[Gene, ...] = ()
    uncalled: tuple[Gene, ...] = ()
    uncalled_bases: int | None = None
    mean_coverage: float | None = None
    fraction_20x: float | None = None
    beyond: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    uncalled_exons: tuple[str, ...] = ()


MOST_UNCALLED_NAMED = 20
"""More genes that could not be called throughout are counted, unless they were asked about; a file beside the page has
all of them.
"""
UNCALLED_SUFFIX = ".uncalled_genes.tsv"
"""How the name of that file ends."""


MOST_EXONS_NAMED = 20
"""More exons are counted; the table of the sample's exons has them all."""


def uncalled_in_words(regions: Regions, asked: Sequence[str] = ()) -> str:
    """The genes that could not be called throughout: those asked about first, and of many others how many."""
    return genes_in_words(regions.uncalled, asked)


def genes_in_words(genes: Iterable[Gene], asked: Sequence[str]) -> str:
    """Genes by their symbols: those asked about first, and of many others how many."""
    ordered = _asked_first(genes, asked)
    return _in_words([gene.symbol for gene in ordered], _named_of(ordered, asked), "gene")


def _asked_first(genes: Iterable[Gene], asked: Sequence[str]) -> list[Gene]:
    return sorted(genes, key=lambda gene: gene.symbol not in asked)


def _named_of(genes: Sequence[Gene], asked: Sequence[str]) -> int:
    """How many of them are named at most, the others counted."""
    return max(MOST_UNCALLED_NAMED, sum(gene.symbol in asked for gene in genes))


def exons_in_words(regions: Regions) -> str:
    """The exons of what was asked about that could not be called throughout, with bases; of many others how many."""
    return _in_words(regions.uncalled_exons, MOST_EXONS_NAMED, "exon")


def _in_words(names: Sequence[str], most: int, kind: str) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f", and {more:,} more {kind}{'s' if more > 1 else ''}" if more > 0 else "")


@dataclass(frozen=True)
class CaseFacts:
    """One sample's case.

    Attributes:
        sample: sample id.
        person: whose it is, by pseudonyms, with what the order says.
        regions: what was looked at.
        overridden_checks: in words, the quality checks that failed and that a person let pass all the same.
        laboratory: who answers for the report.
        collected: when the specimen was taken, ISO 8601, absent where not known.
        panel: what the order's panel asks about, absent where it names none or nobody knows its genes.
        written: the sample's id as the laboratory writes it, absent where that is the sample id.
    """

    sample: str
    person: Person
    regions: Regions
    overridden_checks: tuple[str, ...] = ()
    laboratory: Laboratory = field(default_factory=Laboratory)
    collected: str | None = None
    panel: Panel | None = None
    written: str | None = None

    @cached_property
    def question(self) -> Question:
        """What the order asks about."""
        return question_of(self.person, self.panel)

    @property
    def leaves_genes_out(self) -> bool:
        """Whether genes were left out though nobody said that they were not asked about."""
        return self.question.is_open and not self.person.secondary_findings_consent

    @property
    def unassessed(self) -> tuple[str, ...]:
        """Genes that were asked about and not called throughout, or do not lie within the targets as a whole."""
        unseen = {gene.symbol for gene in self.regions.uncalled} | set(self.regions.beyond)
        return tuple(gene for gene in self.question.genes if gene in unseen)

    @property
    def uncalled_genes(self) -> str:
        """Genes that could not be called throughout, in words."""
        return uncalled_in_words(self.regions, self.question.genes)

    @property
    def uncalled_listed(self) -> tuple[Gene, ...]:
        """All of them, those asked about first."""
        return tuple(_asked_first(self.regions.uncalled, self.question.genes))

    @property
    def uncalled_named(self) -> tuple[Gene, ...]:
        """Those that are told by name."""
        return self.uncalled_listed[: _named_of(self.regions.uncalled, self.question.genes)]

    @property
    def uncalled_file(self) -> str | None:
        """Name of the file beside the page that has them all, absent where each is told by name."""
        named = len(self.uncalled_named) == len(self.regions.uncalled)
        return None if named else f"{self.sample}{UNCALLED_SUFFIX}"

    @property
    def uncalled_exons(self) -> str:
        """Exons that could not be called throughout, in words; empty where there are none."""
        return exons_in_words(self.regions)

    def require_own(self, identity: Identity) -> None:
        """ReportError if the identity is another person's."""
        if identity.subject_id != self.person.subject_id:
            raise ReportError(
                f"the identity is that of subject {identity.subject_id!r}, the report is about "
                f"{self.person.subject_id!r}",
                sample=self.sample,
                remedy="look up the identity of the sample's own subject",
            )
