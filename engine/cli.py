"""The command line of the engine alone: ``genomics-engine COMMAND``, for those who do not need the platform.

What a command does is the business of the engine function it calls; here are its options, the files around it
(indexes made when absent, outputs that appear only when complete, ``-`` for standard input and output), progress
on standard error and the exit code: 0 done, 1 something is wrong with the data (one message says what), 2 wrong
usage, 130 interrupted by Ctrl-C, 143 by TERM; then nothing is left behind. Heavy modules are imported by the command
that needs them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engine.call.callers import CALLERS, DEFAULT_CALLER, TARGET_PADDING
from engine.commands.annotate import add_annotate
from engine.commands.classify import add_classify
from engine.commands.contamination import add_contamination
from engine.commands.files import (
    PROGRAM,
    STREAM,
    open_indexed_reference,
    readable,
    staged,
    staged_calls,
    with_index,
)
from engine.commands.index import add_index, index_beside
from engine.commands.mitochondria import add_mitochondria
from engine.commands.options import Command, UsageError, require_other_names, warn_of_depths
from engine.commands.options import add_command as _command
from engine.commands.options import say as _say
from engine.commands.options import warn as _warn
from engine.commands.pgx import add_pgx
from engine.commands.phenotype import add_phenotype
from engine.commands.relate import add_relate
from engine.commands.repeats import add_repeats
from engine.commands.score import add_score
from engine.commands.segregation import add_segregation
from engine.commands.smn import add_smn
from engine.commands.structural import add_structural
from engine.errors import GenomicsError
from engine.genotype import FILTER_SETS
from engine.interruption import Terminated
from engine.person import Sex
from engine.reads.conventions import QualityEncoding, UmiSource

if TYPE_CHECKING:
    from engine.commands.options import Commands
    from engine.progress import Progress
    from engine.reads.duplicates import DuplicationMetrics
    from engine.reads.file_measures import FileMeasures
    from engine.reads.measures import AlignmentHistograms
    from engine.reference.genome import Reference

DATA_ERROR, USAGE_ERROR, INTERRUPTED, TERMINATED = 1, 2, 130, 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return USAGE_ERROR
    run: Command = options.run
    try:
        require_other_names(options)
        run(options)
    except GenomicsError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return DATA_ERROR
    except OSError as error:
        name = error.filename2 or error.filename or "output"  # of two files the one that was to be written
        print(f"{PROGRAM}: error: {error.strerror or error}: {name}", file=sys.stderr)
        return DATA_ERROR
    except UsageError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return USAGE_ERROR
    except Terminated:
        return TERMINATED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def console() -> NoReturn:
    """The installed command: :func:`main`, then gone at once. To take compiled kernels down in order, as Python does at
    its end, would cost half a second."""
    code = main()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # the shell may have closed it
            stream.flush()
    os._exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="From FASTQ to genotypes, one step a command.",
        epilog=f"{PROGRAM} COMMAND --help shows a command's options and an example.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for add in (
        add_index,
        _add_align,
        _add_recalibrate,
        _add_call,
        _add_gather,
        _add_genotype,
        _add_compare,
        _add_coverage,
        _add_metrics,
        add_annotate,
        add_classify,
        add_segregation,
        add_pgx,
        add_phenotype,
        add_score,
        add_contamination,
        add_relate,
        add_mitochondria,
        add_repeats,
        add_structural,
        add_smn,
    ):
        add(commands)
    return parser


def _add_threads(parser: argparse.ArgumentParser) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument(
        "--threads", type=_positive, default=cores, metavar="N", help="cores to use (default: all, here %(default)s)"
    )


def _add_machines(parser: argparse.ArgumentParser, deed: str) -> None:
    parser.add_argument(
        "--machines",
        default="",
        metavar="NAME",
        help=f"others to {deed}, which see files under the same paths: slurm, 'slurm:OPTIONS of sbatch', or "
        "dask:tcp://HOST:PORT (default: this one)",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def _name(text: str) -> str:
    """What may stand as a value in a SAM header (SAM specification 1.3) and as a column of a VCF."""
    if not text.strip() or not (text.isascii() and text.isprintable()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name of printable ASCII characters")
    return text


def _add_align(commands: Commands) -> None:
    parser = _command(
        commands,
        "align",
        _align,
        "align one sample's reads: FASTQ to a sorted, duplicate-marked, indexed BAM or CRAM",
        "--reference REF.fa --sample NAME --read1 L1_R1.fq.gz --read2 L1_R2.fq.gz --read1 L2_R1.fq.gz "
        "--read2 L2_R2.fq.gz --output OUT.bam",
    )
    parser.add_argument(
        "--sample", type=_name, required=True, metavar="NAME", help="the sample's name, as in the read groups"
    )
    for mate in ("1", "2"):
        parser.add_argument(
            f"--read{mate}",
            type=Path,
            action="append",
            required=True,
            metavar=f"R{mate}.fq.gz",
            help=f"FASTQ of the reads {mate}, plain or gzip; repeat for each lane",
        )
    parser.add_argument("--output", type=Path, required=True, metavar="OUT.bam", help="BAM, CRAM by its suffix, or -")
    parser.add_argument("--library", type=_name, metavar="NAME", help="library of all lanes (default: the sample)")
    parser.add_argument(
        "--aligner", choices=("bwa-mem3", "bwa"), default="bwa-mem3", help="who aligns (default: %(default)s)"
    )
    parser.add_argument(
        "--quality-encoding",
        choices=[str(kind) for kind in QualityEncoding],
        default=str(QualityEncoding.DETECT),
        help="how the FASTQ files write qualities: detect takes Phred+33 and refuses others (default: %(default)s)",
    )
    parser.add_argument(
        "--umi",
        choices=[str(source) for source in UmiSource],
        default=str(UmiSource.NONE),
        help="where UMIs stand, at the end of the read names or as RX:Z: in the comments; then only reads of one UMI "
        "are duplicates of each other (default: %(default)s)",
    )
    parser.add_argument(
        "--umi-errors",
        action="store_true",
        help="take a UMI for a more frequent one at the same place from which it differs in one letter (directional)",
    )
    parser.add_argument(
        "--optical-distance",
        type=_positive,
        metavar="PIXELS",
        help="within which two clusters are one seen twice (default: Picard's; 2500 is usual on patterned flow cells)",
    )
    parser.add_argument("--metrics", type=Path, metavar="X.json", help="write what was measured on the way")
    _add_picard(parser)
    _add_machines(parser, "align pieces of the reads")
    _add_threads(parser)


def _align(options: argparse.Namespace) -> None:
    from engine.align.aligner import open_aligner
    from engine.align.pipeline import AlignmentOptions, align_reads
    from engine.align.scattered import ScatteredAligner
    from engine.machines.named import machines_named
    from engine.reads.duplicates import OPTICAL_DISTANCE
    from engine.reads.lane import Lane

    if options.umi_errors and options.umi == str(UmiSource.NONE):
        raise UsageError("--umi-errors without UMIs: say with --umi where they stand")
    if len(options.read1) != len(options.read2):
        given = f"{len(options.read1)} files of reads 1 but {len(options.read2)} of reads 2"
        raise UsageError(f"{given}: give --read1 and --read2 once for each lane")
    _require_suffix(options.output, ".bam", ".cram")
    reference = open_indexed_reference(options.reference)
    _tell_unlisted_alternates(reference)
    index = index_beside(reference, options)
    pairs = enumerate(zip(options.read1, options.read2, strict=True), start=1)
    encoding = QualityEncoding(options.quality_encoding)
    lanes = [Lane(f"L{number:03}", read1, read2, quality_encoding=encoding) for number, (read1, read2) in pairs]
    cram = options.output.suffix == ".cram"
    machines = machines_named(options.machines)
    with ExitStack() as stack:
        output = stack.enter_context(staged(options.output, companions=(".bai", ".csi", ".crai")))
        metrics = options.metrics and stack.enter_context(staged(options.metrics))
        name, contigs = options.aligner, reference.contigs
        aligned = align_reads(
            lanes,
            options.sample,
            reference,
            ScatteredAligner(name, index, contigs, machines, output.parent, partial(_say, options))
            if machines
            else open_aligner(name, index, contigs),
            output,
            library=options.library,
            options=AlignmentOptions(
                threads=options.threads,
                optical_distance=options.optical_distance or OPTICAL_DISTANCE,
                format="cram" if cram else "bam",
                umi=UmiSource(options.umi),
                umi_errors=options.umi_errors,
            ),
            log=lambda line: _say(options, line),
        )
        if metrics:
            _write_json(vars(aligned.measures), metrics)
    _write_picard(options, options.sample, aligned.histograms, aligned.duplication, aligned.set_sizes)
    measures = aligned.measures
    _say(
        options,
        f"{aligned.pairs:,} pairs, {measures.mapped_fraction:.2%} mapped, {measures.duplicate_fraction:.2%} "
        f"duplicates, mean coverage {measures.mean_coverage:.1f}, by {aligned.aligner}",
    )


def _require_suffix(output: Path | None, *suffixes: str) -> None:
    """A name that promises another format than is written would mislead whoever opens the file."""
    if output is not None and output.suffix not in ("", *suffixes):
        raise UsageError(f"--output {output}: give it a name that ends in {' or '.join(suffixes)}")


def _tell_unlisted_alternates(reference: Reference) -> None:
    from engine.reference.alternates import alternates_beside, alternates_named

    if (unlisted := alternates_named(reference.contigs)) and alternates_beside(reference.fasta) is None:
        _warn(
            f"the reference has {len(unlisted):,} ALT contigs ({unlisted[0]}, ...) and no list of them beside it: "
            "reads that fit there and on a chromosome will have mapping quality 0. Put "
            f"{reference.fasta.name}.alt beside it, or take a reference without ALT contigs"
        )


def _add_recalibrate(commands: Commands) -> None:
    parser = _command(
        commands,
        "recalibrate",
        _recalibrate,
        "recalibrate base qualities as GATK's BQSR does: BAM to BAM, report, or both",
        "--reference REF.fa --reads IN.bam --known-sites known.vcf.gz --output OUT.bam --report table.txt",
    )
    parser.add_argument(
        "--reads", type=Path, required=True, metavar="IN.bam", help="sorted, duplicate-marked BAM or CRAM"
    )
    parser.add_argument(
        "--known-sites", type=Path, action="append", required=True, metavar="X.vcf.gz", help="known variants; repeat"
    )
    parser.add_argument("--output", type=Path, metavar="OUT.bam", help="BAM with recalibrated qualities, or -")
    parser.add_argument(
        "--report", type=Path, metavar="X.txt", help="GATK's recalibration report: what call --recalibration takes"
    )
    _add_threads(parser)


def _recalibrate(options: argparse.Namespace) -> None:
    from engine.recalibrate.apply import apply_recalibration
    from engine.recalibrate.gatk_report import write_report
    from engine.recalibrate.recalibration import recalibrate

    if options.output is None and options.report is None:
        raise UsageError("recalibrate makes nothing without --output or --report")
    _require_suffix(options.output, ".bam")
    reference = open_indexed_reference(options.reference)

    def log(line: str) -> None:
        _say(options, line)

    with ExitStack() as stack:
        report = options.report and stack.enter_context(staged(options.report))
        output = options.output and stack.enter_context(staged(options.output, companions=(".bai",)))
        table = recalibrate(options.reads, options.known_sites, reference.fasta, threads=options.threads, log=log)
        if report:
            write_report(table, report)
        if output:
            apply_recalibration(options.reads, table, output, fasta=reference.fasta, threads=options.threads, log=log)
    _say(options, f"{table.observations:,} bases counted, {table.mismatches:,} mismatches")


def _add_call(commands: Commands) -> None:
    parser = _command(
        commands,
        "call",
        _call,
        "call one sample's reads: BAM or CRAM to gVCF",
        "--reference REF.fa --reads IN.bam --output OUT.g.vcf.gz --region chr20:1000001-2000000 --threads 2",
    )
    parser.add_argument(
        "--reads", type=Path, required=True, metavar="IN.bam", help="sorted BAM or CRAM; its index is made when absent"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="OUT.g.vcf.gz", help="gVCF (bgzip; plain without .gz), or -"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--region", metavar="chr:start-end", help="call only here; 1-based, ends included")
    where.add_argument("--intervals", type=Path, metavar="X.bed", help="call only in these intervals")
    parser.add_argument(
        "--padding",
        type=_count,
        default=TARGET_PADDING,
        metavar="N",
        help="bases called on either side of every interval (default: %(default)s)",
    )
    parser.add_argument(
        "--caller", choices=tuple(CALLERS), help="who calls (default: %(default)s)", default=DEFAULT_CALLER
    )
    parser.add_argument(
        "--sex",
        choices=[str(sex) for sex in Sex],
        default=str(Sex.UNKNOWN),
        help="decides the ploidy of X and Y (default: %(default)s, diploid)",
    )
    parser.add_argument("--sample", metavar="NAME", help="the sample the reads must be of (default: as they say)")
    parser.add_argument(
        "--recalibration", type=Path, metavar="X.txt", help="recalibrate base qualities by this report while calling"
    )
    _add_machines(parser, "call the shards")
    _add_threads(parser)


def _call(options: argparse.Namespace) -> None:
    from engine.call.caller import call_gvcf
    from engine.machines.named import machines_named
    from engine.recalibrate.gatk_report import read_report

    reference = open_indexed_reference(options.reference)
    reads = with_index(options.reads, reference)
    recalibration = read_report(options.recalibration) if options.recalibration else None
    with staged_calls(options.output) as output:
        summary = call_gvcf(
            reads,
            reference,
            output,
            caller=options.caller,
            sample=options.sample,
            targets=options.intervals,
            region=options.region,
            padding=options.padding,
            sex=Sex(options.sex),
            recalibration=recalibration,
            threads=options.threads,
            progress=_progress(options, "calling", "bases"),
            machines=machines_named(options.machines),
            log=partial(_say, options),
        )
    _say(
        options,
        f"{summary.variant_records:,} variants and {summary.reference_blocks:,} reference blocks over "
        f"{summary.target_bases:,} bases of sample {summary.sample}, called by {summary.caller_version}",
    )
    if options.region is None and summary.calls_nothing:
        _warn(
            f"{options.reads}: sample {summary.sample} has no read that could be called from: the gVCF says of no base"
            " what it is. The file has no reads there, or duplicates, unmapped and badly mapped ones alone"
        )


def _add_gather(commands: Commands) -> None:
    parser = _command(
        commands,
        "gather",
        _gather,
        "put the gVCFs of one sample's regions together: the bytes of one run, cut at multiples of 16,777,216",
        "--gvcf chr20.1.g.vcf.gz --gvcf chr20.2.g.vcf.gz --output chr20.g.vcf.gz",
        reference=False,
    )
    parser.add_argument(
        "--gvcf", type=Path, action="append", required=True, metavar="A.g.vcf.gz", help="a shard; repeat, in order"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="OUT.g.vcf.gz", help="gVCF (bgzip; plain without .gz), or -"
    )


def _gather(options: argparse.Namespace) -> None:
    from engine.call.haplotype.gather import gather

    with staged_calls(options.output) as output:
        records = gather(options.gvcf, output)
    _say(options, f"{records:,} records of {len(options.gvcf)} shards")


def _add_genotype(commands: Commands) -> None:
    parser = _command(
        commands,
        "genotype",
        _genotype,
        "genotype one or many samples: gVCFs to one VCF, doubtful calls marked by filters",
        "--reference REF.fa --gvcf child.g.vcf.gz --gvcf mother.g.vcf.gz --gvcf father.g.vcf.gz --output trio.vcf.gz",
    )
    parser.add_argument(
        "--gvcf",
        type=Path,
        action="append",
        required=True,
        metavar="A.g.vcf.gz",
        help="one sample's gVCF, or -; repeat",
    )
    parser.add_argument(
        "--intervals", type=Path, metavar="X.bed", help="keep only records that reach into these intervals"
    )
    parser.add_argument(
        "--filters",
        choices=FILTER_SETS,
        default=FILTER_SETS[0],
        help="what marks doubtful calls (default: %(default)s)",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="OUT.vcf.gz", help="VCF (bgzip; plain without .gz), or -"
    )


def _genotype(options: argparse.Namespace) -> None:
    from engine.call.gvcf import measure_gvcf
    from engine.genotype.filter import FILTERS
    from engine.genotype.joint import genotype_gvcfs
    from engine.genotype.sample import genotype_sample
    from engine.genotype.target_reach import reach_of

    reference = open_indexed_reference(options.reference)
    progress = _progress(options, "genotyping", "sites")
    with ExitStack() as stack:
        gvcfs = [stack.enter_context(readable(path)) for path in options.gvcf]
        output = stack.enter_context(staged_calls(options.output))
        if len(gvcfs) == 1:
            one = genotype_sample(
                gvcfs[0], reference, output, targets=options.intervals, filters=options.filters, progress=progress
            )
            records, passing = one.records, one.pass_records
            lost, first = one.not_genotyped, one.first_not_genotyped
            beyond, first_beyond = one.beyond_depth, one.first_beyond_depth
            _tell_overlaps(options.gvcf[0], one.overlapping_blocks, one.first_overlapping_block)
        else:
            reach = stack.enter_context(reach_of(options.intervals, reference))
            many = genotype_gvcfs(
                gvcfs,
                reference.contigs,
                output,
                fasta=reference.fasta,
                filters=FILTERS[options.filters],
                reach=reach,
                progress=progress,
            )
            records, passing = many.records, many.pass_records
            lost, first = many.not_genotyped, many.first_not_genotyped
            beyond, first_beyond = many.beyond_depth, many.first_beyond_depth
            for path, given in zip(gvcfs, options.gvcf, strict=True):
                coverage = measure_gvcf(path, ())
                _tell_overlaps(given, coverage.overlapping_blocks, coverage.first_overlapping_block)
    if lost:
        _warn(
            f"{lost:,} records of the gVCFs could not be genotyped, the first at {first}: they have no genotype "
            "likelihoods (PL). They are written without genotype and marked NoLikelihoods"
        )
    warn_of_depths(beyond, first_beyond)
    _say(options, f"{records:,} records, {passing:,} of them pass the filters")


def _tell_overlaps(gvcf: Path, blocks: int, first: str | None) -> None:
    if blocks:
        _warn(
            f"{gvcf}: {blocks:,} reference blocks reach over the record behind them, the first at {first}: where two "
            "records speak of a base, the later one is taken, and what the earlier says behind it is not"
        )


def _add_compare(commands: Commands) -> None:
    parser = _command(
        commands,
        "compare",
        _compare,
        "compare calls with a truth set by the haplotypes they make, counted as hap.py counts",
        "--reference REF.fa --truth T.vcf.gz --query Q.vcf.gz --regions CONFIDENT.bed --output SUMMARY.json",
    )
    parser.add_argument("--truth", type=Path, required=True, metavar="T.vcf.gz", help="VCF to compare with, or -")
    parser.add_argument("--query", type=Path, required=True, metavar="Q.vcf.gz", help="VCF to be judged, or -")
    parser.add_argument("--regions", type=Path, metavar="CONFIDENT.bed", help="count only calls in these intervals")
    parser.add_argument(
        "--stratum", action="append", default=[], type=_named_path, metavar="NAME=X.bed", help="count also here; repeat"
    )
    parser.add_argument("--truth-sample", metavar="NAME", help="sample of the truth (default: the first)")
    parser.add_argument("--query-sample", metavar="NAME", help="sample of the query (default: the first)")
    parser.add_argument("--all-records", action="store_true", help="judge query records that a filter marks, too")
    parser.add_argument("--differences", type=Path, metavar="X.tsv", help="list every missed and every false call")
    parser.add_argument("--output", type=Path, default=STREAM, metavar="SUMMARY.json", help="JSON (default: -)")


def _named_path(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=X.bed")
    return name, Path(path)


def _compare(options: argparse.Namespace) -> None:
    from engine.compare.comparison import compare, write_summary

    reference = open_indexed_reference(options.reference)
    with ExitStack() as stack:
        truth, query = (stack.enter_context(readable(path)) for path in (options.truth, options.query))
        output = stack.enter_context(staged(options.output))
        differences = options.differences and stack.enter_context(staged(options.differences))
        summary = compare(
            truth,
            query,
            reference.fasta,
            options.regions,
            truth_sample=options.truth_sample,
            query_sample=options.query_sample,
            only_passing=not options.all_records,
            strata=dict(options.stratum),
            differences=differences,
            progress=_progress(options, "comparing", "truth variants"),
        )
        write_summary(summary, output)
    for kind, counts in summary.types.items():
        told = [f"{name} {value:.4f}" for name, value in counts.as_json().items() if isinstance(value, float)]
        _say(options, f"{kind}: " + (", ".join(told) or "none"))


def _add_coverage(commands: Commands) -> None:
    parser = _command(
        commands,
        "coverage",
        _coverage,
        "measure the coverage of every interval: a table with mean depth and shares of bases by depth",
        "--reference REF.fa --reads IN.bam --intervals targets.bed --output coverage.tsv",
    )
    _add_measured(parser, "coverage.tsv", "table (default: -)")


def _add_metrics(commands: Commands) -> None:
    parser = _command(
        commands,
        "metrics",
        _metrics,
        "measure alignments: mapping, duplicates, insert sizes, coverage, base qualities, as JSON",
        "--reference REF.fa --reads IN.bam --intervals targets.bed --output metrics.json",
    )
    _add_measured(parser, "metrics.json", "JSON (default: -)")
    _add_picard(parser)


def _add_measured(parser: argparse.ArgumentParser, output: str, help_text: str) -> None:
    parser.add_argument("--reads", type=Path, required=True, metavar="IN.bam", help="sorted BAM or CRAM")
    parser.add_argument(
        "--intervals", type=Path, metavar="X.bed", help="territory; bases that are N are no part of it (default: all)"
    )
    parser.add_argument("--output", type=Path, default=STREAM, metavar=output, help=help_text)
    _add_threads(parser)


def _coverage(options: argparse.Namespace) -> None:
    from engine.reads.measures import DEPTHS, coverage_over
    from engine.reference.intervals import select_intervals

    reference = open_indexed_reference(options.reference)
    lengths = {contig.name: contig.length for contig in reference.contigs}
    intervals = _measured(options)[0].histograms.intervals
    if options.intervals is not None:
        intervals = coverage_over(select_intervals(lengths, targets=options.intervals), intervals)
    header = ["contig", "start", "end", "mean", *(f"fraction_{depth}x" for depth in DEPTHS)]
    rows = [
        [entry.interval.contig, str(entry.interval.start), str(entry.interval.end), f"{entry.mean:.3f}"]
        + [f"{fraction:.5f}" for fraction in entry.fractions]
        for entry in intervals
    ]
    with staged(options.output) as output:
        output.write_text("".join("\t".join(row) + "\n" for row in [header, *rows]))


def _metrics(options: argparse.Namespace) -> None:
    measured, sample = _measured(options)
    with staged(options.output) as output:
        _write_json(vars(measured.measures), output)
    _write_picard(options, sample, measured.histograms, [measured.duplication], measured.set_sizes)


def _measured(options: argparse.Namespace) -> tuple[FileMeasures, str]:
    """What was measured, and whose reads they are."""
    from engine.call.alignments import check_alignments
    from engine.reads.file_measures import measure_file
    from engine.reference.known_bases import known_territory

    reference = open_indexed_reference(options.reference)
    facts = check_alignments(options.reads, reference.contigs, indexed=False)
    measured = measure_file(
        options.reads,
        known_territory(reference, targets=options.intervals),
        fasta=reference.fasta,
        threads=options.threads,
        log=lambda line: _say(options, line),
    )
    return measured, facts.sample


def _add_picard(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--picard", type=Path, metavar="FOLDER", help="write Picard's tables there, for MultiQC")


def _write_picard(
    options: argparse.Namespace,
    sample: str,
    histograms: AlignmentHistograms,
    duplication: Sequence[DuplicationMetrics],
    set_sizes: Sequence[Sequence[int]],
) -> None:
    if options.picard is not None:
        from engine.reads.picard_metrics import write_metrics

        options.picard.mkdir(parents=True, exist_ok=True)
        write_metrics(sample, histograms, duplication, set_sizes, options.picard)


def _write_json(values: object, output: Path) -> None:
    import json

    output.write_text(json.dumps(values, indent=2) + "\n")


def _progress(options: argparse.Namespace, task: str, unit: str, total: int | None = None) -> Progress:
    from engine.progress import Progress

    return Progress(task, total=total, unit=unit, log=lambda line: _say(options, line))


if __name__ == "__main__":
    console()
