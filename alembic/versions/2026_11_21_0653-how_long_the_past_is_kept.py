"""how long the past is kept

Revision: 0009
Follows: 0008
"""

import sqlalchemy as sa
from alembic import op

from models.base import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retentions",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("fact_days", sa.Integer(), nullable=True),
        sa.Column("rollup_days", sa.Integer(), nullable=True),
        sa.Column("history_days", sa.Integer(), nullable=True),
        sa.Column("rollups_floor", UtcDateTime(), nullable=True),
        sa.Column("enforced_at", UtcDateTime(), nullable=True),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_retentions_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_retentions")),
    )


def downgrade() -> None:
    op.drop_table("retentions")
