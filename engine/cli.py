"""The command line of the engine alone: ``genomics-engine COMMAND``, for those who do not need the platform.

What a command does is the business of the engine function it calls; here are its options, the files around it
(indexes made when absent, outputs that appear only when complete, ``-`` for standard input and output), progress
on standard error and the exit code: 0 done, 1 something is wrong with the data (one message says what), 2 wrong
usage. Heavy modules are imported by the command that needs them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.call.caller import CALLERS, DEFAULT_CALLER
from engine.errors import GenomicsError, VariantFileError

if TYPE_CHECKING:
    from engine.progress import Progress
    from engine.reference.genome import Reference

PROGRAM = "genomics-engine"
DATA_ERROR, USAGE_ERROR, INTERRUPTED = 1, 2, 130
_STREAM = Path("-")

Command = Callable[[argparse.Namespace], None]
if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return USAGE_ERROR
    run: Command = options.run
    try:
        run(options)
    except GenomicsError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return DATA_ERROR
    except OSError as error:
        print(f"{PROGRAM}: error: {error.strerror or error}: {error.filename or 'output'}", file=sys.stderr)
        return DATA_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="From FASTQ to genotypes: align, call, genotype, compare.",
        epilog=f"{PROGRAM} COMMAND --help shows a command's options and an example.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for add in (_add_call, _add_genotype, _add_compare):
        add(commands)
    return parser


def _command(commands: Commands, name: str, run: Command, help_text: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_text,
        description=help_text[0].upper() + help_text[1:] + ".",
        epilog=f"example:\n  {PROGRAM} {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--reference",
        type=Path,
        required=True,
        metavar="REF.fa",
        help="FASTA, plain or bgzip; its indexes are made when absent",
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing on standard error unless something is wrong")
    return parser


def _add_threads(parser: argparse.ArgumentParser) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument(
        "--threads", type=_positive, default=cores, metavar="N", help="cores to use (default: all, here %(default)s)"
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


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
    parser.add_argument("--output", type=Path, required=True, metavar="OUT.g.vcf.gz", help="gVCF (bgzip), or -")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--region", metavar="chr:start-end", help="call only here; 1-based, ends included")
    where.add_argument("--intervals", type=Path, metavar="X.bed", help="call only in these intervals")
    parser.add_argument(
        "--caller", choices=tuple(CALLERS), help="who calls (default: %(default)s)", default=DEFAULT_CALLER
    )
    parser.add_argument(
        "--sex",
        choices=("female", "male", "unknown"),
        default="unknown",
        help="decides the ploidy of X and Y (default: %(default)s, diploid)",
    )
    parser.add_argument("--sample", metavar="NAME", help="the sample the reads must be of (default: as they say)")
    _add_threads(parser)


def _call(options: argparse.Namespace) -> None:
    from engine.call.caller import call_gvcf

    reference = open_indexed_reference(options.reference)
    reads = _with_index(options.reads, reference)
    with staged(options.output, companions=(".tbi",)) as output:
        summary = call_gvcf(
            reads,
            reference,
            output,
            caller=options.caller,
            sample=options.sample,
            targets=options.intervals,
            region=options.region,
            sex=options.sex,
            threads=options.threads,
            progress=_progress(options, "calling", "bases"),
        )
    _say(
        options,
        f"{summary.variant_records:,} variants and {summary.reference_blocks:,} reference blocks over "
        f"{summary.target_bases:,} bases of sample {summary.sample}, called by {summary.caller_version}",
    )


def _add_genotype(commands: Commands) -> None:
    parser = _command(
        commands,
        "genotype",
        _genotype,
        "genotype one or many samples: gVCFs to one VCF with hard filters",
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
    parser.add_argument("--output", type=Path, required=True, metavar="OUT.vcf.gz", help="VCF (bgzip), or -")


def _genotype(options: argparse.Namespace) -> None:
    from engine.genotype.joint import genotype_gvcfs
    from engine.genotype.sample import genotype_sample

    reference = open_indexed_reference(options.reference)
    progress = _progress(options, "genotyping", "sites")
    with ExitStack() as stack:
        gvcfs = [stack.enter_context(readable(path)) for path in options.gvcf]
        output = stack.enter_context(staged(options.output, companions=(".tbi",)))
        if len(gvcfs) == 1:
            one = genotype_sample(gvcfs[0], reference, output, progress=progress)
            records, passing = one.records, one.pass_records
        else:
            many = genotype_gvcfs(gvcfs, reference.contigs, output, progress=progress)
            records, passing = many.records, many.pass_records
    _say(options, f"{records:,} records, {passing:,} of them pass the filters")


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
    parser.add_argument("--output", type=Path, default=_STREAM, metavar="SUMMARY.json", help="JSON (default: -)")


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
        told = {name: f"{value:.4f}" for name, value in counts.as_json().items() if isinstance(value, float)}
        _say(options, f"{kind}: " + ", ".join(f"{name} {value}" for name, value in told.items()))


def _progress(options: argparse.Namespace, task: str, unit: str, total: int | None = None) -> Progress:
    from engine.progress import Progress

    return Progress(task, total=total, unit=unit, log=lambda line: _say(options, line))


def _say(options: argparse.Namespace, line: str) -> None:
    if not options.quiet:
        print(line, file=sys.stderr, flush=True)


def open_indexed_reference(fasta: Path) -> Reference:
    """The FASTA with its indexes beside it; of one in a folder that cannot be written to, a link in the cache."""
    from engine.reference.genome import open_reference

    return open_reference(_beside_indexes(fasta, (".fai",)))


def _with_index(reads: Path, reference: Reference) -> Path:
    """The alignments with an index beside them, made when absent."""
    from engine.call.alignments import check_alignments, has_index

    if has_index(reads):
        return reads
    check_alignments(reads, reference.contigs, indexed=False)
    import pysam

    reads = _beside_indexes(reads, (".bai",))
    if not has_index(reads):
        pysam.index(str(reads))
    return reads


def _beside_indexes(file: Path, suffixes: Sequence[str]) -> Path:
    """The file itself where its indexes are or can be written, else a link to it in the user's cache folder."""
    present = all(file.with_name(file.name + suffix).exists() for suffix in suffixes)
    if present or not file.exists() or os.access(file.resolve().parent, os.W_OK):
        return file
    facts = file.stat()
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = f"{facts.st_dev:x}-{facts.st_ino:x}-{facts.st_size:x}-{facts.st_mtime_ns:x}"
    folder = home / PROGRAM / name
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / file.name
    if not link.is_symlink():
        link.symlink_to(file.resolve())
    return link


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """The file, or a copy of standard input for ``-``."""
    if path != _STREAM:
        yield path
        return
    import shutil
    import tempfile

    with tempfile.NamedTemporaryFile(prefix=f"{PROGRAM}-") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        if not copy.tell():
            raise VariantFileError("standard input is empty", remedy="pipe a VCF into it, or name a file")
        yield Path(copy.name)


@contextmanager
def staged(output: Path, companions: Sequence[str] = ()) -> Iterator[Path]:
    """A place to write that becomes ``output`` when all is done, or goes to standard output for ``-``.

    Args:
        output: what the user asked for.
        companions: suffixes of files (indexes) that are made beside it.
    """
    import shutil
    import tempfile

    stream = output == _STREAM
    parent = None if stream else output.parent
    with tempfile.TemporaryDirectory(prefix=f".{PROGRAM}-", dir=parent) as folder:
        place = Path(folder, "output.vcf.gz" if stream else output.name)
        yield place
        if stream:
            with place.open("rb") as written:
                shutil.copyfileobj(written, sys.stdout.buffer)
            sys.stdout.flush()
            return
        for suffix in companions:
            companion = place.with_name(place.name + suffix)
            if companion.exists():
                companion.replace(output.with_name(output.name + suffix))
        place.replace(output)


if __name__ == "__main__":
    sys.exit(main())
