import gzip
import io
import json
import os
import subprocess
import sys
import time

import pysam
import pytest

from engine import cli
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
    for option, value, start in (("--region", "chr20:101-200", "101"), ("--intervals", bed, "501")):
        assert called(folder, "--output", gvcf, option, value) == 0
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


def test_a_data_error_is_one_message_and_leaves_the_output_as_it_was(folder, tmp_path, capsys):
    output = tmp_path / "S1.g.vcf.gz"
    output.write_text("yesterday's")
    assert called(folder, "--output", output, "--sample", "S2") == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and told[0].startswith("genomics-engine: error: sample S2: ")
    assert "the reads are of sample S1" in told[0] and "Remedy: " in told[0]
    assert output.read_text() == "yesterday's" and len(list(tmp_path.iterdir())) == 1
    assert called(folder, "--output", tmp_path / "none" / "S1.g.vcf.gz") == 1
    assert "No such file or directory" in capsys.readouterr().err


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
    ],
)
def test_wrong_usage_exits_with_two(wrong, capsys):
    try:
        code = cli.main(wrong)
    except SystemExit as exit:
        code = exit.code
    assert code == 2
    assert "usage: genomics-engine" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["call", "genotype", "compare"])
def test_every_command_explains_itself_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main([command, "--help"])
    assert exit.value.code == 0
    assert f"example:\n  genomics-engine {command} --reference REF.fa" in capsys.readouterr().out


def test_help_is_instant_and_loads_nothing_heavy():
    code = "import sys, engine.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n"
    code += "assert not {'numpy', 'numba', 'pysam', 'dagster', 'pandas'} & set(sys.modules), 'heavy'\n"
    started = time.monotonic()
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert time.monotonic() - started < 2
    assert "compare" in ran.stdout


def test_indexes_of_a_read_only_reference_go_to_the_cache(tmp_path, monkeypatch):
    reference = write_reference(tmp_path, {"chr20": SEQUENCE})
    (tmp_path / "reference.fa.fai").unlink()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, mode: tmp_path / "cache" in path.parents)
    opened = cli.open_indexed_reference(reference.fasta)
    assert tmp_path / "cache" in opened.fasta.parents and not (tmp_path / "reference.fa.fai").exists()
    with pysam.FastaFile(str(opened.fasta)) as sequences:
        assert sequences.fetch("chr20") == SEQUENCE
    assert cli.open_indexed_reference(reference.fasta).fasta == opened.fasta


def test_an_interrupted_run_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), cli.staged(tmp_path / "x.vcf.gz") as place:
        place.write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
