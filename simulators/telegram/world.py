"""The state of the simulated Telegram: who is there, what was said, and what everybody may watch."""

import asyncio
from collections.abc import Iterator
from typing import Any

from simulators.telegram.errors import ApiError, bad, forbidden, from_text, upgraded
from simulators.telegram.flood import Flood, Limits
from simulators.telegram.model import Call, Chat, Clock, Draft, Message, Place, StoredFile, User, Version
from simulators.telegram.params import Json, Params
from simulators.telegram.rich import shown as rich_shown
from simulators.telegram.updates import Updates
from simulators.wire import Faults, Feed

DRAFT_SECONDS = 30.0


class World:
    """Everything that the methods of the API read and change."""

    def __init__(self, token: str, username: str, limits: Limits, *, seed: int) -> None:
        self.token = token
        self.me = User(id=int(token.partition(":")[0]), first_name="Coze demo", username=username, is_bot=True)
        self.clock = Clock()
        self.feed = Feed()
        self.faults = Faults()
        self.flood = Flood(limits, seed)
        self.updates = Updates(self.clock, self.publish)
        self.users: dict[int, User] = {self.me.id: self.me}
        self.chats: dict[int, Chat] = {}
        self.drafts: list[Draft] = []
        self.calls: list[Call] = []
        self.files: dict[str, StoredFile] = {}
        self.filed = 0
        """How many files were ever kept."""
        self.fetched: list[str] = []
        """Paths of the files that were downloaded."""
        self.local_directory = ""
        """Of a server that runs with `--local`: files lie in there, are told by their path, and may be of any size."""
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.presses: dict[str, float] = {}
        """When each callback query was made, by its id."""
        self.privacy = False
        self.joins_groups = True
        self.private_topics = False
        self.drafts_allowed = True
        """Off: drafts are refused in every chat, as they were before Bot API 9.5."""
        self.unknown_methods: set[str] = set()
        """What a server that is older than them does not know."""
        self.logged_out = False
        self.changed = asyncio.Event()
        self._last_id = 0

    def now(self) -> float:
        return self.clock.now()

    def touch(self) -> None:
        """Wakes everybody who waits for a change."""
        self.changed.set()
        self.changed = asyncio.Event()

    def publish(self, kind: str, **data: Any) -> None:
        self.feed.publish(kind, **data)
        self.touch()

    def next_id(self, chat: Chat) -> int:
        if chat.type == "supergroup":
            chat.last_id += 1
            return chat.last_id
        self._last_id += 1
        return self._last_id

    def person(self, user: int) -> User:
        """The user with this id; an unknown one is made up."""
        if user not in self.users:
            self.users[user] = User(id=user, first_name=f"User {user}", language_code="en")
        return self.users[user]

    def chat(self, chat: int) -> Chat:
        """A chat that exists, for the control side."""
        if chat not in self.chats:
            raise LookupError(f"no chat {chat}")
        return self.chats[chat]

    def visible_chat(self, params: Params) -> Chat:
        """The chat that a call names, if it exists for the bot."""
        name = params.chat
        if not name:
            raise bad("chat_id is empty")
        number = int(name) if name.lstrip("-").isdigit() else 0
        chat = self.chats.get(number)
        if chat is None:
            if number in self.users:
                raise forbidden("bot can't initiate conversation with a user")
            raise bad("chat not found")
        if chat.migrated_to:
            raise upgraded(chat.migrated_to)
        return chat

    def writable_chat(self, params: Params) -> Chat:
        """The chat that a call names, if the bot may write there."""
        chat = self.visible_chat(params)
        if chat.closed:
            raise from_text(chat.closed)
        return chat

    def post(
        self,
        chat: Chat,
        sender: int,
        version: Version,
        place: Place | None = None,
        **fields: Any,
    ) -> Message:
        """Adds a message to a chat; `fields` are further fields of Message."""
        message = Message(
            message_id=self.next_id(chat),
            chat=chat.id,
            sender=sender,
            date=int(version.at),
            place=place or Place(),
            versions=[version],
            **fields,
        )
        chat.messages[message.message_id] = message
        if sender == self.me.id:
            self.end_drafts(chat.id, message.place.thread or 0)
        author = "bot" if sender == self.me.id else "user"
        self.publish("message", chat=chat.id, by=author, message=self.shown(message))
        return message

    def revise(self, message: Message, version: Version) -> None:
        """Shows a new version of a message."""
        message.versions.append(version)
        message.edit_date = int(version.at)
        author = "bot" if message.sender == self.me.id else "user"
        self.publish("edit", chat=message.chat, by=author, message=self.shown(message))

    def remove(self, message: Message) -> None:
        message.deleted_at = self.now()
        self.publish("delete", chat=message.chat, message_id=message.message_id)

    def standing_drafts(self) -> Iterator[Draft]:
        now = self.now()
        return (draft for draft in self.drafts if draft.ended_at is None and now < draft.expires)

    def draw(self, draft: Draft) -> None:
        """Shows a frame of a draft instead of the one before."""
        self.end_drafts(draft.chat, draft.thread)
        self.drafts.append(draft)
        shown = {"draft_id": draft.draft_id, "thread": draft.thread, "text": draft.text, "entities": draft.entities}
        self.publish("draft", chat=draft.chat, **shown)

    def end_drafts(self, chat: int, thread: int) -> None:
        for draft in self.standing_drafts():
            if (draft.chat, draft.thread) == (chat, thread):
                draft.ended_at = self.now()

    def note(self, method: str, params: Params, client: str = "") -> Call:
        """Writes a call into the log, before it is answered."""
        values = params.values | {name: upload.name for name, upload in params.uploads.items()}
        call = Call(
            seq=len(self.calls) + 1, at=self.now(), method=method, chat=params.chat, params=values, client=client
        )
        call.in_penalty = self.flood.defies(method, params.chat, call.at, client)
        self.calls.append(call)
        self.touch()
        return call

    def answered(self, call: Call, error: ApiError | None = None) -> None:
        """Completes the log of a call."""
        call.took = self.now() - call.at
        call.status = error.code if error else 200
        if error:
            call.description = error.description
            call.retry_after = error.retry_after
        if call.method == "getUpdates":
            self.touch()
            return
        shown = {"method": call.method, "chat": call.chat, "status": call.status, "description": call.description}
        where = {name: call.params.get(name) for name in ("message_id", "message_thread_id", "reply_parameters")}
        self.publish("call", **shown, **where, retry_after=call.retry_after)
        if call.status == 429:
            told = {"retry_after": call.retry_after, "in_penalty": call.in_penalty}
            self.publish("429", method=call.method, chat=call.chat, **told)

    def shown_chat(self, chat: Chat) -> Json:
        shown: Json = {"id": chat.id, "type": chat.type}
        if chat.is_private:
            user = self.person(chat.id)
            shown["first_name"] = user.first_name
            if user.username:
                shown["username"] = user.username
        else:
            shown["title"] = chat.title
        if chat.is_forum:
            shown["is_forum"] = True
        return shown

    def shown(self, message: Message, *, with_reply: bool = True) -> Json:
        """A message as the Bot API shows it."""
        chat = self.chats[message.chat]
        place, version = message.place, message.now
        shown: Json = {
            "message_id": message.message_id,
            "from": self.person(message.sender).shown(),
            "chat": self.shown_chat(chat),
            "date": message.date,
        }
        if message.edit_date:
            shown["edit_date"] = message.edit_date
        if place.thread is not None:
            shown["message_thread_id"] = place.thread
            if place.is_topic:
                shown["is_topic_message"] = True
        replied = chat.standing(place.reply_to) if place.reply_to and with_reply else None
        if replied is not None:
            shown["reply_to_message"] = self.shown(replied, with_reply=False)
            if place.quote:
                shown["quote"] = {"text": place.quote, "position": 0, "is_manual": True}
        shown.update(message.content)
        if version.rich:
            shown["rich_message"] = rich_shown(version.text)
        elif version.text:
            shown["caption" if message.is_media else "text"] = version.text
        if version.entities:
            shown["caption_entities" if message.is_media else "entities"] = version.entities
        if version.reply_markup:
            shown["reply_markup"] = version.reply_markup
        return shown
