"""Calls as text, the header they need, and the file they are in."""

import dataclasses
import gzip
from pathlib import Path

import pysam
import pytest

from engine.call.haplotype.genotype.variant_call import PhaseSet, SiteAnnotations, VariantCall
from engine.call.haplotype.records.vcf import record_line, vcf_header
from engine.files.bgzf import BgzfWriter

CALL = VariantCall(
    start=9_999,
    alleles=("C", "T", "<NON_REF>"),
    quality=1049.644,
    low_quality=False,
    genotype=(0, 1),
    phased=False,
    genotype_quality=923,
    phred_likelihoods=(1057, 0, 923, 1132, 1013, 2145),
    allele_depths=(25, 30, 0),
    genotype_depth=55,
    strand_counts=(12, 13, 20, 10),
    allele_counts=(1, 0),
    allele_frequencies=(0.5, 0.0),
    annotations=SiteAnnotations(
        depth=62,
        mapq_squares=220_969,
        mapq_depth=62,
        base_quality_rank_sum=-1.5414,
        mapq_rank_sum=None,
        read_position_rank_sum=0.0,
        fisher_strand=7.3894,
        strand_odds_ratio=1.5055,
        quality_by_depth=19.0844,
        excess_het=0.0,
    ),
    phase=None,
)


def test_a_call_of_a_gvcf() -> None:
    assert record_line("chr1", CALL, "gvcf", 2) == (
        "chr1\t10000\t.\tC\tT,<NON_REF>\t1049.64\t.\tBaseQRankSum=-1.541;DP=62;ExcessHet=0.0000;MLEAC=1,0;"
        "MLEAF=0.500,0.00;RAW_MQandDP=220969,62;ReadPosRankSum=0.000\tGT:AD:DP:GQ:PL:SB\t"
        "0/1:25,30,0:55:99:1057,0,923,1132,1013,2145:12,13,20,10\n"
    )


def test_a_call_of_a_vcf() -> None:
    call = dataclasses.replace(
        CALL,
        alleles=("C", "T"),
        phred_likelihoods=(1057, 0, 923),
        allele_depths=(25, 30),
        allele_counts=(1,),
        allele_frequencies=(0.5,),
        low_quality=True,
    )
    assert record_line("chr1", call, "vcf", 2) == (
        "chr1\t10000\t.\tC\tT\t1049.64\tLowQual\tAC=1;AF=0.500;AN=2;BaseQRankSum=-1.541;DP=62;ExcessHet=0.0000;"
        "FS=7.389;MLEAC=1;MLEAF=0.500;MQ=59.70;QD=19.08;ReadPosRankSum=0.000;SOR=1.506\tGT:AD:DP:GQ:PL\t"
        "0/1:25,30:55:99:1057,0,923\n"
    )


def test_a_phased_call_and_one_without_a_genotype() -> None:
    phased = dataclasses.replace(CALL, phased=True, phase=PhaseSet("0|1", "9990_A_G", 9_989))
    sample = record_line("1", phased, "gvcf", 2).rstrip("\n").split("\t")[8:]
    assert sample == [
        "GT:AD:DP:GQ:PGT:PID:PL:PS:SB",
        "0|1:25,30,0:55:99:0|1:9990_A_G:1057,0,923,1132,1013,2145:9990:12,13,20,10",
    ]


def test_a_call_without_a_genotype_has_neither_frequency_nor_strands() -> None:
    nan = float("nan")
    unknown = dataclasses.replace(
        CALL, genotype=(), allele_depths=(), genotype_depth=None, allele_counts=(0, 0), allele_frequencies=(nan, nan)
    )
    fields = record_line("1", unknown, "gvcf", 1).rstrip("\n").split("\t")
    assert ";MLEAC=0,0;MLEAF=NaN,NaN;" in fields[7]
    assert fields[8:] == ["GT:GQ:PL", ".:99:1057,0,923,1132,1013,2145"]
    phased = dataclasses.replace(unknown, phased=True, phase=PhaseSet("0|1", "9990_A_G", 9_989))
    assert record_line("1", phased, "gvcf", 2).split("\t")[9].startswith(".|.:99:0|1:")


@pytest.mark.parametrize("emit", ["gvcf", "bp", "vcf"])
def test_every_field_that_is_written_is_declared(tmp_path: Path, emit: str) -> None:
    path = tmp_path / "o.vcf"
    call = dataclasses.replace(CALL, phase=None if emit == "vcf" else PhaseSet("0|1", "9990_A_G", 9_989))
    path.write_text(vcf_header([("chr1", 20_000)], "S", emit) + record_line("chr1", call, emit, 2))  # type: ignore[arg-type]
    with pysam.VariantFile(str(path)) as file:
        declared = set(file.header.info) | set(file.header.formats)
        (record,) = file
        assert record.samples["S"]["PL"] == CALL.phred_likelihoods
    fields = path.read_text().splitlines()[-1].split("\t")
    written = {entry.split("=")[0] for entry in fields[7].split(";")} | set(fields[8].split(":"))
    assert written <= declared


def test_the_header_says_nothing_of_time_or_place() -> None:
    header = vcf_header([("chr1", 20_000)], "S", "gvcf")
    assert header == vcf_header([("chr1", 20_000)], "S", "gvcf")
    assert not [word for word in ("Date", "CommandLine", "/") if word in header.replace("0/0", "")]
    assert "##GVCFBlock60-70=minGQ=60(inclusive),maxGQ=70(exclusive)" in header


def test_bgzf_blocks_do_not_depend_on_how_it_was_written(tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % number for number in range(50_000))
    for name, size in (("one", len(text)), ("many", 777)):
        with BgzfWriter(tmp_path / name) as writer:
            for start in range(0, len(text), size):
                writer.write(text[start : start + size])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "many").read_bytes()
    assert gzip.decompress((tmp_path / "one").read_bytes()) == text
    with pysam.BGZFile(str(tmp_path / "one")) as file:
        assert file.read(20) == text[:20]
