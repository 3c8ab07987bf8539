"""The methods that write: send, edit and delete messages, and drafts that grow."""

import re
from dataclasses import replace

from simulators.telegram import keyboards, rich, text
from simulators.telegram.errors import ApiError, bad
from simulators.telegram.markup import parsed
from simulators.telegram.model import Chat, Draft, Message, Place, Version
from simulators.telegram.params import Json, Params, whole
from simulators.telegram.world import DRAFT_SECONDS, World

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
DELETABLE_SECONDS = 48 * 3600
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


def send_message(world: World, params: Params) -> Json:
    words, entities = formatted(params)
    chat = world.writable_chat(params)
    return deliver(world, params, chat, words, entities)


def deliver(
    world: World, params: Params, chat: Chat, words: str, entities: list[Json], content: Json | None = None
) -> Json:
    """Posts a message of the bot where the call wants it; `content` is its media."""
    place = _place(chat, params)
    version = Version(world.now(), words, entities, keyboards.inline(params))
    media = {"content": content, "is_media": True} if content else {}
    message = world.post(chat, world.me.id, version, place, plain_keyboard=keyboards.is_other(params), **media)
    return world.shown(message)


def formatted(params: Params, name: str = "text", *, rename: bool = True) -> tuple[str, list[Json]]:
    """Text and entities of a call; edits and drafts call the same fault by another name (`rename` off)."""
    raw = params.text(name)
    if not raw:
        raise bad("message text is empty")
    words, entities = styled(params, name, "entities")
    if text.blank(words):
        raise bad("text must be non-empty")
    if len(words) > text.TEXT_LIMIT:
        raise bad("message is too long" if rename else "MESSAGE_TOO_LONG")
    return words, entities


def styled(params: Params, name: str, entities_name: str) -> tuple[str, list[Json]]:
    """A text as it will stand, by its entities or its parse mode."""
    raw = params.text(name)
    if _LONE_SURROGATE.search(raw):
        raise bad("strings must be encoded in UTF-8")
    if len(raw.encode()) > text.RAW_LIMIT_BYTES:
        raise bad("text is too long")
    if mode := params.text("parse_mode"):
        return text.settled(*parsed(raw, mode))
    return text.settled(raw, text.given(params, entities_name))


def _place(chat: Chat, params: Params) -> Place:
    """Thread and reply of a message to be sent."""
    thread = params.integer("message_thread_id")
    if thread:
        check_thread(chat, thread)
    reply, quote = _reply(chat, params)
    if reply is None:
        return Place(thread=thread or None, is_topic=bool(thread))
    return Place(
        thread=thread or chat.thread_of(reply),
        is_topic=bool(thread) or reply.place.is_topic,
        reply_to=reply.message_id,
        quote=quote,
    )


def check_thread(chat: Chat, thread: int) -> None:
    """Only a topic that exists can be written to; the General topic (1) has no id of its own."""
    if thread not in chat.topics:
        raise bad("message thread not found")


def _reply(chat: Chat, params: Params) -> tuple[Message | None, str]:
    """The message that is replied to, and the quoted part of it."""
    reply = params.mapping("reply_parameters", "reply parameters")
    if reply is None:
        number, lenient = params.integer("reply_to_message_id"), params.flag("allow_sending_without_reply")
        reply = {"message_id": number, "allow_sending_without_reply": lenient} if number else {}
    number = whole(reply.get("message_id"))
    if not number:
        return None, ""
    target = chat.standing(number) if str(reply.get("chat_id", chat.id)) == str(chat.id) else None
    if target is None:
        if reply.get("allow_sending_without_reply"):
            return None, ""
        raise bad("message to be replied not found")
    quote = str(reply.get("quote") or "")
    if quote not in target.text:
        raise bad("QUOTE_TEXT_INVALID")
    return target, quote


def send_rich_message(world: World, params: Params) -> Json:
    given = rich.read(params)
    chat = world.writable_chat(params)
    version = Version(world.now(), given.text, [], keyboards.inline(params), given.given)
    message = world.post(chat, world.me.id, version, _place(chat, params), plain_keyboard=keyboards.is_other(params))
    return world.shown(message)


def edit_message_text(world: World, params: Params) -> Json:
    """A message with a text may become a rich one, and a rich one a text (the latter is assumed)."""
    if "rich_message" in params.values and "editMessageText.rich_message" not in world.unknown_methods:
        given = rich.read(params)
        return _with_text(world, params, Version(world.now(), given.text, [], keyboards.inline(params), given.given))
    words, entities = formatted(params, rename=False)
    return _with_text(world, params, Version(world.now(), words, entities, keyboards.inline(params)))


def _with_text(world: World, params: Params, version: Version) -> Json:
    message = _own(world, params)
    if message.is_media:
        raise bad("there is no text in the message to edit")
    return _revised(world, message, version)


def edit_message_reply_markup(world: World, params: Params) -> Json:
    markup = keyboards.inline(params)
    message = _own(world, params)
    return _revised(world, message, replace(message.now, at=world.now(), reply_markup=markup))


def _own(world: World, params: Params) -> Message:
    """The message that a call wants to edit."""
    if params.text("inline_message_id"):
        raise bad("MESSAGE_ID_INVALID")
    chat = world.writable_chat(params)
    number = params.integer("message_id")
    if not number:
        raise bad("message identifier is not specified")
    message = chat.standing(number)
    if message is None:
        raise bad("message to edit not found")
    if message.sender != world.me.id or message.plain_keyboard:
        raise bad("message can't be edited")
    return message


def _revised(world: World, message: Message, version: Version) -> Json:
    if version.looks_like(message.now):
        raise bad(NOT_MODIFIED)
    world.revise(message, version)
    return world.shown(message)


def delete_message(world: World, params: Params) -> bool:
    chat = world.visible_chat(params)
    number = params.integer("message_id")
    if not number:
        raise bad("message identifier is not specified")
    _delete(world, chat, number)
    return True


def delete_messages(world: World, params: Params) -> bool:
    """Deletes what it can and skips what is gone."""
    chat = world.visible_chat(params)
    numbers = params.items("message_ids", "message_ids")
    if not numbers:
        raise bad("message identifiers are not specified")
    if len(numbers) > 100:
        raise bad("too many message identifiers specified")
    for number in map(whole, numbers):
        if chat.standing(number) is not None:
            _delete(world, chat, number)
    return True


def _delete(world: World, chat: Chat, number: int) -> None:
    message = chat.standing(number)
    if message is None:
        raise bad("message to delete not found")
    foreign = message.sender != world.me.id
    if foreign and not chat.is_private and world.me.id not in chat.admins:
        raise bad("message can't be deleted")
    if world.now() - message.date > DELETABLE_SECONDS:
        raise bad("message can't be deleted for everyone")
    world.remove(message)


def send_message_draft(world: World, params: Params) -> bool:
    """A frame of a growing answer; it is no message and leaves nothing behind."""
    words, entities = styled(params, "text", "entities")
    if len(words) > text.TEXT_LIMIT:
        raise bad("MESSAGE_TOO_LONG")
    return _draw(world, params, words, entities)


def send_rich_message_draft(world: World, params: Params) -> bool:
    given = rich.read(params, draft=True)
    return _draw(world, params, given.text, [], given.given)


def _draw(world: World, params: Params, words: str, entities: list[Json], given: Json | None = None) -> bool:
    chat = world.writable_chat(params)
    if not chat.is_private or not world.drafts_allowed:
        raise bad("TEXTDRAFT_PEER_INVALID")
    if not params.integer("draft_id"):
        raise bad("draft identifier must be non-zero")
    thread = params.integer("message_thread_id")
    if thread:
        check_thread(chat, thread)
    now = world.now()
    world.draw(
        Draft(
            at=now,
            chat=chat.id,
            thread=thread,
            draft_id=params.integer("draft_id"),
            text=words,
            entities=entities,
            expires=now + DRAFT_SECONDS,
            rich=given,
        )
    )
    return True


def missing(method: str) -> ApiError:
    """What a method says when the message that it concerns is gone."""
    if method.startswith("edit"):
        return bad("message to edit not found")
    if method.startswith("delete"):
        return bad("message to delete not found")
    return bad("message to be replied not found")
