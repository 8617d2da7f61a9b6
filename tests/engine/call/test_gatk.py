import pytest

from engine.call.caller import call_gvcf
from engine.call.gatk import GatkCaller, reference_with_dictionary
from engine.errors import ToolError
from engine.reference.genome import open_reference
from tests.builders.alignments import write_reference
from tests.builders.gvcf import gvcf_records


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


def test_gatk_itself_calls_what_its_golden_holds(shared_data, tmp_path):
    """Ten kilobases of the simulated reads, where GATK is installed (make gatk)."""
    try:
        GatkCaller().version()
    except ToolError:
        pytest.skip("GATK is not installed: make gatk")
    golden = shared_data / "gatk_goldens" / "simulated"
    reference = open_reference(shared_data / "grch38_chr20_10M_ref" / "grch38.chr20_and_21_10M.fa.gz", cache=tmp_path)
    output = tmp_path / "x.g.vcf.gz"
    summary = call_gvcf(golden / "reads.bam", reference, output, caller="gatk", region="chr20:7005001-7015000")
    assert (summary.uncovered_target_bases, summary.caller_version[:8]) == (0, "GATK 4.6")
    inside = [record for record in gvcf_records(golden / "calls.g.vcf.gz") if 7_006_000 < record.start < 7_014_000]
    known = {record.start for record in inside if record.is_variant}
    found = {record.start for record in gvcf_records(output) if record.is_variant}
    assert known and known <= found
