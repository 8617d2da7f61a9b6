"""What is drawn, what is written down and what really happened are the same: the kernel saw which files were opened."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from engine.classify.further import read_further
from engine.ops.artifact import Contract, ancestors
from engine.report.statement_file import read_statement
from genomics_assets.artifacts import KNOWLEDGE, OF_A_SAMPLE
from genomics_assets.definitions import build_definitions
from resources.environment import Settings
from tests.engine.ops.conftest import CHILD, FATHER, MOTHER, Family, Seen

ARTIFACTS = (*KNOWLEDGE, *OF_A_SAMPLE)
"""What a person's report comes from; what is made of all samples in one run is looked at elsewhere."""
NAMES = [one.name for one in ARTIFACTS]
UNOPENED = {
    ("cohort_contribution", "raw_reads"),
    ("cohort_contribution", "aligned_reads"),
    ("cohort_contribution", "relatedness"),
    ("findings", "gvcf of father"),
    ("further_findings", "clinvar"),
    ("further_findings", "constraint"),
    ("further_findings", "gene_model"),
    ("further_findings", "homozygosity"),
    ("further_findings", "mitochondria"),
    ("further_findings", "smn_copies"),
    ("further_findings", "structural_variants"),
    ("further_findings", "trio_variants"),
    ("homozygosity", "variants"),
    ("mitochondria", "aligned_reads"),
    ("pharmacogenomics", "aligned_reads"),
    ("polygenic_scores", "identity"),
    ("smn_copies", "aligned_reads"),
    ("structural_variants", "aligned_reads"),
    ("structural_variants", "target_depths"),
    ("target_depths", "aligned_reads"),
    ("findings", "relatedness"),
    ("relatedness", "identity"),
    ("relatedness", "identity_panel"),
    ("relatedness", "identity of father"),
    ("relatedness", "identity of mother"),
}
"""Figures are in the receipt, not in a file; a parent's gVCF is looked at where he does not carry the allele; samples
are compared before the function begins, because what is found decides whether it has anything to do; and this small
deployment has no mitochondrion, no chromosome 5, no CYP2D6, too few variants for runs of homozygosity, and no caller of
structural variants."""


def of(family: Family, asset: str) -> Seen:
    return family.seen.get((CHILD, asset)) or family.seen["", asset]


def graph(settings: Settings) -> dict[str, set[str]]:
    """The edges that the web UI draws."""
    assets = build_definitions(settings).resolve_asset_graph()
    return {name: {key.to_user_string() for key in assets.get(dg.AssetKey(name)).parent_keys} for name in NAMES}


def assets_of(inputs: Any) -> set[str]:
    """Assets by the names of a recipe's inputs, those of kin included."""
    return {name.partition(" of ")[0] for name in inputs}


@pytest.mark.parametrize("asset", NAMES)
def test_nothing_is_opened_that_the_receipt_does_not_name(family: Family, asset: str) -> None:
    seen = of(family, asset)
    assert seen.opened <= set(seen.receipt.recipe.inputs)


@pytest.mark.parametrize("asset", NAMES)
def test_what_the_receipt_names_was_opened(family: Family, asset: str) -> None:
    """The genome's names and lengths, and a report's lineage, are read before the function begins."""
    seen = of(family, asset)
    if asset == "statement":
        assert {"findings", "gvcf", "raw_reads", "aligned_reads", "gene_model"} <= seen.opened
        return
    unopened = set(seen.receipt.recipe.inputs) - seen.opened - {"reference_genome"}
    assert {(asset, name) for name in unopened} <= UNOPENED


def test_the_graph_is_what_the_receipts_name(family: Family) -> None:
    drawn = graph(family.deployment.settings)
    told = {asset: assets_of(of(family, asset).receipt.recipe.inputs) for asset in NAMES}
    assert told == drawn


def test_reads_come_from_the_landing_zone_and_from_nowhere_else(family: Family) -> None:
    assert {asset for asset in NAMES if of(family, asset).landed} == {"raw_reads", "aligned_reads"}


def test_recalibration_draws_and_tells_its_known_sites(family: Family) -> None:
    settings = replace(family.resources.settings, profile="gatk-best-practices")
    (contract,) = [one for one in OF_A_SAMPLE if one.name == "gvcf"]
    recalibrating = Family(family.deployment, replace(family.resources, settings=settings))
    seen = recalibrating.make(contract, CHILD)
    assert isinstance(seen, Seen)
    again = family.make(contract, CHILD, recompute=True)  # so that the other tests find the default's
    assert isinstance(again, Seen) and "known_sites" not in again.receipt.recipe.inputs
    assert "known_sites" in graph(settings)["gvcf"] and "known_sites" in seen.receipt.recipe.inputs
    assert {"known_sites", "aligned_reads"} <= seen.opened <= set(seen.receipt.recipe.inputs)
    assert "known_sites" in seen.receipt.recipe.knowledge


def test_a_trio_is_told_of_children_with_both_parents_and_of_others_why_there_is_none(family: Family) -> None:
    child, father = of(family, "trio_variants").receipt, family.seen[FATHER, "trio_variants"].receipt
    assert set(child.recipe.inputs) == {"gvcf", "gvcf of father", "gvcf of mother", "reference_genome"}
    assert child.measures["compared_sites"] and child.records
    assert set(father.recipe.inputs) == {"gvcf", "reference_genome"} and father.measures["compared_sites"] == 0
    assert father.measures["not_examined"] == "father and mother are not both sequenced and called"
    assert child.measures["telling_contigs"] == child.measures["examined"] == 1
    for sample, looked_for in ((CHILD, True), (FATHER, False)):
        made = family.seen[sample, "further_findings"].receipt
        told = read_further(family.resources.lake.folder(made) / f"{sample}.further.json")
        assert ("uniparental disomy" in told.examined) == looked_for
        assert ("uniparental disomy" in dict(told.not_examined)) != looked_for


def test_pharmacogenes_are_told_by_the_declared_alleles(family: Family) -> None:
    star_alleles, made = of(family, "star_alleles").receipt, of(family, "pharmacogenomics").receipt
    assert star_alleles.measures["genes"] == 1 and star_alleles.measures["release"] == "TEST 2026-01-01"
    assert set(made.recipe.inputs) == {"variants", "gvcf", "aligned_reads", "reference_genome", "star_alleles"}
    assert made.recipe.inputs["star_alleles"] == star_alleles.data_version
    assert (made.measures["genes"], made.measures["called"], made.measures["missing_positions"]) == (1, 1, 0)


def test_drug_response_is_told_of_whom_it_was_asked_for_and_of_no_one_else(family: Family) -> None:
    said = {}
    for sample in (CHILD, FATHER):
        made = family.seen[sample, "statement"]
        folder = family.resources.lake.folder(made.receipt)
        said[sample] = read_statement(folder / f"{sample}.statement.json")
        assert "pharmacogenomics" in made.receipt.recipe.inputs, "it depends on it whatever it tells"
        assert ("pharmacogenomics" in made.opened) == (sample == CHILD)
    (gene,) = said[CHILD].drug_response.genes
    assert (gene.gene, gene.status, gene.diplotypes) == ("AVP", "called", ("Reference/Reference",))
    assert said[FATHER].drug_response is None and "star_alleles" not in said[FATHER].lineage.knowledge
    assert any("star_alleles" in source for source in _report_sources(family))


def test_scores_are_told_of_whom_they_were_ordered_for_and_of_no_one_else(family: Family) -> None:
    said = {}
    for sample in (CHILD, FATHER):
        made = family.seen[sample, "statement"]
        said[sample] = read_statement(family.resources.lake.folder(made.receipt) / f"{sample}.statement.json")
        assert ("polygenic_scores" in made.opened) == (sample == CHILD)
    (risk,) = said[CHILD].risks
    assert (risk.score_id, risk.trait, risk.variants, risk.matched) == ("PGS9", "stature <tall>", 4, 4)
    assert risk.total == 2.0, "a quarter for each of two copies of four reference bases"
    beside = "2.00 standard deviations above the mean of anybody, percentile 98; ancestry by genotype: "
    assert risk.standing.startswith(f"{beside}AFR, of the 20 nearest reference persons: ")
    measured = family.resources.lake.require("identity", CHILD).measures
    assert (risk.ancestry, measured["ancestry_population"]) == (measured["ancestry"], "AFR")
    assert f"{risk.sentence}." in said[CHILD].conclusion and "scoring_files" in said[CHILD].lineage.knowledge
    assert said[FATHER].risks == () and "scoring_files" not in said[FATHER].lineage.knowledge
    asked = set(of(family, "polygenic_scores").receipt.recipe.inputs)
    assert asked == {"variants", "gvcf", "identity", "reference_genome", "scoring_files"}


def test_without_star_alleles_there_is_neither_edge_nor_input(family: Family) -> None:
    (contract,) = [one for one in OF_A_SAMPLE if one.name == "statement"]
    settings, parts = family.deployment.settings, family.resources.knowledge.parts
    without = [part for part in parts if part != "star_alleles"]
    assert "pharmacogenomics" in contract.edges(settings, parts)
    assert "pharmacogenomics" in ancestors("fhir_bundle", settings, parts)
    assert "pharmacogenomics" not in contract.edges(settings, without)
    assert "pharmacogenomics" not in ancestors("fhir_bundle", settings, without)
    declaration = replace(family.resources.knowledge.declaration, star_alleles=None)
    knowledge = replace(family.resources.knowledge, declaration=declaration)
    seen = Family(family.deployment, replace(family.resources, knowledge=knowledge)).make(contract, MOTHER)
    assert isinstance(seen, Seen) and "pharmacogenomics" not in {*seen.receipt.recipe.inputs, *seen.opened}
    family.make(contract, MOTHER, recompute=True)  # so that the other tests find the default's


@pytest.mark.parametrize("contract", ARTIFACTS, ids=NAMES)
def test_what_is_asked_for_is_used(contract: Contract) -> None:
    function = ast.parse(inspect.getsource(contract.compute)).body[0]
    assert isinstance(function, ast.FunctionDef)
    read = {node.id for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.Name)}
    assert set(contract.takes) <= read


def test_the_report_leads_back_to_everything_it_was_made_from(family: Family) -> None:
    provenance = list(_report_sources(family))
    files = {file.sha256 for asset in ("aligned_reads", "gvcf", "variants") for file in of(family, asset).receipt.files}
    named = {source for source in provenance if source in files}
    assert len(named) >= 3
    for part in ("clinvar", "gene_model"):
        assert any(part in source for source in provenance), provenance
    for kin in ("annotated_variants of father", "gvcf of mother"):
        version = of(family, "findings").receipt.recipe.inputs[kin]
        assert f"{kin} {version}" in provenance


def _report_sources(family: Family) -> Iterator[str]:
    """What the Provenance of the report names as its sources: digests of files, names and versions of the rest."""
    import json

    receipt = of(family, "fhir_bundle").receipt
    (name,) = [file.name for file in receipt.files]
    bundle = json.loads(family.resources.lake.path(receipt, name).read_text())
    resources = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    by_id = {f"{one['resourceType']}/{one['id']}": one for one in resources.values()} | resources
    reports = {key for key, one in by_id.items() if one["resourceType"] == "DiagnosticReport"}
    for one in resources.values():
        if one["resourceType"] == "Provenance" and any(target["reference"] in reports for target in one["target"]):
            for entity in one["entity"]:
                what = entity["what"]
                if "reference" in what:
                    yield from (each["value"] for each in by_id[what["reference"]]["identifier"])
                else:
                    yield f"{what['display']} {what['identifier']['value']}"


def test_an_order_by_panel_is_answered_in_its_genes_with_its_version(family: Family) -> None:
    import json

    receipt = of(family, "fhir_bundle").receipt
    told = json.loads(family.resources.lake.path(receipt, receipt.files[0].name).read_text())
    (report,) = [one["resource"] for one in told["entry"] if one["resource"]["resourceType"] == "DiagnosticReport"]
    assert "AVP" in report["conclusion"] and "Positive" in json.dumps(report["conclusionCode"])
    assert of(family, "findings").receipt.recipe.inputs["panels"] == of(family, "panels").receipt.data_version
    assert of(family, "panels").receipt.measures["names"] == ["Diabetes insipidus (1.2)"]
    known = family.resources.landing_zone.panels()
    assert known and [panel.genes for panel in known.values()] == [("AVP",)]


def test_knowledge_is_built_from_what_is_declared(family: Family) -> None:
    for contract in KNOWLEDGE:
        receipt = of(family, contract.name).receipt
        assert receipt.recipe.parameters.get("sources") or receipt.recipe.inputs
