"""Dagster's event log on SQLite, opened and its statements compiled once a process and not at each use.

Named in ``dagster.yaml`` (:mod:`genomics_assets.instance`). Dagster makes an engine for each of the thousand times that
a run asks its event log: each opens the file, reads its schema and closes it, for which SQLite empties its journal into
the file, and SQLAlchemy compiles what is asked anew for each engine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from weakref import WeakSet

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine

_MOST_ENGINES = 8
"""Kept at once: every run has a database of its own, and the daemon sees many runs."""


class EventLog(SqliteEventLogStorage):
    """Dagster's, in the same files; only engines and connections are kept."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> EventLog:
        """As ``dagster.yaml`` configures it; Dagster's own makes Dagster's own."""
        return cls(inst_data=inst_data, **config_value)

    def wipe(self) -> None:
        """Remove every event, and let go of the files, which are no more."""
        super().wipe()
        self._let_go()

    def dispose(self) -> None:
        """Close the files: what is done with them afterwards is nobody's of this process."""
        super().dispose()
        self._let_go()

    def _let_go(self) -> None:
        _engine.cache_clear()
        for engine in list(_OPEN):
            if str(engine.url.database).startswith(self._base_dir):
                engine.dispose()

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
    """Keeps one connection open, until it is dropped itself."""
    engine = create_engine(address, pool_size=1, max_overflow=-1, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
    _OPEN.add(engine)
    return engine


_OPEN: WeakSet[Engine] = WeakSet()


def _leave_to_the_parent() -> None:
    """A process that forks must not use, nor close, its parent's connections: SQLite's locks are a process's."""
    for engine in list(_OPEN):
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_leave_to_the_parent)
