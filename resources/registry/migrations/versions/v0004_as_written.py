"""What a laboratory writes in place of a sample id, and how the files of a lane write qualities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.registry.column_types import TEXT

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; a row of before says nothing in them."""
    op.add_column("samples", sa.Column("name", TEXT))
    op.add_column("reads", sa.Column("quality_encoding", TEXT))
