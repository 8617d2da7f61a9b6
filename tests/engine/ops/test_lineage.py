"""What is drawn, what is written down and what really happened are the same: the kernel saw which files were opened."""

from __future__ import annotations

import pytest

from genomics_assets.artifacts import ARTIFACTS
from tests.engine.ops.conftest import CHILD, Family, Seen


def of(family: Family, asset: str) -> Seen:
    return family.seen.get((CHILD, asset)) or family.seen["", asset]


@pytest.mark.parametrize("asset", [one.name for one in ARTIFACTS])
def test_nothing_was_opened_that_the_receipt_does_not_name(family: Family, asset: str) -> None:
    seen = of(family, asset)
    assert seen.opened <= set(seen.receipt.recipe.inputs)
