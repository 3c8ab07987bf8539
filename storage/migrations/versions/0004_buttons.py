"""Questions that were asked with a button, and what people think of answers."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turns", sa.Column("pressed", sa.Boolean(), server_default=sa.false(), nullable=False))
    # Written out: Alembic would rebuild the table on SQLite for the sake of the constraint.
    op.execute(
        "ALTER TABLE turns ADD COLUMN judged TEXT DEFAULT '' NOT NULL "
        "CONSTRAINT turns_judged_known CHECK (judged IN ('', 'like', 'dislike'))"
    )


def downgrade() -> None:
    for column in ("judged", "pressed"):
        op.drop_column("turns", column)
