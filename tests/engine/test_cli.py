import gzip
import io
import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pysam
import pytest

from engine import cli
from engine.commands import files as command_files
from engine.errors import VariantFileError
from tests.builders.alignments import Haplotype, random_sequence, write_bam, write_reference

SEQUENCE = random_sequence(3_000)
SNP = (1_000, SEQUENCE[1_000], "A" if SEQUENCE[1_000] != "A" else "C")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A reference without indexes and a sample with one heterozygous SNP."""
    folder = tmp_path_factory.mktemp("person")
    reference = write_reference(folder, {"chr20": SEQUENCE})
    write_bam(folder / "S1.bam", reference, [Haplotype("chr20", SEQUENCE, (SNP,)), Haplotype("chr20", SEQUENCE)])
    for made in ("reference.fa.fai", "S1.bam.bai"):
        (folder / made).unlink()
    return folder


def called(folder, *more):
    return cli.main(
        ["call", "--reference", str(folder / "reference.fa"), "--reads", str(folder / "S1.bam"), "--caller", "bcftools",
         "--quiet", *map(str, more)]
    )  # fmt: skip


def records(text):
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


def test_reads_become_a_gvcf_a_vcf_and_a_comparison(folder, tmp_path, capfd):
    gvcf, vcf, summary = (tmp_path / name for name in ("S1.g.vcf.gz", "S1.vcf.gz", "summary.json"))
    assert called(folder, "--output", gvcf, "--threads", 2) == 0
    reference = ["--reference", str(folder / "reference.fa")]
    assert cli.main(["genotype", *reference, "--gvcf", str(gvcf), "--output", str(vcf)]) == 0
    (record,) = records(gzip.decompress(vcf.read_bytes()).decode())
    assert (int(record[1]) - 1, record[3], record[4], record[6]) == (*SNP, "PASS")
    arguments = ["compare", *reference, "--truth", str(vcf), "--query", str(vcf), "--output", str(summary)]
    assert cli.main(arguments) == 0
    assert json.loads(summary.read_text())["SNP"]["f1"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "S1.g.vcf.gz", "S1.g.vcf.gz.tbi", "S1.vcf.gz", "S1.vcf.gz.tbi", "summary.json",
    ]  # fmt: skip
    assert (folder / "reference.fa.fai").is_file() and (folder / "S1.bam.bai").is_file()
    out, told = capfd.readouterr()
    assert out == "" and "1 records, 1 of them pass the filters" in told and "SNP: recall 1.0000" in told


def test_only_the_region_or_the_intervals_are_called(folder, tmp_path):
    gvcf, bed = tmp_path / "S1.g.vcf.gz", tmp_path / "x.bed"
    bed.write_text("chr20\t500\t600\n")
    wanted = (
        (("--region", "chr20:101-200"), "101"),
        (("--intervals", bed), "401"),
        (("--intervals", bed, "--padding", 0), "501"),
    )
    for options, start in wanted:
        assert called(folder, "--output", gvcf, *options) == 0
        assert records(gzip.decompress(gvcf.read_bytes()).decode())[0][1] == start


def test_standard_input_and_output(folder, tmp_path, capfdbinary, monkeypatch):
    assert called(folder, "--output", "-", "--region", "chr20:900-1100") == 0
    gvcf = gzip.decompress(capfdbinary.readouterr().out)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gvcf)))
    reference = ["--reference", str(folder / "reference.fa"), "--quiet"]
    assert cli.main(["genotype", *reference, "--gvcf", "-", "--output", str(tmp_path / "S1.vcf.gz")]) == 0
    vcf = str(tmp_path / "S1.vcf.gz")
    assert cli.main(["compare", *reference, "--truth", vcf, "--query", vcf]) == 0
    assert json.loads(capfdbinary.readouterr().out)["SNP"]["true_positives"] == 1


def test_calls_without_gz_in_their_name_are_plain_text(folder, tmp_path, capsys):
    region = ["--region", "chr20:900-1100"]
    assert called(folder, "--output", tmp_path / "x.g.vcf.gz", *region) == 0
    assert called(folder, "--output", tmp_path / "x.g.vcf", *region) == 0
    assert (tmp_path / "x.g.vcf").read_bytes() == gzip.decompress((tmp_path / "x.g.vcf.gz").read_bytes())
    reference = ["--reference", str(folder / "reference.fa"), "--quiet"]
    made = ["--gvcf", str(tmp_path / "x.g.vcf"), "--output", str(tmp_path / "x.vcf")]
    assert cli.main(["genotype", *reference, *made]) == 0
    assert len(records((tmp_path / "x.vcf").read_text())) == 1
    assert len(list(tmp_path.iterdir())) == 4
    assert cli.main(["genotype", *reference, "--gvcf", made[-1], "--output", str(tmp_path / "y.vcf")]) == 1
    assert "this is no gVCF: its header does not declare <NON_REF>" in capsys.readouterr().err


def test_a_data_error_is_one_message_and_leaves_the_output_as_it_was(folder, tmp_path, capsys):
    output = tmp_path / "S1.g.vcf.gz"
    output.write_text("yesterday's")
    assert called(folder, "--output", output, "--sample", "S2") == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and told[0].startswith("genomics-engine: error: sample S2: ")
    assert "the reads are of sample S1" in told[0] and "Remedy: " in told[0]
    assert output.read_text() == "yesterday's" and len(list(tmp_path.iterdir())) == 1
    assert called(folder, "--output", tmp_path / "none" / "S1.g.vcf.gz") == 1
    assert f"there is no such folder: {tmp_path / 'none'}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["fly"],
        ["call", "--reference", "x.fa"],
        ["call", "--reference", "x.fa", "--reads", "x.bam", "--output", "y", "--threads", "0"],
        ["call", "--reference", "x.fa", "--reads", "x.bam", "--output", "y", "--region", "a", "--intervals", "b"],
        ["call", "--reference", "x.fa", "--reads", "x.bam", "--output", "y", "--caller", "magic"],
        ["compare", "--reference", "x.fa", "--truth", "t", "--query", "q", "--stratum", "nameless"],
        ["align", "--reference", "x", "--sample", "a\tb", "--read1", "1", "--read2", "2", "--output", "y"],
        ["align", "--reference", "x", "--sample", "Zoë", "--read1", "1", "--read2", "2", "--output", "y"],
        ["align", "--reference", "x", "--sample", " ", "--read1", "1", "--read2", "2", "--output", "y"],
    ],
)
def test_wrong_usage_exits_with_two(wrong, capsys):
    try:
        code = cli.main(wrong)
    except SystemExit as exit:
        code = exit.code
    assert code == 2
    assert "usage: genomics-engine" in capsys.readouterr().err


WITHOUT_REFERENCE = {"classify": "--criteria", "phenotype": "--hpo", "score": "--score", "segregation": "--pedigree"}


@pytest.mark.parametrize(
    "command",
    ["align", "recalibrate", "call", "gather", "genotype", "compare", "coverage", "metrics", "pgx", *WITHOUT_REFERENCE],
)
def test_every_command_explains_itself_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main([command, "--help"])
    assert exit.value.code == 0
    first = {"gather": "--gvcf", **WITHOUT_REFERENCE}.get(command, "--reference REF.fa")
    assert f"example:\n  genomics-engine {command} {first}" in capsys.readouterr().out


def test_regions_called_apart_are_gathered_to_the_bytes_of_one_run(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("engine.call.haplotype.windows.plan.SHARD_BASES", 512)
    files = {name: tmp_path / f"{name}.g.vcf.gz" for name in ("whole", "left", "right", "gathered")}
    regions = {"whole": f"chr20:1-{len(SEQUENCE)}", "left": "chr20:1-512", "right": f"chr20:513-{len(SEQUENCE)}"}
    for name, region in regions.items():
        assert called(folder, "--output", files[name], "--region", region, "--caller", "haplotype") == 0
    shards = ["--gvcf", str(files["left"]), "--gvcf", str(files["right"])]
    assert cli.main(["gather", *shards, "--output", str(files["gathered"])]) == 0
    assert files["gathered"].read_bytes() == files["whole"].read_bytes()
    assert (tmp_path / "gathered.g.vcf.gz.tbi").is_file()
    capsys.readouterr()
    wrong = ["--gvcf", str(files["right"]), "--gvcf", str(files["left"])]
    assert cli.main(["gather", *wrong, "--output", str(tmp_path / "wrong.g.vcf.gz")]) == 1
    assert "left.g.vcf.gz: the shard does not lie behind the one given before it" in capsys.readouterr().err
    assert not (tmp_path / "wrong.g.vcf.gz").exists()


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    """Two lanes of pairs of a person with one homozygous SNP, aligned."""
    folder = tmp_path_factory.mktemp("aligned")
    write_reference(folder, {"chr20": SEQUENCE, "chr21": "N" * 2_000 + random_sequence(2_000, seed=5)})
    copy = SEQUENCE[: SNP[0]] + SNP[2] + SEQUENCE[SNP[0] + 1 :]
    choose = random.Random(7)
    files = []
    for lane in (1, 2):
        reads = [[], []]
        for number in range(150):
            start = choose.randrange(len(copy) - 320)
            fragment = copy[start : start + choose.randrange(220, 320)]
            mates = fragment[:100], fragment[::-1][:100].translate(str.maketrans("ACGT", "TGCA"))
            for mate, bases in enumerate(mates):
                reads[mate].append(f"@M:1:F:{lane}:1:{number}:{number}\n{bases}\n+\n{'I' * 100}\n")
        for mate in (0, 1):
            path = folder / f"L{lane}_R{mate + 1}.fq.gz"
            path.write_bytes(gzip.compress("".join(reads[mate]).encode(), mtime=0))
            files += [f"--read{mate + 1}", str(path)]
    made = [
        "--output",
        str(folder / "S1.bam"),
        "--metrics",
        str(folder / "S1.json"),
        "--picard",
        str(folder / "picard"),
    ]
    arguments = [
        "align",
        "--reference",
        str(folder / "reference.fa"),
        "--sample",
        "S1",
        "--threads",
        "2",
        *files,
        *made,
    ]
    assert cli.main([*arguments, "--quiet"]) == 0
    return folder


def of_aligned(aligned, command, *more):
    given = ["--reference", str(aligned / "reference.fa"), "--reads", str(aligned / "S1.bam"), "--quiet"]
    return cli.main([command, *given, *map(str, more)])


def test_lanes_become_one_sorted_bam_with_a_read_group_each(aligned):
    with pysam.AlignmentFile(str(aligned / "S1.bam")) as bam:
        assert [group["SM"] for group in bam.header.to_dict()["RG"]] == ["S1", "S1"]
        reads = list(bam.fetch("chr20"))
    assert len(reads) == 600 and all(read.is_proper_pair for read in reads)
    assert [read.reference_start for read in reads] == sorted(read.reference_start for read in reads)
    assert (aligned / "S1.bam.bai").is_file()


def test_metrics_of_the_file_equal_those_measured_while_aligning(aligned, tmp_path):
    assert of_aligned(aligned, "metrics", "--output", tmp_path / "x.json", "--picard", tmp_path / "picard") == 0
    assert json.loads((tmp_path / "x.json").read_text()) == json.loads((aligned / "S1.json").read_text())
    made, again = (
        sorted(path.name for path in folder.iterdir()) for folder in (aligned / "picard", tmp_path / "picard")
    )
    assert made == again and "S1.insert_size_metrics.txt" in made


def test_coverage_of_every_interval(aligned, tmp_path):
    bed = tmp_path / "x.bed"
    bed.write_text("chr20\t1000\t1500\nchr21\t0\t100\n")
    assert of_aligned(aligned, "coverage", "--intervals", bed, "--output", tmp_path / "x.tsv") == 0
    header, covered, empty = ((tmp_path / "x.tsv").read_text()).splitlines()
    assert header.split("\t")[:5] == ["contig", "start", "end", "mean", "fraction_1x"]
    assert covered.split("\t")[:3] == ["chr20", "1000", "1500"] and 10 < float(covered.split("\t")[3]) < 30
    assert empty.split("\t")[3:5] == ["0.000", "0.00000"]


def test_recalibration_writes_report_and_reads(aligned, tmp_path):
    known = tmp_path / "known.vcf"
    known.write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        f"chr20\t{SNP[0] + 1}\t.\t{SNP[1]}\t{SNP[2]}\t.\t.\t.\n"
    )
    made = ["--output", tmp_path / "x.bam", "--report", tmp_path / "x.txt"]
    assert of_aligned(aligned, "recalibrate", "--known-sites", known, *made) == 0
    assert "RecalTable" in (tmp_path / "x.txt").read_text()
    assert int(pysam.idxstats(str(tmp_path / "x.bam")).split()[2]) == 600
    assert of_aligned(aligned, "recalibrate", "--known-sites", known) == 2
    bcftools = ["--caller", "bcftools", "--region", "chr20"]
    gvcfs = [tmp_path / f"{name}.g.vcf.gz" for name in ("given", "on_the_way")]
    reference = ["--reference", str(aligned / "reference.fa"), "--quiet"]
    arguments = ["--reads", str(tmp_path / "x.bam"), "--output", str(gvcfs[0])]
    assert cli.main(["call", *reference, *bcftools, *arguments]) == 0
    table = ["--recalibration", tmp_path / "x.txt"]
    assert of_aligned(aligned, "call", *bcftools, *table, "--output", gvcfs[1]) == 0
    assert gvcfs[0].read_bytes() == gvcfs[1].read_bytes()


NOTHING_TO_CALL_FROM = {
    "no read": None,
    "duplicates": lambda read: setattr(read, "is_duplicate", True),
    "mapping quality 0": lambda read: setattr(read, "mapping_quality", 0),
    "unmapped": lambda read: setattr(read, "flag", 4),
}


@pytest.mark.parametrize(
    ("kind", "caller"),
    # bcftools calls from reads of mapping quality 0.
    [*((kind, "haplotype") for kind in NOTHING_TO_CALL_FROM), ("no read", "bcftools"), ("duplicates", "bcftools")],
)
def test_a_file_without_a_read_to_call_from_is_told(folder, tmp_path, capsys, kind, caller):
    path, change = tmp_path / "reads.bam", NOTHING_TO_CALL_FROM[kind]
    with (
        pysam.AlignmentFile(str(folder / "S1.bam")) as whole,
        pysam.AlignmentFile(str(path), "wb", template=whole) as out,
    ):
        for read in whole if change else ():
            change(read)
            out.write(read)
    arguments = ["call", "--quiet", "--reference", folder / "reference.fa", "--output", tmp_path / "o.g.vcf.gz"]
    told = f"{path}: sample S1 has no read that could be called from"
    for reads, region, is_told in ((path, (), True), (path, ("--region", "chr20:1-500"), False), (None, (), False)):
        more = ["--caller", caller, *region, "--reads", reads or folder / "S1.bam"]
        assert cli.main([str(one) for one in (*arguments, *more)]) == 0
        assert (told in capsys.readouterr().err) == is_told


def test_cram_is_measured_as_bam_is(aligned, tmp_path):
    cram, reference = tmp_path / "S1.cram", str(aligned / "reference.fa")
    pysam.view("-C", "-T", reference, "-o", str(cram), str(aligned / "S1.bam"), catch_stdout=False)
    for command in ("metrics", "coverage"):
        made = tmp_path / "bam", tmp_path / "cram"
        assert of_aligned(aligned, command, "--output", made[0]) == 0
        arguments = ["--reads", str(cram), "--output", str(made[1]), "--quiet"]
        assert cli.main([command, "--reference", reference, *arguments]) == 0
        assert made[0].read_text() == made[1].read_text() != ""


def test_lanes_need_both_files(aligned, tmp_path, capsys):
    reads = str(aligned / "L1_R1.fq.gz")
    arguments = ["--reference", str(aligned / "reference.fa"), "--sample", "S1", "--output", str(tmp_path / "x.bam")]
    assert cli.main(["align", *arguments, "--read1", reads, "--read1", reads, "--read2", reads]) == 2
    assert "2 files of reads 1 but 1 of reads 2" in capsys.readouterr().err


def test_files_given_twice_or_for_each_other_are_refused(aligned, tmp_path, capsys):
    read1, read2 = (str(aligned / f"L1_R{mate}.fq.gz") for mate in (1, 2))
    arguments = ["--reference", str(aligned / "reference.fa"), "--sample", "S1", "--output", str(tmp_path / "x.bam")]
    (tmp_path / "copy.fq.gz").write_bytes((aligned / "L1_R1.fq.gz").read_bytes())
    numbered = [tmp_path / f"numbered_{mate}.fq" for mate in (1, 2)]
    for mate, path in enumerate(numbered, start=1):
        path.write_text(f"@a/{mate}\nACGT\n+\nIIII\n")
    for files, said in [
        ((read1, read1), "the file is given twice"),
        ((read1, str(tmp_path / "copy.fq.gz")), "read 1 is given twice: both files hold the same reads"),
        ((str(numbered[1]), str(numbered[0])), "read 1 and read 2 are swapped, as the read names tell"),
        ((read1, read2, read1, read2), "the file is given twice"),
    ]:
        given = [part for mate, file in enumerate(files) for part in (f"--read{mate % 2 + 1}", file)]
        assert cli.main(["align", *arguments, *given, "--quiet"]) == 1
        assert "sample S1: " in (told := capsys.readouterr().err) and said in told
    assert not (tmp_path / "x.bam").exists()


def test_help_loads_nothing_heavy():
    code = "import sys, engine.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n"
    code += "assert not {'numpy', 'numba', 'pysam', 'dagster', 'pandas'} & set(sys.modules), 'heavy'\n"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "compare" in ran.stdout


def test_indexes_of_a_read_only_reference_go_to_the_cache(tmp_path, monkeypatch):
    reference = write_reference(tmp_path, {"chr20": SEQUENCE})
    (tmp_path / "reference.fa.fai").unlink()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, mode: tmp_path / "cache" in path.parents)
    opened = command_files.open_indexed_reference(reference.fasta)
    assert tmp_path / "cache" in opened.fasta.parents and not (tmp_path / "reference.fa.fai").exists()
    with pysam.FastaFile(str(opened.fasta)) as sequences:
        assert sequences.fetch("chr20") == SEQUENCE
    assert command_files.open_indexed_reference(reference.fasta).fasta == opened.fasta


def test_an_interrupted_run_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), command_files.staged(tmp_path / "x.vcf.gz") as place:
        place.write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def _written_to(path: Path, text: str = "result") -> None:
    with command_files.staged(path, companions=(".tbi",)) as place:
        place.write_text(text)
        place.with_name(f"{place.name}.tbi").write_text("index")


def test_a_device_is_written_to_and_nothing_takes_its_place() -> None:
    """As root a file would take the place of /dev/null, for every program of the machine."""
    ours, theirs = os.openpty()
    try:
        _written_to(Path(os.ttyname(theirs)))
        assert os.read(ours, 99) == b"result"
    finally:
        os.close(ours)
        os.close(theirs)
    assert all(command_files.is_passed_on(Path("/dev", name)) for name in ("null", "full", "stdout", "stderr", "fd/63"))
    assert not command_files.is_passed_on(Path("/dev/shm/S1.bam"))


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """As the shell's ``>(program)`` gives one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(pipe.read_text)
        _written_to(pipe)
        assert read.result(timeout=60) == "result"
    assert pipe.is_fifo() and not (tmp_path / "pipe.tbi").exists()


def test_a_name_of_an_open_stream_is_that_stream(tmp_path: Path) -> None:
    with (tmp_path / "kept.txt").open("w+") as out:
        _written_to(Path(f"/proc/self/fd/{out.fileno()}"))
    assert (tmp_path / "kept.txt").read_text() == "result" and len(list(tmp_path.iterdir())) == 1


def test_a_folder_in_the_place_of_an_output_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="there is a folder"), command_files.staged(tmp_path, (".bai",)):
        pytest.fail("nothing is to be made")
    assert list(tmp_path.parent.glob(f"{tmp_path.name}.*")) == []


@pytest.mark.parametrize(("command", "name"), [("align", "o.sam"), ("align", "o.fastq.gz"), ("recalibrate", "o.cram")])
def test_a_name_that_promises_another_format_is_refused(
    command: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "align": ["--sample", "S", "--read1", "a.fq", "--read2", "b.fq"],
        "recalibrate": ["--reads", "a.bam", "--known-sites", "k.vcf"],
    }[command]
    assert cli.main([command, "--reference", "r.fa", *given, "--output", str(tmp_path / name)]) == cli.USAGE_ERROR
    assert "give it a name that ends in .bam" in capsys.readouterr().err


def test_calls_are_not_written_under_the_name_of_another_format(tmp_path: Path) -> None:
    with (
        pytest.raises(VariantFileError, match=r"\.bcf is no name of a VCF"),
        command_files.staged_calls(tmp_path / "o.bcf"),
    ):
        pytest.fail("nothing is to be made")


def test_reads_whose_header_alone_says_that_they_are_sorted_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unsorted = tmp_path / "unsorted.bam"
    with pysam.AlignmentFile(str(folder / "S1.bam")) as reads:
        backwards = list(reads)[::-1]
        with pysam.AlignmentFile(str(unsorted), "wb", template=reads) as out:
            for read in backwards:
                out.write(read)
    arguments = ["call", "--reference", str(folder / "reference.fa"), "--reads", str(unsorted), "--quiet"]
    assert cli.main([*arguments, "--output", str(tmp_path / "o.g.vcf.gz")]) == cli.DATA_ERROR
    said = capsys.readouterr().err
    assert "not sorted by coordinate" in said and "Traceback" not in said


def test_a_stream_that_the_shell_closed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OSError, match="it is closed: 'standard output'"):
        _written_to(command_files.STREAM)
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(OSError, match="standard input"), command_files.readable(command_files.STREAM):
        pytest.fail("there is nothing to read")
