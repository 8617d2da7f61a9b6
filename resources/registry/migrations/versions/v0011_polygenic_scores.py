"""Whether polygenic scores were ordered, or the person agreed to hear of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column; nobody was asked before."""
    op.add_column("samples", sa.Column("polygenic_scores", sa.Integer, nullable=False, server_default="0"))
