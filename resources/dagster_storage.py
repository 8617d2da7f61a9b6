"""Where Dagster keeps its own state and what steps print: in the data folder, or as the options say.

``dagster.yaml`` names a variable in place of the database's address, for a password may stand in it
(:data:`IN_USE`); whoever opens Dagster's instance sets it first (:func:`hand_over`).
"""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from engine.errors import GenomicsError

IN_USE = "DAGSTER_STORAGE_URL"
"""The variable that ``dagster.yaml`` names."""
_HERE = ("", "localhost", "127.0.0.1", "::1")
_REMEDY = "write it as postgresql://user:password@host:5432/database, or leave it unset"


class StorageAddressError(GenomicsError):
    """An address that Dagster cannot keep its state under."""


def storage_address(address: str | None) -> str | None:
    """A PostgreSQL database as libpq takes it; the server's certificate is verified unless it is this machine.

    Source: https://www.postgresql.org/docs/current/libpq-connect.html

    >>> storage_address("postgresql://dagster:pw@db.example.org/dagster")
    'postgresql://dagster:pw@db.example.org/dagster?sslmode=verify-full&sslrootcert=system'
    >>> storage_address("postgresql://dagster:pw@localhost/dagster")
    'postgresql://dagster:pw@localhost/dagster'

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
    return urlunsplit(parts._replace(query=urlencode(given, quote_via=quote, safe="/")))


def hand_over(address: str | None) -> None:
    """Let this process and its children find the database that ``dagster.yaml`` leaves to be named."""
    if address:
        os.environ[IN_USE] = address
