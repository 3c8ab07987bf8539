"""Users, conversations, turns and posts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    users()
    conversations()
    turns()
    indexes_of_turns()
    posts()
    if op.get_bind().dialect.name == "postgresql":
        # A turn is updated some five times and then rests: by the default, a fifth of all turns would have to be dead
        # rows before a vacuum, and the claims would wade through them.
        op.execute("ALTER TABLE turns SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)")


def downgrade() -> None:
    for table in ("posts", "turns", "conversations", "users"):
        op.drop_table(table)


def users() -> None:
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("coze_user", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pk")),
        sa.UniqueConstraint("platform", "account", "sender", name=op.f("users_platform_account_sender_key")),
        sqlite_autoincrement=True,
    )


def conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", ORDERED, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("chat", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.Column("coze_id", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("conversations_pk")),
        sa.UniqueConstraint("key", name=op.f("conversations_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("conversations_of_chat", "conversations", ["platform", "account", "chat"])


def turns() -> None:
    zero = sa.text("0")
    op.create_table(
        "turns",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("conversation_id", ID, nullable=True),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("chat", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("files", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=False),
        sa.Column("sort_key", ORDERED, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("not_before", sa.Double(), server_default=zero, nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=True),
        sa.Column("coze_chat", sa.Text(), server_default="", nullable=False),
        sa.Column("coze_conversation", sa.Text(), server_default="", nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("lease", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.Double(), server_default=zero, nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("settled_at", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'claimed', 'streaming', 'finalising', 'delivered', 'failed', 'cancelled')",
            name=op.f("turns_state_known"),
        ),
        sa.CheckConstraint(
            "(state IN ('delivered', 'failed', 'cancelled')) = (settled_at IS NOT NULL)", name=op.f("turns_settled")
        ),
        sa.CheckConstraint("kind IN ('question', 'command')", name=op.f("turns_kind_known")),
        sa.CheckConstraint("(kind = 'command') = (conversation_id IS NULL)", name=op.f("turns_queued")),
        sa.CheckConstraint(
            "kind = 'question' OR state IN ('finalising', 'delivered', 'failed', 'cancelled')",
            name=op.f("turns_command_answered"),
        ),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("turns_conversation_id_fk")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("turns_user_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("turns_pk")),
        sa.UniqueConstraint("key", name=op.f("turns_key_key")),
        sqlite_autoincrement=True,
    )


def indexes_of_turns() -> None:
    is_open = sa.text("state IN ('claimed', 'streaming', 'finalising')")
    unsettled = sa.text("settled_at IS NULL")
    held = sa.text("lease_owner IS NOT NULL")
    for name, columns, where in (
        ("one_open_turn", ["conversation_id"], is_open),
        ("turns_in_line", ["conversation_id", "sort_key", "id"], unsettled),
        ("turns_to_do", ["received_at", "id"], unsettled),
        ("turns_waiting", ["state", "not_before"], unsettled),
        ("turns_held", ["lease_owner"], held),
    ):
        unique = name == "one_open_turn"
        op.create_index(name, "turns", columns, unique=unique, postgresql_where=where, sqlite_where=where)
    op.create_index("turns_asked", "turns", ["conversation_id", "user_id", "sort_key", "id"])


def posts() -> None:
    op.create_table(
        "posts",
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("page", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("posts_turn_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("turn_id", "page", name=op.f("posts_pk")),
    )
