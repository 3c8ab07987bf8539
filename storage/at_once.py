"""A question made durable on PostgreSQL by a single statement: each message waits for this one, so it is one trip."""

import json
import re
from typing import Any

from asyncpg import InterfaceError, PostgresError
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

#: As `arrivals.question` does it step by step, in the same order: the person is locked first, then the conversation.
#: Nothing is touched if the message was seen before; `made` and `begun` are for what is not there yet.
_NAMED = """
WITH known AS (
    UPDATE users SET language = :language, code = '', told_until = 0,
        access = CASE access WHEN 'stranger' THEN '' ELSE access END
    WHERE platform = :platform AND account = :account AND sender = :sender
        AND NOT EXISTS (SELECT FROM turns WHERE key = :key)
    RETURNING id, access
), made AS (
    INSERT INTO users (platform, account, sender, coze_user, language, created_at)
    SELECT :platform, :account, :sender, :coze_user, :language, :now
    WHERE NOT EXISTS (SELECT FROM known) AND NOT EXISTS (SELECT FROM turns WHERE key = :key)
    ON CONFLICT (platform, account, sender) DO UPDATE SET language = excluded.language, code = '', told_until = 0,
        access = CASE users.access WHEN 'stranger' THEN '' ELSE users.access END
    RETURNING id, access
), person AS (
    SELECT id FROM (SELECT * FROM known UNION ALL SELECT * FROM made) AS found WHERE access <> 'blocked'
), place AS (
    SELECT id, bot FROM conversations WHERE key = :place AND EXISTS (SELECT FROM person) FOR KEY SHARE
), begun AS (
    INSERT INTO conversations (key, platform, account, chat, thread, created_at, name, bot, session)
    SELECT :place, :platform, :account, :chat, :thread, :now, :name, :bot, :session
    FROM person WHERE NOT EXISTS (SELECT FROM place)
    ON CONFLICT (key) DO UPDATE SET key = excluded.key
    RETURNING id, bot
)
INSERT INTO turns (
    user_id, conversation_id, key, kind, state, platform, account, chat, thread, text, files, reply_to, pressed,
    sort_key, language, received_at, bot, act
)
SELECT person.id, conversation.id, :key, 'question', 'received', :platform, :account, :chat, :thread, :text,
    CAST(CAST(:files AS text) AS json), :reply_to, CAST(:pressed AS boolean), :sort_key, :language, :now, :bot, :act
FROM person, (SELECT id, bot FROM place UNION ALL SELECT id, bot FROM begun) AS conversation
WHERE conversation.bot = :bot
ON CONFLICT (key) DO NOTHING
RETURNING id
"""
#: The names in it, in the order of their numbers, and the statement as the driver takes it.
_NAMES = sorted(set(re.findall(r":(\w+)", _NAMED)))
_TYPES = {"now": "float8", "pressed": "boolean"}
_QUESTION = re.sub(r":(\w+)", lambda found: f"${_NAMES.index(found[1]) + 1}::{_TYPES.get(found[1], 'text')}", _NAMED)
#: SQLSTATE of a row that breaks a rule of the schema, by its beginning.
_BROKEN_RULE = "23"


async def question(
    connection: AsyncConnection, person: dict[str, Any], begun: dict[str, Any], row: dict[str, Any], place: str
) -> int | None:
    """`person`, `begun` (the conversation) and `row` as new rows begin.

    None: seen before, or they are blocked, or the conversation is held with another bot, which takes further steps.
    """
    files = {"files": json.dumps(row["files"]), "now": person["created_at"], "place": place}
    values = person | begun | row | files
    # Past SQLAlchemy, whose work on a statement and its result takes longer than all that the driver does.
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        made: int | None = await driver.fetchval(_QUESTION, *(values[name] for name in _NAMES))
    except (PostgresError, InterfaceError) as error:
        broken = (getattr(error, "sqlstate", None) or "").startswith(_BROKEN_RULE)
        raise (IntegrityError if broken else DBAPIError)("a question", None, error) from error
    return made
