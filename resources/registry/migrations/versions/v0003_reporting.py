"""Orders, panels, sign-outs, deliveries and decisions; overrides get a number, so that PostgreSQL keeps their order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from resources.registry.column_types import NUMBER, TEXT

revision = "0003"
down_revision = "0002"

_OVERRIDE = ("sample_id", "asset", "check_name", "data_version", "person", "reason", "recorded")


def upgrade() -> None:
    """Make the tables, and overrides anew."""
    _number_overrides()
    _orders()
    _delivery()
    op.create_table(
        "decisions",
        _number(),
        *_stated("build", "allele", "classification", "criteria"),
        sa.Column("comment", TEXT),
        *_stated("person", "recorded"),
        sa.Column("supersedes", NUMBER, sa.ForeignKey("decisions.number")),
        sqlite_strict=True,
    )
    op.create_index("decisions_of_allele", "decisions", ["build", "allele"])
    op.create_index("decisions_superseded_once", "decisions", ["supersedes"], unique=True)


def _number_overrides() -> None:
    order = "rowid" if op.get_context().dialect.name == "sqlite" else "recorded"
    op.drop_index("overrides_of_sample", "overrides")
    op.rename_table("overrides", "unnumbered_overrides")
    op.create_table(
        "overrides",
        _number(),
        _of_sample(),
        *_stated(*_OVERRIDE[1:]),
        sqlite_strict=True,
    )
    columns = ", ".join(_OVERRIDE)
    op.execute(f"INSERT INTO overrides ({columns}) SELECT {columns} FROM unnumbered_overrides ORDER BY {order}")
    op.drop_table("unnumbered_overrides")
    op.create_index("overrides_of_sample", "overrides", ["sample_id"])


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("order_id", TEXT, primary_key=True),
        sa.Column("subject_id", TEXT, sa.ForeignKey("subjects.subject_id"), nullable=False),
        *_stated("ordered_genes"),
        sa.Column("panel", TEXT),
        *_stated("phenotype", "recorded"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("orders_of_subject", "orders", ["subject_id"])
    op.create_table(
        "panels",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("version", TEXT, primary_key=True),
        *_stated("genes", "recorded"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _delivery() -> None:
    op.create_table(
        "sign_outs",
        _number(),
        _of_sample(),
        *_stated("report_digest", "state", "person", "recorded"),
        sqlite_strict=True,
    )
    op.create_index("sign_outs_of_sample", "sign_outs", ["sample_id"])
    op.create_table(
        "deliveries",
        _number(),
        _of_sample(),
        *_stated("document", "destination", "content", "state"),
        sa.Column("attempts", NUMBER, nullable=False),
        sa.Column("response", TEXT),
        *_stated("recorded"),
        sqlite_strict=True,
    )
    op.create_index("deliveries_once", "deliveries", ["document", "destination", "content"], unique=True)
    op.create_index("deliveries_by_state", "deliveries", ["state"])


def _number() -> sa.Column[object]:
    return sa.Column("number", NUMBER, primary_key=True, autoincrement=True)


def _of_sample() -> sa.Column[object]:
    return sa.Column("sample_id", TEXT, sa.ForeignKey("samples.sample_id"), nullable=False)


def _stated(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]
