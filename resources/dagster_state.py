"""Whether Dagster's own databases are whole: looked at before a server starts, and when one of its processes complains.

Without a look one would hear of a page that a disk lost in the words of SQLite, from whichever process reads it first,
and again with every tick.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from engine.errors import GenomicsError

DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
"""In ``DAGSTER_HOME``: runs, what happened in them, and the ticks of sensors."""
REMEDY = (
    "restore the folder from a backup while no server runs; or move it away: every artifact and every decision is "
    "kept, only Dagster's record of past runs is not, and samples that were under way are asked for again"
)
_LARGE = 256 << 20
"""Bytes from which on only the table of tables is read: half a second more a look for each 256 MB otherwise."""


class DagsterStateError(GenomicsError):
    """Dagster's own state cannot be read."""


def require_whole(dagster_home: Path) -> None:
    """DagsterStateError where a database is damaged; one that is absent is made anew."""
    for name in DATABASES:
        path = dagster_home / name
        if path.is_file() and (problem := _problem(path)):
            raise DagsterStateError(f"Dagster's own state is damaged: {problem}", file=path, remedy=REMEDY)


def _problem(path: Path) -> str | None:
    """What SQLite finds wrong with a database, in its words."""
    look = "PRAGMA quick_check(1)" if path.stat().st_size < _LARGE else "SELECT count(*), 'ok' FROM sqlite_master"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=5)) as database:
            *_, found = database.execute(look).fetchone()
    except sqlite3.DatabaseError as error:
        return None if "locked" in str(error) else str(error)
    return None if found == "ok" else " ".join(str(found).split())
