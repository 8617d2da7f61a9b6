"""A family's reports as messages of HL7 v2, made of what was really called: each an ORU^R01 by hl7apy's judgement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.hl7v2.check import structure_fault
from engine.ops.artifact import NotApplicable, Published
from engine.ops.delivery import hl7v2_delivery
from resources.interface_engine import InterfaceEngine
from tests.engine.ops.conftest import CHILD, FATHER, MOTHER, Family


@pytest.fixture
def out(family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that takes messages, of drafts too."""
    folder, access = tmp_path / "out", tmp_path / "hl7.yaml"
    folder.mkdir()
    access.write_text("deliver: unsigned\napplication: EHR\n")
    platform = family.resources
    engine = InterfaceEngine(str(folder), access, platform.hospital.ledger, platform.audit)
    monkeypatch.setitem(platform.__dict__, "interface_engine", engine)
    return folder


@pytest.mark.parametrize("sample", [CHILD, FATHER, MOTHER])
def test_what_was_called_goes_out_as_a_message_and_none_is_kept(sample: str, family: Family, out: Path) -> None:
    made = hl7v2_delivery.make(family.resources, sample, log=lambda _: None)
    assert isinstance(made, Published) and made.receipt.measures["status"] == "preliminary"
    (file,) = out.iterdir()
    message = file.read_bytes().decode()
    assert file.name == f"{sample}.{made.receipt.measures['control_id']}.hl7"
    assert structure_fault(message) is None and "|EHR|" in message.partition("\r")[0]
    bundle = family.resources.lake.require("fhir_bundle", sample)
    told = json.loads(family.resources.lake.path(bundle, f"{sample}.fhir.json").read_text())
    variants = [
        one for one in told["entry"] if one["resource"].get("code", {}).get("coding", [{}])[0].get("code") == "69548-6"
    ]
    assert message.count("|81250-3^") == len(variants) == bundle.measures["findings"]
    kept = [file.name for file in made.receipt.files]
    assert kept == [f"{sample}.hl7v2.json"]
    again = hl7v2_delivery.make(family.resources, sample, log=lambda _: None)
    assert isinstance(again, Published) and again.fresh


def test_where_no_receiver_is_named_nothing_is_made(family: Family) -> None:
    made = hl7v2_delivery.make(family.resources, CHILD, log=lambda _: None)
    assert isinstance(made, NotApplicable) and "GENOMICS_HL7" in made.reason
