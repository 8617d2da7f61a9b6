"""A person with one event of each kind, from FASTQ files to a report and a bundle that name them all."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from engine.fhir.check import check_bundle
from engine.ops.artifact import NotApplicable
from engine.structural import cyp2d6, smn
from genomics_assets.artifacts import KNOWLEDGE, OF_A_SAMPLE
from resources.environment import Resources, build_resources
from tests.builders.everything import CHILD, CYP2D6_START, FATHER, MOTHER, SMN_PLACES, everything

pytestmark = pytest.mark.slow

OF_A_PARENT = ("raw_reads", "aligned_reads", "gvcf", "identity", "relatedness", "variants", "variant_consequences",
               "annotated_variants")  # fmt: skip
DECLARED = ("reference_genome", "aligner_index", "gene_model", "clinvar", "phenotypes", "star_alleles", "repeat_loci")

TOLD = {
    "single base": r"ABCA4 \S+:c\.51\S>\S",
    "insertion": r"AGL \S+:c\.101_102insACGTACG",
    "deletion": r"COL11A1: heterozygous deletion of (699|70\d) bases at chr1:20,00\d-20,70\d",
    "duplication": r"MFN2: heterozygous tandem duplication of 1,20\d bases",
    "inversion": r"POMGNT1: homozygous inversion of 1,00\d bases",
    "large insertion": r"LMNA: heterozygous insertion of about \d{3} bases at chr1:55,00\d",
    "loss by depth": r"NPHP4: heterozygous deletion of \d,\d{3} bases at chr1:8\d,\d{3}-8\d,\d{3}",
    "repeat": r"HTT: \d\d to \d\d units of CAG",
    "heteroplasmy": r"chrM: m\.3243\w>\w in 2\d\.\d% of the molecules",
    "mitochondrial deletion": r"chrM: 4,977 bases deleted at 8,470-13,446",
    "homozygosity": r"7\d\.\d% of the autosomes lie in runs of homozygosity",
    "SMN1": r"SMN1: no copy with the C of c\.840",
    "uniparental disomy": r"Uniparental disomy: chr15 came from the mother alone",
    "loss of CYP2D6": r"CYP2D6: heterozygous deletion of 5,\d{3} bases",
    "mosaic": r"PIK3CA",
}
"""What the person has, and how it is named."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, Any]]]:
    """The words of the report, and the bundle."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(smn._PLACES, "GRCh38", SMN_PLACES)
        patched.setitem(cyp2d6._STARTS, "GRCh38", CYP2D6_START)
        platform = build_resources(everything(tmp_path_factory.mktemp("everything")).settings)
        platform.landing_zone.scan(None, platform.registry, platform.audit)
        for contract in KNOWLEDGE:
            if contract.name in DECLARED:
                contract.make(platform, "", log=lambda _: None)
        for person in (FATHER, MOTHER, CHILD):
            for contract in OF_A_SAMPLE:
                if person == CHILD or contract.name in OF_A_PARENT:
                    made = contract.make(platform, person, log=lambda _: None)
                    assert not isinstance(made, NotApplicable) or contract.name == "polygenic_scores"
    page = read(platform, "clinical_report", ".html")
    plain = re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", page, flags=re.S))
    yield re.sub(r"\s+", " ", html.unescape(plain)), json.loads(read(platform, "fhir_bundle", ".json"))


def read(platform: Resources, asset: str, suffix: str) -> str:
    receipt = platform.lake.require(asset, CHILD)
    (name,) = [file.name for file in receipt.files if file.name.endswith(suffix)]
    return platform.lake.path(receipt, name).read_text()


@pytest.mark.parametrize("what", TOLD)
def test_the_report_names_it(told: tuple[str, dict[str, Any]], what: str) -> None:
    assert re.search(TOLD[what], told[0]), told[0]


def test_the_report_says_that_a_variant_may_be_mosaic_and_which_pharmacogene_was_not_called(
    told: tuple[str, dict[str, Any]],
) -> None:
    assert re.search(r"\d+ of \d+ reads carry it, fewer than one of two copies explains: it may be in a part", told[0])
    assert "one copy by depth: the other is deleted (*5)" in told[0]


def test_the_expanded_repeat_is_no_structural_variant_too(told: tuple[str, dict[str, Any]]) -> None:
    assert "HTT: heterozygous insertion" not in told[0]
    assert "The caller of structural variants sees it as an insertion" in told[0]


CHANGE, COPIES, FRACTION = "48019-4", "82155-3", "81258-6"
VARIANTS: dict[tuple[str, str], dict[str, object]] = {
    ("ABCA4", "NC_000001.11:g.8051"): {CHANGE: "SNV"},
    ("AGL", "NC_000001.11:g.14101"): {CHANGE: "insertion"},
    ("PIK3CA", "NC_000003.12:g.15101"): {CHANGE: "SNV"},
    ("COL11A1", ""): {CHANGE: "deletion", COPIES: 1},
    ("MFN2", ""): {CHANGE: "duplication", COPIES: 3},
    ("POMGNT1", ""): {CHANGE: "inversion"},
    ("LMNA", ""): {CHANGE: "insertion"},
    ("NPHP4", ""): {CHANGE: "deletion", COPIES: 1},
    ("HTT", ""): {"repeat-motif": "CAG"},
    ("SMN1", ""): {CHANGE: "deletion", COPIES: 0},
    ("CYP2D6", ""): {CHANGE: "deletion", COPIES: 1},
    ("", "NC_012920.1:m.3243"): {"53034-5": "Heteroplasmic"},
    ("", ""): {CHANGE: "deletion", "53034-5": "Heteroplasmic"},
}
"""By gene and the beginning of the HGVS name, what a Variant of the bundle says."""


def components(resource: dict[str, Any]) -> dict[str, Any]:
    """Of an Observation, its first value of each code, in a word or number."""
    found: dict[str, Any] = {}
    for one in resource.get("component", []):
        (value,) = (value for name, value in one.items() if name.startswith("value"))
        if isinstance(value, dict):
            coding = (value.get("coding") or [{}])[0]
            value = value.get("value", coding.get("display") or coding.get("code") or value.get("text"))
        found.setdefault(one["code"]["coding"][0]["code"], value)
    return found


@pytest.mark.parametrize("which", VARIANTS)
def test_the_bundle_has_it_as_a_variant(told: tuple[str, dict[str, Any]], which: tuple[str, str]) -> None:
    gene, name = which
    observations = [one["resource"] for one in told[1]["entry"] if one["resource"]["resourceType"] == "Observation"]
    variants = [components(one) for one in observations if one["meta"]["profile"][0].endswith("/variant")]
    of_gene = [one for one in variants if (one.get("48018-6") or "") == gene]
    named = [one for one in of_gene if (one.get("81290-9") or "").startswith(name)]
    assert any(VARIANTS[which].items() <= one.items() for one in named), of_gene


def test_the_bundle_follows_its_profiles_and_tells_what_is_no_variant(told: tuple[str, dict[str, Any]]) -> None:
    assert check_bundle(told[1]).problems == ()
    text = json.dumps(told[1])
    for what in ("homozygosity", "uniparental disomy"):
        assert re.search(TOLD[what], text), what
    assert "CYP2D6: not called: one copy by depth: the other is deleted (*5)" in text
