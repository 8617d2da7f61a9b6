"""Phenotypes as knowledge: what is stored answers as what was read, and genes have the conditions that HPO states."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.errors import KnowledgeError
from engine.phenotype.conditions import GENE_CONDITIONS, GeneCondition, read_conditions
from engine.phenotype.knowledge import build_phenotypes, read_phenotypes
from engine.phenotype.model import Lists, read_model
from engine.phenotype.ranking import known_signs, rank_genes
from tests.builders.ontology import write_ontology


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write_ontology(tmp_path / "release")


def test_what_is_stored_is_what_was_read(release: Path, tmp_path: Path) -> None:
    measures = build_phenotypes(release, tmp_path)
    assert (measures.genes, measures.diseases, measures.inherited, measures.release) == (5, 4, 1, "2024-02-29")
    stored, read = read_phenotypes(tmp_path), read_model(release)
    for one in fields(read):
        is_there, expected = getattr(stored, one.name), getattr(read, one.name)
        if isinstance(expected, Lists):
            np.testing.assert_array_equal(is_there.starts, expected.starts)
            np.testing.assert_array_equal(is_there.values, expected.values)
        elif isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(is_there, expected)
        elif one.name != "ontology":
            assert is_there == expected
    signs = known_signs(read, ["HP:0000902"])
    assert rank_genes(stored, known_signs(stored, ["HP:0000902"])) == rank_genes(read, signs)
    assert stored.ontology.names["HP:0000102"] == "Long QT"


def test_a_gene_has_its_conditions_with_the_inheritance_that_is_stated(release: Path, tmp_path: Path) -> None:
    build_phenotypes(release, tmp_path)
    assert read_conditions(tmp_path, {"LQT", "SQT", "NOGENE"}) == {
        "LQT": (GeneCondition("OMIM:1", "Long QT syndrome", "AD"),),
        "SQT": (GeneCondition("OMIM:2", "Short QT syndrome", "unknown"),),
    }
    assert read_conditions(None, {"LQT"}) == {} == read_conditions(tmp_path, set())
    assert set(pq.read_table(tmp_path / GENE_CONDITIONS)["release"].to_pylist()) == {"2024-02-29"}


def test_several_modes_of_one_disease_are_all_told(release: Path, tmp_path: Path) -> None:
    with (release / "phenotype.hpoa").open("a") as table:
        for term in ("HP:0000007", "HP:0001419", "HP:0003745"):
            table.write(f"OMIM:1\tLong QT syndrome\t\t{term}\tPMID:1\tPCS\t\t\t\t\tI\tHPO:x\n")
        table.write("OMIM:1\tLong QT syndrome\tNOT\tHP:0001427\tPMID:1\tPCS\t\t\t\t\tI\tHPO:x\n")
    build_phenotypes(release, tmp_path)
    assert read_conditions(tmp_path, {"LQT"})["LQT"][0].inheritance == "AD/AR/XL"


@pytest.mark.parametrize("name", ["hp.obo", "phenotype.hpoa", "genes_to_phenotype.txt"])
def test_a_release_that_lacks_a_file_or_is_cut_off_is_refused(release: Path, tmp_path: Path, name: str) -> None:
    text = (release / name).read_text()
    (release / name).write_text(text[: len(text) // 20])
    with pytest.raises(KnowledgeError, match="may have been cut"):
        build_phenotypes(release, tmp_path)
    (release / name).unlink()
    with pytest.raises(KnowledgeError, match=name):
        build_phenotypes(release, tmp_path)
    assert not list(tmp_path.glob("*.npz"))
