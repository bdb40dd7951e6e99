"""the log and its roll-ups

Revision: 0001
Follows:
"""

import sqlalchemy as sa
from alembic import op

from models.base import BigSum, Json, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "activities",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("node_type", sa.Text(), nullable=True),
        sa.Column("node_key", sa.Text(), nullable=True),
        sa.Column("payload", Json(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "time", "id", name=op.f("pk_activities")),
    )
    op.create_index(op.f("ix_activities_project_id_seq"), "activities", ["project_id", "seq"], unique=False)
    op.create_table(
        "api_by_route",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grain", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("bucket", UtcDateTime(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("request_bytes", BigSum(), nullable=False),
        sa.Column("response_bytes", BigSum(), nullable=False),
        sa.Column("hits", sa.BigInteger(), nullable=False),
        sa.Column("misses", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.Column("max_duration_ms", sa.Double(), nullable=True),
        sa.Column("latency", sa.LargeBinary(), nullable=False),
        sa.Column("subjects", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "project_id", "grain", "bucket", "method", "route", "status", name=op.f("pk_api_by_route")
        ),
    )
    op.create_table(
        "api_by_subject",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket", UtcDateTime(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("request_bytes", BigSum(), nullable=False),
        sa.Column("response_bytes", BigSum(), nullable=False),
        sa.Column("hits", sa.BigInteger(), nullable=False),
        sa.Column("misses", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.Column("max_duration_ms", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "bucket", "subject", name=op.f("pk_api_by_subject")),
    )
    op.create_table(
        "api_by_time",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grain", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("bucket", UtcDateTime(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("request_bytes", BigSum(), nullable=False),
        sa.Column("response_bytes", BigSum(), nullable=False),
        sa.Column("hits", sa.BigInteger(), nullable=False),
        sa.Column("misses", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.Column("max_duration_ms", sa.Double(), nullable=True),
        sa.Column("latency", sa.LargeBinary(), nullable=False),
        sa.Column("subjects", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "grain", "bucket", name=op.f("pk_api_by_time")),
    )
    op.create_table(
        "api_calls",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=True),
        sa.Column("request_bytes", sa.BigInteger(), nullable=True),
        sa.Column("response_bytes", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("trace_id", sa.Text(), nullable=True),
        sa.Column("cache", sa.Text(), nullable=True),
        sa.Column("attributes", Json(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "time", "id", name=op.f("pk_api_calls")),
        postgresql_partition_by="RANGE (time)",
    )
    op.create_index(op.f("ix_api_calls_project_id_seq"), "api_calls", ["project_id", "seq"], unique=False)
    op.create_index(
        op.f("ix_api_calls_project_id_subject_time"), "api_calls", ["project_id", "subject", "time"], unique=False
    )
    op.create_table(
        "commits",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("min_time", UtcDateTime(), nullable=False),
        sa.Column("max_time", UtcDateTime(), nullable=False),
        sa.Column("committed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "last_seq", name=op.f("pk_commits")),
    )
    op.create_index(op.f("ix_commits_project_id_committed_at"), "commits", ["project_id", "committed_at"], unique=False)
    op.create_table(
        "counters",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("floor", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_counters")),
        postgresql_with={"fillfactor": 10},
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("name", name=op.f("uq_projects_name")),
    )
    op.create_table(
        "subjects",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_subjects")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_subjects_project_id_name")),
    )
    op.create_table(
        "usage_by_model",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grain", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("bucket", UtcDateTime(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("priced", sa.BigInteger(), nullable=False),
        sa.Column("estimated", sa.BigInteger(), nullable=False),
        sa.Column("cost_picousd", BigSum(), nullable=False),
        sa.Column("uncached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger(), nullable=False),
        sa.Column("visible_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.Column("max_duration_ms", sa.Double(), nullable=True),
        sa.Column("paired", sa.BigInteger(), nullable=False),
        sa.Column("paired_usd", sa.Double(), nullable=False),
        sa.Column("paired_usd_squared", sa.Double(), nullable=False),
        sa.Column("paired_ms", sa.Double(), nullable=False),
        sa.Column("paired_ms_squared", sa.Double(), nullable=False),
        sa.Column("paired_product", sa.Double(), nullable=False),
        sa.Column("latency", sa.LargeBinary(), nullable=False),
        sa.Column("time_to_first_token", sa.LargeBinary(), nullable=False),
        sa.Column("subjects", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "project_id", "grain", "bucket", "provider", "model", "operation", "status", name=op.f("pk_usage_by_model")
        ),
    )
    op.create_table(
        "usage_by_subject",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket", UtcDateTime(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("priced", sa.BigInteger(), nullable=False),
        sa.Column("estimated", sa.BigInteger(), nullable=False),
        sa.Column("cost_picousd", BigSum(), nullable=False),
        sa.Column("uncached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger(), nullable=False),
        sa.Column("visible_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.Column("max_duration_ms", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "bucket", "subject", name=op.f("pk_usage_by_subject")),
    )
    op.create_table(
        "usage_by_time",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grain", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("bucket", UtcDateTime(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("priced", sa.BigInteger(), nullable=False),
        sa.Column("estimated", sa.BigInteger(), nullable=False),
        sa.Column("cost_picousd", BigSum(), nullable=False),
        sa.Column("uncached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger(), nullable=False),
        sa.Column("visible_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.Column("max_duration_ms", sa.Double(), nullable=True),
        sa.Column("paired", sa.BigInteger(), nullable=False),
        sa.Column("paired_usd", sa.Double(), nullable=False),
        sa.Column("paired_usd_squared", sa.Double(), nullable=False),
        sa.Column("paired_ms", sa.Double(), nullable=False),
        sa.Column("paired_ms_squared", sa.Double(), nullable=False),
        sa.Column("paired_product", sa.Double(), nullable=False),
        sa.Column("latency", sa.LargeBinary(), nullable=False),
        sa.Column("time_to_first_token", sa.LargeBinary(), nullable=False),
        sa.Column("subjects", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "grain", "bucket", name=op.f("pk_usage_by_time")),
    )
    op.create_table(
        "usage_events",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("trace_id", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("duration_ms", sa.Double(), nullable=True),
        sa.Column("time_to_first_token_ms", sa.Double(), nullable=True),
        sa.Column("uncached_tokens", sa.Integer(), nullable=False),
        sa.Column("cache_read_tokens", sa.Integer(), nullable=False),
        sa.Column("cache_write_tokens", sa.Integer(), nullable=False),
        sa.Column("visible_tokens", sa.Integer(), nullable=False),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=False),
        sa.Column("cost_picousd", sa.BigInteger(), nullable=True),
        sa.Column("cost_source", sa.Text(), nullable=False),
        sa.Column("price_version", sa.Text(), nullable=True),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("attributes", Json(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "time", "id", name=op.f("pk_usage_events")),
        postgresql_partition_by="RANGE (time)",
    )
    op.create_index(op.f("ix_usage_events_project_id_seq"), "usage_events", ["project_id", "seq"], unique=False)
    op.create_index(
        op.f("ix_usage_events_project_id_subject_time"), "usage_events", ["project_id", "subject", "time"], unique=False
    )
    op.create_table(
        "watermarks",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name=op.f("pk_watermarks")),
        postgresql_with={"fillfactor": 10},
    )
    op.create_table(
        "api_keys",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_api_keys_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_api_keys")),
    )
    op.create_index(op.f("ix_api_keys_digest"), "api_keys", ["digest"], unique=False)
    op.create_table(
        "audit_entries",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("details", Json(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_audit_entries_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_project_id_time"), "audit_entries", ["project_id", "time"], unique=False)
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


def downgrade() -> None:
    op.drop_index(op.f("ix_recommendations_project_id_created_at"), table_name="recommendations")
    op.drop_table("recommendations")
    op.drop_index(op.f("ix_audit_entries_project_id_time"), table_name="audit_entries")
    op.drop_table("audit_entries")
    op.drop_index(op.f("ix_api_keys_digest"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("watermarks")
    op.drop_index(op.f("ix_usage_events_project_id_subject_time"), table_name="usage_events")
    op.drop_index(op.f("ix_usage_events_project_id_seq"), table_name="usage_events")
    op.drop_table("usage_events")
    op.drop_table("usage_by_time")
    op.drop_table("usage_by_subject")
    op.drop_table("usage_by_model")
    op.drop_table("subjects")
    op.drop_table("projects")
    op.drop_table("counters")
    op.drop_index(op.f("ix_commits_project_id_committed_at"), table_name="commits")
    op.drop_table("commits")
    op.drop_index(op.f("ix_api_calls_project_id_subject_time"), table_name="api_calls")
    op.drop_index(op.f("ix_api_calls_project_id_seq"), table_name="api_calls")
    op.drop_table("api_calls")
    op.drop_table("api_by_time")
    op.drop_table("api_by_subject")
    op.drop_table("api_by_route")
    op.drop_index(op.f("ix_activities_project_id_seq"), table_name="activities")
    op.drop_table("activities")
