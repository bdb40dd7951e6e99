"""daily generation of advice

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
from alembic import op

from models.base import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "generations",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("generated_until", UtcDateTime(), nullable=True),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_generations_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_generations")),
    )


def downgrade() -> None:
    op.drop_table("generations")
