"""What of an annotated row ClinVar knows as pathogenic: the allele, what it makes with others, or a part of it.

The same bases on a chromosome are told alike, whether the caller wrote them as one record or as several.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from engine.annotate.columns import IMPACTS
from engine.classify.decision import standing
from engine.classify.phase import TOLD

Row = dict[str, Any]
_OF_A_TRANSCRIPT = (
    "gene", "gene_id", "transcript", "consequence", "impact", "exon", "intron", "splice_distance", "hgvs_c", "hgvs_p",
)  # fmt: skip
CLASSIFIED = ("HIGH", "MODERATE")
"""Impacts of variants that are classified by criteria, where ClinVar has not decided and the gene was asked about."""
UNDECIDED = ("", "uncertain_significance", "conflicting", "other")
"""ClinVar's classifications, none included, that say neither pathogenic nor benign."""


def is_undecided(row: Row) -> bool:
    """Whether neither ClinVar nor the laboratory says that the allele is pathogenic, or that it is benign."""
    return standing(row) in UNDECIDED


def candidates_of(row: Row, ordered: Sequence[str] = (), decided: Collection[str] = ()) -> Iterator[Row]:
    """The alleles of an annotated row that are to be looked at, as rows with ``members`` and ``cautions``.

    Predictions are those of the row's own allele: of what it makes or is made of, none have been looked up.

    Args:
        row: of the annotated table.
        ordered: genes that were asked about; a variant of high or moderate impact in one of them is looked at
            undecided, too.
        decided: alleles of which the laboratory has a decision; they are looked at whatever ClinVar says.
    """
    row = spoken_for(row, ordered)
    if row["impact"] in CLASSIFIED and row["gene"] in ordered and is_undecided(row):
        yield row | {"members": [], "is_compound": False, "cautions": []}
    compounds, parts = row["compounds"] or [], row["known_parts"] or []
    if row["clinvar_classification"] in TOLD or row["allele"] in decided:
        cautions = [_does_not_stand_alone(row, compound) for compound in compounds]
        yield row | {"members": [], "is_compound": False, "cautions": cautions}
    for compound in compounds:
        if compound["clinvar_classification"] in TOLD or compound["allele"] in decided:
            own = {"original": None, "is_compound": True, "predictions": None, "cautions": [made_of(compound)]}
            yield row | compound | own
    for part in parts:
        if part["clinvar_classification"] in TOLD or part["allele"] in decided:
            yield row | part | {"is_compound": False, "predictions": None, "cautions": [_is_a_part(row)]}


def spoken_for(row: Row, ordered: Sequence[str]) -> Row:
    """The row as a gene that was asked about has it, where the variant is hit worst in another gene's transcript.

    Where genes overlap, a variant of the one that was asked about is not one of its neighbour alone.
    """
    if row["gene"] in ordered:
        return row
    own = [one for one in row["consequences"] or () if one["gene"] in ordered]
    if not own:
        return row
    best = min(own, key=lambda one: IMPACTS.index(one["impact"]))
    return row | {
        **{name: best[name] for name in _OF_A_TRANSCRIPT},
        "hgnc_id": None,
        "representative_by": "asked_about",
    }


def made_of(compound: Row, told_by: str = "") -> str:
    """What is to be said of an allele that was called as several; ``told_by`` names whose word the phase is."""
    if compound["phased"]:
        by = f" by {told_by}" if told_by else ""
        return f"Called as {_listed(compound['members'])}, on one chromosome{by}; ClinVar knows them as one allele"
    return (
        f"Called as {_listed(compound['members'])}, of which nobody knows whether they lie on one chromosome: only "
        "then are they the allele that ClinVar knows. Confirm the phase, by the parents or by phased reads"
    )


def _does_not_stand_alone(row: Row, compound: Row) -> str:
    others = _listed([allele for allele in compound["members"] if allele != row["allele"]])
    known = compound["clinvar_significance"]
    asserted = f"ClinVar says of it: {known.replace('_', ' ')}" if known else "ClinVar does not know it"
    carries = (
        f"The same chromosome carries {others}" if compound["phased"] else f"{others} may lie on the same chromosome"
    )
    return (
        f"{carries}; together they make {_named(compound)}. {asserted}. What ClinVar says of the variant alone may not "
        "hold"
    )


def _is_a_part(row: Row) -> str:
    known = row["clinvar_significance"]
    asserted = f"says of the whole: {known.replace('_', ' ')}" if known else "does not know the whole"
    return f"Called as a part of {_named(row)}. ClinVar {asserted}; what it says of the part may not hold"


def _named(row: Row) -> str:
    protein = (row["hgvs_p"] or "").partition(":")[2]
    name = row["hgvs_c"] or row["hgvs_g"] or row["allele"]
    return f"{name} {protein}".rstrip() + f" ({row['consequence'].replace('&', ', ').replace('_', ' ')})"


def _listed(alleles: list[str]) -> str:
    return " and ".join(alleles)
