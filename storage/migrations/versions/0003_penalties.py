"""Until when a platform wants no call from us, so that a process that starts inside a penalty knows of it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "penalties",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("penalties_pk")),
    )


def downgrade() -> None:
    op.drop_table("penalties")
