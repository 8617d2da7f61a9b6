"""A score of each sample: the weights of the alleles that it carries, added up, and how much of the score was known.

An allele is matched by place and bases: REF must be the effect allele or one of the others, as the file states them on
the forward strand or, where A and T, C and G are not each other's alternatives, on the reverse one. Sites whose two
alleles are complements of each other look the same from either strand: they are taken as the file states them, and
counted. Insertions and deletions have one strand, that of their first base, and are matched where it can be told which
of the stated alleles is the reference's. A sample of which too little of the score is known has no sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.risk.dosages import Copies, Dosages, Place, Site
from engine.risk.scoring_file import ScoredAllele, ScoringFile

LEAST_MATCHED = 0.75
"""Share of a score's variants that must be known, as PGS Catalog's own calculator asks."""
_COMPLEMENT = str.maketrans("ACGT", "TGCA")


@dataclass(frozen=True)
class SampleScore:
    """A score of one sample.

    Attributes:
        sample: its name.
        score_id: of the score.
        total: the weights added up; absent where too few variants are known.
        matched: variants that are known of the sample.
        variants: variants of the score.
    """

    sample: str
    score_id: str
    total: float | None
    matched: int
    variants: int


@dataclass(frozen=True)
class Score:
    """A score of all samples.

    Attributes:
        samples: in the order of the calls.
        ambiguous: matched variants that look the same from either strand.
        flipped: matched variants that the file states on the reverse strand.
    """

    samples: tuple[SampleScore, ...]
    ambiguous: int
    flipped: int


def longest_allele(scores: Sequence[ScoringFile]) -> int:
    """Bases of the longest allele that scores state, 1 where they state none."""
    stated = (one for score in scores for allele in score.alleles for one in (allele.effect, *allele.others))
    return max(map(len, stated), default=1)


def wanted(scores: Sequence[ScoringFile]) -> tuple[set[Place], set[str]]:
    """Places, and ids of variants without a place, that scores ask about."""
    alleles = [allele for score in scores for allele in score.alleles]
    places = {(one.contig, one.position) for one in alleles if one.contig is not None and one.position is not None}
    return places, {one.rsid for one in alleles if one.contig is None and one.rsid is not None}


def score_samples(score: ScoringFile, dosages: Dosages, *, least_matched: float = LEAST_MATCHED) -> Score:
    """Add up.

    Args:
        score: what is asked.
        dosages: genotypes at its places.
        least_matched: share of the score's variants below which a sample has no sum.
    """
    totals = np.zeros(len(dosages.samples))
    matched = np.zeros(len(dosages.samples), np.int64)
    ambiguous = flipped = 0
    for allele in score.alleles:
        found = _copies(allele, dosages)
        if found is None:
            continue
        copies, is_flipped = found
        known = ~np.isnan(copies)
        counted = np.where(known, copies, 0).astype(np.int64)
        totals += np.where(known, np.array(allele.weights)[np.minimum(counted, 2)], 0.0)
        matched += known
        ambiguous += is_ambiguous(allele)
        flipped += is_flipped
    needed = least_matched * score.variants
    samples = tuple(
        SampleScore(
            sample=name,
            score_id=score.score_id,
            total=float(total) if known and known >= needed else None,
            matched=int(known),
            variants=score.variants,
        )
        for name, total, known in zip(dosages.samples, totals, matched, strict=True)
    )
    return Score(samples, ambiguous, flipped)


def is_ambiguous(allele: ScoredAllele) -> bool:
    """Whether a site looks the same from either strand."""
    return complement(allele.effect) in allele.others


def _copies(allele: ScoredAllele, dosages: Dosages) -> tuple[Copies, bool] | None:
    """Copies of the allele by sample, and whether it is stated on the reverse strand; absent where not matched."""
    place: Place | None
    if allele.contig is not None and allele.position is not None:
        place = (allele.contig, allele.position)
    else:
        place = dosages.rsids.get(allele.rsid or "")
    found = match(allele, dosages.sites.get(place, []) if place else [])
    return None if found is None else (found.site.count(found.effect), found.flipped)


@dataclass(frozen=True)
class Match:
    """Where a scored allele is counted.

    Attributes:
        site: by its REF the one of the stated alleles that is the reference's.
        effect: the allele that is counted, on the forward strand.
        flipped: whether the file states it on the reverse one.
    """

    site: Site
    effect: str
    flipped: bool


def match(allele: ScoredAllele, sites: Sequence[Site]) -> Match | None:
    """The first of the sites of a place that has the scored alleles; absent where none has."""
    for site in sites:
        if fitting := _fitting(site, allele.effect, allele.others):
            return Match(fitting, allele.effect, flipped=False)
        effect, others = complement(allele.effect), tuple(complement(other) for other in allele.others)
        may_be_turned = _is_substitution(allele) and not is_ambiguous(allele)
        if may_be_turned and (fitting := _fitting(site, effect, others)):
            return Match(fitting, effect, flipped=True)
    return None


def _is_substitution(allele: ScoredAllele) -> bool:
    """Whether all alleles are stated, as many bases each."""
    return {len(allele.effect)} == {*map(len, allele.others)}


def _fitting(site: Site, effect: str, others: Sequence[str]) -> Site | None:
    """The site by the score's alleles, if it has them; one without other alleles must be among the site's."""
    if not others:
        return site if effect == site.ref or effect in site.copies else None
    return site.as_one_of((effect, *others))


def complement(bases: str) -> str:
    """The same bases as the other strand has them."""
    return bases.translate(_COMPLEMENT)[::-1]
