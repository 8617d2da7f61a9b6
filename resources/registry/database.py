"""Where the registry's tables lie: what both databases offer, and what each must say of itself.

A database gives transactions, nothing else: one that reads a single state, and one that writes alone, so that what is
judged is still so when it is written. Whoever opens it first brings the tables up to date.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from resources.registry.contract import RegistryError
from resources.registry.migrations import revisions, upgrade

PATIENCE = 60.0
"""Seconds to wait for another process that uses the registry."""
_PAUSE = 0.02


class Database(ABC):
    """A database that holds the registry.

    Attributes:
        place: file, or address without a password, as errors name it.
        remedy: what to look at when it does not answer.
    """

    place: str
    remedy: str

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        event.listen(engine, "connect", self._prepare)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of all tables, whoever writes meanwhile."""
        with self._transaction(alone=False) as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is the only one to write, committed at the end unless something was raised."""
        with self._transaction(alone=True) as db:
            yield db
            db.commit()

    @abstractmethod
    def purge(self) -> None:
        """Take what was overwritten or removed off the disk, as far as the database can."""

    @abstractmethod
    def _prepare(self, connection: object, record: object) -> None:
        """Set up a new connection of the driver's."""

    @abstractmethod
    def _begin(self, db: Connection, *, alone: bool) -> None:
        """Begin a transaction: on a snapshot, or alone among all that write."""

    @abstractmethod
    def _begin_migration(self, db: Connection) -> None:
        """Begin a transaction that nothing else is beside."""

    @abstractmethod
    def _is_busy(self, error: DBAPIError) -> bool:
        """Whether it is only to be waited for."""

    @abstractmethod
    def _version(self, db: Connection) -> str | None:
        """The revision that the tables are of, by one cheap query; absent where there are none."""

    @contextmanager
    def _transaction(self, *, alone: bool) -> Iterator[Connection]:
        db = self._patiently(alone=alone)
        try:
            yield db
        except DBAPIError as error:
            raise self._unusable(error) from error
        finally:
            db.close()

    def _patiently(self, *, alone: bool) -> Connection:
        """A transaction on current tables. A short "busy" can be met at any opening, and is waited out here."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._opened(alone=alone)
            except DBAPIError as error:
                if not self._is_busy(error) or time.monotonic() > deadline:
                    raise self._unusable(error) from error
            time.sleep(_PAUSE)

    def _opened(self, *, alone: bool) -> Connection:
        while True:
            db = self._engine.connect()
            try:
                self._begin(db, alone=alone)
                if self._is_current(db):
                    return db
            except BaseException:
                db.close()
                raise
            db.close()
            self._migrate()

    def _migrate(self) -> None:
        with self._engine.connect() as db:
            self._begin_migration(db)
            if not self._is_current(db):  # or another process was faster
                upgrade(db, of=self._version(db))
            db.commit()

    def _is_current(self, db: Connection) -> bool:
        version, known = self._version(db), revisions()
        if version is not None and version not in known:
            raise RegistryError(
                f"the registry has schema {int(version)}, this platform knows {int(known[-1])}",
                file=self.place,
                remedy="use the platform version that made it, or a newer one",
            )
        return version == known[-1]

    def _unusable(self, error: DBAPIError) -> RegistryError:
        """What the database cannot do, in our words."""
        return RegistryError(f"the registry cannot be used ({error.orig})", file=self.place, remedy=self.remedy)
