"""Dagster's event log as the platform has it: the same files, the same content, engines that are kept."""

import gc
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from genomics_assets.dead_runs import open_instance
from genomics_assets.event_log import EventLog
from genomics_assets.instance import prepare_instance
from resources.dagster_state import DATABASES
from resources.environment import Settings

RUNS = 20
MOST_OPEN = 8


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))  # and back, when prepare_instance has set it
    return prepare_instance(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(home) as instance:
        yield instance


@dg.asset
def counted() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"records": 7})


def test_it_lies_where_dagsters_own_reads_it(home: Path, instance: dg.DagsterInstance) -> None:
    run = dg.materialize([counted], instance=instance)
    assert isinstance(instance.event_log_storage, EventLog)
    assert all((home / name).is_file() for name in DATABASES)
    dagsters = SqliteEventLogStorage(str(home / "history" / "runs"))
    assert [one.message for one in dagsters.get_logs_for_run(run.run_id)] == [
        one.message for one in instance.event_log_storage.get_logs_for_run(run.run_id)
    ]
    (record,) = dagsters.get_asset_records([dg.AssetKey("counted")])
    made = record.asset_entry.last_materialization
    assert made is not None and made.asset_materialization is not None
    assert made.asset_materialization.metadata["records"].value == 7


def test_many_runs_keep_their_own_events(instance: dg.DagsterInstance) -> None:
    """More than engines are kept for."""
    runs = [dg.materialize([counted], instance=instance).run_id for _ in range(RUNS)]
    for run in runs:
        assert {event.run_id for event in instance.all_logs(run)} == {run}
    assert len(instance.fetch_materializations(dg.AssetKey("counted"), limit=2 * RUNS).records) == RUNS


def test_a_use_that_fails_leaves_nothing(instance: dg.DagsterInstance) -> None:
    log = instance.event_log_storage
    assert isinstance(log, EventLog)
    with log.index_connection() as connection:
        connection.exec_driver_sql("CREATE TABLE kept (row INTEGER)")
    with pytest.raises(ZeroDivisionError), log.index_connection() as connection:
        connection.exec_driver_sql("INSERT INTO kept VALUES (1)")
        raise ZeroDivisionError
    with log.index_connection() as connection:
        assert not connection.exec_driver_sql("SELECT * FROM kept").all()


def open_files(folder: Path) -> list[str]:
    """Names of the databases in a folder that this process has open."""
    places = (Path(os.path.realpath(one)) for one in Path("/proc/self/fd").iterdir())
    return [place.name for place in places if place.parent == folder and place.suffix == ".db"]


def test_a_file_is_opened_once_and_few_stay_open(home: Path, instance: dg.DagsterInstance) -> None:
    log = instance.event_log_storage
    assert isinstance(log, EventLog)
    for _ in range(RUNS):
        dg.materialize([counted], instance=instance)
        with log.index_connection() as connection:
            kept = connection.connection.driver_connection
        with log.index_connection() as connection:
            assert connection.connection.driver_connection is kept
    gc.collect()
    # SQLite keeps the descriptor of a closed connection while another holds locks of the file: two of one file at most.
    open_now = Counter(open_files(home / "history" / "runs"))
    assert 1 <= len(open_now) <= MOST_OPEN
    assert max(open_now.values()) <= 2


def test_a_forked_process_opens_it_anew(instance: dg.DagsterInstance) -> None:
    log = instance.event_log_storage
    assert isinstance(log, EventLog)
    with log.index_connection() as connection:
        connection.exec_driver_sql("CREATE TABLE kept (pid INTEGER)")
        parents = id(connection.connection.driver_connection)
    child = os.fork()
    if child == 0:
        with log.index_connection() as connection:
            anew = id(connection.connection.driver_connection) != parents
            connection.exec_driver_sql(f"INSERT INTO kept VALUES ({os.getpid()})")
        os._exit(0 if anew else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with log.index_connection() as connection:
        assert connection.exec_driver_sql("SELECT pid FROM kept").scalars().all() == [child]


def test_what_was_wiped_is_written_anew(instance: dg.DagsterInstance) -> None:
    dg.materialize([counted], instance=instance)
    instance.event_log_storage.wipe()
    run = dg.materialize([counted], instance=instance)
    assert {event.run_id for event in instance.all_logs(run.run_id)} == {run.run_id}
    assert len(instance.fetch_materializations(dg.AssetKey("counted"), limit=2).records) == 1
