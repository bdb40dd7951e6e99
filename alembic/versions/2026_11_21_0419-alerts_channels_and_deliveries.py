"""alerts channels and deliveries

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op

from models.base import Json, Ranked, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "metric", "time", "process", name=op.f("pk_samples")),
    )
    op.create_index(op.f("ix_samples_project_id_time"), "samples", ["project_id", "time"], unique=False)
    op.create_table(
        "alert_clocks",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("evaluated_until", UtcDateTime(), nullable=False),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("rules_version", sa.Integer(), nullable=False),
        sa.Column("figures", Json(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_alert_clocks_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_alert_clocks")),
    )
    op.create_table(
        "alert_evaluations",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_alert_evaluations_project_id")),
        sa.PrimaryKeyConstraint("project_id", "rule_id", "instance", "time", name=op.f("pk_alert_evaluations")),
    )
    op.create_index(
        op.f("ix_alert_evaluations_project_id_alert_id_time"),
        "alert_evaluations",
        ["project_id", "alert_id", "time"],
        unique=False,
    )
    op.create_index(
        op.f("ix_alert_evaluations_project_id_time"), "alert_evaluations", ["project_id", "time"], unique=False
    )
    op.create_table(
        "alert_rules",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("filter", Json(), nullable=False),
        sa.Column("comparison", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("warn_threshold", sa.Double(), nullable=True),
        sa.Column("window_seconds", sa.Integer(), nullable=False),
        sa.Column("for_seconds", sa.Integer(), nullable=False),
        sa.Column("no_data", sa.Text(), nullable=False),
        sa.Column("severity", Ranked(), nullable=False),
        sa.Column("channel_ids", Json(), nullable=True),
        sa.Column("renotify_seconds", sa.Integer(), nullable=True),
        sa.Column("throttle_seconds", sa.Integer(), nullable=True),
        sa.Column("runbook_url", sa.Text(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("files_bugs", sa.Boolean(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.Column("notified_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_alert_rules_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_alert_rules")),
    )
    op.create_table(
        "alert_suppressions",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_alert_suppressions_project_id")),
        sa.PrimaryKeyConstraint("project_id", "alert_id", "kind", "key", name=op.f("pk_alert_suppressions")),
    )
    op.create_table(
        "alert_transitions",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_alert_transitions_project_id")),
        sa.PrimaryKeyConstraint("project_id", "alert_id", "ordinal", name=op.f("pk_alert_transitions")),
    )
    op.create_table(
        "alerts",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", Ranked(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("peak_value", sa.Double(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("fired_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.Column("notified_at", UtcDateTime(), nullable=True),
        sa.Column("notified_severity", Ranked(), nullable=True),
        sa.Column("bug_number", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_alerts_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_project_id_bug_number"), "alerts", ["project_id", "bug_number"], unique=False)
    op.create_index(
        op.f("ix_alerts_project_id_rule_id_started_at"), "alerts", ["project_id", "rule_id", "started_at"], unique=False
    )
    op.create_index(
        op.f("ix_alerts_project_id_started_at_id"), "alerts", ["project_id", "started_at", "id"], unique=False
    )
    op.create_index(op.f("ix_alerts_project_id_state"), "alerts", ["project_id", "state"], unique=False)
    op.create_table(
        "channels",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("minimum_severity", Ranked(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("encrypted_url", sa.LargeBinary(), nullable=False),
        sa.Column("masked_url", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_channels_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_channels")),
    )
    op.create_table(
        "deliveries",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", Ranked(), nullable=False),
        sa.Column("payload", Json(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_deliveries_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        op.f("ix_deliveries_project_id_created_at"), "deliveries", ["project_id", "created_at"], unique=False
    )
    op.create_index(
        op.f("ix_deliveries_status_next_attempt_at"), "deliveries", ["status", "next_attempt_at"], unique=False
    )
    op.create_table(
        "delivery_alerts",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("delivery_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_delivery_alerts_project_id")),
        sa.PrimaryKeyConstraint("project_id", "alert_id", "delivery_id", name=op.f("pk_delivery_alerts")),
    )
    op.create_index(
        op.f("ix_delivery_alerts_project_id_delivery_id"),
        "delivery_alerts",
        ["project_id", "delivery_id"],
        unique=False,
    )
    op.create_table(
        "delivery_attempts",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_delivery_attempts_project_id")),
        sa.PrimaryKeyConstraint("project_id", "delivery_id", "ordinal", name=op.f("pk_delivery_attempts")),
    )
    op.create_table(
        "rule_states",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("memory", Json(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_rule_states_project_id")),
        sa.PrimaryKeyConstraint("project_id", "rule_id", "instance", name=op.f("pk_rule_states")),
    )
    op.create_table(
        "silences",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("matcher", sa.Text(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("repeat_seconds", sa.Integer(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_silences_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_silences")),
    )
    op.create_index(op.f("ix_silences_project_id_ends_at"), "silences", ["project_id", "ends_at"], unique=False)
    op.create_index(op.f("ix_silences_told_at_ends_at"), "silences", ["told_at", "ends_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_silences_told_at_ends_at"), table_name="silences")
    op.drop_index(op.f("ix_silences_project_id_ends_at"), table_name="silences")
    op.drop_table("silences")
    op.drop_table("rule_states")
    op.drop_table("delivery_attempts")
    op.drop_index(op.f("ix_delivery_alerts_project_id_delivery_id"), table_name="delivery_alerts")
    op.drop_table("delivery_alerts")
    op.drop_index(op.f("ix_deliveries_status_next_attempt_at"), table_name="deliveries")
    op.drop_index(op.f("ix_deliveries_project_id_created_at"), table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_table("channels")
    op.drop_index(op.f("ix_alerts_project_id_state"), table_name="alerts")
    op.drop_index(op.f("ix_alerts_project_id_started_at_id"), table_name="alerts")
    op.drop_index(op.f("ix_alerts_project_id_rule_id_started_at"), table_name="alerts")
    op.drop_index(op.f("ix_alerts_project_id_bug_number"), table_name="alerts")
    op.drop_table("alerts")
    op.drop_table("alert_transitions")
    op.drop_table("alert_suppressions")
    op.drop_table("alert_rules")
    op.drop_index(op.f("ix_alert_evaluations_project_id_time"), table_name="alert_evaluations")
    op.drop_index(op.f("ix_alert_evaluations_project_id_alert_id_time"), table_name="alert_evaluations")
    op.drop_table("alert_evaluations")
    op.drop_table("alert_clocks")
    op.drop_index(op.f("ix_samples_project_id_time"), table_name="samples")
    op.drop_table("samples")
