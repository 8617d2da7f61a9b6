"""The ontology's files become a model in which a sign stands for everything that it is a kind of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import KnowledgeError
from engine.phenotype.model import PhenotypeModel, build_model, read_model
from engine.phenotype.sources import Annotation, Ontology, packaged_release, read_ontology
from tests.builders.ontology import write_ontology

LONG_QT, SHORT_QT, ARRHYTHMIA, BLISTER = "HP:0000102", "HP:0000103", "HP:0000101", "HP:0000201"


@pytest.fixture
def model(tmp_path: Path) -> PhenotypeModel:
    return read_model(write_ontology(tmp_path))


def seen(model: PhenotypeModel, term: str) -> dict[str, float]:
    number = model.term_numbers[term]
    start, end = model.seen.starts[number], model.seen.starts[number + 1]
    diseases = model.seen.values[start:end]
    return {
        model.diseases[disease]: round(float(frequency), 3)
        for disease, frequency in zip(diseases, model.seen_frequency[start:end], strict=True)
    }


def test_only_what_is_a_sign_is_a_term_and_only_a_disease_with_a_gene_a_disease(model: PhenotypeModel) -> None:
    assert model.release == "2024-02-29"
    assert "HP:0000006" not in model.term_numbers and LONG_QT in model.term_numbers
    assert model.diseases == ("OMIM:1", "OMIM:2", "OMIM:3")
    assert model.genes == ("LQT", "SKIN", "SQT", "TWIN")


def test_a_sign_is_seen_wherever_a_kind_of_it_is_as_often_as_the_most_frequent_kind(model: PhenotypeModel) -> None:
    """Nine of ten persons with half a person of .8 before; 90% of five; 10% of five; .8 where nothing is said."""
    assert seen(model, LONG_QT) == {"OMIM:1": 0.895}
    assert seen(model, ARRHYTHMIA) == {"OMIM:1": 0.895, "OMIM:2": 0.891}
    assert seen(model, BLISTER) == {"OMIM:2": 0.164, "OMIM:3": 0.8}


def test_what_few_diseases_have_tells_more(model: PhenotypeModel) -> None:
    told = [model.information[model.term_numbers[term]] for term in (LONG_QT, ARRHYTHMIA, "HP:0000118")]
    assert np.allclose(told, [np.log(3), np.log(1.5), 0])


def test_earlier_ids_are_looked_up_as_the_present_ones(model: PhenotypeModel) -> None:
    assert model.term_number("HP:0000902") == model.term_number(LONG_QT)
    assert model.term_number("HP:0000903") == model.term_number(SHORT_QT)
    assert model.term_number("HP:0000006") is None


def test_a_sign_that_sources_deny_is_none() -> None:
    ontology = Ontology("1", {}, {"HP:0000118": (), "HP:0000100": ("HP:0000118",)}, {})
    told = [
        Annotation("OMIM:1", "One", "HP:0000118", "1/1", False, "P"),
        Annotation("OMIM:1", "One", "HP:0000100", "", True, "P"),
        Annotation("OMIM:1", "One", "HP:0000100", "0/3", False, "P"),
    ]
    model = build_model(ontology, told, {"G": {"OMIM:1"}})
    assert [model.terms[number] for number in model.signs[0]] == ["HP:0000118"]


def test_an_ontology_in_a_circle_is_refused() -> None:
    ontology = Ontology("1", {}, {"HP:0000001": ("HP:0000002",), "HP:0000002": ("HP:0000001",)}, {})
    with pytest.raises(KnowledgeError, match="goes in a circle"):
        build_model(ontology, [], {})


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("hp.obo", "format-version: 1.2\n", "this is not the Human Phenotype Ontology"),
        ("hp.obo", "data-version: hp/releases/x\n[Term]\nid: HP:0000001\nname: A", "line"),
        ("phenotype.hpoa", "OMIM:1\tname\n", "2 columns where 11 are needed"),
        ("genes_to_phenotype.txt", "1\tA\n", "2 columns where 6 are needed"),
    ],
)
def test_a_file_that_is_not_the_releases_is_refused_by_name(
    tmp_path: Path, name: str, content: str, problem: str
) -> None:
    write_ontology(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(KnowledgeError) as refused:
        read_model(tmp_path)
    assert problem in str(refused.value) and name in str(refused.value)


def test_the_packaged_release_is_read() -> None:
    ontology = read_ontology(packaged_release())
    assert ontology.names["HP:0001250"] == "Seizure" and ontology.release == "2025-01-16"
