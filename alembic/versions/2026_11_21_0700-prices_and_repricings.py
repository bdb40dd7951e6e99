"""prices and repricings

Revision: 0011
Follows: 0010
"""

import sqlalchemy as sa
from alembic import op

from models.base import BigSum, Json, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

USAGE_ROLLUPS = ("usage_by_time", "usage_by_model", "usage_by_subject", "usage_by_key")


def upgrade() -> None:
    op.create_table(
        "prices",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("service_tier", sa.Text(), nullable=True),
        sa.Column("starts_at", UtcDateTime(), nullable=True),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("rates", Json(), nullable=False),
        sa.Column("tiers", Json(), nullable=False),
        sa.Column("factor", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_prices_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", "revision", name=op.f("pk_prices")),
    )
    op.create_table(
        "repricings",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("filter", Json(), nullable=False),
        sa.Column("next_day", UtcDateTime(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("days_done", sa.Integer(), nullable=False),
        sa.Column("days_skipped", sa.Integer(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("priced_before", sa.BigInteger(), nullable=False),
        sa.Column("priced_after", sa.BigInteger(), nullable=False),
        sa.Column("before_picousd", BigSum(), nullable=False),
        sa.Column("after_picousd", BigSum(), nullable=False),
        sa.Column("by_model", Json(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_repricings_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_repricings")),
    )
    op.create_index(op.f("ix_repricings_status"), "repricings", ["status"], unique=False)
    op.add_column("usage_events", sa.Column("computed_picousd", sa.BigInteger(), nullable=True))
    for table in USAGE_ROLLUPS:
        op.add_column(table, sa.Column("unpriced", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    for table in reversed(USAGE_ROLLUPS):
        op.drop_column(table, "unpriced")
    op.drop_column("usage_events", "computed_picousd")
    op.drop_index(op.f("ix_repricings_status"), table_name="repricings")
    op.drop_table("repricings")
    op.drop_table("prices")
