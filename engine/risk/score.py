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

from engine.risk.dosages import ALTERNATE, NEITHER, REFERENCE, Copies, Dosages, Site
from engine.risk.places import Place, Places, places_of
from engine.risk.scored_rows import ScoredAllele, ScoredRows, complement, distinct
from engine.risk.scoring_file import ScoringFile

LEAST_MATCHED = 0.75
"""Share of a score's variants that must be known, as PGS Catalog's own calculator asks."""
_UNMATCHED = -1
_NOBODY: Copies = np.zeros(0)


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
    stated = (one for score in scores for effect, others in score.alleles.pairs for one in (effect, *others))
    return max(map(len, stated), default=1)


def wanted(scores: Sequence[ScoringFile]) -> tuple[Places, set[str]]:
    """Places, and ids of variants without a place, that scores ask about."""
    rows = [score.alleles for score in scores]
    return places_of(rows), {name for one in rows for name in one.rsids.values()}


def score_samples(score: ScoringFile, dosages: Dosages, *, least_matched: float = LEAST_MATCHED) -> Score:
    """Add up.

    Args:
        score: what is asked.
        dosages: genotypes at its places.
        least_matched: share of the score's variants below which a sample has no sum.
    """
    from engine.risk.call_kernels import add_up

    totals = np.zeros(len(dosages.samples))
    matched = np.zeros(len(dosages.samples), np.int64)
    found = _Matched(score.alleles, dosages)
    add_up(found.entry, found.counted, found.copies, found.known, score.alleles.weights, totals, matched)
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
    return Score(samples, found.ambiguous, found.flipped)


def is_ambiguous(effect: str, others: Sequence[str]) -> bool:
    """Whether a site looks the same from either strand."""
    return complement(effect) in others


class _Matched:
    """Which genotypes each row of a score counts, and which of their alleles.

    Attributes:
        entry: int64[rows], which of the genotypes, -1 where the row is not matched.
        counted: int8[rows], which allele, as :func:`engine.risk.call_kernels.add_up` has it.
        copies: int8[entries, samples], of the alternate allele.
        known: int8[entries, samples], alleles of the genotype; -1 where it is not known.
        ambiguous: matched rows that look the same from either strand.
        flipped: matched rows that are stated on the reverse strand.
    """

    def __init__(self, rows: ScoredRows, dosages: Dosages) -> None:
        self._rows, self._dosages = rows, dosages
        self._at = dosages.places.of_rows(rows)
        self.entry = np.where(self._at >= 0, dosages.entry[self._at], -1) if len(dosages.entry) else self._at
        self.counted = np.zeros(len(rows), np.int8)
        self.copies, self.known = dosages.copies, dosages.alleles
        self.ambiguous = self.flipped = 0
        self._match_columns()
        self._match_sites()

    def _match_columns(self) -> None:
        """Of rows whose place has one record at most: what two alleles make of two others is decided once."""
        dosages = self._dosages
        rows = np.flatnonzero(self.entry >= 0)
        entry, names = self.entry[rows], list(dosages.names)
        many = len(names) + 1
        codes = (self._rows.pair[rows].astype(np.int64) * many + dosages.ref[entry]) * many + dosages.alt[entry] + 1
        used, where = distinct(codes, len(self._rows.pairs) * many * many)
        told = [self._decided(code // many**2, code % many**2, names) for code in used.tolist()]
        counted, ambiguous, flipped = np.array(told, np.int8).reshape(len(told), 3).T
        self.counted[rows] = counted[where]
        self.entry[rows[counted[where] == _UNMATCHED]] = -1
        often = np.bincount(where, minlength=len(used))
        self.ambiguous += int(often @ ambiguous)
        self.flipped += int(often @ flipped)

    def _decided(self, pair: int, alleles: int, names: Sequence[str]) -> tuple[int, bool, bool]:
        """Which allele is counted, and whether the row looks the same from either strand, or is stated on the other."""
        ref, alt = divmod(alleles, len(names) + 1)
        effect, others = self._rows.pairs[pair]
        copies = {names[alt - 1]: _NOBODY} if alt else {}
        site = Site(names[ref], copies, _NOBODY, "" if alt else names[ref])
        found = match_alleles(effect, others, [site])
        if found is None:
            return _UNMATCHED, False, False
        of_alternate = ALTERNATE if found.effect in copies else NEITHER
        counted = REFERENCE if found.effect == site.ref else of_alternate
        return counted, is_ambiguous(effect, others), found.flipped

    def _match_sites(self) -> None:
        """Of the other rows one by one, their genotypes behind those of the columns."""
        dosages = self._dosages
        rows = (
            np.flatnonzero(dosages.with_sites()[self._at] & (self._at >= 0)).tolist()
            if dosages.sites and len(dosages.places)
            else []
        )
        found: list[Copies] = []
        for row in sorted({*rows, *(self._rows.rsids if dosages.rsids else ())}):
            allele = self._rows[row]
            place = self._place(allele)
            told = match(allele, dosages.sites.get(place, [])) if place else None
            if told is None:
                continue
            self.entry[row], self.counted[row] = len(dosages.ref) + len(found), ALTERNATE
            found.append(told.site.count(told.effect))
            self.ambiguous += is_ambiguous(allele.effect, allele.others)
            self.flipped += told.flipped
        if found:
            copies = np.array(found)
            is_known = ~np.isnan(copies)
            self.copies = np.concatenate([self.copies, np.where(is_known, copies, 0).astype(np.int8)])
            self.known = np.concatenate([self.known, np.where(is_known, 0, -1).astype(np.int8)])

    def _place(self, allele: ScoredAllele) -> Place | None:
        if allele.contig is not None and allele.position is not None:
            return allele.contig, allele.position
        return self._dosages.rsids.get(allele.rsid or "")


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
    return match_alleles(allele.effect, allele.others, sites)


def match_alleles(effect: str, others: Sequence[str], sites: Sequence[Site]) -> Match | None:
    """As :func:`match`, of the allele that is counted and the others."""
    turned, turned_others = complement(effect), [complement(other) for other in others]
    may_be_turned = {len(effect)} == {*map(len, others)} and not is_ambiguous(effect, others)
    for site in sites:
        if fitting := _fitting(site, effect, others):
            return Match(fitting, effect, flipped=False)
        if may_be_turned and (fitting := _fitting(site, turned, turned_others)):
            return Match(fitting, turned, flipped=True)
    return None


def _fitting(site: Site, effect: str, others: Sequence[str]) -> Site | None:
    """The site by the score's alleles, if it has them; one without other alleles must be among the site's."""
    if not others:
        return site if effect == site.ref or effect in site.copies else None
    return site.as_one_of((effect, *others))
