"""Why a signed report was changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.registry.column_types import TEXT

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; nothing wrote sign-outs before."""
    op.add_column("sign_outs", sa.Column("reason", TEXT))
