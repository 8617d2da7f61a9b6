import math
from pathlib import Path

import pytest

from benchmarks.genome import Used, engine_steps, extrapolated, main, make_sample, table


def test_a_line_is_read_off_where_the_genome_ends_with_its_error() -> None:
    assert extrapolated([10, 20, 30], [25, 45, 65], 100) == pytest.approx((205, 0), abs=1e-6)
    value, error = extrapolated([10, 20, 30], [25, 48, 65], 100)
    assert value == pytest.approx(206)
    assert error == pytest.approx(1.5**0.5 * 2 * (1 / 3 + 80**2 / 200) ** 0.5)
    assert math.isnan(extrapolated([10, 20], [25, 45], 100)[1])


def test_figures_that_nobody_took_are_not_told() -> None:
    shown = table({"align": {1.0: Used(10, 5), 2.0: Used(20, 9)}}, 10)
    assert "| align | CPU s | 10.0 | 20.0 | 100 |" in shown
    assert "memory" not in shown


def test_a_genome_goes_through_the_steps(tmp_path: Path) -> None:
    lanes = make_sample(tmp_path, 0.06, 2, 12.0)
    assert len(lanes) == 2
    steps = engine_steps(tmp_path, lanes, 1)
    assert list(steps) == ["index", "align", "call", "genotype"]
    assert all(used.cpu > 0 and used.memory > 30 and used.result > 0 for used in steps.values())
    calls = (tmp_path / "P1.vcf.gz").stat().st_size
    assert calls > 2_000


def test_one_size_has_no_slope(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--megabases", "3"])
    assert "two sizes" in capsys.readouterr().err
