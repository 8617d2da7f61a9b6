"""What Alembic runs to apply revisions: on the connection it is handed, within the transaction that is open there."""

from __future__ import annotations

from alembic import context

from resources.registry.migrations import VERSION_TABLE
from resources.registry.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
