"""A Telegram for tests and the demo: the Bot API as the real server answers it, and people that a test moves about."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from aiohttp import web

from simulators.telegram import control, keyboards, people
from simulators.telegram.flood import Limits
from simulators.telegram.methods import member
from simulators.telegram.model import Call, Chat, Draft, Message, Place, User, Version
from simulators.telegram.params import Json
from simulators.telegram.server import Server
from simulators.telegram.world import World

T = TypeVar("T")

BLOCKED = "403 Forbidden: bot was blocked by the user"
CHAT_TYPES = ("private", "group", "supergroup")


class TelegramSimulator:
    """One bot and its Telegram; every method here is also a control call over HTTP (see control.py)."""

    def __init__(
        self,
        *,
        token: str = "123456:TEST",
        username: str = "coze_demo_bot",
        limits: bool | Limits = True,
        privacy: bool = False,
        private_topics: bool = False,
        seed: int = 1,
    ) -> None:
        budget = limits if isinstance(limits, Limits) else Limits(on=limits)
        self.world = World(token, username, budget, seed=seed)
        self.world.privacy, self.world.private_topics = privacy, private_topics
        self.token = token
        self.me = self.world.me
        self.feed, self.faults, self.flood_control = self.world.feed, self.world.faults, self.world.flood
        self.updates = self.world.updates
        self.server = Server(self.world)
        self.webhook = self.server.webhook
        self._albums = itertools.count(1)
        self._user_ids, self._group_ids = itertools.count(1001), itertools.count(5001)
        self.app = web.Application(client_max_size=64 * 1024 * 1024)
        self.app.add_routes(control.routes(self))
        self.app.add_routes(self.server.routes())
        self.app.on_shutdown.append(self.server.close)

    # People and chats

    def add_user(
        self, id: int | None = None, *, first_name: str = "", username: str = "", language_code: str = "en"
    ) -> Json:
        """Somebody who has not pressed Start yet; calls to them are refused until they say something."""
        number = next(self._user_ids) if id is None else int(id)
        name = first_name or f"User {number}"
        self.world.users[number] = User(id=number, first_name=name, username=username, language_code=language_code)
        return self.world.users[number].shown()

    def add_chat(
        self,
        id: int | None = None,
        *,
        type: str = "private",
        title: str = "",
        is_forum: bool = False,
        members: Sequence[int] = (),
        admins: Sequence[int] = (),
        topics: Sequence[str] = (),
    ) -> Json:
        """A chat in which the bot is; a private one has the id of its user. The answer names the topics' ids."""
        if type not in CHAT_TYPES:
            raise ValueError(f"type is one of {', '.join(CHAT_TYPES)}")
        number = self._new_chat(type) if id is None else int(id)
        chat = Chat(id=number, type=type, title=title or f"Chat {number}", is_forum=is_forum or bool(topics))
        if chat.is_private:
            chat.title, chat.is_forum = "", False
            self.world.person(chat.id)
        chat.members, chat.admins = {int(user) for user in members}, {int(user) for user in admins}
        for user in chat.members | chat.admins:
            self.world.person(user)
        self.world.chats[chat.id] = chat
        named = {name: self.add_topic(chat.id, name) for name in topics}
        return {**self.world.shown_chat(chat), "topics": named}

    def _new_chat(self, type: str) -> int:
        if type == "private":
            return int(self.add_user()["id"])
        number = next(self._group_ids)
        return -1_000_000_000_000 - number if type == "supergroup" else -number

    def add_topic(self, chat: int, name: str) -> int:
        """A topic of a forum, or of a private chat if the bot has topics there; the answer is its thread id."""
        place = self.world.chat(int(chat))
        content = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
        creator = min(place.members, default=self.me.id)
        opened = self.world.post(place, creator, Version(self.world.now(), ""), content=content)
        opened.place = Place(thread=opened.message_id, is_topic=True)
        place.topics[opened.message_id] = name
        return opened.message_id

    def remove_topic(self, chat: int, thread: int) -> None:
        """Deletes a topic: the bot is told `message thread not found` from now on."""
        self.world.chat(int(chat)).topics.pop(int(thread), None)

    def _meeting(self, chat: int, user: int) -> Chat:
        """The chat in which somebody writes; an unknown one is made up from the look of its id."""
        self.world.person(user)
        if chat not in self.world.chats:
            kind = "private" if chat > 0 else "supergroup" if chat < -1_000_000_000_000 else "group"
            self.add_chat(chat, type=kind)
        place = self.world.chats[chat]
        place.members.add(user)
        return place

    # What people do

    def say(
        self,
        chat: int,
        user: int,
        text: str = "",
        *,
        thread: int | None = None,
        reply_to: int | None = None,
        media: Json | None = None,
        entities: Sequence[Json] = (),
        mentions: Sequence[int] = (),
    ) -> Json:
        """Somebody writes. `mentions` are users whose first names in the text point to them; returns the two ids."""
        place = self._meeting(int(chat), int(user))
        if place.migrated_to:
            raise ValueError(f"the group has moved to {place.migrated_to}")
        words, marks = people.written(self.world, text, entities, mentions)
        content = people.content(self.world, media) if media else {}
        if not words and not content:
            raise ValueError("nothing is said")
        where = people.place_of(place, thread, reply_to)
        version = Version(self.world.now(), words, marks)
        message = self.world.post(place, int(user), version, where, content=content, is_media=bool(content))
        update_id = None
        if people.reaches_bot(self.world, place, message):
            update_id = self.updates.add("message", self.world.shown(message))
        return {"message_id": message.message_id, "update_id": update_id}

    def album(self, chat: int, user: int, media: Sequence[Json], text: str = "", *, name: str = "") -> list[Json]:
        """Somebody sends several files at once: each comes as a message of its own, the words below the first."""
        group = name or str(13_000_000_000 + next(self._albums))
        return [
            self.say(chat, user, text if number == 0 else "", media={**one, "media_group_id": group})
            for number, one in enumerate(media)
        ]

    def edit(self, chat: int, message_id: int, text: str) -> Json:
        """Somebody edits what they wrote."""
        message = self._standing(chat, message_id)
        words, marks = people.written(self.world, text)
        self.world.revise(message, Version(self.world.now(), words, marks))
        return {"update_id": self.updates.add("edited_message", self.world.shown(message))}

    def press(self, chat: int, message_id: int, data: str, user: int, *, force: bool = False) -> Json:
        """Somebody presses a button; `force` presses one that is no longer there, as a slow client would."""
        message = self._standing(chat, message_id)
        if not force and not keyboards.holds(message.now.reply_markup, data):
            raise LookupError(f"no button {data!r} on message {message_id}")
        number = str(4_000_000_000 + len(self.world.presses) + 1)
        self.world.presses[number] = self.world.now()
        payload = {
            "id": number,
            "from": self.world.person(int(user)).shown(),
            "message": self.world.shown(message),
            "chat_instance": str(7_000_000 + abs(int(chat))),
            "data": data,
        }
        return {"callback_query_id": number, "update_id": self.updates.add("callback_query", payload)}

    def _standing(self, chat: int, message_id: int) -> Message:
        message = self.world.chat(int(chat)).standing(int(message_id))
        if message is None:
            raise LookupError(f"no message {message_id} in chat {chat}")
        return message

    def delete(self, chat: int, message_id: int) -> None:
        """Somebody deletes a message; the bot is not told."""
        self.world.remove(self._standing(chat, message_id))

    def block(self, chat: int, reason: str = BLOCKED) -> None:
        """The user blocks the bot, or the group throws it out: `reason` is what the bot is told when it writes."""
        self._close(int(chat), reason)

    def unblock(self, chat: int) -> None:
        self._close(int(chat), "")

    def _close(self, number: int, reason: str) -> None:
        chat = self.world.chat(number)
        before = member(self.world, chat, self.me.id)
        chat.closed = reason
        payload = {
            "chat": self.world.shown_chat(chat),
            "from": self.world.person(chat.id if chat.is_private else min(chat.members, default=1)).shown(),
            "date": int(self.world.now()),
            "old_chat_member": before,
            "new_chat_member": member(self.world, chat, self.me.id),
        }
        self.updates.add("my_chat_member", payload)

    def migrate(self, chat: int, new_id: int | None = None) -> int:
        """A group becomes a supergroup; both sides get their service message."""
        old = self.world.chat(int(chat))
        number = self._new_chat("supergroup") if new_id is None else int(new_id)
        self.add_chat(number, type="supergroup", title=old.title, members=[*old.members], admins=[*old.admins])
        old.migrated_to = number
        sender = min(old.members, default=self.me.id)
        for place, content in ((old, {"migrate_to_chat_id": number}), (number, {"migrate_from_chat_id": old.id})):
            target = place if isinstance(place, Chat) else self.world.chats[place]
            message = self.world.post(target, sender, Version(self.world.now(), ""), content=content)
            self.updates.add("message", self.world.shown(message))
        return number

    # What the network and the server do

    def flood(self, chat: int, seconds: float, *, told: bool = True) -> None:
        """Closes a chat: every call to it is answered 429 for so long, and longer if the bot does not listen.

        With `told` off the bot knows nothing of it yet: its first call learns how much is left, as after a real 429.
        """
        self.flood_control.penalise(str(chat), float(seconds), self.world.now(), told=told)

    def skip(self, seconds: float) -> None:
        """Puts the simulated clock forward: penalties end, drafts and callbacks expire, messages age."""
        self.world.clock.skip(float(seconds))
        self.world.touch()

    # What a test looks at

    def messages(self, chat: int) -> list[Message]:
        """The messages that stand in a chat, oldest first."""
        place = self.world.chats.get(int(chat))
        return [message for message in place.messages.values() if message.stands] if place else []

    def texts(self, chat: int) -> list[str]:
        """Texts of the bot's standing messages in a chat."""
        return [message.text for message in self.messages(chat) if message.sender == self.me.id]

    def draft(self, chat: int, thread: int = 0) -> Draft | None:
        """The draft that is visible in a chat now."""
        drafts = (one for one in self.world.standing_drafts() if (one.chat, one.thread) == (int(chat), thread))
        return next(drafts, None)

    def calls(self, method: str = "", chat: int | str = "") -> list[Call]:
        """The log of calls, all of them or those of one method or chat."""
        number = str(chat)
        return [
            call
            for call in self.world.calls
            if (not method or call.method == method) and (not number or call.chat == number)
        ]

    async def wait(self, predicate: Callable[[], T], within: float = 30.0) -> T:
        """Waits until the predicate holds, looking again after every change; the answer is what it returned."""
        async with asyncio.timeout(within):
            while True:
                changed = self.world.changed
                if result := predicate():
                    return result
                await changed.wait()

    def state(self) -> Json:
        """A summary for people."""
        flood: dict[str, Any] = {"refused": self.flood_control.refused, "in_penalty": self.flood_control.defied}
        return {
            "me": self.me.shown(),
            "users": [user.shown() for user in self.world.users.values() if not user.is_bot],
            "chats": [
                {**self.world.shown_chat(chat), "topics": chat.topics, "closed": chat.closed}
                for chat in self.world.chats.values()
            ],
            "counts": {"calls": len(self.world.calls), "pending_updates": len(self.updates.pending), **flood},
        }
