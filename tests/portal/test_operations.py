"""What the audit log is told of a request: what is called with which arguments, and no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portal.operations import HIDDEN, read_operation, without_secrets

LAUNCH = """mutation Launch($parameters: ExecutionParams!) { launchRun(executionParams: $parameters) { __typename } }"""


def launching(sample: str, **config: Any) -> dict[str, Any]:
    """Variables as the web UI sends them when a person materializes an asset."""
    tags = [{"key": "dagster/partition", "value": sample}]
    return {"parameters": {"runConfigData": config, "mode": "default", "executionMetadata": {"tags": tags}}}


def test_a_run_is_told_with_its_sample() -> None:
    operation = read_operation(LAUNCH, launching("S0001", ops={}), "Launch")
    assert operation.changes and operation.samples == ("S0001",)
    assert operation.fields[0]["field"] == "launchRun"
    assert operation.fields[0]["arguments"]["executionParams"]["mode"] == "default"


def test_a_backfill_is_told_with_its_samples() -> None:
    query = "mutation B($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) { __typename } }"
    assert read_operation(query, {"p": {"partitionNames": ["S2", "S1"]}}, None).samples == ("S1", "S2")


@pytest.mark.parametrize(
    "query",
    [
        'mutation { terminateRun(runId: "b1") { __typename } }',
        'mutation ($r: String = "b1") { other: terminateRun(runId: $r) { __typename } }',
        'mutation { ... on Mutation { terminateRun(runId: "b1") { __typename } } }',
        'fragment F on Mutation { ...G } fragment G on Mutation { terminateRun(runId: "b1") { __typename } } '
        "mutation { ...F ...F }",
        'fragment F on Mutation { ...F terminateRun(runId: "b1") { __typename } } mutation { ...F }',
    ],
)
def test_what_is_called_is_told_however_it_is_written(query: str) -> None:
    operation = read_operation(query, {}, None)
    assert operation.changes
    assert {field["field"] for field in operation.fields} == {"terminateRun"}
    assert operation.fields[0]["arguments"] == {"runId": "b1"}


@pytest.mark.parametrize(
    "value",
    [
        {"password": "geheim"},
        {"db_Password": {"env": "geheim"}},
        {"config": [{"apiKey": "geheim"}]},
        [{"key": "smtp_password", "value": "geheim"}, {"key": "dagster/partition", "value": "S1"}],
        {"name": "API_KEY", "value": ["geheim"]},
        {"key": "AUTHORIZATION", "note": "authorization: Bearer geheim"},
        "postgresql://genomics:geheim@db.example.org/genomics",
        "resources:\n  mail:\n    password: geheim\n",
        '{"smtp_token": "geheim"}',
        "SECRET=geheim; other=1",
    ],
)
def test_no_secret_is_told(value: Any) -> None:
    told = json.dumps(without_secrets(value))
    assert "geheim" not in told and json.dumps(HIDDEN)[1:-1] in told


def test_great_lengths_are_cut_with_a_word_of_it() -> None:
    told = without_secrets({"samples": [f"S{n}" for n in range(10_000)], "text": "x" * 10_000})
    assert told["samples"][-1] == "(and 9950 more)" and len(json.dumps(told)) < 2000
    nested: Any = "end"
    for _ in range(500):
        nested = {"in": nested}
    assert "deeper" in json.dumps(without_secrets(nested))
    wide = {f"name{number}": "x" * 100 for number in range(10_000)}
    (field,) = read_operation(LAUNCH, {"parameters": wide}, None).fields
    assert "letters, not shown" in field["arguments"]


def test_numbers_that_json_has_not_are_told_as_text() -> None:
    assert without_secrets([float("nan"), float("inf"), 1.5, 2, True, None]) == ["nan", "inf", 1.5, 2, True, None]


def test_half_a_surrogate_pair_can_be_written() -> None:
    json.dumps(without_secrets({"\ud800": ["\udfff"]}), ensure_ascii=False).encode()
