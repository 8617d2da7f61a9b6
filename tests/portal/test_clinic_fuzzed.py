"""The API as its own description says it, asked by schemathesis with whatever that allows, by each role."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from portal.clinic.admission import ROOT
from portal.clinic.rights import Role
from portal.clinic.visits import Visit
from tests.builders.clinic import ACCESS, CHILD, FATHER, OTHER_WARD, WARD, Clinic, clinic_of, platform_of
from tests.builders.deployment import Deployment

EXAMPLES = 25
ANSWERS = {200, 400, 403, 404, 409, 413, 415, 422}


@pytest.fixture(scope="module")
def clinic(made_case: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    return clinic_of(platform_of(made_case, tmp_path_factory.mktemp("fuzzed")), ACCESS)


def _ask(client: TestClient, case: Any) -> tuple[int, str]:
    told = case.as_transport_kwargs(base_url=str(client.base_url))
    url = told.pop("url")
    told = {name: value for name, value in told.items() if name in ("params", "json", "data")}
    answer = client.request(case.method, url.removeprefix(str(client.base_url).rstrip("/")), **told)
    return answer.status_code, answer.text


def _walk(operation: Any, client: TestClient, visit: Visit) -> int:
    """Ask one operation whatever it allows; how often it was asked."""
    asked = 0

    @given(case=operation.as_strategy(), own=st.sampled_from(["", CHILD, FATHER]))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any, own: str) -> None:
        nonlocal asked
        if own and "case" in (case.path_parameters or {}):
            case.path_parameters["case"] = own
        visit.allowance = 1e9
        status, text = _ask(client, case)
        asked += 1
        assert status in ANSWERS, (operation.label, status, text[:300])
        assert status != 200 or f'"{CHILD}"' not in text, "the child is of another ward"

    ask()
    return asked


@pytest.mark.parametrize("role", [Role.GENETICIST, Role.BIOINFORMATICIAN, Role.ADMIN])
def test_no_question_is_answered_by_a_fault_or_by_another_wards_case(clinic: Clinic, role: Role) -> None:
    client, visit = clinic.visit(role, OTHER_WARD)
    described = client.get(f"{ROOT}/api/openapi.json").json()
    asked = 0
    for result in schemathesis.openapi.from_dict(described).get_all_operations():
        asked += _walk(result.ok(), client, visit)
    assert asked > 100


def test_a_planted_fault_is_found(clinic: Clinic) -> None:
    """That the walk above can fail: a route that breaks on what the description allows."""
    client, _ = clinic.visit(Role.GENETICIST, WARD)
    assert client.get(f"{ROOT}/api/cases", params={"first": 10**9}).status_code == 200
    assert client.get(f"{ROOT}/api/cases", params={"first": 10**30}).status_code == 400
