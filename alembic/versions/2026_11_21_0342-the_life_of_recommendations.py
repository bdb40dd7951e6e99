"""the life of recommendations

Revision: 0002
Follows: 0001
"""

import sqlalchemy as sa
from alembic import op

from models.base import BigSum, Json, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No door has led to this table so far, so there is nothing in it to carry over.
    op.drop_table("recommendations")
    op.create_table(
        "recommendations",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target_key", sa.Text(), nullable=False),
        sa.Column("target", Json(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("evidence", Json(), nullable=False),
        sa.Column("expected_monthly_saving_picousd", BigSum(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("times_issued", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("viewed_at", UtcDateTime(), nullable=True),
        sa.Column("implemented_at", UtcDateTime(), nullable=True),
        sa.Column("reported_at", UtcDateTime(), nullable=True),
        sa.Column("dismissed_at", UtcDateTime(), nullable=True),
        sa.Column("dismiss_reason", sa.Text(), nullable=True),
        sa.Column("expired_at", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("effect_state", sa.Text(), nullable=True),
        sa.Column("effect", Json(), nullable=True),
        sa.Column("effect_seq", sa.BigInteger(), nullable=True),
        sa.Column("measured_monthly_saving_picousd", BigSum(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_recommendations_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_recommendations")),
    )
    op.create_index(
        op.f("ix_recommendations_project_id_created_at"), "recommendations", ["project_id", "created_at"], unique=False
    )
    op.create_index(
        op.f("ix_recommendations_project_id_kind_target_key"),
        "recommendations",
        ["project_id", "kind", "target_key"],
        unique=False,
    )
    op.create_index(op.f("ix_recommendations_due_at"), "recommendations", ["due_at"], unique=False)
    op.create_table(
        "recommendation_keys",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("recommendation_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "recommendation_id"],
            ["recommendations.project_id", "recommendations.id"],
            name=op.f("fk_recommendation_keys_project_id_recommendation_id"),
        ),
        sa.PrimaryKeyConstraint("project_id", "key", name=op.f("pk_recommendation_keys")),
    )


def downgrade() -> None:
    op.drop_table("recommendation_keys")
    op.drop_table("recommendations")
    op.create_table(
        "recommendations",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("viewed_at", UtcDateTime(), nullable=True),
        sa.Column("implemented_at", UtcDateTime(), nullable=True),
        sa.Column("dismissed_at", UtcDateTime(), nullable=True),
        sa.Column("dismiss_reason", sa.Text(), nullable=True),
        sa.Column("expected_monthly_saving_picousd", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_recommendations_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_recommendations")),
    )
    op.create_index(
        op.f("ix_recommendations_project_id_created_at"), "recommendations", ["project_id", "created_at"], unique=False
    )
