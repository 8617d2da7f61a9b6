"""A sample's polygenic scores from its calls and gVCF, by the scores that a deployment declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine.call.gvcf import called_stretches
from engine.person import Sex
from engine.reference.bundle import ReferenceBundle
from engine.risk.dosages import Dosages, add_reference_places, copies_by_sex
from engine.risk.genotypes import read_dosages
from engine.risk.knowledge import Population, read_populations, score_files
from engine.risk.score import SampleScore, longest_allele, score_samples, wanted
from engine.risk.scoring_file import ScoringFile, read_scoring_file


@dataclass(frozen=True)
class ScoreMeasures:
    """How far a sample's scores could be told.

    Attributes:
        scores: that were asked about.
        summed: of them those that have a sum.
        refused: those of which too little is known.
        least_matched: the smallest share of a score's variants that is known.
        placed_scores: names of scores whose sums can be placed among people, with the population's name.
        placed_z: standard deviations above that population's mean, in the same order.
    """

    scores: int
    summed: int
    refused: int
    least_matched: float
    placed_scores: list[str]
    placed_z: list[float]


@dataclass(frozen=True)
class ToldScore:
    """A score of a sample.

    Attributes:
        score: sum, and how much was known.
        trait: what it is a score of.
        ambiguous: matched variants that look the same from either strand, taken as the file states them.
        flipped: matched variants that the file states on the reverse strand.
        population: in which its sums are known, absent where none is declared.
        repeated: rows of the file that were there before, and count once.
        contradicted: alleles that rows of the file give different weights, taken as not known.
        ancestry: whom the person is like by genotype, in words; empty where no panel tells it.
    """

    score: SampleScore
    trait: str
    ambiguous: int
    flipped: int
    population: Population | None = None
    repeated: int = 0
    contradicted: int = 0
    ancestry: str = ""


def score_sample(
    calls: Path,
    gvcf: Path,
    reference: ReferenceBundle,
    scores: Path,
    sex: Sex,
    sample: str,
    output: Path,
    ancestry: str = "",
) -> ScoreMeasures:
    """Write a sample's scores.

    Args:
        calls: one sample's VCF.
        gvcf: the same sample's: what it calls as reference counts as such.
        reference: with its FASTA.
        scores: folder of the part of that name (:mod:`engine.risk.knowledge`).
        sex: of the person, for copies of X and Y.
        sample: id that the scores are told under.
        output: JSON to be written.
        ancestry: whom the person is like, as :class:`engine.identity.ancestry.Ancestry` tells it; empty where unknown.
    """
    files = [read_scoring_file(path) for path in score_files(scores)]
    dosages = _dosages(calls, gvcf, reference, files, sex)
    populations = read_populations(scores)
    told = [replace(_told(score, dosages, populations, sample), ancestry=ancestry) for score in files]
    output.write_text(json.dumps([asdict(one) for one in told], indent=1) + "\n")
    summed = sum(one.score.total is not None for one in told)
    shares = [one.score.matched / max(one.score.variants, 1) for one in told]
    placed = {
        f"{one.score.score_id}, {one.population.name}": round(one.population.distribution.z(one.score.total), 3)
        for one in told
        if one.population and one.score.total is not None
    }
    return ScoreMeasures(
        len(told), summed, len(told) - summed, round(min(shares), 4), list(placed), list(placed.values())
    )


def _dosages(calls: Path, gvcf: Path, reference: ReferenceBundle, files: list[ScoringFile], sex: Sex) -> Dosages:
    import pysam

    places, rsids = wanted(files)
    dosages = read_dosages(calls, places, rsids)
    with pysam.FastaFile(str(reference.fasta)) as fasta:
        called, copies = called_stretches(gvcf), copies_by_sex(reference.contigs, sex)
        add_reference_places(dosages, called, fasta, copies, longest=longest_allele(files))
    return dosages


def _told(score: ScoringFile, dosages: Dosages, populations: Mapping[str, Population], sample: str) -> ToldScore:
    summed = score_samples(score, dosages)
    (one,) = summed.samples
    named = SampleScore(sample, one.score_id, one.total, one.matched, one.variants)
    population = populations.get(score.score_id)
    strands = (summed.ambiguous, summed.flipped)
    return ToldScore(named, score.trait, *strands, population, score.repeated, score.contradicted)
