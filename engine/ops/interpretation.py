"""Interpretation: what of all this matters for the person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from engine.classify.columns import FINDING_COLUMNS
from engine.ops.artifact import Computed, NotApplicable, artifact
from engine.ops.inputs import Decided, Facts, Kin, Making, Options, Own, Parent, Parts
from engine.ops.services import Settings
from engine.person import Person
from engine.receipt import Measure
from engine.reference.bundle import ReferenceBundle

if TYPE_CHECKING:
    from engine.classify import phase


@artifact(kinds={"parquet"}, columns=FINDING_COLUMNS)
def findings(
    making: Making,
    annotated_variants: Own,
    relatedness: Own,
    father: Annotated[Kin | None, Parent("annotated_variants", "gvcf")],
    mother: Annotated[Kin | None, Parent("annotated_variants", "gvcf")],
    reference: Annotated[
        ReferenceBundle,
        Parts(
            *("reference_genome", "gene_model", "clinvar", "panels", "phenotypes", "frequencies", "predictors"),
            *("splice_predictors", "constraint", "dbsnp"),
        ),
    ],
    person: Annotated[Person, Facts("sex", "ordered_genes", "panel", "phenotype", "secondary_findings_consent")],
    decisions: Decided,
) -> Computed:
    """Pathogenic and likely pathogenic variants with zygosity, inheritance, phase and evidence.

    What a person of the laboratory decided of an allele stands above what ClinVar says of it.

    Primary, compound heterozygous, carrier, and secondary (ACMG SF genes) where the person agreed to hear of them.
    """
    from engine.classify.findings import Subject, select_reportable
    from engine.reference.panels import panel_of

    panel = panel_of(person.panel, reference.panels)
    none = relatedness.measures["wrong_parents"]
    subject = Subject(
        person, panel, father=_evidence(father, none), mother=_evidence(mother, none), decisions=decisions
    )
    summary = select_reportable(annotated_variants.file(".parquet"), subject, reference, making.folder, making.sample)
    return Computed(summary.findings, vars(summary))


@artifact(kinds={"json"})
def pharmacogenomics(
    making: Making,
    aligned_reads: Own,
    variants: Own,
    gvcf: Own,
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "star_alleles")],
    person: Annotated[Person, Facts("sex")],
    settings: Annotated[Settings, Options("alignment_format")],
) -> Computed | NotApplicable:
    """Named alleles of pharmacogenes with phenotype and CPIC's recommendations; what is not known is told, not assumed.

    Made where the reference declares star alleles, of the genes on its contigs. Copies of CYP2D6 are counted in the
    reads.
    """
    if reference.star_alleles is None:
        return NotApplicable("the reference declares no star alleles")
    from engine.pharmacogenomics.sample import call_pharmacogenes

    found = call_pharmacogenes(
        variants.file(".vcf.gz"),
        gvcf.file(".g.vcf.gz"),
        reference,
        reference.star_alleles,
        person.sex,
        making.folder / f"{making.sample}.pharmacogenomics.json",
        aligned_reads.file(f".{settings.alignment_format}"),
    )
    return Computed(found.genes, vars(found))


@artifact(kinds={"json"})
def polygenic_scores(
    making: Making,
    variants: Own,
    gvcf: Own,
    identity: Own,
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "scoring_files")],
    person: Annotated[Person, Facts("sex", "polygenic_scores")],
) -> Computed | NotApplicable:
    """Polygenic scores of whom they were ordered for, by the scoring files that the reference declares.

    What the gVCF calls as reference counts as such; of a score of which too little is known there is no sum. Beside
    each stands whom the person is like by genotype: where a sum lies holds for one population.
    """
    if reference.scoring_files is None:
        return NotApplicable("the reference declares no scoring files")
    from engine.risk.sample import score_sample

    path = making.folder / f"{making.sample}.polygenic_scores.json"
    if not person.polygenic_scores:
        path.write_text("[]\n")
        return Computed(0, {"scores": 0})
    found = score_sample(
        variants.file(".vcf.gz"),
        gvcf.file(".g.vcf.gz"),
        reference,
        reference.scoring_files,
        person.sex,
        making.sample,
        path,
        str(identity.measures.get("ancestry", "")),  # a receipt of an earlier release has none
    )
    return Computed(found.scores, vars(found))


def _evidence(kin: Kin | None, no_parents: Measure) -> phase.Parent | None:
    """What a parent's artifacts tell of alleles: nothing, where the genotypes say that he or she is none."""
    from engine.classify.phase import Parent as Evidence

    if kin is None or (isinstance(no_parents, list) and kin.sample in map(str, no_parents)):
        return None
    return Evidence(kin["annotated_variants"].file(".parquet"), kin["gvcf"].file(".g.vcf.gz"))
