"""Where Dagster keeps its own state and what steps print: in the data folder, or as the options say.

``dagster.yaml`` names a variable in place of the database's address, for a password may stand in it
(:data:`IN_USE`); whoever opens Dagster's instance sets it first (:func:`hand_over`).
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from engine.errors import GenomicsError

IN_USE = "DAGSTER_STORAGE_URL"
"""The variable that ``dagster.yaml`` names."""
DRIVER = "postgresql+psycopg2"
"""The one that Dagster's library for PostgreSQL brings."""
AZURE = ".postgres.database.azure.com"
_HERE = ("", "localhost", "127.0.0.1", "::1")
_REMEDY = "write it as postgresql://user:password@host:5432/database, or leave it unset"


class StorageAddressError(GenomicsError):
    """An address that Dagster cannot keep its state under."""


def storage_address(address: str | None) -> str | None:
    """A PostgreSQL database as libpq takes it; the server's certificate is verified unless it is this machine.

    Source: https://www.postgresql.org/docs/current/libpq-connect.html

    >>> storage_address("postgresql://dagster:pw@db.example.org/dagster")
    'postgresql+psycopg2://dagster:pw@db.example.org/dagster?sslmode=verify-full&sslrootcert=system'
    >>> storage_address("postgresql://dagster:pw@localhost/dagster")
    'postgresql+psycopg2://dagster:pw@localhost/dagster'

    Raises:
        StorageAddressError: it is none; it is not repeated, for a password may stand in it.
    """
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme != "postgresql" or not parts.path.strip("/"):
        raise StorageAddressError("GENOMICS_DAGSTER_STORAGE is no address of a PostgreSQL database", remedy=_REMEDY)
    given = dict(parse_qsl(parts.query))
    host = parts.hostname or given.get("host", "")
    if "sslmode" not in given and host not in _HERE and not host.startswith("/"):  # a path is that of a socket
        given |= {"sslmode": "verify-full", "sslrootcert": given.get("sslrootcert", "system")}
    query = urlencode(given, quote_via=quote, safe="/")
    return urlunsplit(parts._replace(scheme=DRIVER, query=query))


def storage_configuration(address: str) -> dict[str, Any]:
    """What ``dagster.yaml`` says of a database: the variable that names it, or, of Azure's without a password, that the
    platform's identity signs in."""
    parts = urlsplit(address)
    if parts.password is not None or not (parts.hostname or "").endswith(AZURE):
        return {"postgres": {"postgres_url": {"env": IN_USE}}}
    where: dict[str, Any] = {
        "username": unquote(parts.username or ""),
        "hostname": parts.hostname,
        "port": parts.port or 5432,
    }
    where |= {"db_name": parts.path.strip("/"), "params": dict(parse_qsl(parts.query)), "scheme": DRIVER}
    return {"postgres": {"postgres_db": where, "auth_provider": {"azure_wif": {}}}}


def hand_over(address: str | None) -> None:
    """Let this process and its children find the database that ``dagster.yaml`` leaves to be named."""
    if address:
        os.environ[IN_USE] = address
