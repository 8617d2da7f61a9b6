"""Which artifacts this code location has, in the order in which data walks through them.

Each is one function of ``engine/ops``; its parameters say what it is made from. A new one is one line here.
"""

from engine.ops import alignment, annotation, calls, cohort, interpretation, knowledge, reads, report

ARTIFACTS = (
    knowledge.reference_genome,
    knowledge.aligner_index,
    knowledge.gene_model,
    knowledge.known_sites,
    knowledge.clinvar,
    reads.raw_reads,
    alignment.aligned_reads,
    calls.gvcf,
    calls.variants,
    calls.trio_variants,
    annotation.annotated_variants,
    interpretation.findings,
    report.fhir_bundle,
    cohort.cohort_contribution,
)
KNOWLEDGE = tuple(one for one in ARTIFACTS if not one.by_sample)
"""What belongs to no sample."""
OF_A_SAMPLE = tuple(one for one in ARTIFACTS if one.by_sample)
"""A sample's path from FASTQ to FHIR and to the cohort."""
