"""What alleles do and what guidelines say of it: function, activity score, phenotype, recommendation by drug.

All of it is in PyPGx's tables (:mod:`engine.pharmacogenomics.pypgx`), whose phenotypes and texts are those of CPIC. A
gene's phenotype is looked up by the pair of alleles, or computed from the sum of their activity scores, whichever the
tables say. What they do not know has none: nothing is guessed from a like name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.errors import KnowledgeError
from engine.pharmacogenomics.pypgx import ALLELES, FIRST_TOLD, GENES, NOTHING, Row, Tables

_BY_SCORE, _BY_DIPLOTYPE = "Score", "Diplotype"
_MALE = "MALE"
"""What the tables call the absent second chromosome X."""
_NONE = "None"
_REFERENCE = re.compile(r"rs\d+ reference \([ACGT]+\)|ivacaftor non-responsive CFTR sequence")
_VARIANT = re.compile(r"(rs\d+) variant \([ACGT]+\)")
_BOUNDS = re.compile(r"(?:([0-9.]+) *(<=?|==) *)?score(?: *(<=?) *([0-9.]+))?")
# The intronic variant is the one that lowers the function of HapB3: see engine.pharmacogenomics.lowest_function.
_SAME = {("DPYD", "c.1129-5923C>G"): "c.1129-5923C>G, c.1236G>A (HapB3)"}


@dataclass(frozen=True)
class Function:
    """What an allele does.

    Attributes:
        term: such as ``No Function``; absent where the tables do not have the allele.
        score: its activity score, absent where it has none.
    """

    term: str | None
    score: float | None


@dataclass(frozen=True)
class Phenotype:
    """What a pair of alleles means.

    Attributes:
        term: such as ``Poor Metabolizer``; absent where the tables do not say.
        score: sum of the alleles' activity scores, absent for a gene without, or where an allele's is not known.
    """

    term: str | None
    score: float | None = None


@dataclass(frozen=True)
class Recommendation:
    """What a guideline says of a drug.

    Attributes:
        drug: its name.
        genes: whose phenotypes it is about, with the phenotype; absent where it is not known.
        text: of the guideline.
        guideline: where it is published, empty where the tables do not say.
        level: CPIC's level of evidence, empty where the tables do not say.
        rxnorm: RxNorm's number of the drug, empty where the tables do not say.
    """

    drug: str
    genes: Mapping[str, str | None]
    text: str
    guideline: str
    level: str
    rxnorm: str = ""


class Guidelines:
    """The tables of functions, phenotypes and recommendations."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._alleles = {(row["Gene"], row["StarAllele"]): row for row in tables.rows(ALLELES)}
        self._genes = {row["Gene"]: row for row in tables.rows(GENES)}
        self._diplotypes = {
            (row["Gene"], frozenset(row["Diplotype"].split("/"))): row["Phenotype"]
            for row in tables.rows("diplotype-table.csv")
        }
        self._equations: dict[str, list[Row]] = {}
        for row in tables.rows("equation-table.csv"):
            self._equations.setdefault(row["Gene"], []).append(row)
        self._texts = tables.rows("recommendation-table.csv")
        self._pairs = {(row["Gene"], row["Drug"]): row for row in tables.rows("cpic-table.csv")}

    def has_phenotypes(self, gene: str) -> bool:
        """Whether the tables have phenotypes of the gene."""
        return self._method(gene) in {_BY_SCORE, _BY_DIPLOTYPE}

    def function(self, gene: str, allele: str) -> Function:
        """What an allele does."""
        row = self._alleles.get((gene, self._name(gene, allele)))
        if row is None:
            return Function(None, None)
        score = row["ActivityScore"]
        return Function(
            None if row["Function"] == NOTHING else row["Function"], None if score == NOTHING else float(score)
        )

    def severity(self, gene: str, allele: str) -> tuple[float, int]:
        """A key by which the allele of lowest function comes first; one whose function is not known comes last."""
        function = self.function(gene, allele)
        order = FIRST_TOLD.index(function.term) if function.term in FIRST_TOLD else len(FIRST_TOLD)
        return (float("inf") if function.score is None else function.score, order)

    def phenotype(self, gene: str, alleles: Sequence[str]) -> Phenotype:
        """What a pair of alleles, or the one of a single chromosome X, means."""
        names = [self._name(gene, allele) for allele in alleles]
        if any((gene, name) not in self._alleles for name in names):
            return Phenotype(None)
        if self._method(gene) == _BY_SCORE:
            return self._by_score(gene, names)
        pair = frozenset((*names, _MALE) if len(names) == 1 and (gene, _MALE) in self._alleles else names)
        return Phenotype(self._diplotypes.get((gene, pair)))

    def _by_score(self, gene: str, names: Sequence[str]) -> Phenotype:
        scores = [self._alleles[gene, name]["ActivityScore"] for name in names]
        if NOTHING in scores:
            return Phenotype("Indeterminate")
        total = sum(map(float, scores))
        term = next((row["Phenotype"] for row in self._equations[gene] if is_within(total, row["Equation"])), None)
        return Phenotype(term, total)

    def recommendations(self, phenotypes: Mapping[str, str | None]) -> list[Recommendation]:
        """What guidelines say of drugs, for the genes whose phenotype is known.

        Args:
            phenotypes: by gene, absent where it is not known.
        """
        return [
            self._recommendation(row, phenotypes)
            for row in self._texts
            if row["Recommendation"] != _NONE and _is_about(row, phenotypes)
        ]

    def _recommendation(self, row: Row, phenotypes: Mapping[str, str | None]) -> Recommendation:
        genes = [gene for gene in (row["Gene1"], row["Gene2"]) if gene != _NONE]
        pair = next((self._pairs[gene, row["Drug"]] for gene in genes if (gene, row["Drug"]) in self._pairs), {})
        guideline = pair.get("Guideline", "")
        return Recommendation(
            drug=row["Drug"],
            genes={gene: phenotypes.get(gene) for gene in genes},
            text=row["Recommendation"],
            guideline="" if guideline in {NOTHING, _NONE} else guideline,
            level=pair.get("CPICLevel", ""),
            rxnorm=pair.get("RxNorm", ""),
        )

    def _method(self, gene: str) -> str:
        row = self._genes.get(gene)
        return NOTHING if row is None else row["PhenotypeMethod"]

    def _name(self, gene: str, allele: str) -> str:
        """The tables' name of an allele that another publisher calls otherwise."""
        if _REFERENCE.fullmatch(allele) and gene in self._genes:
            return self._genes[gene]["RefAllele"]
        variant = _VARIANT.fullmatch(allele)
        return variant[1] if variant else _SAME.get((gene, allele), allele)


def is_within(score: float, bounds: str) -> bool:
    """Whether a score lies within bounds as the tables write them.

    >>> is_within(1.0, "0 <= score < 1"), is_within(2.0, "2 == score"), is_within(3.0, "2.5 <= score")
    (False, True, True)
    """
    told = _BOUNDS.fullmatch(bounds.strip())
    if told is None or not (told[2] or told[3]):
        raise KnowledgeError(f"{bounds!r} are no bounds of a score", remedy="use the tables of a PyPGx release")
    low, low_sign, high_sign, high = told.groups()
    above = low is None or _holds(float(low), low_sign, score)
    return above and (high is None or _holds(score, high_sign, float(high)))


def _holds(left: float, sign: str, right: float) -> bool:
    return left == right if sign == "==" else left < right if sign == "<" else left <= right


def _is_about(row: Row, phenotypes: Mapping[str, str | None]) -> bool:
    """Whether a row is about these phenotypes; one of its genes at least must be known."""
    genes = [(row["Gene1"], row["Phenotype1"]), (row["Gene2"], row["Phenotype2"])]
    asked = [(gene, told) for gene, told in genes if gene != _NONE]
    known = [gene for gene, _ in asked if phenotypes.get(gene)]
    return bool(known) and all((phenotypes.get(gene) or _NONE) == told for gene, told in asked)
