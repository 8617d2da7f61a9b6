"""Dagster's event log on SQLite, whose statements are compiled once a process and not at each use.

Named in ``dagster.yaml`` (:mod:`genomics_assets.instance`). Dagster makes an engine for each of the thousand times that
a run asks its event log, and SQLAlchemy compiles what is asked anew for each engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool

_MOST_ENGINES = 8
"""Kept at once: every run has a database of its own, and the daemon sees many runs."""


class EventLog(SqliteEventLogStorage):
    """Dagster's, in the same files; only the engines are kept."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> EventLog:
        """As ``dagster.yaml`` configures it; Dagster's own makes Dagster's own."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = _engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection


@lru_cache(maxsize=_MOST_ENGINES)
def _engine(address: str) -> Engine:
    """Holds no connection (each is closed after use), so that it may be kept, and dropped, at any time."""
    return create_engine(address, poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
