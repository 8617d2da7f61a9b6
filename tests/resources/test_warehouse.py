"""Delta tables to which each sample is added exactly once."""

import multiprocessing
import os
import re
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

import resources.delta_tables
from engine.cohort.columns import CALL_COLUMNS, TABLES, typed_table
from engine.errors import LakeError
from engine.tables import arrow_schema
from resources.journal import Intent, Journal
from resources.warehouse import Warehouse

PROCESSES = 10
VERSION_1, VERSION_2 = "11" * 16, "22" * 16


def rows(sample: str, *positions: int) -> pa.Table:
    return pa.table({"sample_id": [sample] * len(positions), "position": pa.array(positions, pa.int32())})


def read(warehouse: Warehouse) -> list[tuple[str, int]]:
    files = warehouse.files("calls")
    if not files:
        return []
    return duckdb.sql(f"select sample_id, position from read_parquet({files}) order by all").fetchall()


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "cohort")


def test_the_same_version_is_added_once(warehouse: Warehouse) -> None:
    assert warehouse.put("calls", rows("S1", 1, 2), sample="S1", version=VERSION_1)
    assert not warehouse.put("calls", rows("S1", 1, 2), sample="S1", version=VERSION_1)
    assert read(warehouse) == [("S1", 1), ("S1", 2)]


@pytest.mark.parametrize("name", ["lab data", "o'brien", 'say "hi"', "50% x*y", "ümlaut", "{{a}}", "a#b?", "50%"])
def test_a_table_is_kept_in_a_folder_of_any_usual_name(tmp_path: Path, name: str) -> None:
    warehouse = Warehouse(tmp_path / name / "cohort")
    warehouse.put("calls", rows("S1", 1, 2), sample="S1", version=VERSION_1)
    warehouse.put("calls", rows("S2", 3), sample="S2", version=VERSION_1)
    warehouse.put("calls", rows("S1", 4), sample="S1", version=VERSION_2)
    warehouse.compact("calls")
    warehouse.remove("S2")
    assert [pq.read_table(file).to_pydict()["position"] for file in warehouse.files("calls")] == [[4]]


@pytest.mark.parametrize("name", ["lab [1]", "a^b", "a|b", "a\\b", "%20", "new\nline", "lat\udcfcn"])
def test_a_folder_that_delta_cannot_be_kept_in_is_refused_at_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(LakeError, match="Delta tables cannot be kept there") as caught:
        Warehouse(tmp_path / name / "cohort")
    assert "GENOMICS_DATA" in caught.value.remedy
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("panic", [False, True])
def test_what_delta_cannot_do_is_told_in_the_platforms_words(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, panic: bool
) -> None:
    """A panic of its Rust code, which is no Exception, and a log that is damaged."""
    if panic:
        monkeypatch.setattr("resources.delta_tables._IMPOSSIBLE", re.compile("x^"))
        warehouse = Warehouse(warehouse.root.with_name("lab [1]"))
    else:
        warehouse.put("calls", rows("S1", 1), sample="S1", version=VERSION_1)
        (warehouse.root / "calls" / "_delta_log" / f"{0:020}.json").write_text("{")
    with pytest.raises(LakeError, match="table 'calls' cannot be read or written"):
        warehouse.put("calls", rows("S1", 1), sample="S1", version=VERSION_2)


def test_another_version_replaces_the_sample_and_leaves_the_others(warehouse: Warehouse) -> None:
    warehouse.put("calls", rows("S1", 1, 2), sample="S1", version=VERSION_1)
    warehouse.put("calls", rows("S2", 5), sample="S2", version=VERSION_1)
    warehouse.put("calls", rows("S1", 3), sample="S1", version=VERSION_2)
    assert read(warehouse) == [("S1", 3), ("S2", 5)]


def test_a_sample_without_calls_can_be_replaced_and_return(warehouse: Warehouse) -> None:
    warehouse.put("calls", rows("S1", 1), sample="S1", version=VERSION_1)
    warehouse.put("calls", rows("S1"), sample="S1", version=VERSION_2)
    assert read(warehouse) == []
    warehouse.put("calls", rows("S1", 1), sample="S1", version=VERSION_1)
    assert read(warehouse) == [("S1", 1)]


def test_a_withdrawn_sample_leaves_the_table_and_the_disk(warehouse: Warehouse) -> None:
    for sample in ("S1", "S2"):
        warehouse.put("calls", rows(sample, 1, 2), sample=sample, version=VERSION_1)
    warehouse.put("calls", rows("S1", 3), sample="S1", version=VERSION_2)
    warehouse.remove("S1")
    assert read(warehouse) == [("S2", 1), ("S2", 2)]
    everything = duckdb.sql(f"select sample_id from read_parquet('{warehouse.root}/calls/*.parquet')").fetchall()
    assert set(everything) == {("S2",)}


def bytes_that_name(root: Path, sample: str) -> list[str]:
    """Files below a folder in which an id stands, rows and statistics of Parquet as text; sought without our code."""
    found = []
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        texts = [path.read_bytes()]
        if texts[0][:4] == b"PAR1":
            file = pq.ParquetFile(path)
            groups = [file.metadata.row_group(number).to_dict() for number in range(file.num_row_groups)]
            texts += [str(file.read().to_pydict()).encode(), str(groups).encode()]
        if any(sample.encode() in text for text in texts):
            found.append(path.name)
    return found


def test_no_byte_names_a_withdrawn_sample(warehouse: Warehouse) -> None:
    """Neither rows, predicates, statistics, checkpoints, leftovers of killed appends, nor what was never committed."""
    gone, kept = "GONE-0000001", "KEPT-0000002"
    for sample, version in ((gone, VERSION_1), (kept, VERSION_1), (gone, VERSION_2)):
        for table in ("calls", "samples"):
            warehouse.put(table, rows(sample, 1, 2, int(version[:2])), sample=sample, version=version)
    warehouse.compact("calls")
    DeltaTable(str(warehouse.root / "calls")).create_checkpoint()
    warehouse.put("calls", rows("AFTER-000003", 7), sample="AFTER-000003", version=VERSION_1)
    for leftover in ("part-killed.zstd.parquet", "part-killed.parquet#1"):
        pq.write_table(rows(gone, 1), warehouse.root / "calls" / leftover)
    (warehouse.root / "calls" / "_delta_log" / "_commit_1.json.tmp").write_text(f'{{"a": "{gone}"}}')
    assert len(bytes_that_name(warehouse.root, gone)) > 5 and len(warehouse.traces(gone)) > 5
    before = read(warehouse)
    warehouse.remove(gone)
    assert bytes_that_name(warehouse.root, gone) == [] == warehouse.traces(gone)
    assert read(warehouse) == [row for row in before if row[0] != gone]
    assert len(bytes_that_name(warehouse.root, kept)) >= 2
    assert warehouse.put("calls", rows(kept, 9), sample=kept, version=VERSION_2)
    assert not warehouse.put("calls", rows("AFTER-000003", 7), sample="AFTER-000003", version=VERSION_1)
    assert read(warehouse) == [("AFTER-000003", 7), (kept, 9)]
    assert warehouse.put("calls", rows(gone, 1, 2, 11), sample=gone, version=VERSION_1), "it may take part again"


@pytest.mark.parametrize("sample", ["1", "6", "2024", "S1"])
def test_an_id_that_is_a_number_or_part_of_another_is_told_from_both(warehouse: Warehouse, sample: str) -> None:
    for other in (sample, f"{sample}2", f"{sample}-1", f"3{sample}"):
        warehouse.put("calls", rows(other, 1, 6, 2024), sample=other, version=VERSION_1)
    warehouse.remove(sample)
    assert warehouse.traces(sample) == [] and len(read(warehouse)) == 9
    assert warehouse.traces(f"{sample}-1")


@pytest.mark.parametrize(("sample", "other"), [("S2", "S1"), ("1", "0"), ("b", "a"), ("a", "b")])
def test_a_short_id_is_found_where_it_stands_and_not_where_it_only_seems_to(
    warehouse: Warehouse, sample: str, other: str
) -> None:
    """A text that is cut off after it, as Parquet's statistics cut texts and count up the last letter, names nobody."""
    said = f'{{"sample_id":"{sample}'
    for name in (sample, other):
        of_one = rows(name, 1).append_column("said", pa.array([said if name == other else None], pa.string()))
        warehouse.put("calls", of_one, sample=name, version=VERSION_1)
    log = warehouse.root / "calls" / "_delta_log"
    for number, text in enumerate(
        (f'"{sample}"', f"a = '{sample}'", rf"\"a\":\"{sample}\"", f"x{sample}", f"'x{sample}'")
    ):
        (log / f"{number}.tmp").write_text(text)
    found = [path.name for path in warehouse.traces(sample)]
    assert [name for name in found if name.endswith(".tmp")] == ["0.tmp", "1.tmp", "2.tmp"]
    assert len(found) == 5, "with the commit and the file of its rows"
    warehouse.remove(sample)
    assert warehouse.traces(sample) == [] and read(warehouse) == [(other, 1)]
    assert len(warehouse.traces(other)) == 2, "its rows and the checkpoint"


def cohort_rows(name: str, sample: str, **values: object) -> pa.Table:
    """One row of a table of the cohort, with something in every column."""
    by_type = {"VARCHAR": "A", "DOUBLE": 1.0}
    row = {column.name: by_type.get(column.type, 1) for column in TABLES[name]}
    named = {"contig": "chr20", "measure": "mean_coverage", "asset": "variants", "sex": "male", "family_id": "F1"}
    row |= {column: value for column, value in named.items() if column in row} | values | {"sample_id": sample}
    schema = arrow_schema(TABLES[name])
    return pa.Table.from_pylist([row], schema)


def test_an_id_spelt_like_anything_that_stands_in_the_tables_anyway_can_be_withdrawn(warehouse: Warehouse) -> None:
    """Alleles, contigs, measures, families, and the words of Delta's log and of Parquet; none of them names anybody."""
    parents = {"samples": {"father_id": None, "mother_id": None}}
    for name in TABLES:
        for version in (VERSION_1, VERSION_2):
            for sample in ("S1", "S2"):
                rows_of_it = cohort_rows(name, sample, **parents.get(name, {}))
                warehouse.put(name, rows_of_it, sample=sample, version=version)
    DeltaTable(str(warehouse.root / "calls")).create_checkpoint()
    warehouse.remove("S2")
    words = {word for path in warehouse.root.rglob("*") if path.is_file() for word in words_of(path)}
    assert {"A", "chr20", "mean_coverage", "F1", "WRITE", "Append", "string", "sample_id", "add", "parquet"} <= words
    assert [word for word in sorted(words) if warehouse.traces(word)] == ["S1"]
    for sample in ("A", "chr20", "Append"):
        warehouse.put("calls", cohort_rows("calls", sample), sample=sample, version=VERSION_1)
        assert warehouse.traces(sample)
        warehouse.remove(sample)
    assert [row["sample_id"] for row in DeltaTable(str(warehouse.root / "calls")).to_pyarrow_table().to_pylist()] == [
        "S1"
    ]


def words_of(path: Path) -> set[str]:
    """Whatever stands in a file as a word that could be an id; no numbers, none drawn at random."""
    texts = [path.read_bytes().decode("latin-1")]
    if texts[0][:4] == "PAR1":
        file = pq.ParquetFile(path)
        groups = [file.metadata.row_group(number).to_dict() for number in range(file.num_row_groups)]
        texts = [str(file.read().to_pydict()), str(groups), str(file.metadata.metadata)]
    words = {word for text in texts for word in re.findall(r"[A-Za-z0-9_-]{1,64}", text)}
    return {word for word in words if not re.fullmatch("[0-9]+|[0-9a-f]{32}|[0-9a-f-]{36}", word)}


@pytest.mark.parametrize(
    "place",
    [
        '{"commitInfo":{"operationParameters":{"predicate":"sample_id = \'A\'"}}}',
        '{"add":{"stats":"{\\"maxValues\\":{\\"sample_id\\":\\"A\\",\\"ref\\":\\"C\\"}}"}}',
        '{"add":{"stats":"{\\"minValues\\":{\\"father_id\\":\\"A\\"}}"}}',
        '{"add":{"tags":{"of":"A"}}}',
        '{"txn":{"appId":"A"}}',
        '{"a": ["x", {"b": "A"}]}\n{"torn',
        "where sample_id in ('B', 'A')",
    ],
)
def test_an_id_spelt_like_an_allele_is_found_wherever_it_names_the_sample(warehouse: Warehouse, place: str) -> None:
    warehouse.put("calls", cohort_rows("calls", "S1"), sample="S1", version=VERSION_1)
    assert warehouse.traces("A") == []
    path = warehouse.root / "calls" / "_delta_log" / f"{7:020}.json"
    path.write_text(place)
    assert warehouse.traces("A") == [path]


def test_a_parquet_file_that_was_cut_is_read_as_far_as_it_goes(warehouse: Warehouse) -> None:
    warehouse.put("calls", rows("S1", 1), sample="S1", version=VERSION_1)
    cut = warehouse.root / "calls" / "part-cut.parquet"
    pq.write_table(pa.table({"said": ["x = 'S2'"]}), cut, compression="none")
    cut.write_bytes(cut.read_bytes()[:-20])
    assert warehouse.traces("S2") == [cut]


def test_what_cannot_be_taken_out_is_not_said_to_be(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse.put("calls", rows("S1", 1), sample="S1", version=VERSION_1)
    monkeypatch.setattr("resources.delta_tables.forget", lambda *_: None)
    with pytest.raises(LakeError, match="still names the sample") as caught:
        warehouse.remove("S1")
    assert caught.value.sample == "S1" and "_delta_log" in str(caught.value.file)
    monkeypatch.undo()
    warehouse.remove("S1")
    assert warehouse.traces("S1") == []


def _add_and_replace(root: Path, first: int) -> None:
    for number in range(first, first + 25):
        for version in (VERSION_1, VERSION_2):
            Warehouse(root).put("calls", rows(f"S{number}", number), sample=f"S{number}", version=version)


def test_samples_leave_while_others_are_added_and_none_of_these_is_lost(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "cohort")
    leaving = [f"GONE-{number}" for number in range(8)]
    for sample in leaving:
        warehouse.put("calls", rows(sample, 1), sample=sample, version=VERSION_1)
    context = multiprocessing.get_context("spawn")
    adders = [context.Process(target=_add_and_replace, args=(warehouse.root, first)) for first in (0, 25)]
    for adder in adders:
        adder.start()
    for sample in leaving:
        warehouse.remove(sample)
    for adder in adders:
        adder.join()
        assert adder.exitcode == 0
    assert read(warehouse) == sorted((f"S{number}", number) for number in range(50))
    assert [warehouse.traces(sample) for sample in leaving] == [[]] * 8


@pytest.mark.parametrize("parent", ["father_id", "mother_id"])
def test_a_withdrawn_parent_leaves_the_rows_of_the_child_as_well(warehouse: Warehouse, parent: str) -> None:
    for sample, its_parent in (("CHILD-1", "PARENT-1"), ("PARENT-1", None), ("OTHER-1", "PARENT-2")):
        row = pa.table({"sample_id": [sample], parent: pa.array([its_parent], pa.string())})
        warehouse.put("samples", row, sample=sample, version=VERSION_1)
    warehouse.remove("PARENT-1")
    told = duckdb.sql(f"select * from read_parquet({warehouse.files('samples')})").to_arrow_table().to_pylist()
    assert sorted((row["sample_id"], row[parent]) for row in told) == [("CHILD-1", None), ("OTHER-1", "PARENT-2")]
    assert warehouse.traces("PARENT-1") == []


def test_a_sample_taken_out_twice_or_never_added_is_no_error_and_may_return(warehouse: Warehouse) -> None:
    warehouse.remove("S1")
    warehouse.put("calls", rows("S1", 1), sample="S1", version=VERSION_1)
    for sample in ("S1", "S1", "S2"):
        warehouse.remove(sample)
    assert read(warehouse) == []
    assert warehouse.put("calls", rows("S1", 1), sample="S1", version=VERSION_1)
    assert read(warehouse) == [("S1", 1)]


def test_a_table_comes_into_being_with_its_first_rows(warehouse: Warehouse) -> None:
    """A process killed at any moment leaves no empty table for a reader to take for a cohort without calls."""
    warehouse.put("calls", rows("S1", 1, 2), sample="S1", version=VERSION_1)
    first = DeltaTable(warehouse.root / "calls", version=0)
    assert first.to_pyarrow_table()["position"].to_pylist() == [1, 2]


def test_a_table_that_does_not_exist_has_no_files(warehouse: Warehouse) -> None:
    assert warehouse.files("calls") == [] and warehouse.version("calls") == -1


def _add_samples(root: Path, first: int, count: int) -> None:
    for number in range(first, first + count):
        Warehouse(root).put("calls", rows(f"S{number}", number), sample=f"S{number}", version=VERSION_1)


def test_processes_add_samples_side_by_side_and_compaction_loses_none(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "cohort")
    warehouse.put("calls", rows("S999", 999), sample="S999", version=VERSION_1)
    context = multiprocessing.get_context("spawn")
    adders = [context.Process(target=_add_samples, args=(warehouse.root, first, 30)) for first in (0, 30)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
        assert adder.exitcode == 0
    assert read(warehouse) == sorted([(f"S{number}", number) for number in [*range(60), 999]])
    assert len(warehouse.files("calls")) < 61


def test_one_sample_added_by_several_processes_is_there_once(tmp_path: Path) -> None:
    """Even when it is the first of all and the table is not there yet."""
    warehouse = Warehouse(tmp_path / "cohort")
    at_once(_add_one, warehouse.root)
    assert read(warehouse) == [("S1", 1)]


def _add_one(root: Path, barrier: Any) -> None:
    import deltalake  # noqa: F401  # all are to begin at once

    barrier.wait()
    Warehouse(root).put("calls", rows("S1", 1), sample="S1", version=VERSION_1)


def at_once(target: Callable[[Path, Any], None], root: Path) -> None:
    """Run it in ten processes at the same time."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    processes = [context.Process(target=target, args=(root, barrier)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def test_compactions_at_the_same_time_double_no_row(tmp_path: Path) -> None:
    """As when ten samples are added while a round of commits becomes full."""
    warehouse = Warehouse(tmp_path / "cohort")
    for number in range(20):
        warehouse.put("calls", rows(f"S{number}", number), sample=f"S{number}", version=VERSION_1)
    at_once(_compact, warehouse.root)
    assert read(warehouse) == sorted((f"S{number}", number) for number in range(20))
    assert len(warehouse.files("calls")) == 1


def _compact(root: Path, barrier: Any) -> None:
    import deltalake  # noqa: F401  # all are to begin at once

    barrier.wait()
    Warehouse(root).compact("calls")


def test_a_killed_append_leaves_the_table_whole(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "cohort")
    warehouse.put("calls", rows("S999", 999), sample="S999", version=VERSION_1)
    context = multiprocessing.get_context("spawn")
    adder = context.Process(target=_add_samples, args=(warehouse.root, 0, 500))
    adder.start()
    deadline = time.monotonic() + 30
    while warehouse.version("calls") < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert adder.pid is not None
    os.kill(adder.pid, signal.SIGKILL)
    adder.join()
    there = {sample for sample, _ in read(warehouse)}
    _add_samples(warehouse.root, 0, 10)
    assert read(warehouse).count(("S0", 0)) == 1
    assert there <= {sample for sample, _ in read(warehouse)}


def test_a_table_of_an_earlier_release_is_read_and_added_to_under_the_names_of_today(warehouse: Warehouse) -> None:
    old = {
        "sample_id": ["S1"], "contig": ["20"], "bin": [0], "position": [5], "ref": ["A"], "alt": ["G"],
        "dosage": [1], "copies": [2], "genotype_quality": [60], "depth": [30], "alt_depth": [14],
    }  # fmt: skip
    types = [column.type for column in arrow_schema(CALL_COLUMNS, bare=True)]
    of_old = pa.schema(list(zip(old, types, strict=False)))
    warehouse.put("calls", pa.table(old, of_old), sample="S1", version=VERSION_1)

    (file,) = warehouse.files("calls")
    today = typed_table([(*(column[0] for column in old.values()), *[None] * 4)], CALL_COLUMNS)
    kept = pq.read_table(file)
    assert kept.drop_columns(["sample_group"]).equals(today) and kept["sample_group"].to_pylist() == [0]
    assert not warehouse.put("calls", today, sample="S1", version=VERSION_1), "its version is known still"
    other = today.set_column(0, "sample_id", [["S2"]])
    assert warehouse.put("calls", other, sample="S2", version=VERSION_1)
    read = duckdb.sql(f"select sample_id, copies, ploidy from read_parquet({warehouse.files('calls')}) order by all")
    assert read.fetchall() == [("S1", 1, 2), ("S2", 1, 2)]


def test_a_log_of_an_earlier_release_that_tells_groups_by_themselves_tells_them_with_versions(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three groups of one sample each, the second withdrawn; the versions' numbers were of 60 bits."""
    monkeypatch.setattr(resources.delta_tables, "GROUP", 1)

    def application(text: str) -> str:
        return uuid.uuid5(resources.delta_tables.NAMESPACE, text).hex

    calls = {
        name: typed_table([(name, "20", 0, 5, "A", "G", 1, 2, 60, 30, 14, 16, 99, 0, 900)], CALL_COLUMNS)
        for name in "ABC"
    }
    marks = [Transaction(application("samples in groups"), 3)]
    for group, (name, version) in enumerate(zip("ABC", (VERSION_1, None, VERSION_2), strict=True)):
        number = int(version[:15], 16) if version else 0
        marks += [Transaction(application(name), number), Transaction(application(f"group of {name}"), group)]
        if version:
            rows_there = calls[name].append_column("sample_group", pa.array([group], pa.int32()))
            write_deltalake(str(warehouse.root / "calls"), rows_there, mode="append")
    opened = DeltaTable(str(warehouse.root / "calls"))
    commit = CommitProperties(app_transactions=marks)
    opened.create_write_transaction([], "append", opened.schema(), commit_properties=commit)

    for name, version in (("A", VERSION_1), ("C", VERSION_2)):
        assert not warehouse.put("calls", calls[name], sample=name, version=version), "its version is known still"
        assert warehouse.rows_of("calls", name) == calls[name]
    assert warehouse.rows_of("calls", "B") is None
    changed = calls["C"].set_column(3, "position", pa.array([7], pa.int32()))
    assert warehouse.put("calls", changed, sample="C", version=VERSION_1), "in the place of its rows in its group"
    assert warehouse.put("calls", calls["B"], sample="B", version=VERSION_1), "it may take part again"
    warehouse.remove("A")
    found = duckdb.sql(f"select sample_id, position, sample_group from read_parquet({warehouse.files('calls')})")
    assert sorted(found.fetchall()) == [("B", 5, 0), ("C", 7, 2)]


def lacking(rows: pa.Table, group: int) -> pa.Table:
    """Rows as the release before kept them, without the last four columns, in a group."""
    return rows.select(rows.schema.names[:-4]).append_column("sample_group", pa.array([group] * len(rows), pa.int32()))


def application_of(text: str) -> str:
    return uuid.uuid5(resources.delta_tables.NAMESPACE, text).hex


def call_at(sample: str, position: int) -> pa.Table:
    return typed_table([(sample, "20", 0, position, "A", "G", 1, 2, 60, 30, 14, 16, 9, 0, 9)], CALL_COLUMNS)


def test_groups_of_a_table_of_an_earlier_release_lie_in_files_of_their_own(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two groups of two samples, which one file had: whoever reads a sample's group reads its rows and no others."""
    monkeypatch.setattr(resources.delta_tables, "GROUP", 2)
    calls = {name: call_at(name, place) for name, place in zip("ABCD", (9, 5, 7, 3), strict=True)}
    marks = [Transaction(application_of("samples in groups, each told with its version"), 4)]
    for number, name in enumerate("ABCD"):
        marks.append(Transaction(application_of(name), int(VERSION_1[:10], 16) << 20 | number // 2))
    rows_there = pa.concat_tables([lacking(calls[name], number // 2) for number, name in enumerate("ABCD")])
    commit = CommitProperties(app_transactions=marks)
    write_deltalake(str(warehouse.root / "calls"), rows_there, commit_properties=commit)
    assert len(warehouse.files("calls")) == 2
    for number, file in enumerate(sorted(warehouse.files("calls"))):
        kept = pq.read_table(file)
        assert kept["sample_group"].to_pylist() == [number] * 2
        assert kept["position"].to_pylist() == sorted(kept["position"].to_pylist())
    for name in "ABCD":
        assert not warehouse.put("calls", calls[name], sample=name, version=VERSION_1), "its version is known still"
        told = warehouse.rows_of("calls", name)
        assert told is not None and told["position"] == calls[name]["position"] and told["ref_depth"].null_count == 1
        assert warehouse.put("calls", calls[name], sample=name, version=VERSION_2)
        assert warehouse.rows_of("calls", name) == calls[name]
    assert len(read(warehouse)) == 4


def test_a_sample_without_rows_whose_group_was_its_versions_last_bits_gets_one(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a log of an earlier release left it; its rows, once it had some, lay in a group that nobody else was in."""
    monkeypatch.setattr(resources.delta_tables, "GROUP", 2)
    rows_of = {name: typed_table([(name, "20", 5, 9, 2)], TABLES["no_calls"]) for name in "ABC"}
    for name in "ABC":
        warehouse.put("no_calls", rows_of[name], sample=name, version=VERSION_1)
    opened = DeltaTable(str(warehouse.root / "no_calls"))
    opened.delete("sample_id = 'B'")
    stray = CommitProperties(app_transactions=[Transaction(application_of("B"), int(VERSION_1[:15], 16))])
    opened.create_write_transaction([], "append", opened.schema(), commit_properties=stray)
    warehouse.put("no_calls", rows_of["B"], sample="B", version=VERSION_2)
    assert max(groups_of(warehouse)) > 1_000
    warehouse.sweep(now=1_000)
    assert sorted(groups_of(warehouse)) == [0, 1, 1] and warehouse.rows_of("no_calls", "B") == rows_of["B"]
    assert not warehouse.put("no_calls", rows_of["B"], sample="B", version=VERSION_2), "its version is known still"
    assert warehouse.put("no_calls", typed_table([], TABLES["no_calls"]), sample="B", version=VERSION_1)
    assert sorted(groups_of(warehouse)) == [0, 1]


def groups_of(warehouse: Warehouse) -> list[int]:
    found = duckdb.sql(f"select sample_group from read_parquet({warehouse.files('no_calls')})").fetchall()
    return [group for (group,) in found]


def test_a_table_that_lies_under_its_former_name_is_found(warehouse: Warehouse) -> None:
    rows_there = typed_table([("A", "20", 5, 9, 2)], TABLES["no_calls"])
    warehouse.put("no_calls", rows_there, sample="A", version=VERSION_1)
    (warehouse.root / "no_calls").rename(warehouse.root / "missing")
    assert warehouse.rows_of("no_calls", "A") == rows_there and not (warehouse.root / "missing").exists()
    (warehouse.root / "no_calls").rename(warehouse.root / "missing")
    warehouse.remove("A")
    assert warehouse.rows_of("no_calls", "A") is None and not (warehouse.root / "missing").exists()


def test_what_an_earlier_release_began_is_completed_under_the_names_of_today(warehouse: Warehouse) -> None:
    """Its journal names the tables as it had them."""
    carried = call_at("A", 5)
    tables = {
        "calls": carried.select(carried.schema.names[:-4]),
        "missing": typed_table([("A", "20", 5, 9, 2)], TABLES["no_calls"]),
        "samples": typed_table([("A", "female", None, None, None, "x", "y", "1")], TABLES["samples"]),
    }
    Journal(warehouse.root / ".journal").write(Intent("A", dict.fromkeys(tables, VERSION_1), tables, {}))
    files = warehouse.listing()
    assert files["no_calls"] and not (warehouse.root / "missing").exists()
    assert duckdb.sql(f"select position, ref_depth from read_parquet({files['calls']})").fetchall() == [(5, None)]


def test_two_stale_deletions_of_one_file_take_both_samples_out(warehouse: Warehouse) -> None:
    """As of another program that knows nothing of our locks: the second is refused, looked at anew, and done."""
    for number in (1, 2, 3):
        warehouse.put("calls", rows(f"S{number}", number), sample=f"S{number}", version=VERSION_1)
    warehouse.compact("calls")
    path = str(warehouse.root / "calls")
    opened = iter((DeltaTable(path), DeltaTable(path)))
    assert len(warehouse.files("calls")) == 1
    tried = []

    def delete(sample: str) -> None:
        tried.append(sample)
        table = next(opened, None) or DeltaTable(path)
        table.delete(f"sample_id = '{sample}'")

    for sample in ("S1", "S2"):
        resources.delta_tables.until_committed(lambda sample=sample: delete(sample))
    assert tried == ["S1", "S2", "S2"], "the second was refused once"
    assert read(warehouse) == [("S3", 3)]
    warehouse.remove("S3")
    assert read(warehouse) == []
