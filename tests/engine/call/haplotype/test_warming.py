"""Warming calls a made-up sample, so that every kernel has run."""

from engine.call.haplotype.warming import compile_kernels


def test_the_made_up_sample_has_its_three_variants() -> None:
    assert compile_kernels() == 3
