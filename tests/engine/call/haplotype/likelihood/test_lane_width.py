"""The pair HMM gives the same bits whatever the width of the processor's vectors."""

import importlib
import sys
from types import ModuleType

import llvmlite.binding
import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

import engine.kernel  # noqa: F401  # asks for the processor's features, which are replaced below

_MODULES = ("engine.call.haplotype.likelihood.lanes", "engine.call.haplotype.likelihood.pair_hmm")


def compiled_for(features: dict[str, bool], patch: pytest.MonkeyPatch) -> tuple[int, ModuleType]:
    """The kernel's module as a processor of these features would load it, without touching the cache on disk."""
    with patch.context() as context:
        for name in _MODULES:
            context.delitem(sys.modules, name, raising=False)
        context.setattr(llvmlite.binding, "get_host_cpu_features", lambda: features)
        context.setattr(Dispatcher, "enable_caching", lambda self: None)
        lanes, pair_hmm = (importlib.import_module(name) for name in _MODULES)
        return lanes.LANES, pair_hmm


@pytest.mark.slow
def test_other_widths_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ragged reads, so that lanes end at different rows and the last vector is not full."""
    generator = np.random.default_rng(5)
    bases = np.frombuffer(b"ACGTN", np.uint8)
    lengths = np.concatenate([generator.integers(5, 60, 30), np.full(11, 40)])
    read_offset = np.cumsum([0, *lengths])
    reads = generator.choice(bases, read_offset[-1], p=[0.249] * 4 + [0.004])
    qualities = generator.integers(6, 42, read_offset[-1]).astype(np.uint8)
    gap_open = generator.integers(30, 46, read_offset[-1]).astype(np.uint8)
    haplotype = generator.choice(bases[:4], 90)
    haplotypes = np.concatenate([haplotype, np.where(np.arange(90) == 50, 65, haplotype), haplotype[:80]])
    inputs = (read_offset, reads, qualities, gap_open, np.array([0, 90, 180, 260]), haplotypes.astype(np.uint8))
    results = {}
    for features in ({"avx512f": True}, {}):
        width, module = compiled_for(features, monkeypatch)
        results[width] = module.single_precision_likelihoods(*inputs)
    native = importlib.import_module(_MODULES[1])
    assert sorted(results) == [4, 16]
    for result in results.values():
        assert np.array_equal(result, native.single_precision_likelihoods(*inputs), equal_nan=True)
