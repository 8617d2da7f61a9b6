"""The registry in one SQLite file, made at first use with access for its owner alone.

It lies on a local disk: the write-ahead log does not work over a network share. No connection outlives its
transaction, so none is carried into a forked process, where closing it would drop locks, and none holds a file that was
since replaced from a backup.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from resources.registry.database import PATIENCE, Database

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class SqliteDatabase(Database):
    """One file; write-ahead logging lets others read while one writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = str(path)
        self.remedy = "keep it on a local disk with space left; if it is damaged, restore it from a backup"
        # Without an isolation level the driver begins nothing by itself: how a transaction begins is said below.
        options = {"timeout": PATIENCE, "isolation_level": None}
        url = URL.create("sqlite", database=str(path))
        super().__init__(create_engine(url, poolclass=NullPool, connect_args=options))

    def _opened(self, *, alone: bool) -> Connection:
        if not self.path.exists():
            self._create()
        return super()._opened(alone=alone)

    def _create(self) -> None:
        """Make the file and its folder for their owner alone, whatever the umask.

        An existing file is never opened here: closing it would drop the locks that SQLite holds in this process.
        """
        if not self.path.parent.exists():
            self.path.parent.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                self.path.parent.mkdir(mode=0o700)
                self.path.parent.chmod(0o700)
        with suppress(FileExistsError):
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            os.fchmod(file, 0o600)
            os.close(file)

    def _prepare(self, connection: object, record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA foreign_keys = ON")

    def _begin(self, db: Connection, *, alone: bool) -> None:
        db.exec_driver_sql("BEGIN IMMEDIATE" if alone else "BEGIN")

    def _begin_migration(self, db: Connection) -> None:
        db.exec_driver_sql("PRAGMA journal_mode = WAL")
        db.exec_driver_sql("BEGIN EXCLUSIVE")

    def _is_busy(self, error: DBAPIError) -> bool:
        code = getattr(error.orig, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in _BUSY

    def _version(self, db: Connection) -> str | None:
        """The number in the file's header is the revision's, since before Alembic kept a table of it."""
        number = db.exec_driver_sql("PRAGMA user_version").scalar()
        return f"{number:04}" if number else None
