"""mypy sees the seam: a misspelt method of a service, or a misspelt field of a person, is an error of the types."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SNIPPET = """
from engine.ops.services import Services
from engine.person import Person

def use(services: Services, person: Person) -> None:
    services.{service}
    person.{field}
"""


def types(folder: Path, service: str, field: str) -> str:
    path = folder / "snippet.py"
    path.write_text(SNIPPET.format(service=service, field=field))
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--config-file", str(PROJECT / "pyproject.toml")]
    done = subprocess.run([*command, str(path)], cwd=PROJECT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_misspelt_service_or_fact_is_an_error(tmp_path: Path) -> None:
    assert types(tmp_path, "knowledge.bundle()", "sex") == ""
    told = types(tmp_path, "knowledge.bundel()", "sexx")
    assert '"Knowledge" has no attribute "bundel"' in told and '"Person" has no attribute "sexx"' in told
