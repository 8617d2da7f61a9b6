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
    from engine.mitochondria.calls import LEAST_FRACTION
    from engine.mitochondria.circle import find_circle
    from engine.mitochondria.sample import call_mitochondria, write_mitochondria

    reference = open_indexed_reference(options.reference)
    find_circle(reference, options.contig)
    found = call_mitochondria(
        with_index(options.reads, reference),
        reference,
        contig=options.contig,
        sample=options.sample,
        least_fraction=LEAST_FRACTION if options.least_fraction is None else options.least_fraction,
    )
    with staged_calls(options.output) as output:
        count = write_mitochondria(output, found, reference.contigs)
    say(options, f"{found.sample}: {count:,} calls at a mean of {found.mean_molecules:,.0f} molecules")
