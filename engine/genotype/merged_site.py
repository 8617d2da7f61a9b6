"""A site of several gVCFs with the alleles that all samples share, and each sample's likelihoods for them.

Follows GATK's ReferenceConfidenceVariantContextMerger and AlleleSubsettingUtils. What is called at the site is
:mod:`engine.genotype.joint`. Coordinates are 0-based half-open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.call.haplotype.genotype.genotype_index import genotype_alleles, genotypes_of_subset
from engine.errors import ReferenceMismatchError
from engine.genotype.gvcf_records import NON_REF, Gvcf, GvcfRecord

MAX_ALTERNATES = 6
SPANNING = "*"
_UNSEEN = "."


@dataclass(frozen=True)
class MergedSite:
    """A site with the alleles that all samples use and each sample's likelihoods for them."""

    records: Sequence[GvcfRecord]
    start: int
    contig: int
    alleles: list[str]
    maps: list[list[int]]
    likelihoods: list[list[int] | None]
    depth: int


def merge_site(records: Sequence[GvcfRecord], inputs: Sequence[Gvcf] = ()) -> MergedSite:
    """Give all records of a site the same alleles.

    Every record has been judged (:mod:`engine.genotype.record_judgement`). The longest REF of the records that start
    here is the site's; their alternates are extended to it. Of a record that reaches in from before only its deletions
    count, as ``*``. An allele a sample has not seen takes the likelihoods of its ``<NON_REF>``.

    Raises:
        ReferenceMismatchError: the records that start here do not read the same reference.
    """
    start = max(record.start for record in records)
    reference = max((record.ref for record in records if record.start == start), key=len)
    _require_one_reference(records, start, reference, inputs)
    named = [_named_alleles(record, start, reference) for record in records]
    alleles = [reference]
    for names in named:
        alleles += [name for name in names[1:] if name not in (*alleles, NON_REF, _UNSEEN)]
    maps = []
    for record, names in zip(records, named, strict=True):
        maps.append([0, *(_index_of(allele, names, record) for allele in alleles[1:])])
    likelihoods = [_remapped(record, mapping) for record, mapping in zip(records, maps, strict=True)]
    depth = sum(record.depth for record in records)
    return MergedSite(records, start, records[0].contig, alleles, maps, likelihoods, depth)


def _require_one_reference(records: Sequence[GvcfRecord], start: int, reference: str, inputs: Sequence[Gvcf]) -> None:
    for record in records:
        if record.start == start and not reference.startswith(record.ref):
            raise ReferenceMismatchError(
                f"inconsistent references: REF is {record.ref} here and {reference} in another sample's gVCF",
                file=inputs[record.sample].path if inputs else None,
                place=f"position {start + 1:,}",
                remedy="give gVCFs that were called with one reference",
            )


def _named_alleles(record: GvcfRecord, start: int, reference: str) -> list[str]:
    """What each of the record's alleles is called at the site."""
    if record.start == start:
        suffix = reference[len(record.ref) :]
        return [reference, *(alt if alt in (NON_REF, SPANNING) else alt + suffix for alt in record.alts)]
    return [
        _UNSEEN,
        *(alt if alt == NON_REF else SPANNING if len(alt) < len(record.ref) else _UNSEEN for alt in record.alts),
    ]


def _index_of(allele: str, names: Sequence[str], record: GvcfRecord) -> int:
    """Which of a sample's alleles stands for one of the site's alternates; of several deletions the likeliest."""
    places = [place for place, name in enumerate(names) if name == allele]
    if len(places) > 1 and record.likelihoods is not None:
        likelihoods = record.likelihoods
        return min(places, key=lambda place: likelihoods[_homozygous(place, record.ploidy)])
    return places[0] if places else names.index(NON_REF)


def _homozygous(allele: int, ploidy: int) -> int:
    """Place of the genotype with only this allele, the last one of those without later alleles."""
    return math.comb(allele + ploidy, ploidy) - 1


def _remapped(record: GvcfRecord, mapping: Sequence[int]) -> list[int] | None:
    """The record's PL for the site's alleles."""
    return subset_likelihoods(record.likelihoods, record.ploidy, 1 + len(record.alts), mapping)


def subset_likelihoods(phred: list[int] | None, ploidy: int, alleles: int, kept: Sequence[int]) -> list[int] | None:
    """The likelihoods of the genotypes of some of the alleles, in VCF's order."""
    if phred is None:
        return None
    return [phred[place] for place in genotypes_of_subset(ploidy, alleles, tuple(kept))]


def with_fewer_alternates(site: MergedSite) -> MergedSite:
    """Keep the alternates that the samples' best genotypes speak for most, at most six.

    Samples of which nothing is known lose their flat likelihoods on the way, as they do in GATK (``makeGenotypeCall``),
    so that QUAL and MLEAC are told by the others alone.
    """
    if len(site.alleles) - 1 <= MAX_ALTERNATES:
        return site
    scores = [0.0] * len(site.alleles)
    for record, likelihoods in zip(site.records, site.likelihoods, strict=True):
        if likelihoods is None:
            continue
        best = min(range(len(likelihoods)), key=likelihoods.__getitem__)
        for allele in set(genotype_alleles(record.ploidy, len(site.alleles))[best]):
            scores[allele] += abs(likelihoods[best] - likelihoods[0])
    ranked = sorted(range(1, len(site.alleles)), key=lambda allele: -scores[allele])
    kept = [0, *sorted(ranked[:MAX_ALTERNATES])]
    fewer = [
        None if record.is_empty else subset_likelihoods(each, record.ploidy, len(site.alleles), kept)
        for record, each in zip(site.records, site.likelihoods, strict=True)
    ]
    return replace(
        site,
        alleles=[site.alleles[allele] for allele in kept],
        maps=[[mapping[allele] for allele in kept] for mapping in site.maps],
        likelihoods=fewer,
    )
