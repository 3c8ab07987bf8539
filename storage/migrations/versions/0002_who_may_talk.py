"""What was decided of a person, and what strangers were told."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Written out: Alembic would rebuild the table on SQLite for the sake of the constraint.
    op.execute(
        "ALTER TABLE users ADD COLUMN access TEXT DEFAULT '' NOT NULL "
        "CONSTRAINT users_access_known CHECK (access IN ('', 'paired', 'blocked', 'stranger'))"
    )
    op.add_column("users", sa.Column("code", sa.Text(), server_default="", nullable=False))
    op.add_column("users", sa.Column("told_until", sa.Double(), server_default=sa.text("0"), nullable=False))
    told = sa.text("told_until > 0")
    op.create_index(
        "users_told", "users", ["platform", "account", "told_until"], postgresql_where=told, sqlite_where=told
    )
    op.create_index("turns_of_user", "turns", ["user_id"])


def downgrade() -> None:
    op.drop_index("turns_of_user", table_name="turns")
    op.drop_index("users_told", table_name="users")
    for column in ("told_until", "code", "access"):
        op.drop_column("users", column)
