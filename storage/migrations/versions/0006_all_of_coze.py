"""Several bots, files, albums, voices, sessions, logins, and what a conversation waits for."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = (
    ("users", "voice"),
    ("conversations", "name"),
    ("conversations", "bot"),
    ("conversations", "session"),
    ("conversations", "pending"),
    ("turns", "bot"),
    ("turns", "act"),
    ("turns", "album"),
    ("doomed", "bot"),
    ("doomed", "session"),
)


#: Turns of which something is to be erased one day: those with files alone are among them now.
KEPT = "settled_at IS NOT NULL AND (text <> '' OR answer <> '' OR CAST(files AS text) <> '[]')"
KEPT_BEFORE = "settled_at IS NOT NULL AND (text <> '' OR answer <> '')"


def _kept(condition: str) -> None:
    op.drop_index("turns_kept", "turns")
    where = sa.text(condition)
    op.create_index("turns_kept", "turns", ["settled_at"], postgresql_where=where, sqlite_where=where)


def upgrade() -> None:
    _kept(KEPT)
    for table, column in COLUMNS:
        op.add_column(table, sa.Column(column, sa.Text(), server_default="", nullable=False))
    op.create_table(
        "uploads",
        sa.Column("library", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("library", "digest", name=op.f("uploads_pk")),
    )
    user = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "logins",
        sa.Column("user_id", user, autoincrement=False, nullable=False),
        sa.Column("coze_user", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("logins_pk")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("logins_user_id_fk"), ondelete="CASCADE"),
        sa.UniqueConstraint("coze_user", name=op.f("logins_coze_user_key")),
    )
    op.create_table(
        "login_attempts",
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("user_id", user, nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("state", name=op.f("login_attempts_pk")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("login_attempts_user_id_fk"), ondelete="CASCADE"),
    )


def downgrade() -> None:
    _kept(KEPT_BEFORE)
    for table in ("login_attempts", "logins", "uploads"):
        op.drop_table(table)
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column)
