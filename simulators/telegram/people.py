"""What people write: their words with mentions and commands found, their files, their place in a chat."""

from collections.abc import Sequence

from simulators.telegram import media, text
from simulators.telegram.model import Chat, Message, Place
from simulators.telegram.params import Json
from simulators.telegram.world import World


def written(
    world: World, raw: str, entities: Sequence[Json] = (), mentions: Sequence[int] = ()
) -> tuple[str, list[Json]]:
    """A text as it stands, with its entities; the first names of `mentions` in it point to these users."""
    marks = [dict(entity) for entity in entities]
    for number in mentions:
        user = world.person(int(number))
        start = raw.find(user.first_name)
        if start < 0:
            raise ValueError(f"{user.first_name} is not in the text")
        offset, length = text.utf16(raw[:start]), text.utf16(user.first_name)
        marks.append({"type": "text_mention", "offset": offset, "length": length, "user": user.shown()})
    words, marks = text.settled(raw, marks)
    if len(words) > text.TEXT_LIMIT:
        raise ValueError("a client would split this text: it is longer than 4096 characters")
    return words, marks


def content(world: World, given: Json) -> Json:
    """`{kind, text?, name?, mime_type?, size?}` becomes a stored file; of other kinds `value` is shown as it is.

    `fields` are shown beside those of the file.
    """
    kind = str(given.get("kind", "document"))
    if kind in media.FOLDERS:
        data = str(given.get("text", f"bytes of a {kind}")).encode()
        name, mime_type = str(given.get("name", "")), str(given.get("mime_type", ""))
        file = media.keep(world, kind, data, name, mime_type, int(given.get("size", 0)))
        shown = media.shown(kind, file)
        if more := given.get("fields"):
            shown[kind] |= more
    else:
        value = {"latitude": 31.23, "longitude": 121.47} if kind == "location" else {}
        shown = {kind: given.get("value", value)}
    album = given.get("media_group_id")
    return {**shown, "media_group_id": str(album)} if album else shown


def place_of(chat: Chat, thread: int | None, reply_to: int | None) -> Place:
    """In a topic every message hangs on its first one; in other supergroups a thread is only a chain of replies."""
    if thread is not None:
        if int(thread) not in chat.topics:
            raise LookupError(f"no topic {thread}")
        return Place(thread=int(thread), is_topic=True, reply_to=reply_to or int(thread))
    target = chat.standing(reply_to) if reply_to else None
    if target is None:
        return Place(reply_to=reply_to)
    return Place(thread=chat.thread_of(target), is_topic=target.place.is_topic, reply_to=reply_to)


def reaches_bot(world: World, chat: Chat, message: Message) -> bool:
    """With privacy mode on, a bot in a group hears only what is meant for it."""
    if chat.closed:
        return False
    if chat.is_private or not world.privacy:
        return True
    replied = chat.standing(message.place.reply_to or 0)
    if replied is not None and replied.sender == world.me.id:
        return True
    at_me = f"@{world.me.username.lower()}"
    for mark in message.now.entities:
        words = text.part(message.text, mark).lower()
        if mark["type"] == "mention" and words == at_me:
            return True
        if mark["type"] == "bot_command" and ("@" not in words or words.endswith(at_me)):
            return True
        if mark["type"] == "text_mention" and mark["user"]["id"] == world.me.id:
            return True
    return False
