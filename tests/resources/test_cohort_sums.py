"""The sums over the cohort follow every sample exactly, whatever happens, and never read the others."""

import os
import random
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

import resources.delta_history
import resources.delta_sums
import resources.delta_tables
from engine.cohort.columns import GOLD, TABLES, typed_table
from engine.cohort.gold import differences
from engine.errors import LakeError
from resources.warehouse import Warehouse


def tables_of(sample: str, seed: int, sex: str = "female") -> dict[str, pa.Table]:
    """Calls and missing stretches drawn at random, on an autosome, the X and the mitochondrion."""
    draw = random.Random(f"{sample} {seed}")
    calls = [
        (sample, contig, 0, position, "A", "G", draw.randint(1, ploidy), ploidy, 50, 30, 15, 15, 99, 0, 900)
        for contig, ploidy in (("chr20", 2), ("chrX", 1 if sex == "male" else 2), ("chrM", 1))
        for position in sorted(draw.sample(range(1, 60), 20))
    ]
    missing = [
        (sample, "chr20", start, start + draw.randint(1, 9), draw.randint(1, 2)) for start in draw.sample(range(50), 5)
    ]
    rows = {
        "calls": calls,
        "no_calls": missing,
        "samples": [(sample, sex, None, None, None, "demo", "bcftools", str(seed))],
        "measures": [],
    }
    return {name: typed_table(rows.get(name, ()), columns) for name, columns in TABLES.items()}


def contribute(warehouse: Warehouse, sample: str, seed: int = 1, sex: str = "female") -> bool:
    versions = dict.fromkeys(TABLES, f"{seed}" * 32)
    return warehouse.contribute(tables_of(sample, seed, sex), sample=sample, versions=versions)


def counted(warehouse: Warehouse) -> dict[tuple[object, ...], int]:
    """Copies by sex, contig and position, from the table of sums."""
    found: dict[tuple[object, ...], int] = {}
    for row in DeltaTable(str(warehouse.root / "allele_count")).to_pyarrow_table().to_pylist():
        key = (row["sex"], row["contig"], row["position"])
        found[key] = found.get(key, 0) + row["allele_count"]
    return {key: count for key, count in found.items() if count}


def expected(*contributed: tuple[str, int, str]) -> dict[tuple[object, ...], int]:
    found: dict[tuple[object, ...], int] = {}
    for sample, seed, sex in contributed:
        for row in tables_of(sample, seed, sex)["calls"].to_pylist():
            key = (sex, row["contig"], row["position"])
            found[key] = found.get(key, 0) + row["copies"]
    return found


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """With groups so small that a few samples fill several."""
    monkeypatch.setattr(resources.delta_tables, "GROUP", 4)
    monkeypatch.setattr(resources.delta_sums, "SUM_UP_AT", 3)
    return Warehouse(tmp_path / "cohort")


def test_sums_follow_samples_that_come_change_their_sex_and_go(warehouse: Warehouse) -> None:
    for number in range(11):
        assert contribute(warehouse, f"S{number}", sex="male" if number % 2 else "female")
    assert not contribute(warehouse, "S3", sex="male"), "that version is there"
    assert contribute(warehouse, "S3", seed=2, sex="female")
    warehouse.remove("S5")
    kept = [(f"S{n}", 1, "male" if n % 2 else "female") for n in range(11) if n not in (3, 5)]
    assert counted(warehouse) == expected(*kept, ("S3", 2, "female"))
    assert differences(warehouse.listing()) == {name: [] for name in GOLD}
    assert contribute(warehouse, "S5", sex="male"), "it may take part again"
    assert counted(warehouse) == expected(*kept, ("S3", 2, "female"), ("S5", 1, "male"))
    assert warehouse.traces("S3") and not list(warehouse.root.glob(".*.sorting"))


def test_replacing_a_sample_rewrites_its_groups_files_alone(warehouse: Warehouse) -> None:
    for number in range(12):
        contribute(warehouse, f"S{number}")
    before = set(warehouse.files("calls"))
    assert len(before) == 3, "one file a complete group"
    contribute(warehouse, "S5", seed=2)
    warehouse.remove("S6")
    after = set(warehouse.files("calls"))
    assert len(before & after) == 2
    one = pa.concat_tables(pa.parquet.read_table(file) for file in before & after)  # type: ignore[attr-defined]
    assert set(one["sample_group"].to_pylist()) == {0, 2}


def test_rows_of_a_group_lie_in_the_order_of_places_and_samples(warehouse: Warehouse) -> None:
    for sample in ("S2", "S0", "S3", "S1"):
        contribute(warehouse, sample)
    (file,) = warehouse.files("calls")
    rows = pa.parquet.read_table(file).to_pylist()  # type: ignore[attr-defined]
    places = [(row["contig"], row["position"], row["sample_id"]) for row in rows]
    assert places == sorted(places) and len({sample for _, _, sample in places}) == 4


def test_sums_are_made_where_a_cohort_of_an_earlier_release_has_none(warehouse: Warehouse) -> None:
    for sample in ("S1", "S2"):
        for name, rows in tables_of(sample, 1).items():
            warehouse.put(name, rows, sample=sample, version="1")
    assert differences(warehouse.listing()) == {name: [] for name in GOLD}
    assert counted(warehouse) == expected(("S1", 1, "female"), ("S2", 1, "female"))


def test_a_log_stays_short_however_many_samples_came_and_says_all_the_same(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources.delta_history, "LOG_ENTRIES", 18)
    monkeypatch.setitem(resources.delta_tables.KEPT_SHORT, "delta.checkpointInterval", "4")
    lengths = {name: [] for name in (*TABLES, *GOLD)}
    for number in range(20):
        contribute(warehouse, f"S{number}")
        for name, found in lengths.items():
            found.append(sum(1 for _ in (warehouse.root / name / "_delta_log").iterdir()))
    for found in lengths.values():
        assert max(found) <= 24, "it grows"
        assert any(later < earlier for earlier, later in pairwise(found)), "it was never shortened"
    assert counted(warehouse) == expected(*((f"S{number}", 1, "female") for number in range(20)))
    assert not contribute(warehouse, "S0") and contribute(warehouse, "S0", seed=2)
    assert not any(differences(warehouse.listing()).values())


def test_files_that_a_table_no_longer_has_go_a_day_after_they_were_seen(warehouse: Warehouse) -> None:
    for number in range(6):
        contribute(warehouse, f"S{number}")
    left_behind = warehouse.root / "calls" / "part-of-a-killed-process.parquet"
    left_behind.write_bytes(b"PAR1")
    named = {file for files in warehouse.listing().values() for file in files}
    superseded = {str(file) for file in warehouse.root.glob("*/*.parquet")} - named
    assert str(left_behind) in superseded and len(superseded) > 10
    assert warehouse.sweep(now=1_000) == 0 and warehouse.sweep(now=80_000) == 0
    assert all(Path(file).exists() for file in superseded), "somebody may still read them"
    contribute(warehouse, "S6")
    assert warehouse.sweep(now=87_500) == len(superseded)
    assert not any(Path(file).exists() for file in superseded)
    named = {file for files in warehouse.listing().values() for file in files}
    assert all(Path(file).exists() for file in named) and not any(differences(warehouse.listing()).values())
    assert (warehouse.root / "calls" / "_delta_log").exists() and warehouse.sweep(now=90_000) == 0


def test_a_difference_is_told(warehouse: Warehouse) -> None:
    contribute(warehouse, "S1")
    more = typed_table([("chr20", 5, "female", 2, 0)], GOLD["coverage_step"])
    assert warehouse.add("coverage_step", more, of="S1", number=7)
    assert not warehouse.add("coverage_step", more, of="S1", number=7), "exactly once"
    assert differences(warehouse.listing())["coverage_step"] == ["contig chr20, place 5, sex female, step 2"]


_KILLED_AT = """
import os, signal, sys
from pathlib import Path
import resources.delta_tables as delta_tables
from resources.journal import Journal
from resources.warehouse import Warehouse
from tests.resources.test_cohort_sums import contribute

delta_tables.GROUP = 4
root, step, what = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
done = 0

def counting(function):
    def stops(*args, **kwargs):
        global done
        result = function(*args, **kwargs)
        done += 1
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return stops

for owner, name in ((Journal, "write"), (Warehouse, "_add"), (Warehouse, "_put"), (Warehouse, "_delete")):
    setattr(owner, name, counting(getattr(owner, name)))
warehouse = Warehouse(root)
contribute(warehouse, "S2", seed=2) if what == "replace" else warehouse.remove("S2")
"""


@pytest.mark.parametrize(
    ("what", "step"), [("replace", 1), ("replace", 2), ("replace", 4), ("remove", 2), ("remove", 4)]
)
def test_a_process_killed_anywhere_leaves_no_half_sample(tmp_path: Path, what: str, step: int) -> None:
    warehouse = Warehouse(tmp_path / "cohort")
    for number in range(3):
        contribute(warehouse, f"S{number}")
    command = [sys.executable, "-c", _KILLED_AT, str(warehouse.root), str(step), what]
    assert subprocess.run(command, check=False, env=os.environ).returncode == -signal.SIGKILL
    contribute(warehouse, "S9")
    assert differences(warehouse.listing()) == {name: [] for name in GOLD}
    others = [(sample, 1, "female") for sample in ("S0", "S1", "S9")]
    assert counted(warehouse) == expected(*others, *([("S2", 2, "female")] if what == "replace" else []))
    if what == "remove":
        warehouse.remove("S2")
        assert warehouse.traces("S2") == []


def test_files_with_rows_marked_as_deleted_are_not_read(warehouse: Warehouse) -> None:
    """As Spark leaves them where deletion vectors are switched on."""
    contribute(warehouse, "S1")
    (file,) = warehouse.files("calls")
    log = warehouse.root / "calls" / "_delta_log"
    vector = (
        '{"storageType":"i","pathOrInlineDv":"^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",'
        '"sizeInBytes":40,"cardinality":6}'
    )
    name, size = Path(file).name, Path(file).stat().st_size
    (log / f"{1:020}.json").write_text(
        '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],'
        '"writerFeatures":["deletionVectors"]}}\n'
        f'{{"remove":{{"path":"{name}","dataChange":true,"deletionTimestamp":1}}}}\n'
        f'{{"add":{{"path":"{name}","partitionValues":{{}},"size":{size},"modificationTime":1,"dataChange":true,'
        f'"stats":"{{\\"numRecords\\":60}}","deletionVector":{vector}}}}}\n'
    )
    with pytest.raises(LakeError, match="deletion vectors") as caught:
        warehouse.files("calls")
    assert "PURGE" in caught.value.remedy
