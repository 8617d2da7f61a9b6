"""ClinVar as a table: read from its VCF or a table, normalised, judged and joined."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.annotate.clinvar import build_clinvar, classify_significance, other_terms, stars
from engine.annotate.columns import CLINVAR_COLUMNS
from engine.annotate.known_alleles import KnownAlleles
from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.reference.bundle import Contig

SEQUENCE = "GATTACACACACAGGGTCA" + "N" * 10 + "ACGTACGTAC"
CONTIGS = (Contig("chr1", len(SEQUENCE), ""), Contig("chrM", 12, ""))
HEADER = "##fileformat=VCFv4.1\n##fileDate=2024-12-15\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
INFO = (
    "ALLELEID=5;CLNDISDB=MONDO:MONDO:0018875,OMIM:151623|MedGen:CN169374;CLNDN=Li-Fraumeni_syndrome|not_specified;"
    "CLNREVSTAT=reviewed_by_expert_panel;CLNSIG=Pathogenic;GENEINFO=TP53:7157|WRAP53:55135;"
    "MC=SO:0001583|missense_variant,SO:0001619|non-coding;RS=28934576;CLNSIGSCV=SCV000001|SCV000002"
)


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "r.fa"
    path.write_text(f">chr1\n{SEQUENCE}\n>chrM\nGATCACAGGTCT\n")
    return path


def build(fasta: Path, folder: Path, *records: str, release: str | None = None) -> list[dict[str, object]]:
    source = folder / "clinvar.vcf"
    source.write_text(HEADER + "".join(f"{record}\n" for record in records))
    build_clinvar(source, fasta, CONTIGS, release, folder)
    rows: list[dict[str, object]] = pq.read_table(folder / "clinvar.parquet").to_pylist()
    return rows


def test_every_column_is_read_from_clinvars_vcf(fasta: Path, tmp_path: Path) -> None:
    (row,) = build(fasta, tmp_path, f"1\t2\t12366\tA\tG\t.\t.\t{INFO}")
    assert row == {
        "contig": "1",
        "position": 2,
        "ref": "A",
        "alt": "G",
        "variation_id": "12366",
        "allele_id": "5",
        "significance": "Pathogenic",
        "classification": "pathogenic",
        "other_terms": [],
        "review_status": "reviewed_by_expert_panel",
        "stars": 3,
        "conditions": ["Li-Fraumeni syndrome", "not specified"],
        "condition_ids": ["MONDO:MONDO:0018875,OMIM:151623", "MedGen:CN169374"],
        "genes": ["TP53", "WRAP53"],
        "consequences": ["SO:0001583", "SO:0001619"],
        "rs": "rs28934576",
        "scv": ["SCV000001", "SCV000002"],
        "release": "2024-12-15",
    }
    assert list(row) == [column.name for column in CLINVAR_COLUMNS]


@pytest.mark.parametrize(
    ("names", "ids", "conditions", "identifiers", "unpaired"),
    [
        ("A|B|C", ".|MONDO:MONDO:0000002|OMIM:300000", ["A", "B", "C"], ["", "MONDO:MONDO:0000002", "OMIM:300000"], 0),
        ("A|.|C", "OMIM:1|OMIM:2|.", ["A", "condition without a name", "C"], ["OMIM:1", "OMIM:2", ""], 0),
        ("A|.|C", "OMIM:1|.|OMIM:3", ["A", "C"], ["OMIM:1", "OMIM:3"], 0),
        ("A|B", "OMIM:1", ["A", "B"], ["", ""], 1),
        ("A|B", ".", ["A", "B"], ["", ""], 0),
        (".", ".", [], [], 0),
    ],
)
def test_each_condition_has_its_own_ids_or_none(
    fasta: Path, tmp_path: Path, names: str, ids: str, conditions: list[str], identifiers: list[str], unpaired: int
) -> None:
    info = f"CLNDISDB={ids};CLNDN={names};CLNSIG=Pathogenic"
    source = tmp_path / "clinvar.vcf"
    source.write_text(f"{HEADER}1\t2\t7\tA\tG\t.\t.\t{info}\n")
    measures = build_clinvar(source, fasta, CONTIGS, None, tmp_path)
    (row,) = pq.read_table(tmp_path / "clinvar.parquet").to_pylist()
    assert (row["conditions"], row["condition_ids"]) == (conditions, identifiers)
    assert measures.unpaired_conditions == unpaired


@pytest.mark.parametrize(
    ("significance", "classification", "others"),
    [
        ("Pathogenic", "pathogenic", []),
        ("Pathogenic/Likely_pathogenic", "pathogenic", []),
        ("Pathogenic,_low_penetrance", "pathogenic_low_penetrance", []),
        ("Likely_pathogenic,_low_penetrance", "likely_pathogenic_low_penetrance", []),
        ("Pathogenic/Pathogenic,_low_penetrance|other", "pathogenic", ["pathogenic, low penetrance", "other"]),
        ("Pathogenic/Likely_risk_allele", "pathogenic", ["likely risk allele"]),
        ("Established_risk_allele", "risk_allele", ["established risk allele"]),
        ("Uncertain_risk_allele", "uncertain_significance", ["uncertain risk allele"]),
        ("Uncertain_significance/Uncertain_risk_allele", "uncertain_significance", ["uncertain risk allele"]),
        ("VUS-high", "uncertain_significance", ["VUS-high"]),
        ("Uncertain_significance,_high", "uncertain_significance", ["uncertain significance, high"]),
        ("drug_response", "other", ["drug response"]),
        ("Pathogenic|drug_response", "pathogenic", ["drug response"]),
        ("Likely_pathogenic,_risk_factor", "likely_pathogenic", ["risk factor"]),
        ("Benign|protective", "benign", ["protective"]),
        ("association", "other", ["association"]),
        ("Conflicting_classifications_of_pathogenicity|risk_factor", "conflicting",
         ["conflicting classifications of pathogenicity", "risk factor"]),
    ],
)  # fmt: skip
def test_clinvars_terms_keep_their_meaning(significance: str, classification: str, others: list[str]) -> None:
    assert (classify_significance(significance), other_terms(significance)) == (classification, others)


def test_terms_that_clinvar_does_not_have_are_told(fasta: Path, tmp_path: Path) -> None:
    told = ["Pathogenic", "Presumably_bad", "Pathogenic,_very_low_penetrance|risk_factor", "not_provided", "-", ""]
    told += ["Conflicting_data_from_submitters", "no_classifications_from_unflagged_records", "Affects|association"]
    source = tmp_path / "clinvar.vcf"
    infos = (INFO.replace("CLNSIG=Pathogenic", f"CLNSIG={text}") for text in told)
    records = (f"1\t2\t{number}\tA\tG{'T' * number}\t.\t.\t{info}\n" for number, info in enumerate(infos))
    source.write_text(HEADER + "".join(records))
    measures = build_clinvar(source, fasta, CONTIGS, None, tmp_path)
    assert measures.unknown_classifications == 2
    assert measures.unknown_classification_examples == [
        "variation 1 presumably_bad",
        "variation 2 very_low_penetrance",
    ]


def test_alleles_are_normalised_and_sorted(fasta: Path, tmp_path: Path) -> None:
    rows = build(fasta, tmp_path, f"1\t12\t1\tCA\tC\t.\t.\t{INFO}", f"1\t10\t2\tCAC\tC\t.\t.\t{INFO}")
    assert [(row["position"], row["ref"], row["alt"], row["variation_id"]) for row in rows] == [
        (4, "TAC", "T", "2"),
        (12, "CA", "C", "1"),
    ]


def test_what_cannot_be_joined_is_counted(fasta: Path, tmp_path: Path) -> None:
    source = tmp_path / "clinvar.vcf"
    good = [f"1\t{2 + i % 8}\t{i}\t{SEQUENCE[1 + i % 8]}\tGG\t.\t.\t{INFO}\n" for i in range(120)]
    others = [
        f"7\t5\t901\tA\tC\t.\t.\t{INFO}\n",  # a contig that the reference lacks
        f"1\t22\t902\tA\tC\t.\t.\t{INFO}\n",  # masked
        f"1\t2\t903\tA\t<DEL>\t.\t.\t{INFO}\n",
        f"1\t2\t904\tC\tG\t.\t.\t{INFO}\n",  # not what the reference reads
    ]
    source.write_text(HEADER + "".join(good + others))
    measures = build_clinvar(source, fasta, CONTIGS, None, tmp_path)
    assert (measures.records, measures.elsewhere, measures.not_sequence, measures.ref_mismatches) == (120, 2, 1, 1)


def test_the_other_builds_clinvar_is_refused(fasta: Path, tmp_path: Path) -> None:
    with pytest.raises(ReferenceMismatchError, match="2 of 2"):
        build(fasta, tmp_path, f"1\t2\t1\tC\tG\t.\t.\t{INFO}", f"1\t3\t1\tC\tG\t.\t.\t{INFO}")


@pytest.mark.parametrize("content", ["", "not a VCF\n", HEADER + "1\tx\t1\tA\tG\t.\t.\tCLNSIG=Benign\n"])
def test_a_file_that_is_not_clinvar_is_refused(fasta: Path, tmp_path: Path, content: str) -> None:
    source = tmp_path / "clinvar.vcf"
    source.write_text(content)
    with pytest.raises(KnowledgeError):
        build_clinvar(source, fasta, CONTIGS, None, tmp_path)


def test_a_missing_file_is_refused(fasta: Path, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="cannot be read"):
        build_clinvar(tmp_path / "none.vcf.gz", fasta, CONTIGS, None, tmp_path)


def test_samples_are_joined_whatever_the_contig_is_called(fasta: Path, tmp_path: Path) -> None:
    build(fasta, tmp_path, f"1\t2\t7\tA\tG\t.\t.\t{INFO}", f"MT\t3\t8\tT\tC\t.\t.\t{INFO}")
    known = KnownAlleles(tmp_path / "clinvar.parquet")
    alleles = [("1", 2, "A", "G"), ("1", 2, "A", "C"), ("MT", 3, "T", "C"), ("2", 2, "A", "G")]
    matched = {allele: match for allele in alleles if (match := known.get(allele))}
    assert {allele: match.variation_id for allele, match in matched.items()} == {
        ("1", 2, "A", "G"): "7",
        ("MT", 3, "T", "C"): "8",
    }
    assert matched["1", 2, "A", "G"].scv == ["SCV000001", "SCV000002"]
    assert known.on("1").matches(np.array([2, 2]), pa.array(["A", "A"]), pa.array(["C", "G"])) == {
        1: matched["1", 2, "A", "G"]
    }


def test_of_two_records_of_one_allele_the_better_reviewed_is_taken(fasta: Path, tmp_path: Path) -> None:
    weak = INFO.replace("reviewed_by_expert_panel", "no_assertion_criteria_provided")
    build(fasta, tmp_path, f"1\t2\t7\tA\tG\t.\t.\t{INFO}", f"1\t2\t3\tA\tG\t.\t.\t{weak}")
    match = KnownAlleles(tmp_path / "clinvar.parquet").get(("1", 2, "A", "G"))
    assert match is not None and match.variation_id == "7"


def test_a_table_is_read_as_well(fasta: Path, tmp_path: Path) -> None:
    columns = "chrom pos ref alt variation_id gene clinical_significance review_status conditions mondo_ids"
    source = tmp_path / "clinvar.tsv"
    source.write_text(
        "# ClinVar 2024-12-15, GRCh38\n"
        + "\t".join([*columns.split(), "consequence", "rsid"])
        + "\nchr1\t2\tA\tG\t7\tAVP\tLikely_pathogenic\tcriteria_provided,_single_submitter\tA_b|C\tMONDO:0000001|"
        "MONDO:0000002\tSO:0001583|missense_variant\t\n"
    )
    build_clinvar(source, fasta, CONTIGS, None, tmp_path)
    (row,) = pq.read_table(tmp_path / "clinvar.parquet").to_pylist()
    assert (row["classification"], row["stars"], row["conditions"], row["condition_ids"]) == (
        "likely_pathogenic",
        1,
        ["A b", "C"],
        ["MONDO:0000001", "MONDO:0000002"],
    )
    assert (row["consequences"], row["rs"], row["release"], row["genes"]) == (
        ["SO:0001583"],
        None,
        "2024-12-15",
        ["AVP"],
    )


@pytest.mark.parametrize(
    ("written", "tier"),
    [
        ("Pathogenic", "pathogenic"),
        ("Pathogenic/Likely_pathogenic", "pathogenic"),
        ("Likely_pathogenic", "likely_pathogenic"),
        ("Pathogenic/Likely_pathogenic/Pathogenic,_low_penetrance|other", "pathogenic"),
        ("Pathogenic|drug_response", "pathogenic"),
        ("Benign/Likely_benign", "benign"),
        ("Uncertain_significance", "uncertain_significance"),
        ("Conflicting_interpretations_of_pathogenicity", "conflicting"),
        ("Conflicting_classifications_of_pathogenicity|risk_factor", "conflicting"),
        ("drug_response", "other"),
        ("", "other"),
    ],
)
def test_classifications_on_five_tiers(written: str, tier: str) -> None:
    assert classify_significance(written) == tier


def test_stars_follow_the_review_status(shared_data: Path) -> None:
    assert stars("practice_guideline") == 4
    assert stars("criteria_provided,_conflicting_classifications") == 1
    assert stars("no_assertion_criteria_provided") == 0


def test_clinvars_own_records_of_every_class_are_read(shared_data: Path, tmp_path: Path) -> None:
    """50 records of a release, over a reference that reads N everywhere: each is understood, none can be placed."""
    source = shared_data / "vep_golden_pathogenic" / "vep_clinvar_testset.vcf"
    named = {line.split("\t")[0] for line in source.read_text().splitlines() if not line.startswith("#")}
    masked = tmp_path / "masked.fa"
    masked.write_text("".join(f">{name}\n{'N' * 50}\n" for name in sorted(named)))
    contigs = tuple(Contig(name, 50, "") for name in sorted(named))
    measures = build_clinvar(source, masked, contigs, None, tmp_path)
    assert measures.records == 0 and measures.elsewhere + measures.not_sequence == 50


def of(number: int, significance: str, status: str = "criteria_provided,_single_submitter", alt: str = "G") -> str:
    return f"1\t2\t{number}\tA\t{alt}\t.\t.\tCLNSIG={significance};CLNREVSTAT={status};CLNDN=C{number}"


EXPERT = "reviewed_by_expert_panel"


@pytest.mark.parametrize(
    ("records", "classification", "variation", "contradictions"),
    [
        ([of(7, "Pathogenic"), of(9, "Pathogenic")], "pathogenic", "7", 0),
        ([of(7, "Likely_pathogenic"), of(9, "Pathogenic")], "pathogenic", "9", 1),
        ([of(7, "Benign"), of(9, "Pathogenic", EXPERT)], "pathogenic", "9", 1),
        ([of(7, "Pathogenic"), of(9, "Benign", EXPERT)], "benign", "9", 1),
        ([of(7, "Benign"), of(9, "Pathogenic")], "conflicting", "9", 1),
        ([of(7, "Uncertain_significance"), of(9, "Likely_pathogenic")], "conflicting", "9", 1),
        ([of(7, "Pathogenic"), of(9, "Conflicting_classifications_of_pathogenicity")], "conflicting", "9", 1),
        ([of(7, "Pathogenic"), of(9, "drug_response")], "pathogenic", "7", 1),
        ([of(7, "Pathogenic"), of(9, "Benign", alt="C")], "pathogenic", "7", 0),
    ],
)
def test_records_of_one_allele_that_contradict_each_other_are_told(
    fasta: Path, tmp_path: Path, records: list[str], classification: str, variation: str, contradictions: int
) -> None:
    source = tmp_path / "clinvar.vcf"
    source.write_text(HEADER + "".join(f"{record}\n" for record in records))
    measures = build_clinvar(source, fasta, CONTIGS, None, tmp_path)
    rows = pq.read_table(tmp_path / "clinvar.parquet").to_pylist()
    (row,) = (one for one in rows if one["alt"] == "G")
    assert (row["classification"], row["variation_id"]) == (classification, variation)
    assert (measures.records, measures.contradictions) == (2, contradictions)
    assert [text.partition(": ")[0] for text in measures.contradiction_examples] == ["1:2 A>G"] * contradictions
    assert classify_significance(row["significance"]) == classification
    if classification == "conflicting":
        assert row["significance"].startswith("Conflicting")
        assert records[0].split("CLNSIG=")[1].split(";")[0] in row["significance"]


def test_a_record_of_several_alleles_is_refused_with_its_line(fasta: Path, tmp_path: Path) -> None:
    with pytest.raises(
        KnowledgeError, match=r"line 5: .*2 alternate alleles \(G,C\), and one classification"
    ) as caught:
        build(fasta, tmp_path, of(7, "Benign"), of(9, "Pathogenic", alt="G,C"))
    assert "one allele in each record" in caught.value.remedy


@pytest.mark.parametrize(
    ("number", "significance", "told"),
    [
        ("9" * 30, "Pathogenic", "no variation id"),
        ("\u0667", "Pathogenic", "no variation id"),
        ("7", "5", "its classification is the number 5"),
        ("7", "2|5", "its classification is the number 2|5"),
    ],
)
def test_ids_and_classifications_of_another_kind_are_refused(
    fasta: Path, tmp_path: Path, number: str, significance: str, told: str
) -> None:
    with pytest.raises(KnowledgeError) as caught:
        build(fasta, tmp_path, of(1, "Benign"), f"1\t2\t{number}\tA\tG\t.\t.\tCLNSIG={significance}")
    assert told in caught.value.problem and caught.value.place == "line 5"


def test_small_letters_are_bases_and_an_alternate_that_is_the_reference_is_no_allele(
    fasta: Path, tmp_path: Path
) -> None:
    rows = build(fasta, tmp_path, "1\t2\t7\ta\tg\t.\t.\tCLNSIG=Benign", "1\t3\t8\tT\tT\t.\t.\tCLNSIG=Pathogenic")
    assert [(row["position"], row["ref"], row["alt"]) for row in rows] == [(2, "A", "G")]
