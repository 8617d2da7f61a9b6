"""A claim of a format is a claim that its readers read it: each file is given to the real program of somebody else.

Programs that are not Python packages of ours are skipped where they are absent: GATK with Picard's tools (``make
gatk``), MultiQC and polars in an environment of their own (``make readers``), bcftools (Debian's, with its plugins).
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from resources.warehouse import Warehouse
from tests.builders.readers import READERS, SmallSample, gatk, make_sample, program, said_by

BCFTOOLS = "install bcftools (Debian: apt-get install bcftools)"
MULTIQC = "make readers"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SmallSample:
    return make_sample(tmp_path_factory.mktemp("sample"))


def test_multiqc_reports_on_every_metrics_file(sample: SmallSample, tmp_path: Path) -> None:
    multiqc = program("multiqc", MULTIQC)
    said = said_by(multiqc, sample.folder / "picard", "--outdir", tmp_path, "--no-version-check", "--no-ansi")
    for kind in (
        "AlignmentSummaryMetrics",
        "InsertSizeMetrics",
        "MarkDuplicates",
        "QualityByCycleMetrics",
        "QualityScoreDistributionMetrics",
        "WgsMetrics",
    ):
        assert f"Found 1 {kind} reports" in said, f"{kind}: {said}"
    assert (tmp_path / "multiqc_report.html").is_file()
    data = json.loads((tmp_path / "multiqc_data" / "multiqc_data.json").read_text())
    read = json.dumps(data["report_general_stats_data"])
    assert '"S1"' in read and "MEDIAN_COVERAGE" in read


@pytest.mark.parametrize("form", ["bam", "cram"])
def test_picard_finds_nothing_wrong_with_alignments(sample: SmallSample, form: str) -> None:
    reads, reference = sample.file(f"S1.{form}"), sample.reference.fasta
    said = gatk().run(["ValidateSamFile", "-I", str(reads), "-R", str(reference), "-MODE", "VERBOSE"])
    assert "No errors found" in said, said


def test_gatk_finds_nothing_wrong_with_calls_over_the_targets(sample: SmallSample) -> None:
    common = ["ValidateVariants", "-R", str(sample.reference.fasta), "-L", str(sample.folder / "targets.bed")]
    program_of = gatk()
    program_of.run([*common, "-V", str(sample.file("S1.g.vcf.gz")), "-gvcf"])
    for name in ("S1.vcf.gz", "S1.annotated.vcf.gz"):
        program_of.run([*common, "-V", str(sample.file(name))])


def test_gatk_does_find_a_gvcf_with_a_hole(sample: SmallSample, tmp_path: Path) -> None:
    """Else the test above could not fail."""
    import gzip

    import pysam

    from engine.errors import ToolError

    lines = gzip.decompress(sample.file("S1.g.vcf.gz").read_bytes()).decode().splitlines(keepends=True)
    records = [number for number, line in enumerate(lines) if not line.startswith("#")]
    del lines[records[len(records) // 2]]
    holed = tmp_path / "holed.g.vcf"
    holed.write_text("".join(lines))
    pysam.tabix_index(str(holed), preset="vcf", force=True)
    program_of = gatk()
    with pytest.raises(ToolError, match="ValidateVariants failed"):
        program_of.run(
            ["ValidateVariants", "-R", str(sample.reference.fasta), "-L", str(sample.folder / "targets.bed"),
             "-V", f"{holed}.gz", "-gvcf"]
        )  # fmt: skip


def test_bcftools_counts_what_was_called(sample: SmallSample) -> None:
    bcftools = program("bcftools", BCFTOOLS)
    for name in ("S1.vcf.gz", "S1.g.vcf.gz", "S1.annotated.vcf.gz"):
        said = said_by(bcftools, "stats", "-s", "-", sample.file(name))
        numbers = dict(line.split("\t")[2:4] for line in said.splitlines() if line.startswith("SN\t"))
        assert "[W::" not in said and "[E::" not in said, said
        if name != "S1.g.vcf.gz":
            assert numbers["number of records:"] == "5" and numbers["number of indels:"] == "2"


def test_bcftools_splits_consequences(sample: SmallSample) -> None:
    """By BCSQ; of ANN split-vep wants "Format:" in the header, which the specification of ANN does not have."""
    bcftools = program("bcftools", BCFTOOLS)
    if "split-vep" not in said_by(bcftools, "plugin", "-l"):
        pytest.skip("this bcftools has no plugin split-vep")
    calls = sample.file("S1.annotated.vcf.gz")
    said = said_by(bcftools, "+split-vep", "-a", "BCSQ", "-d", "-f", "%POS\t%Consequence\t%gene\n", calls)
    assert [line.split("\t") for line in said.splitlines()] == [
        ["1051", "missense", "SMALL1"],
        ["1121", "frameshift", "SMALL1"],
        ["1201", "synonymous", "SMALL1"],
        ["2001", "missense", "SMALL1"],
        ["2101", "inframe_insertion", "SMALL1"],
    ]


def test_pandas_and_duckdb_read_the_tables_as_they_were_written(sample: SmallSample) -> None:
    table = sample.file("S1.annotated.parquet")
    written = pq.read_table(table)
    frame = pd.read_parquet(table)
    assert list(frame.columns) == written.column_names and len(frame) == written.num_rows == 5
    assert sorted(frame["position"]) == sorted(written["position"].to_pylist())
    rows = duckdb.sql(f"select position, gene, hgvs_c from read_parquet('{table}') order by position").fetchall()
    assert [row[0] for row in rows] == sorted(written["position"].to_pylist())
    assert {row[1] for row in rows} == {"SMALL1"}


def test_polars_reads_the_tables(sample: SmallSample) -> None:
    table = sample.file("S1.annotated.parquet")
    python = program("python", MULTIQC) if (READERS / "python").exists() else None
    if python is None:
        pytest.skip(f"polars is not installed: {MULTIQC}")
    code = f"import polars; frame = polars.read_parquet({str(table)!r}); print(frame.shape, frame['gene'].unique()[0])"
    assert said_by(python, "-c", code).split()[:1] == [f"({pq.read_table(table).num_rows},"]


def test_delta_tables_are_read_by_deltalake_duckdb_and_pandas(sample: SmallSample, tmp_path: Path) -> None:
    from deltalake import DeltaTable

    rows = pq.read_table(sample.file("S1.annotated.parquet")).select(["sample", "contig", "position", "ref", "alt"])
    warehouse = Warehouse(tmp_path / "cohort")
    warehouse.put(
        "calls", rows.rename_columns(["sample_id", "contig", "position", "ref", "alt"]), sample="S1", version="1"
    )
    table = DeltaTable(str(tmp_path / "cohort" / "calls"))
    assert len(table.to_pandas()) == rows.num_rows
    (count,) = duckdb.sql(f"select count(*) from read_parquet({table.file_uris()})").fetchall()
    assert count == (rows.num_rows,)


def test_spark_reads_the_delta_tables(sample: SmallSample, tmp_path: Path) -> None:
    pyspark = pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
    program("java", "install Java 17")
    from pyspark.sql import SparkSession

    rows = pq.read_table(sample.file("S1.annotated.parquet")).select(["sample", "position"])
    Warehouse(tmp_path / "cohort").put(
        "calls", rows.rename_columns(["sample_id", "position"]), sample="S1", version="1"
    )
    package = f"io.delta:delta-spark_{'.'.join(pyspark.__version__.split('.')[:2])}_2.13:4.0.0"
    spark = SparkSession.builder.master("local[1]").config("spark.jars.packages", package).getOrCreate()
    try:
        assert spark.read.format("delta").load(str(tmp_path / "cohort" / "calls")).count() == rows.num_rows
    finally:
        spark.stop()
