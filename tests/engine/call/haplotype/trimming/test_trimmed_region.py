"""Events read off haplotypes, the span around them and the haplotypes cut to it: by hand and against GATK."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.call.haplotype.columns import HaplotypeColumns
from engine.call.haplotype.trimming.events import EventColumns, events_of
from engine.call.haplotype.trimming.trimmed_region import trim
from tests.builders.gatk_goldens import Golden
from tests.builders.gatk_haplotypes import (
    AssembledHaplotype,
    assembled_regions,
    haplotype_columns,
    haplotype_rows,
)

REFERENCE = "GATTACAGTTCCAACCAGTGCATGCAAGCTTGGCACTCACTCACTGATCG"


def _bases(sequence: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytearray(sequence, "ascii"), np.uint8)


def _haplotypes(*pairs: tuple[str, str], start: int = 0) -> HaplotypeColumns:
    """The reference and haplotypes given as (bases, CIGAR)."""
    end = start + len(REFERENCE)
    reference = AssembledHaplotype(start, end, 0, f"{len(REFERENCE)}M", True, REFERENCE)
    others = [AssembledHaplotype(start, end, 10, cigar, False, bases) for bases, cigar in pairs]
    return haplotype_columns([*others, reference])


def _alleles(events: EventColumns, row: int, reference: str, start: int) -> list[tuple[int, str, str]]:
    return [
        (
            int(events.start[i]),
            reference[events.start[i] - start : events.end[i] - start],
            events.alternate[events.alternate_offset[i] : events.alternate_offset[i + 1]].tobytes().decode(),
        )
        for i in range(events.event_offset[row], events.event_offset[row + 1])
    ]


@pytest.mark.parametrize(
    ("bases", "cigar", "expected"),
    [
        (REFERENCE, "50M", []),
        ("C" + REFERENCE[1:], "50M", [(100, "G", "C")]),
        (REFERENCE[:8] + "GG" + REFERENCE[8:], "8M2I42M", [(107, "G", "GGG")]),
        (REFERENCE[:8] + REFERENCE[11:], "8M3D39M", [(107, "GTTC", "G")]),
        (REFERENCE[:7] + "A" + "GG" + REFERENCE[8:], "8M2I42M", [(107, "G", "AGG")]),
        (REFERENCE[:7] + "A" + REFERENCE[11:], "8M3D39M", [(107, "GTTC", "A")]),
        (REFERENCE[:8] + "GG" + REFERENCE[10:], "8M2D2I40M", [(107, "GTT", "G"), (109, "T", "TGG")]),
        (REFERENCE[:7] + "N" + REFERENCE[8:], "50M", []),
        (REFERENCE[4:], "4D46M", [(99, "TGATT", "T")]),
        (REFERENCE[:-4], "46M4D", [(145, REFERENCE[45:], REFERENCE[45])]),
        ("GG" + REFERENCE, "2I50M", []),
        (REFERENCE + "GG", "50M2I", []),
    ],
)
def test_events_of_a_haplotype(bases: str, cigar: str, expected: list[tuple[int, str, str]]) -> None:
    before = "CCCCT"
    events = events_of(_haplotypes((bases, cigar), start=100), _bases(before + REFERENCE), 95)
    assert _alleles(events, 0, before + REFERENCE, 95) == expected
    assert _alleles(events, 1, REFERENCE, 100) == []


def test_a_region_without_an_event_inside_is_left_alone() -> None:
    outside = _haplotypes(("C" + REFERENCE[1:], "50M"), start=100)
    assert trim(outside, _bases(REFERENCE), 100, 110, 140, 100, 150) is None


def test_span_of_a_snp_reaches_twenty_bases() -> None:
    haplotypes = _haplotypes((REFERENCE[:22] + "C" + REFERENCE[23:], "50M"), start=100)
    trimmed = trim(haplotypes, _bases(REFERENCE), 100, 110, 140, 100, 150)
    assert trimmed is not None
    assert (trimmed.variant_start, trimmed.variant_end) == (122, 123)
    assert (trimmed.padded_start, trimmed.padded_end) == (102, 143)
    assert [row.cigar for row in haplotype_rows(trimmed.haplotypes)] == ["41M", "41M"]
    assert _alleles(trimmed.events, 0, REFERENCE, 100) == [(122, REFERENCE[22], "C")]


@pytest.mark.parametrize(
    ("unit", "flank", "expected"),
    [("ACTC", "GATCGG", 75 + 2 * 4), ("ACTG", "GATCGG", 75)],
    ids=["a unit more of a repeat", "no repeat"],
)
def test_span_of_an_indel_grows_with_the_repeat_it_changes(unit: str, flank: str, expected: int) -> None:
    left = "".join("ACGT"[i * i % 7 % 4] for i in range(200)) + "G"
    reference = left + "ACTCACTG" + flank + left
    changed = left + unit + "ACTCACTG" + flank + left
    at = len(left)
    haplotypes = haplotype_columns(
        [
            AssembledHaplotype(0, len(reference), 10, f"{at}M4I{len(reference) - at}M", False, changed),
            AssembledHaplotype(0, len(reference), 0, f"{len(reference)}M", True, reference),
        ]
    )
    trimmed = trim(haplotypes, _bases(reference), 0, at - 20, at + 20, 0, len(reference))
    assert trimmed is not None
    assert trimmed.padded_start == at - 1 - expected
    assert trimmed.padded_end == at + expected


def test_cut_keeps_one_of_equals_and_drops_what_ends_in_a_deletion() -> None:
    snp = REFERENCE[:22] + "C" + REFERENCE[23:]
    haplotypes = _haplotypes(
        ("T" + snp[1:], "50M"),
        (snp, "50M"),
        (snp[:41] + snp[45:], "41M4D5M"),
        ("T" + REFERENCE[1:], "50M"),
        start=100,
    )
    trimmed = trim(haplotypes, _bases("C" * 80 + REFERENCE), 20, 119, 126, 100, 150)
    assert trimmed is not None
    rows = haplotype_rows(trimmed.haplotypes)
    assert [(row.bases, row.is_reference) for row in rows] == [(snp[2:43], False), (REFERENCE[2:43], True)]


def test_every_span_and_trimmed_haplotype_is_that_of_gatk(shared_data: Path) -> None:
    golden = Golden(shared_data)
    regions = list(assembled_regions(golden))
    assert len(regions) == 60
    for region in regions:
        haplotypes = haplotype_columns(region.untrimmed)
        start, end = haplotypes.start, haplotypes.end
        full = golden.sequence(start - 500, end + 500)
        trimmed = trim(haplotypes, full, start - 500, region.start, region.end, start, end)
        assert trimmed is not None
        assert (trimmed.padded_start, trimmed.padded_end) == (region.padded_start, region.padded_end)
        assert haplotype_rows(trimmed.haplotypes) == region.trimmed
