"""``genomics why``: one question about one variant, answered in a line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from console.cli import main
from engine.classify.findings import select_reportable
from engine.receipt import Recipe
from resources.environment import Resources, Settings, build_resources
from tests.builders.annotated import bundle, variant, write_annotated, write_parent
from tests.builders.people import subject
from tests.builders.sheets import entry


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resources:
    """A sample of which AVP was asked about: two variants of the gene, one of them harmless, and one of another."""
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GENOMICS_REFERENCE", "demo")
    made = build_resources(Settings.from_environment())
    made.registry.register([entry(tmp_path / "reads", "S1")], sheet="run 7.csv", sheet_digest="0")
    changed = [{"contig": "chr20", "position": 1000}, {"contig": "chr20", "position": 2000, "filter": "AltBias"}]
    rows = [variant("AVP", **changed[0]), variant("AVP", **changed[1], clinvar_classification=None)]
    rows = [row | {"allele": row["allele"].removeprefix("chr")} for row in (*rows, variant("NEW", 3000))]
    with made.lake.work("annotated_variants", "S1") as work:
        table = write_annotated(work.folder / "S1.annotated.parquet", *rows)
        work.publish(records=3, recipe=Recipe(), measures={})
    receipt = made.lake.require("annotated_variants", "S1")
    reference = bundle()
    with made.lake.work("findings", "S1") as work:
        table = made.lake.path(receipt, "S1.annotated.parquet")
        contigs = (*reference.contigs, type(reference.contigs[0])("chr20", 64_444_167, ""))
        whole = type(reference)(**{**vars(reference), "contigs": contigs})
        select_reportable(table, subject(ordered_genes=("AVP",)), whole, work.folder, "S1")
        work.publish(records=1, recipe=Recipe(), measures={})
    parent = write_parent(tmp_path / "called")
    with made.lake.work("gvcf", "S1") as work:
        for name in ("parent.g.vcf.gz", "parent.g.vcf.gz.tbi"):
            shutil.copy(parent.gvcf.with_name(name), work.folder / name)
        work.publish(records=1, recipe=Recipe(), measures={})
    return made


@pytest.mark.parametrize(
    ("asked", "said", "code"),
    [
        ("20-1000-C-T", "S1 20-1000-C-T: reported. AVP ", 0),
        (
            "chr20:2000:C:T",
            "S1 20-2000-C-T: not reported. Failed filter: the call did not pass its filters (AltBias)",
            0,
        ),
        ("20-3000-C-T", "S1 20-3000-C-T: not asked about. It was called; NEW was not asked about", 0),
        ("X:g.1C>T", "S1 X:g.1C>T: not found. No call of the sample has that name", 1),
    ],
)
def test_what_became_of_a_variant_is_told_in_a_line(
    platform: Resources,
    capsys: pytest.CaptureFixture[str],
    asked: str,
    said: str,
    code: int,
) -> None:
    assert main(["why", "S1", asked]) == code
    assert capsys.readouterr().out.startswith(said)
    assert main(["why", "S1", asked, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["outcome"] == said.partition(": ")[2].partition(".")[0]
