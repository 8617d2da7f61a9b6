"""What a person sees in the web UI: lineage, a sample's partition, check results, plots. Needs Debian's chromium."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.ops.artifact import ancestors
from genomics_assets.artifacts import OF_A_SAMPLE
from resources.environment import build_resources
from tests.builders.browser import Browser, browsing, is_installed
from tests.builders.server import Server
from tests.end_to_end.conftest import PATIENT, SHALLOW, TRUNCATED, Laboratory

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="chromium and chromedriver are absent: run make browser as root"),
]


@pytest.fixture(scope="module")
def browser(laboratory: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        browser.open(laboratory.server.address)
        browser.wait_for("Runs")
        yield browser


WHOLE = 18
"""Letters of a name that the graph draws whole; a longer one loses some in its middle."""


def assert_picture(path: Path) -> None:
    """It is a PNG of the window's width in which something is drawn: a blank one is a few kilobytes."""
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">I", header[16:20])[0] >= 1400
    assert path.stat().st_size > 20_000


def test_the_lineage_leads_from_the_reads_to_the_bundle(
    laboratory: Laboratory, browser: Browser, tmp_path: Path
) -> None:
    browser.open(f"{laboratory.server.url}/assets/fhir_bundle?view=lineage&lineageScope=upstream&lineageDepth=9")
    (bundle,) = (contract.name for contract in OF_A_SAMPLE if contract.name == "fhir_bundle")
    settings = laboratory.server.deployment.settings
    parts = build_resources(settings).knowledge.parts
    path_of_a_sample = (*ancestors(bundle, settings, parts), bundle)
    browser.wait_for("Upstream", "Graph depth")
    time.sleep(3)  # until the graph is drawn; a large one is drawn with its groups shut, and Alt+E opens them all
    browser.run(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {altKey: true, code: 'KeyE', bubbles: true}))"
    )
    drawn = [name if len(name) <= WHOLE else f"…_{name.rpartition('_')[2]}" for name in path_of_a_sample]
    browser.wait_for(*drawn, "reference_genome", "aligner_index", "gene_model", "clinvar")
    assert_picture(browser.picture(tmp_path / "lineage.png"))


def test_a_samples_partition_shows_its_status_its_numbers_and_no_trouble(
    laboratory: Laboratory, browser: Browser, tmp_path: Path
) -> None:
    browser.open(f"{laboratory.server.url}/assets/variants?view=partitions&partition={PATIENT.sample_id}")
    text = browser.wait_for(
        PATIENT.sample_id, SHALLOW.sample_id, "Latest materialization", "titv", "made from", "CPU seconds"
    )
    assert "Materialized" in text.split("Latest materialization")[0].split(SHALLOW.sample_id)[-1]
    assert "Unsynced" not in text
    assert_picture(browser.picture(tmp_path / "partition.png"))


def test_a_failed_check_is_told_with_what_was_observed_and_what_is_expected(
    laboratory: Laboratory, browser: Browser, tmp_path: Path
) -> None:
    browser.open(f"{laboratory.server.url}/assets/aligned_reads?view=checks&checkDetail=mean_coverage")
    browser.wait_for("fraction_20x", "sex_mismatch", "Mean depth over the targets without duplicates")
    browser.click("//*[normalize-space(text())='Execution history']")
    text = browser.wait_for("Evaluation result", PATIENT.sample_id, SHALLOW.sample_id)
    observed = re.search(rf"Failed\s[^%]*?{SHALLOW.sample_id}\s+mean_coverage: observed ([\d.]+), expected (.*)", text)
    assert observed and float(observed[1]) < 15 and observed[2] == "mean_coverage >= 15"
    assert re.search(rf"Passed\s[^%]*?{PATIENT.sample_id}\s+mean_coverage: observed", text)
    assert_picture(browser.picture(tmp_path / "checks.png"))


def test_plots_are_seen_without_a_click(laboratory: Laboratory, browser: Browser, tmp_path: Path) -> None:
    browser.open(f"{laboratory.server.url}/assets/aligned_reads?view=partitions&partition={PATIENT.sample_id}")
    browser.wait_for("Coverage of the targets", "Insert size", "Base quality by cycle")
    wanted = "[...document.images].filter(i => i.src.includes('/plots/') && i.naturalWidth).map(i => i.alt)"
    laboratory.server.wait("the plots", lambda: len(browser.run(f"return {wanted}")) >= 3, 30)
    assert "Coverage of the targets" in browser.run(f"return {wanted}")
    assert_picture(browser.picture(tmp_path / "plot.png"))


def test_the_findings_page_names_the_variants(laboratory: Laboratory, browser: Browser, tmp_path: Path) -> None:
    browser.open(f"{laboratory.server.url}/assets/findings?view=partitions&partition={PATIENT.sample_id}")
    text = browser.wait_for("variants", "AVP", "condition", "why", "heterozygous", "pathogenic")
    (row,) = (line for line in text.splitlines() if line.startswith("AVP\t"))
    _, change, protein, zygosity, classification, condition, why = row.split("\t")
    assert change.startswith("c.") and protein.startswith("p.") and zygosity == "heterozygous"
    assert "pathogenic" in classification and "diabetes insipidus" in condition and "AVP" in why
    assert_picture(browser.picture(tmp_path / "findings.png"))


def test_the_work_list_says_why_a_sample_does_not_go_on_and_what_to_do(
    laboratory: Laboratory, browser: Browser, tmp_path: Path
) -> None:
    server = laboratory.server
    server.wait("the work list", lambda: _told_of_all(server), 90)
    browser.open(f"{server.url}/assets/work_list")
    rows = browser.wait_for("work list", PATIENT.sample_id, SHALLOW.sample_id, TRUNCATED.sample_id)
    by_sample = {line.split("\t")[0]: line.split("\t")[1:] for line in rows.splitlines() if line.count("\t") >= 4}
    assert by_sample[PATIENT.sample_id][:2] == ["done", "fhir_bundle"]
    state, stage, why, todo, since = by_sample[TRUNCATED.sample_id]
    assert (state, stage) == ("failed", "raw_reads") and since.endswith(" UTC")
    assert "truncated" in why and f"genomics retry {TRUNCATED.sample_id}" in todo
    assert "mean_coverage" in by_sample[SHALLOW.sample_id][2] and "genomics override" in by_sample[SHALLOW.sample_id][3]
    assert_picture(browser.picture(tmp_path / "work-list.png"))


def test_a_failed_samples_pages_say_what_is_wrong_where_and_what_to_do(
    laboratory: Laboratory, browser: Browser, tmp_path: Path
) -> None:
    server, sample = laboratory.server, TRUNCATED.sample_id
    browser.open(f"{server.url}/assets/raw_reads?view=partitions&partition={sample}")
    text = browser.wait_for(sample, "Latest materialization", "Failed")
    assert "Failed" in text.split("Latest materialization")[0]
    assert_picture(browser.picture(tmp_path / "failed-sample.png"))
    run = next(run for run in server.runs("sample") if run.sample == sample)
    browser.open(f"{server.url}/runs/{run.run_id}")
    text = browser.wait_for("truncated", "Remedy")
    assert f"sample {sample}" in text and ".fastq.gz" in text
    assert_picture(browser.picture(tmp_path / "failed-run.png"))


def _told_of_all(server: Server) -> bool:
    told = server.materializations("work_list")
    counts = {entry["label"] for entry in told[0]["metadataEntries"]} if told else set()
    return {"failed", "waiting", "done"} <= counts and "running" not in counts
