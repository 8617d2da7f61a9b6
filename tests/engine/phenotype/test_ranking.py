"""Genes are ranked by how well their diseases explain what is seen."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.errors import KnowledgeError
from engine.phenotype.model import PhenotypeModel, read_model
from engine.phenotype.ranking import disease_scores, known_signs, rank_genes
from tests.builders.ontology import write_ontology

EVERY = 25
"""Of the published cases one in so many is ranked here; ``benchmarks/phenotype.py`` ranks all of them."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PhenotypeModel:
    return read_model(write_ontology(tmp_path_factory.mktemp("ontology")))


def ranked(model: PhenotypeModel, observed: Sequence[str], excluded: Sequence[str] = ()) -> list[str]:
    return [gene.gene for gene in rank_genes(model, known_signs(model, observed, excluded))]


def test_the_disease_with_the_sign_comes_before_one_with_a_related_sign(model: PhenotypeModel) -> None:
    assert ranked(model, ["HP:0000102"]) == ["LQT", "SQT", "SKIN", "TWIN"]


def test_frequency_decides_between_two_diseases_with_the_sign(model: PhenotypeModel) -> None:
    """Blisters are seen in one of ten with short QT."""
    assert ranked(model, ["HP:0000201"]) == ["SKIN", "TWIN", "SQT", "LQT"]


def test_a_sign_looked_for_and_not_found_counts_against(model: PhenotypeModel) -> None:
    without = disease_scores(model, known_signs(model, ["HP:0000101"]))
    with_denied = disease_scores(model, known_signs(model, ["HP:0000101"], ["HP:0000102"]))
    long_qt, short_qt, _ = with_denied - without
    assert long_qt < 0 < short_qt


def test_equal_genes_share_the_better_rank_and_stand_by_name(model: PhenotypeModel) -> None:
    told = rank_genes(model, known_signs(model, ["HP:0000201"]))
    assert [(gene.rank, gene.gene) for gene in told] == [(1, "SKIN"), (1, "TWIN"), (3, "SQT"), (4, "LQT")]
    assert (told[0].disease, told[0].disease_name) == ("OMIM:3", "Blistering")


def test_candidates_alone_are_ranked_and_other_evidence_is_added(model: PhenotypeModel) -> None:
    signs = known_signs(model, ["HP:0000102"])
    told = rank_genes(model, signs, {"SQT": 100.0, "LQT": 0.0, "ZZZ": 0.0, "AAA": 9.0})
    assert [(gene.rank, gene.gene, gene.score is None) for gene in told] == [
        (1, "SQT", False),
        (2, "LQT", False),
        (3, "AAA", True),
        (3, "ZZZ", True),
    ]


def test_order_and_repetition_of_signs_do_not_matter(model: PhenotypeModel) -> None:
    once = disease_scores(model, known_signs(model, ["HP:0000102", "HP:0000201"]))
    again = disease_scores(model, known_signs(model, ["HP:0000201", "HP:0000102", "HP:0000902", "HP:0000201"]))
    assert np.allclose(once, again)


def test_signs_that_the_release_lacks_are_told_and_left_out(model: PhenotypeModel) -> None:
    signs = known_signs(model, ["HP:0000102", "HP:7777777"], ["HP:0000006"])
    assert len(signs.observed) == 1 and signs.unknown == ("HP:7777777", "HP:0000006")
    with pytest.raises(KnowledgeError, match="none of the signs is one in HPO 2024-02-29: HP:7777777"):
        known_signs(model, ["HP:7777777"])


def test_solved_cases_find_their_gene(shared_data: Path) -> None:
    """Better than similarity alone, which has the gene first in a third of cases and among ten in two thirds."""
    model = read_model()
    with gzip.open(shared_data / "phenopackets" / "cases.tsv.gz", "rt") as table:
        cases = [row for row in csv.DictReader(table, delimiter="\t") if row["hpo_observed"]][::EVERY]
    ranks = []
    for case in (case for case in cases if case["gene"] in model.gene_numbers):
        signs = known_signs(model, case["hpo_observed"].split(";"), [t for t in case["hpo_excluded"].split(";") if t])
        ranks.append(next(gene.rank for gene in rank_genes(model, signs) if gene.gene == case["gene"]))
    assert len(ranks) > 160
    assert np.mean(np.array(ranks) <= 1) >= 0.45 and np.mean(np.array(ranks) <= 10) >= 0.66
