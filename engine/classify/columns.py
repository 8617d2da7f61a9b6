"""The columns of the findings table: name, type and meaning. Positions are 1-based."""

from __future__ import annotations

from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.tables import Column

_TAKEN_OVER = (
    "sample", "allele", "contig", "position", "ref", "alt", "qual", "filter", "genotype", "depth", "ref_depth",
    "alt_depth", "genotype_quality", "variant_type", "hgvs_g", "gene", "gene_id", "transcript", "representative_by",
    "consequence", "impact", "exon", "hgvs_c", "hgvs_p", "clinvar_variation_id", "clinvar_allele_id",
    "clinvar_significance", "clinvar_classification", "clinvar_review_status", "clinvar_stars", "clinvar_conditions",
    "clinvar_condition_ids", "clinvar_scv", "rs",
)  # fmt: skip
_ANNOTATED = {column.name: column for column in ANNOTATED_COLUMNS}

CONDITION = "STRUCT(name VARCHAR, mondo VARCHAR, omim VARCHAR, inheritance VARCHAR)"

FINDING_COLUMNS = (
    Column(
        "finding_id",
        "VARCHAR",
        "uuid5 of sample, build and allele: the same whenever the finding is made again",
        required=True,
        unique=True,
    ),
    Column(
        "category",
        "VARCHAR",
        "primary: the genotype suffices for the condition, or its inheritance is unknown; compound_heterozygote: two "
        "P/LP variants of one recessive gene that are or may be in trans; carrier: one copy under recessive "
        "inheritance; secondary: reported under ACMG SF with the person's consent",
    ),
    Column("build", "VARCHAR", "Assembly of the coordinates"),
    Column("hgnc_id", "VARCHAR", "HGNC id of the gene; absent where neither gene model nor tables tell"),
    *(_ANNOTATED[name] for name in _TAKEN_OVER),
    Column("zygosity", "VARCHAR", "heterozygous, homozygous, hemizygous, heteroplasmic or homoplasmic"),
    Column(
        "alt_fraction",
        "DOUBLE",
        "Share of the reads that carry the allele; absent without depths",
        minimum=0,
        maximum=1,
    ),
    Column("needs_confirmation", "BOOLEAN", "The call did not pass its filters: it is to be confirmed by other means"),
    Column("conditions", f"{CONDITION}[]", "Conditions meant, with mode of inheritance: AD, AR, XL, MT or unknown"),
    Column("partners", "VARCHAR[]", "finding_id of the other P/LP variants of the gene in this person"),
    Column("phase", "VARCHAR", "trans, cis or unknown towards the partners; absent without partners"),
    Column("phase_basis", "VARCHAR", "phase set or parents; absent where the phase is unknown or there is no partner"),
    Column(
        "origin", "VARCHAR", "maternal or paternal if one parent carries it and the other was seen not to; or unknown"
    ),
    Column("secondary_list", "VARCHAR", "The list under which a secondary finding is reported; absent for others"),
)
