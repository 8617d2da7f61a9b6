"""Who carries what within a stretch, by the files that the log lists."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from engine.cohort.columns import TABLES, typed_table
from engine.cohort.lookup import calls_within, carriers
from engine.reference.intervals import Interval


def call(sample: str, contig: str, position: int) -> tuple[object, ...]:
    return (sample, contig, 0, position, "A", "G", 1, 2, 60, 30, 15, 15, 99, 0, 900)


def test_a_stretch_is_half_open_and_of_one_contig_and_every_file_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "lab [1]"
    folder.mkdir()
    of_files = (
        [call("S1", "chr20", 100), call("S2", "chr20", 101)],
        [call("S3", "chr20", 200), call("S4", "chr20", 201), call("S5", "chr21", 150), call("S2", "chr20", 150)],
    )
    files = [str(folder / f"{number}.parquet") for number in range(2)]
    for file, rows in zip(files, of_files, strict=True):
        pq.write_table(typed_table(rows, TABLES["calls"]), file)
    at = Interval("chr20", 100, 200)
    with duckdb.connect() as db:
        assert carriers(db, files, at) == ["S2", "S3"]
        rows = calls_within(db, files, at).to_pylist()
        assert carriers(db, [], at) == []
    assert [(row["sample_id"], row["position"]) for row in rows] == [("S2", 101), ("S2", 150), ("S3", 200)]
