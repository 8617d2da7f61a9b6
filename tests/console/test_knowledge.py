"""``genomics knowledge``, and the job that builds what was declared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.cli import main
from resources.knowledge import Knowledge
from resources.lake import LocalLake
from tests.builders.deployment import tiny_deployment


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GENOMICS_REFERENCE", "GRCh38")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "data"


def test_downloads_are_declared_and_what_is_missing_is_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    for name in ("GCA_000001405.15_GRCh38_no_alt_analysis_set.fna.gz", "clinvar_20241215.vcf.gz", "thesis.docx"):
        (downloads / name).touch()
    assert main(["knowledge", "--from", str(downloads)]) == 0
    printed = capsys.readouterr()
    assert "clinvar              clinvar_20241215.vcf.gz  2024-12-15" in printed.out
    assert "thesis.docx: its name is not known" in printed.err
    assert "gene_model" in printed.out.split("not there: ")[1]
    known = Knowledge.declared("GRCh38", LocalLake(data / "lake"), data / "sources")
    assert known.declaration.clinvar == downloads / "clinvar_20241215.vcf.gz" and "gene_model" not in known.parts
    assert main(["knowledge", "--json"]) == 0
    rows = {row["part"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["clinvar"]["built"] is None and rows["clinvar"]["source"].endswith("clinvar_20241215.vcf.gz")
    assert main(["knowledge"]) == 0
    assert "not built" in capsys.readouterr().out


def test_a_laboratorys_own_declaration_is_not_overwritten(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment = tiny_deployment(tmp_path)
    monkeypatch.setenv("GENOMICS_REFERENCE", deployment.reference)
    (tmp_path / "clinvar_20241215.vcf.gz").touch()
    assert main(["knowledge", "--from", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "declared by a YAML of the laboratory's own" in told and "GRCh38" in told


@pytest.mark.slow
def test_what_is_declared_is_built_here_and_shown(tmp_path: Path) -> None:
    deployment = tiny_deployment(tmp_path)
    done = deployment.run("python", "-m", "genomics_assets.build_knowledge")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Building the knowledge of avp ..." in done.stdout and "not built" not in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if line.split()[0] == "clinvar"]
    assert row.endswith("2024-12-15")
    shown = deployment.run("genomics", "knowledge", "--json")
    assert {row["part"] for row in json.loads(shown.stdout) if row["built"]} >= {"reference_genome", "clinvar"}
    (tmp_path / "data" / "sources" / "clinvar.tsv.gz").write_bytes(b"no table")
    again = deployment.run("python", "-m", "genomics_assets.build_knowledge")
    assert again.returncode == 1 and "clinvar" in again.stderr
