"""A run that is killed leaves nothing half done: what is visible is whole, and a later run gives the same bytes."""

from __future__ import annotations

import base64
import random
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from demo.outcome import SAMPLE_ASSETS
from engine.cohort.columns import TABLES
from engine.receipt import Receipt
from tests.builders.deployment import Delivery, Deployment, tiny_deployment, write_reads, write_sheet
from tests.builders.forked_runs import forked_runs

pytestmark = pytest.mark.slow

KILLS = 20
PLACES, MOST_KILLS = 5, 100
"""Numbers of artifacts that kills are to meet, and how many kills may be needed: calling takes most of a run."""
SEED = 20
TIME = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\+00:00)?")
DATES = ("made", "issued", "page")
"""Measures that tell when a report was first made, and issued, and by its data version which page is sent along."""
DATED = ("statement", "clinical_report")
"""What bears such times, so that its data version differs by run."""
ATTACHED = re.compile(rb'"data": "([A-Za-z0-9+/]+=*)"')
DIGEST = re.compile(rb'"hash": "[A-Za-z0-9+/]+=*"')
"""The page that goes along in a bundle, and its SHA-1."""
SAMPLE = Delivery("demo-unrelated-1")
Published = dict[str, Any]
"""By name of artifact or cohort table all that is in it, times aside."""


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """One sample registered, the knowledge built."""
    deployment = tiny_deployment(tmp_path)
    deployment.prepare()
    write_reads(deployment.settings.landing, SAMPLE)
    write_sheet(deployment.settings.landing / "sheet.csv", [SAMPLE.row()])
    deployment.register()
    knowledge = deployment.execute("knowledge")
    assert knowledge.returncode == 0, knowledge.stderr
    return deployment


def test_twenty_kills_at_random_moments_leave_no_trace(deployment: Deployment) -> None:
    with forked_runs(deployment, SAMPLE.sample_id) as runner:
        undisturbed = runner.run()
        assert undisturbed.success, runner.said()
        expected = published(deployment)
        assert set(expected) == {*SAMPLE_ASSETS, *TABLES}
        forget(deployment)
        moments, left = random.Random(SEED), []
        while len(left) < KILLS or (len(set(left)) < PLACES and len(left) < MOST_KILLS):
            # Each run goes on where the one before was killed, until one outlives its moment.
            run = runner.run(kill_after=moments.uniform(0, undisturbed.seconds))
            now = published(deployment)
            for name, content in now.items():
                assert content == expected[name], f"{name} differs after {run}"
            if run.killed:
                left.append(len(now))
            else:
                assert run.success and now.keys() == expected.keys(), runner.said()
                forget(deployment)
        assert runner.run().success, runner.said()
        assert published(deployment) == expected
    assert len(set(left)) >= PLACES, f"the kills met only these numbers of artifacts: {left}"


def forget(deployment: Deployment) -> None:
    """Remove everything that was made of samples; the knowledge stays."""
    for folder in (deployment.lake.root / "samples", deployment.settings.data / "cohort"):
        shutil.rmtree(folder, ignore_errors=True)


def published(deployment: Deployment) -> Published:
    """All that a reader of the lake and of the cohort's tables sees; every artifact is what its receipt says."""
    told: Published = {}
    for asset in SAMPLE_ASSETS:
        receipt = deployment.lake.receipt(asset, SAMPLE.sample_id)
        if receipt:
            deployment.lake.verify(receipt)
            told[asset] = timeless(deployment, receipt)
    for name in TABLES:
        table = str(deployment.settings.data / "cohort" / name)
        if DeltaTable.is_deltatable(table):
            told[name] = DeltaTable(table).to_pyarrow_table().to_pylist()
    return told


def timeless(deployment: Deployment, receipt: Receipt) -> tuple[Receipt, list[bytes]]:
    """A receipt and its files without the time of publication, and in a report without the date that it bears.

    A statement bears the times at which it and what it stands on were made, and so does the page; the bundle holds it.
    """
    contents = [deployment.lake.path(receipt, file.name).read_bytes() for file in receipt.files]
    inputs = {name: "" if name in DATED else version for name, version in receipt.recipe.inputs.items()}
    assert receipt.measures.get("page") in (None, receipt.recipe.inputs.get("clinical_report"))
    recipe = replace(receipt.recipe, inputs=inputs)
    dates = [name for name in DATES if name in receipt.measures]
    receipt = replace(receipt, created="", recipe=recipe)
    if not dates:
        return receipt, contents
    contents = [TIME.sub(b"(time)", opened(content)) for content in contents]
    measures = {**receipt.measures, **dict.fromkeys(dates, "")}
    return replace(receipt, files=(), data_version="", measures=measures), contents


def opened(content: bytes) -> bytes:
    """A file with what is attached to it as it reads, in place of its Base64 and its digest."""
    return DIGEST.sub(b"(digest)", ATTACHED.sub(lambda found: base64.b64decode(found[1]), content))
