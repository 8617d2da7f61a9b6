import gzip
import hashlib
import random
from itertools import pairwise
from types import SimpleNamespace

import pysam
import pytest

from engine.call import gvcf as gvcf_module
from engine.call.alignments import check_alignments
from engine.call.caller import call_gvcf, variant_caller
from engine.call.gvcf import called_stretches, is_called, measure_gvcf
from engine.errors import AlignmentFileError, ReferenceMismatchError, ToolError, VariantFileError
from engine.machines.named import machines_named
from engine.reference.bundle import Contig
from engine.reference.intervals import Interval
from tests.builders.alignments import Haplotype, random_sequence, write_bam, write_reference
from tests.builders.gvcf import gvcf_records

SEQUENCE = random_sequence(4_000)
SNP = (1_000, SEQUENCE[1_000], "A" if SEQUENCE[1_000] != "A" else "C")
INSERTION = (1_500, SEQUENCE[1_500], SEQUENCE[1_500] + "GATTACA")
DELETION = (2_000, SEQUENCE[2_000:2_006], SEQUENCE[2_000])


@pytest.fixture(scope="module")
def person(tmp_path_factory):
    """A heterozygous SNP and deletion, a homozygous insertion."""
    folder = tmp_path_factory.mktemp("person")
    reference = write_reference(folder, {"chr20": SEQUENCE})
    copies = [
        Haplotype("chr20", SEQUENCE, (SNP, INSERTION)),
        Haplotype("chr20", SEQUENCE, (INSERTION, DELETION)),
    ]
    return SimpleNamespace(reference=reference, reads=write_bam(folder / "S1.bam", reference, copies))


def variants(gvcf):
    with pysam.VariantFile(str(gvcf)) as records:
        return [
            (record.start, record.ref, record.alts[0], record.samples[0]["GT"])
            for record in records
            if record.alts[0] != "<NON_REF>"
        ]


def trimmed(start, ref, alt):
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    return start, ref, alt


def test_bcftools_finds_what_was_planted_and_covers_every_target_base(person, tmp_path):
    output = tmp_path / "S1.g.vcf.gz"
    summary = call_gvcf(person.reads, person.reference, output, caller="bcftools", sample="S1")
    found = {trimmed(*each[:3]): each[3] for each in variants(output)}
    assert found[SNP] == (0, 1)
    assert sum(genotype == (1, 1) for genotype in found.values()) == 1
    assert {len(alt) - len(ref) for _, ref, alt in found} == {0, 7, -5}
    assert summary.variant_records == len(found) == 3
    assert (summary.target_bases, summary.uncovered_target_bases) == (4_000, 0)
    assert summary.mean_genotype_quality > 40
    assert summary.caller_version.startswith("bcftools 1.")
    assert (tmp_path / "S1.g.vcf.gz.tbi").is_file()


def test_that_a_caller_is_not_cut_into_shards_for_other_machines_is_told(person, tmp_path):
    told = []
    machines = machines_named("slurm")  # nobody is asked for one
    call_gvcf(
        person.reads, person.reference, tmp_path / "o.g.vcf.gz", caller="bcftools", machines=machines, log=told.append
    )
    first, needs = told
    assert first == "the caller bcftools is not cut into shards: this machine calls all of it"
    assert needs.startswith("calling takes about ")


def test_bases_between_targets_are_not_called_and_bases_without_reads_are_no_calls(person, tmp_path):
    bed = tmp_path / "targets.bed"
    bed.write_text("chr20\t900\t1100\nchr20\t3990\t4000\n")
    summary = call_gvcf(person.reads, person.reference, tmp_path / "S1.g.vcf.gz", targets=bed, padding=40)
    records = list(gvcf_records(tmp_path / "S1.g.vcf.gz"))
    assert (records[0].start, records[-1].end) == (860, 4_000)
    assert not any(1_140 <= record.start < 3_950 for record in records)
    assert summary.uncovered_target_bases == 0
    assert summary.no_call_target_bases > 0
    assert summary.target_bases == 210


def test_the_same_bytes_for_any_number_of_threads(person, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.reference.intervals.shards.__defaults__", (2_000,))
    digests = set()
    for threads in (1, 3):
        output = tmp_path / f"{threads}.g.vcf.gz"
        summary = call_gvcf(person.reads, person.reference, output, threads=threads)
        assert summary.uncovered_target_bases == 0
        digests.add(hashlib.sha256(output.read_bytes()).hexdigest())
    assert len(digests) == 1
    header = gzip.decompress(output.read_bytes()).decode().split("#CHROM")[0]
    assert str(tmp_path) not in header and "reference=" not in header and "Command" not in header


def test_a_man_has_one_x_and_a_woman_no_y(tmp_path):
    sequence = random_sequence(2_000, seed=2)
    snp = (700, sequence[700], "A" if sequence[700] != "A" else "C")
    reference = write_reference(tmp_path, {"chrM": sequence})
    reads = write_bam(tmp_path / "S1.bam", reference, [Haplotype("chrM", sequence, (snp,))])
    call_gvcf(reads, reference, tmp_path / "S1.g.vcf.gz", sex="male")
    assert variants(tmp_path / "S1.g.vcf.gz") == [(*snp, (1,))]

    y_only = SimpleNamespace(fasta=reference.fasta, contigs=(Contig("chrM", 2_000, ""), Contig("chrY", 57_227_415, "")))
    header = pysam.AlignmentHeader.from_dict(
        {"HD": {"VN": "1.6", "SO": "coordinate"}, "RG": [{"ID": "1", "SM": "S1"}],
         "SQ": [{"SN": contig.name, "LN": contig.length} for contig in y_only.contigs]}
    )  # fmt: skip
    pysam.AlignmentFile(str(tmp_path / "y.bam"), "wb", header=header).close()
    pysam.index(str(tmp_path / "y.bam"))
    with pytest.raises(ReferenceMismatchError, match="a female sample has no chrY"):
        call_gvcf(tmp_path / "y.bam", y_only, tmp_path / "y.g.vcf.gz", sex="female", region="chrY")


def test_a_sample_without_reads_is_all_no_call(tmp_path):
    reference = write_reference(tmp_path, {"chr1": "ACGTN" * 100})
    reads = write_bam(tmp_path / "S1.bam", reference, [])
    summary = call_gvcf(reads, reference, tmp_path / "S1.g.vcf.gz")
    assert (summary.records, summary.mean_genotype_quality) == (1, 0)
    assert (summary.target_bases, summary.no_call_target_bases) == (400, 400)  # every fifth base is N


def refused(error, said, reads, contigs, **options):
    with pytest.raises(error, match=said) as caught:
        check_alignments(reads, contigs, **options)
    assert caught.value.remedy and caught.value.file == str(reads)


def test_reads_unfit_for_calling_are_refused_with_the_reason(person, tmp_path):
    contigs, copy = person.reference.contigs, Haplotype("chr20", SEQUENCE)
    bad = AlignmentFileError
    refused(bad, "does not exist", tmp_path / "no.bam", contigs)
    refused(bad, "are of sample S1", person.reads, contigs, sample="S2")
    whole = person.reads.read_bytes()
    for name, content, said in [
        ("cut.bam", whole[:-28], "truncated"),
        ("text.bam", b"reads", "not a readable BAM"),
        ("reads.bam", b"@r\nACGT\n+\nIIII\n", "not a readable BAM"),
        ("sam.bam", b"@HD\tVN:1.6\n", "not a readable BAM"),
        ("empty.bam", b"", "not a readable BAM"),
    ]:
        (tmp_path / name).write_bytes(content)
        refused(bad, said, tmp_path / name, contigs)
    pysam.view(
        "-C", "-T", str(person.reference.fasta), "-o", str(tmp_path / "cut.cram"), str(person.reads), catch_stdout=False
    )
    (tmp_path / "cut.cram").write_bytes((tmp_path / "cut.cram").read_bytes()[:-38])
    refused(bad, "truncated", tmp_path / "cut.cram", contigs)
    unsorted = write_bam(tmp_path / "u.bam", person.reference, [copy], sort_order="unsorted")
    refused(bad, "not sorted", unsorted, contigs)
    nameless = write_bam(tmp_path / "n.bam", person.reference, [copy], read_group=False)
    refused(bad, "no read group", nameless, contigs)
    (tmp_path / "lone.bam").write_bytes(whole)
    refused(bad, "no index", tmp_path / "lone.bam", contigs)
    other = ReferenceMismatchError
    refused(other, "4,000 bases in the reads' header and 4,001", person.reads, (Contig("chr20", 4_001, ""),))
    refused(
        other,
        f"has M5 {contigs[0].md5} in the reads' header and {'0' * 32}",
        person.reads,
        (Contig("chr20", 4_000, "0" * 32),),
    )
    refused(other, "no contig 'chr21'", person.reads, (Contig("chr21", 4_000, ""),))


def test_an_unknown_caller_is_refused():
    with pytest.raises(ToolError, match="no variant caller 'magic'"):
        variant_caller("magic")


def test_gaps_in_a_gvcf_are_counted(tmp_path):
    gvcf = tmp_path / "x.g.vcf"
    line = "c\t{}\t.\tA\t{}\t.\t.\t{}\tGT:DP:GQ\t{}\n".format
    gvcf.write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
        + line(11, "<NON_REF>", "END=20", "0/0:9:27")
        + line(21, "C,<NON_REF>", "DP=9", "0/1:9:50")
        + line(31, "<NON_REF>", "END=40", "./.:0:0")
    )
    measures = measure_gvcf(gvcf, [Interval("c", 10, 25), Interval("c", 30, 40), Interval("d", 0, 5)])
    assert (measures.records, measures.variant_records, measures.reference_blocks) == (3, 1, 2)
    assert (measures.target_bases, measures.uncovered_target_bases) == (30, 9)
    assert measures.no_call_target_bases == 10
    assert measures.mean_genotype_quality == pytest.approx((10 * 27 + 50) / 30)


def test_a_place_is_called_where_good_records_with_reads_cover_all_of_it(tmp_path):
    line = "c\t{}\t.\tACGT\t{}\t.\t.\t{}\tGT:DP:GQ:MIN_DP\t{}\n".format
    gvcf = tmp_path / "x.g.vcf.gz"
    with pysam.BGZFile(str(gvcf), "wb") as file:
        keys = (
            'FORMAT=<ID=GT,Number=1,Type=String,Description="">',
            'INFO=<ID=END,Number=1,Type=Integer,Description="">',
        )
        numbers = (f'FORMAT=<ID={key},Number=1,Type=Integer,Description="">' for key in ("DP", "GQ", "MIN_DP"))
        header = ["##fileformat=VCFv4.2", "##contig=<ID=c,length=900>", *(f"##{key}" for key in (*keys, *numbers))]
        text = "\n".join([*header, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"])
        text += line(11, "<NON_REF>", "END=20", "0/0:30:27:9")
        text += line(21, "A,<NON_REF>", ".", "0/1:9:50:.") + line(25, "<NON_REF>", "END=30", "0/0:9:19:9")
        text += line(31, "<NON_REF>", "END=40", "0/0:9:99:0")
        file.write(text.encode())
    pysam.tabix_index(str(gvcf), preset="vcf")
    called = {(start, end): is_called(gvcf, Interval("c", start, end)) for start, end in [(10, 24), (15, 16), (23, 24)]}
    assert all(called.values()), called
    wanting = [(9, 11), (23, 25), (24, 25), (30, 31), (40, 41)]
    assert not any(is_called(gvcf, Interval("c", start, end)) for start, end in wanting)
    assert not is_called(gvcf, Interval("d", 5, 6))
    with pytest.raises(VariantFileError, match="cannot be read"):
        is_called(tmp_path / "none.g.vcf.gz", Interval("c", 5, 6))


def test_called_stretches_are_the_bases_of_good_records_with_reads(tmp_path, monkeypatch):
    """Blocks that touch, overlap and leave gaps, cut into small pieces on the way."""
    monkeypatch.setattr(gvcf_module, "_PIECE", 200)
    drawn = random.Random(3)
    lines, expected = [], set()
    for contig in ("c", "d"):
        position = 1
        for _ in range(200):
            end = position + drawn.randrange(12)
            quality, depth = drawn.choice([0, 19, 20, 99, 99]), drawn.choice([0, 9, 9, 9])
            lines.append(
                f"{contig}\t{position}\t.\tA\t<NON_REF>\t.\t.\tEND={end}\tGT:GQ:MIN_DP\t0/0:{quality}:{depth}\n"
            )
            if quality >= 20 and depth:
                expected |= {(contig, base) for base in range(position - 1, end)}
            position = max(position, end - 3 + drawn.randrange(8))
    gvcf = tmp_path / "x.g.vcf"
    gvcf.write_text("#CHROM\n" + "".join(lines))
    called = called_stretches(gvcf)
    assert {(contig, base) for contig in called for span in called[contig] for base in range(*span)} == expected
    for stretches in called.values():
        assert all(before[1] < after[0] for before, after in pairwise(stretches))


def test_a_damaged_gvcf_is_named_with_its_line(tmp_path):
    gvcf = tmp_path / "x.g.vcf"
    gvcf.write_text("##fileformat=VCFv4.2\nc\t1\t.\tA\n")
    with pytest.raises(VariantFileError, match="not a record") as caught:
        measure_gvcf(gvcf, [])
    assert caught.value.place == "line 2"


def test_records_of_a_contig_within_another_are_not_taken_for_the_others(tmp_path):
    gvcf = tmp_path / "x.g.vcf"
    contigs = ["chr1", "chr1", "chr2", "chr1"]
    blocks = [f"{name}\t{at}\t.\tA\t<NON_REF>\t.\t.\tEND={at + 9}\tGT:GQ:MIN_DP\t0/0:60:20\n"
              for at, name in zip((1, 11, 21, 31), contigs, strict=True)]  # fmt: skip
    gvcf.write_text("#CHROM\n" + "".join(blocks))
    with pytest.raises(VariantFileError, match="not sorted") as caught:
        called_stretches(gvcf)
    assert caught.value.place == "chr1:31"
    gvcf.write_text("#CHROM\n" + "".join(blocks[:3]))
    assert called_stretches(gvcf) == {"chr1": [(0, 20)], "chr2": [(20, 30)]}


@pytest.mark.parametrize(
    ("position", "end"), [(50, 40), (50, 49), (0, 10), (50, 4_000_000_000), (9_999_999_999, 9_999_999_999)]
)
def test_a_record_that_lies_nowhere_is_refused_with_its_place(tmp_path, position, end):
    gvcf = tmp_path / "x.g.vcf"
    gvcf.write_text(f"#CHROM\nc\t{position}\t.\tA\t<NON_REF>\t.\t.\tEND={end}\tGT:GQ:MIN_DP\t0/0:60:20\n")
    with pytest.raises(VariantFileError, match=r"x\.g\.vcf, (c:|line 2)"):
        called_stretches(gvcf)


def test_real_reads_give_nearly_the_known_variants(shared_data, tmp_path):
    """NA12878 at 52x: bcftools finds at least 44 of the 45 SNPs in the confident regions."""
    folder = shared_data / "na12878_chr20_10m"
    fasta = folder / "ucsc.hg19.chr20.unittest.fasta.gz"
    with pysam.FastaFile(str(fasta)) as sequences:
        contigs = (Contig("chr20", sequences.lengths[0], ""),)
    reference = SimpleNamespace(fasta=fasta, contigs=contigs)
    bed = tmp_path / "confident.bed"
    rows = [line.split() for line in (folder / "test_nist.b37_chr20_100kbp_at_10mb.bed").read_text().splitlines()]
    bed.write_text("".join(f"chr20\t{start}\t{end}\n" for _, start, end, *_ in rows))
    reads = folder / "NA12878_S1.chr20.10_10p1mb.bam"
    summary = call_gvcf(reads, reference, tmp_path / "x.g.vcf.gz", targets=bed, threads=2)
    assert summary.uncovered_target_bases == 0
    found = {(start, ref, alt) for start, ref, alt, _ in variants(tmp_path / "x.g.vcf.gz")}
    truth = folder / "test_nist.b37_chr20_100kbp_at_10mb.vcf.gz"
    with pysam.VariantFile(str(truth)) as records:
        known = {
            (record.start, record.ref, record.alts[0])
            for record in records
            if len(record.ref) == len(record.alts[0]) == 1
            and any(int(start) <= record.start < int(end) for _, start, end, *_ in rows)
        }
    assert len(known) == 45
    assert len(known & found) >= 44


def test_the_kernel_reads_every_kind_of_line_as_python_would(tmp_path):
    line = "{}\t{}\t.\t{}\t{}\t.\t.\t{}\t{}\t{}\n".format
    lines = [
        ("c", 1, "A", "<NON_REF>", "END=9", "GT:DP:GQ:MIN_DP:PL", "0/0:30:99:25:0,1,2", (0, 9, False, 99, 25)),
        ("c", 10, "ACG", "A,<NON_REF>", "DP=3;END=12", "GT:GQ", "0/1:7", (9, 12, True, 7, 0)),
        ("c", 13, "AC", "<*>", ".", "GT:MIN_DP:DP", "0/0:3:8", (12, 14, False, 0, 3)),
        ("c", 15, "A", ".", "XEND=3", "GT:GQ:DP", "./.:.:.", (14, 15, False, 0, 0)),
        ("d", 1, "A", "<DEL>", "END=100;X", "GT:DP:GQ", "0/1:4", (0, 100, True, 0, 4)),
        ("d", 200, "A", "*,<NON_REF>", ".", "GT", "0/1", (199, 200, True, 0, 0)),
    ]
    gvcf = tmp_path / "x.g.vcf"
    gvcf.write_text("#CHROM\n" + "".join(line(*each[:7]) for each in lines))
    read = list(gvcf_records(gvcf))
    assert read == [(each[0], *each[7]) for each in lines]
    for wrong in ("c\tx\t.\tA\tC\t.\t.\t.\tGT\t0/1\n", "c\t1\t.\tA\tC\t.\t.\t.\tGT:GQ\t0/1:a\n", "c\t1\n", "\n"):
        gvcf.write_text("#CHROM\n" + line(*lines[0][:7]) + wrong)
        with pytest.raises(VariantFileError) as caught:
            list(gvcf_records(gvcf))
        assert caught.value.place == "line 3"
