"""Who a person is lies sealed, with a key for each person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.registry.column_types import TEXT

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make room; what is there in the clear is sealed at the next start, when the keys are at hand."""
    op.add_column("subjects", sa.Column("sealed", TEXT))
    op.create_table(
        "person_keys",
        sa.Column("subject_id", TEXT, sa.ForeignKey("subjects.subject_id"), primary_key=True),
        *(sa.Column(name, TEXT) for name in ("wrapped", "wrapped_by", "algorithm")),
        sa.Column("made", TEXT, nullable=False),
        sa.Column("erased", TEXT),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
