"""Partners side by side: the recessive and X-linked conditions that a child of two people may have by what was told.

Nothing is called or classified here: what is compared is what two statements say. So a gene is compared only as far as
both were asked about it and both were seen there, and where one was not, that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from engine.classify.inheritance import modes_of
from engine.person import Sex
from engine.report.statement import UNJUDGED, Statement
from engine.report.unseen import why_unseen
from engine.report.wording import name

_ALWAYS, _HALF = Fraction(1), Fraction(1, 2)
_TWO_COPIES = ("homozygous", "hemizygous")


@dataclass(frozen=True)
class SharedRisk:
    """A gene by which a child of the two may be affected.

    Attributes:
        gene: symbol.
        inheritance: ``AR`` or ``XL``.
        conditions: names, as either report has them.
        variants: of either partner, in the order of the partners, each with its zygosity.
        chance: that a child is affected, as a fraction in words; of whom, where sons and daughters differ.
        doubts: what is not known of it, in sentences.
    """

    gene: str
    inheritance: str
    conditions: tuple[str, ...]
    variants: tuple[tuple[str, ...], tuple[str, ...]]
    chance: str
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Couple:
    """What two statements say together.

    Attributes:
        risks: by gene.
        not_compared: recessive findings of one of them whose gene the other was not asked about, or could not be
            called in, and findings of conditions whose inheritance is not known, in sentences.
        limits: what the comparison cannot say, in sentences.
    """

    risks: tuple[SharedRisk, ...]
    not_compared: tuple[str, ...]
    limits: tuple[str, ...]


LIMITS = (
    "Compared is what either report tells: variants classified as pathogenic or likely pathogenic. A couple without a "
    "shared gene may still have an affected child.",
    "Chances are Mendel's for these variants alone; new variants, and others of the gene that are not classified, are "
    "not in them.",
)


def couple(one: Statement, other: Statement) -> Couple:
    """Put two people side by side, of whom a child may be born."""
    genes = sorted({str(row["gene"]) for said in (one, other) for row in _told(said) if row["gene"]})
    risks = [risk for gene in genes for risk in (*_recessive(gene, one, other), *_x_linked(gene, one, other))]
    alone = [told for gene in genes for pair in ((one, other), (other, one)) for told in _not_compared(gene, *pair)]
    return Couple(tuple(risks), tuple(alone), LIMITS)


def _told(said: Statement) -> list[Any]:
    """Rows of what was judged."""
    return [finding.row for finding in said.findings if finding.category not in UNJUDGED]


def _rows(said: Statement, gene: str, mode: str) -> list[Any]:
    """Findings of a gene that a condition of this inheritance is told with."""
    return [row for row in _told(said) if row["gene"] == gene and mode in modes_of(row)]


def _recessive(gene: str, one: Statement, other: Statement) -> Iterator[SharedRisk]:
    rows = (_rows(one, gene, "AR"), _rows(other, gene, "AR"))
    if not all(rows):
        return
    passed_on = [_passed_on(each) for each in rows]
    chance = passed_on[0][0] * passed_on[1][0]
    doubts = tuple(doubt for _, doubt in passed_on if doubt)
    least = "at least " if doubts else ""
    yield SharedRisk(gene, "AR", _conditions(rows), _variants(rows), f"{least}{chance} of children", doubts)


def _passed_on(rows: Sequence[Any]) -> tuple[Fraction, str]:
    """How often a person passes one of these variants on, at least, and what is not known of it."""
    if any(row["zygosity"] in _TWO_COPIES for row in rows) or any(row["phase"] == "trans" for row in rows):
        return _ALWAYS, ""
    if len(rows) > 1 and any(row["phase"] == "unknown" for row in rows):
        return _HALF, f"{rows[0]['sample_id']} carries {len(rows)} variants of the gene of unknown phase"
    return _HALF, ""


def _x_linked(gene: str, one: Statement, other: Statement) -> Iterator[SharedRisk]:
    rows = (_rows(one, gene, "XL"), _rows(other, gene, "XL"))
    if not any(rows):
        return
    sexes = [said.case.person.sex for said in (one, other)]
    if sorted(sexes) != sorted((Sex.FEMALE, Sex.MALE)):
        doubt = "the sexes of the partners are not stated as female and male"
        yield SharedRisk(gene, "XL", _conditions(rows), _variants(rows), "not decided", (doubt,))
        return
    mother, father = (rows[sexes.index(sex)] for sex in (Sex.FEMALE, Sex.MALE))
    chance, doubt = _passed_on(mother) if mother else (Fraction(0), "")
    cases = [said.case for said, its in zip((one, other), rows, strict=True) if not its]
    unseen = [f"in {case.sample} {why_unseen(gene, case)}" for case in cases if why_unseen(gene, case)]
    daughters = f"{chance} of daughters affected" if father and mother else "daughters carriers" if father else ""
    sons = f"{'at least ' if doubt else ''}{chance} of sons" if mother else "no son by this"
    told = ", ".join(filter(None, (sons, daughters)))
    yield SharedRisk(gene, "XL", _conditions(rows), _variants(rows), told, tuple(filter(None, (doubt, *unseen))))


def _not_compared(gene: str, carrier: Statement, partner: Statement) -> Iterator[str]:
    """That a gene in which one carries a recessive variant was not looked at in the other; or that nobody knows how the
    condition of a variant is inherited.
    """
    carries = f"{gene}: {carrier.case.sample} carries a variant"
    if _rows(carrier, gene, "AR") and not _rows(partner, gene, "AR") and (why := why_unseen(gene, partner.case)):
        yield f"{carries}; in {partner.case.sample} {why}"
    if any(row["gene"] == gene and not modes_of(row) for row in _told(carrier)):
        yield f"{carries} of a condition whose inheritance is not known"


def _conditions(rows: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one["name"] for each in rows for row in each for one in row["conditions"]))


def _variants(rows: tuple[list[Any], list[Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    one, other = (tuple(f"{name(row)} ({row['zygosity']})" for row in each) for each in rows)
    return one, other
