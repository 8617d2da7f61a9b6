"""How a gene's conditions are inherited, where that is known; what is not known is never guessed.

Genes, their conditions and modes come from the knowledge ``phenotypes`` (:mod:`engine.phenotype.conditions`); of a gene
that it lacks, from the list of ACMG SF. Which of a gene's conditions a variant causes, ClinVar says by numbers of OMIM
and Orphanet; where it gives MONDO's alone, ``data/condition_ids.tsv`` has OMIM's of some of them.

>>> known = (GeneCondition("OMIM:217700", "Corneal endothelial dystrophy", "AR"),)
>>> (told,) = conditions_of("SLC4A11", ["CHED"], ["MONDO:MONDO:0009019"], {"SLC4A11": known})
>>> told.name, told.omim, told.inheritance
('CHED', 'OMIM:217700', 'AR')
>>> conditions_of("A_GENE_WITHOUT_FACTS", [], [], {})
()
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.classify.acmg_secondary_findings import DATA, secondary_findings_genes
from engine.phenotype.conditions import UNKNOWN, GeneCondition

_MONDO = re.compile(r"MONDO:(\d{7})")
_OMIM = re.compile(r"\bOMIM:\d{6}\b")
_ORPHANET = re.compile(r"\b(?:Orphanet|ORPHA):(?:ORPHA)?(\d+)\b")
_NOT_A_CONDITION = frozenset({"not provided", "not specified", "see cases", "inborn genetic diseases"})
Known = Mapping[str, Sequence[GeneCondition]]
"""The known conditions of genes, by symbol."""


@dataclass(frozen=True)
class Condition:
    """A condition that variants of a gene cause.

    Attributes:
        name: ClinVar's name, else HPO's or that of ACMG SF.
        mondo: ``MONDO:nnnnnnn``, absent where not known.
        omim: ``OMIM:nnnnnn``, absent where not known.
        orphanet: ``ORPHA:n``, absent where not known.
        inheritance: AD, AR, XL, MT, several joined by a slash, or ``unknown``.
    """

    name: str
    mondo: str | None
    omim: str | None
    orphanet: str | None
    inheritance: str


def conditions_of(gene: str, names: Sequence[str], identifiers: Sequence[str], known: Known) -> tuple[Condition, ...]:
    """What a variant causes, with the mode of inheritance where it is known.

    Those of ClinVar's conditions that the gene is known for, if there are any. Otherwise all that the gene is known
    for, if they are inherited alike; otherwise those that ClinVar names, inheritance unknown; and where it names none,
    all that the gene is known for.

    Args:
        gene: symbol.
        names: of ClinVar's conditions.
        identifiers: for each of them its ids joined by commas, as ClinVar writes them; or none at all.
        known: of this gene and of any other.

    Raises:
        ValueError: there are ids, but not one for each name.
    """
    told = tuple(
        _told(name, ids)
        for name, ids in zip(names, identifiers or [""] * len(names), strict=True)
        if name.lower() not in _NOT_A_CONDITION
    )
    every = [one for one in known.get(gene, ()) if one.inheritance != UNKNOWN]
    if not every:
        return _listed(gene, known) or told or _all_of(known.get(gene, ()))
    meant = tuple(with_mode for one in told if (with_mode := _with_mode(one, every)))
    if meant:
        return meant
    alike = len({one.inheritance for one in every}) == 1
    return _all_of(every) if alike or not told else told


def modes_of(finding: Mapping[str, Any]) -> set[str]:
    """How the conditions of a row of the findings table are inherited; none where nobody knows of any.

    >>> sorted(modes_of({"conditions": [{"inheritance": "AD/AR"}, {"inheritance": "unknown"}]}))
    ['AD', 'AR']
    """
    return {mode for one in finding["conditions"] for mode in one["inheritance"].split("/")} - {UNKNOWN}


def _told(name: str, ids: str) -> Condition:
    """A condition as ClinVar writes it; OMIM's number of MONDO's where ClinVar gives none."""
    mondo, orphanet = _MONDO.search(ids), _ORPHANET.search(ids)
    numbered = f"MONDO:{mondo[1]}" if mondo else None
    omim = _OMIM.search(ids)
    return Condition(
        name,
        numbered,
        omim[0] if omim else _omim_numbers().get(numbered or ""),
        f"ORPHA:{orphanet[1]}" if orphanet else None,
        UNKNOWN,
    )


def _with_mode(told: Condition, every: Iterable[GeneCondition]) -> Condition | None:
    """The condition with its mode of inheritance, absent where the gene is not known for it."""
    for one in every:
        if one.disease in (told.omim, told.orphanet):
            return Condition(told.name, told.mondo, told.omim, told.orphanet, one.inheritance)
    return None


def _all_of(known: Iterable[GeneCondition]) -> tuple[Condition, ...]:
    """Each name once, OMIM's number before Orphanet's."""
    by_name = {one.name: one for one in sorted(known, key=lambda one: one.disease, reverse=True)}
    return tuple(
        Condition(
            one.name,
            None,
            one.disease if one.disease.startswith("OMIM:") else None,
            one.disease if one.disease.startswith("ORPHA:") else None,
            one.inheritance,
        )
        for one in sorted(by_name.values(), key=lambda one: one.disease)
    )


def _listed(gene: str, known: Known) -> tuple[Condition, ...]:
    """The conditions of a gene of ACMG SF; its list states one mode for all of them."""
    listed = secondary_findings_genes().get(gene)
    if listed is None:
        return ()
    return tuple(Condition(name, None, None, None, listed.inheritance) for name in listed.conditions)


def hgnc_id(gene: str) -> str | None:
    """HGNC id of a gene that one of the tables names, for gene models that do not tell."""
    return _hgnc_ids().get(gene)


@cache
def _omim_numbers() -> dict[str, str]:
    """OMIM's number by MONDO's."""
    with (DATA / "condition_ids.tsv").open(newline="") as table:
        return {row["mondo"]: row["omim"] for row in csv.DictReader(table, delimiter="\t")}


@cache
def _hgnc_ids() -> dict[str, str]:
    with (DATA / "hgnc_ids.tsv").open(newline="") as table:
        known = {row["gene"]: row["hgnc_id"] for row in csv.DictReader(table, delimiter="\t")}
    return known | {gene.gene: gene.hgnc_id for gene in secondary_findings_genes().values()}
