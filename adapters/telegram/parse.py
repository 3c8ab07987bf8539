"""Telegram updates → Inbound and Moved; pure: no network, no clock, no state."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.telegram import things, written
from bridge.model import Address, Inbound, Moved, Sender

PLATFORM = "telegram"
PROBE = "probe:"
"""What a button sends back that stands only to see whose its message is (`finding.py`): nothing comes of a press."""
Json = Mapping[str, Any]
Span = tuple[int, int]
"""Start and end in a text, in UTF-16 code units, as the Bot API counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """What parsing must know of the bot."""

    id: int
    username: str
    commands: frozenset[str] = frozenset()
    """Names of the bridge's own commands."""


def inbound(update: Json, me: Me, *, now: float = 0.0, albums: Collection[str] = ()) -> Inbound | Moved | None:
    """What an update says to us; None if nothing. A shape that we do not know raises LookupError, TypeError or so.

    `now` (Unix seconds) dates presses of buttons: Telegram does not. `albums`: those of which a part has called us;
    in a group the words stand below one picture, and all are meant.
    """
    if (query := update.get("callback_query")) is not None:
        return _pressed(query, me, now)
    message = update.get("message")
    if message is None:
        return None
    chat = message["chat"]
    if moved := _moved(message, me):
        return moved
    sender = _sender(message)
    text, entities = _said(message)
    files = () if text and "rich_message" in message else things.files(message)
    if not text:
        text = things.words(message)
    if sender is None or not (text or files) or chat["type"] not in ("private", "group", "supergroup"):
        return None
    private = chat["type"] == "private"
    words = Words(text, entities)
    album = str(message.get("media_group_id") or "")
    read = _read(words, me, private=private, called=private or album in albums or _answers_us(message, me))
    if read is None:
        return None
    command, said = read
    number, date = int(message["message_id"]), int(message["date"])
    return Inbound(
        key=f"{PLATFORM}:{me.id}:{chat['id']}:{number}",
        address=_address(message, me),
        sender=sender,
        text=said,
        sent_at=float(date),
        sort_key=f"{date:012d}:{number:012d}",
        command=command,
        private=private,
        reply_to="" if private else str(number),
        files=files,
        album=album if files else "",
    )


def _pressed(query: Json, me: Me, now: float) -> Inbound | None:
    """A press of a button below a message of ours. Of old messages Telegram tells little more than where they are."""
    message, author, press = query.get("message"), query["from"], query.get("data")
    if message is None or not press or press.startswith(PROBE) or author.get("is_bot"):
        return None
    chat = message["chat"]
    if chat["type"] not in ("private", "group", "supergroup"):
        return None
    number = int(message["message_id"])
    return Inbound(
        key=f"{PLATFORM}:{me.id}:press:{query['id']}",
        address=_address(message, me),
        sender=Sender(id=str(int(author["id"])), language=str(author.get("language_code") or "")),
        text="",
        sent_at=now,
        sort_key=f"{int(now):012d}:{number:012d}",
        reply_to=str(number),
        press=str(press),
    )


def message_in(key: str, account: str) -> tuple[str, str] | None:
    """Chat and id of the message of that account that an `Inbound.key` names; None: it names something else."""
    platform, _, rest = key.partition(f":{account}:")
    chat, _, number = rest.partition(":")
    is_one = platform == PLATFORM and chat.removeprefix("-").isdecimal() and number.isdecimal()
    return (chat, number) if is_one else None


def number_in(key: str, address: Address) -> str:
    """The id of the message that an `Inbound.key` names, if that stands in the address's chat; else empty."""
    chat, number = message_in(key, address.account) or ("", "")
    return number if chat == address.chat else ""


def _said(message: Json) -> tuple[str, Sequence[Json]]:
    """What is written in it, and the entities in that."""
    if "rich_message" in message:
        return written.words(message["rich_message"])
    if "text" in message:
        return message["text"], message.get("entities") or ()
    return message.get("caption") or "", message.get("caption_entities") or ()


def _address(message: Json, me: Me) -> Address:
    thread = str(int(message["message_thread_id"])) if message.get("is_topic_message") else ""
    return Address(platform=PLATFORM, account=str(me.id), chat=str(int(message["chat"]["id"])), thread=thread)


@dataclass(frozen=True, slots=True)
class Words:
    """A text and the entities in it."""

    text: str
    entities: Sequence[Json]

    def at(self, span: Span) -> str:
        """The words in that place."""
        return self._units()[2 * span[0] : 2 * span[1]].decode("utf-16-le", "surrogatepass")

    def without(self, spans: Sequence[Span]) -> str:
        """The text without those places, and without one of the two blanks around each."""
        units, parts, done = self._units(), [], 0
        for start, end in sorted(spans):
            before = units[2 * done : 2 * start].decode("utf-16-le", "surrogatepass")
            after = units[2 * end : 2 * end + 2].decode("utf-16-le", "surrogatepass")
            blank = before[-1:] in ("", " ", "\n") and after == " "
            parts.append(before)
            done = end + blank
        parts.append(units[2 * done :].decode("utf-16-le", "surrogatepass"))
        return "".join(parts).strip() if spans else self.text

    def of_kind(self, kind: str) -> Iterator[tuple[Json, Span]]:
        """The entities of that kind and their places."""
        for entity in self.entities:
            if entity["type"] == kind:
                yield entity, (int(entity["offset"]), int(entity["offset"]) + int(entity["length"]))

    def _units(self) -> bytes:
        return self.text.encode("utf-16-le", "surrogatepass")


def _read(words: Words, me: Me, *, private: bool, called: bool) -> tuple[str, str] | None:
    """Command (or empty) and text; None if it is not for us. `called`: it is for us whatever it says."""
    mentions = list(_mentions(words, me))
    command = _command(words, mentions)
    if command is not None:
        name, target, span = command
        if target and target != me.username.casefold() and not private:
            return None
        ours = not target or target == me.username.casefold()
        if ours and name in me.commands:
            start = [(0, span[1])]
            return name, words.without([*start, *(place for place in mentions if place[0] >= span[1])]).strip()
        if target and ours:
            # A command that we do not know, but said to us: the question, without our name in it.
            mentions.append((span[0] + 1 + len(name.encode("utf-16-le", "surrogatepass")) // 2, span[1]))
            called = True
    if not called and not mentions:
        return None
    return "", words.without(mentions)


def _command(words: Words, mentions: Sequence[Span]) -> tuple[str, str, Span] | None:
    """Name, target (or empty) and place of the command that the text begins with, mentions of us left aside."""
    for _, span in words.of_kind("bot_command"):
        lead = [place for place in mentions if place[1] <= span[0]]
        if not Words(words.at((0, span[0])), ()).without(lead).strip():
            name, _, target = words.at(span).removeprefix("/").partition("@")
            return name.lower(), target.casefold(), span
    return None


def _mentions(words: Words, me: Me) -> Iterator[Span]:
    """Where the text names us."""
    for _, span in words.of_kind("mention"):
        if words.at(span).casefold() == f"@{me.username}".casefold():
            yield span
    for entity, span in words.of_kind("text_mention"):
        if entity["user"]["id"] == me.id:
            yield span


def _answers_us(message: Json, me: Me) -> bool:
    """Is it a reply to a message of ours? In a topic, clients 'reply' to the message that opened it: that is none."""
    original = message.get("reply_to_message")
    if original is None or "forum_topic_created" in original:
        return False
    if message.get("is_topic_message") and original.get("message_id") == message.get("message_thread_id"):
        return False
    return bool(original.get("from", {}).get("id") == me.id)


def _sender(message: Json) -> Sender | None:
    """Who wrote; None for bots and for what a channel posts by itself."""
    if message.get("is_automatic_forward"):
        return None
    # Anonymous admins and people who write as a channel: `from` is then a bot that stands for all of them.
    if stands_for := message.get("sender_chat"):
        return Sender(id=str(int(stands_for["id"])))
    author = message.get("from")
    if author is None or author.get("is_bot"):
        return None
    return Sender(id=str(int(author["id"])), language=str(author.get("language_code") or ""))


def _moved(message: Json, me: Me) -> Moved | None:
    """A group became a supergroup; both of them say so, in either order."""
    here = str(int(message["chat"]["id"]))
    if to := message.get("migrate_to_chat_id"):
        return Moved(platform=PLATFORM, account=str(me.id), old_chat=here, new_chat=str(int(to)))
    if origin := message.get("migrate_from_chat_id"):
        return Moved(platform=PLATFORM, account=str(me.id), old_chat=str(int(origin)), new_chat=here)
    return None
