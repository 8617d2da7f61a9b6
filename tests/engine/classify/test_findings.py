"""Which annotated variants become findings, and of which kind."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from engine.classify.candidate_genes import ranking_of
from engine.classify.columns import FINDING_COLUMNS
from engine.classify.findings import FindingsSummary, select_reportable
from engine.errors import VariantFileError
from engine.phenotype.knowledge import build_phenotypes
from engine.phenotype.ranking import rank_genes
from engine.reference.panels import Panel
from tests.builders.annotated import bundle, known_phenotypes, variant, write_annotated, write_parent
from tests.builders.ontology import write_ontology
from tests.builders.people import subject


@pytest.fixture
def find(tmp_path: Path) -> Any:
    """Findings of some variants, as rows and measures."""

    def run(*rows: dict[str, Any], **known: Any) -> tuple[list[dict[str, Any]], FindingsSummary]:
        table = write_annotated(tmp_path / "annotated.parquet", *rows)
        summary = select_reportable(table, subject(**known), bundle(), tmp_path, "S1")
        return pq.read_table(tmp_path / "S1.findings.parquet").to_pylist(), summary

    return run


def test_one_copy_under_dominant_inheritance_is_primary(find: Any) -> None:
    (finding,), summary = find(variant("AVP"))
    assert (finding["category"], finding["zygosity"], finding["conditions"][0]["inheritance"]) == (
        "primary",
        "heterozygous",
        "AD",
    )
    assert (summary.findings, summary.primary, summary.candidates) == (1, 1, 1)


def test_one_copy_under_recessive_inheritance_is_a_carrier(find: Any) -> None:
    (finding,), _ = find(variant("PANK2"))
    assert (finding["category"], finding["phase"], finding["partners"]) == ("carrier", None, [])


def test_carriers_are_left_out_on_request(find: Any) -> None:
    rows, summary = find(variant("PANK2"), report_carriers=False)
    assert (rows, summary.not_reportable) == ([], 1)


def test_two_copies_under_recessive_inheritance_are_primary(find: Any) -> None:
    (finding,), _ = find(variant("PANK2", genotype="1/1", copies=2))
    assert (finding["category"], finding["zygosity"]) == ("primary", "homozygous")


def test_two_variants_of_which_the_phase_is_not_known_may_be_compound_heterozygous(find: Any) -> None:
    rows, summary = find(variant("PANK2", 3_888_572), variant("PANK2", 3_899_342))
    assert {(row["category"], row["phase"], row["phase_basis"]) for row in rows} == {
        ("compound_heterozygote", "unknown", None)
    }
    assert rows[0]["partners"] == [rows[1]["finding_id"]]
    assert summary.compound_heterozygote == 2


@pytest.mark.parametrize(
    ("haplotype", "phase", "category"), [(1, "trans", "compound_heterozygote"), (0, "cis", "carrier")]
)
def test_the_callers_phase_set_tells_trans_from_cis(find: Any, haplotype: int, phase: str, category: str) -> None:
    rows, _ = find(
        variant("PANK2", 3_888_572, phase_set="3888572", haplotypes=[0]),
        variant("PANK2", 3_888_600, phase_set="3888572", haplotypes=[haplotype]),
    )
    assert {(row["phase"], row["phase_basis"], row["category"]) for row in rows} == {(phase, "phase set", category)}


def test_parents_tell_trans_from_cis(find: Any, tmp_path: Path) -> None:
    one, other = variant("PANK2", 3_888_572), variant("PANK2", 3_899_342)
    father, mother = write_parent(tmp_path / "father", one), write_parent(tmp_path / "mother", other)
    rows, _ = find(one, other, father=father, mother=mother)
    assert [(row["origin"], row["phase"], row["phase_basis"]) for row in rows] == [
        ("paternal", "trans", "parents"),
        ("maternal", "trans", "parents"),
    ]
    both, neither = write_parent(tmp_path / "both", one, other), write_parent(tmp_path / "neither")
    rows, _ = find(one, other, father=both, mother=neither)
    assert {(row["origin"], row["phase"], row["category"]) for row in rows} == {("paternal", "cis", "carrier")}


def test_one_parent_alone_does_not_tell(find: Any, tmp_path: Path) -> None:
    one, other = variant("PANK2", 3_888_572), variant("PANK2", 3_899_342)
    rows, _ = find(one, other, father=write_parent(tmp_path / "father", one))
    assert {(row["origin"], row["phase"]) for row in rows} == {("unknown", "unknown")}


def test_a_parent_who_was_not_seen_there_is_not_said_to_lack_the_allele(find: Any, tmp_path: Path) -> None:
    """The mother carries one, the father the other; where hers lies, hardly a read of his is."""
    one, other = variant("PANK2", 3_888_572), variant("PANK2", 3_899_342)
    father = write_parent(tmp_path / "father", other, unseen=(3_888_572, 3_888_572))
    mother = write_parent(tmp_path / "mother", one)
    rows, _ = find(one, other, father=father, mother=mother)
    assert [(row["origin"], row["phase"], row["category"]) for row in rows] == [
        ("unknown", "unknown", "compound_heterozygote"),
        ("paternal", "unknown", "compound_heterozygote"),
    ]


def test_inheritance_that_is_not_known_is_not_guessed(find: Any) -> None:
    (finding,), _ = find(
        variant("NOGENE", clinvar_conditions=["Some syndrome"], clinvar_condition_ids=["MONDO:MONDO:0000001"])
    )
    assert finding["category"] == "primary"
    assert finding["conditions"] == [
        {"name": "Some syndrome", "mondo": "MONDO:0000001", "omim": None, "orphanet": None, "inheritance": "unknown"}
    ]


def test_the_condition_that_clinvar_names_decides_where_a_gene_has_several(find: Any) -> None:
    recessive, dominant = ["MONDO:MONDO:0009019,OMIM:217700"], ["MONDO:MONDO:0013204"]
    rows, _ = find(
        variant("SLC4A11", 3_210_000, clinvar_conditions=["CHED"], clinvar_condition_ids=recessive, contig="20"),
    )
    assert [row["category"] for row in rows] == ["carrier"]
    rows, _ = find(variant("SLC4A11", 3_210_000, clinvar_conditions=["FECD4"], clinvar_condition_ids=dominant))
    assert [row["category"] for row in rows] == ["primary"]


@pytest.mark.parametrize(
    "not_a_finding",
    [
        {"clinvar_classification": "conflicting"},
        {"clinvar_classification": "uncertain_significance"},
        {"clinvar_classification": "benign"},
        {"clinvar_classification": None, "clinvar_variation_id": None},
    ],
)
def test_what_is_no_finding(find: Any, not_a_finding: dict[str, Any]) -> None:
    rows, summary = find(variant("AVP", **not_a_finding))
    assert rows == [] and summary.findings == 0
    assert summary.conflicting == (not_a_finding.get("clinvar_classification") == "conflicting")


def test_an_allele_in_a_call_that_did_not_pass_needs_confirmation(find: Any) -> None:
    rows, summary = find(variant("AVP", filter="AltBias"), variant("AVP", 3_082_700))
    assert [(row["filter"], row["needs_confirmation"]) for row in rows] == [("AltBias", True), ("PASS", False)]
    assert (summary.findings, summary.failed_filter) == (2, 1)


def test_a_doubtful_call_hints_at_nothing_that_the_person_does_not_want_to_hear_of(find: Any) -> None:
    rows, summary = find(variant("TP53", filter="AltBias"))
    assert rows == [] and set(vars(summary).values()) == {0}


def test_secondary_findings_need_consent_and_leave_no_trace_without(find: Any, tmp_path: Path) -> None:
    rows, summary = find(variant("TP53"))
    assert rows == [] and set(vars(summary).values()) == {0}
    assert b"TP53" not in (tmp_path / "S1.findings.parquet").read_bytes()
    (finding,), _ = find(variant("TP53"), secondary_findings_consent=True)
    assert (finding["category"], finding["secondary_list"]) == ("secondary", "ACMG SF v3.3")


def test_a_gene_that_was_ordered_is_primary_even_on_the_list(find: Any) -> None:
    (finding,), _ = find(variant("TP53"), ordered_genes=("TP53",))
    assert (finding["category"], finding["secondary_list"]) == ("primary", None)


def test_what_was_not_ordered_is_not_reported(find: Any) -> None:
    rows, summary = find(variant("AVP"), variant("MUTYH", 5, contig="1"), ordered_genes=("TP53",))
    assert (rows, summary.not_reportable) == ([], 2)


def test_the_genes_of_the_panel_that_was_ordered_are_asked_about(find: Any) -> None:
    panel = Panel("Tumours", ("TP53", "MUTYH"), "3")
    rows, summary = find(
        variant("TP53", 7), variant("AVP"), variant("MUTYH", 3_900_005, **NOVEL), panel="tumours", asked=panel,
        ordered_genes=("AVP",),
    )  # fmt: skip
    assert [(row["gene"], row["category"]) for row in rows] == [
        ("TP53", "primary"), ("AVP", "primary"), ("MUTYH", "uncertain"),
    ]  # fmt: skip
    assert summary.not_reportable == 0
    assert find(variant("PANK2"), panel="tumours", asked=panel)[0] == []


def test_a_panel_whose_genes_nobody_knows_asks_about_every_gene(find: Any) -> None:
    """Else what lies in a gene of the panel would be left out without a word, because another gene is named beside."""
    rows, _ = find(variant("TP53", 7), variant("AVP"), panel="tumours", ordered_genes=("TP53",))
    assert [(row["gene"], row["category"]) for row in rows] == [("TP53", "primary"), ("AVP", "primary")]


def on_transcript(gene: str, impact: str = "LOW", **changed: Any) -> dict[str, Any]:
    """What a variant does to one transcript."""
    told = {"gene": gene, "gene_id": f"ENSG-{gene}", "transcript": f"{gene}-201", "biotype": "protein_coding"}
    return told | {"consequence": "x", "impact": impact, "hgvs_c": f"{gene}-201:c.1A>G", "hgvs_p": None} | changed


def test_a_variant_of_overlapping_genes_is_one_of_the_gene_that_was_asked_about(find: Any) -> None:
    row = variant("WRAP53", consequences=[on_transcript("WRAP53", "MODERATE"), on_transcript("TP53")])
    (finding,), _ = find(row, ordered_genes=("TP53",))
    assert (finding["category"], finding["gene"], finding["hgvs_c"]) == ("primary", "TP53", "TP53-201:c.1A>G")
    assert (finding["hgnc_id"], finding["representative_by"]) == ("HGNC:11998", "asked_about")
    assert find(row, ordered_genes=("AVP",))[0] == []


@pytest.mark.parametrize(("impact", "listed"), [("HIGH", 1), ("LOW", 0)])
def test_a_new_truncation_of_overlapping_genes_is_uncertain_where_it_truncates_what_was_asked_about(
    find: Any, impact: str, listed: int
) -> None:
    row = variant("WRAP53", **NOVEL, consequences=[on_transcript("WRAP53", "HIGH"), on_transcript("TP53", impact)])
    rows, summary = find(row, ordered_genes=("TP53",))
    assert (len(rows), summary.uncertain) == (listed, listed)


def test_x_in_a_male_is_hemizygous_outside_the_pseudo_autosomal_regions(find: Any) -> None:
    (finding,), _ = find(
        variant("OTC", 38_226_614, contig="X", genotype="1", copies=1, ploidy=1),
        sex="male",
        secondary_findings_consent=True,
    )
    assert (finding["zygosity"], finding["category"]) == ("hemizygous", "secondary")


@pytest.mark.parametrize(
    ("alt_depth", "kind", "is_told"),
    [(5, "SNV", True), (10, "SNV", False), (5, "deletion", False), (2, "deletion", True)],
)
def test_an_allele_of_fewer_reads_than_one_copy_explains_may_be_mosaic(
    find: Any, alt_depth: int, kind: str, is_told: bool
) -> None:
    (finding,), _ = find(variant("AVP", variant_type=kind, ref_depth=30 - alt_depth, alt_depth=alt_depth))
    assert any("mosaic" in caution for caution in finding["cautions"]) == is_told
    assert not is_told or finding["cautions"][-1].startswith(f"{alt_depth} of 30 reads carry it")


@pytest.mark.parametrize(("alt_depth", "state"), [(3, "heteroplasmic"), (98, "homoplasmic")])
def test_mitochondrial_variants_go_by_their_share_of_reads(find: Any, alt_depth: int, state: str) -> None:
    (finding,), _ = find(
        variant("MT-TL1", 3_243, contig="MT", genotype="1", ploidy=1, ref_depth=100 - alt_depth, alt_depth=alt_depth)
    )
    assert (finding["zygosity"], finding["alt_fraction"]) == (state, alt_depth / 100)


def test_ids_are_stable_and_columns_are_those_documented(find: Any, tmp_path: Path) -> None:
    first, _ = find(variant("AVP"))
    content = (tmp_path / "S1.findings.parquet").read_bytes()
    again, _ = find(variant("AVP"))
    assert first[0]["finding_id"] == again[0]["finding_id"]
    assert (tmp_path / "S1.findings.parquet").read_bytes() == content
    described = duckdb.sql(f"DESCRIBE SELECT * FROM '{tmp_path / 'S1.findings.parquet'}'").fetchall()
    assert [name for name, *_ in described] == [column.name for column in FINDING_COLUMNS]


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1")
    with pytest.raises(VariantFileError, match="cannot be read"):
        select_reportable(broken, subject(), bundle(), tmp_path, "S1")


NOVEL = {
    "impact": "HIGH", "consequence": "stop_gained", "clinvar_classification": None, "clinvar_significance": None,
    "clinvar_variation_id": None, "clinvar_stars": None, "clinvar_review_status": None, "clinvar_conditions": None,
}  # fmt: skip
"""A truncation that ClinVar does not know."""


@pytest.mark.parametrize("undecided", [{}, {"clinvar_classification": "uncertain_significance"}])
def test_a_truncation_that_nobody_has_judged_is_uncertain_where_it_was_asked_about(find: Any, undecided: dict) -> None:
    row = variant("TP53", **(NOVEL | undecided))
    (finding,), summary = find(row, ordered_genes=("TP53",))
    assert (finding["category"], summary.uncertain, summary.primary) == ("uncertain", 1, 0)
    assert find(row)[0] == [] and find(row, ordered_genes=("AVP",))[0] == []


@pytest.mark.parametrize(
    "other", [{"filter": "AltBias"}, {"impact": "MODERATE"}, {"clinvar_classification": "likely_benign"}]
)
def test_what_is_doubtful_mild_or_known_to_be_benign_is_not_uncertain(find: Any, other: dict[str, Any]) -> None:
    assert find(variant("TP53", **(NOVEL | other)), ordered_genes=("TP53",))[0] == []


def test_an_uncertain_variant_makes_nobody_compound_heterozygous(find: Any) -> None:
    rows, _ = find(variant("PANK2"), variant("PANK2", 3_899_100, **NOVEL), ordered_genes=("PANK2",))
    assert [(row["category"], row["partners"]) for row in rows] == [("carrier", []), ("uncertain", [])]


@pytest.mark.parametrize("known", [{"sex": "female", "ordered_genes": ("GLA",)}, {"sex": "male"}])
@pytest.mark.parametrize("wanted", [True, False])
def test_one_copy_of_an_x_linked_variant_is_no_carrier_state_where_it_was_asked_about_or_in_a_man(
    find: Any, known: dict[str, Any], wanted: bool
) -> None:
    gla = variant("GLA", 100_653_420, contig="X")
    (finding,), _ = find(gla, **({"ordered_genes": ("GLA",)} | known), report_carriers=wanted)
    assert (finding["category"], finding["zygosity"]) == ("primary", "heterozygous")


def test_genes_are_ranked_by_the_signs_that_the_order_names(tmp_path: Path) -> None:
    phenotypes = tmp_path / "phenotypes"
    phenotypes.mkdir()
    build_phenotypes(write_ontology(tmp_path / "hpo"), phenotypes)
    rows = [variant("SQT", 1000), variant("LQT", 2000), variant("NEW", 3000)]
    doubtful = variant("LQT", 4000, filter="AltBias", clinvar_classification=None)
    harmless = variant("SKIN", 5000, clinvar_classification="benign")
    table = write_annotated(tmp_path / "annotated.parquet", *rows, doubtful, harmless)
    known = subject(phenotype=("HP:0000102", "HP:9999999"))
    summary = select_reportable(table, known, bundle(phenotypes), tmp_path, "S1")
    told = pq.read_table(tmp_path / "S1.findings.parquet").to_pylist()
    ranks = {row["gene"]: (row["phenotype_rank"], row["phenotype_disease"]) for row in told}
    assert ranks == {"LQT": (1, "Long QT syndrome"), "SQT": (2, "Short QT syndrome"), "NEW": (None, None)}
    genes = pq.read_table(tmp_path / "S1.candidate_genes.parquet").to_pylist()
    assert [(row["rank"], row["gene"], row["disease"]) for row in genes] == [
        (1, "LQT", "OMIM:1"),
        (2, "SQT", "OMIM:2"),
        (3, "NEW", None),
    ]
    assert genes[0]["alleles"] == ["20-2000-C-T"] and summary.candidate_genes == 3


def test_terms_that_the_release_does_not_know_rank_nothing(tmp_path: Path) -> None:
    phenotypes = tmp_path / "phenotypes"
    phenotypes.mkdir()
    build_phenotypes(write_ontology(tmp_path / "hpo"), phenotypes)
    table = write_annotated(tmp_path / "annotated.parquet", variant("LQT"))
    select_reportable(table, subject(phenotype=("HP:9999999",)), bundle(phenotypes), tmp_path, "S1")
    (told,) = pq.read_table(tmp_path / "S1.findings.parquet").to_pylist()
    (gene,) = pq.read_table(tmp_path / "S1.candidate_genes.parquet").to_pylist()
    assert told["phenotype_rank"] is None and (gene["rank"], gene["phenotype_rank"]) == (1, None)


def test_genes_that_nobody_asked_about_are_no_candidates(find: Any, tmp_path: Path) -> None:
    """Not even the name of a gene of secondary findings hints at what the person does not want to hear of."""
    find(variant("TP53"), variant("PANK2"))
    assert [row["gene"] for row in pq.read_table(tmp_path / "S1.candidate_genes.parquet").to_pylist()] == ["PANK2"]
    find(variant("TP53"), variant("PANK2"), ordered_genes=("TP53",))
    assert [row["gene"] for row in pq.read_table(tmp_path / "S1.candidate_genes.parquet").to_pylist()] == ["TP53"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"clinvar_classification": "benign"}, "benign in ClinVar"),
        ({"clinvar_classification": "likely_benign", "filter": "AltBias"}, "failed filter"),
        ({"clinvar_classification": "conflicting"}, "conflicting in ClinVar"),
        ({"clinvar_classification": None}, "uncertain"),
        ({"clinvar_classification": None, "impact": "LOW", "consequence": "synonymous_variant"}, "no great effect"),
        ({"clinvar_classification": "uncertain_significance", "impact": "MODIFIER"}, "no great effect"),
    ],
)
def test_a_variant_that_is_not_reported_has_its_reason(
    find: Any, tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    rows, summary = find(
        variant("AVP", 1000), variant("AVP", 2000, **changed), variant("TP53", 3000), ordered_genes=("AVP",)
    )
    (told,) = pq.read_table(tmp_path / "S1.unreported.parquet").to_pylist()
    assert [row["position"] for row in rows] == [1000] and summary.unreported == 1
    assert (told["position"], told["reason"]) == (2000, reason)


def test_why_a_pathogenic_allele_is_left_out_is_told_and_what_nobody_wants_to_hear_is_not(
    find: Any, tmp_path: Path
) -> None:
    find(
        variant("PANK2", 1000),
        variant("TP53", 2000),
        variant("NEW", 3000, clinvar_classification=None),
        report_carriers=False,
    )
    told = pq.read_table(tmp_path / "S1.unreported.parquet").to_pylist()
    assert [(row["gene"], row["reason"]) for row in told] == [("PANK2", "not reportable"), ("NEW", "not classified")]


def test_a_place_is_that_of_the_whole_ranking() -> None:
    """Found for one gene without ranking every other."""
    ranking = ranking_of(known_phenotypes(), ("HP:0001332", "HP:0000580", "HP:0012675"))
    assert ranking is not None
    every = {one.gene: (one.rank, one.disease_name) for one in rank_genes(ranking.model, ranking.signs)}
    assert every["PANK2"][0] == 1
    some = ["PANK2", "TP53", "AVP", "CFTR", *list(every)[::199]]
    assert {gene: ranking.place(gene) for gene in some} == {gene: every[gene] for gene in some}
    assert ranking.place("NOGENE") is None
