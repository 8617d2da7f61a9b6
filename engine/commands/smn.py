"""``genomics-engine smn``: copies of SMN1 and SMN2."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import STREAM, open_indexed_reference, staged, with_index
from engine.commands.options import UsageError, add_command, say
from engine.errors import AlignmentFileError, KnowledgeError

if TYPE_CHECKING:
    from engine.commands.options import Commands


def add_smn(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "smn",
        _smn,
        "count the copies of SMN1 and SMN2 in a genome, by depth and by the base at c.840",
        "--reads IN.bam --reference REF.fa --output SMN.json",
    )
    parser.add_argument("--reads", type=Path, required=True, metavar="IN.bam", help="sorted BAM or CRAM of a genome")
    parser.add_argument("--build", choices=["GRCh37", "GRCh38"], help="default: as the contigs' lengths tell")
    parser.add_argument(
        "--places",
        metavar="SMN1,SMN2",
        help="1-based places of c.840 on chromosome 5 in a reference of another build",
    )
    parser.add_argument("--output", type=Path, default=STREAM, metavar="SMN.json", help="JSON (default: -)")


def _smn(options: argparse.Namespace) -> None:
    from engine.reference.accessions import build_of_lengths
    from engine.structural.smn import count_smn, numbers, smn_sites

    reference = open_indexed_reference(options.reference)
    places = _places(options.places)
    build = None if places else options.build or build_of_lengths((one.name, one.length) for one in reference.contigs)
    sites = smn_sites(reference, build, places)
    if sites is None:
        raise KnowledgeError(
            "the reference has no chromosome 5", file=reference.fasta, remedy="use the reference of a whole genome"
        )
    found = count_smn(with_index(options.reads, reference), reference, sites)
    if isinstance(found, str):
        raise AlignmentFileError(
            f"copies of SMN1 and SMN2 cannot be told: {found}", file=options.reads, remedy="give reads of a genome"
        )
    with staged(options.output) as output:
        output.write_text(json.dumps({**asdict(found), "state": found.state}, indent=2) + "\n")
    told = numbers(found.likely) if found.smn1 is None else str(found.smn1)
    say(options, f"SMN1: {told}, SMN2: {'not told' if found.smn2 is None else found.smn2}; {found.depth} by depth")


def _places(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        one, other = (int(part) - 1 for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--places {text}: give two 1-based places, as 70951946,70076526") from error
    return one, other
