"""The columns of the cohort: of what a sample contributes, and of the tables that dbt makes of all contributions.

Positions of alleles are 1-based, as in VCF; stretches are 0-based and half-open, as in BED.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.cohort.disclosure import MINIMUM_CELL
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
_QUALITY = replace(GENOTYPE_QUALITY, type="SMALLINT")
_EVIDENCE = (_QUALITY, DEPTH, ALT_DEPTH)


def _likelihood(name: str, meaning: str) -> Column:
    return Column(f"likelihood_{name}", "INTEGER", f"PL of {meaning}", "Phred", minimum=0)


_BIN = Column("bin", "INTEGER", f"Position divided by {BIN:,}, rounded down, for pruning", "million bases", minimum=0)
_START = Column("start", "INTEGER", "0-based first base", "bases", required=True, minimum=0)
_END = Column("end", "INTEGER", "One past the last base", "bases", required=True, minimum=1)
_NO_REFERENCE = "no copy of the reference; of one copy where there is one"

CALL_COLUMNS = (
    _SAMPLE,
    CONTIG,
    _BIN,
    POSITION,
    REF,
    ALT,
    *_OF_THE_CALL,
    *_EVIDENCE,
    Column("ref_depth", "INTEGER", "Reads that support the reference; absent where the caller did not tell", "reads"),
    _likelihood("ref", "copies of the reference alone; absent where the caller did not tell"),
    _likelihood("het", "one copy of alt of two; absent where there is one copy, or not told"),
    _likelihood("alt", "copies of alt alone; absent where the caller did not tell"),
)
NO_CALL_COLUMNS = (
    _SAMPLE,
    CONTIG,
    _START,
    _END,
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
REFERENCE_BANDS = (1, 20, 40)
"""Lower limits of genotype quality: neighbouring reference blocks of one band are one row."""
REF_BLOCK_COLUMNS = (
    _SAMPLE,
    CONTIG,
    _BIN,
    _START,
    _END,
    replace(REF, meaning="First base of the reference there"),
    replace(_OF_THE_CALL[1], meaning="Alleles of the genotype, 0 where it has none", minimum=0, formerly=""),
    replace(_QUALITY, meaning="Least genotype quality of its bases", required=True),
    replace(DEPTH, meaning="Least reads of its bases"),
    _likelihood("ref", "copies of the reference alone, the least of its bases"),
    _likelihood("het", "one copy of any allele not seen, the least; absent where there is one copy"),
    _likelihood("alt", f"{_NO_REFERENCE}, the least"),
)
"""Where a gVCF says reference: what a joint genotype takes of who does not carry the allele."""
VARIANT_RECORD_COLUMNS = (
    _SAMPLE,
    CONTIG,
    _BIN,
    POSITION,
    REF,
    Column("alts", "VARCHAR", "ALT alleles as in the gVCF, with commas; <NON_REF> among them", required=True),
    Column("genotype", "VARCHAR", "GT as in the gVCF", required=True),
    _QUALITY,
    DEPTH,
    Column("allele_depths", "VARCHAR", "AD, with commas; absent where the caller did not tell"),
    Column("likelihoods", "VARCHAR", "PL in the order of VCF, with commas; absent where the caller did not tell"),
)
"""Records of a gVCF with an alternate allele, whether the call passes or not: what joint genotyping starts from."""
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
    "ref_blocks": REF_BLOCK_COLUMNS,
    "variant_records": VARIANT_RECORD_COLUMNS,
    "no_calls": NO_CALL_COLUMNS,
    "samples": SAMPLE_COLUMNS,
    "measures": MEASURE_COLUMNS,
}
"""Columns of what a sample contributes to each Delta table of the cohort."""
MODELLED: Mapping[str, tuple[Column, ...]] = {
    name: TABLES[name] for name in ("calls", "no_calls", "samples", "measures")
}
"""Those that the published tables are made of; the others are there for joint genotypes."""
FORMER_NAMES: Mapping[str, str] = {"no_calls": "missing"}
"""What an earlier release called a table."""

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
GROUPED = frozenset({"calls", "ref_blocks", "variant_records", "no_calls"})
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
COUNTED = ("calls", "no_calls", "samples")
"""What the sums are made of."""
KEPT: Mapping[str, tuple[Column, ...]] = {
    **{name: (*columns, GROUP_COLUMN) if name in GROUPED else columns for name, columns in TABLES.items()},
    **GOLD,
}
"""Columns of each Delta table of the cohort as it is kept."""

STRATUM_COLUMNS = (
    _SAMPLE,
    Column("kind", "VARCHAR", "By what samples are told apart: sex, phenotype, consent or ancestry", required=True),
    Column(
        "stratum",
        "VARCHAR",
        "The sex, an HPO term, the purpose consented to, or the population as sheets state it",
        required=True,
    ),
)
"""Columns of what a sample belongs to, beside its sex; as it is known when the tables are built."""
SAMPLE_STRATUM_COLUMNS = (replace(_SAMPLE, refers_to="dim_sample"), *STRATUM_COLUMNS[1:])

GENE_ALLELE_COLUMNS = (
    replace(CONTIG, meaning="Contig without chr; the mitochondrion is MT"),
    POSITION,
    REF,
    ALT,
    Column("gene", "VARCHAR", "Gene that it hits, or in which ClinVar tells it", required=True),
    Column("hit", "BOOLEAN", "Whether it is of high or moderate impact on a transcript", required=True),
    Column("looked_at", "BOOLEAN", "Whether ClinVar tells it, its whole or a part as causing disease", required=True),
)
"""Columns of the alleles that lie in genes; each allele and gene once."""
ANNOTATED_SAMPLE_COLUMNS = (replace(_SAMPLE, unique=True),)
"""Samples whose alleles were annotated, so that it is known in which genes they lie."""
MONTH = Column("month", "VARCHAR", "Year and month, 2026-11", required=True)
RECEIVED = Column("received", "DATE", "Day on which the sample was first registered, UTC", required=True)
STAGE = Column("stage", "VARCHAR", "How far the case has come", required=True)
_WAITED = Column("", "DOUBLE", "", "days", minimum=0)
DAYS_TO_REPORT = replace(
    _WAITED,
    name="days_to_report",
    meaning="From registration to what was first said in the words that stand; absent while nothing is said",
)
DAYS_TO_SIGNATURE = replace(
    _WAITED, name="days_to_signature", meaning="From registration to the first signature; absent while none"
)
CASE_STANDING_COLUMNS = (_SAMPLE, MONTH, RECEIVED, STAGE, DAYS_TO_REPORT, DAYS_TO_SIGNATURE)
"""Columns of how far each case has come."""
CATEGORY = Column("category", "VARCHAR", "As of the findings table", required=True)
CLASSIFICATION = Column("classification", "VARCHAR", "Class in the words of the report", required=True)
SIGNED_WORDS = Column(
    "signed", "VARCHAR", "Whether the words that it stands in are signed", required=True, values=("yes", "no")
)
TOLD_GENE = Column("gene", "VARCHAR", "Gene; absent if intergenic")
TOLD_FINDING_COLUMNS = (_SAMPLE, CATEGORY, TOLD_GENE, CLASSIFICATION, SIGNED_WORDS)
"""Columns of what statements tell of each case."""
BESIDE: Mapping[str, tuple[Column, ...]] = {
    "strata": STRATUM_COLUMNS,
    "gene_alleles": GENE_ALLELE_COLUMNS,
    "annotated_samples": ANNOTATED_SAMPLE_COLUMNS,
    "cases": CASE_STANDING_COLUMNS,
    "told_findings": TOLD_FINDING_COLUMNS,
}
"""Columns of what the cohort's tables are made of beside contributions, as it is known when they are built."""

_GENE = Column("gene", "VARCHAR", "Symbol of the gene", required=True)
_PEOPLE = Column("", "BIGINT", "", "people", minimum=MINIMUM_CELL)
_SAMPLES = replace(_PEOPLE, name="samples", meaning="Samples whose alleles were annotated, rounded", required=True)
_SHARE = Column("carrier_share", "DOUBLE", "Carriers over samples", "fraction", required=True, minimum=0, maximum=1)
GENE_BURDEN_COLUMNS = (
    replace(_GENE, unique=True),
    _SAMPLES,
    replace(
        _PEOPLE,
        name="carriers",
        unit="samples",
        meaning="Samples with a rare allele of high or moderate impact on the gene, rounded",
        required=True,
    ),
    _SHARE,
    replace(
        _PEOPLE,
        name="with_several_copies",
        meaning="Those with more than one copy of such alleles, rounded; absent where it would tell a few",
    ),
)
GENE_CARRIER_COLUMNS = (
    replace(_GENE, unique=True),
    _SAMPLES,
    replace(
        _PEOPLE,
        name="carriers",
        unit="samples",
        meaning="Samples with an allele in the gene that ClinVar tells as causing disease, rounded",
        required=True,
    ),
    _SHARE,
    replace(
        _PEOPLE,
        name="with_one_copy",
        meaning="Those with one copy of such alleles of two, rounded; absent where it would tell a few",
    ),
)
ACTIONABLE_FINDING_COLUMNS = (
    _GENE,
    CATEGORY,
    CLASSIFICATION,
    replace(_PEOPLE, name="reported", meaning="People of whom something is said, rounded", required=True),
    replace(_PEOPLE, name="people", meaning="Those of whom it is told, rounded", required=True),
    replace(
        _PEOPLE,
        name="signed",
        meaning="Those in whose report it is signed, rounded; absent where it would tell a few",
    ),
)
_CASES = Column("", "BIGINT", "", "cases", required=True, minimum=0)
TURNAROUND_COLUMNS = (
    replace(MONTH, meaning="Month in which samples were first registered, 2026-11", unique=True),
    replace(_CASES, name="received", meaning="Cases registered in it"),
    replace(_CASES, name="held", meaning="Those that a gate or damage holds now"),
    replace(_CASES, name="cases_reported", meaning="Those of which something is said"),
    replace(_CASES, name="cases_signed", meaning="Those that were signed"),
    replace(_WAITED, name="median_days_to_report", meaning="Median from registration to report; absent while none"),
    replace(_WAITED, name="longest_days_to_report", meaning="The longest of these; absent while none"),
    replace(
        _WAITED, name="median_days_to_signature", meaning="Median from registration to signature; absent while none"
    ),
    replace(_WAITED, name="longest_days_to_signature", meaning="The longest of these; absent while none"),
)

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
