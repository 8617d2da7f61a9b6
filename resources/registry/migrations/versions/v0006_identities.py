"""Who assigned a record number, and when it was said who a person is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.registry.column_types import TEXT

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; nothing told who people are before."""
    op.add_column("subjects", sa.Column("mrn_system", TEXT))
    op.add_column("subjects", sa.Column("identified", TEXT))
