"""How a registry of an earlier release becomes a current one: one Alembic revision after the other, never edited.

A revision is a file ``v<revision>_<what>.py`` in ``versions``; the highest is the schema of this platform. Whether a
registry has it is one small query, so Alembic is imported only where there is something to do.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Connection

VERSION_TABLE = "registry_version"
"""Not Alembic's own name: Dagster keeps its version under that one, perhaps in the same database."""


@cache
def revisions() -> tuple[str, ...]:
    """The revisions that this platform knows, oldest first."""
    return tuple(sorted(path.name[1:5] for path in Path(__file__).with_name("versions").glob("v*.py")))


def upgrade(db: Connection, *, of: str | None) -> None:
    """Bring the tables up to date, in the transaction that the caller holds and commits.

    Args:
        db: the connection.
        of: revision that the tables are of, absent where there are none. SQLite files of the first releases say it
            without having Alembic's table.
    """
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": db})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    if of is not None:
        command.stamp(config, of)
    command.upgrade(config, "head")
    if db.dialect.name == "sqlite":
        db.exec_driver_sql(f"PRAGMA user_version = {int(revisions()[-1])}")
