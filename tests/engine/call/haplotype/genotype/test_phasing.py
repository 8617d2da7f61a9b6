"""Physical phase from the haplotypes that carry each call."""

from dataclasses import replace

import pytest

from engine.call.haplotype.genotype.phasing import phased_calls
from engine.call.haplotype.genotype.sites import Event
from engine.call.haplotype.genotype.variant_call import SiteAnnotations, VariantCall

_NOTES = SiteAnnotations(0, 0, 0, None, None, None, 0.0, 0.0, None, None)
_BLANK = VariantCall(0, (), 50.0, False, (0, 1), False, 99, (), (), 0, (0, 0, 0, 0), (), (), _NOTES, None)


def snp(start: int, *alternates: str) -> VariantCall:
    return replace(_BLANK, start=start, alleles=("A", *alternates, "<NON_REF>"))


def phases(calls: list[VariantCall], *haplotypes: str) -> list[str | None]:
    """PGT of each call; a haplotype is written as the alternates it shows at the calls, ``.`` for the reference."""
    events = [
        [Event(call.start, call.start + 1, base) for call, base in zip(calls, bases, strict=True) if base != "."]
        for bases in haplotypes
    ]
    called = phased_calls(calls, events, set(range(len(haplotypes))))
    return [call.phase and call.phase.genotype for call in called]


CALLS = [snp(100, "T"), snp(110, "G"), snp(120, "C")]


def test_variants_always_together_are_in_phase() -> None:
    assert phases(CALLS, "...", "TGC") == ["0|1", "0|1", "0|1"]


def test_variants_on_the_two_alternate_haplotypes_are_out_of_phase() -> None:
    assert phases(CALLS[:2], "T.", ".G") == ["0|1", "1|0"]


def test_variants_sometimes_together_are_not_phased() -> None:
    assert phases(CALLS[:2], "..", "T.", "TG", ".G") == [None, None]


def test_a_variant_on_every_alternate_haplotype_goes_with_the_first_that_splits_them() -> None:
    assert phases(CALLS, "TG.", "T.C") == ["0|1", "0|1", "1|0"]


def test_contradictions_leave_nothing_phased() -> None:
    """The third is on every haplotype, hence in phase with the first and with the second, which are unrelated."""
    assert phases(CALLS, "T.C", ".GC", "..C") == [None, None, None]


def test_a_site_of_two_alternates_is_left_alone() -> None:
    calls = [snp(100, "T", "G"), snp(110, "G"), snp(120, "C")]
    assert phases(calls, "TGC", "G..") == [None, "0|1", "0|1"]


@pytest.mark.parametrize(("bases", "genotype"), [(("T.", ".G"), (1, 0)), (("TG",), (0, 1))])
def test_the_genotype_is_written_in_the_order_of_its_phase(bases: tuple[str, ...], genotype: tuple[int, int]) -> None:
    events = [[Event(100 + 10 * i, 101 + 10 * i, b) for i, b in enumerate(row) if b != "."] for row in bases]
    first, second = phased_calls(CALLS[:2], events, set(range(len(bases))))
    assert (first.genotype, first.phased) == ((0, 1), True)
    assert second.genotype == genotype
    assert second.phase is not None
    assert (second.phase.identifier, second.phase.start) == ("101_A_T", 100)
