"""The jobs people and sensors start: one sample's whole path, the knowledge it needs, the cohort of all samples."""

import dagster as dg

from engine.cohort.models import cohort_models
from engine.ops import knowledge
from engine.ops.joint_call import ASSET as JOINT_CALL
from engine.ops.studies import ASSET as STUDY_COHORTS
from genomics_assets.artifacts import DELIVERY, NOTEBOOKS, OF_A_SAMPLE, OF_THE_COHORT
from genomics_assets.run_process import in_one_process

# One process a run: a step costs 50 ms in process and two to four seconds in a process of its own, and parallelism
# comes from many runs and from the engine's threads. What people materialize in the web UI runs so too.
IN_PROCESS = in_one_process

knowledge_job = dg.define_asset_job(
    "knowledge",
    selection=dg.AssetSelection.groups(knowledge.reference_genome.stage),
    description="Builds the reference genome, the aligner's index, and what the reference declares of gene model, "
    "known sites, ClinVar, gene panels, phenotypes, frequencies, star alleles, predictors and "
    "the panel of sites by which samples are told apart, and loci of repeats.",
    executor_def=IN_PROCESS,
)

sample_job = dg.define_asset_job(
    "sample",
    selection=dg.AssetSelection.assets(*(one.name for one in OF_A_SAMPLE)),
    description="One sample from FASTQ to FHIR bundle and cohort, with every check on the way.",
    executor_def=IN_PROCESS,
)

delivery_job = dg.define_asset_job(
    "delivery",
    selection=dg.AssetSelection.assets("clinical_report", "fhir_bundle", *(one.name for one in DELIVERY)),
    description="Sends one sample's signed report to the hospital's systems; what they have already is not sent.",
    executor_def=IN_PROCESS,
)

cohort_job = dg.define_asset_job(
    "cohort",
    selection=dg.AssetSelection.assets(
        *(model.name for model in cohort_models()), *(one.name for one in OF_THE_COHORT), STUDY_COHORTS
    )
    - dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("cohort_allele_frequency"), "sums_equal_a_rebuild")),
    description="Rebuilds the cohort tables from every sample's calls, in one run for many samples.",
    executor_def=IN_PROCESS,
)

notebooks_job = dg.define_asset_job(
    "notebooks",
    selection=dg.AssetSelection.assets(*(one.name for one in NOTEBOOKS)),
    description="Runs the notebooks over the cohort's tables as they are.",
    executor_def=IN_PROCESS,
)

joint_call_job = dg.define_asset_job(
    "joint_genotyping",
    selection=dg.AssetSelection.assets(JOINT_CALL),
    description="Calls everybody, or the samples of its configuration, together from their gVCFs.",
    executor_def=IN_PROCESS,
)

JOBS = [knowledge_job, sample_job, delivery_job, cohort_job, notebooks_job, joint_call_job]
