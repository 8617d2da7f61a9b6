import gzip
import subprocess
import sys

import pysam
import pytest

from benchmarks.chains import Setting, callers_on_the_same_reads, engine_steps
from benchmarks.comparison import accuracy, ratios, table
from benchmarks.measure import Cost, StepFailedError, run
from benchmarks.simulate import READ_LENGTH, simulate
from engine.reference.intervals import Interval
from tests.builders.alignments import random_sequence, write_reference

SEQUENCE = random_sequence(20_000, seed=9)
WINDOW = Interval("chr20", 2_000, 18_000)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Reads at 10x of a person with a heterozygous and a homozygous SNP in the window."""
    folder = tmp_path_factory.mktemp("simulated")
    reference = write_reference(folder, {"chr20": SEQUENCE})
    header = "##fileformat=VCFv4.2\n##contig=<ID=chr20>\n##FORMAT=<ID=GT,Number=1,Type=String,Description=x>\n"
    rows = [(100, "0/1"), (5_000, "0/1"), (9_000, "1/1"), (9_000, "0/1")]
    source = folder / "source.vcf"
    source.write_text(
        header
        + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tP1\n"
        + "".join(
            f"chr20\t{start + 1}\t.\t{SEQUENCE[start]}\t{other(start)}\t50\tPASS\t.\tGT\t{gt}\n" for start, gt in rows
        )
    )
    vcf = pysam.tabix_index(str(source), preset="vcf", force=True)
    return simulate(reference.fasta, source.with_name(source.name + ".gz"), WINDOW, folder, depth=10), folder, vcf


def other(start):
    return "A" if SEQUENCE[start] != "A" else "C"


def test_reads_cover_the_window_and_carry_the_truth(simulated):
    reads, _, _ = simulated
    with pysam.VariantFile(str(reads.truth)) as truth:
        told = [(record.start, sorted(record.samples[0]["GT"])) for record in truth]
    assert told == [(5_000, [0, 1]), (9_000, [1, 1])]
    first = gzip.decompress(reads.read1.read_bytes()).decode().splitlines()
    assert len(first) == 4 * reads.pairs
    assert reads.pairs == pytest.approx(10 * len(WINDOW) / (2 * READ_LENGTH), rel=0.05)
    around = SEQUENCE[8_990:9_000] + other(9_000) + SEQUENCE[9_001:9_011]
    reverse = around[::-1].translate(str.maketrans("ACGT", "TGCA"))
    second = gzip.decompress(reads.read2.read_bytes()).decode()
    found = sum(text.count(spelling) for text in ("\n".join(first), second) for spelling in (around, reverse))
    assert found >= 4
    assert SEQUENCE[8_990:9_011] not in "\n".join(first) + second


def test_equal_seeds_give_equal_files(simulated, tmp_path):
    reads, folder, _ = simulated
    again = simulate(folder / "reference.fa", folder / "source.vcf.gz", WINDOW, tmp_path, depth=10)
    assert again.read1.read_bytes() == reads.read1.read_bytes()
    assert again.read2.read_bytes() == reads.read2.read_bytes()


def test_a_program_s_cost_is_measured_with_its_children(tmp_path):
    work = "sum(i * i for i in range(3_000_000))"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"
    cost = run((sys.executable, "-c", child), tmp_path / "log")
    assert cost.user > 0.05 and cost.wall >= cost.user * 0.5 and cost.peak_mb > 5


def test_a_failing_program_is_named_with_what_it_said(tmp_path):
    with pytest.raises(StepFailedError, match="ended with 3: it broke"):
        run((sys.executable, "-c", "import sys; print('it broke', file=sys.stderr); sys.exit(3)"), tmp_path / "log")


def test_ratios_compare_the_same_work():
    costs = {name: Cost(user, 0, user / 2, 100) for name, user in [
        ("engine align", 10), ("engine call", 10), ("bwa mem", 60), ("samtools sort", 10), ("MarkDuplicates", 20),
        ("BaseRecalibrator", 40), ("ApplyBQSR", 30), ("HaplotypeCaller", 40),
    ]}  # fmt: skip
    found = ratios(costs)
    assert found["FASTQ to gVCF, GATK best practices"] == {"user": 0.1, "wall": 0.1}
    assert found["FASTQ to gVCF, without recalibration"]["user"] == pytest.approx(20 / 130)
    assert "calling, freebayes" not in found


def test_the_chain_runs_from_reads_to_a_table(simulated, tmp_path):
    reads, folder, _ = simulated
    at = Setting(tmp_path, folder / "reference.fa", reads.read1, reads.read2, reads.truth, WINDOW, 1)
    align = engine_steps(at)[0]
    costs = {align.name: run(align.command, tmp_path / "log")}
    (tmp_path / "marked.bam").symlink_to(tmp_path / "engine.bam")
    (tmp_path / "marked.bam.bai").symlink_to(tmp_path / "engine.bam.bai")
    steps = [align, *(step for step in callers_on_the_same_reads(at) if step.program == "bcftools")]
    costs |= {step.name: run(step.command, tmp_path / "log") for step in steps[1:]}
    found = accuracy(at, reads.truth)
    assert found["bcftools -X illumina-1.20"]["SNP"]["true_positives"] == 2
    report = {
        "window": WINDOW.region, "pairs": reads.pairs, "threads": 1, "machine": "here", "ratios": {}, "accuracy": found,
        "versions": {"engine": "1", "gatk": None},
    }  # fmt: skip
    text = table(engine_steps(at) + steps, costs, report)
    assert "gatk not installed" in text and "1.0000  1.0000  1.0000" in text and "not run" in text


def test_what_comes_behind_the_aligner_is_measured_alone(simulated):
    reads, folder, _ = simulated
    done = run_benchmark("marking", folder, "--threads", "1")
    assert done.returncode == 0, done.stderr
    with_aligner, alone = done.stdout.splitlines()
    assert with_aligner.startswith(f"with the aligner: {reads.pairs:,} pairs")
    assert alone.startswith(f"duplicates, sort, measures, BAM and index: {reads.pairs:,} pairs")


def test_intake_is_measured_of_the_same_reads(simulated):
    reads, folder, _ = simulated
    done = run_benchmark("intake", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{2 * reads.pairs:,} reads verified and measured: ")


@pytest.mark.parametrize("name", ["marking", "intake"])
def test_without_reads_to_measure_the_remedy_is_told(tmp_path, name):
    done = run_benchmark(name, tmp_path)
    assert done.returncode == 1 and f"run python -m benchmarks --folder {tmp_path} first" in done.stderr


def run_benchmark(name, folder, *options):
    command = (sys.executable, "-m", f"benchmarks.{name}", "--folder", str(folder), *options)
    return subprocess.run(command, capture_output=True, text=True, check=False)
