"""What a report may claim to have looked at: the genes of the targets, and those that were not called throughout.

A negative result means nothing where nothing could be called, so each gene with an uncalled coding base is named.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.annotate.gene_model import Transcript, read_gene_model
from engine.call.gvcf import called_stretches
from engine.call.ploidy import ploidy_of
from engine.classify.inheritance import hgnc_id
from engine.person import Sex
from engine.reference.bundle import ReferenceBundle
from engine.reference.intervals import Interval, merge
from engine.reference.known_bases import known_territory
from engine.report.case import Gene, Regions
from engine.report.exon_coverage import counted_exons, exon_coverage

MOST_GENES = 300
"""More genes than these are not listed one by one but described."""


def study_regions(
    bundle: ReferenceBundle,
    gvcf: Path | None,
    *,
    sex: Sex = Sex.UNKNOWN,
    mean_coverage: float | None = None,
    fraction_20x: float | None = None,
    asked: Sequence[str] = (),
) -> Regions:
    """What was studied and what of it could not be called.

    Args:
        bundle: its targets (the whole reference where it has none) and its gene model.
        gvcf: the sample's gVCF; without it nothing is said about uncalled bases.
        sex: a female's Y is not expected to be called.
        mean_coverage: mean depth over the targets, where it was measured.
        fraction_20x: share of target bases covered 20 times or more, where it was measured.
        asked: symbols of the genes that the order asks about.
    """
    targets = expected_targets(bundle, sex)
    uncalled = [] if gvcf is None else uncalled_intervals(gvcf, targets)
    bases = sum(len(target) for target in targets)
    spokesmen = spokesmen_of(bundle)
    transcripts = [one for one in spokesmen if one.coding]
    studied = _genes(transcripts, targets)
    return Regions(
        description=f"{len(targets):,} interval{'s' if len(targets) != 1 else ''}, {bases:,} bases of {bundle.build}",
        studied=studied if len(studied) <= MOST_GENES else (),
        uncalled=_genes(transcripts, uncalled),
        uncalled_bases=None if gvcf is None else sum(len(interval) for interval in uncalled),
        mean_coverage=mean_coverage,
        fraction_20x=fraction_20x,
        beyond=_beyond(bundle, [one for one in spokesmen if one.gene in asked]) if asked else (),
        unknown=tuple(gene for gene in asked if gene not in {one.gene for one in spokesmen}),
        uncalled_exons=_exons(asked_about(spokesmen, asked), targets, uncalled),
    )


def asked_about(spokesmen: Sequence[Transcript], asked: Sequence[str]) -> list[Transcript]:
    """The transcripts of the genes asked about; where none is named, of every gene with a protein."""
    return [one for one in spokesmen if (one.gene in asked if asked else one.coding)]


def _exons(
    transcripts: Sequence[Transcript], targets: Sequence[Interval], uncalled: Sequence[Interval]
) -> tuple[str, ...]:
    """In words the exons that were not called throughout, and how much of each."""
    rows = exon_coverage(transcripts, targets, uncalled, {}) if uncalled else []
    return tuple(f"{row.name} ({row.uncalled:,} of {row.bases:,} bases)" for row in rows if row.uncalled)


def uncalled_intervals(gvcf: Path, targets: Sequence[Interval]) -> list[Interval]:
    """Parts of the targets without a block or variant of genotype quality :data:`engine.call.gvcf.CALLED_FROM`.

    Args:
        gvcf: one sample's gVCF, sorted.
        targets: merged, in contig order.
    """
    called = called_stretches(gvcf)
    return [hole for target in targets for hole in _holes(target, called.get(target.contig, []))]


def _holes(target: Interval, spans: Sequence[tuple[int, int]]) -> Iterator[Interval]:
    position = target.start
    for start, end in spans:
        if end <= position:
            continue
        if start >= target.end:
            break
        if start > position:
            yield Interval(target.contig, position, start)
        position = end
    if position < target.end:
        yield Interval(target.contig, position, target.end)


def expected_targets(bundle: ReferenceBundle, sex: Sex) -> list[Interval]:
    """The targets that a person of this sex has at all, without bases that are N."""
    lengths = bundle.contig_lengths
    targets = known_territory(bundle, targets=bundle.targets)
    owned = [
        part.interval for target in targets for part in ploidy_of(target, lengths[target.contig], sex) if part.copies
    ]
    return merge(owned, lengths)


def spokesmen_of(bundle: ReferenceBundle) -> list[Transcript]:
    """The representative transcript of every gene, along the genome."""
    if bundle.gene_model is None:
        return []
    chosen = read_gene_model(bundle.gene_model).representatives.values()
    return sorted(chosen, key=lambda one: (one.contig, one.start, one.gene))


def _beyond(bundle: ReferenceBundle, transcripts: Sequence[Transcript]) -> tuple[str, ...]:
    """Genes of which, wherever they lie, a coding base is no target; of those without a protein, a base of an exon."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for target in merge(known_territory(bundle, targets=bundle.targets), bundle.contig_lengths):
        spans.setdefault(target.contig, []).append((target.start, target.end))

    def is_whole(one: Transcript) -> bool:
        exons = [Interval(one.contig, start, end) for _, start, end in counted_exons(one)]
        return not any(list(_holes(exon, spans.get(one.contig, []))) for exon in exons)

    whole = {one.gene for one in transcripts if is_whole(one)}
    return tuple(dict.fromkeys(one.gene for one in transcripts if one.gene not in whole))


def _genes(transcripts: Sequence[Transcript], intervals: Sequence[Interval]) -> tuple[Gene, ...]:
    """Genes whose coding exons the merged intervals touch."""
    by_contig: dict[str, list[Interval]] = {}
    for interval in intervals:
        by_contig.setdefault(interval.contig, []).append(interval)
    ends = {contig: [interval.end for interval in listed] for contig, listed in by_contig.items()}

    def touched(contig: str, start: int, end: int) -> bool:
        first = bisect_right(ends.get(contig, []), start)
        return first < len(ends.get(contig, [])) and by_contig[contig][first].start < end

    genes = [
        Gene(one.gene, one.hgnc_id or hgnc_id(one.gene))
        for one in transcripts
        if any(touched(one.contig, start, end) for _, start, end in counted_exons(one))
    ]
    return tuple(dict.fromkeys(genes))
