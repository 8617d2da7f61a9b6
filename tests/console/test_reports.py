"""``genomics report`` and ``genomics sign``: a child's report from its draft to the amendment beside the father."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from console.dossier import WRITTEN
from engine.ops.artifact import NotApplicable
from genomics_assets.artifacts import KNOWLEDGE, OF_A_SAMPLE
from resources.environment import Resources, build_resources
from resources.identities import LOOKED_UP
from resources.sign_out import REVIEWED, SIGNED
from resources.signing import Reports
from tests.builders.deployment import Delivery, Deployment, let_settle, tiny_deployment, write_reads, write_sheet

CHILD, FATHER = "child", "father"
UP_TO_THE_BUNDLE = [one for one in OF_A_SAMPLE if one.name != "cohort_contribution"]
WHY = ("--reason", "the father's sample was compared")


class Laboratory:
    """A deployment whose contracts are made without Dagster."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    @property
    def platform(self) -> Resources:
        return build_resources(self.deployment.settings)

    def drop(self, **child: str) -> None:
        """The sheet of both, with changes in the child's row."""
        landing = self.deployment.settings.landing
        rows = [Delivery("demo-unrelated-1", sample=sample).row() for sample in (FATHER, CHILD)]
        rows = [row | {"sex": "male", "father_id": "", "phenotype_hpo": ""} for row in rows]
        rows[1] |= {"father_id": FATHER, **child}
        then = time.time() - 60
        os.utime(write_sheet(landing / "sheet.csv", rows), (then, then))
        self.platform.landing_zone.scan(None, self.platform.registry, self.platform.audit)

    def run(self, sample: str) -> None:
        for contract in UP_TO_THE_BUNDLE:
            contract.make(self.platform, sample, log=lambda _: None)

    def page(self) -> str:
        return self._read("clinical_report", ".html")

    def bundle_report(self) -> dict[str, Any]:
        bundle = json.loads(self._read("fhir_bundle", ".json"))
        resources = [entry["resource"] for entry in bundle["entry"]]
        return next(one for one in resources if one["resourceType"] == "DiagnosticReport")

    def _read(self, asset: str, suffix: str) -> str:
        lake = self.platform.lake
        receipt = lake.require(asset, CHILD)
        (name,) = [file.name for file in receipt.files if file.name.endswith(suffix)]
        return lake.path(receipt, name).read_text()

    @property
    def digest(self) -> str:
        return Reports(self.platform).draft(CHILD).statement.digest


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """Father and child registered; the child has come to its bundle, the father has not begun."""
    laboratory = Laboratory(tiny_deployment(tmp_path_factory.mktemp("reports")))
    landing = laboratory.deployment.settings.landing
    for coverage, sample in ((31.0, FATHER), (30.0, CHILD)):
        write_reads(landing, Delivery("demo-unrelated-1", coverage, sample))
    let_settle(landing)
    laboratory.drop()
    declared = laboratory.platform.knowledge.parts
    for contract in (one for one in KNOWLEDGE if one.name in declared):
        assert not isinstance(contract.make(laboratory.platform, "", log=lambda _: None), NotApplicable)
    laboratory.run(CHILD)
    return laboratory


@pytest.fixture
def laboratory(made: Laboratory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laboratory]:
    for name, value in made.deployment.variables.items():
        if name.startswith("GENOMICS_"):
            monkeypatch.setenv(name, value)
    yield made


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1 and "Remedy" in printed.err
    return printed.err


def test_a_report_from_its_draft_to_its_amendment(
    laboratory: Laboratory, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["report", CHILD]) == 0
    shown = capsys.readouterr().out
    assert "report version 1, draft (preliminary)" in shown and f"--digest {laboratory.digest[:16]}" in shown
    assert "awaited: the father" in laboratory.page() and "not to be acted on" in laboratory.page()
    assert laboratory.bundle_report()["status"] == "preliminary"

    sign = ("sign", CHILD, "--person", "Dr Example", "--digest")
    assert "what is said now has the digest" in refused(capsys, *sign, "0" * 64)
    assert "give its first 12 digits or more" in refused(capsys, *sign, laboratory.digest[:4])
    assert "has no signed version 1: none was signed yet" in refused(capsys, "report", CHILD, "--version", "1")

    strict = tmp_path / "strict.yaml"
    strict.write_text("aligned_reads:\n  mean_coverage:\n    minimum: 1000\n")
    with monkeypatch.context() as patched:
        patched.setenv("GENOMICS_THRESHOLDS", str(strict))
        assert "the gate of aligned_reads is shut" in refused(capsys, *sign, laboratory.digest)

    looked_at = laboratory.digest
    laboratory.drop(phenotype_hpo="HP:0001250")
    assert "findings would be made anew" in refused(capsys, *sign, looked_at), "the signs rank the findings' genes"
    laboratory.run(CHILD)
    assert laboratory.digest != looked_at
    assert "not " + looked_at in refused(capsys, *sign, looked_at)

    assert main([*sign, laboratory.digest[:16], "--reviewed"]) == 0
    assert "reviewed" in laboratory.page() and laboratory.bundle_report()["status"] == "preliminary"
    assert main([*sign, laboratory.digest]) == 0
    assert "version 1 of the report of child is final" in capsys.readouterr().out
    first = laboratory.bundle_report()
    assert first["status"] == "final" and first["resultsInterpreter"]
    assert "Dr Example" in laboratory.page() and "not to be acted on" not in laboratory.page()
    assert "says the same" in refused(capsys, *sign, laboratory.digest)
    told = [entry.event.what for entry in laboratory.platform.audit.entries_about(CHILD)]
    assert (told.count(REVIEWED), told.count(SIGNED)) == (1, 1)

    laboratory.run(FATHER)
    laboratory.run(CHILD)
    assert main(["report", CHILD]) == 0
    shown = capsys.readouterr().out
    assert "report version 2, draft (preliminary)" in shown
    assert "otherwise than version 1: The calls were compared with those of the father." in shown
    assert main(["report", CHILD, "--version", "1"]) == 0
    path = next(line.split(": ", 1)[1] for line in capsys.readouterr().out.splitlines() if "page: " in line)
    assert "awaited: the father" in Path(path).read_text() and "Dr Example" in Path(path).read_text()

    assert "needs a person and a reason" in refused(capsys, *sign, laboratory.digest)
    assert main(["sign", CHILD, "--person", "Dr Second", "--digest", laboratory.digest, *WHY, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "amended"
    amended = laboratory.bundle_report()
    assert (amended["status"], amended["id"]) == ("amended", first["id"])
    assert "takes the place of version 1 (final, signed by Dr Example" in json.dumps(amended["extension"])
    page = laboratory.page()
    assert "Version 2 (this one): amended, signed by Dr Second" in page
    assert "Version 1: final, signed by Dr Example" in page and WHY[1].replace("'", "&#39;") in page
    assert main(["report", CHILD, "--json"]) == 0
    shown_json = json.loads(capsys.readouterr().out)
    assert [one["person"] for one in shown_json["versions"]] == ["Dr Example", "Dr Second"]
    assert shown_json["stage"] == "signed" and Path(shown_json["files"]["page"]).is_file()


def test_the_name_stands_on_a_page_of_its_own_and_never_in_the_lake(
    laboratory: Laboratory, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    target = tmp_path / "report.html"
    subject = laboratory.platform.registry.sample(CHILD).person.subject_id
    assert "nobody has said yet who subject" in refused(capsys, "report", CHILD, "--identified", str(target))
    assert not target.exists()
    laboratory.platform.registry.identify(subject, mrn="M77", name="Ada Example", birth_date="2020-01-31")
    assert "neither .html nor .pdf" in refused(capsys, "report", CHILD, "--identified", str(tmp_path / "x.txt"))
    assert main(["report", CHILD, "--identified", str(target)]) == 0
    assert "Ada Example, born 2020-01-31, record M77" in target.read_text()
    assert "Ada Example" not in laboratory.page()
    told = [entry.event for entry in laboratory.platform.audit.entries_about(CHILD)]
    assert LOOKED_UP in [event.what for event in told]
    assert "Ada" not in laboratory.platform.audit.path.read_text()


def test_a_signature_that_nobody_gave_stops_the_report(
    laboratory: Laboratory, capsys: pytest.CaptureFixture[str]
) -> None:
    import sqlite3

    database = laboratory.deployment.settings.data / "registry" / "samples.sqlite"
    row = (
        "INSERT INTO sign_outs (sample_id, report_digest, state, person, recorded) VALUES ('child', ?, 'final', 'X', ?)"
    )
    with sqlite3.connect(database) as connection:
        connection.execute(row, (laboratory.digest, "2027-01-01T00:00:00.000001+00:00"))
    try:
        assert "that the audit log does not have" in refused(capsys, "report", CHILD)
    finally:
        with sqlite3.connect(database) as connection:
            connection.execute("DELETE FROM sign_outs WHERE person = 'X'")


def test_the_dossier_tells_genes_that_nobody_looked_at_as_untested_and_writes_canrisks_file(
    laboratory: Laboratory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    family = tmp_path / "child.canrisk"
    arguments = ["dossier", CHILD, "--canrisk", str(family), "--age", "10", "--born", "2016", "--person", "Dr A"]
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["result"] for one in told["genes"]} == {"0:0"} and all(one["why_not"] for one in told["genes"])
    (target,) = [line for line in family.read_text().splitlines() if line.split("\t")[2:3] == ["1"]]
    assert target.split("\t")[6:11] == ["M", "0", "0", "10", "2016"] and "S:N" not in target
    (entry,) = laboratory.platform.audit.entries_of(WRITTEN)
    assert (entry.event.who, entry.event.sample) == ("Dr A", CHILD)
    assert "there already" in refused(capsys, *arguments)
