"""``genomics-engine contamination``: the share of another person's bases, by the model of VerifyBamID2."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.files import STREAM, open_indexed_reference, readable, staged, with_index
from engine.commands.options import UsageError, add_command, say, warn

if TYPE_CHECKING:
    from engine.commands.options import Commands
    from engine.identity.contamination import Contamination
    from engine.identity.panel import SitePanel
    from engine.identity.site_bases import SiteBases

FEW_SITES = 500
"""Below so many sites the share is uncertain by some percent."""


def add_contamination(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "contamination",
        _contamination,
        "estimate the share of another person's bases (FREEMIX) and both persons' ancestries",
        "--reads IN.bam --reference REF.fa --panel 1000g.phase3.10k.b38 --output CONTAMINATION.json",
        reference=False,
    )
    parser.add_argument("--reads", type=Path, metavar="IN.bam", help="sorted BAM or CRAM; or --pileup")
    parser.add_argument("--pileup", type=Path, metavar="IN.pileup", help="one sample's text pileup of samtools, or -")
    parser.add_argument(
        "--reference", type=Path, metavar="REF.fa", help="FASTA that the reads were aligned to; needed with --reads"
    )
    parser.add_argument(
        "--panel", type=Path, required=True, metavar="PREFIX", help="of VerifyBamID2's PREFIX.bed, .UD and .mu"
    )
    parser.add_argument("--sample", metavar="NAME", help="the sample the reads must be of (default: as they say)")
    parser.add_argument(
        "--output", type=Path, default=STREAM, metavar="X.json", help="what was found, as JSON (default: -)"
    )


def _contamination(options: argparse.Namespace) -> None:
    if (options.reads is None) == (options.pileup is None):
        raise UsageError("give either --reads or --pileup")
    if options.reads is not None and options.reference is None:
        raise UsageError("--reads needs --reference")
    from engine.identity.contamination import estimate_contamination
    from engine.identity.panel import read_panel

    panel = read_panel(options.panel)
    sample, bases = _bases(options, panel)
    found = estimate_contamination(bases, panel)
    if found.sites < FEW_SITES:
        warn(f"{found.sites:,} sites have bases: with fewer than {FEW_SITES} the share is uncertain by some percent")
    with staged(options.output) as output:
        output.write_text(json.dumps(_told(sample, found, panel), indent=2) + "\n")
    say(options, f"FREEMIX {found.freemix:.5f} of {found.sites:,} sites, {found.average_depth:.1f} bases each")


def _bases(options: argparse.Namespace, panel: SitePanel) -> tuple[str | None, SiteBases]:
    from engine.identity.panel import require_reference
    from engine.identity.site_bases import bases_of_reads, read_pileup

    reference = None if options.reference is None else open_indexed_reference(options.reference)
    if reference is not None:
        require_reference(panel, reference, whole=options.pileup is None)
    if reference is None or options.pileup is not None:
        with readable(options.pileup) as pileup:
            return options.sample, read_pileup(pileup, panel)
    from engine.call.alignments import check_alignments
    from engine.call.haplotype.reads.source import ReadSource
    from engine.files.bgzf import LOOK_UP

    reads = with_index(options.reads, reference)
    facts = check_alignments(reads, reference.contigs, sample=options.sample)
    source = ReadSource(reads, fasta=reference.fasta, sample=options.sample, reads_per_start=0, read_ahead=LOOK_UP)
    return facts.sample, bases_of_reads(source, panel)


def _told(sample: str | None, found: Contamination, panel: SitePanel) -> dict[str, Any]:
    return {
        "sample": sample,
        "panel": panel.prefix.name,
        "panel_sites": len(panel),
        "sites": found.sites,
        "bases": found.bases,
        "average_depth": round(found.average_depth, 5),
        "freemix": round(found.freemix, 8),
        "free_lk1": round(found.free_lk1, 6),
        "free_lk0": round(found.free_lk0, 6),
        "contaminating_components": [round(value, 8) for value in found.contaminating],
        "intended_components": [round(value, 8) for value in found.intended],
    }
