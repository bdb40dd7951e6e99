"""health of components

Revision: 0006
Follows: 0005
"""

import sqlalchemy as sa
from alembic import op

from models.base import Json, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "component_hours",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("latencies", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_component_hours_project_id")),
        sa.PrimaryKeyConstraint("project_id", "component_id", "hour", name=op.f("pk_component_hours")),
    )
    op.create_index(op.f("ix_component_hours_hour"), "component_hours", ["hour"], unique=False)
    op.create_table(
        "component_spells",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_component_spells_project_id")),
        sa.PrimaryKeyConstraint("project_id", "component_id", "began_at", name=op.f("pk_component_spells")),
    )
    op.create_index(op.f("ix_component_spells_ended_at"), "component_spells", ["ended_at"], unique=False)
    op.create_index(
        op.f("ix_component_spells_project_id_component_id_ended_at"),
        "component_spells",
        ["project_id", "component_id", "ended_at"],
        unique=False,
    )
    op.create_table(
        "components",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("every_seconds", sa.Double(), nullable=False),
        sa.Column("failures_before_down", sa.Integer(), nullable=False),
        sa.Column("successes_before_healthy", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("latency_ms", sa.Double(), nullable=True),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_components_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_components")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_components_project_id_name")),
    )
    op.create_index(op.f("ix_components_due_at"), "components", ["due_at"], unique=False)
    op.create_index(op.f("ix_components_project_id_parent_id"), "components", ["project_id", "parent_id"], unique=False)
    op.create_table(
        "status_documents",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_status_documents_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_status_documents")),
    )
    op.create_table(
        "health_checks",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("header_names", Json(), nullable=False),
        sa.Column("has_body", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("timeout_seconds", sa.Double(), nullable=False),
        sa.Column("conditions", Json(), nullable=False),
        sa.Column("certificate_expires_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "component_id"],
            ["components.project_id", "components.id"],
            name=op.f("fk_health_checks_project_id_component_id"),
        ),
        sa.PrimaryKeyConstraint("project_id", "component_id", name=op.f("pk_health_checks")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grace_seconds", sa.Double(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expected_since", UtcDateTime(), nullable=False),
        sa.Column("beaten_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "component_id"],
            ["components.project_id", "components.id"],
            name=op.f("fk_heartbeats_project_id_component_id"),
        ),
        sa.PrimaryKeyConstraint("project_id", "component_id", name=op.f("pk_heartbeats")),
    )
    op.create_index(op.f("ix_heartbeats_digest"), "heartbeats", ["digest"], unique=False)


def downgrade() -> None:
    for table in (
        "heartbeats",
        "health_checks",
        "status_documents",
        "components",
        "component_spells",
        "component_hours",
    ):
        op.drop_table(table)
