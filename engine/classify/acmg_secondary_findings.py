"""ACMG SF v3.3: the 84 genes in which a laboratory looks unasked, and what it reports in each.

Source: Lee et al., Genet Med 2025;27(8):101454, PMID 40568962; the table is ``data/acmg_sf_v3_3.tsv``. Pathogenic and
likely pathogenic variants only, and only for a person who agreed to hear of them.

>>> genes = secondary_findings_genes()
>>> len(genes), genes["MUTYH"].report, genes["HFE"].report
(84, 'biallelic', 'c282y_homozygous')
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VERSION = "ACMG SF v3.3"
PMID = "40568962"
DATA = Path(__file__).with_name("data")

_TRUNCATING = frozenset({"stop_gained", "frameshift_variant", "splice_acceptor_variant", "splice_donor_variant"})


@dataclass(frozen=True)
class SecondaryFindingsGene:
    """One gene of the list.

    Attributes:
        gene: symbol.
        hgnc_id: ``HGNC:nnnn``.
        category: cancer, cardiovascular, metabolic or other.
        inheritance: AD, AR or XL.
        report: which genotypes are reported: ``any`` P/LP; ``biallelic``, two P/LP variants or a homozygous one;
            ``truncating`` P/LP only; ``c282y_homozygous``, p.Cys282Tyr on both chromosomes and nothing else.
        conditions: what the variants cause.
    """

    gene: str
    hgnc_id: str
    category: str
    inheritance: str
    report: str
    conditions: tuple[str, ...]

    def reports(self, *, biallelic: bool, homozygous: bool, terms: frozenset[str], protein: str | None) -> bool:
        """Whether a P/LP variant is reported.

        Args:
            biallelic: both copies of the gene carry a P/LP variant, this one or another in trans.
            homozygous: both copies carry this one.
            terms: Sequence Ontology terms of its consequence.
            protein: its HGVS p. name, where it has one.
        """
        if self.report == "biallelic":
            return biallelic
        if self.report == "truncating":
            return not _TRUNCATING.isdisjoint(terms)
        if self.report == "c282y_homozygous":
            return homozygous and (protein or "").endswith("p.(Cys282Tyr)")
        return True


@cache
def secondary_findings_genes() -> dict[str, SecondaryFindingsGene]:
    """The list by gene symbol."""
    with (DATA / "acmg_sf_v3_3.tsv").open(newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    return {
        row["gene"]: SecondaryFindingsGene(
            gene=row["gene"],
            hgnc_id=row["hgnc_id"],
            category=row["category"],
            inheritance=row["inheritance"],
            report=row["report"],
            conditions=tuple(row["conditions"].split("|")),
        )
        for row in rows
    }
