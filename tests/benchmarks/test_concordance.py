import gzip

import pysam
import pytest

from benchmarks.concordance import Agreement, Genome, agreement, genomes, main, prepare, table
from engine.call.gatk import GatkCaller
from engine.errors import ToolError
from engine.reference.intervals import Interval
from tests.builders.alignments import random_sequence

SEQUENCE = random_sequence(500, seed=4)


@pytest.fixture
def genome(tmp_path):
    """Two contigs in the reads' header, and a stretch of one of them known."""
    piece = tmp_path / "piece.fa"
    piece.write_text(f">c:101-600 a stretch\n{SEQUENCE.lower()}\n")
    header = {"SQ": [{"SN": "c", "LN": 1_000, "M5": "0" * 32}, {"SN": "d", "LN": 900}]}
    reads = tmp_path / "reads.bam"
    with pysam.AlignmentFile(str(reads), "wb", header=header) as out:
        for number, contigs in enumerate([(0, 0), (0, 1), (1, 1)]):
            read = pysam.AlignedSegment(out.header)
            read.query_name, read.flag, read.mapping_quality = f"r{number}", 1, 60
            read.query_sequence, read.cigarstring = SEQUENCE[:50], "50M"
            read.query_qualities = pysam.qualitystring_to_array("I" * 50)
            read.reference_id, read.next_reference_id = contigs
            read.reference_start = read.next_reference_start = 100
            out.write(read)
    return Genome("S", reads, "cohort", (piece,), (Interval("c", 100, 600),), ("gVCF", "calls"))


def test_what_is_known_of_the_reference_is_written_where_it_belongs(genome, tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    prepare(genome, folder)
    with pysam.FastaFile(str(folder / "cohort.fa")) as fasta:
        assert fasta.references == ["c"]
        assert fasta.fetch("c") == "N" * 100 + SEQUENCE + "N" * 400
    with pysam.AlignmentFile(str(folder / "S.bam")) as reads:
        assert reads.header.to_dict()["SQ"] == [{"SN": "c", "LN": 1_000}, {"SN": "d", "LN": 900}]
        assert [(read.query_name, read.get_tag("RG")) for read in reads] == [("r0", "1"), ("r1", "1"), ("r2", "1")]
    with pysam.AlignmentFile(str(folder / "S.known.bam")) as reads:
        assert [read.query_name for read in reads] == ["r0"]


def test_records_are_compared_without_filter_and_drawn_values(tmp_path):
    rows = {
        "gatk": ["c\t5\t.\tA\tG\t50\t.\tDP=9;QD=33.12;SOR=1\tGT\t0/1", "c\t9\t.\tA\tG\t50\t.\tDP=9\tGT\t0/1"],
        "engine": ["c\t5\t.\tA\tG\t50\tPASS\tDP=9;QD=30.00;SOR=1\tGT\t0/1", "c\t9\t.\tA\tG\t50\t.\tDP=8\tGT\t0/1"],
    }
    for name, lines in rows.items():
        (tmp_path / f"{name}.vcf.gz").write_bytes(gzip.compress("\n".join(["#CHROM", *lines, ""]).encode()))
    found = agreement("S, calls", tmp_path / "gatk.vcf.gz", tmp_path / "engine.vcf.gz")
    assert found == Agreement("S, calls", lines=2, missing=1, additional=1)
    told = (tmp_path / "engine.vcf.diff").read_text()
    assert "DP=8" in told
    assert "SOR" not in told
    other = Agreement("T, calls", lines=1_000, missing=0, additional=0)
    assert [line.split() for line in table([found, other]).splitlines()[1:]] == [
        ["S,", "calls", "2", "1", "1"],
        ["all", "2", "of", "calls", "1,002", "1", "1"],
    ]


def test_gatk_and_the_engine_agree_on_a_small_sample(shared_data, tmp_path, monkeypatch, capsys):
    """In every mode, recalibrated, and genotyped; where GATK is installed (make gatk)."""
    try:
        GatkCaller().version()
    except ToolError:
        pytest.skip("GATK is not installed: make gatk")
    assert [each.name for each in genomes(shared_data)].count("tiny") == 1
    monkeypatch.setattr("sys.argv", ["concordance", "--only", "tiny", "--folder", str(tmp_path / "made")])
    assert main() == 0
    rows = [line.split()[-3:] for line in capsys.readouterr().out.splitlines()[1:]]
    assert len(rows) == 7
    assert all(row[1:] == ["0", "0"] for row in rows)
