"""What was looked for beside small variants is told as it was: depth alone sees no junction, and nothing of targets."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.classify.further import Further, read_further
from engine.ops.genome import (
    _looked_for,
    _usual_copies,
    further_findings,
    smn_copies,
    structural_variants,
    target_depths,
)
from engine.ops.inputs import Alike, Making
from engine.person import Person, Sex
from engine.reference.bundle import ReferenceBundle
from engine.reference.genome import open_reference
from engine.reference.intervals import Interval, write_bed
from engine.structural import smn
from engine.structural.events import StructuralVariant
from engine.structural.sample import NO_DEPTH
from tests.builders.alignments import Haplotype, random_sequence, write_bam, write_reference
from tests.builders.people import person
from tests.builders.small_genome import Gene, bases, genome
from tests.engine.structural.test_smn import SMN1, SMN2, chromosome, sequenced

NOT_LOOKED = SimpleNamespace(measures={"examined": 0, "not_examined": "not here"})


def making(folder: Path) -> Making:
    return Making("S1", folder, folder, 1, print)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ReferenceBundle:
    return genome(
        tmp_path_factory.mktemp("genome"), {"chr1": bases(3_000, 5)}, [Gene("A", ((400, 700),), ((480, 690),))]
    )


def told(folder: Path, bundle: ReferenceBundle, *, of: Person | None = None, **artifacts: Any) -> Further:
    """What is further told of a sample with these artifacts, and nothing else looked for."""
    names = ("structural_variants", "repeats", "mitochondria", "homozygosity", "smn_copies", "trio_variants")
    every = dict.fromkeys(names, NOT_LOOKED) | artifacts
    further_findings.compute(making=making(folder), reference=bundle, person=of or person(), **every)
    return read_further(folder / "S1.further.json")


def test_of_targets_depth_alone_has_looked_at_nothing(tmp_path: Path, bundle: ReferenceBundle) -> None:
    """Else the report of an exome would say that structural variants were looked for, and none found."""
    sequence = random_sequence(3_000)
    reference = write_reference(tmp_path, {"chr1": sequence})
    reads = write_bam(tmp_path / "r.bam", reference, [Haplotype("chr1", sequence)])
    made = structural_variants.compute(
        making=making(tmp_path),
        aligned_reads=SimpleNamespace(file=lambda _: reads),
        target_depths=NOT_LOOKED,
        normals=(),
        reference=reference,
        person=person(),
        settings=SimpleNamespace(alignment_format="bam", structural="depth"),
    )
    assert (made.measures["examined"], made.measures["not_examined"]) == (0, NO_DEPTH)
    further = told(tmp_path, bundle, structural_variants=SimpleNamespace(measures=made.measures))
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
    structural = SimpleNamespace(measures={"examined": 1}, file=lambda _: found)
    further = told(tmp_path, bundle, structural_variants=structural)
    assert further.examined == examined
    reasons = dict(further.not_examined)
    assert {what: reasons[what] for what in looked_for if what not in examined} == {
        what: why for what, why in looked_for.items() if why
    }
    assert reasons["uniparental disomy"] == reasons["copies of SMN1"] == "not here"


def test_of_an_unknown_sex_it_is_said_that_depth_tells_nothing_of_x_and_y() -> None:
    unknown = _looked_for("dysgu", None, Sex.UNKNOWN)
    assert unknown.pop("copy number of X and Y by depth") == "the sex is not known"
    assert unknown == _looked_for("dysgu", None, Sex.MALE)
    assert unknown == {"structural variants": "", "copy number by depth": ""}
    assert _looked_for("depth", NO_DEPTH, Sex.UNKNOWN)["copy number by depth"] == NO_DEPTH


EXONS = tuple(Interval("chr1", start, start + 200) for start in range(1_000, 61_000, 1_000))


@pytest.fixture(scope="module")
def exomes(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReferenceBundle, dict[str, Path]]:
    """A gene of sixty exons, and reads on them of five persons, the first of whom lacks a copy of the tenth."""
    folder = tmp_path_factory.mktemp("exomes")
    sequence = bases(62_000, 5)
    gene = Gene("A", tuple((one.start, one.end) for one in EXONS), tuple((one.start, one.end) for one in EXONS))
    bundle = genome(folder, {"chr1": sequence}, [gene])
    targets = folder / "targets.bed"
    write_bed(EXONS, targets)
    reference, numbers = write_reference(folder, {"chr1": sequence}), np.random.default_rng(1)
    reads = {}
    for number in range(5):
        starts = [start for one in EXONS for start in sorted(numbers.integers(one.start - 60, one.end - 40, 150))]
        lost = EXONS[9]
        if not number:
            starts = [at for at in starts if not lost.start - 100 < at < lost.end or numbers.random() < 0.5]
        copy = Haplotype("chr1", sequence)
        reads[f"S{number}"] = write_bam(folder / f"S{number}.bam", reference, [copy], starts=[int(at) for at in starts])
    return replace(bundle, targets=targets), reads


def depths_of(sample: str, exomes: tuple[ReferenceBundle, dict[str, Path]], folder: Path) -> SimpleNamespace:
    bundle, reads = exomes
    made = target_depths.compute(
        making=Making(sample, folder, folder, 1, print),
        aligned_reads=SimpleNamespace(file=lambda _: reads[sample]),
        reference=bundle,
        settings=SimpleNamespace(alignment_format="bam", structural="depth"),
    )
    return SimpleNamespace(measures=made.measures, file=lambda suffix: folder / f"{sample}{suffix}")


@pytest.mark.parametrize("others", [9, 10])
def test_one_exon_lost_is_told_beside_ten_others_and_not_beside_nine(
    tmp_path: Path, exomes: tuple[ReferenceBundle, dict[str, Path]], others: int
) -> None:
    bundle, reads = exomes
    own, *some = (depths_of(sample, exomes, tmp_path) for sample in reads)
    normals = (some * 3)[:others]
    assert len({one.measures["targets"] for one in (own, *normals)}) == 1
    made = structural_variants.compute(
        making=Making("S0", tmp_path, tmp_path, 1, print),
        aligned_reads=SimpleNamespace(file=lambda _: reads["S0"]),
        target_depths=own,
        normals=tuple(Alike(Sex.FEMALE, one.file(".target_depths.npy")) for one in normals),
        reference=bundle,
        person=person(sex=Sex.FEMALE),
        settings=SimpleNamespace(alignment_format="bam", structural="depth"),
    )
    structural = SimpleNamespace(measures=made.measures, file=lambda _: tmp_path / "S0.found.json")
    further = told(tmp_path, bundle, of=person(ordered_genes=("A",)), structural_variants=structural)
    if others < 10:
        assert "9 samples of other families" in dict(further.not_examined)["copy number by depth"]
        return
    assert (made.measures["normals"], made.measures["depth_events"]) == (10, 1)
    (finding,) = further.findings
    assert finding.headline == "A: heterozygous deletion of 200 bases at chr1:10,001-10,200"
    assert (finding.inner, finding.outer, finding.copies) == ((10_001, 10_200), (9_201, 11_000), 1)
    assert "copy number by depth" in further.examined


def test_where_genomes_are_sequenced_no_targets_are_counted(tmp_path: Path, bundle: ReferenceBundle) -> None:
    made = target_depths.compute(
        making=making(tmp_path),
        aligned_reads=NOT_LOOKED,
        reference=bundle,
        settings=SimpleNamespace(alignment_format="bam", structural="depth"),
    )
    assert (made.measures["examined"], made.measures["not_examined"]) == (0, "the whole genome is sequenced")
    assert [path.name for path in tmp_path.iterdir()] == ["S1.found.json"]


def test_no_copy_of_smn1_reaches_the_report_of_whom_it_was_asked(
    tmp_path: Path, bundle: ReferenceBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(smn._PLACES, "GRCh38", (SMN1, SMN2))
    contigs = {"chr1": random_sequence(200_000, seed=1), "chr5": chromosome()}
    reference = open_reference(write_reference(tmp_path, contigs).fasta)
    reads = sequenced(tmp_path / "r.bam", reference, (0, 3))
    made = smn_copies.compute(
        making=making(tmp_path),
        aligned_reads=SimpleNamespace(file=lambda _: reads),
        reference=SimpleNamespace(fasta=reference.fasta, build="GRCh38"),
        settings=SimpleNamespace(alignment_format="bam"),
    )
    assert (made.measures["smn1_copies"], made.measures["smn2_copies"]) == (0, 3)
    counted = SimpleNamespace(measures=made.measures, file=lambda suffix: tmp_path / f"S1{suffix}")
    asked, unasked = (
        told(tmp_path, bundle, of=person(ordered_genes=genes), smn_copies=counted) for genes in (("SMN1",), ("A",))
    )
    assert [one.headline for one in asked.findings] == ["SMN1: no copy with the C of c.840 at chr5:30,001"]
    assert unasked.findings == () and asked.examined == unasked.examined == ("copies of SMN1",)


@pytest.mark.parametrize(
    ("kind", "start", "end", "headlines"),
    [
        ("INS", 502, 503, 1),  # in the repeat: the same bases
        ("DUP", 500, 530, 1),
        ("INS", 600, 601, 2),  # elsewhere in the exon
        ("DEL", 500, 530, 2),  # of the other copy
        ("DUP", 420, 560, 2),  # more than the repeat
    ],
)
def test_an_expanded_repeat_is_not_told_a_second_time_as_an_insertion(
    tmp_path: Path, bundle: ReferenceBundle, kind: str, start: int, end: int, headlines: int
) -> None:
    event = StructuralVariant(kind, "chr1", start, end, 57, "0/1", 50, 3, 9, 0.9, passes=True)  # type: ignore[arg-type]
    locus = {
        **{"id": "A_CAG", "gene": "A", "motif": "CAG", "place": "chr1:501-557", "state": "pathogenic range"},
        **{"disease": "", "pathogenic_min": 40.0, "zygosity": "heterozygous"},
        "alleles": [{"units": 55.0, "low": 44.0, "high": 77.0, "by": "3 reads"}],
    }
    found = {"structural_variants": {"looked_for": {}, "events": [asdict(event)]}, "repeats": {"loci": [locus]}}
    for name, content in found.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    artifacts = {
        name: SimpleNamespace(measures={"examined": 1}, file=lambda _, name=name: tmp_path / f"{name}.json")
        for name in found
    }
    further = told(tmp_path, bundle, of=person(ordered_genes=("A",)), **artifacts)
    (repeat,) = [one for one in further.findings if one.kind == "repeat expansion"]
    assert len(further.findings) == headlines
    assert any("not told a second time" in note for note in repeat.notes) == (headlines == 1)


def test_a_contig_of_one_parent_alone_reaches_the_report(tmp_path: Path, bundle: ReferenceBundle) -> None:
    words = "chr15 came from the mother alone, by 40 of 41 telling sites: look for imprinted genes there"
    trio = SimpleNamespace(measures={"examined": 1, "not_examined": "", "uniparental_contigs_told": words})
    further = told(tmp_path, bundle, trio_variants=trio)
    assert [one.kind for one in further.findings] == ["uniparental disomy"]
    assert further.examined == ("uniparental disomy",)


@pytest.mark.parametrize(
    ("sex", "contig", "start", "end", "copies"),
    [
        (Sex.MALE, "chrX", 31_000_000, 31_050_000, 1),
        (Sex.MALE, "chrX", 600_000, 650_000, 2),  # SHOX, on X and Y
        (Sex.MALE, "chrX", 2_700_000, 2_900_000, 2),  # over the border of the shared end
        (Sex.FEMALE, "chrX", 31_000_000, 31_050_000, 2),
        (Sex.UNKNOWN, "chrX", 31_000_000, 31_050_000, 2),
        (Sex.MALE, "chr1", 1_000, 2_000, 2),
    ],
)
def test_a_male_has_one_copy_of_x_but_for_its_ends(sex: Sex, contig: str, start: int, end: int, copies: int) -> None:
    reference = SimpleNamespace(contig_lengths={"chrX": 156_040_895, "chr1": 248_956_422})
    event = StructuralVariant("DEL", contig, start, end, end - start, "1/1", 60, 5, 4, 0.9, True)
    assert _usual_copies(reference, sex)(event) == copies
