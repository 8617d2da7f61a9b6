"""A contract that lies is found: each lie that the seam has told before, told again by a mutant, and what catches it.

The same questions are put to every artifact as it is, and none of them lies.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cached_property, wraps
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from engine.code_version import SEAM, CodeVersion, code_version
from engine.errors import GateError
from engine.ops.artifact import Computed, Contract
from engine.ops.inputs import Artifact, Genome, Input, Making, Opened, Own, Scope
from engine.ops.services import Settings
from engine.quality.thresholds import Threshold, ThresholdTable
from genomics_assets.artifacts import ARTIFACTS, OF_A_SAMPLE
from tests.engine.ops.conftest import CHILD, Family, Seen

ENGINE = Path(__file__).parents[3] / "engine"
_SEAM_FILES = {str(ENGINE.parent.joinpath(*module.split(".")).with_suffix(".py")) for module in SEAM}
BY_NAME = {one.name: one for one in ARTIFACTS}


def opens_only_what_it_names(family: Family, contract: Contract) -> None:
    seen = family.make(contract, CHILD, recompute=True)
    assert isinstance(seen, Seen) and seen.opened <= set(seen.receipt.recipe.inputs)


def draws_what_it_names(family: Family, contract: Contract) -> None:
    seen = family.make(contract, CHILD, recompute=True)
    assert isinstance(seen, Seen)
    drawn = contract.edges(family.resources.settings, family.resources.knowledge.parts)
    assert set(drawn) == {name.partition(" of ")[0] for name in seen.receipt.recipe.inputs}


def is_stopped_by_the_gate_of_what_it_names(family: Family, contract: Contract) -> None:
    for upstream in contract.edges(family.resources.settings, family.resources.knowledge.parts):
        if BY_NAME[upstream].by_sample:
            shut = Threshold(upstream, "shut", "what nobody measures", 1.0, None, "block", "shut")
            gate = replace(family.resources.gate, thresholds=ThresholdTable((shut,)))
            behind = Family(family.deployment, replace(family.resources, gate=gate))
            with pytest.raises(GateError, match=f"the gate of {upstream} is shut"):
                behind.make(contract, CHILD)


def runs_only_code_that_its_version_counts(family: Family, contract: Contract) -> None:
    called: set[str] = set()
    family.make(replace(contract, compute=_traced(contract.compute, called)), CHILD, recompute=True)
    counted = {module.partition(":")[0] for module in contract.code.modules}
    assert called - SEAM <= counted


def _traced(compute: Callable[..., Any], called: set[str]) -> Callable[..., Any]:
    """The function, noting in which of the engine's modules functions are called meanwhile, in every thread."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and not _handed_over(frame):
            files.add(frame.f_code.co_filename)

    @wraps(compute)
    def run(**values: Any) -> Any:
        threading.setprofile(note)
        sys.setprofile(note)
        try:
            return compute(**values)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            paths = [Path(name) for name in files if Path(name).is_relative_to(ENGINE)]
            called.update(".".join(path.relative_to(ENGINE.parent).with_suffix("").parts) for path in paths)
            called.difference_update([name for name in called if name.endswith("__init__")])

    return run


def _handed_over(frame: FrameType) -> bool:
    """Whether the seam called this, directly or not: it hands inputs over then, and computes nothing."""
    above = frame.f_back
    while above is not None and above.f_code.co_filename != __file__:
        if above.f_code.co_filename in _SEAM_FILES:
            return True
        above = above.f_back
    return False


QUESTIONS = (
    opens_only_what_it_names,
    draws_what_it_names,
    is_stopped_by_the_gate_of_what_it_names,
    runs_only_code_that_its_version_counts,
)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("contract", OF_A_SAMPLE, ids=[one.name for one in OF_A_SAMPLE])
def test_no_artifact_lies(family: Family, contract: Contract, question: Callable[[Family, Contract], None]) -> None:
    question(family, contract)


def variants(making: Making, gvcf: Own, reference: Genome) -> Computed:
    """Takes the BAM, which nobody handed to it, from where it lies."""
    (bam,) = gvcf.folder.parent.parent.glob("aligned_reads/*/*.bam")
    (making.folder / "copy").write_bytes(bam.read_bytes()[:100])
    return Computed(1)


class _AroundTheGate(Input):
    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        return (parameter,)

    def open(self, parameter: str, scope: Scope) -> Opened:
        receipt = scope.services.lake.require(parameter, scope.sample)
        return Opened(Artifact(receipt, scope.services.lake), inputs={parameter: receipt.data_version})


class _WithoutGate(Contract):
    @cached_property
    def takes(self) -> Mapping[str, Input]:
        return dict(BY_NAME["variants"].takes) | {"gvcf": _AroundTheGate()}


class _WithoutEdge(Contract):
    def edges(self, settings: Settings, parts: Any) -> tuple[str, ...]:
        return tuple(name for name in super().edges(settings, parts) if name != "gvcf")


class _Stealing(Contract):
    @cached_property
    def code(self) -> CodeVersion:
        return BY_NAME["variants"].code


class _OtherCode(Contract):
    @cached_property
    def code(self) -> CodeVersion:
        return code_version("engine.ops.reads:raw_reads")


def _copied(kind: type[Contract]) -> Contract:
    one = BY_NAME["variants"]
    compute = variants if kind is _Stealing else one.compute
    return kind(compute, one.stage, one.by_sample, one.kinds, one.columns, one.programs, one.after, one.pool)


MUTANTS = {
    "an input opened beside the contract": (lambda: _copied(_Stealing), opens_only_what_it_names),
    "a dropped gate": (lambda: _copied(_WithoutGate), is_stopped_by_the_gate_of_what_it_names),
    "a dropped edge": (lambda: _copied(_WithoutEdge), draws_what_it_names),
    "the version of other code": (lambda: _copied(_OtherCode), runs_only_code_that_its_version_counts),
}


@pytest.mark.parametrize("lie", MUTANTS)
def test_a_mutant_that_lies_is_found(family: Family, lie: str) -> None:
    mutant, question = MUTANTS[lie]
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        question(family, mutant())
    question(family, BY_NAME["variants"])  # and the artifact itself stands as it was
