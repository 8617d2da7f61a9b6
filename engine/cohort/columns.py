"""The columns of the cohort: of what a sample contributes, and of the tables that dbt makes of all contributions.

Positions of alleles are 1-based, as in VCF; stretches are 0-based and half-open, as in BED.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.columns import ALT, ALT_DEPTH, CONTIG, COPIES, DEPTH, GENOTYPE_QUALITY, PLOIDY, POSITION, REF
from engine.person import Sex
from engine.tables import Column, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

BIN = 1_000_000
"""Bases a bin, by which readers prune."""

_SAMPLE = Column("sample_id", "VARCHAR", "Pseudonym of the sample", required=True)
_OF_THE_CALL = (
    replace(COPIES, required=True, minimum=1, formerly="dosage"),
    replace(PLOIDY, required=True, minimum=1, formerly="copies"),
)
_EVIDENCE = (replace(GENOTYPE_QUALITY, type="SMALLINT"), DEPTH, ALT_DEPTH)

CALL_COLUMNS = (
    _SAMPLE,
    CONTIG,
    Column("bin", "INTEGER", f"Position divided by {BIN:,}, rounded down, for pruning", "million bases", minimum=0),
    POSITION,
    REF,
    ALT,
    *_OF_THE_CALL,
    *_EVIDENCE,
)
MISSING_COLUMNS = (
    _SAMPLE,
    CONTIG,
    Column("start", "INTEGER", "0-based first base", "bases", required=True, minimum=0),
    Column("end", "INTEGER", "One past the last base", "bases", required=True, minimum=1),
    Column(
        "missing_copies",
        "TINYINT",
        "How many of the two copies counted for every sample were not called here",
        "copies",
        required=True,
        minimum=1,
        maximum=2,
        formerly="copies",
    ),
)
SAMPLE_COLUMNS = (
    replace(_SAMPLE, unique=True),
    Column("sex", "VARCHAR", "As on the sample sheet, in FHIR's administrative terms", values=tuple(map(str, Sex))),
    Column("family_id", "VARCHAR", "Pseudonym of the family; absent where none was given"),
    Column("father_id", "VARCHAR", "Sample id of the father; absent where none was given"),
    Column("mother_id", "VARCHAR", "Sample id of the mother; absent where none was given"),
    Column("reference", "VARCHAR", "Name of the reference bundle"),
    Column("caller", "VARCHAR", "Name of the variant caller"),
    Column("calls_version", "VARCHAR", "Digest of the rows that the sample contributed"),
)
MEASURE_COLUMNS = (
    _SAMPLE,
    Column("asset", "VARCHAR", "Asset that was measured", required=True),
    Column("measure", "VARCHAR", "Name of the measure in the asset's receipt", required=True),
    Column("value", "DOUBLE", "Its value", "the measure's own"),
)
TABLES: Mapping[str, tuple[Column, ...]] = {
    "calls": CALL_COLUMNS,
    "missing": MISSING_COLUMNS,
    "samples": SAMPLE_COLUMNS,
    "measures": MEASURE_COLUMNS,
}
"""Columns of what a sample contributes to each Delta table of the cohort."""

GROUP = 128
"""Samples a group: whose rows lie in the same files, and are rewritten when one of them is replaced or withdrawn."""
GROUP_COLUMN = Column(
    "sample_group",
    "INTEGER",
    f"Number, from 0, of the group of up to {GROUP} samples whose rows lie in the same files",
    "groups",
    required=True,
    minimum=0,
)
GROUPED = frozenset({"calls", "missing"})
"""Delta tables so large that their rows lie in groups of samples; they have :data:`GROUP_COLUMN` besides."""
IN_ORDER = ("contig", "position", "place", "start", "ref", "alt", "sample_id", "sex")
"""By what rows of a file are sorted, as far as a table has it."""
_TIER = Column(
    "tier",
    "TINYINT",
    "0 as added by one sample; files of a tier are summed up into one of the next",
    "tiers",
    required=True,
    minimum=0,
)
_SEX = Column(
    "sex", "VARCHAR", "Of the samples counted here, as on the sample sheet", required=True, values=tuple(map(str, Sex))
)
ALLELE_COUNT_COLUMNS = (
    CONTIG,
    POSITION,
    REF,
    ALT,
    _SEX,
    Column("allele_count", "BIGINT", "Copies of alt added, or taken away where negative", "copies", required=True),
    Column("carriers", "BIGINT", "Samples that carry alt, added or taken away", "samples", required=True),
    Column("homozygotes", "BIGINT", "Those in which every one of two copies carries it", "samples", required=True),
    Column("hemizygotes", "BIGINT", "Those whose single X or Y carries it", "samples", required=True),
    _TIER,
)
COVERAGE_STEP_COLUMNS = (
    CONTIG,
    Column("place", "INTEGER", "0-based first base from which on it holds", "bases", required=True, minimum=0),
    _SEX,
    Column(
        "step",
        "BIGINT",
        "By how many the copies that were not called rise here, or fall where negative",
        "copies",
        required=True,
    ),
    _TIER,
)
GOLD: Mapping[str, tuple[Column, ...]] = {
    "allele_count": ALLELE_COUNT_COLUMNS,
    "coverage_step": COVERAGE_STEP_COLUMNS,
}
"""Columns of the Delta tables of sums over samples, which name nobody. Each row is a change; their sum counts."""
COUNTED = ("calls", "missing", "samples")
"""What the sums are made of."""
KEPT: Mapping[str, tuple[Column, ...]] = {
    **{name: (*columns, GROUP_COLUMN) if name in GROUPED else columns for name, columns in TABLES.items()},
    **GOLD,
}
"""Columns of each Delta table of the cohort as it is kept."""

STRATUM_COLUMNS = (
    _SAMPLE,
    Column("kind", "VARCHAR", "By what samples are told apart: sex, phenotype or consent", required=True),
    Column("stratum", "VARCHAR", "The sex, an HPO term, or the purpose consented to", required=True),
)
"""Columns of what a sample belongs to, beside its sex; as it is known when the tables are built."""
SAMPLE_STRATUM_COLUMNS = (replace(_SAMPLE, refers_to="dim_sample"), *STRATUM_COLUMNS[1:])

_COHORT = Column("cohort", "VARCHAR", "Name of the study's cohort", required=True)
_COHORT_VERSION = Column("cohort_version", "INTEGER", "Of the cohort, from 1", "versions", required=True, minimum=1)
STUDY_MEMBER_COLUMNS = (_SAMPLE, _COHORT, _COHORT_VERSION)
STUDY_COHORT_COLUMNS = (
    _COHORT,
    _COHORT_VERSION,
    Column("purpose", "VARCHAR", "What for, as a purpose of the Data Use Ontology", required=True),
    Column("criteria", "VARCHAR", "What is asked for, by criterion, as JSON", required=True),
    Column("data_versions", "VARCHAR", "Digests of what it was selected from, by name, as JSON", required=True),
    Column("member_count", "BIGINT", "Members when it was made", "samples", required=True, minimum=0),
    Column("members_digest", "VARCHAR", "sha256 over the members' ids in order, one a line", required=True),
    Column("made", "VARCHAR", "When, UTC, ISO 8601", required=True),
)

_SOURCE = Column("source", "VARCHAR", "Name of the dataset, or cohort for the deployment's own", required=True)
_PLAIN_ALLELE = (replace(CONTIG, meaning="Contig without chr; the mitochondrion is MT"), POSITION, REF, ALT)

MODEL_CALL_COLUMNS = (
    replace(_SAMPLE, refers_to="dim_sample"),
    CONTIG,
    POSITION,
    REF,
    ALT,
    *_OF_THE_CALL,
    Column(
        "zygosity",
        "VARCHAR",
        "hom where every called copy carries alt; het otherwise",
        values=("het", "hom"),
    ),
    *_EVIDENCE,
)
FREQUENCY_COLUMNS = (
    CONTIG,
    POSITION,
    REF,
    ALT,
    Column("allele_count", "BIGINT", "Copies of alt in the cohort", "copies", minimum=1),
    Column(
        "allele_number",
        "BIGINT",
        "Copies of the locus that were called; positions without coverage count as missing",
        "copies",
        minimum=1,
    ),
    Column(
        "allele_frequency",
        "DOUBLE",
        "Allele count over allele number",
        "fraction",
        required=True,
        minimum=0,
        maximum=1,
    ),
    Column("carriers", "BIGINT", "Samples that carry alt", "samples", minimum=1),
    Column("homozygotes", "BIGINT", "Samples in which every one of two copies carries alt", "samples", minimum=0),
    Column("hemizygotes", "BIGINT", "Samples whose single X or Y carries alt", "samples", minimum=0),
)
DATASET_FREQUENCY_COLUMNS = (
    _SOURCE,
    *_PLAIN_ALLELE,
    *(replace(column, minimum=0) for column in FREQUENCY_COLUMNS[4:7]),
)
DATASET_CALL_COLUMNS = (_SOURCE, _SAMPLE, *_PLAIN_ALLELE, *_OF_THE_CALL)
STRATUM_FREQUENCY_COLUMNS = (*STRATUM_COLUMNS[1:], *FREQUENCY_COLUMNS)
QUALITY_COLUMNS = (
    replace(_SAMPLE, unique=True),
    Column("pairs", "DOUBLE", "Read pairs over all lanes", "read pairs", minimum=0),
    Column("q30_fraction", "DOUBLE", "Share of bases with quality 30 or more", "fraction", minimum=0, maximum=1),
    Column("mapped_fraction", "DOUBLE", "Share of reads that align to the reference", "fraction", minimum=0, maximum=1),
    Column(
        "duplicate_fraction", "DOUBLE", "Share of reads that are copies of another", "fraction", minimum=0, maximum=1
    ),
    Column("mean_coverage", "DOUBLE", "Mean depth over the targets", "reads", minimum=0),
    Column(
        "fraction_20x", "DOUBLE", "Share of target bases covered 20 times or more", "fraction", minimum=0, maximum=1
    ),
    Column("median_insert_size", "DOUBLE", "Median distance between a pair's outer ends", "bases", minimum=0),
    Column("uncovered_target_bases", "DOUBLE", "Target bases that no gVCF record covers", "bases", minimum=0),
    Column("snps", "DOUBLE", "Passing single-nucleotide variants", "variants", minimum=0),
    Column("indels", "DOUBLE", "Passing insertions and deletions", "variants", minimum=0),
    Column("titv", "DOUBLE", "Transitions over transversions", "ratio", minimum=0),
    Column("het_hom_ratio", "DOUBLE", "Heterozygous over homozygous alternate SNPs", "ratio", minimum=0),
    Column("mean_genotype_quality", "DOUBLE", "Mean genotype quality of passing calls", "Phred", minimum=0),
)


def typed_table(rows: Iterable[tuple[object, ...]], columns: Sequence[Column]) -> pa.Table:
    """An Arrow table of those columns; each row has a value for every column, ``None`` where it is absent.

    Its schema is bare, so that a column told in other words makes no other file of the same rows.
    """
    import pyarrow as pa

    schema = arrow_schema(columns, bare=True)
    given = list(rows)
    values = list(zip(*given, strict=True)) if given else [()] * len(schema)
    return pa.table([pa.array(v, field.type) for v, field in zip(values, schema, strict=True)], schema=schema)
