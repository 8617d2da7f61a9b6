"""What is said of drugs, as Observations of the guide: what was not called, or is left open, is no genotype."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.fhir.bundle import build_bundle
from engine.fhir.check import check_bundle, faults
from tests.builders.annotated import variant
from tests.builders.drugs import AMBIGUOUS, GENES, drug_response
from tests.builders.statements import statement

Bundle = dict[str, Any]


def built(folder: Path, genotypes: dict[str, str] | None = None, **options: Any) -> Bundle:
    bundle = build_bundle(statement(folder, variant("AVP"), drugs=drug_response(folder, genotypes, **options)))
    assert [str(fault) for fault in faults(bundle)] == [] and not check_bundle(bundle).problems
    return bundle


@pytest.fixture(scope="module")
def poor(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return built(tmp_path_factory.mktemp("poor"))


@pytest.fixture(scope="module")
def ambiguous(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return built(tmp_path_factory.mktemp("ambiguous"), AMBIGUOUS, missing=["rs116855232"])


def observations(bundle: Bundle, profile: str) -> dict[str, Bundle]:
    """Observations of a profile by their reference."""
    found = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    return {
        name: one
        for name, one in found.items()
        if one["resourceType"] == "Observation" and one["meta"]["profile"][0].endswith(f"/{profile}")
    }


def gene(observation: Bundle) -> str:
    (told,) = [part for part in observation["component"] if part["code"]["coding"][0]["code"] == "48018-6"]
    return str(told["valueCodeableConcept"]["coding"][0]["display"])


def values(observation: Bundle, code: str) -> list[Any]:
    parts = [part for part in observation["component"] if part["code"]["coding"][0]["code"] == code]
    return [next(part[key] for key in part if key.startswith("value")) for part in parts]


def genotypes(bundle: Bundle) -> dict[str, Bundle]:
    return {gene(one): one for one in observations(bundle, "genotype").values()}


def test_a_diplotype_is_a_genotype_of_its_haplotypes(poor: Bundle) -> None:
    told, haplotypes = genotypes(poor)["CYP2C19"], observations(poor, "haplotype")
    assert told["valueCodeableConcept"] == {"text": "CYP2C19*2/*2"} and told["code"]["coding"][0]["code"] == "84413-4"
    (allele,) = [haplotypes[one["reference"]] for one in told["derivedFrom"]]
    assert allele["valueCodeableConcept"] == {"text": "CYP2C19*2"} and allele["note"] == [{"text": "No Function"}]
    assert set(genotypes(poor)) == set(GENES)


def test_a_drug_has_an_implication_of_its_own_with_phenotype_text_and_guideline(poor: Bundle) -> None:
    by_drug = {
        drug["coding"][0]["display"]: one
        for one in observations(poor, "therapeutic-implication").values()
        for drug in values(one, "51963-7")
    }
    told = by_drug["clopidogrel"]
    assert values(told, "51963-7")[0]["coding"][0]["code"] == "32968"
    (phenotype,) = values(told, "therapeutic-implication")
    assert phenotype["coding"][0]["code"] == "LA9657-3" and phenotype["text"] == "CYP2C19 Poor Metabolizer"
    assert values(told, "93044-6") == [{"text": "CPIC level A"}]
    assert values(told, "conclusion-string")[0].startswith("Avoid")
    assert told["extension"][0]["valueRelatedArtifact"]["url"].startswith("https://cpicpgx.org/")
    (genotype,) = told["derivedFrom"]
    assert gene(observations(poor, "genotype")[genotype["reference"]]) == "CYP2C19"
    two = by_drug["azathioprine"]
    assert len(two["derivedFrom"]) == 2 and len(values(two, "therapeutic-implication")) == 2


def test_a_gene_that_was_not_called_says_so_and_implies_nothing(poor: Bundle) -> None:
    told = genotypes(poor)["CYP2D6"]
    assert told["valueCodeableConcept"]["coding"][0]["code"] == "LA18198-4"
    assert told["valueCodeableConcept"]["text"] == "CYP2D6 not called" and "derivedFrom" not in told
    assert told["note"][0]["text"].startswith("A VCF does not tell")
    said = [
        value["text"]
        for one in observations(poor, "therapeutic-implication").values()
        for value in values(one, "therapeutic-implication")
    ]
    assert said and not any(text.startswith("CYP2D6") for text in said)


def test_solutions_of_different_phenotypes_stand_side_by_side_and_imply_nothing(ambiguous: Bundle) -> None:
    told = genotypes(ambiguous)["TPMT"]
    assert told["valueCodeableConcept"] == {"text": "TPMT *1/*3A or *3B/*3C"} and "derivedFrom" not in told
    assert told["note"][0]["text"] == "Solutions differ in phenotype."
    assert not any(gene(one) == "TPMT" for one in observations(ambiguous, "haplotype").values())
    for one in observations(ambiguous, "therapeutic-implication").values():
        assert not any(value["text"].startswith(("TPMT", "NUDT15")) for value in values(one, "therapeutic-implication"))


def test_positions_that_were_not_called_are_told(ambiguous: Bundle) -> None:
    notes = [note["text"] for note in genotypes(ambiguous)["NUDT15"]["note"]]
    assert any(text.startswith("Not called: rs116855232 (chr13:48,045,719): ") for text in notes)


def test_report_and_provenance_name_all_of_it_and_a_task_proposes_to_weigh_it(poor: Bundle) -> None:
    told = {
        name for profile in ("genotype", "haplotype", "therapeutic-implication") for name in observations(poor, profile)
    }
    resources = [entry["resource"] for entry in poor["entry"]]
    (report,) = [one for one in resources if one["resourceType"] == "DiagnosticReport"]
    assert told <= {one["reference"] for one in report["result"]}
    assert any(
        told <= {one["reference"] for one in each["target"]}
        for each in resources
        if each["resourceType"] == "Provenance"
    )
    (task,) = [one for one in resources if one["resourceType"] == "Task" and "guideline" in one["description"]]
    assert task["reasonReference"]["reference"] in observations(poor, "therapeutic-implication")


def test_nothing_of_it_is_in_the_bundle_where_nobody_asked(tmp_path: Path) -> None:
    silent = build_bundle(statement(tmp_path, drugs=drug_response(tmp_path), drug_response=False))
    for profile in ("genotype", "haplotype", "therapeutic-implication"):
        assert not observations(silent, profile)
    assert "clopidogrel" not in str(silent)
