"""Drug response as cards of CDS Hooks 2.0 (https://cds-hooks.hl7.org/2.0): what a guideline says for a person.

A card is shown only where every diplotype that the genotypes allow leads to one phenotype, in every gene that the
advice rests on, and where that phenotype is not the usual one. What is not decided gives no card, whatever is likely.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from engine.report.drug_response import Advice, DrugResponse, Pharmacogene

SERVICE: Final = {
    "hook": "order-select",
    "title": "Response to drugs",
    "description": "What guidelines say of a drug for the pharmacogenes of a person, of a signed report.",
    "id": "drug-response",
}
_LONGEST_SUMMARY = 139
"""A summary has fewer than 140 characters."""


def cards(said: DrugResponse, drug: str, *, signed_by: str) -> list[dict[str, Any]]:
    """The cards for one drug.

    Args:
        said: of a person's drugs, in a signed report.
        drug: RxNorm's number, or the drug's name as the guideline has it.
        signed_by: who answers for the report, with the day.
    """
    genes = {one.gene: one for one in said.genes}
    return [_card(one, said, signed_by) for one in _of_drug(said, drug) if one.matters and _is_decided(one, genes)]


def _of_drug(said: DrugResponse, drug: str) -> Iterator[Advice]:
    wanted = drug.strip().casefold()
    return (one for one in said.advice if wanted and wanted in (one.rxnorm, one.drug.casefold()))


def _is_decided(advice: Advice, genes: dict[str, Pharmacogene]) -> bool:
    """Whether one phenotype alone is possible in each gene, and it is the one for which the advice is said."""
    return all(
        gene in genes
        and genes[gene].is_called
        and phenotype is not None
        and {one.phenotype for one in genes[gene].possible} == {phenotype}
        for gene, phenotype in advice.phenotypes.items()
    )


def _card(advice: Advice, said: DrugResponse, signed_by: str) -> dict[str, Any]:
    summary = f"{advice.drug}: {advice.reason}"
    answers = f"For {advice.reason}. Report signed by {signed_by}. A guideline's text, not an order."
    source = {"label": said.source} | ({"url": advice.guideline} if advice.guideline else {})
    return {
        "summary": summary if len(summary) <= _LONGEST_SUMMARY else f"{summary[: _LONGEST_SUMMARY - 3]}...",
        "indicator": "warning",
        "detail": f"{advice.text}\n\n{answers}",
        "source": source,
    }
