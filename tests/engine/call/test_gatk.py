import pytest

from engine.call.gatk import GatkCaller, reference_with_dictionary
from engine.errors import ToolError
from tests.builders.alignments import write_reference


def test_without_gatk_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="GATK is not installed") as caught:
        GatkCaller(jars=tmp_path).version()
    assert "make gatk" in caught.value.remedy


def test_the_version_is_told_by_the_jar(tmp_path):
    (tmp_path / "gatk-4.6.2.0.jar").touch()
    (tmp_path / "gatk-native-bindings-1.0.0.jar").touch()
    assert GatkCaller(jars=tmp_path).version() == "GATK 4.6.2.0"


def test_a_gatk_on_the_path_is_used_and_its_complaint_is_passed_on(tmp_path, monkeypatch):
    program = tmp_path / "gatk"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *--version*) echo "The Genome Analysis Toolkit (GATK) v4.6.2.0";;'
        ' *) echo "A USER ERROR has occurred: bad reads"; exit 2;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    gatk = GatkCaller(jars=tmp_path / "none")
    assert gatk.version() == "GATK 4.6.2.0"
    with pytest.raises(ToolError, match="HaplotypeCaller failed: A USER ERROR has occurred: bad reads"):
        gatk.run(["HaplotypeCaller"])


def test_a_missing_dictionary_is_made_beside_a_link_to_the_reference(tmp_path):
    reference = write_reference(tmp_path, {"chr1": "ACGT" * 10, "chr2": "A"})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    linked = reference_with_dictionary(reference.fasta, scratch)
    assert linked.read_text() == reference.fasta.read_text()
    assert (scratch / "reference.dict").read_text().splitlines()[1:] == ["@SQ\tSN:chr1\tLN:40", "@SQ\tSN:chr2\tLN:1"]
    (tmp_path / "reference.dict").write_text("@HD\tVN:1.6\n")
    assert reference_with_dictionary(reference.fasta, scratch) == reference.fasta
