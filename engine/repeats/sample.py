"""One sample's repeats at the loci of a catalogue, and how they are written as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import AlignmentFileError, KnowledgeError
from engine.person import Sex
from engine.reference.accessions import bare_contig
from engine.reference.bundle import Contig
from engine.reference.genome import Reference
from engine.repeats.evidence import Flanks, gather
from engine.repeats.genotype import RepeatAllele, RepeatCall, genotype_locus
from engine.repeats.loci import Locus


def loci_within(loci: Sequence[Locus], contigs: Sequence[Contig], catalogue: Path) -> list[Locus]:
    """Those that lie in the reference.

    Raises:
        KnowledgeError: none does.
    """
    lengths = {contig.name: contig.length for contig in contigs}
    found = [locus for locus in loci if locus.end <= lengths.get(locus.contig, 0)]
    if not found:
        raise KnowledgeError(
            f"none of its loci lies in the reference ({loci[0].contig} is not {contigs[0].name})",
            file=catalogue,
            remedy="give the catalogue of the reference's build and contig names",
        )
    return found


def call_repeats(reads: Path, reference: Reference, loci: Sequence[Locus], sex: Sex) -> list[RepeatCall]:
    """Count the units on either copy of each locus.

    Args:
        reads: sorted, indexed BAM or CRAM.
        reference: the genome it was aligned to.
        loci: of the reference.
        sex: a man has one copy of X.

    Raises:
        AlignmentFileError: the reads cannot be read, or are of another reference.
    """
    import pysam

    calls = []
    try:
        with (
            reference.open() as fasta,
            pysam.AlignmentFile(str(reads), reference_filename=str(reference.fasta)) as file,
        ):
            _require_contigs(reads, dict(zip(file.references, file.lengths, strict=True)), loci, reference)
            for locus in loci:
                copies = 1 if bare_contig(locus.contig) == "X" and sex is Sex.MALE else 2
                calls.append(genotype_locus(locus, gather(file, locus, Flanks.of(fasta, locus)), copies=copies))
    except (OSError, ValueError) as error:
        raise AlignmentFileError(
            f"the reads cannot be read ({error})", file=reads, remedy="copy the file again and index it"
        ) from error
    return calls


def as_json(call: RepeatCall) -> dict[str, Any]:
    """A locus as the JSON has it: place 1-based, both ends in it."""
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


def _require_contigs(reads: Path, lengths: dict[str, int], loci: Sequence[Locus], reference: Reference) -> None:
    wanted = {contig.name: contig.length for contig in reference.contigs}
    for locus in loci:
        if lengths.get(locus.contig) != wanted[locus.contig]:
            raise AlignmentFileError(
                f"its header has not the reference's contig {locus.contig} of {wanted[locus.contig]:,} bases",
                file=reads,
                remedy="use the reference that the reads were aligned to",
            )
