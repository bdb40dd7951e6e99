"""content, rejects, deployments and dimensions

Revision: 0010
Follows: 0009
"""

import sqlalchemy as sa
from alembic import op

from models.base import Json, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attribute_dimensions",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_attribute_dimensions_project_id")),
        sa.PrimaryKeyConstraint("project_id", "key", name=op.f("pk_attribute_dimensions")),
    )
    op.create_table(
        "content_settings",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("masking", Json(), nullable=False),
        sa.Column("most_bytes", sa.Integer(), nullable=False),
        sa.Column("days_kept", sa.Integer(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_content_settings_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_content_settings")),
    )
    op.create_table(
        "usage_contents",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=True),
        sa.Column("input_truncated", sa.Boolean(), nullable=False),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("output_truncated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "time", "id", name=op.f("pk_usage_contents")),
    )
    op.create_table(
        "deployments",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_deployments_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_deployments")),
        sa.UniqueConstraint("project_id", "idempotency_key", name=op.f("uq_deployments_project_id_idempotency_key")),
    )
    op.create_index(op.f("ix_deployments_project_id_time"), "deployments", ["project_id", "time"], unique=False)
    op.create_table(
        "ingest_rejects",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_ingest_rejects_project_id")),
        sa.PrimaryKeyConstraint("project_id", "time", "id", name=op.f("pk_ingest_rejects")),
    )
    op.create_index(op.f("ix_ingest_rejects_time"), "ingest_rejects", ["time"], unique=False)


def downgrade() -> None:
    op.drop_table("ingest_rejects")
    op.drop_table("deployments")
    op.drop_table("usage_contents")
    op.drop_table("content_settings")
    op.drop_table("attribute_dimensions")
