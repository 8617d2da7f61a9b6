"""Why nothing can be said of a gene in which nothing was found: whoever lays reports side by side asks that first."""

from __future__ import annotations

from engine.classify.acmg_secondary_findings import VERSION, secondary_findings_genes
from engine.report.case import CaseFacts


def why_unseen(gene: str, case: CaseFacts) -> str:
    """In words what kept a gene from being looked at throughout; empty where nothing did.

    Args:
        gene: symbol.
        case: of the report in which nothing of the gene is told.
    """
    question, regions = case.question, case.regions
    if not question.is_open and gene not in question.genes:
        return "the gene was not asked about"
    if case.leaves_genes_out and gene in secondary_findings_genes():
        return f"genes of {VERSION} were left out, without consent to them"
    studied = [one.symbol for one in regions.studied]
    if (studied and gene not in studied) or gene in (*regions.beyond, *regions.unknown):
        return "the gene does not lie within the regions studied as a whole"
    return "parts of the gene could not be called" if any(one.symbol == gene for one in regions.uncalled) else ""
