"""In whose report the question came up that a person decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.registry.column_types import NUMBER, TEXT

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table anew: nothing wrote decisions before, and SQLite adds no foreign key to a table that is there."""
    op.drop_table("decisions")
    number = sa.Column("number", NUMBER, primary_key=True, autoincrement=True)
    stated = ("build", "allele", "classification", "criteria")
    op.create_table(
        "decisions",
        number,
        *(sa.Column(name, TEXT, nullable=False) for name in stated),
        sa.Column("comment", TEXT),
        *(sa.Column(name, TEXT, nullable=False) for name in ("person", "recorded")),
        sa.Column("sample_id", TEXT, sa.ForeignKey("samples.sample_id")),
        sa.Column("supersedes", NUMBER, sa.ForeignKey("decisions.number")),
        sqlite_strict=True,
    )
    op.create_index("decisions_of_allele", "decisions", ["build", "allele"])
    op.create_index("decisions_superseded_once", "decisions", ["supersedes"], unique=True)
