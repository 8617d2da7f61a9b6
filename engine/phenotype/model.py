"""Diseases and the signs seen in them, in arrays that answer in milliseconds.

A sign is seen in a disease with a frequency. By the true path rule whoever has a sign has everything that it is a kind
of: a term's frequency in a disease is that of its most frequent kind there. How often a term is seen over all diseases
is its background, and the rarer it is among diseases the more it tells (information content, Resnik 1995).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import KnowledgeError
from engine.phenotype.sources import (
    Annotation,
    Ontology,
    packaged_release,
    read_annotations,
    read_gene_diseases,
    read_ontology,
)

Indices = NDArray[np.int32]
Numbers = NDArray[np.float32]

ABNORMALITY = "HP:0000118"
"""Phenotypic abnormality: what is below it is a sign, what is not is inheritance, course or frequency."""
ASSUMED_FREQUENCY = 0.8
"""Of a sign that a source names without saying how often it is seen."""
ASSUMED_PERSONS, STATED_PERSONS, PRIOR_PERSONS = 3.0, 5.0, 0.5
"""How many persons a source counts for that tells no number: one without frequency, one with a class or a percentage,
and what is assumed before any source is read."""
CLASSES = {
    "HP:0040280": 1.0,
    "HP:0040281": 0.9,
    "HP:0040282": 0.55,
    "HP:0040283": 0.17,
    "HP:0040284": 0.03,
    "HP:0040285": 0.0,
}
"""Middle of each class of the frequency subontology: obligate to excluded."""
_COUNTED, _SHARE = re.compile(r"([0-9]+)/([1-9][0-9]*)"), re.compile(r"([0-9]+(?:\.[0-9]+)?)%")
_RAREST = 0.2
"""Diseases in which a term is assumed to be seen that no source names."""


@dataclass(frozen=True)
class Lists:
    """Lists of numbers of different lengths, one behind the other.

    Attributes:
        starts: where each list begins, and where the last one ends; int64, one more than there are lists.
        values: all their numbers; int32.
    """

    starts: NDArray[np.int64]
    values: Indices

    def __getitem__(self, number: int) -> Indices:
        return self.values[self.starts[number] : self.starts[number + 1]]

    @classmethod
    def of(cls, lists: Iterable[Sequence[int]]) -> Lists:
        """Put lists behind each other."""
        every = list(lists)
        starts = np.cumsum([0, *map(len, every)])
        return cls(starts, np.fromiter((value for one in every for value in one), np.int32, int(starts[-1])))


@dataclass(frozen=True)
class PhenotypeModel:
    """Everything that a ranking asks; numbers of terms and diseases are their places in ``terms`` and ``diseases``.

    Attributes:
        release: of the ontology.
        ontology: names of terms, and ids that were replaced.
        terms: ids of all signs, sorted.
        ancestors: of each term what it is a kind of, itself included.
        descendants: of each term its kinds, itself included.
        diseases: ids of the diseases that a gene is known for, sorted.
        disease_names: their names.
        seen: of each term the diseases in which it, or a kind of it, is seen.
        seen_frequency: the frequency of each entry of ``seen``; 0 to 1.
        signs: of each disease the signs that sources name.
        sign_frequency: the frequency of each entry of ``signs``; 0 to 1.
        background: mean frequency of each term over all diseases, never 0.
        information: of each term the natural logarithm of how few diseases have it, in nats.
        genes: symbols, sorted.
        gene_diseases: of each gene its diseases; no list is empty.
    """

    release: str
    ontology: Ontology
    terms: tuple[str, ...]
    ancestors: Lists
    descendants: Lists
    diseases: tuple[str, ...]
    disease_names: tuple[str, ...]
    seen: Lists
    seen_frequency: Numbers
    signs: Lists
    sign_frequency: Numbers
    background: Numbers
    information: Numbers
    genes: tuple[str, ...]
    gene_diseases: Lists

    @cached_property
    def term_numbers(self) -> dict[str, int]:
        """Number by id."""
        return {term: number for number, term in enumerate(self.terms)}

    @cached_property
    def gene_numbers(self) -> dict[str, int]:
        """Number by symbol."""
        return {gene: number for number, gene in enumerate(self.genes)}

    def term_number(self, identifier: str) -> int | None:
        """The number of a sign by its present or earlier id; absent where the release has no such sign."""
        return self.term_numbers.get(self.ontology.replaced.get(identifier, identifier))


def read_model(folder: Path | None = None) -> PhenotypeModel:
    """Make the model of a release's files.

    Args:
        folder: has ``hp.obo``, ``phenotype.hpoa`` and ``genes_to_phenotype.txt``; the packaged release where absent.

    Raises:
        KnowledgeError: a file is missing or damaged.
    """
    folder = folder or packaged_release()
    return build_model(read_ontology(folder), read_annotations(folder), read_gene_diseases(folder))


def build_model(
    ontology: Ontology, annotations: Iterable[Annotation], gene_diseases: dict[str, set[str]]
) -> PhenotypeModel:
    """Make the model: see :class:`PhenotypeModel`."""
    lineages = _lineages(ontology)
    terms = tuple(sorted(term for term, lineage in lineages.items() if ABNORMALITY in lineage))
    numbers = {term: number for number, term in enumerate(terms)}
    ancestors = [sorted(numbers[above] for above in lineages[term] if above in numbers) for term in terms]
    names, frequencies = _frequencies(ontology, annotations, numbers)
    known = {disease for diseases in gene_diseases.values() for disease in diseases if frequencies.get(disease)}
    diseases = tuple(sorted(known))
    signs = [sorted(frequencies[disease].items()) for disease in diseases]
    seen, seen_frequency = _seen(signs, ancestors)
    total = np.zeros(len(terms))
    np.add.at(total, np.repeat(np.arange(len(terms)), np.diff(seen.starts)), seen_frequency)
    disease_numbers = {disease: number for number, disease in enumerate(diseases)}
    genes = {gene: sorted(disease_numbers[one] for one in its if one in known) for gene, its in gene_diseases.items()}
    genes = {gene: its for gene, its in sorted(genes.items()) if its}
    return PhenotypeModel(
        release=ontology.release,
        ontology=ontology,
        terms=terms,
        ancestors=Lists.of(ancestors),
        descendants=Lists.of(_turned(ancestors, len(terms))),
        diseases=diseases,
        disease_names=tuple(names[disease] for disease in diseases),
        seen=seen,
        seen_frequency=seen_frequency,
        signs=Lists.of([term for term, _ in one] for one in signs),
        sign_frequency=np.array([frequency for one in signs for _, frequency in one], np.float32),
        background=np.maximum(total / len(diseases), _RAREST / len(diseases)).astype(np.float32),
        information=np.log(len(diseases) / np.maximum(np.diff(seen.starts), 1)).astype(np.float32),
        genes=tuple(genes),
        gene_diseases=Lists.of(genes.values()),
    )


def _lineages(ontology: Ontology) -> dict[str, frozenset[str]]:
    """Of each term everything that it is a kind of, itself included."""
    lineages: dict[str, frozenset[str]] = {}
    try:
        for term in TopologicalSorter(ontology.parents).static_order():
            lineages[term] = frozenset({term}.union(*(lineages[parent] for parent in ontology.parents.get(term, ()))))
    except CycleError as error:
        raise KnowledgeError(
            f"the ontology goes in a circle: {', '.join(error.args[1])}", remedy="use hp.obo of an HPO release"
        ) from error
    return lineages


def _frequencies(
    ontology: Ontology, annotations: Iterable[Annotation], numbers: dict[str, int]
) -> tuple[dict[str, str], dict[str, dict[int, float]]]:
    """Names of diseases, and of each how often each sign is seen by all sources together."""
    names: dict[str, str] = {}
    told: defaultdict[str, defaultdict[int, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for one in annotations:
        names[one.disease] = one.disease_name
        term = numbers.get(ontology.replaced.get(one.term, one.term))
        if one.aspect == "P" and term is not None:
            told[one.disease][term].append(_observed(one))
    pooled = {
        disease: {term: _pooled(sources) for term, sources in signs.items() if any(seen for seen, _ in sources)}
        for disease, signs in told.items()
    }
    return names, pooled


def _observed(annotation: Annotation) -> tuple[float, float]:
    """In how many persons of how many a source saw the sign; what is written in no known way counts as not stated.

    >>> _observed(Annotation("OMIM:1", "", "HP:0000001", "3/7", False, "P"))
    (3.0, 7.0)
    """
    if annotation.is_denied:
        return 0.0, STATED_PERSONS
    counted = _COUNTED.fullmatch(annotation.frequency)
    if counted:
        return float(counted[1]), float(counted[2])
    share = _SHARE.fullmatch(annotation.frequency)
    stated = float(share[1]) / 100 if share else CLASSES.get(annotation.frequency)
    if stated is not None:
        return stated * STATED_PERSONS, STATED_PERSONS
    return ASSUMED_FREQUENCY * ASSUMED_PERSONS, ASSUMED_PERSONS


def _pooled(sources: list[tuple[float, float]]) -> float:
    seen = sum(source[0] for source in sources) + ASSUMED_FREQUENCY * PRIOR_PERSONS
    return seen / (sum(source[1] for source in sources) + PRIOR_PERSONS)


def _seen(signs: list[list[tuple[int, float]]], ancestors: list[list[int]]) -> tuple[Lists, Numbers]:
    """Of each term the diseases that have it or a kind of it, and the frequency of the most frequent kind."""
    of_term: list[dict[int, float]] = [{} for _ in ancestors]
    for disease, its in enumerate(signs):
        for term, frequency in its:
            for above in ancestors[term]:
                diseases = of_term[above]
                if diseases.get(disease, 0.0) < frequency:
                    diseases[disease] = frequency
    frequencies = np.array([frequency for diseases in of_term for frequency in diseases.values()], np.float32)
    return Lists.of([*diseases] for diseases in of_term), frequencies


def _turned(ancestors: list[list[int]], count: int) -> Iterator[list[int]]:
    below: list[list[int]] = [[] for _ in range(count)]
    for term, its in enumerate(ancestors):
        for above in its:
            below[above].append(term)
    return iter(below)
