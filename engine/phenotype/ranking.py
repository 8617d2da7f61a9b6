"""Genes by how well their diseases explain what is seen in a person.

Two measures are added, both in nats and both a mean over the person's signs, so that a long list weighs no more than a
short one. The first asks how much more likely each sign is in the disease than in any (Robinson et al. 2020,
10.1016/j.ajhg.2020.06.021): by its frequency there; where only something more general is seen in the disease, by that
frequency and the share that the sign has of the general term, lowered since the disease is known for something else.
The second compares the two lists of signs by their best matches both ways (Resnik's similarity; Köhler et al. 2009,
10.1016/j.ajhg.2009.09.003), and so counts against a disease the signs that the person lacks. Signs that were looked for
and not found count a little, since sheets list them unevenly. A gene has the score of its best disease.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.errors import KnowledgeError
from engine.phenotype.model import PhenotypeModel

Scores = NDArray[np.float64]

GENERAL = 0.2
"""Share left of a general sign's frequency when a special one was seen in the person."""
BY_CHANCE = 0.02
"""Share of signs that do not belong to the disease at all."""
SEEN_BY_CHANCE = 0.05
"""How often such a sign is seen."""
SIMILARITY = 0.8
"""Weight of similarity beside likelihood."""
DENIED, DENIED_AT_MOST = 0.25, 0.5
"""Weight of a sign that was looked for and not found, and how sure its frequency in a disease is at most."""


@dataclass(frozen=True)
class RankedGene:
    """A gene's place.

    Attributes:
        rank: 1 for the best; genes of equal score share the better place.
        gene: symbol.
        score: the higher the better, in nats; absent where no disease of the gene is known.
        disease: id of the disease that explains most, absent with the score.
        disease_name: its name.
    """

    rank: int
    gene: str
    score: float | None
    disease: str | None
    disease_name: str | None


@dataclass(frozen=True)
class Signs:
    """What is seen in a person, as the release knows it.

    Attributes:
        observed: numbers of the signs that are seen, each once.
        excluded: numbers of those that were looked for and not found.
        unknown: ids that the release does not have as a sign; they are left out.
    """

    observed: tuple[int, ...]
    excluded: tuple[int, ...]
    unknown: tuple[str, ...]


def known_signs(model: PhenotypeModel, observed: Sequence[str], excluded: Sequence[str] = ()) -> Signs:
    """Look up ids, present or earlier ones.

    Raises:
        KnowledgeError: the release knows none of the observed ones.
    """
    signs = seen_signs(model, observed, excluded)
    if not signs.observed:
        named = f": {', '.join(signs.unknown)}" if signs.unknown else ""
        raise KnowledgeError(
            f"none of the signs is one in HPO {model.release}{named}",
            remedy="give HPO terms below Phenotypic abnormality (HP:0000118), or use a newer release",
        )
    return signs


def seen_signs(model: PhenotypeModel, observed: Sequence[str], excluded: Sequence[str] = ()) -> Signs:
    """As :func:`known_signs`, of none where the release knows none."""
    numbers = [[model.term_number(term) for term in terms] for terms in (observed, excluded)]
    seen, not_seen = (tuple(dict.fromkeys(one for one in its if one is not None)) for its in numbers)
    unknown = tuple(dict.fromkeys(term for term in (*observed, *excluded) if model.term_number(term) is None))
    return Signs(seen, not_seen, unknown)


def rank_genes(model: PhenotypeModel, signs: Signs, candidates: Mapping[str, float] | None = None) -> list[RankedGene]:
    """All genes with a known disease, or the candidates, the best first and by name where they are equal.

    Args:
        model: what is known.
        signs: what is seen.
        candidates: by symbol what else speaks for a gene, in nats, added to its score; genes without a known disease
            come last. All genes of the model where absent.
    """
    scores = disease_scores(model, signs)
    if candidates is None:
        candidates = dict.fromkeys(model.genes, 0.0)
    known = [_scored(model, scores, gene, added) for gene, added in candidates.items() if gene in model.gene_numbers]
    ranked: list[RankedGene] = []
    for place, one in enumerate(sorted(known, key=lambda one: (-(one.score or 0.0), one.gene)), start=1):
        rank = ranked[-1].rank if ranked and ranked[-1].score == one.score else place
        ranked.append(replace(one, rank=rank))
    unknown = sorted(gene for gene in candidates if gene not in model.gene_numbers)
    return [*ranked, *(RankedGene(len(known) + 1, gene, None, None, None) for gene in unknown)]


def _scored(model: PhenotypeModel, scores: Scores, gene: str, added: float) -> RankedGene:
    """A gene with the score of its best disease, its rank not yet known."""
    diseases = model.gene_diseases[model.gene_numbers[gene]]
    best = diseases[np.argmax(scores[diseases])]
    return RankedGene(0, gene, float(scores[best]) + added, model.diseases[best], model.disease_names[best])


def disease_scores(model: PhenotypeModel, signs: Signs) -> Scores:
    """The score of each disease, in the order of ``model.diseases``."""
    likelihood = np.mean([_likelihood(model, term) for term in signs.observed], axis=0)
    denied = sum((_denied(model, term) for term in signs.excluded), np.zeros(len(model.diseases)))
    similarity = _similarity(model, signs.observed)
    scores: Scores = likelihood + DENIED * denied / len(signs.observed) + SIMILARITY * similarity
    return scores


def _likelihood(model: PhenotypeModel, term: int) -> Scores:
    """Logarithm of how much more likely the sign is in each disease than in any."""
    frequency = np.zeros(len(model.diseases))
    background = float(model.background[term])
    for above in model.ancestors[term]:
        share = 1.0 if above == term else GENERAL * min(1.0, background / float(model.background[above]))
        diseases, seen = _seen(model, above)
        frequency[diseases] = np.maximum(frequency[diseases], share * seen)
    chance = BY_CHANCE * SEEN_BY_CHANCE
    told: Scores = np.log((1 - BY_CHANCE) * frequency + chance) - np.log((1 - BY_CHANCE) * background + chance)
    return told


def _denied(model: PhenotypeModel, term: int) -> Scores:
    """Logarithm of how much more likely it is not to find the sign in each disease than in any."""
    frequency = np.zeros(len(model.diseases))
    diseases, seen = _seen(model, term)
    frequency[diseases] = seen
    told: Scores = np.log1p(-DENIED_AT_MOST * frequency) - np.log1p(-DENIED_AT_MOST * float(model.background[term]))
    return told


def _similarity(model: PhenotypeModel, observed: tuple[int, ...]) -> Scores:
    """Mean of the best matches of the person's signs in the disease's, and the other way round, in nats."""
    forward = np.zeros(len(model.diseases))
    best = np.zeros(len(model.terms))
    for term in observed:
        of_term = np.zeros(len(model.diseases))
        lineage = model.ancestors[term]
        for above in lineage[np.argsort(model.information[lineage], kind="stable")]:
            information = model.information[above]
            of_term[_seen(model, above)[0]] = information
            below = model.descendants[above]
            best[below] = np.maximum(best[below], information)
        forward += of_term
    starts = model.signs.starts[:-1]
    weights = np.add.reduceat(model.sign_frequency.astype(np.float64), starts)
    backward = np.add.reduceat(best[model.signs.values] * model.sign_frequency, starts) / weights
    similarity: Scores = (forward / len(observed) + backward) / 2
    return similarity


def _seen(model: PhenotypeModel, term: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    start, end = model.seen.starts[term], model.seen.starts[term + 1]
    return model.seen.values[start:end], model.seen_frequency[start:end]
