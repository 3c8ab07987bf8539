"""Processes side by side, what is to be erased, and where a lost message would stand."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("posts", sa.Column("sent_after", sa.Text(), server_default="", nullable=False))
    op.add_column("penalties", sa.Column("seconds", sa.Double(), server_default="7200", nullable=False))
    op.create_table(
        "duties",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("duties_pk")),
    )
    op.create_table(
        "buckets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("buckets_pk")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Written at each call to a platform, and worth nothing a second later: no call waits for the disk.
        op.execute("ALTER TABLE buckets SET UNLOGGED")
    op.create_table(
        "doomed",
        sa.Column("coze_conversation", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("coze_conversation", name=op.f("doomed_pk")),
    )
    kept = sa.text("settled_at IS NOT NULL AND (text <> '' OR answer <> '')")
    # What came with a settled command is not kept any more, and is in no index: old rows would keep it for ever.
    op.execute(
        "UPDATE turns SET files = '[]' "
        "WHERE kind = 'command' AND settled_at IS NOT NULL AND CAST(files AS TEXT) <> '[]'"
    )
    op.create_index("turns_kept", "turns", ["settled_at"], postgresql_where=kept, sqlite_where=kept)


def downgrade() -> None:
    op.drop_index("turns_kept", "turns")
    for table in ("doomed", "buckets", "duties"):
        op.drop_table(table)
    op.drop_column("penalties", "seconds")
    op.drop_column("posts", "sent_after")
