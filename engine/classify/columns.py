"""The columns of the findings table: name, type, unit and meaning. Positions are 1-based."""

from __future__ import annotations

from engine.annotate.columns import ANNOTATED_COLUMNS, PREDICTIONS
from engine.classify.decision import DECISION_COLUMNS
from engine.tables import Column

_TAKEN_OVER = (
    "sample_id", "allele", "contig", "position", "ref", "alt", "qual", "filter", "genotype", "depth", "ref_depth",
    "alt_depth", "informative_depth", "genotype_quality", "variant_type", "hgvs_g", "gene", "gene_id", "transcript",
    "representative_by", "consequence", "impact", "exon", "hgvs_c", "hgvs_p", "clinvar_variation_id",
    "clinvar_allele_id", "clinvar_significance", "clinvar_classification", "clinvar_other_terms",
    "clinvar_review_status", "clinvar_stars", "clinvar_conditions", "clinvar_condition_ids", "clinvar_scv", "rs",
)  # fmt: skip
_ANNOTATED = {column.name: column for column in ANNOTATED_COLUMNS}

CONDITION = "STRUCT(name VARCHAR, mondo VARCHAR, omim VARCHAR, orphanet VARCHAR, inheritance VARCHAR)"
CRITERION = "STRUCT(code VARCHAR, strength VARCHAR, sentence VARCHAR, source VARCHAR, version VARCHAR, record VARCHAR)"
PAIR = "STRUCT(partner VARCHAR, phase VARCHAR, basis VARCHAR)"

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
        "inheritance; secondary: reported under ACMG SF with the person's consent; candidate: in a gene that was asked "
        "about, ClinVar has not decided, and by the criteria that data decide it is likely pathogenic or pathogenic; "
        "uncertain: of high impact in such a gene, and by these it is not",
    ),
    Column("build", "VARCHAR", "Assembly of the coordinates"),
    Column("hgnc_id", "VARCHAR", "HGNC id of the gene; absent where neither gene model nor tables tell"),
    *(_ANNOTATED[name] for name in _TAKEN_OVER),
    Column("zygosity", "VARCHAR", "heterozygous, homozygous, hemizygous, heteroplasmic or homoplasmic"),
    Column(
        "alt_fraction",
        "DOUBLE",
        "Share of all the site's reads that carry the allele; absent without depths",
        "fraction",
        minimum=0,
        maximum=1,
    ),
    Column(
        "members",
        "VARCHAR[]",
        "Alleles as the caller wrote them: those that a compound is made of, or the one this is a part of; else empty",
    ),
    Column("is_compound", "BOOLEAN", "ClinVar knows the allele; the caller wrote it as several"),
    Column("cautions", "VARCHAR[]", "What speaks against taking the finding at its word, in sentences"),
    Column(
        "needs_confirmation",
        "BOOLEAN",
        "The call did not pass its filters, or it is not known whether the calls that the allele is made of lie on one "
        "chromosome: it is to be confirmed by other means",
    ),
    Column(
        "conditions",
        f"{CONDITION}[]",
        "Conditions meant, with mode of inheritance: AD, AR, XL, MT, several joined by a slash, or unknown",
    ),
    Column("partners", "VARCHAR[]", "finding_id of the other P/LP variants of the gene in this person"),
    Column("pairs", f"{PAIR}[]", "How it lies to each partner: trans, cis or unknown, and what that is known by"),
    Column(
        "phase",
        "VARCHAR",
        "The telling one of its pairs: trans if it is in trans with any partner, else unknown, else cis; absent "
        "without partners",
    ),
    Column(
        "phase_basis",
        "VARCHAR",
        "phase set, genotype (alternates of one site) or parents; absent where the phase is unknown or a partner is "
        "homozygous",
    ),
    Column(
        "origin",
        "VARCHAR",
        "maternal or paternal if one parent carries it and the other was seen not to; both parents, for two copies; "
        "de novo if both were seen not to; or unknown",
    ),
    Column("origin_basis", "VARCHAR", "For de novo the genotype quality of child and parents; else absent"),
    Column(
        "phenotype_rank",
        "INTEGER",
        "Place of the gene among all genes with a known disease by how well it explains the order's HPO terms; absent "
        "without terms, or where no disease of the gene is known",
        "genes",
        minimum=1,
    ),
    Column("phenotype_disease", "VARCHAR", "Name of the gene's disease that explains them best"),
    Column(
        "acmg_class",
        "VARCHAR",
        "Class by points of the criteria that data decide: pathogenic, likely_pathogenic, uncertain_significance, "
        "likely_benign or benign; absent outside coding transcripts",
    ),
    Column(
        "acmg_points", "INTEGER", "Their points; absent with the class, or where benign evidence stands alone", "points"
    ),
    Column("acmg_rules_class", "VARCHAR", "Class by the rules of 2015, of the same criteria"),
    Column(
        "acmg_criteria",
        f"{CRITERION}[]",
        "Criteria met: code, strength (A, VS, S, M, P), what was found, where, the source's version, its record",
    ),
    Column("acmg_rule_set", "VARCHAR", "Version of the rule set (docs/interpretation.md)"),
    PREDICTIONS,
    *DECISION_COLUMNS,
    Column("secondary_list", "VARCHAR", "The list under which a secondary finding is reported; absent for others"),
)
