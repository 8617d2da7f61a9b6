"""The registry in a PostgreSQL database, by its URL, for platforms of more than one machine.

The driver is pg8000, in plain Python; it comes with the extra ``postgres``. A server of Azure whose URL has no password
is signed in to with the platform's identity.
"""

from __future__ import annotations

import os
import ssl
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.dialects import registry as dialects
from sqlalchemy.exc import ArgumentError, DBAPIError

from resources.registry.contract import RegistryError
from resources.registry.database import PATIENCE, Database
from resources.registry.migrations import VERSION_TABLE
from resources.registry.roles import ANEW, HOLD_PERSONS
from resources.secrets import signed_in

_LOCK = 0x67656E6F6D696373
"""Any number that no other program locks in this database: ``genomics`` in ASCII."""
_DIALECT = "postgresql.genomics_pg8000"
_BUSY = ("57P03", "53300", "55P03", "40001", "40P01")
"""SQLSTATE: starting up, too many connections, lock not available, serialization failure, deadlock."""
_PARAMETERS = ("sslmode", "sslrootcert", "unix_sock")
_AZURE, _AUDIENCE = ".postgres.database.azure.com", "https://ossrdbms-aad.database.windows.net/.default"
"""Where a server without a password is Azure's, and whom its tokens are for."""
_HERE = ("localhost", "127.0.0.1", "::1")


class PostgresDatabase(Database):
    """A database of its own or a shared one; the tables lie in the first schema of the user's search path.

    Attributes:
        tls: whether the connection is encrypted, or how the server's certificate is verified as well.
    """

    tls: ssl.SSLContext | bool

    def __init__(self, address: str) -> None:
        url = _parsed(address)
        self.place = url.render_as_string(hide_password=True)
        self.remedy = "check that the server runs and that GENOMICS_REGISTRY names it, its user and its database"
        query = dict(url.query)
        if unknown := query.keys() - _PARAMETERS:
            raise RegistryError(
                f"the registry's address has a parameter {min(unknown)!r}",
                remedy=f"leave it out; there are {', '.join(_PARAMETERS)}",
            )
        mode, authority = str(query.pop("sslmode", "")), query.pop("sslrootcert", None)
        self.tls = "unix_sock" not in query and _tls(mode, url.host, str(authority) if authority else None)
        options = {"application_name": "genomics-registry", "ssl_context": self.tls}
        dialects.register(_DIALECT, "resources.registry.pg8000_dialect", "Pg8000Dialect")
        url = url.set(drivername=_DIALECT.replace(".", "+"), query=query)
        try:
            # One connection is kept, as a new one costs 30 ms of CPU, and tried before use, as the server may drop it.
            engine = create_engine(url, pool_size=1, max_overflow=-1, pool_pre_ping=True, connect_args=options)
        except ModuleNotFoundError:
            raise RegistryError(
                "the driver for PostgreSQL is not installed", remedy="pip install 'genomics-assets[postgres]'"
            ) from None
        if url.password is None and str(url.host).endswith(_AZURE):
            event.listen(engine, "do_connect", _with_token)
        os.register_at_fork(after_in_child=partial(engine.dispose, close=False))
        super().__init__(engine)

    def purge(self) -> None:
        """Write the tables that hold persons anew, so that no dead row stays; the server's own archive is not ours."""
        with self._engine.connect() as db:
            try:
                self._write_anew(db)
            except DBAPIError as error:
                raise self._unusable(error) from error

    def _write_anew(self, db: Connection) -> None:
        """As the tables' owner, or by the function that the owner has given to the platform's role."""
        owns = "SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class WHERE oid = ANY(ARRAY[{}])"
        tables = ", ".join(f"'{table}'::regclass" for table in HOLD_PERSONS)
        if not db.exec_driver_sql(owns.format(tables)).scalar():
            db.exec_driver_sql(f"SELECT {ANEW}()")
            db.commit()
            return
        driver: Any = db.connection.driver_connection
        driver.rollback()
        driver.autocommit = True  # VACUUM runs in no transaction
        try:
            for table in HOLD_PERSONS:
                driver.cursor().execute(f"VACUUM FULL {table}")
        finally:
            driver.autocommit = False

    def _prepare(self, connection: object, record: object) -> None:
        """Nothing is to be set up."""

    def _begin(self, db: Connection, *, alone: bool) -> None:
        if alone:
            self._lock(db)
        else:
            db.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def _begin_migration(self, db: Connection) -> None:
        self._lock(db)

    def _lock(self, db: Connection) -> None:
        """One writer at a time, as SQLite has it; the server lets go when the transaction or its client ends."""
        db.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        db.exec_driver_sql(f"SET LOCAL lock_timeout = {int(PATIENCE * 1000)}")
        db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")

    def _is_busy(self, error: DBAPIError) -> bool:
        facts = error.orig.args[0] if error.orig and error.orig.args else None
        return isinstance(facts, dict) and facts.get("C") in _BUSY

    def _version(self, db: Connection) -> str | None:
        if db.exec_driver_sql(f"SELECT to_regclass('{VERSION_TABLE}')").scalar() is None:
            return None
        version: str | None = db.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
        return version


def _with_token(dialect: object, record: object, arguments: object, options: dict[str, Any]) -> None:
    """Sign in with the platform's identity: a token for each new connection, since one holds an hour."""
    options["password"] = signed_in().get_token(_AUDIENCE).token


def _parsed(address: str) -> URL:
    """The URL, which is not repeated in an error: a password may stand in it."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in ("postgresql", "postgresql+pg8000") or not url.database:
        raise RegistryError(
            "the registry's address is no URL of a PostgreSQL database",
            remedy="write it as postgresql://user:password@host:5432/database",
        )
    return url


def _tls(mode: str, host: str | None, authority: str | None) -> ssl.SSLContext | bool:
    """How the connection is protected: verified by default, unless the server is this machine."""
    match mode or ("disable" if host in _HERE else "verify-full"):
        case "disable":
            return False
        case "require":
            return True
        case "verify-full":
            return _verified(authority)
    raise RegistryError(
        f"sslmode is {mode!r}", remedy="say disable, require (encrypted, not verified) or verify-full in the URL"
    )


def _verified(authority: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise RegistryError(
            f"sslrootcert cannot be used ({error.strerror or error})",
            file=authority,
            remedy="name the certificate of the authority that signed the server's, as PEM",
        ) from error
