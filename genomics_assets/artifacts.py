"""Which artifacts this code location has, in the order in which data walks through them.

Each is one function of ``engine/ops``; its parameters say what it is made from. A new one is one line here.
"""

from engine.ops import (
    alignment,
    annotation,
    calls,
    cohort,
    dashboards,
    delivery,
    genome,
    identity,
    interpretation,
    knowledge,
    notebooks,
    reads,
    report,
)

ARTIFACTS = (
    knowledge.reference_genome,
    knowledge.aligner_index,
    knowledge.gene_model,
    knowledge.known_sites,
    knowledge.clinvar,
    knowledge.panels,
    knowledge.phenotypes,
    knowledge.frequencies,
    knowledge.star_alleles,
    knowledge.predictors,
    knowledge.splice_predictors,
    knowledge.constraint,
    knowledge.dbsnp,
    knowledge.identity_panel,
    knowledge.ancestry_panel,
    knowledge.repeat_loci,
    knowledge.scoring_files,
    reads.raw_reads,
    alignment.aligned_reads,
    calls.gvcf,
    identity.identity,
    identity.relatedness,
    calls.variants,
    genome.target_depths,
    genome.structural_variants,
    genome.repeats,
    genome.mitochondria,
    genome.homozygosity,
    genome.smn_copies,
    calls.trio_variants,
    genome.further_findings,
    calls.exon_coverage,
    annotation.variant_consequences,
    annotation.annotated_variants,
    interpretation.findings,
    interpretation.pharmacogenomics,
    interpretation.polygenic_scores,
    report.statement,
    report.clinical_report,
    report.fhir_bundle,
    delivery.ehr_delivery,
    delivery.hl7v2_delivery,
    cohort.cohort_contribution,
    cohort.data_docs,
    cohort.cohort_qc_report,
    notebooks.annotate_cohort,
    notebooks.merge_and_analyze,
    notebooks.cohort_overview,
    notebooks.ancestry_and_relatedness,
    notebooks.association,
    notebooks.risk_strata,
    dashboards.gold_snapshot,
)
KNOWLEDGE = tuple(one for one in ARTIFACTS if one.stage == knowledge.reference_genome.stage)
"""The reference and what is known beside it."""
DELIVERY = tuple(one for one in ARTIFACTS if one.stage == delivery.ehr_delivery.stage)
"""What leaves the house, once a person has signed."""
OF_A_SAMPLE = tuple(one for one in ARTIFACTS if one.by_sample and one not in DELIVERY)
"""A sample's path from FASTQ to FHIR and to the cohort."""
NOTEBOOKS = tuple(one for one in ARTIFACTS if one.stage == notebooks.cohort_overview.stage)
"""What scientists look at; made when it is asked for."""
OF_THE_COHORT = tuple(one for one in ARTIFACTS if not one.by_sample and one not in (*KNOWLEDGE, *NOTEBOOKS))
"""What is made of all samples in one run, beside the tables that dbt makes."""
