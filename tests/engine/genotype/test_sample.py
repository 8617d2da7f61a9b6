import gzip
from types import SimpleNamespace

import pytest

from engine.genotype.measures import measure_variants
from engine.genotype.sample import genotype_sample
from engine.reference.bundle import Contig

CONTIGS = (Contig("c", 1_000, ""),)
HEADER = (
    '##fileformat=VCFv4.2\n##ALT=<ID=NON_REF,Description="x">\n##contig=<ID=c,length=1000>\n'
    '##INFO=<ID=VDB,Number=1,Type=Float,Description="x">\n'
)
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"


def bcftools_variant(position, ref, alt, genotype="0/1", reads="10,10", quality=99, qual=200, depth=20):
    call = f"{genotype}:200,0,200:{depth}:0:{reads}:{quality}"
    return f"c\t{position}\t.\t{ref}\t{alt}\t{qual}\t.\tDP={depth};MQ=60\tGT:PL:DP:SP:AD:GQ\t{call}\n"


def block(position, end):
    return f"c\t{position}\t.\tA\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:MIN_DP:PL\t0/0:20:60:20:0,60,255\n"


def sequence_of(lines):
    """A contig of 1,000 bases that reads as the records' REFs."""
    bases = list("ACGT" * 250)
    for fields in (line.split("\t") for line in lines):
        bases[int(fields[1]) - 1 : int(fields[1]) - 1 + len(fields[3])] = fields[3]
    return "".join(bases)


def genotyped(folder, *lines, **options):
    gvcf = folder / "S1.g.vcf"
    gvcf.write_text(HEADER + COLUMNS + "".join(lines))
    fasta = folder / "reference.fa"
    fasta.write_text(f">c\n{sequence_of(lines)}\n")
    reference = SimpleNamespace(fasta=fasta, contigs=CONTIGS)
    summary = genotype_sample(gvcf, reference, folder / "S1.vcf.gz", **options)
    with gzip.open(folder / "S1.vcf.gz", "rt") as records:
        text = records.read()
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return summary, rows, text


def test_variants_of_bcftools_are_taken_over_in_their_shortest_form_and_order(tmp_path):
    summary, rows, text = genotyped(
        tmp_path, block(1, 99), bcftools_variant(100, "CTTTT", "CTTT"), bcftools_variant(200, "AACA", "AAAACA"),
        bcftools_variant(201, "A", "G"), bcftools_variant(300, "TAC", "TAG"), bcftools_variant(301, "A", "T"),
    )  # fmt: skip
    assert [(row[1], row[3], row[4]) for row in rows] == [
        ("100", "CT", "C"),
        ("200", "A", "AAA"),
        ("201", "A", "G"),
        ("301", "A", "T"),
        ("302", "C", "G"),
    ]
    assert "NON_REF" not in text
    assert (summary.records, summary.snps, summary.indels) == (5, 3, 2)
    assert summary.uncovered_target_bases == 1_000 - 99 - 5 - 4 - 3


def test_doubtful_calls_are_marked_with_every_reason(tmp_path):
    summary, rows, _ = genotyped(
        tmp_path, bcftools_variant(10, "A", "G"), bcftools_variant(20, "A", "G", qual=19.9, quality=14),
        bcftools_variant(30, "A", "G", reads="18,2"), bcftools_variant(40, "A", "G", depth=3),
        bcftools_variant(50, "A", "G", "1/1", "16,4"),
    )  # fmt: skip
    assert [row[6] for row in rows] == ["PASS", "GQ15;QUAL20", "AB0.2", "DP4", "PASS"]
    assert (summary.pass_records, summary.pass_fraction) == (2, 0.4)


def test_measures_of_a_few_calls(tmp_path):
    summary, _, _ = genotyped(
        tmp_path, bcftools_variant(10, "A", "G", reads="15,5", quality=50), bcftools_variant(20, "A", "C", quality=70),
        bcftools_variant(30, "C", "T", "1/1", "0,20", quality=90), bcftools_variant(40, "C", "T", "./."),
    )  # fmt: skip
    assert (summary.titv, summary.het_hom_ratio, summary.missing_fraction) == (2, 2, 0.25)
    assert (summary.mean_genotype_quality, summary.median_genotype_quality) == (70, 70)
    balance = {place: count for place, count in enumerate(summary.allele_balance_histogram) if count}
    assert balance == {5: 1, 10: 1}
    spectrum = dict(zip(summary.substitution_names, summary.substitution_counts, strict=True))
    assert spectrum == {"C>A": 0, "C>G": 0, "C>T": 1, "T>A": 0, "T>C": 1, "T>G": 1}, "A>G and A>C by their pyrimidine"


def test_ratios_without_variants_are_absent(tmp_path):
    summary, rows, _ = genotyped(tmp_path, block(1, 1_000))
    assert rows == []
    assert (summary.records, summary.uncovered_target_bases) == (0, 0)
    undefined = (summary.titv, summary.het_hom_ratio, summary.mean_genotype_quality, summary.missing_fraction)
    assert undefined == (None,) * 4 and summary.pass_fraction is None


def test_a_gvcf_of_gatk_is_genotyped_and_filtered(shared_data, tmp_path):
    fasta = shared_data / "na12878_chr20_10m" / "ucsc.hg19.chr20.unittest.fasta.gz"
    reference = SimpleNamespace(fasta=fasta, contigs=(Contig("chr20", 63_025_520, ""),))
    bed = tmp_path / "targets.bed"
    bed.write_text("chr20\t9999999\t10100000\n")
    golden = shared_data / "gatk_goldens" / "na12878_100kb" / "calls.g.vcf.gz"
    summary = genotype_sample(golden, reference, tmp_path / "x.vcf.gz", targets=bed)
    assert (summary.records, summary.uncovered_target_bases) == (246, 0)
    assert summary.pass_fraction == 1
    assert summary.titv == pytest.approx(2.0, abs=0.5)
    assert measure_variants(tmp_path / "x.vcf.gz") == summary
