"""What people do in Slack: write, edit, delete, run commands, press buttons and the Stop button."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulators.slack import chat, events, files
from simulators.slack import text as texts
from simulators.slack.calls import Call
from simulators.slack.deliveries import Deliveries, Delivery
from simulators.slack.messages import Message
from simulators.slack.state import APP, BOT, BOT_USER, TEAM, Channel, Workspace


@dataclass(slots=True, kw_only=True)
class ResponseUrl:
    """Where the app may answer a command or a press, five times within half an hour."""

    channel: str
    user: str
    message_ts: str
    made_at: float
    used: int = 0


@dataclass(slots=True)
class People:
    """The hands of everybody who is not the app."""

    slack: Workspace
    deliveries: Deliveries
    response_urls: dict[str, ResponseUrl] = field(default_factory=dict)

    def say(
        self, channel: str, user: str, text: str, thread_ts: str | None = None, files: Sequence[dict[str, Any]] = ()
    ) -> str:
        """A person, or another bot, writes as one types; the ts of the message."""
        place, author = self._channel(channel), self.slack.users[user]
        if thread_ts and place.root(thread_ts) is None:
            raise ValueError(f"no thread {thread_ts} in {place.id}")
        if user not in place.members and place.kind != "channel":
            raise ValueError(f"{user} is not in {place.id}")
        place.members.add(user)
        names = {known.name: known.id for known in self.slack.users.values()}
        message = Message(
            channel=place.id,
            ts=self.slack.stamp(),
            user=user,
            team=author.team,
            raw=text,
            text=texts.typed(text, names),
            thread_ts=thread_ts,
            bot_id=author.bot_id,
            app_id=f"A{user[1:]}" if author.is_bot else "",
            client_msg_id="" if author.is_bot else f"{self.slack.dice.getrandbits(128):032x}",
            files=[self._attach(user, item) for item in files],
        )
        if files:
            message.subtype = "file_share"
        place.messages[message.ts] = message
        self.slack.record(message, "message")
        events.posted(self.slack, place, message)
        return message.ts

    def _attach(self, user: str, item: dict[str, Any]) -> dict[str, Any]:
        content = item.get("content", b"")
        if "content_base64" in item:
            content = base64.b64decode(item["content_base64"])
        data = content.encode() if isinstance(content, str) else bytes(content)
        file = files.new_file(self.slack, item["name"], len(data), user, item.get("mimetype", ""))
        self.slack.contents[file["id"]] = data
        file |= item.get("fields", {})
        # What an app is told of it: of a file from another organisation, no more than that there is one.
        return {"id": file["id"], "file_access": "check_file_info"} if item.get("foreign") else file

    def edit(self, channel: str, ts: str, text: str) -> None:
        """The writer of a message changes it."""
        place = self._channel(channel)
        message = chat.standing(place, ts)
        before = message.api()
        names = {known.name: known.id for known in self.slack.users.values()}
        now = self.slack.stamp()
        message.raw, message.text = text, texts.typed(text, names)
        message.edited = {"user": message.user, "ts": now}
        self.slack.record(message, "edit")
        events.changed(self.slack, place, message, before, now)

    def delete(self, channel: str, ts: str) -> None:
        place = self._channel(channel)
        chat.remove(self.slack, place, chat.standing(place, ts))

    def slash(self, command: str, text: str, channel: str, user: str) -> Delivery:
        """A slash command; the writing is seen by nobody but the app."""
        place, author = self._channel(channel), self.slack.users[user]
        payload = {
            "token": "verification-token",
            "team_id": TEAM,
            "team_domain": "coze",
            "channel_id": place.id,
            "channel_name": "directmessage" if place.kind == "im" else place.name,
            "user_id": user,
            "user_name": author.name,
            "command": command,
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self._response_url(place.id, user, ""),
            "trigger_id": self.slack.trigger(),
        }
        return self.deliveries.send("slash_commands", payload)

    def press(self, channel: str, ts: str, action_id: str, user: str, value: str | None = None) -> Delivery:
        """A press on a button of the app's message; `value` picks one of two feedback buttons."""
        place = self._channel(channel)
        hidden = next((m for m in place.ephemeral if m.ts == ts), None)
        message = hidden or chat.standing(place, ts)
        block_id, element = _element(message, action_id)
        action = {"type": element["type"], "action_id": action_id, "block_id": block_id}
        action |= {"value": value if value is not None else element.get("value", ""), "action_ts": self.slack.stamp()}
        if "text" in element:
            action["text"] = element["text"]
        container = {"type": "message", "message_ts": ts, "channel_id": place.id, "is_ephemeral": hidden is not None}
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        return self.interact(
            {
                "type": "block_actions",
                "user": user,
                "channel": {"id": place.id, "name": place.name or "directmessage"},
                "container": container,
                "message": message.api(),
                "state": {"values": {}},
                "actions": [action],
                "response_url": self._response_url(place.id, user, ts),
            }
        )

    def look(self, user: str, tab: str = "home") -> None:
        """A person opens the app's Home tab, or its `messages`."""
        event: dict[str, Any] = {
            "type": "app_home_opened",
            "user": user,
            "channel": self.slack.direct(user).id,
            "tab": tab,
        }
        if tab == "home" and (view := self.slack.views.get(user)):
            event["view"] = view
        self.deliveries.emit({**event, "event_ts": self.slack.stamp()})

    def open_thread(self, user: str) -> str:
        """A person opens a new thread in the older assistant view; the ts of its root, which Slack makes."""
        place, ts = self.slack.direct(user), self.slack.stamp()
        root = Message(
            channel=place.id, ts=ts, user=BOT_USER, team=TEAM, raw="New thread", text="New thread", bot_id=BOT
        )
        root.subtype = "assistant_app_thread"
        place.messages[ts] = root
        made = {"user_id": user, "context": {}, "channel_id": place.id, "thread_ts": ts}
        event = {"type": "assistant_thread_started", "assistant_thread": made}
        self.deliveries.emit({**event, "event_ts": self.slack.stamp()}, always=True)
        return ts

    def press_home(self, user: str, action_id: str) -> Delivery:
        """A press on a button of that person's Home tab."""
        view = self.slack.views[user]
        block_id, element = _found(view["blocks"], action_id)
        action = {"type": element["type"], "action_id": action_id, "block_id": block_id, "text": element["text"]}
        action |= {"value": element.get("value", ""), "action_ts": self.slack.stamp()}
        container = {"type": "view", "view_id": view["id"]}
        return self.interact(
            {"type": "block_actions", "user": user, "container": container, "view": view, "actions": [action]}
        )

    def interact(self, payload: dict[str, Any]) -> Delivery:
        """Any interaction; `user` is an id, and what every payload has is filled in."""
        author = self.slack.users[payload["user"]]
        person = {"id": author.id, "username": author.name, "name": author.name, "team_id": author.team}
        common = {
            "api_app_id": APP,
            "token": "verification-token",
            "trigger_id": self.slack.trigger(),
            "team": {"id": TEAM, "domain": "coze"},
            "enterprise": None,
            "is_enterprise_install": False,
        }
        return self.deliveries.send("interactive", {**common, **payload, "user": person})

    def stop(self, channel: str, thread_ts: str, user: str) -> list[str]:
        """The native Stop button: ends the streams of a thread and tells the app; their timestamps."""
        place = self._channel(channel)
        stopped = []
        for message in place.messages.values():
            if message.thread_ts == thread_ts and message.stream and chat.streaming(self.slack, message):
                message.stream.state = "stopped_by_user"
                stopped.append(message.ts)
                self.slack.record(message, "edit")
        event = {"type": "agent_session_stopped", "channel": place.id, "thread_ts": thread_ts, "user": user}
        self.deliveries.emit({**event, "streaming_message_ts": stopped, "event_ts": self.slack.stamp()})
        return stopped

    def show_answer(self, delivery: Delivery) -> None:
        """Shows the message that came with the acknowledgement of a command."""
        if delivery.kind == "slash_commands" and delivery.response and delivery.response.get("text"):
            payload = delivery.payload
            self._show(payload["channel_id"], payload["user_id"], delivery.response)

    def respond(self, key: str, payload: dict[str, Any]) -> tuple[int, str]:
        """A post to a `response_url`: the status and body of the reply."""
        url = self.response_urls.get(key)
        if url is None or self.slack.clock() - url.made_at > 1800:
            return 404, "expired_url"
        if url.used >= 5:
            return 404, "used_url"
        if not payload.get("text") and not payload.get("blocks") and not payload.get("delete_original"):
            return 200, '{"ok":false,"error":"no_text"}'
        url.used += 1
        place = self.slack.channels[url.channel]
        original = place.messages.get(url.message_ts)
        if original and payload.get("delete_original"):
            chat.remove(self.slack, place, original)
        elif original and payload.get("replace_original"):
            before = original.api()
            original.raw = original.text = payload.get("text", "")
            original.markdown, original.blocks = False, payload.get("blocks") or []
            self.slack.record(original, "edit")
            events.changed(self.slack, place, original, before, self.slack.stamp())
        else:
            self._show(url.channel, url.user, payload)
        return 200, "ok"

    def _show(self, channel: str, user: str, payload: dict[str, Any]) -> None:
        place = self.slack.channels[channel]
        message = chat.compose(self.slack, Call(method="response_url", args=payload), place)
        message.thread_ts = payload.get("thread_ts")
        if payload.get("response_type") == "in_channel":
            chat.publish(self.slack, place, message)
        else:
            chat.whisper(self.slack, place, message, user)

    def _response_url(self, channel: str, user: str, message_ts: str) -> str:
        key = f"{self.slack.dice.getrandbits(96):x}"
        made_at = self.slack.clock()
        self.response_urls[key] = ResponseUrl(channel=channel, user=user, message_ts=message_ts, made_at=made_at)
        return f"{self.slack.origin}/response/{key}"

    def _channel(self, name: str) -> Channel:
        """A channel by id or name, or the DM of a person by the person's id."""
        if name in self.slack.channels:
            return self.slack.channels[name]
        if name in self.slack.users and name != BOT_USER:
            return self.slack.direct(name)
        for channel in self.slack.channels.values():
            if channel.kind != "im" and channel.name == name.lstrip("#"):
                return channel
        raise KeyError(name)


def _element(message: Message, action_id: str) -> tuple[str, dict[str, Any]]:
    return _found(message.blocks, action_id)


def _found(blocks: list[dict[str, Any]], action_id: str) -> tuple[str, dict[str, Any]]:
    for block in blocks:
        candidates = [*block.get("elements", []), block.get("accessory") or {}]
        for element in candidates:
            if element.get("action_id") == action_id:
                return block.get("block_id", "block"), element
    raise KeyError(action_id)
