"""bugs

Revision: 0003
Follows: 0002
"""

import sqlalchemy as sa
from alembic import op

from models.base import Json, Ranked, UtcDateTime
from models.words import WordsType

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# A row of the index is found by its project and number: 4294967296 is 2^32, more than a number can be.
TEXT_SEARCH = (
    "CREATE VIEW bugs_fts_source AS SELECT project_id * 4294967296 + number AS id, words FROM bugs",
    """CREATE VIRTUAL TABLE bugs_fts USING fts5 (
        words, content='bugs_fts_source', content_rowid='id', tokenize="unicode61 remove_diacritics 0 tokenchars '_'"
    )""",
    """CREATE TRIGGER bugs_fts_insert AFTER INSERT ON bugs BEGIN
        INSERT INTO bugs_fts (rowid, words) VALUES (new.project_id * 4294967296 + new.number, new.words);
    END""",
    """CREATE TRIGGER bugs_fts_update AFTER UPDATE OF words ON bugs BEGIN
        INSERT INTO bugs_fts (bugs_fts, rowid, words)
        VALUES ('delete', old.project_id * 4294967296 + old.number, old.words);
        INSERT INTO bugs_fts (rowid, words) VALUES (new.project_id * 4294967296 + new.number, new.words);
    END""",
    """CREATE TRIGGER bugs_fts_delete AFTER DELETE ON bugs BEGIN
        INSERT INTO bugs_fts (bugs_fts, rowid, words)
        VALUES ('delete', old.project_id * 4294967296 + old.number, old.words);
    END""",
)


def upgrade() -> None:
    op.create_table(
        "bug_changes",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("bug_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("before", Json(), nullable=True),
        sa.Column("after", Json(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_bug_changes_project_id")),
        sa.PrimaryKeyConstraint("project_id", "bug_number", "version", "field", name=op.f("pk_bug_changes")),
    )
    op.create_table(
        "bug_comments",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bug_number", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_bug_comments_project_id")),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_bug_comments")),
    )
    op.create_index(
        op.f("ix_bug_comments_project_id_bug_number_id"),
        "bug_comments",
        ["project_id", "bug_number", "id"],
        unique=False,
    )
    op.create_table(
        "bug_labels",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("bug_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_bug_labels_project_id")),
        sa.PrimaryKeyConstraint("project_id", "label", "bug_number", name=op.f("pk_bug_labels")),
    )
    op.create_table(
        "bug_occurrences",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("bug_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("filed_by", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=True),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("context", Json(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_bug_occurrences_project_id")),
        sa.PrimaryKeyConstraint("project_id", "bug_number", "ordinal", name=op.f("pk_bug_occurrences")),
        sa.UniqueConstraint(
            "project_id", "idempotency_key", name=op.f("uq_bug_occurrences_project_id_idempotency_key")
        ),
    )
    op.create_table(
        "bug_spells",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("bug_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("severity", Ranked(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_bug_spells_project_id")),
        sa.PrimaryKeyConstraint("project_id", "bug_number", "version", name=op.f("pk_bug_spells")),
    )
    op.create_index(op.f("ix_bug_spells_project_id_began_at"), "bug_spells", ["project_id", "began_at"], unique=False)
    op.create_index(op.f("ix_bug_spells_project_id_ended_at"), "bug_spells", ["project_id", "ended_at"], unique=False)
    op.create_table(
        "bugs",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", Ranked(), nullable=False),
        sa.Column("severity", Ranked(), nullable=False),
        sa.Column("priority", Ranked(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("reporter", sa.Text(), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("labels", Json(), nullable=False),
        sa.Column("links", Json(), nullable=False),
        sa.Column("duplicate_of", sa.Integer(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("filed_by", sa.Text(), nullable=False),
        sa.Column("occurrences", sa.BigInteger(), nullable=False),
        sa.Column("comments", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.Column("words", WordsType(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_bugs_project_id")),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_bugs")),
        sa.UniqueConstraint("project_id", "fingerprint", name=op.f("uq_bugs_project_id_fingerprint")),
    )
    op.create_index(
        op.f("ix_bugs_project_id_assignee_number"), "bugs", ["project_id", "assignee", "number"], unique=False
    )
    op.create_index(
        op.f("ix_bugs_project_id_category_number"), "bugs", ["project_id", "category", "number"], unique=False
    )
    op.create_index(op.f("ix_bugs_project_id_created_at"), "bugs", ["project_id", "created_at"], unique=False)
    op.create_index(op.f("ix_bugs_project_id_device_number"), "bugs", ["project_id", "device", "number"], unique=False)
    op.create_index(
        op.f("ix_bugs_project_id_priority_number"), "bugs", ["project_id", "priority", "number"], unique=False
    )
    op.create_index(
        op.f("ix_bugs_project_id_reporter_number"), "bugs", ["project_id", "reporter", "number"], unique=False
    )
    op.create_index(op.f("ix_bugs_project_id_resolved_at"), "bugs", ["project_id", "resolved_at"], unique=False)
    op.create_index(
        op.f("ix_bugs_project_id_severity_number"), "bugs", ["project_id", "severity", "number"], unique=False
    )
    op.create_index(
        op.f("ix_bugs_project_id_severity_status"), "bugs", ["project_id", "severity", "status"], unique=False
    )
    op.create_index(op.f("ix_bugs_project_id_status_number"), "bugs", ["project_id", "status", "number"], unique=False)
    op.create_index(
        op.f("ix_bugs_project_id_updated_at_number"), "bugs", ["project_id", "updated_at", "number"], unique=False
    )
    if op.get_context().dialect.name == "postgresql":
        op.create_index(op.f("ix_bugs_words"), "bugs", ["words"], postgresql_using="gin")
    else:
        for statement in TEXT_SEARCH:
            op.execute(statement)


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.drop_index(op.f("ix_bugs_words"), table_name="bugs")
    else:
        op.execute("DROP TABLE bugs_fts")
        op.execute("DROP VIEW bugs_fts_source")
    op.drop_index(op.f("ix_bugs_project_id_updated_at_number"), table_name="bugs")
    op.drop_index(op.f("ix_bugs_project_id_status_number"), table_name="bugs")
    op.drop_index(op.f("ix_bugs_project_id_severity_status"), table_name="bugs")
    op.drop_index(op.f("ix_bugs_project_id_severity_number"), table_name="bugs")
    op.drop_index(op.f("ix_bugs_project_id_resolved_at"), table_name="bugs")
    op.drop_index(op.f("ix_bugs_project_id_reporter_number"), table_name="bugs")
    op.drop_index(op.f("ix_bugs_project_id_priority_number"), table_name="bugs")
    op.drop_index(op.f("ix_bugs_project_id_device_number"), table_name="bugs")
    op.drop_index(op.f("ix_bugs_project_id_created_at"), table_name="bugs")
    op.drop_index(op.f("ix_bugs_project_id_category_number"), table_name="bugs")
    op.drop_index(op.f("ix_bugs_project_id_assignee_number"), table_name="bugs")
    op.drop_table("bugs")
    op.drop_index(op.f("ix_bug_spells_project_id_ended_at"), table_name="bug_spells")
    op.drop_index(op.f("ix_bug_spells_project_id_began_at"), table_name="bug_spells")
    op.drop_table("bug_spells")
    op.drop_table("bug_occurrences")
    op.drop_table("bug_labels")
    op.drop_index(op.f("ix_bug_comments_project_id_bug_number_id"), table_name="bug_comments")
    op.drop_table("bug_comments")
    op.drop_table("bug_changes")
