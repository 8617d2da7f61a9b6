"""Copies of targets beside a panel of normals: planted gains and losses from one target on, and what is not told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pysam
import pytest

from benchmarks.target_copies import Kit
from engine.classify.further import structural_findings
from engine.classify.question import Question
from engine.person import Sex
from engine.reference.bundle import Contig
from engine.reference.intervals import Interval
from engine.structural.depth import BIN, Depths
from engine.structural.events import StructuralVariant, write_events
from engine.structural.normals import LEAST_NORMALS
from engine.structural.sample import StructuralCalls, usual_copies, with_targets
from engine.structural.target_copies import (
    Normal,
    TargetCopies,
    TargetEvent,
    bases_on,
    copies_of_targets,
    pieces_of,
    share_of_strong,
)
from tests.builders.small_genome import Gene, bases, genome

DEPTH, TARGETS = 200.0, 2_000
PLANTED = {100: (1, 0), 300: (1, 1), 500: (2, 3), 700: (1, 4), 900: (3, 1), 1_100: (10, 3)}
"""First target: how many, and their copies."""


@pytest.fixture(scope="module")
def kit() -> Kit:
    return Kit(TARGETS, seed=4)


@pytest.fixture(scope="module")
def panel(kit: Kit) -> list[Normal]:
    return [kit.sequenced(DEPTH * scale) for scale in np.linspace(0.7, 1.3, 12)]


def copies(planted: dict[int, tuple[int, int]], usual: float = 2.0) -> np.ndarray:
    every = np.full(TARGETS, usual)
    for first, (length, count) in planted.items():
        every[first : first + length] = count
    return every


def found(told: TargetCopies | str) -> list[TargetEvent]:
    assert isinstance(told, TargetCopies), told
    return [event for event in told.events if event.quality >= 30]


def test_gains_and_losses_are_found_from_one_target_on_and_nothing_else(kit: Kit, panel: list[Normal]) -> None:
    events = found(copies_of_targets(kit.sequenced(DEPTH, copies(PLANTED)), panel, kit.pieces, kit.strong))
    for (first, (length, count)), event in zip(PLANTED.items(), events, strict=True):
        start, end = kit.pieces[first].start, kit.pieces[first + length - 1].end
        assert (event.contig, event.copies) == (kit.pieces[first].contig, count)
        assert start <= event.start < event.end <= end and event.pieces >= (length if length < 4 else length // 2)
    (single,) = [one for one in events if one.start == kit.pieces[300].start]
    assert (single.before, single.behind) == (kit.pieces[299].end, kit.pieces[301].start)
    assert found(copies_of_targets(kit.sequenced(DEPTH), panel, kit.pieces, kit.strong)) == []


def test_a_library_that_does_otherwise_with_g_and_c_has_no_gains(kit: Kit, panel: list[Normal]) -> None:
    """Without the correction a steep slope would be hundreds of gains and losses, or hide them in the noise."""
    own = kit.sequenced(DEPTH, copies(PLANTED))
    steep = replace(own, bases=(own.bases * np.exp(0.25 * (kit.strong - 48) / 10)).astype(np.int64))
    level, raw = (copies_of_targets(steep, panel, kit.pieces, strong) for strong in (kit.strong, None))
    assert isinstance(level, TargetCopies) and isinstance(raw, TargetCopies)
    assert level.spread < raw.spread / 2
    assert len(found(level)) == len(PLANTED) > len([one for one in found(raw) if one.pieces == 1])


def test_fewer_others_than_a_panel_needs_tell_nothing(kit: Kit, panel: list[Normal]) -> None:
    told = copies_of_targets(panel[0], panel[1:LEAST_NORMALS], kit.pieces)
    assert isinstance(told, str) and re.search(rf"{LEAST_NORMALS - 1} samples .* {LEAST_NORMALS} are needed", told)


def test_targets_that_are_hardly_read_are_told_to_be_untold(kit: Kit, panel: list[Normal]) -> None:
    thin = [replace(one, bases=np.where(np.arange(TARGETS) < 40, one.bases // 100, one.bases)) for one in panel]
    told = copies_of_targets(thin[0], thin[1:], kit.pieces, kit.strong)
    assert isinstance(told, TargetCopies)
    assert told.untold >= 40 and told.told + told.untold == TARGETS
    none = copies_of_targets(replace(panel[0], bases=panel[0].bases // 100), panel[1:], kit.pieces)
    assert isinstance(none, str) and "fewer than 20 reads" in none


def test_a_man_has_one_x_and_women_are_his_normals(kit: Kit) -> None:
    x = np.arange(TARGETS) >= 1_000
    pieces = [Interval("chrX" if at else "chr1", one.start, one.end) for one, at in zip(kit.pieces, x, strict=True)]

    def sequenced(sex: Sex, gone: Sequence[int] = ()) -> Normal:
        usual = np.where(x & (sex is Sex.MALE), 1, 2)
        there = usual.astype(float)
        there[list(gone)] = 0
        return replace(kit.sequenced(DEPTH, there), usual=usual)

    women = [sequenced(Sex.FEMALE) for _ in range(12)]
    assert found(copies_of_targets(sequenced(Sex.MALE), women, pieces, kit.strong)) == []
    (loss,) = found(copies_of_targets(sequenced(Sex.MALE, [1_500, 1_501]), women, pieces, kit.strong))
    assert (loss.contig, loss.start, loss.copies, loss.usual) == ("chrX", pieces[1_500].start, 0, 1)


def test_copies_that_a_person_has_usually() -> None:
    contigs = [Contig("chr1", 10_000, ""), Contig("chrX", 156_040_895, ""), Contig("chrM", 16_569, "")]
    places = [("chr1", 10), ("chrX", 20_000), ("chrX", 5_000_000), ("chrM", 100)]
    pieces = [Interval(contig, start, start + 100) for contig, start in places]
    assert usual_copies(pieces, contigs, Sex.MALE).tolist() == [2, 2, 1, 0]
    assert usual_copies(pieces, contigs, Sex.FEMALE).tolist() == [2, 2, 2, 0]
    assert usual_copies(pieces, contigs, Sex.UNKNOWN).tolist() == [2, 0, 0, 0]


def test_bases_and_shares_of_pieces(tmp_path: Path) -> None:
    pieces = pieces_of([Interval("a", 150, 350), Interval("b", 0, 1_000)])
    assert [(one.contig, one.start, one.end) for one in pieces] == [("a", 150, 350), ("b", 0, 500), ("b", 500, 1_000)]
    bins = np.arange(20, dtype=np.int64)
    depths = Depths((("a", 10 * BIN), ("b", 10 * BIN)), np.array([0, 10, 20]), bins, bins)
    assert bases_on(depths, pieces).tolist() == [1 + 2 + 3, sum(range(10, 15)), sum(range(15, 20))]
    fasta = tmp_path / "r.fa"
    fasta.write_text(f">a\n{'A' * 200 + 'g' * 800}\n>b\n{'ACGT' * 250}\n")
    pysam.faidx(str(fasta))
    with pysam.FastaFile(str(fasta)) as sequences:
        assert share_of_strong(pieces, sequences).tolist() == [75, 50, 50]


def events_of(target: TargetEvent, junctions: Sequence[StructuralVariant] = ()) -> tuple[StructuralVariant, ...]:
    copies = TargetCopies((target,), 12, 100, 0, 0.1)
    return with_targets(StructuralCalls(tuple(junctions), has_depth=False), copies, [Contig("chr1", 3_000, "")]).events


LOSS = TargetEvent("chr1", 400, 700, 0, 1_000, 1, 2, 1.02, 1, 80)


def test_where_a_loss_of_targets_may_end_is_told(tmp_path: Path) -> None:
    """Inner are the targets, outer is what lies up to the next ones: in the VCF, and in the finding that FHIR tells."""
    bundle = genome(tmp_path, {"chr1": bases(3_000, 5)}, [Gene("A", ((400, 700),), ((480, 690),))])
    (event,) = events_of(LOSS)
    with pysam.FastaFile(str(bundle.fasta)) as fasta:
        write_events(tmp_path / "t.vcf.gz", "S1", [event], fasta, source="depth alone")
    with pysam.VariantFile(str(tmp_path / "t.vcf.gz")) as calls:
        (record,) = calls
        assert (record.pos, record.stop, record.info["CIPOS"], record.info["CIEND"]) == (400, 700, (-400, 0), (0, 300))
        assert (record.info["SVCLAIM"], record.samples[0]["CN"], record.samples[0]["GT"]) == (("D",), 1, (0, 1))
    from engine.report.coverage import spokesmen_of

    (finding,) = structural_findings([event], spokesmen_of(bundle), Question(("A",)))
    assert (finding.inner, finding.outer, finding.copies) == ((401, 700), (1, 1_000), 1)
    assert "heterozygous deletion of 300 bases" in finding.headline
    assert any("from 1 to 1,000" in note for note in finding.notes)


def test_a_loss_that_junctions_tell_is_told_once() -> None:
    (alone,) = events_of(LOSS)
    junction = replace(alone, start=405, end=695, by_depth=False, pairs=9, passes=True)
    assert events_of(LOSS, [junction]) == (junction,)
    assert len(events_of(LOSS, [replace(junction, passes=False)])) == 2
