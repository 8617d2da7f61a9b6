"""What the order asks about, and a name in parts as reports want it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.registry.column_types import TEXT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; who is there already was asked about no gene by name."""
    op.add_column("samples", sa.Column("ordered_genes", TEXT, nullable=False, server_default=""))
    op.add_column("samples", sa.Column("panel", TEXT))
    op.add_column("subjects", sa.Column("family", TEXT))
    op.add_column("subjects", sa.Column("given", TEXT, nullable=False, server_default="[]"))
