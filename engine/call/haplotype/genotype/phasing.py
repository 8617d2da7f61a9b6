"""Physical phase: which calls of a region lie on the same haplotypes (specification 12.6).

Looks only at haplotypes that were called; genotypes are not changed but for the order of their alleles. GATK:
``AssemblyBasedCallerUtils.phaseCalls``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.call.haplotype.genotype.allele_frequency import NON_REFERENCE, SPANNING_DELETION
from engine.call.haplotype.genotype.sites import Event
from engine.call.haplotype.genotype.variant_call import PhaseSet, VariantCall

_TOGETHER = "0|1"
_APART = "1|0"


def phased_calls(
    calls: Sequence[VariantCall], haplotype_events: Sequence[Sequence[Event]], called: set[int]
) -> list[VariantCall]:
    """The calls, those in phase with another marked so.

    Args:
        calls: of one region, ascending, of a diploid sample.
        haplotype_events: events of every haplotype of the region.
        called: the haplotypes that carry an allele of any call.
    """
    if len(calls) < 2:
        return list(calls)
    carriers = [_carriers(call, haplotype_events, called) for call in calls]
    phases = _phases(carriers)
    firsts: dict[int, VariantCall] = {}
    for index, (group, _) in sorted(phases.items()):
        firsts.setdefault(group, calls[index])
    return [
        _phased(call, firsts[phases[index][0]], phases[index][1]) if index in phases else call
        for index, call in enumerate(calls)
    ]


def _own_alternates(call: VariantCall) -> list[str]:
    return [allele for allele in call.alleles[1:] if allele not in (SPANNING_DELETION, NON_REFERENCE)]


def _carriers(call: VariantCall, haplotype_events: Sequence[Sequence[Event]], called: set[int]) -> frozenset[int]:
    """Called haplotypes with the call's one alternate; none when it has several."""
    alternates = _own_alternates(call)
    if len(alternates) != 1:
        return frozenset()
    return frozenset(
        haplotype
        for haplotype in called
        if any(event.start == call.start and event.alternate == alternates[0] for event in haplotype_events[haplotype])
    )


def _phases(carriers: Sequence[frozenset[int]]) -> dict[int, tuple[int, str]]:
    """Group and phase of each call that has any; nothing at all when calls contradict each other."""
    everyone = frozenset[int]().union(*carriers)
    phases: dict[int, tuple[int, str]] = {}
    groups = 0
    for i, ours in enumerate(carriers):
        available = ours
        for j in range(i + 1, len(carriers)):
            theirs = carriers[j]
            if not ours or not theirs:
                continue
            together = ours == theirs or (ours == everyone and theirs <= available) or theirs == everyone
            apart = len(ours) + len(theirs) == len(everyone) and not ours & theirs
            if not together and not apart:
                continue
            if i not in phases:
                if j in phases:
                    return {}
                phases[i] = (groups, _TOGETHER)
                phases[j] = (groups, _TOGETHER if together else _APART)
                groups += 1
                if together:
                    available &= theirs
            elif j not in phases:
                group, phase = phases[i]
                phases[j] = (group, phase if together else _opposite(phase))
    return phases


def _opposite(phase: str) -> str:
    return _APART if phase == _TOGETHER else _TOGETHER


def _phased(call: VariantCall, first: VariantCall, phase: str) -> VariantCall:
    genotype = call.genotype
    if len(set(genotype)) == 2:
        marked = call.alleles[genotype[1 if phase == _TOGETHER else 0]]
        if marked not in _own_alternates(call):
            genotype = genotype[::-1]
    identifier = f"{first.start + 1}_{first.alleles[0]}_{first.alleles[1]}"
    return replace(call, genotype=genotype, phased=True, phase=PhaseSet(phase, identifier, first.start))
