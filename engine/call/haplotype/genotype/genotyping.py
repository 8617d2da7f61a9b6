"""Variant calls of one assembled region of one sample (specification 10.3-13).

Brings the steps together: likelihoods of reads, realignment, sites, genotypes, annotations, phase. What a region
is, and how calls are written, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.genotype import genotyping_kernels as kernels
from engine.call.haplotype.genotype.allele_frequency import (
    NON_REFERENCE,
    SPANNING_DELETION,
    AlleleFrequencies,
    SampleLikelihoods,
    allele_frequencies,
    likeliest_alternates,
    subset_phred,
)
from engine.call.haplotype.genotype.annotation_kernels import observe
from engine.call.haplotype.genotype.annotations import site_annotations
from engine.call.haplotype.genotype.genotype_index import genotype_alleles, genotype_counts
from engine.call.haplotype.genotype.phasing import phased_calls
from engine.call.haplotype.genotype.sites import Site, events_by_haplotype, find_sites
from engine.call.haplotype.genotype.variant_call import VariantCall
from engine.call.haplotype.likelihood.read_likelihoods import read_likelihoods
from engine.call.haplotype.likelihood.realignment import realigned_reads
from engine.call.haplotype.numerics import LOG10_SUM_TABLE
from engine.call.haplotype.trimming.trimmed_region import TrimmedRegion

_OVERLAP_MARGIN: Final = 2
"""Reads this close to a site still are evidence for it."""
_MOST_ALTERNATES: Final = 6


@dataclass(frozen=True)
class GenotypingSettings:
    """How a sample is genotyped.

    Attributes:
        ploidy: copies of the contig here.
        reference_confidence: whether ``<NON_REF>`` is added and every assembled allele kept, as a gVCF wants it.
        confidence: QUAL below which a site is not called without reference confidence; 0 with it.
    """

    ploidy: int = 2
    reference_confidence: bool = True
    confidence: float = 30.0


class OpenDeletion(NamedTuple):
    """Reference bases ``[start, end)`` that a call counts as deleted from, itself not included in what it spans."""

    start: int
    end: int


@dataclass(frozen=True, eq=False)
class RegionCalls:
    """What a region gave.

    Attributes:
        calls: ascending by position.
        reads: the reads that a haplotype explains, aligned to the reference through it; the reference model's input.
        deletions: deletions of these calls, for the regions behind.
        depends_on_upstream: a haplotype lacks one of the sites by a deletion from before the region, so that the
            result may change with the deletions called there.
    """

    calls: tuple[VariantCall, ...]
    reads: ReadColumns
    deletions: tuple[OpenDeletion, ...]
    depends_on_upstream: bool

    @property
    def has_genotype(self) -> bool:
        """Whether any genotype could be told; without one the region counts as not varying."""
        return any(call.genotype for call in self.calls)


@dataclass(frozen=True, eq=False)
class _Evidence:
    """Reads over one site and how well they support its alleles."""

    rows: NDArray[np.int64]
    likelihoods: NDArray[np.float64]
    alleles: tuple[str, ...]
    phred: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Decision:
    """Which alleles of a site are written, and how sure that is."""

    kept: tuple[int, ...]
    frequencies: AlleleFrequencies
    counts: tuple[int, ...]
    quality: float


def call_region(
    reads: ReadColumns,
    filtered: ReadColumns,
    region: TrimmedRegion,
    *,
    start: int,
    end: int,
    reference: NDArray[np.uint8],
    reference_start: int,
    settings: GenotypingSettings,
    upstream: Sequence[OpenDeletion] = (),
) -> RegionCalls:
    """Genotype every site of a region.

    Args:
        reads: evidence, clipped to the region's padded span, in GATK's order.
        filtered: reads that are no evidence but count for depth.
        region: haplotypes over the padded span, with their events.
        start: first base of the region without padding; sites before it belong to the region before.
        end: one past its last base.
        reference: bases that cover all events.
        reference_start: 0-based position of its first base.
        settings: ploidy and what to write.
        upstream: deletions called before this region that may reach into it.
    """
    likelihoods = read_likelihoods(reads, region.haplotypes)
    realigned = realigned_reads(reads, likelihoods, region.haplotypes)
    events = events_by_haplotype(region.events)
    sites = find_sites(
        events,
        start=start,
        end=end,
        reference=reference,
        reference_start=reference_start,
        haplotype_scores=region.haplotypes.score,
        ploidy=settings.ploidy,
    )
    calls: list[VariantCall] = []
    deletions: list[OpenDeletion] = list(upstream)
    called: set[int] = set()
    for site in sites:
        evidence = _evidence(site, likelihoods.values, realigned, settings)
        decision = _decision(site, evidence, settings, deletions)
        if decision is None:
            continue
        alleles = tuple(evidence.alleles[allele] for allele in decision.kept)
        deletions += _deletions(site.start, alleles)
        concrete = [allele for allele in decision.kept if allele < len(site.alleles)]
        called.update(np.flatnonzero(site.carriers[concrete].any(axis=0)).tolist())
        calls.append(_call(site, evidence, decision, realigned, filtered, settings))
    if settings.reference_confidence and settings.ploidy == 2:
        calls = phased_calls(calls, events, called)
    return RegionCalls(
        calls=tuple(calls),
        reads=realigned,
        deletions=tuple(deletions[len(upstream) :]),
        depends_on_upstream=any(site.reached_from_before < start for site in sites),
    )


def _evidence(site: Site, values: NDArray[np.float64], reads: ReadColumns, settings: GenotypingSettings) -> _Evidence:
    rows, likelihoods = kernels.allele_likelihoods(
        values,
        reads.start,
        reads.end,
        site.carriers,
        site.start - _OVERLAP_MARGIN,
        site.end + _OVERLAP_MARGIN,
        settings.reference_confidence,
    )
    alleles = (*site.alleles, NON_REFERENCE) if settings.reference_confidence else site.alleles
    counts = genotype_counts(settings.ploidy, len(alleles))
    return _Evidence(rows, likelihoods, alleles, kernels.genotype_phred(likelihoods, counts, LOG10_SUM_TABLE))


def _decision(
    site: Site, evidence: _Evidence, settings: GenotypingSettings, deletions: Sequence[OpenDeletion]
) -> _Decision | None:
    """Which alleles to write, None when the site is not to be called."""
    alleles = evidence.alleles
    used = tuple(range(len(alleles)))
    phred = evidence.phred
    if len(alleles) - 1 > _MOST_ALTERNATES:
        sample = SampleLikelihoods(settings.ploidy, phred[np.newaxis])
        used = tuple(likeliest_alternates([sample], alternates=alleles[1:], most=_MOST_ALTERNATES))
        phred = subset_phred(settings.ploidy, len(alleles), phred, used)
    alternates = [alleles[allele] for allele in used[1:]]
    frequencies = allele_frequencies(
        [SampleLikelihoods(settings.ploidy, phred[np.newaxis])],
        reference_length=len(alleles[0]),
        alternates=alternates,
    )
    confidence = 0.0 if settings.reference_confidence else settings.confidence
    covered = any(deletion.start < site.start < deletion.end for deletion in deletions)
    kept, counts, varies = [0], [], False
    for index, alternate in enumerate(alternates):
        spurious = alternate == SPANNING_DELETION and not covered
        plausible = frequencies.is_plausible(index, confidence)
        if not spurious and plausible:
            varies = True
        if not spurious and (plausible or settings.reference_confidence):
            kept.append(used[1 + index])
            counts.append(frequencies.counts[index])
    quality = frequencies.quality if varies else frequencies.reference_quality
    written = [alleles[allele] for allele in kept[1:]]
    if not (varies and quality >= confidence) and written[:1] != [NON_REFERENCE]:
        return None
    if written == [SPANNING_DELETION]:
        return None
    return _Decision(tuple(kept), frequencies, tuple(counts), quality)


def _deletions(start: int, alleles: tuple[str, ...]) -> list[OpenDeletion]:
    """What GATK takes for deletions at a call, by the length of each allele, that of ``<NON_REF>`` being 0."""
    lengths = [0 if allele == NON_REFERENCE else len(allele) for allele in alleles]
    return [OpenDeletion(start, start + lengths[0] - length + 1) for length in lengths if length < lengths[0]]


def _call(
    site: Site,
    evidence: _Evidence,
    decision: _Decision,
    reads: ReadColumns,
    filtered: ReadColumns,
    settings: GenotypingSettings,
) -> VariantCall:
    kept = decision.kept
    alleles = tuple(evidence.alleles[allele] for allele in kept)
    complete = len(kept) == len(evidence.alleles)
    in_call = np.ones(len(evidence.alleles), np.bool_)
    if not complete:
        in_call[:] = False
        in_call[list(kept)] = True
        if settings.reference_confidence:
            kernels.fill_non_reference(evidence.likelihoods, in_call)
    observed = observe(
        evidence.likelihoods,
        in_call,
        evidence.rows,
        site.start,
        site.end,
        _OVERLAP_MARGIN,
        reads.start,
        reads.end,
        reads.flag,
        reads.mapq,
        reads.base_offset,
        reads.qualities,
        reads.cigar_offset,
        reads.cigar,
        filtered.start,
        filtered.end,
        filtered.mapq,
    )
    genotype, phred, genotype_quality = _genotype(alleles, evidence, kept, settings.ploidy)
    allele_depths = observed.allele_depths.tolist()
    forward, reverse, alternate_forward, alternate_reverse = observed.strands.tolist()
    return VariantCall(
        start=site.start,
        alleles=alleles if complete else _right_trimmed(alleles),
        quality=decision.quality,
        low_quality=not settings.reference_confidence and decision.quality < settings.confidence,
        genotype=genotype,
        phased=False,
        genotype_quality=genotype_quality,
        phred_likelihoods=phred,
        allele_depths=tuple(allele_depths[allele] for allele in kept) if genotype else (),
        genotype_depth=sum(allele_depths) if genotype else None,
        strand_counts=(forward, reverse, alternate_forward, alternate_reverse),
        allele_counts=decision.counts,
        allele_frequencies=tuple(
            min(1.0, count / len(genotype)) if genotype else float("nan") for count in decision.counts
        ),
        annotations=site_annotations(observed, decision.quality, genotype),
        phase=None,
    )


def _genotype(
    alleles: tuple[str, ...], evidence: _Evidence, kept: tuple[int, ...], ploidy: int
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Genotype, PLs over the kept alleles, and GQ.

    No genotype where homozygous reference is no likelier than the next; homozygous reference without likelihoods
    where the likeliest has an allele that nobody assembled.
    """
    phred = evidence.phred
    if len(alleles) < len(evidence.alleles):
        phred = subset_phred(ploidy, len(evidence.alleles), phred, kept)
    values = tuple(phred.tolist())
    best = values.index(0)
    genotype_quality = sorted(values)[1]
    genotype = genotype_alleles(ploidy, len(alleles))[best]
    if any(alleles[allele] == NON_REFERENCE for allele in genotype):
        return (0,) * ploidy, (0,) * len(values), genotype_quality
    if best == 0 and genotype_quality == 0:
        genotype = ()
    return genotype, values, genotype_quality


def _right_trimmed(alleles: tuple[str, ...]) -> tuple[str, ...]:
    """Alleles without the bases that all end in, at least one base of each left."""
    written = [allele for allele in alleles if allele not in (SPANNING_DELETION, NON_REFERENCE)]
    shortest = min(len(allele) for allele in written)
    common = 0
    while common < shortest - 1 and len({allele[-1 - common] for allele in written}) == 1:
        common += 1
    return tuple(allele[: len(allele) - common] if allele in written else allele for allele in alleles)
