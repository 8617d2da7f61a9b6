"""``genomics-engine structural``: structural variants of one sample."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import STREAM, open_indexed_reference, staged_calls, with_index
from engine.commands.options import add_command, say, warn
from engine.person import Sex

if TYPE_CHECKING:
    from engine.commands.options import Commands


def add_structural(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "structural",
        _structural,
        "find deletions, duplications, inversions, insertions and translocations from 50 bases on",
        "--reads IN.bam --reference REF.fa --output OUT.vcf.gz",
    )
    parser.add_argument("--reads", type=Path, required=True, metavar="IN.bam", help="sorted BAM or CRAM of pairs")
    parser.add_argument("--sample", metavar="NAME", help="the sample the reads must be of (default: as they say)")
    parser.add_argument(
        "--sex",
        type=Sex,
        choices=list(Sex),
        default=Sex.UNKNOWN,
        help="for the usual copies of X and Y (default: unknown)",
    )
    parser.add_argument(
        "--caller",
        choices=["dysgu", "depth"],
        default="dysgu",
        help="junctions and depth, or copy number by depth alone (default: dysgu)",
    )
    parser.add_argument(
        "--threads", type=_positive, default=os.cpu_count() or 1, metavar="N", help="cores to use (default: all)"
    )
    parser.add_argument("--output", type=Path, default=STREAM, metavar="OUT.vcf.gz", help="VCF 4.4 (default: -)")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _structural(options: argparse.Namespace) -> None:
    from engine.call.alignments import check_alignments
    from engine.structural.dysgu import dysgu_version
    from engine.structural.sample import NO_DEPTH, call_structural, write_structural

    if options.caller == "dysgu":
        dysgu_version()
    reference = open_indexed_reference(options.reference)
    reads = with_index(options.reads, reference)
    facts = check_alignments(reads, reference.contigs, sample=options.sample)
    found = call_structural(reads, reference, sex=options.sex, threads=options.threads, caller=options.caller)
    if not found.has_depth:
        warn(f"depth tells nothing of losses and gains: {NO_DEPTH}")
    with staged_calls(options.output) as output:
        count = write_structural(output, facts.sample, found.events, reference, caller=options.caller)
    say(options, f"{facts.sample}: {count:,} structural variants, {sum(event.passes for event in found.events):,} pass")
