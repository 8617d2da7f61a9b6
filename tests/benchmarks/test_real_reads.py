import json
import sys

from benchmarks.real_reads import main


def test_callers_are_scored_on_the_same_real_reads(shared_data, tmp_path, monkeypatch, capsys):
    """Without GATK, which its own test runs."""
    monkeypatch.setattr(sys, "argv", ["real_reads", "--folder", str(tmp_path / "made"), "--jars", str(tmp_path)])
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert shared_data.is_dir()
    assert main() == 0
    found = json.loads((tmp_path / "made" / "real_reads.json").read_text())["accuracy"]
    assert found["engine, the same BAM"]["SNP"]["truth_total"] == 45
    assert found["engine, the same BAM"]["INDEL"]["truth_total"] == 4
    assert found["engine, the same BAM"]["SNP"]["f1"] >= found["bcftools -X illumina-1.20"]["SNP"]["f1"] > 0.9
    assert "engine, hard filters" in capsys.readouterr().out
