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

from engine.storage import storage_told
from resources.registry.contract import RegistryError
from resources.registry.database import PATIENCE, Database

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = "restore it from a backup: who was withdrawn since then is known from the audit log at the next start"
_SAID = {
    sqlite3.SQLITE_FULL: ("the disk is full", "make room on it; nothing was changed, and the next try goes on"),
    sqlite3.SQLITE_READONLY: ("it is read-only", "let the platform's account write to the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: (
        "it cannot be opened",
        "see that the disk has room and inodes left, and let the platform's account write to the file and its folder",
    ),
    sqlite3.SQLITE_IOERR: ("the disk does not answer", "see that the disk is well and has room left"),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", _DAMAGED),
    sqlite3.SQLITE_NOTADB: ("it is damaged", _DAMAGED),
    **dict.fromkeys(_BUSY, ("another process holds it", "end that process if it hangs; the next try goes on")),
}
"""What is wrong and what to do, by SQLite's primary result code."""


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
            with storage_told(self.path):
                self._create()
        return super()._opened(alone=alone)

    def purge(self) -> None:
        """Overwritten pages lie in the write-ahead log until it is carried over and cut off."""
        with self.reading() as db:
            db.rollback()
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _unusable(self, error: DBAPIError) -> RegistryError:
        said = _SAID.get(_code(error))
        if said is None:
            return super()._unusable(error)
        problem, remedy = said
        return RegistryError(f"the registry cannot be used: {problem} ({error.orig})", file=self.place, remedy=remedy)

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
            connection.execute("PRAGMA secure_delete = ON")  # what is removed is overwritten with zeros

    def _begin(self, db: Connection, *, alone: bool) -> None:
        db.exec_driver_sql("BEGIN IMMEDIATE" if alone else "BEGIN")

    def _begin_migration(self, db: Connection) -> None:
        db.exec_driver_sql("PRAGMA journal_mode = WAL")
        db.exec_driver_sql("BEGIN EXCLUSIVE")

    def _is_busy(self, error: DBAPIError) -> bool:
        return _code(error) in _BUSY

    def _version(self, db: Connection) -> str | None:
        """The number in the file's header is the revision's, since before Alembic kept a table of it."""
        number = db.exec_driver_sql("PRAGMA user_version").scalar()
        return f"{number:04}" if number else None


def _code(error: DBAPIError) -> int:
    """SQLite's primary result code, 0 where it told none."""
    return int(getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF
