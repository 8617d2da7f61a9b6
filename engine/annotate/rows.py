"""The parts of a row of the annotated table, as values.

Together their fields are :data:`engine.annotate.columns.ANNOTATED_COLUMNS`, in this order; there each is explained.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.annotate.calls import Call
from engine.annotate.clinvar import ClinvarMatch


class RecordPart(NamedTuple):
    """The allele, and what the caller's record says of the site."""

    sample: str
    allele: str
    contig: str
    position: int
    ref: str
    alt: str
    original: str | None
    qual: float | None
    filter: str


class NamePart(NamedTuple):
    """What kind of change it is on the genome."""

    variant_type: str
    hgvs_g: str | None


class TranscriptConsequence(NamedTuple):
    """What the allele does to one transcript; fields of :data:`engine.annotate.columns.TRANSCRIPT_CONSEQUENCE`."""

    gene: str
    gene_id: str
    transcript: str
    biotype: str
    consequence: str
    impact: str
    exon: str | None
    intron: str | None
    splice_distance: int | None
    hgvs_c: str | None
    hgvs_p: str | None


class ConsequencePart(NamedTuple):
    """The representative consequence, and every transcript's."""

    gene: str | None
    gene_id: str | None
    hgnc_id: str | None
    transcript: str | None
    representative_by: str | None
    consequence: str
    impact: str
    exon: str | None = None
    intron: str | None = None
    splice_distance: int | None = None
    hgvs_c: str | None = None
    hgvs_p: str | None = None
    consequences: tuple[TranscriptConsequence, ...] = ()


class ClinvarPart(NamedTuple):
    """What ClinVar knows of exactly this allele; all absent where it knows nothing."""

    clinvar_variation_id: str | None = None
    clinvar_allele_id: str | None = None
    clinvar_significance: str | None = None
    clinvar_classification: str | None = None
    clinvar_other_terms: list[str] | None = None
    clinvar_review_status: str | None = None
    clinvar_stars: int | None = None
    clinvar_conditions: list[str] | None = None
    clinvar_condition_ids: list[str] | None = None
    clinvar_scv: list[str] | None = None
    rs: str | None = None


def clinvar_part(match: ClinvarMatch | None) -> ClinvarPart:
    """A match as columns."""
    if match is None:
        return _NO_CLINVAR
    return ClinvarPart(
        match.variation_id,
        match.allele_id,
        match.significance,
        match.classification,
        match.other_terms,
        match.review_status,
        match.stars,
        match.conditions,
        match.condition_ids,
        match.scv,
        match.rs,
    )


_NO_CLINVAR = ClinvarPart()


class CombinedPart(NamedTuple):
    """An allele that is made of others, or a part of one; fields of :data:`engine.annotate.columns.COMBINED`."""

    members: list[str]
    phased: bool
    allele: str
    contig: str
    position: int
    ref: str | None
    alt: str | None
    filter: str
    call: Call
    name: NamePart
    consequence: ConsequencePart
    clinvar: ClinvarPart

    @property
    def values(self) -> tuple[Any, ...]:
        """In the order of the table's columns; of the transcripts only the representative one."""
        return (*self[:8], *self.call, *self.name, *self.consequence[:-1], *self.clinvar)


Population = tuple[str, float | None, int | None, int | None, int | None]
"""Name, frequency, alleles counted, alleles seen at all, homozygotes."""


ROUNDED = 0.01
"""By which a frequency may differ from its counts: some sources write two digits."""


class Frequency(NamedTuple):
    """What a source says of one allele; its fields are columns of :data:`engine.annotate.columns.ANNOTATED_COLUMNS`."""

    frequency: float | None = None
    frequency_count: int | None = None
    frequency_number: int | None = None
    frequency_homozygotes: int | None = None
    popmax: str | None = None
    popmax_frequency: float | None = None
    populations: tuple[Population, ...] = ()
    frequency_filter: str | None = None
    rs: str | None = None
    written: str = ""

    @property
    def said(self) -> str:
        """The frequency and the counts behind it in words, as far as they are told."""
        counts = f", {self.frequency_count or 0} of {self.frequency_number} alleles" if self.frequency_number else ""
        return f"frequency {'unknown' if self.frequency is None else f'{self.frequency:g}'}{counts}"


_NO_FREQUENCY = Frequency()


class Row(NamedTuple):
    """One allele of one sample."""

    record: RecordPart
    call: Call
    ref_matches: bool
    name: NamePart
    consequence: ConsequencePart
    clinvar: ClinvarPart
    frequency: Frequency = _NO_FREQUENCY
    compounds: tuple[CombinedPart, ...] = ()
    known_parts: tuple[CombinedPart, ...] = ()

    @property
    def values(self) -> tuple[Any, ...]:
        """In the order of the table's columns."""
        compounds: tuple[Any, ...] = self.compounds and tuple(one.values for one in self.compounds)
        parts: tuple[Any, ...] = self.known_parts and tuple(one.values for one in self.known_parts)
        told = (*self.record, *self.call, self.ref_matches, *self.name, *self.consequence, *self.clinvar)
        return (*told, *self.frequency[:8], compounds, parts)
