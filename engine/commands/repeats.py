"""``genomics-engine repeats``: units of short tandem repeats at disease loci."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import STREAM, open_indexed_reference, staged, with_index
from engine.commands.options import add_command, say
from engine.person import Sex

if TYPE_CHECKING:
    from engine.commands.options import Commands


def add_repeats(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "repeats",
        _repeats,
        "count the units of short tandem repeats on either copy, at the loci of a catalogue",
        "--reads IN.bam --reference REF.fa --loci STRchive-loci.json --output OUT.json",
    )
    parser.add_argument("--reads", type=Path, required=True, metavar="IN.bam", help="sorted BAM or CRAM")
    parser.add_argument(
        "--loci", type=Path, required=True, metavar="LOCI.json", help="of STRchive, or of ExpansionHunter's format"
    )
    parser.add_argument(
        "--build",
        choices=["GRCh37", "GRCh38"],
        help="whose coordinates of STRchive count (default: as the contigs' lengths tell)",
    )
    parser.add_argument(
        "--sex", type=Sex, choices=list(Sex), default=Sex.UNKNOWN, help="a man has one copy of X (default: unknown)"
    )
    parser.add_argument(
        "--output", type=Path, default=STREAM, metavar="OUT.json", help="by locus, as JSON (default: -)"
    )


def _repeats(options: argparse.Namespace) -> None:
    from engine.reference.accessions import build_of_lengths
    from engine.repeats.loci import read_loci
    from engine.repeats.sample import as_json, call_repeats, loci_within

    reference = open_indexed_reference(options.reference)
    build = options.build or build_of_lengths((contig.name, contig.length) for contig in reference.contigs)
    loci = loci_within(read_loci(options.loci, build), reference.contigs, options.loci)
    calls = call_repeats(with_index(options.reads, reference), reference, loci, options.sex)
    with staged(options.output) as output:
        output.write_text(json.dumps([as_json(call) for call in calls], indent=2) + "\n")
    found = [call.locus.id for call in calls if call.state == "pathogenic range"]
    say(options, f"{len(calls):,} loci; in the pathogenic range: {', '.join(found) or 'none'}")
