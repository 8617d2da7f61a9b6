"""Dagster's event log as the platform has it: the same files, the same content, engines that are kept."""

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
