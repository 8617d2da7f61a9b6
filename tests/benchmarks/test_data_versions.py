"""Two lakes are compared by what their receipts say."""

import subprocess
import sys
from pathlib import Path

from benchmarks.data_versions import compared, receipts
from engine.receipt import Recipe
from resources.lake import LocalLake


def lake(folder: Path, **contents: dict[str, str]) -> Path:
    """A data folder in which each asset of S1 has these files; assets by name."""
    opened = LocalLake(folder / "lake")
    for asset, files in contents.items():
        with opened.work(asset, "S1") as work:
            for name, content in files.items():
                (work.folder / name).write_text(content)
            work.publish(records=1, recipe=Recipe(), measures={})
    return folder


def test_assets_are_told_to_be_the_same_or_by_the_files_that_differ(tmp_path: Path) -> None:
    one = lake(tmp_path / "1", gvcf={"S1.g.vcf": "a"}, variants={"S1.vcf": "b", "old.txt": "x"}, findings={"f": "1"})
    other = lake(tmp_path / "2", gvcf={"S1.g.vcf": "a"}, variants={"S1.vcf": "c", "new.txt": "x"}, trio={"t": "1"})
    assert list(compared(receipts(one), receipts(other))) == [
        "findings: only before",
        "gvcf: 1 of 1 the same",
        "trio: only after",
        "variants: 0 of 1 the same; <sample>.vcf differs (1); new.txt new (1); old.txt gone (1)",
    ]


def test_nothing_to_compare_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.data_versions", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "no artifact is in both lakes" in done.stderr
