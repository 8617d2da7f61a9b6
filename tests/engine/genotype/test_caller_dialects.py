"""gVCFs as callers of several makers write them: genotyped as their records say, or refused with what to do.

Headers and records have the fields, keys and habits of each program's own files.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.call.gvcf import called_stretches
from engine.errors import VariantFileError
from engine.genotype.sample import genotype_sample
from engine.reference.bundle import Contig
from tests.builders.alignments import random_sequence

SEQUENCE = random_sequence(1_000, 5)
OTHER = {"A": "G", "C": "T", "G": "A", "T": "C"}
CONTIGS = (Contig("chr1", 1_000, ""), Contig("chrM", 1_000, ""))
END = '##INFO=<ID=END,Number=1,Type=Integer,Description="x">'
NON_REF = '##ALT=<ID=NON_REF,Description="x">'
MIN_DP = '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="x">'
DRAGEN = [
    "##source=DRAGEN_SNV", '##DRAGENVersion=<ID=dragen,Version="SW: 07.021.624.3.10.4">', NON_REF, END,
    '##FILTER=<ID=DRAGENSnpHardQUAL,Description="x">', '##FILTER=<ID=LowDepth,Description="x">',
]  # fmt: skip
DEEPVARIANT = ["##DeepVariant_version=1.6.1", MIN_DP, '##FILTER=<ID=RefCall,Description="x">', END]
CLAIR3 = ["##source=Clair3", "##clair3_version=1.0.4", NON_REF, END, '##FILTER=<ID=LowQual,Description="x">']
PARABRICKS = ['##PBVersion="4.3"', "##source=HaplotypeCaller", NON_REF, END]
BCFTOOLS = [
    "##bcftoolsVersion=1.20", "##bcftools_callCommand=call -m -g 5", '##ALT=<ID=*,Description="x">', END,
    '##INFO=<ID=VDB,Number=1,Type=Float,Description="x">', '##INFO=<ID=DP,Number=1,Type=Integer,Description="x">',
]  # fmt: skip
STRELKA = ["##source=strelka", "##source_version=2.9.10", "##content=strelka germline small-variant calls", END]
ISAAC = ["##source=IsaacVariantCaller", END]
COMPLETE = ["##source=CGAPipeline_2.5", '##ALT=<ID=CGA_NOCALL,Description="x">', END]
FREEBAYES = ["##source=freeBayes v1.3.6", END, MIN_DP]
OCTOPUS = ["##source=octopus v0.7.4", NON_REF, END]


def block(start: int, end: int, keys: str, call: str, alt: str = "<NON_REF>", contig: str = "chr1", info: str = "",
          status: str = ".") -> str:  # fmt: skip
    columns = (contig, start, ".", SEQUENCE[start - 1], alt, ".", status, info or f"END={end}", keys, call)
    return "\t".join(map(str, columns))


def variant(at: int, keys: str, call: str, more: str = ",<NON_REF>", contig: str = "chr1", info: str = "DP=33",
            quality: float = 48.9, status: str = "PASS") -> str:  # fmt: skip
    ref = SEQUENCE[at - 1]
    columns = (contig, at, ".", ref, OTHER[ref] + more, quality, status, info, keys, call)
    return "\t".join(map(str, columns))


def genotyped(folder: Path, header: list[str], *records: str) -> tuple[list[tuple[str, ...]], Path]:
    """Contig, position, FILTER and the sample's column of each call, and the gVCF."""
    fasta, gvcf = folder / "ref.fa", folder / "S.g.vcf"
    fasta.write_text(f">chr1\n{SEQUENCE}\n>chrM\n{SEQUENCE}\n")
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS"
    gvcf.write_text("\n".join(["##fileformat=VCFv4.2", *header, columns, *records, ""]))
    output = folder / "out.vcf.gz"
    genotype_sample(gvcf, SimpleNamespace(fasta=fasta, contigs=CONTIGS), output)
    rows = [row.split("\t") for row in gzip.decompress(output.read_bytes()).decode().splitlines() if row[0] != "#"]
    return [(row[0], row[1], row[6], row[9]) for row in rows], gvcf


def test_dragen(tmp_path: Path) -> None:
    """Its own keys beside GATK's, hard filters by name, blocks without GQ, one copy on a man's X, chrM without PL."""
    keys, few = "GT:AD:AF:DP:F1R2:F2R1:GQ:PL:SPL:ICNT:GP:PRI:SB:MB", "GT:DP:GQ:MIN_DP:PL"
    call = (
        "0/1:15,18,0:0.545,0.000:33:8,9,0:7,9,0:48:84,0,47,300,200,500:255,0,255:22,0:48.9,0.0001,50,450,450,450:"
        "0.00,34.77,37.77,34.77,69.54,37.77:7,8,9,9:8,7,9,9"
    )
    rows, gvcf = genotyped(
        tmp_path, DRAGEN,
        block(1, 99, few, "0/0:30:60:28:0,60,900", status="PASS"),
        variant(100, keys, call, info="DP=33;MQ=250.00;MQRankSum=3.1;FractionInformativeReads=1.0;R2_5P_bias=0.0"),
        block(101, 200, few, "0/0:.:.:.:.", status="LowDepth"),
        block(201, 300, few, "0/0:20:.:19:0,57,855"),
        variant(301, keys, call, status="DRAGENSnpHardQUAL"),
        variant(302, "GT:AD:DP:GQ:PL", "1:0,30,0:30:99:900,0,900"),
        variant(263, "GT:SQ:AD:AF:DP", "0/1:95.3:2,1690,0:0.999,0:1692", contig="chrM"),
    )  # fmt: skip
    assert rows == [
        ("chr1", "100", "PASS", "0/1:15,18:33:47:84,0,47"),
        ("chr1", "301", "DRAGENSnpHardQUAL", "0/1:15,18:33:47:84,0,47"),
        ("chr1", "302", "PASS", "1:0,30:30:99:900,0"),
        ("chrM", "263", "NoLikelihoods", "./.:2,1690:1692"),
    ]
    assert called_stretches(gvcf) == {"chr1": [(0, 100), (300, 302)]}


def test_deepvariant(tmp_path: Path) -> None:
    """What it leaves open stays open, and a call of the reference beside an allele is none of the allele."""
    few, keys = "GT:GQ:MIN_DP:PL", "GT:GQ:DP:AD:VAF:PL"
    rows, gvcf = genotyped(
        tmp_path, DEEPVARIANT,
        block(1, 99, few, "0/0:50:20:0,60,599", "<*>"),
        variant(100, keys, "0/1:40:31:15,16,0:0.516,0:40,0,60,990,990,990", ",<*>", info="."),
        block(101, 200, few, "./.:3:2:0,3,29", "<*>"),
        variant(201, keys, "./.:14:31:25,6,0:0.19,0:0,13,30,990,990,990", ",<*>", info=".", status="RefCall"),
        variant(300, keys, "1/1:30:20:0,20,0:1,0:50,30,0,990,990,990", ",<*>", info="."),
    )  # fmt: skip
    assert rows == [
        ("chr1", "100", "PASS", "0/1:15,16:31:40:40,0,60"), ("chr1", "300", "PASS", "1/1:0,20:20:30:50,30,0"),
    ]  # fmt: skip
    assert called_stretches(gvcf)["chr1"][0] == (0, 100)


def test_parabricks_and_clair3_are_read_as_gatks(tmp_path: Path) -> None:
    keys, call = "GT:AD:DP:GQ:PL:SB", "0/1:15,15,0:30:99:400,0,400,450,450,900:7,8,7,8"
    rows, _ = genotyped(tmp_path, PARABRICKS, variant(100, keys, call, info="DP=30;RAW_MQandDP=108000,30"))
    assert rows == [("chr1", "100", "PASS", "0/1:15,15:30:99:400,0,400")]
    call = "0/1:24:31:15,16,0:0.5161:24,0,40,990,990,990"
    rows, _ = genotyped(tmp_path, CLAIR3, variant(100, "GT:GQ:DP:AD:AF:PL", call, info="F", quality=24.5))
    assert rows == [("chr1", "100", "PASS", "0/1:15,16:31:24:24,0,40")]


def test_bcftools_calls_are_taken_over(tmp_path: Path) -> None:
    blocks = block(1, 99, "GT:DP", "0/0:20", ".", info="END=99;MIN_DP=20")
    call = variant(100, "GT:PL:DP:AD", "0/1:255,0,250:31:15,16", "", info="DP=31;VDB=0.5;MQ=60", status=".")
    assert genotyped(tmp_path, BCFTOOLS, blocks, call)[0] == [("chr1", "100", "PASS", "0/1:255,0,250:31:15,16")]


@pytest.mark.parametrize(
    ("header", "record", "told"),
    [
        (STRELKA, variant(100, "GT:GQ:GQX:DP:DPF:AD:PL", "0/1:99:30:30:1:14,16:350,0,360", ""), "no gVCF"),
        (ISAAC, variant(100, "GT:GQ:GQX:DP:DPF:AD", "0/1:345:312:30:1:14,16", ""), "no gVCF"),
        (COMPLETE, variant(100, "GT:PS:FT:GQ:HQ:DP:AD", "0/1:.:PASS:100:100,120:31:15,16", ""), "no gVCF"),
        (FREEBAYES, variant(100, "GT:DP:AD:RO:AO:GL", "0/1:31:15,16:15:16:-40.1,0,-38.2", ""), "no <NON_REF> or <*>"),
        (OCTOPUS, variant(100, "GT:GQ:DP:MQ:PS:PQ", "0|1:312:31:60:100:100", ""), "no <NON_REF> or <*>"),
        (CLAIR3, variant(100, "GT:GQ:DP:AD:AF", "0/1:10:31:15,16:0.5161", ""), "no <NON_REF> or <*>"),
    ],
    ids=["strelka", "isaac", "complete genomics", "freebayes", "octopus", "clair3 without the unseen allele"],
)
def test_what_tells_nothing_of_alleles_not_seen_is_refused(
    header: list[str], record: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(VariantFileError) as caught:
        genotyped(tmp_path, header, block(1, 99, "GT:GQ:DP", "0/0:81:30", "."), record)
    assert told in caught.value.problem and caught.value.file == str(tmp_path / "S.g.vcf") and caught.value.remedy
