"""What was looked for beside small variants is told as it was: depth alone sees no junction, and nothing of targets."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.classify.further import Further, read_further
from engine.ops.genome import further_findings, structural_variants
from engine.ops.inputs import Making
from engine.reference.bundle import ReferenceBundle
from engine.structural.sample import NO_DEPTH
from tests.builders.alignments import Haplotype, random_sequence, write_bam, write_reference
from tests.builders.people import person
from tests.builders.small_genome import Gene, bases, genome

NOT_LOOKED = SimpleNamespace(measures={"examined": 0, "not_examined": "not here"})


def making(folder: Path) -> Making:
    return Making("S1", folder, folder, 1, print)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ReferenceBundle:
    return genome(
        tmp_path_factory.mktemp("genome"), {"chr1": bases(3_000, 5)}, [Gene("A", ((400, 700),), ((480, 690),))]
    )


def told(folder: Path, bundle: ReferenceBundle, structural: Any) -> Further:
    """What is further told of a sample with this artifact of structural variants, and nothing else looked for."""
    others = dict.fromkeys(("repeats", "mitochondria", "homozygosity", "smn_copies", "trio_variants"), NOT_LOOKED)
    further_findings.compute(
        making=making(folder), structural_variants=structural, reference=bundle, person=person(), **others
    )
    return read_further(folder / "S1.further.json")


def test_of_targets_depth_alone_has_looked_at_nothing(tmp_path: Path, bundle: ReferenceBundle) -> None:
    """Else the report of an exome would say that structural variants were looked for, and none found."""
    sequence = random_sequence(3_000)
    reference = write_reference(tmp_path, {"chr1": sequence})
    reads = write_bam(tmp_path / "r.bam", reference, [Haplotype("chr1", sequence)])
    made = structural_variants.compute(
        making=making(tmp_path),
        aligned_reads=SimpleNamespace(file=lambda _: reads),
        reference=reference,
        person=person(),
        settings=SimpleNamespace(alignment_format="bam", structural="depth"),
    )
    assert (made.measures["examined"], made.measures["not_examined"]) == (0, NO_DEPTH)
    further = told(tmp_path, bundle, SimpleNamespace(measures=made.measures))
    reasons = dict(further.not_examined)
    assert further.examined == ()
    assert reasons["structural variants"] == reasons["copy number by depth"] == NO_DEPTH


@pytest.mark.parametrize(
    ("looked_for", "examined"),
    [
        ({"structural variants": "", "copy number by depth": ""}, ("structural variants", "copy number by depth")),
        ({"structural variants": "", "copy number by depth": NO_DEPTH}, ("structural variants",)),
        ({"structural variants": "depth alone", "copy number by depth": ""}, ("copy number by depth",)),
    ],
)
def test_junctions_and_depth_are_told_apart(
    tmp_path: Path, bundle: ReferenceBundle, looked_for: dict[str, str], examined: tuple[str, ...]
) -> None:
    found = tmp_path / "S1.found.json"
    found.write_text(json.dumps({"looked_for": looked_for, "events": []}))
    further = told(tmp_path, bundle, SimpleNamespace(measures={"examined": 1}, file=lambda _: found))
    assert further.examined == examined
    reasons = dict(further.not_examined)
    assert {what: reasons[what] for what in looked_for if what not in examined} == {
        what: why for what, why in looked_for.items() if why
    }
    assert reasons["uniparental disomy"] == reasons["copies of SMN1"] == "not here"
