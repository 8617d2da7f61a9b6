from pathlib import Path

import pytest

from engine import cli
from tests.builders.alignments import random_sequence, write_reference


def test_an_index_is_built_where_align_finds_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    reference = write_reference(tmp_path, {"chr20": random_sequence(3_000)})
    arguments = ["index", "--reference", str(reference.fasta), "--threads", "1"]
    assert cli.main(arguments) == 0
    told = capfd.readouterr().err
    assert "an index of 3,000 bases takes 0.2 GiB of memory to build" in told and "of disk" in told
    assert cli.main(arguments) == 0
    assert "takes" not in capfd.readouterr().err, "it is there"


def test_too_little_memory_is_told_and_wrong_usage_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    reference = write_reference(tmp_path, {"chr20": random_sequence(3_000)})
    arguments = ["index", "--reference", str(reference.fasta)]
    assert cli.main([*arguments, "--memory", "0.01"]) == 1
    assert "0.0 GiB are free" in capfd.readouterr().err
    assert cli.main([*arguments, "--threads", "0"]) == 2
    assert cli.main([*arguments, "--aligner", "bwa", "--share"]) == 2
