"""Shared test set-up: where the real data lies, when it is there at all."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("GENOMICS_SHARED_DATA", PROJECT.parent / "shared" / "data"))
# Tests are about deployments of their own, whatever was served from this checkout last.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="genomics-tests-")
SHARE_A_DEPLOYMENT = {
    **dict.fromkeys(("test_command_line.py", "test_sensor_and_daemon.py", "test_web_ui.py"), "laboratory"),
    **dict.fromkeys(("test_clinic.py", "test_clinic_browser.py", "test_clinic_provider.py"), "case"),
    **dict.fromkeys(("test_clinic_dashboards.py", "test_clinic_practice.py", "test_clinic_fuzzed.py"), "case"),
}
"""Files that look at the same running server (``end_to_end/conftest.py``) or the same case (``portal/conftest.py``),
which is expensive to set up, by a word for it."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real human data beside the checkout; a test that needs it skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"real data is absent: no folder {SHARED} (set GENOMICS_SHARED_DATA)")
    return SHARED


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file on one worker, and those of files that share an expensive deployment.

    The mark ``xdist_group`` alone does not: pytest-xdist 3.8 writes it to an attribute that pytest 9.2 ignores.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return SHARE_A_DEPLOYMENT.get(Path(file).name, file)

    return ByFile(config, log) if config.getvalue("dist") == "loadgroup" else None
