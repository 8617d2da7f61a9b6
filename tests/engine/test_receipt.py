"""A receipt reads as it was written; what is none, or of a later release, is refused in words."""

import json

import pytest

from engine.errors import LakeError
from engine.receipt import SCHEMA, ArtifactFile, Receipt, Recipe, content_version

FILES = (ArtifactFile("S1.bam", "ab" * 32, 10), ArtifactFile("S1.bam.bai", "cd" * 32, 5))
RECEIPT = Receipt(
    asset="aligned_reads",
    sample="S1",
    data_version=content_version(FILES),
    files=FILES,
    records=4,
    recipe=Recipe(inputs={"raw_reads": "1"}, tools={"bwa": "2"}),
    measures={"mean_coverage": 30.0},
    created="2026-01-01T00:00:00+00:00",
)


def edited(**fields: object) -> str:
    return json.dumps({**json.loads(RECEIPT.to_json()), **fields})


def test_a_receipt_reads_as_it_was_written() -> None:
    assert Receipt.from_json(RECEIPT.to_json()) == RECEIPT
    assert json.loads(RECEIPT.to_json())["schema"] == SCHEMA


def test_a_receipt_of_the_first_release_which_wrote_no_schema_is_read() -> None:
    fields = json.loads(RECEIPT.to_json())
    del fields["schema"]
    assert Receipt.from_json(json.dumps(fields)) == RECEIPT


def test_a_receipt_of_a_newer_release_is_refused_even_if_its_fields_are_others() -> None:
    with pytest.raises(LakeError, match=rf"schema {SCHEMA + 1}, this release knows {SCHEMA}.*newer one"):
        Receipt.from_json(json.dumps({"schema": SCHEMA + 1, "artifact": "other"}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "{",
        "null",
        "[]",
        "3",
        "{}",
        "\0" * 100,
        RECEIPT.to_json()[:-30],
        edited(files=None),
        edited(files=[{"name": "S1.bam"}]),
        edited(files=[{"name": "../../S2/S2.bam", "sha256": "0", "bytes": 1}]),
        edited(recipe=[]),
        edited(recipe={"inputs": None}),
        edited(measures=None),
        edited(records="4"),
        edited(sample=7),
        edited(schema="two"),
        edited(data_version="0" * 32),
        edited(further="field"),
    ],
)
def test_what_is_no_receipt_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(LakeError, match=r"the receipt cannot be read.*Remedy: restore the receipt"):
        Receipt.from_json(text)
