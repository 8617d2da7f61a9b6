"""Bases that are N are no target, and targets are padded for calling."""

from pathlib import Path

import pytest

from engine.errors import KnowledgeError
from engine.reference.build import build_genome
from engine.reference.bundle import ReferenceBundle
from engine.reference.genome import open_reference
from engine.reference.intervals import Interval
from engine.reference.known_bases import called_territory, known_territory
from engine.report.coverage import study_regions
from tests.builders.alignments import SmallReference, random_sequence, write_reference

BASES = random_sequence(1_000)
SEQUENCE = "N" * 1_500 + BASES[:400] + "N" + BASES[400:600] + "N" * 30 + BASES[600:] + "n" * 10
KNOWN = [Interval("c", 1_500, 1_900), Interval("c", 1_901, 2_101), Interval("c", 2_131, 2_531)]


@pytest.fixture
def reference(tmp_path: Path) -> SmallReference:
    return write_reference(tmp_path, {"c": SEQUENCE, "gap": "N" * 200})


def bed(folder: Path, *rows: str) -> Path:
    (folder / "x.bed").write_text("".join(row.replace(" ", "\t") + "\n" for row in rows))
    return folder / "x.bed"


def test_no_n_is_judged_however_short_its_run(reference: SmallReference) -> None:
    assert known_territory(reference) == KNOWN
    assert known_territory(reference, region="c:1,891-1,911") == [
        Interval("c", 1_890, 1_900),
        Interval("c", 1_901, 1_911),
    ]
    assert known_territory(reference, region="gap") == []


def test_the_platform_the_engine_and_the_report_have_one_denominator(tmp_path: Path) -> None:
    fasta = write_reference(tmp_path, {"c": SEQUENCE}).fasta
    for targets in (None, bed(tmp_path, "c 1000 2000", "c 2090 2140")):
        part = tmp_path / f"part{targets is None}"
        part.mkdir()
        measures = build_genome(fasta, targets, {}, part)
        contigs = open_reference(fasta).contigs
        bundle = ReferenceBundle("r", "GRCh38", fasta, contigs, Path(), None, None, None, part / "targets.bed", {})
        expected = known_territory(open_reference(fasta), targets=targets)
        assert measures.target_bases == sum(map(len, expected)) == (1_000 if targets is None else 400 + 99 + 11 + 9)
        assert known_territory(bundle, targets=bundle.targets) == expected
        assert f"{measures.target_bases:,} bases of GRCh38" in study_regions(bundle, None).description


def test_targets_that_are_only_n_are_refused(reference: SmallReference, tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    with pytest.raises(KnowledgeError, match="every base of the targets is N") as caught:
        build_genome(reference.fasta, bed(tmp_path, "c 100 200"), {}, tmp_path / "part")
    assert caught.value.file == str(tmp_path / "x.bed") and caught.value.remedy


def test_targets_are_padded_up_to_where_the_sequence_ends(reference: SmallReference, tmp_path: Path) -> None:
    targets = bed(tmp_path, "c 1550 1600", "c 1850 1899", "c 2500 2531")
    assert called_territory(reference, targets=targets, padding=60) == [
        Interval("c", 1_500, 1_660),
        Interval("c", 1_790, 1_959),  # over the single N
        Interval("c", 2_440, 2_531),
    ]
    assert called_territory(reference, targets=targets, padding=0) == [
        Interval("c", 1_550, 1_600), Interval("c", 1_850, 1_899), Interval("c", 2_500, 2_531),
    ]  # fmt: skip


def test_regions_called_one_by_one_make_the_padded_whole(reference: SmallReference, tmp_path: Path) -> None:
    targets = bed(tmp_path, "c 1550 1600", "c 1850 1899")
    one, other = (
        called_territory(reference, targets=targets, region=region, padding=60)
        for region in ("c:1-1850", "c:1851-2541")
    )
    assert [*one, *other] == [
        Interval("c", 1_500, 1_660), Interval("c", 1_790, 1_850), Interval("c", 1_850, 1_959),
    ]  # fmt: skip


def test_without_targets_the_whole_reference_is_called(reference: SmallReference) -> None:
    assert called_territory(reference, padding=100) == [Interval("c", 0, 2_541), Interval("gap", 0, 200)]
