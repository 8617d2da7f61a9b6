import gzip
import json
import random

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compare.comparison import compare, write_summary
from engine.compare.replay import match
from engine.compare.variants import Edit, placed, record_units
from engine.errors import ReferenceMismatchError, VariantFileError

#           0         1         2         3         4         5         6
#           0123456789012345678901234567890123456789012345678901234567890
SEQUENCE = "GATTACAGCTAAAAAAGTCCATGCGCGCGTTACGGATCCTGACCTTAGGCATCGATTGCA" * 3
HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\n"


@pytest.fixture
def compared(tmp_path):
    """Compare two lists of (1-based position, REF, ALT, GT, optionally FILTER)."""
    fasta = tmp_path / "reference.fa"
    fasta.write_text(f">c\n{SEQUENCE}\n>d\n{SEQUENCE}\n")
    pysam.faidx(str(fasta))

    def run(truth, query, bed=None, **options):
        regions = None
        if bed is not None:
            regions = tmp_path / "regions.bed"
            regions.write_text(bed)
        files = [write(tmp_path / name, records) for name, records in (("t.vcf", truth), ("q.vcf", query))]
        return compare(*files, fasta, regions, **options)

    return run


def write(path, records):
    lines = [HEADER]
    for position, ref, alt, genotype, *status in records:
        assert SEQUENCE[position - 1 :].startswith(ref), (position, ref)
        lines.append(f"c\t{position}\t.\t{ref}\t{alt}\t50\t{(status or ['PASS'])[0]}\t.\tGT\t{genotype}\t0/0\n")
    path.write_text("".join(lines))
    return path


def counts(summary, kind):
    """Truth total, found, missed, query total, false."""
    return tuple(summary.as_json()[kind].values())[:5]


def all_agree(summary):
    return all(each.false_negatives == each.false_positives == 0 for each in summary.types.values())


def test_found_missed_and_false_calls_are_counted_by_type(compared):
    truth = [(3, "T", "C", "0/1"), (10, "T", "G", "1|1"), (35, "GA", "G", "0/1")]
    query = [(3, "T", "C", "1/0"), (35, "GA", "G", "0/1"), (51, "A", "AT", "0/1")]
    summary = compared(truth, query)
    assert counts(summary, "SNP") == (2, 1, 1, 1, 0)
    assert counts(summary, "INDEL") == (1, 1, 0, 2, 1)
    snp, indel = summary.types["SNP"], summary.types["INDEL"]
    assert (snp.recall, snp.precision, snp.f1) == (0.5, 1, pytest.approx(2 / 3))
    assert (indel.recall, indel.precision, indel.f1) == (1, 0.5, pytest.approx(2 / 3))


@pytest.mark.parametrize(("truth", "query"), [("0/1", "1/1"), ("1/1", "0/1")])
def test_a_wrong_genotype_is_both_missed_and_false(compared, truth, query):
    summary = compared([(3, "T", "C", truth)], [(3, "T", "C", query)])
    assert counts(summary, "SNP") == (1, 0, 1, 1, 1)


EQUIVALENT = {
    "MNP and its SNPs": ([(3, "TTA", "CTG", "0/1")], [(3, "T", "C", "0/1"), (5, "A", "G", "0/1")]),
    "insertion anywhere in a homopolymer": ([(10, "T", "TA", "0/1")], [(16, "A", "AA", "0/1")]),
    "deletion anywhere in a homopolymer": ([(10, "TAA", "T", "1/1")], [(14, "AAA", "A", "1/1")]),
    "deletion anywhere in a dinucleotide repeat": ([(22, "TGC", "T", "0/1")], [(26, "CGC", "C", "0/1")]),
    "insertion with another anchor": ([(22, "T", "TGC", "0/1")], [(28, "C", "CGC", "0/1")]),
    "padding": ([(35, "GATC", "GTC", "0/1")], [(35, "GA", "G", "0/1")]),
    "complex and its parts": (
        [(35, "GATC", "TTC", "0/1")],
        [(35, "G", "T", "0/1"), (36, "AT", "T", "0/1")],
    ),
    "SNP and insertion, or an insertion and another SNP": (
        [(43, "C", "CA", "1/1")],
        [(43, "C", "A", "1/1"), (42, "A", "AC", "1/1")],
    ),
    "two copies in one record or in two": ([(3, "T", "C,G", "1/2")], [(3, "T", "C", "0/1"), (3, "T", "G", "0/1")]),
    "deletion and SNP on either copy": (
        [(3, "TTA", "TTG,T", "1/2")],
        [(3, "TTA", "T", "0/1"), (5, "A", "G", "0/1")],
    ),
    "a homozygote as two heterozygotes": ([(3, "T", "C", "1/1")], [(3, "T", "C", "0/1"), (3, "T", "C", "0/1")]),
    "a star for the deleted copy": (
        [(3, "TTA", "T", "0/1"), (4, "T", "C", "1/0")],
        [(3, "TTA", "T", "0/1"), (4, "T", "C,*", "1/2")],
    ),
    "half a genotype": ([(3, "T", "C", "0/1")], [(3, "T", "C", "./1")]),
    "one copy called": ([(3, "T", "C", "1/1")], [(3, "T", "C", "1")]),
    "a deletion of a repeat unit and of its neighbour": ([(22, "TGCGC", "T", "0/1")], [(24, "CGCGC", "C", "0/1")]),
    "one deletion or two": ([(22, "TGCGC", "T", "1/1")], [(22, "TGC", "T", "1/1"), (26, "CGC", "C", "1/1")]),
}


@pytest.mark.parametrize("name", EQUIVALENT)
def test_spelling_does_not_matter(compared, name):
    truth, query = EQUIVALENT[name]
    for first, second in ((truth, query), (query, truth)):
        assert all_agree(compared(first, second))


DIFFERENT = {
    "another base": ([(3, "T", "C", "0/1")], [(3, "T", "G", "0/1")]),
    "another place": ([(3, "T", "C", "0/1")], [(4, "T", "C", "0/1")]),
    "another length": ([(10, "T", "TA", "0/1")], [(10, "T", "TAA", "0/1")]),
    "insertion beyond its repeat": ([(10, "T", "TA", "0/1")], [(17, "G", "GA", "0/1")]),
    "one of two copies": ([(3, "T", "C,G", "1/2")], [(3, "T", "C", "1/1")]),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_calls_are_not_taken_for_equal(compared, name):
    truth, query = DIFFERENT[name]
    summary = compared(truth, query)
    assert sum(each.true_positives for each in summary.types.values()) == 0
    assert sum(each.false_positives for each in summary.types.values()) == len(query)


def test_part_of_a_neighbourhood_can_agree(compared):
    summary = compared(
        [(3, "TTA", "CTG", "0/1"), (10, "T", "TA", "0/1")],
        [(3, "T", "C", "0/1"), (7, "A", "G", "0/1"), (16, "A", "AA", "0/1")],
    )
    assert counts(summary, "SNP") == (2, 1, 1, 2, 1)
    assert counts(summary, "INDEL") == (1, 1, 0, 1, 0)


def test_calls_that_undo_each_other_are_not_true(compared):
    summary = compared(
        [(21, "A", "G", "0/1")],
        [(10, "T", "TA", "1/1"), (13, "AA", "A", "1/1"), (21, "A", "G", "0/1")],
    )
    assert counts(summary, "SNP") == (1, 1, 0, 1, 0)
    assert counts(summary, "INDEL") == (0, 0, 0, 2, 2)


def test_only_calls_within_the_regions_count(compared):
    truth = [(3, "T", "C", "0/1"), (40, "T", "G", "0/1"), (51, "A", "AT", "0/1")]
    query = [(3, "T", "C", "0/1"), (41, "G", "C", "0/1"), (51, "A", "AT", "0/1")]
    summary = compared(truth, query, bed="c\t0\t10\nc\t40\t41\nc\t51\t60\n")
    assert counts(summary, "SNP") == (1, 1, 0, 2, 1)
    assert counts(summary, "INDEL") == (0, 0, 0, 0, 0)
    assert counts(compared(truth, query, bed="c\t50\t51\n"), "INDEL") == (1, 1, 0, 1, 0)
    assert counts(compared(truth, query, bed="d\t0\t50\n"), "SNP") == (0, 0, 0, 0, 0)


def test_how_an_indel_is_spelled_does_not_decide_whether_it_is_in_the_regions(compared):
    for bed, told in (("c\t9\t10\n", (1, 1, 0, 1, 0)), ("c\t14\t17\n", (0, 0, 0, 0, 0))):
        assert counts(compared([(16, "A", "AA", "0/1")], [(10, "T", "TA", "0/1")], bed=bed), "INDEL") == told


def test_strata_are_counted_within_the_regions(compared, tmp_path):
    stratum = tmp_path / "low.bed"
    stratum.write_text("c\t0\t100\n")
    truth = [(3, "T", "C", "0/1"), (40, "T", "G", "0/1"), (109, "G", "A", "0/1")]
    summary = compared(truth, truth[:1], bed="c\t0\t30\nc\t100\t120\n", strata={"low": stratum})
    assert counts(summary, "SNP") == (2, 1, 1, 1, 0)
    assert summary.strata["low"]["SNP"].truth_total == 1
    assert summary.as_json()["strata"]["low"]["SNP"]["recall"] == 1


def test_filtered_query_calls_are_not_judged_unless_asked_for(compared):
    truth, query = [(3, "T", "C", "0/1")], [(3, "T", "C", "0/1", "QD2"), (40, "T", "G", "0/1", ".")]
    assert counts(compared(truth, query), "SNP") == (1, 0, 1, 1, 1)
    assert counts(compared(truth, query, only_passing=False), "SNP") == (1, 1, 0, 2, 1)


def test_reference_missing_and_other_peoples_genotypes_are_no_calls(compared):
    truth = [(3, "T", "C", "0/0"), (40, "T", "G", "./.")]
    summary = compared(truth, truth)
    assert counts(summary, "SNP") == (0, 0, 0, 0, 0)
    assert summary.types["SNP"].recall is None and summary.types["SNP"].f1 is None
    assert counts(compared([(3, "T", "C", "0/1")], [(3, "T", "C", "0/1")], query_sample="S2"), "SNP")[:3] == (1, 0, 1)


def test_the_summary_is_written_as_json(compared, tmp_path):
    write_summary(compared([(3, "T", "C", "0/1")], [(3, "T", "C", "0/1")]), tmp_path / "summary.json")
    written = json.loads((tmp_path / "summary.json").read_text())
    assert list(written) == ["SNP", "INDEL"]
    assert written["SNP"] == {
        "truth_total": 1, "true_positives": 1, "false_negatives": 0, "query_total": 1, "false_positives": 0,
        "recall": 1.0, "precision": 1.0, "f1": 1.0,
    }  # fmt: skip
    assert written["INDEL"]["recall"] is None


def test_differences_are_listed(compared, tmp_path):
    compared([(3, "T", "C", "1/1")], [(10, "T", "TA", "0/1")], differences=tmp_path / "differences.tsv")
    assert (tmp_path / "differences.tsv").read_text().splitlines()[1:] == [
        "FN\tc\t3\tSNP\t3-3:C/3-3:C",
        "FP\tc\t11\tINDEL\t11-10:A/ref",
    ]


def test_unfit_files_are_refused_with_the_reason(compared, tmp_path):
    good = [(3, "T", "C", "0/1")]
    fasta = tmp_path / "reference.fa"
    truth = write(tmp_path / "good.vcf", good)

    def refused(error, said, content, **options):
        bad = tmp_path / "bad.vcf"
        bad.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(error, match=said) as caught:
            compare(truth, bad, fasta, **options)
        return caught.value

    line = "c\t3\t.\tT\tC\t50\tPASS\t.\tGT\t0/1\t0/1\n"
    refused(VariantFileError, "no VCF header", line)
    refused(VariantFileError, "no genotypes", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
    refused(VariantFileError, "no sample S9", HEADER, query_sample="S9")
    assert refused(VariantFileError, "not a VCF record", HEADER + "c\t3\n").place == "line 3"
    refused(VariantFileError, "not a VCF record", HEADER + line.replace("GT", "DP"))
    refused(VariantFileError, "not a VCF record", HEADER + line.replace("0/1", "0/7"))
    refused(VariantFileError, "not together", HEADER + line + line.replace("c", "d", 1) + line)
    refused(VariantFileError, "not in the reference's order", HEADER + line.replace("c", "d", 1) + line)
    refused(ReferenceMismatchError, "no contig 'e'", HEADER + line.replace("c", "e", 1))
    refused(ReferenceMismatchError, "beyond the end of c", HEADER + line.replace("\t3\t", "\t3000\t"))
    refused(VariantFileError, "cannot be read to its end", gzip.compress((HEADER + line * 999).encode())[:-9])
    with pytest.raises(VariantFileError, match="does not exist"):
        compare(truth, tmp_path / "none.vcf", fasta)


def edited(copy, edits):
    for edit in sorted(edits, reverse=True):
        copy = copy[: edit.start] + edit.alt + copy[edit.end :]
    return copy


@st.composite
def diploid_neighbourhood(draw):
    """A repetitive reference, and for each copy some SNPs and at most one indel, which nothing can undo."""
    reference = "".join(draw(st.lists(st.sampled_from(["A", "C", "AC", "AAA", "GT"]), min_size=12, max_size=20)))
    copies = []
    for _ in range(2):
        places = sorted(draw(st.sets(st.integers(2, len(reference) - 8), max_size=4)))
        indel = draw(st.sampled_from(places)) if places else -1
        edits = []
        for place in places:
            if place == indel:
                size, alt = draw(st.sampled_from([(0, "A"), (0, "AC"), (1, ""), (2, ""), (3, "C"), (1, "GT")]))
            else:
                size, alt = 1, draw(st.sampled_from("ACGT"))
            is_free = not edits or place > edits[-1].end
            if is_free and reference[place : place + size] != alt:
                edits.append(Edit(place, place + size, alt))
        copies.append(edits)
    return reference, copies


@settings(max_examples=60, deadline=None)
@given(diploid_neighbourhood())
def test_calls_agree_with_one_record_that_spells_out_both_copies(neighbourhood):
    reference, copies = neighbourhood
    whole = [edited(reference, edits) for edits in copies]
    truth = []
    for edits in copies:
        for edit in edits:
            ref, alt = reference[edit.start - 1 : edit.end], reference[edit.start - 1] + edit.alt
            truth += record_units(edit.start - 1, ref, [alt], (0, 1))
    query = record_units(0, reference, whole, (1, 2))
    truth = [placed(unit, reference) for unit in truth]
    query = [placed(unit, reference) for unit in query]
    found = match(truth, query, reference, 0, len(reference))
    assert all(found.query)
    if query:
        assert all(found.truth)


def test_a_crowd_of_calls_is_matched_within_bounds(compared):
    """Forty heterozygous calls side by side, one of them wrong."""
    choose = random.Random(3)
    places = sorted(choose.sample(range(1, 60), 40))
    calls = [(place, SEQUENCE[place - 1], "C" if SEQUENCE[place - 1] != "C" else "G", "0/1") for place in places]
    wrong = [*calls[:20], (calls[20][0], calls[20][1], "T" if calls[20][1] not in "T" else "A", "0/1"), *calls[21:]]
    summary = compared(calls, wrong)
    assert summary.types["SNP"].true_positives >= 39


def test_a_genome_agrees_with_itself_in_other_spellings(shared_data, tmp_path):
    """HG002's 16 thousand calls on 10 Mb, every indel shifted to the far end of its repeat."""
    fasta = shared_data / "grch38_chr20_10M_ref" / "grch38.chr20_and_21_10M.fa.gz"
    folder = shared_data / "truth_giab_chr20"
    source = folder / "HG002_GRCh38_1_22_v4.2.1_benchmark.chr20.vcf.gz"
    truth = tmp_path / "truth.vcf"
    with gzip.open(source, "rt") as lines:
        kept = [line for line in lines if line.startswith("#") or int(line.split("\t", 2)[1]) < 9_999_000]
    truth.write_text("".join(kept))
    same = compare(truth, truth, fasta)
    assert all_agree(same)
    assert same.types["SNP"].truth_total + same.types["INDEL"].truth_total == pytest.approx(16_192, rel=0.02)
    query = tmp_path / "query.vcf"
    query.write_text(respelled(truth, fasta))
    assert all_agree(compare(truth, query, fasta))


def respelled(vcf, fasta):
    """Every indel written at the far end of its repeat, padded with the base before."""
    sequence = pysam.FastaFile(str(fasta)).fetch("chr20")
    lines = []
    for line in vcf.read_text().splitlines(keepends=True):
        fields = line.split("\t")
        if not line.startswith("#") and "," not in fields[4] and len(fields[3]) != len(fields[4]):
            start, ref, alt = int(fields[1]) - 1, fields[3], fields[4]
            while min(len(ref), len(alt)) == 1 and sequence[start + len(ref)] == max(ref, alt, key=len)[1]:
                base = sequence[start + len(ref)]
                ref, alt = (ref + base)[1:], (alt + base)[1:]
                start += 1
            fields[1], fields[3], fields[4] = str(start + 1), ref, alt
        lines.append("\t".join(fields))
    return "".join(lines)
