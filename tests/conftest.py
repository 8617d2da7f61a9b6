"""Shared test set-up: where the real data lies, when it is there at all."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("GENOMICS_SHARED_DATA", PROJECT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real human data beside the checkout; a test that needs it skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"real data is absent: no folder {SHARED} (set GENOMICS_SHARED_DATA)")
    return SHARED
