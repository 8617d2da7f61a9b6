"""Where a sum lies among people."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import KnowledgeError
from engine.risk.distribution import read_distribution


@pytest.mark.parametrize(
    "head", ["mean=-0.424\nsd=0.611\nalpha=0.501\n", "# mu: -0.424\n# sigma: 0.611\n", "mean,-0.424\nsd,0.611,,\n"]
)
def test_mean_and_deviation_are_read(tmp_path: Path, head: str) -> None:
    model = tmp_path / "bcac.prs"
    model.write_text(head + "name,chromosome,position,reference_allele,effect_allele\nrs1,1,5,A,G\n")
    told = read_distribution(model)
    assert told.z(-0.424) == 0 and told.z(0.798) == pytest.approx(2)


@pytest.mark.parametrize(
    "head", ["", "mean=1\n", "mean=1\nsd=0\n", "mean=1\nsd=-2\n", "mean=1\nsd=e\n", "mean=1\nsd=nan\n"]
)
def test_a_model_without_them_is_refused(tmp_path: Path, head: str) -> None:
    model = tmp_path / "bcac.prs"
    model.write_text(head)
    with pytest.raises(KnowledgeError, match=r"names no mean|empty"):
        read_distribution(model)
