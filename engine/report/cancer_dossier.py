"""What a clinic needs to estimate a person's risk of cancer: genes, how far each was seen, and scores.

No risk is told. The statements are those that 21 CFR 866.6090 (a) and (b)(1) asks of a test for predisposition to
cancer (in force since 2025-08-21): what is tested, what is not, and that an absent variant rules nothing out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.errors import ReportError
from engine.person import Sex
from engine.report.canrisk import GENES, UNTESTED, Cancer, Result, Standing
from engine.report.exon_coverage import ExonCoverage
from engine.report.further import limit
from engine.report.risk import ANCESTRY
from engine.report.statement import UNJUDGED, Statement
from engine.report.unseen import why_unseen
from engine.report.wording import name
from engine.risk.distribution import Distribution


@dataclass(frozen=True)
class GeneState:
    """What is known of one gene.

    Attributes:
        gene: symbol.
        result: as CanRisk has it.
        variants: that are told of it, each with its class.
        why_not: why it counts as not tested, empty where it does not.
        bases: of its exons that count, absent where they were not asked about.
        uncalled: of these, those that could not be called.
    """

    gene: str
    result: Result
    variants: tuple[str, ...] = ()
    why_not: str = ""
    bases: int | None = None
    uncalled: int | None = None

    @property
    def line(self) -> str:
        """For people.

        >>> GeneState("ATM", "S:N", bases=9171, uncalled=0).line
        'ATM: no pathogenic or likely pathogenic variant; all of 9,171 bases called'
        """
        told = {"S:P": "pathogenic or likely pathogenic", "S:N": "no pathogenic or likely pathogenic variant"}
        said = told.get(self.result, f"not assessed: {self.why_not}")
        variants = f" ({'; '.join(self.variants)})" if self.variants else ""
        seen = "" if self.bases is None else f"; {self._called} of {self.bases:,} bases called"
        return f"{self.gene}: {said}{variants}{seen}"

    @property
    def _called(self) -> str:
        return f"{(self.bases or 0) - self.uncalled:,}" if self.uncalled else "all"


@dataclass(frozen=True)
class ToldStanding:
    """A score as it is told.

    Attributes:
        score_id: as the PGS Catalog has it.
        standing: where the person lies.
        population: in which.
        ancestry: whom the person is like by genotype, in words; empty where that is not known.
    """

    score_id: str
    standing: Standing
    population: str
    ancestry: str = ""

    @property
    def line(self) -> str:
        """For people."""
        told = f"z {self.standing.z:.2f}, alpha {self.standing.alpha:g}, beside {self.population}"
        return f"polygenic score {self.score_id} ({self.standing.cancer}): {told}"


def gene_states(said: Statement, exons: Sequence[ExonCoverage]) -> tuple[GeneState, ...]:
    """What a statement tells of each gene of CanRisk's.

    A gene counts as searched without result only where it was asked about and all of it was called. A variant that
    nobody has judged, one that has to be confirmed, and whatever is told beside small variants leave it open.

    Args:
        said: of the sample.
        exons: of what was asked about, how well each was seen.
    """
    bases = {gene: [one for one in exons if one.gene == gene] for gene in GENES}
    return tuple(_state(gene, said, bases[gene]) for gene in GENES)


def _state(gene: str, said: Statement, exons: Sequence[ExonCoverage]) -> GeneState:
    rows = [one for one in said.findings if one.row["gene"] == gene]
    judged = [one for one in rows if one.category not in UNJUDGED]
    variants = tuple(f"{name(one.row)}, {one.classification}" for one in rows)
    seen = (sum(one.bases for one in exons), sum(one.uncalled for one in exons)) if exons else (None, None)
    if any(not one.row["needs_confirmation"] for one in judged):
        return GeneState(gene, "S:P", variants, "", *seen)
    why = _why_open(gene, said, is_found=bool(judged), is_candidate=any(one.category == "candidate" for one in rows))
    return GeneState(gene, UNTESTED if why else "S:N", variants, why, *seen)


def _why_open(gene: str, said: Statement, *, is_found: bool, is_candidate: bool) -> str:
    if is_found:
        return "what was found has to be confirmed first"
    if is_candidate:
        return "a person has to judge what was found first"
    if any(gene in one.genes for one in said.further.findings):
        return "of a change beside small variants, which the report tells, a person decides"
    return why_unseen(gene, said.case)


def told_standing(scores: Path, cancer: Cancer, score_id: str) -> ToldStanding:
    """Where a person lies by one of the scores that :func:`engine.risk.sample.score_sample` wrote.

    Raises:
        ReportError: the score is not there, has no sum, or no distribution with alpha is declared of it.
    """
    rows: list[Any] = json.loads(scores.read_text("utf-8"))
    one = next((row for row in rows if row["score"]["score_id"] == score_id), None)
    if one is None or one["score"]["total"] is None:
        problem = "was not computed" if one is None else "has no sum: too few of its variants are known"
        remedy = "order the scores in the sheet, and declare this one" if one is None else "leave it out"
        raise ReportError(f"{score_id} {problem}", file=scores, remedy=remedy)
    population: Mapping[str, Any] = one["population"] or {}
    known = Distribution(**population["distribution"]) if population else None
    if known is None or known.alpha is None or not 0 <= known.alpha <= 1:
        raise ReportError(
            f"of {score_id} no mean, standard deviation and alpha (0 to 1) are declared",
            file=scores,
            remedy="declare them in distributions.tsv beside the scoring file, from the publication of the score",
        )
    standing = Standing(cancer, known.alpha, known.z(one["score"]["total"]))
    return ToldStanding(score_id, standing, population["name"], one.get("ancestry", ""))


def sex_of(said: Statement) -> Literal["F", "M"]:
    """The person's sex as CanRisk writes it; ReportError where nobody stated it."""
    sex = said.case.person.sex
    if sex == Sex.UNKNOWN:
        raise ReportError(
            "CanRisk needs the person's sex, which nobody stated", sample=said.case.sample, remedy="state it in a sheet"
        )
    return "F" if sex == Sex.FEMALE else "M"


def statements(said: Statement, states: Sequence[GeneState], standings: Sequence[ToldStanding]) -> tuple[str, ...]:
    """What the dossier is and is not, in sentences."""
    seen = [one.gene for one in states if one.result != UNTESTED]
    unseen = [one.gene for one in states if one.result == UNTESTED]
    populations = sorted({one.population for one in standings})
    return (
        f"Tested: {', '.join(seen) or 'none of the genes throughout'}, for small variants that ClinVar without "
        "conflict, or the laboratory, classifies as pathogenic or likely pathogenic.",
        *([f"Not assessed, and not to be taken for negative: {', '.join(unseen)}."] if unseen else []),
        f"Not tested: other genes, and what lies outside the regions studied. {limit(said.further)}",
        "The test does not detect all variants of these genes that raise the risk of cancer. That none was found rules "
        "out neither others in these genes nor such of other genes. What share of the pathogenic variants of these "
        "genes it finds has not been measured.",
        *(
            [f"Scores are told beside {' and '.join(populations)}; of other ancestry they mislead."]
            if populations
            else []
        ),
        *(f"The person's {ANCESTRY}: {told}." for told in sorted({one.ancestry for one in standings if one.ancestry})),
        "It does not determine anybody's overall risk of cancer: family history, age and way of life are not in it.",
        "It is no substitute for visits to a healthcare provider for recommended screening and follow-up, and no "
        "treatment is to be decided by it.",
    )
