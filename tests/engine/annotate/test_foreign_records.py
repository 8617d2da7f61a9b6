"""Records as other programs write them, or as they come out of hand: told right, or refused with sample, file, place
and remedy; and what lies between two programs is never named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pysam
import pytest

from engine.annotate.annotate import AnnotationSummary, Outputs, annotate_file
from engine.compare.comparison import compare
from engine.errors import VariantFileError
from engine.reference.bundle import ReferenceBundle
from tests.builders.small_genome import Gene, bases, clinvar_line, genome

SEQUENCE = bases(3_000, 5)
HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=3000>\n" + "".join(
    f'##FORMAT=<ID={name},Number={number},Type={kind},Description="">\n'
    for name, number, kind in (
        ("GT", "1", "String"),
        ("AD", "R", "Integer"),
        ("DP", "1", "Integer"),
        ("GQ", "1", "Integer"),
    )
)
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
OTHER = {"A": "C", "C": "G", "G": "T", "T": "A"}
AT = 500
REF = SEQUENCE[AT - 1]
ALT, THIRD = OTHER[REF], OTHER[OTHER[REF]]


@dataclass(frozen=True)
class Record:
    """A sound heterozygous SNP in a coding exon, as far as nothing else is said."""

    pos: str = str(AT)
    ref: str = REF
    alt: str = ALT
    qual: str = "50"
    filter: str = "PASS"
    info: str = "."
    keys: str = "GT:AD:DP:GQ"
    call: str = "0/1:5,6:11:99"
    name: str = "."

    @property
    def line(self) -> str:
        columns = ("chr1", self.pos, self.name, self.ref, self.alt, self.qual, self.filter, self.info, self.keys)
        return "\t".join((*columns, self.call)) + "\n"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ReferenceBundle:
    gene = Gene("A", ((400, 430), (460, 700)), ((480, 690),))
    known = [clinvar_line(AT, REF, ALT, 7)]
    return genome(tmp_path_factory.mktemp("genome"), {"chr1": SEQUENCE}, [gene], known)


def annotated(
    folder: Path, bundle: ReferenceBundle, *records: Record, header: str = HEADER
) -> tuple[list[dict[str, Any]], AnnotationSummary]:
    path = folder / "calls.vcf"
    path.write_text(header + COLUMNS + "".join(record.line for record in records))
    summary = annotate_file(path, "S1", bundle, Outputs(folder / "out.vcf.gz", folder / "out.parquet"))
    rows: list[dict[str, Any]] = pq.read_table(folder / "out.parquet").to_pylist()
    return rows, summary


TWO = {"alt": f"{ALT},{THIRD}", "call": "1/2:0,5,6:11:99"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"pos": "12345678901234"}, "POS 12345678901234 is beyond"),
        ({"pos": "2147483648"}, "POS 2147483648 is beyond"),
        ({"pos": "1" * 5_000}, "is beyond"),
        ({"alt": "R"}, "ALT 'R' is no allele (codes of several bases are not called)"),
        ({"alt": f"{REF}AR"}, "is no allele"),
        ({"alt": "U"}, "is no allele"),
        ({"ref": "R"}, "REF 'R' is no bases"),
        ({"alt": f"{ALT},{ALT.lower()}", "call": "1/2:0,5,6:11:99"}, "holds an allele twice"),
        ({"alt": "[chr1:300["}, "is no allele"),
        ({"alt": f"{REF}[chr1[", "info": "SVTYPE=BND"}, "is no allele"),
        ({"qual": "inf"}, "QUAL 'inf' is no number"),
        ({"qual": "1e400"}, "QUAL '1e400' is no number"),
        ({"qual": "-5"}, "QUAL '-5' is no number"),
        ({"qual": "1_0"}, "QUAL '1_0' is no number"),
        ({"info": "END=99999999999"}, "END '99999999999' is no position"),
        ({"info": "DP=3;END=soon", "alt": "<DEL>"}, "END 'soon' is no position"),
        ({"info": "END=100", "alt": "<DEL>"}, "END 100 lies before POS 500"),
        ({"info": "DP=3; XX=4"}, "a name with a space"),
        ({"info": "X X=4;DP=3"}, "a name with a space"),
        ({"info": "DP=3;END=600;END=700", "alt": "<DEL>"}, "INFO has two values of END"),
        ({"info": "DP=3;AF=0.1;DP=4"}, "INFO has two values of DP"),
        ({"info": "XX;XX=4"}, "INFO has two values of XX"),
        ({"alt": f"{ALT},{REF.lower()}", "call": "1/2:0,5,6:11:99"}, "holds REF itself"),
        ({"info": ""}, "column 8 is empty"),
        ({"filter": ""}, "column 7 is empty"),
        ({"name": ""}, "column 3 is empty"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused(bundle: ReferenceBundle, tmp_path: Path, changed: Any, told: str) -> None:
    with pytest.raises(VariantFileError) as caught:
        annotated(tmp_path, bundle, replace(Record(), **changed))
    assert told in caught.value.problem and caught.value.place == "line 8"
    assert caught.value.file == str(tmp_path / "calls.vcf") and caught.value.remedy
    with pytest.raises(VariantFileError, match=r"calls\.vcf, line 8"):
        compare(tmp_path / "calls.vcf", tmp_path / "calls.vcf", bundle.fasta)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"call": "0/1:5,99999999999:11:99"}, "AD '99999999999' is no number"),
        ({**TWO, "call": "1/2:0,5,99999999999:11:99"}, "AD '99999999999' is no number"),
        ({"call": "0/1:5,-3:11:99"}, "AD '-3' is no number"),
        ({"call": "0/1:5,x:11:99"}, "AD 'x' is no number"),
        ({"call": "0/1:5,5.5:11:99"}, "AD '5.5' is no whole number"),
        ({"call": "0/1:5:11:99"}, "AD has 1 values, of 2 alleles"),
        ({"call": "0/1:5,5,5:11:99"}, "AD has 3 values, of 2 alleles"),
        ({"call": "0/1:5,6:99999999999:99"}, "DP '99999999999' is no number"),
        ({"call": "0/1:5,6:-1:99"}, "DP '-1' is no number"),
        ({"call": "0/1:5,6:11:99.5"}, "GQ '99.5' is no whole number"),
        ({"call": "0/1:5,6:11:nan"}, "GQ 'nan' is no number"),
        ({"call": "0/1:5,6:11:high"}, "GQ 'high' is no number"),
        ({"call": "0/1:5,6:11:99:7"}, "5 values stand for the 4 keys"),
        ({"keys": "GT:AD:AD", "call": "0/1:5,6:7,8"}, "names a key twice"),
        ({"keys": "AD", "call": "5,6"}, "has no GT"),
    ],
)  # fmt: skip
def test_a_call_that_is_not_what_its_header_says_is_refused(
    bundle: ReferenceBundle, tmp_path: Path, changed: Any, told: str
) -> None:
    with pytest.raises(VariantFileError) as caught:
        annotated(
            tmp_path,
            bundle,
            Record(pos="300", ref=SEQUENCE[299], alt=OTHER[SEQUENCE[299]]),
            replace(Record(), **changed),
        )
    assert told in caught.value.problem
    assert (caught.value.sample, caught.value.file, caught.value.place) == (
        "S1",
        str(tmp_path / "calls.vcf"),
        "chr1:500",
    )


def test_numbers_with_a_fraction_are_rounded_where_the_header_says_that_they_may_have_one(
    bundle: ReferenceBundle, tmp_path: Path
) -> None:
    header = HEADER.replace("ID=GQ,Number=1,Type=Integer", "ID=GQ,Number=1,Type=Float")
    rows, _ = annotated(tmp_path, bundle, Record(call="0/1:5,6:11:98.6"), header=header)
    assert rows[0]["genotype_quality"] == 99


def test_reads_of_several_alternates_that_are_told_by_ao_alone_are_no_error(
    bundle: ReferenceBundle, tmp_path: Path
) -> None:
    header = HEADER.replace("ID=AD,Number=R", "ID=RO,Number=1").replace("ID=DP,Number=1", "ID=AO,Number=A")
    several = Record(alt=f"{ALT},{THIRD}", keys="GT:RO:AO", call="1/2:0:5,6")
    rows, _ = annotated(tmp_path, bundle, several, header=header)
    assert [(row["alt"], row["alt_depth"], row["informative_depth"]) for row in rows] == [(ALT, 5, 11), (THIRD, 6, 11)]


def test_tags_that_nobody_declared_are_told_beside_any_allele(bundle: ReferenceBundle, tmp_path: Path) -> None:
    """Wherever the record lies: among the plain ones, in a codon, taken apart, or symbolic."""
    undeclared = {"info": "XX=3;FLAG", "filter": "odd", "keys": "GT:AD:XY", "call": "0/1:5,6:7"}
    plain = Record(pos="2500", ref=SEQUENCE[2_499], alt=OTHER[SEQUENCE[2_499]], **undeclared)
    records = (
        Record(**undeclared),
        Record(pos="503", ref=SEQUENCE[502], alt="<DEL>", **{**undeclared, "info": "XX=3;FLAG;END=600;SVLEN=-97"}),
        Record(pos="520", ref=SEQUENCE[519], alt=",".join(sorted({*"ACGT"} - {SEQUENCE[519]})[:2]),
               **{**undeclared, "call": "1/2:0,5,6:7"}),
        plain,
    )  # fmt: skip
    rows, _ = annotated(tmp_path, bundle, *records)
    assert [(row["position"], row["filter"]) for row in rows] == [
        (500, "odd"), (503, "odd"), (520, "odd"), (520, "odd"), (2_500, "odd"),
    ]  # fmt: skip
    assert [row["alt_depth"] for row in rows] == [6, 6, 5, 6, 6]
    with pysam.VariantFile(str(tmp_path / "out.vcf.gz")) as vcf:
        assert all(record.info["XX"] == ("3",) and record.info["FLAG"] for record in vcf)


@pytest.mark.parametrize(
    "alt", ["{0}[chr1:300[", "]chr1:300]{0}", "[9:1000[{0}", "G]1:300]", "{0}.", ".{0}", "{0}[<ins>:1["]
)
def test_a_breakend_breaks_the_transcript_and_is_no_insertion(
    bundle: ReferenceBundle, tmp_path: Path, alt: str
) -> None:
    """bcftools csq takes the letters of a breakend for inserted bases: a frameshift, or even a stop."""
    (row,), summary = annotated(tmp_path, bundle, Record(alt=alt.format(REF), info="SVTYPE=BND"))
    assert row["consequence"] == "feature_truncation&coding_sequence_variant" and row["impact"] == "HIGH"
    assert (row["alt"], row["variant_type"], row["hgvs_c"], row["hgvs_p"]) == (alt.format(REF), "other", None, None)
    assert summary.records == 1
    with pysam.VariantFile(str(tmp_path / "out.vcf.gz")) as vcf:
        assert "BCSQ" not in next(iter(vcf)).info


def test_bases_in_small_letters_are_the_same_bases(bundle: ReferenceBundle, tmp_path: Path) -> None:
    expected, _ = annotated(tmp_path, bundle, Record())
    assert expected[0]["clinvar_variation_id"] == "7"
    assert annotated(tmp_path, bundle, Record(ref=REF.lower(), alt=ALT.lower()))[0] == expected


@pytest.mark.parametrize("ref", "ACGT")
def test_what_lies_before_the_first_base_has_no_name_and_is_counted(
    bundle: ReferenceBundle, tmp_path: Path, ref: str
) -> None:
    """The telomere is POS 0 (VCF 4.3, section 1.6.1): REF is no base there, that of the contig's end least of all."""
    (row,), summary = annotated(tmp_path, bundle, Record(pos="0", ref=ref, alt="A" if ref != "A" else "C"))
    assert (row["position"], row["ref_matches"], row["hgvs_g"], row["hgvs_c"]) == (0, False, None, None)
    assert summary.ref_mismatches == 1
    with pysam.TabixFile(str(tmp_path / "out.vcf.gz")) as opened:
        assert len(list(opened.fetch("chr1", 0, 1))) == 1


@pytest.mark.parametrize("alt", [REF, REF.lower()])
def test_an_alternate_that_is_the_reference_is_no_change_and_is_told(
    bundle: ReferenceBundle, tmp_path: Path, alt: str
) -> None:
    (row,), summary = annotated(tmp_path, bundle, Record(alt=alt))
    assert (row["hgvs_g"], row["hgvs_c"], row["hgvs_p"], row["variant_type"]) == (None, None, None, "other")
    assert (summary.unchanged, summary.first_unchanged) == (1, "chr1:500")
    assert annotated(tmp_path, bundle, Record())[1].unchanged == 0


def test_a_key_that_is_there_again_with_the_same_value_is_passed_on(bundle: ReferenceBundle, tmp_path: Path) -> None:
    """ANNOVAR writes ALLELE_END for each alternate."""
    plain = Record(pos="2500", ref=SEQUENCE[2_499], alt=OTHER[SEQUENCE[2_499]], info="DP=3;X;DP=3;X")
    rows, _ = annotated(tmp_path, bundle, Record(info="DP=3;X;DP=3;X"), plain)
    assert [row["position"] for row in rows] == [500, 2_500]


@pytest.mark.parametrize(("call", "beyond"), [("0/1:5,6:11:99", 0), ("0/1:5,6:10:99", 1), ("0/1:.:1:9", 0)])
@pytest.mark.parametrize("position", [500, 2_500])
def test_more_reads_of_the_alleles_than_reads_are_told(
    bundle: ReferenceBundle, tmp_path: Path, call: str, beyond: int, position: int
) -> None:
    ref = SEQUENCE[position - 1]
    _, summary = annotated(tmp_path, bundle, Record(pos=str(position), ref=ref, alt=OTHER[ref], call=call))
    assert (summary.beyond_depth, summary.first_beyond_depth) == (beyond, f"chr1:{position:,}" if beyond else None)
    _, summary = annotated(tmp_path, bundle, replace(Record(), alt=f"{ALT},{THIRD}", call=f"1/2:0,5,6:{11 - beyond}:9"))
    assert summary.beyond_depth == beyond


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"info": "AC=1,2"}, "AC in INFO has 2 values (1,2) for 1 alternate alleles"),
        ({**TWO, "info": "DP=3;AC=1"}, "AC in INFO has 1 values (1) for 2 alternate alleles"),
        ({**TWO, "info": "AC=1,2,3;DP=3"}, "AC in INFO has 3 values (1,2,3) for 2 alternate alleles"),
        ({"pos": "9", "ref": SEQUENCE[8], "contig": "chr7"}, "contig chr7 is not in the reference"),
    ],
)
def test_what_does_not_fit_its_record_is_refused_by_its_place(
    bundle: ReferenceBundle, tmp_path: Path, changed: dict[str, str], told: str
) -> None:
    contig = changed.get("contig", "chr1")
    record = replace(Record(), **{key: value for key, value in changed.items() if key != "contig"})
    path = tmp_path / "calls.vcf"
    header = HEADER + '##INFO=<ID=AC,Number=A,Type=Integer,Description="">\n' + COLUMNS
    path.write_text(header + record.line.replace("chr1", contig, 1))
    with pytest.raises(VariantFileError) as caught:
        annotate_file(path, "S1", bundle, Outputs(tmp_path / "out.vcf.gz", tmp_path / "out.parquet"))
    assert told in caught.value.problem
    assert (caught.value.file, caught.value.place) == (str(path), f"{contig}:{record.pos}")


@pytest.mark.parametrize("info", ["AC=.", "AC=5", "DP=3,4"])
def test_a_field_by_allele_may_be_missing_and_others_may_have_any_number(
    bundle: ReferenceBundle, tmp_path: Path, info: str
) -> None:
    header = HEADER + '##INFO=<ID=AC,Number=A,Type=Integer,Description="">\n'
    assert len(annotated(tmp_path, bundle, Record(info=info), header=header)[0]) == 1


@pytest.mark.parametrize("call", ["/0/1", "|0|1", "/1", "|1"])
def test_a_phase_before_the_first_allele_that_says_nothing_more_is_passed_over(
    bundle: ReferenceBundle, tmp_path: Path, call: str
) -> None:
    """VCF 4.4 allows it, and htslib does not read it."""
    for position in (500, 2_500):
        ref = SEQUENCE[position - 1]
        record = Record(pos=str(position), ref=ref, alt=OTHER[ref], keys="GT:DP", call=f"{call}:7")
        ((row,), _) = annotated(tmp_path, bundle, record)
        assert (row["genotype"], row["copies"], row["depth"]) == (call[1:], 1, 7)
    with pysam.VariantFile(str(tmp_path / "out.vcf.gz")) as vcf:
        assert len(list(vcf)) == 1


@pytest.mark.parametrize("call", ["|0/1", "/0|1"])
def test_a_genotype_of_which_one_allele_is_phased_is_unphased(
    bundle: ReferenceBundle, tmp_path: Path, call: str
) -> None:
    for position in (500, 2_500):
        ref = SEQUENCE[position - 1]
        record = Record(pos=str(position), ref=ref, alt=OTHER[ref], keys="GT:DP:PS", call=f"{call}:7:400")
        ((row,), _) = annotated(tmp_path, bundle, record)
        assert (row["genotype"], row["copies"], row["depth"]) == ("0/1", 1, 7)
        assert row["phase_set"] is None and row["haplotypes"] is None


def test_an_allele_with_an_unknown_base_is_not_told_to_change_nothing(bundle: ReferenceBundle, tmp_path: Path) -> None:
    ((row,), _) = annotated(tmp_path, bundle, Record(alt="N"))
    assert row["consequence"] == "coding_sequence_variant" and row["hgvs_p"].endswith("Xaa)")
    ((row,), _) = annotated(tmp_path, bundle, Record(alt=f"{REF}N"))
    assert row["consequence"] == "frameshift_variant"


def test_records_of_one_allele_with_different_copies_are_told(bundle: ReferenceBundle, tmp_path: Path) -> None:
    homozygous = Record(call="1/1:0,9:9:50")
    (row,), summary = annotated(tmp_path, bundle, Record(), homozygous)
    assert (row["copies"], summary.duplicates, summary.call_contradictions) == (1, 1, 1)
    assert summary.call_contradiction_examples == [f"chr1:500 {REF}>{ALT}: 0/1; 1/1"]
    assert annotated(tmp_path, bundle, Record(), Record(call="0/1:4,4:8:30"))[1].call_contradictions == 0


@pytest.mark.parametrize(
    ("call", "phase_set", "haplotypes"),
    [
        ("0|1:0|1:400_A_T:400", "400", [1]),
        ("1|0:1|0:400_A_T:400", "400", [0]),
        ("0|1:1|0:400_A_T:400", "400", [0]),
        ("1|0:0|1:400_A_T:400", None, None),
        ("0|1:1|0:400_A_T:90", "90", [1]),
        ("1|1:1|0:400_A_T:400", "400", [0, 1]),
        ("0/1:1|0:400_A_T:400", "400_A_T", [0]),
    ],
    ids=["agreed", "other", "as GATK writes", "contradicting", "phased anew", "two copies", "told by PGT"],
)
def test_a_phase_that_contradicts_itself_is_none(
    bundle: ReferenceBundle, tmp_path: Path, call: str, phase_set: str | None, haplotypes: list[int] | None
) -> None:
    """But GATK's GenotypeGVCFs writes every phased genotype as 0|1, whatever its PGT tells."""
    for position in (500, 2_500):
        ref = SEQUENCE[position - 1]
        record = Record(pos=str(position), ref=ref, alt=OTHER[ref], keys="GT:PGT:PID:PS", call=call)
        ((row,), _) = annotated(tmp_path, bundle, record)
        assert (row["phase_set"], row["haplotypes"]) == (phase_set, haplotypes)
