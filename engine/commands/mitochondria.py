"""``genomics-engine mitochondria``: calls of the mitochondrial genome with their heteroplasmy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import STREAM, open_indexed_reference, staged_calls, with_index
from engine.commands.options import add_command, say

if TYPE_CHECKING:
    from engine.commands.options import Commands


def add_mitochondria(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "mitochondria",
        _mitochondria,
        "call the mitochondrial genome: small variants and large deletions, each with its share of the molecules",
        "--reads IN.bam --reference REF.fa --output OUT.vcf.gz",
    )
    parser.add_argument("--reads", type=Path, required=True, metavar="IN.bam", help="sorted BAM or CRAM")
    parser.add_argument("--contig", metavar="NAME", help="the mitochondrial contig (default: found by its name)")
    parser.add_argument("--sample", metavar="NAME", help="name in the VCF (default: as the reads say, or the file's)")
    parser.add_argument(
        "--least-fraction",
        type=_share,
        default=None,
        metavar="SHARE",
        help="of the molecules from which an allele is called (default: 0.02)",
    )
    parser.add_argument("--output", type=Path, default=STREAM, metavar="OUT.vcf.gz", help="VCF (default: -)")


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share


def _mitochondria(options: argparse.Namespace) -> None:
    from engine.mitochondria.calls import LEAST_FRACTION, call_circle
    from engine.mitochondria.circle import across_the_cut, find_circle
    from engine.mitochondria.deletions import find_deletions
    from engine.mitochondria.pileup import pile_up
    from engine.mitochondria.reads import reads_of_circle
    from engine.mitochondria.vcf import write_calls

    reference = open_indexed_reference(options.reference)
    circle = find_circle(reference, options.contig)
    reads = with_index(options.reads, reference)
    sample = reads_of_circle(reads, reference, circle, sample=options.sample)
    length = len(circle.bases)
    straight = pile_up(reads, circle.name, length, fasta=reference.fasta)
    with across_the_cut(reads, reference, circle) as turned_reads:
        turned = None if turned_reads is None else pile_up(turned_reads, circle.name, length)
    least = LEAST_FRACTION if options.least_fraction is None else options.least_fraction
    calls = call_circle(circle, straight, turned, least_fraction=least)
    deletions = find_deletions(reads, circle, fasta=reference.fasta)
    lines = [f"##contig=<ID={contig.name},length={contig.length}>" for contig in reference.contigs]
    with staged_calls(options.output) as output:
        count = write_calls(output, sample, circle, calls, deletions, contigs=lines)
    say(options, f"{sample}: {count:,} calls at a mean of {straight.depth.mean():,.0f} molecules")
