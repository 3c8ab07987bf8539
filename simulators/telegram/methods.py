"""The table of all methods, and those of them that neither write messages nor deliver updates."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from simulators.telegram import media, messages
from simulators.telegram.errors import bad
from simulators.telegram.model import Chat
from simulators.telegram.params import Json, Params
from simulators.telegram.world import World

Method = Callable[[World, Params], Any | Awaitable[Any]]

CHAT_ACTIONS = frozenset(
    {"typing", "choose_sticker", "find_location"}
    | {f"{verb}_{what}" for verb in ("record", "upload") for what in ("video", "voice", "video_note")}
    | {"upload_photo", "upload_document"}
)
CALLBACK_SECONDS = 60.0
"""How long a press of a button may wait for its answer."""
COMMAND = re.compile(r"/?[a-z0-9_]{1,32}")


def get_me(world: World, _params: Params) -> Json:
    return {
        **world.me.shown(),
        "can_join_groups": world.joins_groups,
        "can_read_all_group_messages": not world.privacy,
        "supports_guest_queries": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": world.private_topics,
        "allows_users_to_create_topics": world.private_topics,
        "can_manage_bots": False,
    }


def send_chat_action(world: World, params: Params) -> bool:
    if params.text("action") not in CHAT_ACTIONS:
        raise bad("wrong parameter action in request")
    chat = world.writable_chat(params)
    thread = params.integer("message_thread_id")
    if thread:
        messages.check_thread(chat, thread)
    world.publish("typing", chat=chat.id, thread=thread or None, action=params.text("action"))
    return True


def answer_callback_query(world: World, params: Params) -> bool:
    number = params.text("callback_query_id")
    asked = world.presses.get(number)
    if asked is None or world.now() - asked > CALLBACK_SECONDS:
        raise bad("query is too old and response timeout expired or query ID is invalid")
    if len(params.text("text")) > 200:
        raise bad("MESSAGE_TOO_LONG")
    world.publish("callback", id=number, text=params.text("text"), alert=params.flag("show_alert"))
    return True


def set_message_reaction(world: World, params: Params) -> bool:
    chat = world.writable_chat(params)
    message = chat.standing(params.integer("message_id"))
    if message is None:
        raise bad("message to react not found")
    reactions = params.objects("reaction")
    if len(reactions) > 1:
        raise bad("REACTIONS_TOO_MANY")
    if any(one.get("type") not in ("emoji", "custom_emoji") for one in reactions):
        raise bad("REACTION_INVALID")
    message.reactions = reactions
    world.publish("reaction", chat=chat.id, message_id=message.message_id, reactions=reactions)
    return True


def set_my_commands(world: World, params: Params) -> bool:
    commands = params.objects("commands")
    if len(commands) > 100:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    for one in commands:
        if not COMMAND.fullmatch(str(one.get("command", ""))):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(str(one.get("description", ""))) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    world.commands[_scope(params)] = commands
    return True


def get_my_commands(world: World, params: Params) -> list[Json]:
    return world.commands.get(_scope(params), [])


def delete_my_commands(world: World, params: Params) -> bool:
    world.commands.pop(_scope(params), None)
    return True


def _scope(params: Params) -> tuple[str, str]:
    scope = params.mapping("scope", "bot command scope") or {"type": "default"}
    return json.dumps(scope, sort_keys=True), params.text("language_code")


def get_chat(world: World, params: Params) -> Json:
    chat = world.visible_chat(params)
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    return {
        **world.shown_chat(chat),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, False),
    }


def get_chat_member(world: World, params: Params) -> Json:
    chat = world.visible_chat(params)
    user = params.integer("user_id")
    if user not in world.users:
        raise bad("PARTICIPANT_ID_INVALID")
    return member(world, chat, user)


def member(world: World, chat: Chat, user: int) -> Json:
    """What somebody is in a chat."""
    shown = world.person(user).shown()
    if user in chat.admins:
        return {"status": "creator", "user": shown, "is_anonymous": False}
    if user == world.me.id and chat.closed:
        return {"status": "kicked", "user": shown, "until_date": 0}
    here = user in chat.members or user == world.me.id or chat.is_private
    return {"status": "member" if here else "left", "user": shown}


def log_out(world: World, _params: Params) -> bool:
    world.logged_out = True
    return True


def close(_world: World, _params: Params) -> bool:
    return True


METHODS: dict[str, Method] = {
    "getMe": get_me,
    "sendMessage": messages.send_message,
    "editMessageText": messages.edit_message_text,
    "editMessageReplyMarkup": messages.edit_message_reply_markup,
    "deleteMessage": messages.delete_message,
    "deleteMessages": messages.delete_messages,
    "sendMessageDraft": messages.send_message_draft,
    "sendRichMessage": messages.send_rich_message,
    "sendRichMessageDraft": messages.send_rich_message_draft,
    "sendChatAction": send_chat_action,
    "answerCallbackQuery": answer_callback_query,
    "setMessageReaction": set_message_reaction,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "sendDocument": media.sender("document"),
    "sendPhoto": media.sender("photo"),
    "sendVoice": media.sender("voice"),
    "sendAudio": media.sender("audio"),
    "sendVideo": media.sender("video"),
    "sendAnimation": media.sender("animation"),
    "getFile": media.get_file,
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "logOut": log_out,
    "close": close,
}
