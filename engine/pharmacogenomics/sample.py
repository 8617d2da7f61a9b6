"""A sample's pharmacogenes from its calls and gVCF, by the knowledge of a deployment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from engine.person import Sex
from engine.pharmacogenomics.calls import SampleCalls, Status, call_sample
from engine.pharmacogenomics.changes import Genome
from engine.pharmacogenomics.copies import count_copies
from engine.pharmacogenomics.document import document
from engine.pharmacogenomics.genotypes import add_reference_blocks, read_genotypes
from engine.pharmacogenomics.guidelines import Guidelines
from engine.pharmacogenomics.knowledge import present, read_star_alleles
from engine.reference.bundle import ReferenceBundle


@dataclass(frozen=True)
class PharmacogeneMeasures:
    """How far a sample's pharmacogenes could be told.

    Attributes:
        genes: genes that were asked about.
        called: of them those that are called.
        indeterminate: those that the genotypes leave open.
        not_called: the others.
        missing_positions: positions of which nothing is known.
        recommendations: texts of guidelines.
    """

    genes: int
    called: int
    indeterminate: int
    not_called: int
    missing_positions: int
    recommendations: int


def call_pharmacogenes(
    calls: Path,
    gvcf: Path,
    reference: ReferenceBundle,
    star_alleles: Path,
    sex: Sex,
    output: Path,
    reads: Path | None = None,
) -> PharmacogeneMeasures:
    """Write a sample's document of pharmacogenes.

    Args:
        calls: one sample's VCF.
        gvcf: the same sample's.
        reference: with its FASTA.
        star_alleles: folder of the part of that name (:mod:`engine.pharmacogenomics.knowledge`).
        sex: of the person.
        output: JSON to be written.
        reads: the same sample's, sorted and indexed; copies of CYP2D6 are counted in them, without which it is not
            called.
    """
    import pysam

    from engine.reference.genome import open_reference

    tables, definitions = read_star_alleles(star_alleles)
    guidelines = Guidelines(tables)
    with pysam.FastaFile(str(reference.fasta)) as fasta:
        genome = Genome(fasta)
        here = present(definitions, genome)
        loci = tuple(dict.fromkeys(locus for definition in here for locus in definition.loci))
        (found,) = read_genotypes(calls, loci, genome)
        add_reference_blocks(found, loci, gvcf, genome)
    copies = count_copies(reads, open_reference(reference.fasta), reference.build, here) if reads else {}
    told = call_sample(here, guidelines, found, sex, copies)
    output.write_text(json.dumps(document([told], guidelines), indent=1) + "\n")
    return _measures(told)


def _measures(told: SampleCalls) -> PharmacogeneMeasures:
    states = [call.status for call in told.genes]
    return PharmacogeneMeasures(
        len(states),
        states.count(Status.CALLED),
        states.count(Status.INDETERMINATE),
        states.count(Status.NOT_CALLED),
        len({locus for call in told.genes for locus in call.missing}),
        len(told.recommendations),
    )
