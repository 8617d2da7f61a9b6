"""A contribution is read as it was written, at little cost."""

import subprocess
import sys
from pathlib import Path

from engine.cohort.columns import TABLES, typed_table
from engine.cohort.contributed import read_contribution, write_contribution
from engine.report.exon_coverage import ExonCoverage, write_exon_coverage


def test_a_contribution_is_read_as_it_was_written(tmp_path: Path) -> None:
    empty = {name: typed_table([], columns) for name, columns in TABLES.items()}
    one = {"measures": typed_table([("S1", "raw_reads", "pairs", 5.0)], TABLES["measures"])}
    write_contribution(empty | one, tmp_path)
    for name, rows in (empty | one).items():
        assert read_contribution(tmp_path, name).equals(rows, check_metadata=True)


def test_a_run_in_which_all_is_fresh_loads_nothing_heavy_to_read_and_show_what_there_is(tmp_path: Path) -> None:
    write_contribution({name: typed_table([], columns) for name, columns in TABLES.items()}, tmp_path)
    write_exon_coverage([ExonCoverage("A", "T1", 1, "chr1", 1, 9, 9, 9, 0, 0, 0)], tmp_path / "exons.parquet")
    code = """
import sys
from pathlib import Path
from engine.cohort.contributed import read_contribution
from engine.ops.calls import trio_variants
from engine.ops.inputs import Making
from engine.report.exon_coverage import read_exon_coverage
read_exon_coverage(Path(sys.argv[1], "exons.parquet"))
read_contribution(Path(sys.argv[1]), "calls")
alone = dict.fromkeys(("gvcf", "father", "mother", "reference", "settings"))
making = Making("S1", Path(sys.argv[1]), Path(sys.argv[1]), 1, print)
assert not trio_variants.compute(making=making, **alone).measures["examined"]
print(*sorted({"numba", "pandas", "pyarrow.dataset", "great_expectations", "matplotlib"} & set(sys.modules)))
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == []
