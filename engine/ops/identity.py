"""Identity: whether a sample is the person's whom the sheet names, and nobody else's."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

from engine.ops.artifact import Computed, artifact
from engine.ops.inputs import Beside, Facts, Making, Options, OthersOf, Own, Parts
from engine.ops.services import Settings
from engine.person import Person
from engine.reference.bundle import ReferenceBundle


@artifact(kinds={"json"})
def identity(
    making: Making,
    aligned_reads: Own,
    gvcf: Own,
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "identity_panel", "ancestry_panel")],
    person: Annotated[Person, Facts("sex")],
    settings: Annotated[Settings, Options("alignment_format")],
) -> Computed:
    """Another person's share of the bases (VerifyBamID2's model), sex chromosomes, ancestry, a sketch of the genotypes.

    Where the reference declares no panel of sites, the sex chromosomes alone are told; ancestry by its own panel.
    """
    from engine.call.haplotype.reads.source import ReadSource
    from engine.files.bgzf import LOOK_UP
    from engine.identity.karyotype import karyotype_of
    from engine.identity.sample import Panels, identify

    covered = {name: aligned_reads.measures[f"{name}_coverage"] for name in ("autosome", "x", "y")}
    autosomes, x, y = (value if isinstance(value, int | float) else None for value in covered.values())
    reads = aligned_reads.file(f".{settings.alignment_format}")
    source = ReadSource(reads, fasta=reference.fasta, sample=making.sample, reads_per_start=0, read_ahead=LOOK_UP)
    found = identify(
        making.sample,
        source,
        gvcf.file(".g.vcf.gz"),
        Panels(reference.identity_panel, reference.versions.get("identity_panel", ""), reference.ancestry_panel),
        karyotype_of(person.sex, autosomes=autosomes, x=x, y=y),
        making.folder,
    )
    return Computed(found.known_sites, found.measures())


@artifact(kinds={"json"})
def relatedness(
    making: Making, identity: Own, beside: Annotated[Beside, OthersOf("identity", "identity_panel")]
) -> Computed:
    """The sample beside every other of the deployment: duplicates, swaps, wrong parents and unknown relatives.

    A pair is judged when the later of the two comes; each sample is judged anew when what is found changes.
    """
    from engine.identity.relatives import measures_of

    found = beside.comparison
    told = {
        "sample": making.sample,
        "panel": identity.measures["panel"],
        "compared": found.compared,
        "contradictions": [asdict(one) for one in found.contradictions],
    }
    (making.folder / f"{making.sample}.relatedness.json").write_text(json.dumps(told, indent=2) + "\n")
    return Computed(found.compared, measures_of(found))
