"""Samples, whose they are, their reads, and what happened to them: the first release's tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.registry.column_types import NUMBER, SECONDS, TEXT

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "subjects",
        sa.Column("subject_id", TEXT, primary_key=True),
        sa.Column("sex", TEXT, nullable=False),
        sa.Column("mrn", TEXT),
        sa.Column("name", TEXT),
        sa.Column("birth_date", TEXT),
        sqlite_strict=True,
    )
    _samples()
    _reads()
    op.create_table(
        "overrides",
        sa.Column("sample_id", TEXT, sa.ForeignKey("samples.sample_id"), nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("asset", "check_name", "data_version")),
        *(sa.Column(name, TEXT, nullable=False) for name in ("person", "reason", "recorded")),
        sqlite_strict=True,
    )
    op.create_index("overrides_of_sample", "overrides", ["sample_id"])
    op.create_table(
        "refusals",
        sa.Column("sheet", TEXT, primary_key=True),
        sa.Column("sample_id", TEXT, primary_key=True),
        sa.Column("line", NUMBER, nullable=False),
        sa.Column("problem", TEXT, nullable=False),
        sa.Column("remedy", TEXT, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "history",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        *(sa.Column(name, TEXT, nullable=False) for name in ("recorded", "sample_id", "event", "details")),
        sqlite_strict=True,
    )
    op.create_index("history_of_sample", "history", ["sample_id"])


def _samples() -> None:
    op.create_table(
        "samples",
        sa.Column("sample_id", TEXT, primary_key=True),
        sa.Column("subject_id", TEXT, sa.ForeignKey("subjects.subject_id"), nullable=False),
        sa.Column("sex", TEXT, nullable=False),
        sa.Column("family_id", TEXT),
        sa.Column("father_id", TEXT),
        sa.Column("mother_id", TEXT),
        sa.Column("phenotype", TEXT, nullable=False),
        sa.Column("order_id", TEXT),
        sa.Column("secondary_findings_consent", sa.Integer, nullable=False),
        sa.Column("sheet", TEXT, nullable=False),
        sa.Column("sheet_digest", TEXT, nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.Column("attempt", NUMBER, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("requested", SECONDS),
        sa.Column("registered", TEXT, nullable=False),
        sa.Column("withdrawn", TEXT),
        sqlite_strict=True,
    )
    op.create_index("samples_of_subject", "samples", ["subject_id"])
    for kin in ("family", "father", "mother"):
        stated = sa.text(f"{kin}_id IS NOT NULL")
        op.create_index(
            f"samples_of_{kin}", "samples", [f"{kin}_id"], sqlite_where=stated, postgresql_where=stated
        )  # fmt: skip
    op.create_index("samples_waiting", "samples", ["status", "registered"])


def _reads() -> None:
    op.create_table(
        "reads",
        sa.Column("sample_id", TEXT, sa.ForeignKey("samples.sample_id"), primary_key=True),
        sa.Column("position", NUMBER, primary_key=True),
        sa.Column("mate", NUMBER, primary_key=True),
        sa.Column("lane", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("md5", TEXT),
        sa.Column("bytes", NUMBER, nullable=False),
        sa.Column("modified", NUMBER, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("sha256", TEXT),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contents",
        sa.Column("sample_id", TEXT, sa.ForeignKey("samples.sample_id"), primary_key=True),
        sa.Column("content", TEXT, primary_key=True),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "digests",
        sa.Column("sha256", TEXT, primary_key=True),
        sa.Column("sample_id", TEXT, sa.ForeignKey("samples.sample_id"), nullable=False),
        sa.Column("lane", TEXT, nullable=False),
        sa.Column("mate", NUMBER, nullable=False),
        sa.Column("recorded", TEXT, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
