"""``genomics-engine score``: polygenic scores of samples, by the PGS Catalog's scoring files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import STREAM, open_indexed_reference, readable, staged
from engine.commands.options import UsageError, add_command, say, warn
from engine.errors import KnowledgeError, ReferenceMismatchError, VariantFileError
from engine.person import Sex

if TYPE_CHECKING:
    from engine.commands.options import Commands
    from engine.risk.distribution import Distribution
    from engine.risk.dosages import Dosages
    from engine.risk.score import SampleScore
    from engine.risk.scoring_file import ScoringFile

HEADER = ("sample", "score_id", "sum", "matched", "variants", "z")


def add_score(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "score",
        _score,
        "add up polygenic scores of the PGS Catalog for every sample of a VCF",
        "--score PGS000001_hmPOS_GRCh38.txt.gz --input IN.vcf.gz --output SCORES.tsv",
        reference=False,
    )
    parser.add_argument(
        "--score", type=Path, action="append", required=True, metavar="PGS.txt.gz", help="scoring file; repeat"
    )
    parser.add_argument("--input", type=Path, required=True, metavar="IN.vcf.gz", help="calls, or -")
    parser.add_argument(
        "--gvcf", type=Path, metavar="G.g.vcf.gz", help="of the same sample: says where it was found to be reference"
    )
    parser.add_argument(
        "--reference", type=Path, metavar="REF.fa", help="with --gvcf, for the base where there is no record"
    )
    parser.add_argument(
        "--sex",
        type=Sex,
        choices=tuple(Sex),
        default=Sex.UNKNOWN,
        metavar="SEX",
        help="with --gvcf: female, male or unknown, for copies of X and Y (default: unknown: as the gVCF's genotypes)",
    )
    parser.add_argument(
        "--model", type=Path, metavar="FILE.prs", help="mean and sd of the score in a population, for z (one --score)"
    )
    parser.add_argument(
        "--least-matched",
        type=_share,
        default=None,
        metavar="SHARE",
        help="of a score's variants that must be known of a sample (default: 0.75)",
    )
    parser.add_argument(
        "--output", type=Path, default=STREAM, metavar="SCORES.tsv", help=f"table: {', '.join(HEADER)} (default: -)"
    )


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share


def _score(options: argparse.Namespace) -> None:
    if (options.gvcf is None) != (options.reference is None):
        raise UsageError("--gvcf and --reference go together")
    if options.model is not None and len(options.score) > 1:
        raise UsageError("--model is the distribution of one score: give one --score")
    from engine.risk.distribution import read_distribution
    from engine.risk.score import LEAST_MATCHED, score_samples
    from engine.risk.scoring_file import read_scoring_file
    from engine.tables import spare_pyarrow

    spare_pyarrow()
    scores = [read_scoring_file(path) for path in options.score]
    distribution = None if options.model is None else read_distribution(options.model)
    least = LEAST_MATCHED if options.least_matched is None else options.least_matched
    dosages = _dosages(options, scores)
    samples: list[SampleScore] = []
    for score in scores:
        told = score_samples(score, dosages, least_matched=least)
        samples += told.samples
        say(
            options,
            f"{score.score_id}: {score.variants:,} variants, {score.complex_rows:,} of them no single allele;"
            f" matched on the reverse strand {told.flipped:,}, alike on both {told.ambiguous:,}",
        )
        _tell_repeated(score)
    _require_some(samples, least, options.input)
    rows = [HEADER, *(_row(sample, distribution) for sample in samples)]
    with staged(options.output) as output:
        output.write_text("".join("\t".join(row) + "\n" for row in rows))


def _tell_repeated(score: ScoringFile) -> None:
    if score.repeated:
        warn(f"{score.score_id}: {score.repeated:,} rows are there more than once, and count once")
    if score.contradicted:
        told = f"{score.contradicted:,} alleles have different weights in different rows, and count as not known"
        warn(f"{score.score_id}: {told}")


def _dosages(options: argparse.Namespace, scores: Sequence[ScoringFile]) -> Dosages:
    from engine.risk.dosages import add_reference_places, copies_by_genotype, copies_by_sex
    from engine.risk.genotypes import read_dosages
    from engine.risk.score import longest_allele, wanted

    places, rsids = wanted(scores)
    with readable(options.input) as calls:
        _require_build(scores, options.score, calls, options.input)
        dosages = read_dosages(calls, places, rsids)
    if options.gvcf is not None:
        from engine.call.gvcf import called_and_haploid

        if len(dosages.samples) > 1:
            raise VariantFileError(
                "a gVCF goes with the calls of one sample", file=options.input, remedy="leave --gvcf out"
            )
        reference = open_indexed_reference(options.reference)
        with reference.open() as fasta:
            called, haploid = called_and_haploid(options.gvcf)
            is_told = options.sex != Sex.UNKNOWN
            copies = copies_by_sex(reference.contigs, options.sex) if is_told else copies_by_genotype(haploid)
            add_reference_places(dosages, called, fasta, copies, longest=longest_allele(scores))
    return dosages


def _require_build(scores: Sequence[ScoringFile], files: Sequence[Path], calls: Path, named: Path) -> None:
    """Refuse a score of another build than the calls, as far as the lengths of their contigs tell it."""
    from engine.files.variant_lines import variant_lines
    from engine.reference.accessions import build_of_header

    build = build_of_header(takewhile(lambda line: line.startswith("##"), variant_lines(calls)))
    for score, file in zip(scores, files, strict=True):
        if build and score.build and score.build != build:
            raise ReferenceMismatchError(
                f"the score's places are of {score.build}, the calls ({named}) of {build}",
                file=file,
                remedy=f"use the file that the PGS Catalog harmonised to {build}",
            )


def _require_some(samples: Sequence[SampleScore], least: float, calls: Path) -> None:
    refused = [sample for sample in samples if sample.total is None]
    told = [f"{one.sample}, {one.score_id}: {one.matched:,} of {one.variants:,} variants are known" for one in refused]
    if len(refused) == len(samples):
        raise KnowledgeError(
            f"too little is known for any score ({told[0]}; {least:.0%} are needed)",
            file=calls,
            remedy="give the sample's gVCF with --gvcf and --reference, so that reference sites count; or use a score"
            " of the calls' build and region",
        )
    for line in told:
        warn(f"no sum for {line}; {least:.0%} are needed")


def _row(sample: SampleScore, distribution: Distribution | None) -> tuple[str, ...]:
    total = sample.total
    z = "" if total is None or distribution is None else f"{distribution.z(total):.6g}"
    return (
        sample.sample,
        sample.score_id,
        "" if total is None else f"{total:.10g}",
        str(sample.matched),
        str(sample.variants),
        z,
    )
