"""Readiness: what the first view of each page would otherwise wait for, done beforehand in a thread of its own.

Templates are compiled, libraries that pages load when they need them are loaded, the audit log is looked through, and
the list of cases is read. Nobody is shown anything by it, so nothing of it is an entry of the audit log.
"""

from __future__ import annotations

import importlib
import logging
import threading
from contextlib import suppress

from fastapi import FastAPI

from engine.errors import GenomicsError
from portal.clinic.house import House
from portal.clinic.rendering import compile_templates

_TOLD = logging.getLogger("portal")
LATE = (
    *("duckdb", "numpy", "pyarrow.parquet", "engine.dashboards.figures", "engine.report.page"),
    *("resources.checked", "resources.explained", "resources.fhir_server"),
)
"""Modules that pages import inside functions, so that a command that shows no page does without them."""


def warm(app: FastAPI) -> threading.Thread:
    """Begin; whoever comes in meanwhile waits for no more than they would have."""
    house: House = app.state.house
    # Tables are made current before there is a second thread: Dagster's databases are too, by the same alembic, whose
    # context is one for the whole process.
    with suppress(GenomicsError):
        house.platform.registry.ids()
    thread = threading.Thread(target=_warm, args=(house,), daemon=True, name="portal-warming")
    thread.start()
    return thread


def _warm(house: House) -> None:
    compile_templates()
    for name in LATE:
        importlib.import_module(name)
    _open_database()
    try:
        next(house.platform.audit.entries_of(""), None)  # the log is looked through once, however long it is
        house.read_list()
    except (OSError, GenomicsError) as error:
        _TOLD.warning("the list of cases could not be read beforehand: %s", error)


def _open_database() -> None:
    """DuckDB loads its reader of Parquet with its first query."""
    import duckdb

    with duckdb.connect() as db:
        db.execute("SELECT count(*) FROM duckdb_functions()").fetchall()
