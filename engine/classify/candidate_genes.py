"""Every gene that was asked about in which a person carries a variant that may matter, ranked by the person's signs.

A gene is ranked by how well its diseases explain the order's HPO terms (:mod:`engine.phenotype.ranking`) and by its
strongest variant: one that ClinVar calls pathogenic, of high impact, or of moderate impact. What ClinVar calls benign
and what did not pass makes no candidate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.classify.phase import TOLD
from engine.classify.question import Question
from engine.duckdb_paths import as_pattern
from engine.phenotype.candidates import IMPACT, KNOWN_PATHOGENIC
from engine.phenotype.knowledge import read_phenotypes
from engine.phenotype.model import PhenotypeModel
from engine.phenotype.ranking import RankedGene, Signs, disease_scores, rank_genes, seen_signs
from engine.tables import Column, arrow_schema

SUFFIX = ".candidate_genes.parquet"
CANDIDATE_GENE_COLUMNS = (
    Column("sample_id", "VARCHAR", "Sample id", required=True),
    Column(
        "rank",
        "INTEGER",
        "Place among the candidate genes by signs and variants together, 1 for the best; genes of equal score share it",
        "genes",
        required=True,
        minimum=1,
    ),
    Column("gene", "VARCHAR", "Gene symbol", required=True),
    Column("score", "DOUBLE", "The higher the better; absent where no disease of the gene is known", "nats"),
    Column(
        "phenotype_rank",
        "INTEGER",
        "Place by the signs alone among all genes with a known disease; absent without signs or disease",
        "genes",
        minimum=1,
    ),
    Column("disease", "VARCHAR", "Disease of the gene that explains the signs best: OMIM:nnnnnn or ORPHA:n"),
    Column("disease_name", "VARCHAR", "Its name"),
    Column("alleles", "VARCHAR[]", "Its variants that may matter"),
    Column("weight", "DOUBLE", "What the strongest of them adds to the score", "nats"),
)


@dataclass(frozen=True)
class Ranking:
    """Genes by a person's signs.

    Attributes:
        model: what is known of genes and signs.
        signs: of the person, as the release knows them.
    """

    model: PhenotypeModel
    signs: Signs

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """The score of each disease by the signs alone, in the order of the model's."""
        return disease_scores(self.model, self.signs)

    @cached_property
    def _of_genes(self) -> NDArray[np.float64]:
        """The score of each gene: that of its best disease."""
        genes = self.model.gene_diseases
        best: NDArray[np.float64] = np.maximum.reduceat(self.scores[genes.values], genes.starts[:-1])
        return best

    def place(self, gene: str) -> tuple[int, str] | None:
        """Place of a gene among all with a known disease, and its disease that explains most; absent without one.

        The same as of :func:`engine.phenotype.ranking.rank_genes`, at a fiftieth of the time.
        """
        number = self.model.gene_numbers.get(gene)
        if number is None:
            return None
        diseases = self.model.gene_diseases[number]
        best = diseases[np.argmax(self.scores[diseases])]
        return 1 + int((self._of_genes > self._of_genes[number]).sum()), self.model.disease_names[best]


def ranking_of(phenotypes: Path | None, terms: Sequence[str]) -> Ranking | None:
    """The ranking by an order's HPO terms; absent where it names none that the release knows as a sign.

    Args:
        phenotypes: folder of the knowledge, absent where the reference has none.
        terms: ids, present or earlier ones.
    """
    if phenotypes is None or not terms:
        return None
    model = read_phenotypes(phenotypes)
    signs = seen_signs(model, terms)
    return Ranking(model, signs) if signs.observed else None


def write_candidate_genes(
    annotated: Path, question: Question, left_out: frozenset[str], ranking: Ranking | None, path: Path, sample: str
) -> int:
    """Write the table with columns :data:`CANDIDATE_GENE_COLUMNS`; returns its rows.

    Args:
        annotated: Parquet of the annotated variants.
        question: what was asked about.
        left_out: genes that an open question does not ask about.
        ranking: by the person's signs; without it genes are ranked by their variants alone.
        path: of the table.
        sample: sample id.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    candidates: dict[str, dict[str, float]] = {}
    for gene, allele, weight in _evidence(annotated):
        if gene in question.genes or (question.is_open and gene not in left_out):
            alleles = candidates.setdefault(gene, {})
            alleles[allele] = max(weight, alleles.get(allele, 0.0))
    weights = {gene: max(alleles.values()) for gene, alleles in candidates.items()}
    ranked = rank_genes(ranking.model, ranking.signs, weights) if ranking else _by_weight(weights)
    places = {gene: ranking.place(gene) for gene in weights} if ranking else {}
    rows = [
        {
            "sample_id": sample,
            "rank": one.rank,
            "gene": one.gene,
            "score": one.score,
            "phenotype_rank": place[0] if (place := places.get(one.gene)) else None,
            "disease": one.disease,
            "disease_name": one.disease_name,
            "alleles": list(candidates[one.gene]),
            "weight": weights[one.gene],
        }
        for one in ranked
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(CANDIDATE_GENE_COLUMNS)), path, compression="zstd")
    return len(rows)


def _by_weight(weights: Mapping[str, float]) -> list[RankedGene]:
    ordered = sorted(weights, key=lambda gene: (-weights[gene], gene))
    places = {weight: 1 + sum(other > weight for other in weights.values()) for weight in set(weights.values())}
    return [RankedGene(places[weights[gene]], gene, None, None, None) for gene in ordered]


def _evidence(annotated: Path) -> Iterator[tuple[str, str, float]]:
    """Gene, allele, and what it speaks for the gene, of each variant that may matter."""
    import duckdb

    with duckdb.connect() as db:
        rows = (
            db.read_parquet(as_pattern(annotated))
            .filter(
                f"(impact IN ('HIGH', 'MODERATE') OR clinvar_classification IN {TOLD}) AND filter IN ('PASS', '.') "
                "AND coalesce(clinvar_classification, '') NOT IN ('benign', 'likely_benign')"
            )
            .project("allele, gene, impact, clinvar_classification, consequences")
            .fetchall()
        )
    for allele, gene, impact, classification, consequences in rows:
        known = KNOWN_PATHOGENIC if classification in TOLD else 0.0
        for hit, hardest in _hits(gene, impact, consequences):
            if known or hardest in IMPACT:
                yield hit, allele, IMPACT.get(hardest, 0.0) + known


def _hits(gene: str | None, impact: str, consequences: Iterable[Mapping[str, Any]] | None) -> set[tuple[str, str]]:
    """Genes that a variant hits, with the impact."""
    every = {(one["gene"], one["impact"]) for one in consequences or () if one["gene"]}
    return every | ({(gene, impact)} if gene else set())
