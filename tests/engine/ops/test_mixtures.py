"""Reads of two people in one tube, from FASTQ files to the gate: warned of from 3% on, stopped from 5% on.

The panel's sites lie 100 bases apart, so that little has to be sequenced; its reference persons stand at two places.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from demo.sequencer import Library
from engine.errors import GateError
from engine.identity.panel import SitePanel
from engine.ops.alignment import aligned_reads
from engine.ops.calls import gvcf
from engine.ops.identity import identity, relatedness
from engine.ops.knowledge import aligner_index, identity_panel, reference_genome
from engine.ops.reads import raw_reads
from resources.environment import Resources, build_resources
from tests.builders.deployment import Deployment, let_settle, write_libraries, write_sheet
from tests.builders.panels import made_panel, person, write_panel
from tests.builders.small_genome import bases

SITES, APART = 1_500, 100
EUROPE, AFRICA = (0.01, 0.02), (-0.03, 0.01)
SHARES = {"clean": 0.0, "one": 0.01, "four": 0.04, "ten": 0.10}


def the_panel(text: str) -> SitePanel:
    """Sites of a genome, of which the reference has the first base."""
    panel = made_panel(SITES)
    places = np.arange(SITES, dtype=np.int64) * APART + APART // 2
    ref = tuple(text[place] for place in places)
    alt = tuple({"A": "G", "G": "A", "C": "T", "T": "C"}[base] for base in ref)
    return replace(panel, positions=places, ref=ref, alt=alt)


def copies(panel: SitePanel, text: str, genotypes: np.ndarray, seed: int) -> list[np.ndarray]:
    """Both copies of a person's genome: of a heterozygous site either has the other base."""
    numbers = np.random.default_rng(seed)
    first = np.where(genotypes == 1, numbers.integers(0, 2, genotypes.size), genotypes // 2)
    found = []
    for has in (first, genotypes - first):
        letters = np.frombuffer(text.encode(), np.uint8).copy()
        letters[panel.positions[has == 1]] = np.frombuffer("".join(panel.alt).encode(), np.uint8)[has == 1]
        found.append(letters)
    return found


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resources]:
    """Samples of one person of Europe with so much of another of Africa, taken as far as the identity."""
    folder = tmp_path_factory.mktemp("mixtures")
    sources, landing = folder / "data" / "sources", folder / "data" / "landing"
    (sources / "panel").mkdir(parents=True)
    landing.mkdir()
    text = bases(SITES * APART, 8)
    panel = the_panel(text)
    write_panel(panel, sources / "panel" / "made")
    numbers = np.random.default_rng(4)
    places = [(name, at) for name, at in (("NORTH", EUROPE), ("SOUTH", AFRICA)) for _ in range(40)]
    persons = [(f"{name}{number}", name, numbers.normal(at, 0.002)) for number, (name, at) in enumerate(places)]
    (sources / "panel" / "made.V").write_text("".join(f"{one}\t{x}\t{y}\n" for one, _, (x, y) in persons))
    (sources / "panel" / "made.pop").write_text("".join(f"{one}\t{name}\n" for one, name, _ in persons))
    (sources / "genome.fa").write_text(f">chr1\n{text}\n")
    (folder / "mixed.yaml").write_text("name: mixed\nbuild: GRCh38\nfasta: genome.fa\nidentity_panel: panel\n")
    own, other = (copies(panel, text, person(panel, at, seed), seed) for at, seed in ((EUROPE, 1), (AFRICA, 2)))
    rows = []
    for number, (sample, share) in enumerate(SHARES.items()):
        parts = [
            Library(two, 30 * part, (1,), ("AACGTGAT", "CTGTAGCC")) for two, part in ((own, 1 - share), (other, share))
        ]
        random = np.random.default_rng([3, number])
        rows.append(write_libraries(landing, sample, parts[: 2 if share else 1], random) | {"subject_id": "P1"})
    write_sheet(landing / "sheet.csv", rows)
    let_settle(landing)
    made = build_resources(Deployment(folder, str(folder / "mixed.yaml")).settings)
    made.landing_zone.scan(None, made.registry, made.audit)
    for contract in (reference_genome, aligner_index, identity_panel):
        contract.make(made, "", log=lambda _: None)
    for sample in SHARES:
        for contract in (raw_reads, aligned_reads, gvcf, identity):
            contract.make(made, sample, log=lambda _: None)
    yield made


def failed(platform: Resources, sample: str) -> set[str]:
    """Checks of the identity that did not pass."""
    return {result.threshold.name for result in platform.gate.judge("identity", sample) if not result.passed}


@pytest.mark.parametrize("sample", SHARES)
def test_the_share_is_found_within_half_a_point(platform: Resources, sample: str) -> None:
    measures = platform.lake.require("identity", sample).measures
    assert measures["freemix"] == pytest.approx(SHARES[sample], abs=0.005)
    assert isinstance(measures["contamination_sites"], int) and measures["contamination_sites"] > 0.98 * SITES
    assert measures["missing_site_share"] == pytest.approx(1 - measures["contamination_sites"] / SITES, abs=1e-4)


def test_from_three_percent_on_it_warns_and_from_five_on_it_stops(platform: Resources) -> None:
    assert {sample: failed(platform, sample) for sample in SHARES} == {
        "clean": set(),
        "one": set(),
        "four": {"contamination"},
        "ten": {"contamination", "contamination_block"},
    }
    relatedness.make(platform, "four", log=lambda _: None)
    with pytest.raises(GateError, match="sample ten: the gate of identity is shut: contamination_block"):
        relatedness.make(platform, "ten", log=lambda _: None)


def test_whom_a_person_is_like_is_told_beside(platform: Resources) -> None:
    receipt = platform.lake.require("identity", "four")
    assert receipt.measures["ancestry"] == "NORTH, of the 20 nearest reference persons: 20 NORTH"
    told = json.loads(platform.lake.path(receipt, "four.identity.json").read_text())
    like = {"nearest": [["NORTH", 20]], "is_far": False, "missing_share": None}
    assert told["ancestry"] == like | {"population": "NORTH", "components": []}


def test_the_panel_tells_its_persons(platform: Resources) -> None:
    assert platform.lake.require("identity_panel", None).measures["persons"] == 80
