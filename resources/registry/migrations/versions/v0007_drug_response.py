"""Whether the response to drugs was ordered, or the person agreed to hear of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; nobody was asked before."""
    op.add_column("samples", sa.Column("drug_response", sa.Integer, nullable=False, server_default="0"))
