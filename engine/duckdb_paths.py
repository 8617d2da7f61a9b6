"""Reading files by DuckDB: paths as it takes them, and one database for looking things up.

It reads any path as a pattern, so that a folder named ``lab [1]`` is not found.

>>> as_pattern(Path("/data/lab [1]/S1.parquet"))
'/data/lab [[]1]/S1.parquet'
>>> as_literal(Path("/data/o'brien/out.parquet"))
"'/data/o''brien/out.parquet'"
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def as_pattern(path: Path) -> str:
    """The pattern that this path alone matches, for what DuckDB reads."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))


def as_literal(path: Path) -> str:
    """The path as a literal of SQL, for what DuckDB writes, where a path is no pattern."""
    return "'" + str(path).replace("'", "''") + "'"


@contextmanager
def looking_up() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for a question about files, of whichever thread; nothing is to be made in it, for all share it.

    A database of one's own takes 20 ms of CPU to open, which is more than most such questions; a cursor 0.2 ms.
    """
    with _database().cursor() as db:
        yield db


@cache
def _database() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect()
