"""How a gene's conditions are inherited, where that is known; what is not known is never guessed.

``data/gene_conditions.tsv`` holds facts of OMIM (number in each row) under ClinVar's and MONDO's names; the genes of
ACMG SF come from :mod:`engine.classify.acmg_secondary_findings`.

>>> [(c.name, c.inheritance) for c in known_conditions("SLC4A11", {"MONDO:0009019"})]
[('Congenital hereditary endothelial dystrophy of cornea', 'AR')]
>>> known_conditions("A_GENE_WITHOUT_FACTS", set())
()
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

from engine.classify.acmg_secondary_findings import DATA, secondary_findings_genes

UNKNOWN = "unknown"
_MONDO = re.compile(r"MONDO:(\d{7})")
_OMIM = re.compile(r"\bOMIM:\d{6}\b")
_NOT_A_CONDITION = frozenset({"not provided", "not specified", "see cases", "inborn genetic diseases"})


@dataclass(frozen=True)
class Condition:
    """A condition that variants of a gene cause.

    Attributes:
        name: ClinVar's name.
        mondo: ``MONDO:nnnnnnn``, absent where not known.
        omim: ``OMIM:nnnnnn``, absent where not known.
        inheritance: AD, AR, XL, MT or ``unknown``.
    """

    name: str
    mondo: str | None
    omim: str | None
    inheritance: str


def known_conditions(gene: str, mondo: Collection[str]) -> tuple[Condition, ...]:
    """The gene's conditions with known inheritance.

    Args:
        gene: symbol.
        mondo: conditions that ClinVar names for the variant, ``MONDO:nnnnnnn``. Where some of them are known for the
            gene these are meant; otherwise all of the gene's, if they are inherited alike; otherwise none.
    """
    every = _conditions().get(gene, ())
    named = tuple(condition for condition in every if condition.mondo in mondo)
    if named:
        return named
    return every if len({condition.inheritance for condition in every}) == 1 else ()


def conditions_of(gene: str, names: Sequence[str], identifiers: Sequence[str]) -> tuple[Condition, ...]:
    """What a variant causes: the gene's known conditions, else those that ClinVar names, inheritance unknown.

    Args:
        gene: symbol.
        names: of ClinVar's conditions.
        identifiers: for each of them its ids joined by commas, as ClinVar writes them; or none at all.

    Raises:
        ValueError: there are ids, but not one for each name.
    """
    told = [
        Condition(name, _first(mondo_ids([ids])), _first(_OMIM.findall(ids)), UNKNOWN)
        for name, ids in zip(names, identifiers or [""] * len(names), strict=True)
        if name.lower() not in _NOT_A_CONDITION
    ]
    return known_conditions(gene, mondo_ids(identifiers)) or tuple(told)


def _first(found: Sequence[str]) -> str | None:
    return found[0] if found else None


def mondo_ids(identifiers: Sequence[str]) -> list[str]:
    """The MONDO ids among ClinVar's, once each, in order."""
    return list(dict.fromkeys(f"MONDO:{number}" for ids in identifiers for number in _MONDO.findall(ids)))


def hgnc_id(gene: str) -> str | None:
    """HGNC id of a gene that one of the tables names."""
    return _hgnc_ids().get(gene)


@cache
def _rows() -> tuple[dict[str, str], ...]:
    with (DATA / "gene_conditions.tsv").open(newline="") as table:
        return tuple(csv.DictReader(table, delimiter="\t"))


@cache
def _conditions() -> dict[str, tuple[Condition, ...]]:
    conditions: dict[str, tuple[Condition, ...]] = {}
    for row in _rows():
        condition = Condition(row["condition"], row["mondo"] or None, row["omim"] or None, row["inheritance"])
        conditions[row["gene"]] = (*conditions.get(row["gene"], ()), condition)
    for gene in secondary_findings_genes().values():
        listed = tuple(Condition(name, None, None, gene.inheritance) for name in gene.conditions)
        conditions.setdefault(gene.gene, listed)
    return conditions


@cache
def _hgnc_ids() -> dict[str, str]:
    known = {row["gene"]: row["hgnc_id"] for row in _rows()}
    return known | {gene.gene: gene.hgnc_id for gene in secondary_findings_genes().values()}
