"""One deployment with a case, made once for all tests of the clinicians' portal that one process runs."""

from __future__ import annotations

import pytest

from tests.builders.clinic import made_deployment
from tests.builders.deployment import Deployment


@pytest.fixture(scope="session")
def made_case(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return made_deployment(tmp_path_factory.mktemp("made-case"))
