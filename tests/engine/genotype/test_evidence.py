"""The default filters: they mark what several things speak against, and leave alone what one measure misjudges."""

from __future__ import annotations

from itertools import chain

import pytest

from engine.genotype.evidence import EvidenceFilters, evidence
from engine.genotype.filter import FILTERS, HARD_FILTERS

DEFAULT = FILTERS["default"]


def call(
    genotype: str, reads: str, *, ref: str = "A", alt: str = "G", qual: float = 300.0, depth: int = 30, **info: float
) -> list[str]:
    """A record of one sample; INFO as keywords."""
    measures = ";".join(f"{key}={value}" for key, value in {"DP": depth, "MQ": 60.0, **info}.items())
    return ["c", "100", ".", ref, alt, str(qual), ".", measures, "GT:AD:DP:GQ", f"{genotype}:{reads}:{depth}:99"]


@pytest.mark.parametrize(
    ("what", "columns"),
    [
        ("a homozygote near an exon's end, all reads on one strand", call("1/1", "0,27", SOR=6.7, FS=0.0)),
        ("a homozygote with a few reference reads", call("1/1", "10,187", SOR=8.3, FS=103.9, depth=215)),
        ("a homozygote in a repeat", call("1/1", "0,13", MQ=33.9, SOR=0.8)),
        ("a heterozygote whose strands differ by chance", call("0/1", "16,12", SOR=3.6, FS=22.2, MQRankSum=0.0)),
        ("a heterozygote whose alternate reads map worse", call("0/1", "17,16", MQ=48.9, MQRankSum=-5.2, SOR=0.9)),
        ("a heterozygote where every read maps badly", call("0/1", "10,13", MQ=33.0, MQRankSum=-0.4)),
        ("two alternate alleles", call("1/2", "0,8,11", alt="G,T", SOR=4.5)),
        ("one copy", call("1", "0,12", SOR=5.0)),
        ("a mild loss of alternate reads in a deep panel", call("0/1", "560,440", depth=1000, MQRankSum=-1.0)),
        ("a deletion with few reads", call("0/1", "21,4", ref="CT", alt="C", depth=26, QD=1.2, qual=30.6)),
    ],
)
def test_true_variants_that_one_measure_misjudges_pass(what: str, columns: list[str]) -> None:
    assert DEFAULT.verdict(columns) == "PASS", what


@pytest.mark.parametrize(
    ("what", "columns", "name"),
    [
        (
            "reads of one strand err",
            call("0/1", "36,14", FS=91.4, SOR=5.4, BaseQRankSum=-4.0, MQRankSum=-1.0),
            "AltBias",
        ),
        ("reads of another place", call("0/1", "29,8", MQ=54.6, MQRankSum=-4.2, FS=0.0), "AltBias"),
        ("damaged bases in few reads", call("0/1", "26,3", FS=2.0, MQRankSum=0.0, BaseQRankSum=0.1), "AltBias"),
        ("phased likewise", call("0|1", "26,3", FS=2.0, MQRankSum=0.0), "AltBias"),
        ("few reads that lie on other strands", call("0/1", "14,4", FS=17.0, SOR=3.9, BaseQRankSum=-1.1), "AltBias"),
        ("a homopolymer slips", call("0/1", "18,6", ref="CT", alt="C", depth=35, QD=1.8, qual=36.6), "Slippage"),
        ("no quality", call("1/1", "0,2", qual=29.9), "QUAL30"),
    ],
)
def test_artefacts_are_marked(what: str, columns: list[str], name: str) -> None:
    assert DEFAULT.verdict(columns) == name, what


def test_more_reads_than_a_genome_has_speak_no_louder_for_the_share() -> None:
    """Capture shifts the share of alternate reads further than chance does where there are very many."""
    at_depth = [evidence(7 * times, 3 * times, {}).balance for times in (1, 3, 10, 100, 1000)]
    assert at_depth[0] < at_depth[1] > at_depth[2] > at_depth[3] > at_depth[4] > 0.5 * at_depth[1]


def test_few_alternate_reads_of_an_indel_may_be_chance() -> None:
    """A true one of 30 reads (simulated HG001), and one that slips, with more of them."""
    slips = {"ref": "C", "alt": "CA", "depth": 24, "QD": 1.53, "qual": 30.6}
    assert DEFAULT.verdict(call("0/1", "16,4", **slips)) == "PASS"
    assert DEFAULT.verdict(call("0/1", "15,5", **slips)) == "Slippage"
    assert DEFAULT.verdict(call("0/1", "12,4", **slips)) == "Slippage", "a third of the reads tell nothing"
    assert DEFAULT.verdict(call("0/1", "14,5", **slips | {"QD": 2.7})) == "Slippage"
    assert DEFAULT.verdict(call("0/1", "15,5", **slips | {"QD": 2.7})) == "PASS"


@pytest.mark.parametrize("reads", ["47,10", "53,11", "38,10"])
def test_a_true_allele_beside_the_reads_of_a_hidden_copy_passes(reads: str) -> None:
    """Few of many, yet nothing else speaks against them (simulated HG001 and HG002 with faults)."""
    depth = sum(map(int, reads.split(",")))
    assert DEFAULT.verdict(call("0/1", reads, depth=depth, FS=1.3, BaseQRankSum=0.0, MQRankSum=0.0)) == "PASS"


def snps(*reads: str, apart: int = 90, contig: str = "c", start: int = 1000) -> list[list[str]]:
    """Heterozygous SNPs side by side."""
    return [[contig, str(start + apart * number), *call("0/1", told)[2:]] for number, told in enumerate(reads)]


def phased(record: list[str], phase_set: str, genotype: str = "0|1") -> list[str]:
    """With the sample's haplotype."""
    return [*record[:8], "GT:AD:PGT:PID", f"{genotype}:{record[9].split(':')[1]}:{genotype}:{phase_set}"]


def marks(*records: list[str]) -> list[str]:
    return [verdict for _, verdict in DEFAULT.judged(iter(records))]


def test_a_crowd_with_a_third_of_the_reads_each_is_a_hidden_copy() -> None:
    few = "13,4"
    assert marks(*snps(few)) == ["PASS"]
    assert marks(*snps(*[few] * 9, "8,8")) == ["AltBias"] * 9 + ["PASS"]
    assert marks(*snps(*[few] * 15, "8,8", apart=45)) == ["AltBias"] * 15 + ["PASS"]
    assert marks(*snps(*[few] * 9, "6,6"))[-1] == "PASS", "a true one beside a hidden copy (NA12878, chr22:16758251)"
    assert marks(*snps(*[few] * 9, apart=400)) == ["PASS"] * 9
    assert marks(*snps(*[few] * 4), *snps(*[few] * 4, contig="d")) == ["PASS"] * 8
    assert marks(*snps(few, *["9,8"] * 8)) == ["PASS"] * 9, "a divergent haplotype has half of the reads"


BEFORE = snps(*["9,8"] * 40, apart=1500)
"""Where the usual depth is that of 17 reads."""


@pytest.mark.parametrize(
    ("what", "reads", "mark"),
    [
        ("a haplotype that aligns badly has no more reads than others", "13,4", "PASS"),
        ("nor has one with a sixth of the reads", "15,3", "PASS"),
        ("a copy more is half as many again", "19,6", "AltBias"),
    ],
)
def test_a_hidden_copy_raises_the_depth(what: str, reads: str, mark: str) -> None:
    assert marks(*BEFORE, *snps(*[reads] * 15, apart=45, start=70_000)) == ["PASS"] * 40 + [mark] * 15, what


def test_a_crowd_does_not_make_the_usual_depth() -> None:
    """Several hidden copies with more SNPs than all before them."""
    copies = (snps(*["19,6"] * 40, apart=45, start=start) for start in (70_000, 80_000, 90_000))
    assert marks(*BEFORE, *chain.from_iterable(copies)) == ["PASS"] * 40 + ["AltBias"] * 120


def test_the_usual_depth_is_that_of_a_contig() -> None:
    """So that a contig alone is judged as it is among others."""
    of_another = snps(*["13,4"] * 9, contig="d")
    assert marks(*BEFORE, *of_another)[40:] == marks(*of_another) == ["AltBias"] * 9


def test_depth_is_that_of_a_carrier_however_many_there_are() -> None:
    alone = snps(*["13,4"] * 15, apart=45, start=70_000)
    of_two = [[*record, record[9]] for record in alone]
    assert marks(*[[*record, "0/0:17,0:17:51"] for record in BEFORE], *of_two) == ["PASS"] * 55


def test_reads_of_a_hidden_copy_have_all_its_differences() -> None:
    copy = [phased(record, "70000_A_G") for record in snps(*["21,9"] * 9, apart=80, start=70_000)]
    assert marks(*BEFORE, *copy)[40:] == ["AltBias"] * 9
    on_the_other = phased(copy[4], "70000_A_G", "1|0")
    assert marks(*BEFORE, *copy[:4], on_the_other, *copy[5:])[44] == "PASS"
    not_phased = snps("21,9", start=int(copy[4][1]))
    assert marks(*BEFORE, *copy[:4], *not_phased, *copy[5:])[44] == "PASS", "a true one beside it"


def test_that_a_crowd_is_phased_says_nothing_where_the_usual_depth_is_not_known() -> None:
    crowd = snps(*["21,9"] * 9, apart=80)
    assert marks(*(phased(record, "1000_A_G") for record in crowd)) == marks(*crowd) == ["PASS"] * 9


def test_records_come_back_in_order_whatever_lies_between() -> None:
    records = [*snps("13,4", "9,8"), call("1/1", "0,20"), *snps("13,4", contig="d")]
    records[2][1] = "1200"
    assert [columns for columns, _ in DEFAULT.judged(iter(records))] == records
    assert [columns for columns, _ in HARD_FILTERS.judged(iter(records))] == records


def test_in_many_samples_the_reads_of_all_carriers_count_and_a_homozygote_vouches_for_the_allele() -> None:
    doubtful = call("0/1", "29,8", MQ=54.6, MQRankSum=-4.2)
    assert DEFAULT.verdict([*doubtful, "0/0:30,0:30:90"]) == "AltBias"
    assert DEFAULT.verdict([*doubtful, "0/1:20,40:60:99"]) == "PASS"
    assert DEFAULT.verdict([*doubtful, "1/1:0,30:30:90"]) == "PASS"


def test_what_is_absent_says_nothing() -> None:
    assert DEFAULT.verdict(call("0/1", "77,0", depth=363, MQRankSum=-4.2)) == "PASS"  # no read tells the alleles apart
    assert DEFAULT.verdict(["c", "1", ".", "A", "G", ".", ".", ".", "GT", "0/1"]) == "PASS"
    assert DEFAULT.verdict(["c", "1", ".", "A", "G", ".", ".", ".", "GT:AD", "0/1:.", "./.:0,0"]) == "PASS"


def test_every_name_that_is_given_is_in_the_header() -> None:
    header = "\n".join(EvidenceFilters().header_lines())
    assert all(f"ID={name}," in header for name in ("AltBias", "Slippage", "QUAL30"))


def test_gatks_hard_filters_are_there_by_name() -> None:
    assert FILTERS["gatk-hard-filters"] is HARD_FILTERS
    assert FILTERS["gatk-hard-filters"].verdict(call("1/1", "0,27", SOR=6.7)) == "SOR3"
