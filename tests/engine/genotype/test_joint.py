import gzip

import pytest

from engine.errors import ReferenceMismatchError, VariantFileError
from engine.genotype.filter import FILTERS, HARD_FILTERS
from engine.genotype.joint import genotype_gvcfs
from engine.reference.bundle import Contig

CONTIG = (Contig("c", 1_000, ""),)
HEADER = '##fileformat=VCFv4.2\n##ALT=<ID=NON_REF,Description="x">\n##contig=<ID=c,length=1000>\n'
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"


def block(position, end, phred="0,60,900", depth=20):
    quality = phred.split(",")[1]
    return (
        f"c\t{position}\t.\tA\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:MIN_DP:PL\t0/0:{depth}:{quality}:{depth}:{phred}\n"
    )


def variant(position, ref, alts, genotype, reads, phred):
    info = "DP=20;RAW_MQandDP=72000,20"
    call = f"{genotype}:{reads}:20:99:{phred}:5,5,5,5"
    return f"c\t{position}\t.\t{ref}\t{alts},<NON_REF>\t900\t.\t{info}\tGT:AD:DP:GQ:PL:SB\t{call}\n"


HET_SNP = ("0/1", "10,10,0", "300,0,310,330,340,670")


def write(folder, sample, *lines):
    path = folder / f"{sample}.g.vcf"
    path.write_text(HEADER + COLUMNS + sample + "\n" + "".join(lines))
    return path


def joint(folder, *gvcfs, **options):
    output = folder / "joint.vcf.gz"
    summary = genotype_gvcfs(gvcfs, CONTIG, output, **options)
    return summary, lines_of(output)


def lines_of(vcf):
    with gzip.open(vcf, "rt") as lines:
        return [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]


def genotypes(record):
    return [call.split(":")[0] for call in record[9:]]


def test_a_carrier_a_reference_and_a_person_without_reads(tmp_path):
    carrier = write(tmp_path, "B", block(1, 99), variant(100, "A", "G", *HET_SNP), block(101, 200))
    reference = write(tmp_path, "A", block(1, 200))
    nobody = write(tmp_path, "C", block(1, 50), block(51, 200, "0,0,0", depth=0))
    summary, records = joint(tmp_path, carrier, reference, nobody)
    assert summary.samples == ("A", "B", "C")
    assert (summary.sites, summary.records, summary.pass_records) == (1, 1, 1)
    assert records[0][1:5] == ["100", ".", "A", "G"]
    assert genotypes(records[0]) == ["0/0", "0/1", "./."]
    assert "AC=1;AF=0.250;AN=4;DP=40;" in records[0][7]
    assert records[0][9] == "0/0:20,0:20:60:0,60,900"


def test_alleles_of_different_length_are_written_with_the_longest_reference(tmp_path):
    deletion = write(tmp_path, "D", variant(100, "ATT", "A", *HET_SNP), block(103, 200))
    snp = write(tmp_path, "S", variant(100, "A", "G", *HET_SNP), block(101, 200))
    _, records = joint(tmp_path, deletion, snp)
    assert records[0][3] == "ATT"
    assert set(records[0][4].split(",")) == {"A", "GTT"}
    names = ["ATT", *records[0][4].split(",")]
    called = [{names[int(allele)] for allele in genotype.split("/")} for genotype in genotypes(records[0])]
    assert called == [{"ATT", "A"}, {"ATT", "GTT"}]


def test_within_a_deletion_the_deleted_copy_is_a_star(tmp_path):
    deletion = write(tmp_path, "D", variant(100, "ATT", "A", *HET_SNP), block(103, 200))
    snp = write(tmp_path, "S", block(1, 100), variant(101, "T", "G", *HET_SNP), block(102, 200))
    _, records = joint(tmp_path, deletion, snp)
    assert [record[1] for record in records] == ["100", "101"]
    assert records[1][4] == "G,*"
    assert genotypes(records[1]) == ["0/2", "0/1"]


def test_a_weak_site_is_left_out_and_a_biased_one_is_marked(tmp_path):
    weak = write(tmp_path, "W", variant(100, "A", "G", "0/1", "18,2,0", "10,0,400,70,410,480"))
    assert joint(tmp_path, weak)[1] == []
    one_sided = variant(100, "A", "G", *HET_SNP).replace("5,5,5,5", "40,0,0,40")
    for filters, marks in (("default", "AltBias"), ("gatk-hard-filters", "FS60;SOR3")):
        summary, records = joint(tmp_path, write(tmp_path, "W", one_sided), filters=FILTERS[filters])
        assert records[0][6] == marks
        assert (summary.records, summary.pass_records) == (1, 0)
        with gzip.open(tmp_path / "joint.vcf.gz", "rt") as lines:
            assert f"##FILTER=<ID={marks.split(';')[0]}," in lines.read()


def test_haploid_calls_stay_haploid(tmp_path):
    line = (
        "c\t100\t.\tA\tG,<NON_REF>\t900\t.\tDP=20;RAW_MQandDP=72000,20\tGT:AD:DP:GQ:PL:SB\t"
        "1:0,20,0:20:99:500,0,500:0,0,9,11\n"
    )
    _, records = joint(tmp_path, write(tmp_path, "M", line))
    assert records[0][9] == "1:0,20:20:99:500,0"
    assert "AC=1;AF=1.00;AN=1" in records[0][7]


def test_nine_alternates_are_cut_to_the_six_likeliest(tmp_path):
    alleles = ["A" + "T" * length for length in range(1, 10)]
    gvcfs = [
        write(
            tmp_path, f"S{number}", variant(100, "A", alt, "0/1", "10,10,0", f"{100 + 50 * number},0,310,330,340,670")
        )
        for number, alt in enumerate(alleles)
    ]
    _, records = joint(tmp_path, *gvcfs)
    assert sorted(records[0][4].split(","), key=len) == alleles[3:]


def test_people_without_reads_say_nothing_of_a_site_that_was_cut(tmp_path):
    """Cut to six alternates, a site loses their flat likelihoods, as in GATK; otherwise these count."""
    alleles = ["A" + "T" * length for length in range(1, 10)]
    carriers = [write(tmp_path, f"S{alt}", variant(100, "A", alt, *HET_SNP)) for alt in alleles]
    nobody = [write(tmp_path, f"N{number}", block(1, 200, "0,0,0", depth=0)) for number in range(30)]
    alone, among_others = (joint(tmp_path, *gvcfs)[1][0] for gvcfs in (carriers, [*carriers, *nobody]))
    assert (alone[5], alone[7]) == (among_others[5], among_others[7])
    uncut, diluted = (joint(tmp_path, *gvcfs)[1][0] for gvcfs in (carriers[:3], [*carriers[:3], *nobody]))
    assert uncut[5] != diluted[5]


def test_strand_bias_of_few_reads_counts_in_the_odds_ratio_alone(tmp_path):
    few = variant(100, "A", "G", "1/1", "0,2,0", "90,6,0,90,6,90")
    one_sided, even = (few.replace("5,5,5,5", strands) for strands in ("0,0,2,0", "0,0,1,1"))
    biased = joint(tmp_path, write(tmp_path, "A", one_sided))[1][0][7]
    assert "FS=0.000;" in biased
    assert "SOR=2.303" in biased
    assert "SOR=0.693" in joint(tmp_path, write(tmp_path, "A", even))[1][0][7]
    full = variant(100, "A", "G", *HET_SNP).replace("5,5,5,5", "20,0,0,20")
    both = joint(tmp_path, write(tmp_path, "A", full), write(tmp_path, "B", one_sided))[1][0][7]
    alone = joint(tmp_path, write(tmp_path, "A", full))[1][0][7]
    assert both.partition("FS=")[2].partition(";")[0] == alone.partition("FS=")[2].partition(";")[0]
    assert both.rpartition("SOR=")[2] != alone.rpartition("SOR=")[2]


def test_mapping_quality_as_gatk_3_wrote_it_is_kept(tmp_path):
    old = variant(100, "A", "G", *HET_SNP).replace("RAW_MQandDP=72000,20", "MQ=37.50")
    record = joint(tmp_path, write(tmp_path, "A", old), filters=HARD_FILTERS)[1][0]
    assert ";MQ=37.50;" in record[7]
    assert record[6] == "MQ40"


def refused(tmp_path, error, said, *gvcfs):
    with pytest.raises(error, match=said) as caught:
        joint(tmp_path, *gvcfs)
    return caught.value


def test_unfit_input_is_refused_with_the_reason(tmp_path):
    good = write(tmp_path, "A", block(1, 10))
    refused(tmp_path, VariantFileError, "sample A comes twice", good, good)
    refused(tmp_path, VariantFileError, "does not exist", tmp_path / "no.g.vcf.gz")
    two = tmp_path / "two.g.vcf"
    two.write_text(HEADER + COLUMNS + "A\tB\n")
    refused(tmp_path, VariantFileError, "holds 2 samples", two)
    text = tmp_path / "text.g.vcf"
    text.write_text("hello\n")
    refused(tmp_path, VariantFileError, "no VCF header", text)
    back = write(tmp_path, "B", variant(50, "A", "G", *HET_SNP), variant(40, "A", "G", *HET_SNP))
    assert refused(tmp_path, VariantFileError, "not sorted", back).place == "line 6"
    plain = write(tmp_path, "P", variant(100, "A", "G", *HET_SNP).replace(",<NON_REF>", ""))
    assert "haplotype or gatk" in refused(tmp_path, VariantFileError, "no <NON_REF>", plain).remedy
    other = tmp_path / "other.g.vcf"
    other.write_text(HEADER.replace("1000", "999") + COLUMNS + "A\n")
    refused(tmp_path, ReferenceMismatchError, "999 bases here and 1,000", other)
    elsewhere = write(tmp_path, "E", variant(1, "A", "G", *HET_SNP).replace("c\t", "d\t", 1))
    refused(tmp_path, ReferenceMismatchError, "no contig 'd'", elsewhere)
    cut = tmp_path / "cut.g.vcf.gz"
    cut.write_bytes(gzip.compress((HEADER + COLUMNS + "A\n" + block(1, 10) * 500).encode())[:-20])
    refused(tmp_path, VariantFileError, "cannot be read to its end", cut)


@pytest.mark.parametrize(
    ("folder", "samples", "contig"),
    [
        ("trio_10kb", ["HG001", "NA12891", "NA12892"], Contig("20", 63_025_520, "")),
        (
            "tp53",
            ["NA06984", "NA06985", "NA07000", "NA10847", "NA11829", "NA11994", "NA12003", "NA12878"],
            Contig("17", 81_195_210, ""),
        ),
        ("na12878_100kb", ["calls"], Contig("chr20", 63_025_520, "")),
        ("simulated", ["calls"], Contig("chr20", 10_000_000, "")),
    ],
)
def test_every_record_of_gatk_is_reproduced_to_the_last_character(shared_data, tmp_path, folder, samples, contig):
    """Sites, alleles and their order, QUAL, INFO, genotypes and likelihoods of GenotypeGVCFs 4.6.2.0."""
    golden = shared_data / "gatk_goldens" / folder
    gvcfs = [golden / f"{sample}.g.vcf.gz" for sample in samples]
    genotype_gvcfs(gvcfs, (contig,), tmp_path / "joint.vcf.gz", filters=None)
    assert lines_of(tmp_path / "joint.vcf.gz") == lines_of(golden / "genotyped.vcf.gz")


def test_hard_filters_use_the_limits_of_gatk():
    def verdict(ref, alt, qual, info):
        return HARD_FILTERS.verdict(["c", "1", ".", ref, alt, qual, ".", info])

    good = "QD=2.00;FS=60.000;SOR=3.000;MQ=40.00;MQRankSum=-12.5;ReadPosRankSum=-8.0"
    assert verdict("A", "G", "30", good) == "PASS"
    for key, value, name in [
        ("QD", "1.99", "QD2"), ("FS", "60.001", "FS60"), ("SOR", "3.001", "SOR3"), ("MQ", "39.99", "MQ40"),
        ("MQRankSum", "-12.501", "MQRankSum-12.5"), ("ReadPosRankSum", "-8.001", "ReadPosRankSum-8"),
    ]:  # fmt: skip
        assert verdict("A", "G", "30", f"{key}={value}") == name
    assert verdict("A", "G", "29.99", good) == "QUAL30"
    assert verdict("AT", "A", "30", "FS=200.0;MQ=1.0;ReadPosRankSum=-20.0") == "PASS"
    assert verdict("AT", "A", "30", "FS=200.1;ReadPosRankSum=-20.1") == "FS200;ReadPosRankSum-20"
    assert verdict("A", "G,*", "30", "MQ=1.0") == "MQ40"
    assert verdict("A", "G", ".", ".") == "PASS"
