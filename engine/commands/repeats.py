"""``genomics-engine repeats``: units of short tandem repeats at disease loci."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.files import STREAM, open_indexed_reference, staged, with_index
from engine.commands.options import add_command, say
from engine.errors import AlignmentFileError, KnowledgeError
from engine.person import Sex

if TYPE_CHECKING:
    from engine.commands.options import Commands
    from engine.reference.genome import Reference
    from engine.repeats.genotype import RepeatAllele, RepeatCall
    from engine.repeats.loci import Locus


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
    import pysam

    from engine.reference.accessions import bare_contig, build_of_lengths
    from engine.repeats.evidence import Flanks, gather
    from engine.repeats.genotype import genotype_locus
    from engine.repeats.loci import read_loci

    reference = open_indexed_reference(options.reference)
    build = options.build or build_of_lengths((contig.name, contig.length) for contig in reference.contigs)
    loci = _within(read_loci(options.loci, build), reference, options.loci)
    reads = with_index(options.reads, reference)
    calls = []
    try:
        with (
            reference.open() as fasta,
            pysam.AlignmentFile(str(reads), reference_filename=str(reference.fasta)) as file,
        ):
            _require_contigs(reads, dict(zip(file.references, file.lengths, strict=True)), loci, reference)
            for locus in loci:
                copies = 1 if bare_contig(locus.contig) == "X" and options.sex is Sex.MALE else 2
                calls.append(genotype_locus(locus, gather(file, locus, Flanks.of(fasta, locus)), copies=copies))
    except (OSError, ValueError) as error:
        raise AlignmentFileError(
            f"the reads cannot be read ({error})", file=reads, remedy="copy the file again and index it"
        ) from error
    with staged(options.output) as output:
        output.write_text(json.dumps([_told(call) for call in calls], indent=2) + "\n")
    found = [call.locus.id for call in calls if call.state == "pathogenic range"]
    say(options, f"{len(calls):,} loci; in the pathogenic range: {', '.join(found) or 'none'}")


def _within(loci: tuple[Locus, ...], reference: Reference, catalogue: Path) -> list[Locus]:
    lengths = {contig.name: contig.length for contig in reference.contigs}
    found = [locus for locus in loci if locus.end <= lengths.get(locus.contig, 0)]
    if not found:
        raise KnowledgeError(
            f"none of its loci lies in the reference ({loci[0].contig} is not {reference.contigs[0].name})",
            file=catalogue,
            remedy="give the catalogue of the reference's build and contig names",
        )
    return found


def _require_contigs(reads: Path, lengths: dict[str, int], loci: list[Locus], reference: Reference) -> None:
    wanted = {contig.name: contig.length for contig in reference.contigs}
    for locus in loci:
        if lengths.get(locus.contig) != wanted[locus.contig]:
            raise AlignmentFileError(
                f"its header has not the reference's contig {locus.contig} of {wanted[locus.contig]:,} bases",
                file=reads,
                remedy="use the reference that the reads were aligned to",
            )


def _told(call: RepeatCall) -> dict[str, Any]:
    locus, evidence = call.locus, call.evidence
    return {
        "id": locus.id,
        "gene": locus.gene,
        "disease": locus.disease,
        "place": f"{locus.contig}:{locus.start + 1}-{locus.end}",
        "motif": call.motif,
        "alleles": [_allele(allele) for allele in call.alleles],
        "zygosity": call.zygosity,
        "state": call.state,
        "benign_max": locus.benign_max,
        "pathogenic_min": locus.pathogenic_min,
        "reads": {
            "spanning": sum(evidence.spanning.values()),
            "entering": len(evidence.entering),
            "inside": evidence.inside,
            "depth": round(evidence.depth, 2),
        },
    }


def _allele(allele: RepeatAllele) -> dict[str, Any]:
    high = None if allele.high is None else round(allele.high, 1)
    return {"units": round(allele.units, 1), "low": round(allele.low, 1), "high": high, "by": allele.by}
