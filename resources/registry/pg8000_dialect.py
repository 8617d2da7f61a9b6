"""SQLAlchemy's dialect for pg8000, mended in two places.

pg8000 lets errors of the socket out as they are, so that a connection which the server has dropped is not known for
one; here they are the driver's. And rows are inserted many in a statement, not each in its own: in half the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000


class Pg8000Dialect(PGDialect_pg8000):
    """The dialect; ``postgresql+genomics_pg8000`` in a URL."""

    supports_statement_cache = True
    use_insertmanyvalues_wo_returning = True

    def connect(self, *cargs: Any, **cparams: Any) -> Any:
        """A new connection.

        Raises what the server said: closing the connection that it has refused may fail as well, and hide that.
        """
        with self._network():
            try:
                return super().connect(*cargs, **cparams)
            except self.loaded_dbapi.InterfaceError as error:
                raise self._said(error) from None

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Whether a connection still answers."""
        with self._network():
            return super().do_ping(dbapi_connection)

    def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        """One statement."""
        with self._network():
            super().do_execute(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]

    def do_executemany(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        """One statement for many rows."""
        with self._network():
            super().do_executemany(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]

    def do_commit(self, dbapi_connection: Any) -> None:
        """Commit."""
        with self._network():
            super().do_commit(dbapi_connection)  # type: ignore[no-untyped-call]

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Roll back."""
        with self._network():
            super().do_rollback(dbapi_connection)  # type: ignore[no-untyped-call]

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Close a connection that may be broken already."""
        with suppress(self.loaded_dbapi.Error, OSError):
            super().do_terminate(dbapi_connection)  # type: ignore[no-untyped-call]

    def _said(self, error: BaseException) -> BaseException:
        before: BaseException | None = error
        while before is not None and not isinstance(before, self.loaded_dbapi.DatabaseError):
            before = before.__context__
        return before or error

    @contextmanager
    def _network(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.loaded_dbapi.InterfaceError(f"network error: {error.strerror or error}") from error
