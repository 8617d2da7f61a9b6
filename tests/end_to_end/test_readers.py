"""A claim of a format is a claim that its readers read it: each file is given to the real program of somebody else.

Programs that are not Python packages of ours are skipped where they are absent: GATK with Picard's tools (``make
gatk``), MultiQC, Spark with Delta Lake and igv.js in a folder of their own (``make readers``), bcftools (Debian's, with
its plugins), Chromium (``make browser``).
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest

from resources.warehouse import Warehouse
from tests.builders.browser import browsing, is_installed
from tests.builders.range_server import serving
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

    rows = pq.read_table(sample.file("S1.annotated.parquet")).select(["sample_id", "contig", "position", "ref", "alt"])
    warehouse = Warehouse(tmp_path / "cohort")
    warehouse.put(
        "calls", rows.rename_columns(["sample_id", "contig", "position", "ref", "alt"]), sample="S1", version="1"
    )
    table = DeltaTable(str(tmp_path / "cohort" / "calls"))
    assert len(table.to_pandas()) == rows.num_rows
    (count,) = duckdb.sql(f"select count(*) from read_parquet({table.file_uris()})").fetchall()
    assert count == (rows.num_rows,)


SPARK = """
import json, sys
from pyspark.sql import SparkSession
table, jars = sys.argv[1:]
options = {
    "spark.jars": jars, "spark.ui.enabled": "false", "spark.driver.memory": "512m", "spark.driver.host": "127.0.0.1",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
builder = SparkSession.builder.master("local[1]")
for name, value in options.items():
    builder = builder.config(name, value)
rows = builder.getOrCreate().read.format("delta").load(table).collect()
print("ROWS " + json.dumps([row.asDict() for row in rows]))
"""
"""Prints the rows of a Delta table, read by Spark with Delta Lake's own library."""


def test_spark_reads_the_delta_tables(sample: SmallSample, tmp_path: Path) -> None:
    """Of two samples and a third that was taken out again, in a folder with a space: what DuckDB reads, Spark reads."""
    jars, python = sorted((READERS.parent / "jars").glob("delta-*.jar")), READERS / "python"
    if not jars or not python.exists():
        pytest.skip(f"Spark and Delta Lake's library are not installed: {MULTIQC}")
    program("java", "install Java 17")
    rows = pq.read_table(sample.file("S1.annotated.parquet")).select(["sample_id", "contig", "position", "ref", "alt"])
    warehouse = Warehouse(tmp_path / "the lab" / "cohort")
    for name in ("S1", "S2", "S3"):
        of_one = rows.set_column(0, "sample_id", pa.array([name] * rows.num_rows))
        warehouse.put("calls", of_one, sample=name, version="1")
    warehouse.remove("S2")
    warehouse.compact("calls")
    said = said_by(python, "-c", SPARK, warehouse.root / "calls", ",".join(map(str, jars)))
    (told,) = [json.loads(line.removeprefix("ROWS ")) for line in said.splitlines() if line.startswith("ROWS ")]
    files = warehouse.files("calls")
    expected = duckdb.sql(f"select {', '.join(told[0])} from read_parquet({files})").fetchall()
    assert sorted(tuple(row.values()) for row in told) == sorted(expected)
    assert {row["sample_id"] for row in told} == {"S1", "S3"} and len(told) == 2 * rows.num_rows


VIEWER = """<!doctype html><meta charset="utf-8"><div id="igv"></div><script src="/igv.js"></script><script>
const tracks = [
  {name: "bam", type: "alignment", format: "bam", url: "/S1.bam", indexURL: "/S1.bam.bai"},
  {name: "cram", type: "alignment", format: "cram", url: "/S1.cram", indexURL: "/S1.cram.crai"},
  {name: "vcf", type: "variant", format: "vcf", url: "/S1.annotated.vcf.gz", indexURL: "/S1.annotated.vcf.gz.tbi"},
  {name: "gvcf", type: "variant", format: "vcf", url: "/S1.g.vcf.gz", indexURL: "/S1.g.vcf.gz.tbi"},
];
async function tell() {
  const reference = {id: "small", fastaURL: "/reference.fa", indexURL: "/reference.fa.fai"};
  const options = {reference, tracks, locus: "chr20:1001-2200"};
  const browser = await igv.createBrowser(document.getElementById("igv"), options);
  const told = {};
  for (const {name, type} of tracks) {
    const found = await browser.findTracks("name", name)[0].getFeatures("chr20", 1000, 2200, 1);
    told[name] = type === "variant" ? found.map(one => [one.pos, one.referenceBases, one.alternateBases])
      : found.allAlignments().flatMap(one => one.firstAlignment ? [one.firstAlignment, one.secondAlignment] : [one])
        .filter(one => one).map(one => [one.readName, one.start + 1, one.mq]);
  }
  return told;
}
tell().then(told => window.told = {told}, error => window.told = {error: String(error && error.stack || error)});
</script>"""
"""A page in which igv.js opens alignments and calls, and says what it read of them."""


def test_igv_reads_alignments_and_calls(sample: SmallSample, tmp_path: Path) -> None:
    """In a browser, by parts of the files, as a laboratory's own viewer does."""
    igv = READERS.parent / "node_modules" / "igv" / "dist" / "igv.min.js"
    if not igv.is_file():
        pytest.skip(f"igv.js is not installed: {MULTIQC}")
    if not is_installed():
        pytest.skip("chromium is not installed: make browser")
    fasta = sample.reference.fasta
    names = [f"S1.{name}" for name in ("bam", "cram", "annotated.vcf.gz", "g.vcf.gz")]
    indexes = [f"{name}.{ending}" for name, ending in zip(names, ("bai", "crai", "tbi", "tbi"), strict=True)]
    files: dict[str, Path | bytes] = {f"/{name}": sample.file(name) for name in (*names, *indexes)}
    files |= {"/igv.js": igv, "/page.html": VIEWER.encode()}
    files |= {"/reference.fa": fasta, "/reference.fa.fai": fasta.with_name(f"{fasta.name}.fai")}
    with serving(files) as url, browsing(tmp_path / "profile") as browser:
        browser.open(f"{url}/page.html")
        answer = browser.value("return window.told")
    assert "told" in answer, answer
    for form in ("bam", "cram"):
        with pysam.AlignmentFile(str(sample.file(f"S1.{form}")), reference_filename=str(fasta)) as file:
            mapped = [read for read in file.fetch("chr20", 1_000, 2_200) if not (read.is_duplicate or read.is_qcfail)]
        expected = sorted([read.query_name, read.reference_start + 1, read.mapping_quality] for read in mapped)
        assert sorted(answer["told"][form]) == expected
    with pysam.VariantFile(str(sample.file("S1.annotated.vcf.gz"))) as calls:
        told = [[call.pos, call.ref, ",".join(call.alts or ())] for call in calls.fetch("chr20", 1_000, 2_200)]
    assert answer["told"]["vcf"] == told and len(told) == 5
    with pysam.VariantFile(str(sample.file("S1.g.vcf.gz"))) as calls:
        assert len(answer["told"]["gvcf"]) == sum(1 for _ in calls.fetch("chr20", 1_000, 2_200))
