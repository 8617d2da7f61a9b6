"""Consent to research, ancestry, and the cohorts of studies with their members."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.registry.column_types import NUMBER, TEXT

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add columns and tables; nobody was asked for consent to research before."""
    op.add_column("samples", sa.Column("research_consent", TEXT, nullable=False, server_default=""))
    op.add_column("samples", sa.Column("ancestry", TEXT))
    op.create_table(
        "study_cohorts",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("version", NUMBER, primary_key=True),
        *(
            sa.Column(name, TEXT, nullable=False)
            for name in ("definition", "purpose", "data_versions", "steps", "members_digest")
        ),
        sa.Column("member_count", NUMBER, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("person", "reason", "recorded")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "study_members",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("version", NUMBER, primary_key=True),
        sa.Column("sample_id", TEXT, sa.ForeignKey("samples.sample_id"), primary_key=True),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("study_members_of_sample", "study_members", ["sample_id"])
