"""gVCFs of other callers: genotyped right, written without a genotype and told, or refused with their place."""

from __future__ import annotations

import gzip
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine import cli
from engine.errors import ReferenceMismatchError, VariantFileError
from engine.genotype.gvcf_callers import caller_of
from engine.genotype.joint import JointSummary, genotype_gvcfs
from engine.genotype.sample import genotype_sample
from engine.quality.evaluation import evaluate
from engine.quality.thresholds import load_thresholds
from engine.reference.bundle import Contig
from tests.builders.alignments import random_sequence

SEQUENCE = random_sequence(1_000, 5)
OTHER = {"A": "G", "C": "T", "G": "A", "T": "C"}
CONTIGS = (Contig("chr1", 1_000, ""), Contig("chrM", 1_000, ""))
GATK = ['##ALT=<ID=NON_REF,Description="x">', '##FILTER=<ID=LowQual,Description="x">']
DEEPVARIANT = [
    "##DeepVariant_version=1.6.1",
    '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="x">',
    '##FILTER=<ID=RefCall,Description="y">',
]
CLAIR3 = ["##source=Clair3", GATK[0], '##FILTER=<ID=RefCall,Description="y">', '##FILTER=<ID=LowQual,Description="z">']


def line(position: int, call: str, *, contig: str = "chr1", unseen: str = "<NON_REF>", status: str = ".",
         ref: str = "", keys: str = "GT:AD:DP:GQ:PL") -> str:  # fmt: skip
    ref = ref or SEQUENCE[position - 1]
    alts = f"{OTHER.get(ref[0], 'A')}{',' if unseen else ''}{unseen}"
    return f"{contig}\t{position}\t.\t{ref}\t{alts}\t55\t{status}\tDP=30\t{keys}\t{call}\n"


def block(start: int, end: int, call: str = "0/0:60:20:0,60,900", unseen: str = "<NON_REF>") -> str:
    return f"chr1\t{start}\t.\t{SEQUENCE[start - 1]}\t{unseen}\t.\t.\tEND={end}\tGT:GQ:MIN_DP:PL\t{call}\n"


HET = "0/1:14,16,0:30:99:385,0,350,427,398,725"


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "ref.fa"
    path.write_text(f">chr1\n{SEQUENCE}\n>chrM\n{SEQUENCE}\n")
    return path


def write(folder: Path, sample: str, header: list[str], *lines: str) -> Path:
    path = folder / f"{sample}.g.vcf"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
    path.write_text("\n".join(["##fileformat=VCFv4.2", *header, columns + sample, ""]) + "".join(lines))
    return path


def genotyped(fasta: Path, *gvcfs: Path) -> tuple[JointSummary, list[list[str]], str]:
    output = fasta.parent / "out.vcf.gz"
    summary = genotype_gvcfs(gvcfs, CONTIGS, output, fasta=fasta)
    text = gzip.decompress(output.read_bytes()).decode()
    return summary, [row.split("\t") for row in text.splitlines() if not row.startswith("#")], text


def test_the_unseen_allele_has_two_spellings_and_none_in_the_result(fasta: Path, tmp_path: Path) -> None:
    gvcfs = [
        write(tmp_path, "A", DEEPVARIANT, block(1, 99, unseen="<*>"), line(100, HET, unseen="<*>")),
        write(tmp_path, "B", GATK, block(1, 200)),
    ]
    alone, together = genotyped(fasta, gvcfs[0]), genotyped(fasta, *gvcfs)
    assert [row[9].split(":")[0] for row in (*alone[1], *together[1])] == ["0/1", "0/1"]
    assert together[1][0][10].startswith("0/0")
    assert "<" not in alone[1][0][4] and "NON_REF" not in alone[2]


def test_what_its_caller_marked_stays_marked(fasta: Path, tmp_path: Path) -> None:
    marked = line(100, HET, status="LowQual")
    reference = line(200, "0/0:25,5,0:30:21:0,21,400,90,415,485", status="RefCall")
    summary, rows, text = genotyped(
        fasta, write(tmp_path, "A", CLAIR3, marked.replace("LowQual", "Far;Near"), reference)
    )
    assert [(row[1], row[6]) for row in rows] == [("100", "Far;Near")]
    assert summary.pass_records == 0
    assert '##FILTER=<ID=Far,Description="As the caller' in text
    (tmp_path / "A.g.vcf").unlink()
    (row,) = genotyped(fasta, write(tmp_path, "A", CLAIR3, line(100, HET, status="PASS")))[1]
    assert row[6] == "PASS"


UNSURE = "0/1:21,12,0:33:29:29,0,48,990,990,990"
"""A call with a QUAL of 29, below the 30 that GATK asks of its own."""


@pytest.mark.parametrize(("header", "unseen"), [(DEEPVARIANT, "<*>"), (CLAIR3, "<NON_REF>")])
def test_what_another_caller_lets_pass_is_kept_whatever_its_quality(
    fasta: Path, tmp_path: Path, header: list[str], unseen: str
) -> None:
    sure = [line(100, UNSURE, unseen=unseen, status="PASS"), line(200, UNSURE, unseen=unseen, status="RefCall")]
    carrier = write(tmp_path, "A", header, *(row.replace("\t55\t", "\t29\t") for row in sure))
    (row,) = genotyped(fasta, carrier)[1]
    assert (row[1], row[5], row[6], row[9].split(":")[0]) == ("100", "29", "PASS", "0/1")
    other = write(tmp_path, "B", GATK, block(1, 300))
    (row,) = genotyped(fasta, carrier, other)[1]
    assert [value.split(":")[0] for value in row[9:]] == ["0/1", "0/0"]


@pytest.mark.parametrize("missing", ["./.", "."])
def test_what_another_caller_leaves_open_stays_open(fasta: Path, tmp_path: Path, missing: str) -> None:
    """DeepVariant writes so what it is not sure of, as a block too, whose likelihoods may favour an allele not seen."""
    carrier = write(tmp_path, "A", DEEPVARIANT, line(100, HET, unseen="<*>", status="PASS"))
    unsure = write(tmp_path, "B", DEEPVARIANT, block(1, 200, f"{missing}:0:3:20,0,50", unseen="<*>"))
    (row,) = genotyped(fasta, carrier, unsure)[1]
    assert row[10].split(":")[0] == "./." and "AN=2;" in row[7]


def test_a_caller_that_names_itself_nowhere_is_known_by_what_it_declares() -> None:
    assert caller_of(['##FILTER=<ID=RefCall,Description="x">']) == "DeepVariant"
    assert caller_of(["##source=Clair3", '##FILTER=<ID=RefCall,Description="x">']) == "Clair3"
    assert caller_of(['##FILTER=<ID=LowQual,Description="x">']) is None


@pytest.mark.parametrize("quality", ["nan", "-1", "high", "PASS", "1,2"])
def test_a_quality_that_is_none_is_refused_with_its_place(fasta: Path, tmp_path: Path, quality: str) -> None:
    row = line(100, UNSURE, unseen="<*>", status="PASS").replace("\t55\t", f"\t{quality}\t")
    with pytest.raises(VariantFileError, match=f"QUAL is {quality}") as caught:
        genotyped(fasta, write(tmp_path, "A", DEEPVARIANT, row))
    assert caught.value.place == "chr1:100"


def test_of_gatks_own_calls_those_of_low_quality_are_left_out_as_gatk_does(fasta: Path, tmp_path: Path) -> None:
    assert genotyped(fasta, write(tmp_path, "A", GATK, line(100, UNSURE, status="PASS")))[1] == []


def test_of_several_samples_a_mark_is_told_where_it_belongs(fasta: Path, tmp_path: Path) -> None:
    good = write(tmp_path, "A", CLAIR3, line(100, HET, status="PASS"))
    doubtful = write(tmp_path, "B", CLAIR3, line(100, HET, status="Near"))
    _, (row,), text = genotyped(fasta, good, doubtful)
    values = dict(zip(row[8].split(":"), row[10].split(":"), strict=False))
    assert (row[6], values["FT"]) == ("PASS", "Near")
    assert "##FORMAT=<ID=FT," in text


def test_strand_counts_do_not_tell_who_called(fasta: Path, tmp_path: Path) -> None:
    """GATK's gVCF without SB is genotyped as GATK's, alone as with others."""
    gvcf = write(tmp_path, "A", GATK, block(1, 99), line(100, HET))
    reference = SimpleNamespace(fasta=fasta, contigs=CONTIGS)
    genotype_sample(gvcf, reference, tmp_path / "one.vcf.gz")
    (alone,) = [row for row in gzip.decompress((tmp_path / "one.vcf.gz").read_bytes()).decode().splitlines()
                if row[0] != "#"]  # fmt: skip
    (together,) = genotyped(fasta, gvcf)[1]
    assert alone.split("\t") == together and "QD=" in alone and "<NON_REF>" not in alone


def test_a_block_without_reads_is_no_genotype_however_sure(fasta: Path, tmp_path: Path) -> None:
    carrier = write(tmp_path, "A", DEEPVARIANT, line(100, HET, unseen="<*>"))
    nobody = write(tmp_path, "B", DEEPVARIANT, block(1, 200, "0/0:1:0:0,3,29", unseen="<*>"))
    (row,) = genotyped(fasta, carrier, nobody)[1]
    assert row[10] == "./." and "AN=2;" in row[7]


def test_a_record_without_likelihoods_is_written_counted_and_told(fasta: Path, tmp_path: Path) -> None:
    """DRAGEN writes SQ and AF on chrM, and no PL."""
    mito = line(263, "0/1:95.3:2,1690,0:1692", contig="chrM", status="PASS", keys="GT:SQ:AD:DP")
    gvcf = write(tmp_path, "A", ["##DRAGENVersion=x", *GATK], line(100, HET), mito)
    summary, rows, text = genotyped(fasta, gvcf)
    assert (summary.records, summary.not_genotyped, summary.first_not_genotyped) == (2, 1, "chrM:263")
    assert rows[1][0] == "chrM" and rows[1][6] == "NoLikelihoods" and rows[1][9] == "./.:2,1690:1692"
    assert "##FILTER=<ID=NoLikelihoods," in text


def test_more_reads_of_the_alleles_than_reads_are_told(
    fasta: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beyond = write(tmp_path, "A", GATK, line(100, HET), line(200, HET.replace(":30:", ":29:")), line(300, HET))
    sound = write(tmp_path, "B", GATK, block(1, 150), line(200, HET), block(201, 400))
    for gvcfs in ([beyond], [beyond, sound]):
        summary = genotyped(fasta, *gvcfs)[0]
        assert (summary.beyond_depth, summary.first_beyond_depth) == (1, "chr1:200")
        arguments = ["genotype", "--quiet", "--reference", fasta, "--output", tmp_path / "o.vcf"]
        assert cli.main([str(one) for one in arguments + [part for path in gvcfs for part in ("--gvcf", path)]]) == 0
        assert "1 records, the first at chr1:200, tell of more reads of the alleles" in capsys.readouterr().err
    assert genotyped(fasta, sound)[0].beyond_depth == 0


@pytest.mark.parametrize(
    ("genotype", "told"), [("/0/1", "0/1"), ("|0/1", "0/1"), ("/0|1", "0/1"), ("|0|1", "0|1"), ("|1|0", "1|0")]
)
def test_a_phase_before_the_first_allele_is_no_allele(fasta: Path, tmp_path: Path, genotype: str, told: str) -> None:
    """VCF 4.4 allows it."""
    gvcf = write(tmp_path, "A", GATK, line(100, HET.replace("0/1", genotype)))
    assert genotyped(fasta, gvcf)[1][0][9].startswith(f"{told}:14,16:30:")


@pytest.mark.parametrize("genotypes", [("0|1", "1|0"), ("1|0", "1|0"), ("1|0", "0|1")])
def test_variants_stay_on_the_haplotypes_that_the_gvcf_puts_them_on(
    fasta: Path, tmp_path: Path, genotypes: tuple[str, str]
) -> None:
    lines = [
        line(position, f"{HET.replace('0/1', genotype)}:100", keys="GT:AD:DP:GQ:PL:PS")
        for position, genotype in zip((100, 130), genotypes, strict=True)
    ]
    other = write(tmp_path, "B", GATK, block(1, 99), line(100, HET), block(101, 400))
    for gvcfs in ([write(tmp_path, "A", GATK, *lines)], [other, write(tmp_path, "A", GATK, *lines)]):
        assert tuple(row[9].partition(":")[0] for row in genotyped(fasta, *gvcfs)[1]) == genotypes


def test_a_sample_with_records_that_could_not_be_genotyped_stops_at_its_gate(fasta: Path, tmp_path: Path) -> None:
    gvcf = write(tmp_path, "A", GATK, line(100, HET), line(200, "1/1:0,30,0:30:90", keys="GT:AD:DP:GQ"))
    summary = genotype_sample(gvcf, SimpleNamespace(fasta=fasta, contigs=CONTIGS), tmp_path / "one.vcf.gz")
    shut = [verdict for verdict in evaluate(load_thresholds().of("variants"), vars(summary)) if verdict.blocks]
    assert [str(verdict) for verdict in shut] == ["not_genotyped: observed 1, expected not_genotyped = 0"]


def test_the_command_tells_what_it_could_not_genotype(
    fasta: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gvcf = write(tmp_path, "A", GATK, line(100, "1/1:0,30,0:30:90", keys="GT:AD:DP:GQ"))
    arguments = ["genotype", "--quiet", "--reference", fasta, "--gvcf", gvcf, "--output", tmp_path / "o.vcf"]
    assert cli.main([str(argument) for argument in arguments]) == 0
    assert "warning: 1 records of the gVCFs could not be genotyped, the first at chr1:100" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "keys", "told"),
    [
        ("0/1:14,16,0:30:99:385,0,350", "GT:AD:DP:GQ:PL", "PL has 3 values and not 6"),
        ("0/1:14,16:30:99:385,0,350,427,398,725", "GT:AD:DP:GQ:PL", "AD has 2 values and not 3"),
        ("0/7:14,16,0:30:99:385,0,350,427,398,725", "GT:AD:DP:GQ:PL", "GT is 0/7"),
        ("0/1/1:14,16,0:30:99:385,0,350,427,398,725", "GT:AD:DP:GQ:PL", "PL has 6 values and not 10"),
        ("0/1:14,16,0:30:99:385,0,-35,427,398,725", "GT:AD:DP:GQ:PL", "PL has a value below zero"),
        ("0/1:14,16,0:30:99:385,0,x,427,398,725", "GT:AD:DP:GQ:PL", "no whole number"),
        ("x:14,16,0:30:99:385,0,350,427,398,725", "GT:AD:DP:GQ:PL", "GT is x"),
        (f"{HET}:7,7,8", "GT:AD:DP:GQ:PL:SB", "SB has 3 values and not 4"),
    ],
)
def test_lists_of_the_wrong_length_are_refused(call: str, keys: str, told: str, fasta: Path, tmp_path: Path) -> None:
    gvcf = write(tmp_path, "A", GATK, block(1, 99), line(100, call, keys=keys))
    for gvcfs in ([gvcf], [gvcf, write(tmp_path, "B", GATK, block(1, 200))]):
        with pytest.raises(VariantFileError, match=told) as caught:
            genotyped(fasta, *gvcfs)
        assert (caught.value.sample, caught.value.place, caught.value.file) == ("A", "chr1:100", str(gvcf))


def test_a_gvcf_of_another_sequence_under_the_same_names_is_refused(fasta: Path, tmp_path: Path) -> None:
    wrong = OTHER[SEQUENCE[99]]
    gvcf = write(tmp_path, "B", GATK, line(100, HET, ref=wrong))
    good = write(tmp_path, "A", GATK, line(100, HET))
    for gvcfs in ([gvcf], [good, gvcf]):
        with pytest.raises(ReferenceMismatchError, match=f"REF is {wrong}, and the reference reads") as caught:
            genotyped(fasta, *gvcfs)
        assert (caught.value.sample, caught.value.place) == ("B", "chr1:100")
    with pytest.raises(ReferenceMismatchError, match="inconsistent references"):
        genotype_gvcfs([good, gvcf], CONTIGS, tmp_path / "out.vcf.gz")


def test_codes_of_the_fasta_do_not_reach_the_vcf(fasta: Path, tmp_path: Path) -> None:
    """Where the reference has R, REF may be N as GATK has it, or the first base as bcftools has; R itself is no VCF."""
    fasta.write_text(f">chr1\n{SEQUENCE[:99]}R{SEQUENCE[100:]}\n")
    for ref in ("N", "A"):
        assert genotyped(fasta, write(tmp_path, "A", GATK, line(100, HET, ref=ref)))[1][0][3] == ref
    with pytest.raises(VariantFileError, match="R is neither bases nor <NON_REF>"):
        genotyped(fasta, write(tmp_path, "A", GATK, line(100, HET, ref="R")))
    with pytest.raises(ReferenceMismatchError, match="REF is C"):
        genotyped(fasta, write(tmp_path, "A", GATK, line(100, HET, ref="C")))


def test_a_gvcf_without_records_or_without_the_unseen_allele_is_refused(fasta: Path, tmp_path: Path) -> None:
    with pytest.raises(VariantFileError, match="holds no record"):
        genotyped(fasta, write(tmp_path, "A", GATK))
    with pytest.raises(VariantFileError, match="no <NON_REF> or <\\*> allele"):
        genotyped(fasta, write(tmp_path, "A", GATK, line(100, "0/1:14,16:30:99:385,0,350", unseen="")))


@pytest.mark.parametrize("info", ["BaseQRankSum=low", "MQRankSum=1,2", "RAW_MQandDP=108000.0,30", "RAW_MQandDP=7"])
def test_a_measure_that_is_no_number_is_refused_with_its_place(info: str, fasta: Path, tmp_path: Path) -> None:
    record = line(100, HET).replace("DP=30", f"DP=30;{info}", 1)
    with pytest.raises(VariantFileError, match=r"chr1:100.*the record is not as VCF has it") as caught:
        genotyped(fasta, write(tmp_path, "A", GATK, record))
    assert "A" in str(caught.value)


@pytest.mark.parametrize("info", ["BaseQRankSum=.", "BaseQRankSum=nan;MQRankSum=-inf", "RAW_MQandDP=.,."])
def test_a_measure_that_says_nothing_is_absent(info: str, fasta: Path, tmp_path: Path) -> None:
    record = line(100, HET).replace("DP=30", f"DP=30;{info}", 1)
    _, ((*columns, call),), _ = genotyped(fasta, write(tmp_path, "A", GATK, record))
    assert call.startswith("0/1") and "RankSum" not in columns[7] and "MQ=" not in columns[7]


@pytest.mark.parametrize("key", ["AD", "PL", "SB"])
def test_a_list_with_a_fraction_is_refused(key: str, fasta: Path, tmp_path: Path) -> None:
    keys, call = "GT:AD:DP:GQ:PL:SB", f"{HET}:7,7,8,8"
    values = dict(zip(keys.split(":"), call.split(":"), strict=True))
    values[key] = values[key].replace(",", ".5,", 1)
    with pytest.raises(VariantFileError, match=r"chr1:100.*\.5"):
        genotyped(fasta, write(tmp_path, "A", GATK, line(100, ":".join(values.values()), keys=keys)))


@pytest.mark.parametrize("depths", [".", ".,.,.", "14,.,0"])
def test_reads_that_nobody_told_apart_are_not_given_to_the_reference(depths: str, fasta: Path, tmp_path: Path) -> None:
    _, ((*_, keys, call),), _ = genotyped(
        fasta, write(tmp_path, "A", GATK, line(100, HET.replace("14,16,0", depths), keys="GT:AD:DP:GQ:PL"))
    )
    assert call.startswith("0/1:") and "AD" not in keys.split(":")


def test_the_unseen_allele_may_stand_first(fasta: Path, tmp_path: Path) -> None:
    ref = SEQUENCE[99]
    record = line(100, "0/2:14,0,16:30:99:385,427,725,0,398,350").replace(
        f"{OTHER[ref]},<NON_REF>", f"<NON_REF>,{OTHER[ref]}"
    )
    _, (columns,), _ = genotyped(fasta, write(tmp_path, "A", GATK, record))
    assert columns[3:5] == [ref, OTHER[ref]] and columns[9] == "0/1:14,16:30:99:385,0,350"


@pytest.mark.parametrize("alts", ["{ref},<NON_REF>", "{alt},{alt},<NON_REF>", "{alt},<NON_REF>,<*>"])
def test_an_allele_that_stands_there_twice_is_refused(alts: str, fasta: Path, tmp_path: Path) -> None:
    ref = SEQUENCE[99]
    told = alts.format(ref=ref, alt=OTHER[ref])
    record = line(100, HET).replace(f"{OTHER[ref]},<NON_REF>", told)
    with pytest.raises(VariantFileError, match=r"chr1:100.*an allele stands there twice"):
        genotyped(fasta, write(tmp_path, "A", GATK, record))


def test_a_record_without_ref_and_a_second_header_are_refused(fasta: Path, tmp_path: Path) -> None:
    gvcf = write(tmp_path, "A", GATK, line(100, HET).replace(f"\t{SEQUENCE[99]}\t", "\t\t", 1))
    with pytest.raises(VariantFileError, match=r"line 5: this line is not a gVCF record"):
        genotyped(fasta, gvcf)
    with pytest.raises(VariantFileError, match=r"line 5: this line is not a gVCF record"):
        genotyped(fasta, write(tmp_path, "A", GATK, block(50, 40)), write(tmp_path, "B", GATK, line(100, HET)))
    gvcf = write(tmp_path, "A", GATK, line(100, HET))
    gvcf.write_text(gvcf.read_text() + write(tmp_path, "B", GATK, line(200, HET)).read_text())
    with pytest.raises(VariantFileError, match=r"line 9: a second header"):
        genotyped(fasta, gvcf)


@pytest.mark.parametrize("alt", ["{0}[chr1:300[", "]chrM:300]{0}", "{0}[9:300[", "{0}.", "<DEL>", "<INS:ME:ALU>"])
def test_structural_variants_among_small_ones_are_refused_by_their_name(alt: str, fasta: Path, tmp_path: Path) -> None:
    ref = SEQUENCE[99]
    record = line(100, HET).replace(f"{OTHER[ref]},<NON_REF>", f"{alt.format(ref)},<NON_REF>")
    gvcf = write(tmp_path, "A", GATK, record)
    for gvcfs in ([gvcf], [gvcf, write(tmp_path, "B", GATK, block(1, 200))]):
        with pytest.raises(VariantFileError, match="is a structural variant") as caught:
            genotyped(fasta, *gvcfs)
        assert (caught.value.sample, caught.value.place, caught.value.file) == ("A", "chr1:100", str(gvcf))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("14,16,0", "14,99999999999,0", "AD has a value above"),
        (":385,", ":99999999999,", "PL has a value above"),
        (":385,", ":38.5,", "PL '38.5' is no whole number"),
        ("14,16,0", "14,1e1,0", "AD '1e1' is no whole number"),
        (":30:99:", ":3.0:99:", "DP '3.0' is no whole number"),
        (":30:99:", ":99999999999:99:", "DP is 99999999999"),
        (":30:99:", ":30:99999999999:", "GQ is 99999999999"),
        (":30:99:", ":30:-9:", "GQ is -9"),
        (":30:99:", ":30:high:", "GQ is high"),
        ("DP=30", "DP=99999999999", "DP is 99999999999"),
        ("DP=30", "DP=30;MQRankSum=1e300", "MQRankSum is 1e300"),
        ("DP=30", "DP=30;RAW_MQandDP=108000,0", "RAW_MQandDP is 108000,0"),
        ("\t55\t", "\t1e400\t", "QUAL is 1e400"),
        ("GQ:PL", "PL:PL", "5 values stand for the keys"),
        ("427,398,725", "427,398,725:7", "6 values stand for the keys"),
    ],
)
def test_numbers_that_no_caller_writes_are_refused(old: str, new: str, told: str, fasta: Path, tmp_path: Path) -> None:
    """Some of them would take hours to reckon with, or make a variant vanish."""
    gvcf = write(tmp_path, "A", GATK, line(100, HET).replace(old, new, 1))
    with pytest.raises(VariantFileError, match=told) as caught:
        genotyped(fasta, gvcf)
    assert (caught.value.sample, caught.value.place) == ("A", "chr1:100")


@pytest.mark.parametrize("name", ["", " "])
def test_a_sample_without_a_name_is_refused(name: str, fasta: Path, tmp_path: Path) -> None:
    """No reader of htslib opens a VCF with such a column."""
    gvcf = write(tmp_path, name, GATK, line(100, HET))
    with pytest.raises(VariantFileError, match=r"column has no name.*Remedy: name the sample"):
        genotyped(fasta, gvcf)


@pytest.mark.parametrize("change", [("\t100\t", "\t+100\t"), ("\t100\t", "\t1_00\t"), ("\t.\tDP", "\t\tDP"),
                                    ("\t100\t", "\t12345678901234\t"), ("DP=30", "")])  # fmt: skip
def test_a_line_that_is_no_record_is_refused_by_its_number(
    change: tuple[str, str], fasta: Path, tmp_path: Path
) -> None:
    gvcf = write(tmp_path, "A", GATK, line(100, HET).replace(*change, 1))
    with pytest.raises(VariantFileError, match="line 5: this line is not a gVCF record"):
        genotyped(fasta, gvcf)


def test_a_block_that_ends_behind_its_contig_is_refused(fasta: Path, tmp_path: Path) -> None:
    carrier = write(tmp_path, "A", GATK, line(100, HET))
    with pytest.raises(ReferenceMismatchError, match="reaches beyond the end of chr1, which has 1,000 bases"):
        genotyped(fasta, carrier, write(tmp_path, "B", GATK, block(50, 1_001)))
    with pytest.raises(VariantFileError, match="not a gVCF record"):
        genotyped(fasta, carrier, write(tmp_path, "C", GATK, block(50, 99_999_999_999)))


def test_a_block_that_no_site_needs_is_judged_by_where_its_contig_ends(fasta: Path, tmp_path: Path) -> None:
    header = [*GATK, "##contig=<ID=chr1,length=1000>"]
    gvcf = write(tmp_path, "A", header, line(100, HET), block(200, 1_001))
    with pytest.raises(VariantFileError, match="the record ends at 1,001, and chr1 has 1,000 bases") as caught:
        genotype_sample(gvcf, SimpleNamespace(fasta=fasta, contigs=CONTIGS), tmp_path / "one.vcf.gz")
    assert (caught.value.file, caught.value.place) == (str(gvcf), "chr1:200")


def test_a_block_with_two_ends_is_refused(fasta: Path, tmp_path: Path) -> None:
    twice = block(50, 90).replace("END=90", "END=90;END=95")
    reference = SimpleNamespace(fasta=fasta, contigs=CONTIGS)
    with pytest.raises(VariantFileError, match="line 5: this line is not a record"):
        genotype_sample(write(tmp_path, "A", GATK, twice, line(100, HET)), reference, tmp_path / "one.vcf.gz")
    with pytest.raises(VariantFileError, match="not a gVCF record"):
        genotyped(fasta, tmp_path / "A.g.vcf", write(tmp_path, "B", GATK, line(100, HET)))
    with pytest.raises(VariantFileError, match="INFO has two values of DP"):
        genotyped(fasta, write(tmp_path, "C", GATK, line(100, HET).replace("DP=30", "DP=30;DP=31", 1)))


def test_blocks_that_reach_over_what_follows_are_told(
    fasta: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlapping = write(tmp_path, "A", GATK, block(1, 150), line(100, HET), block(101, 300), block(290, 400))
    sound = write(tmp_path, "B", GATK, block(1, 99), line(100, HET), block(100, 100), block(101, 400))
    reference = SimpleNamespace(fasta=fasta, contigs=CONTIGS)
    told = genotype_sample(overlapping, reference, tmp_path / "one.vcf.gz")
    assert (told.overlapping_blocks, told.first_overlapping_block) == (2, "chr1:1")
    assert genotype_sample(sound, reference, tmp_path / "two.vcf.gz").overlapping_blocks == 0
    arguments = ["genotype", "--quiet", "--reference", fasta, "--output", tmp_path / "o.vcf"]
    for gvcfs in ([overlapping], [overlapping, sound]):
        assert cli.main([str(one) for one in arguments + [part for path in gvcfs for part in ("--gvcf", path)]]) == 0
        assert "2 reference blocks reach over the record behind them, the first at chr1:1:" in capsys.readouterr().err
