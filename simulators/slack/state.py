"""The workspace: people, channels, messages with the history of what was visible, and who listens to changes."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from simulators.slack import text as texts
from simulators.slack.calls import SlackError
from simulators.slack.limits import Limits
from simulators.slack.messages import Message, Version
from simulators.slack.settings import Settings
from simulators.wire import Feed

TEAM, APP, BOT_USER, BOT = "TCOZE", "ACOZE", "UBOT", "BBOT"
KINDS = {"im": "im", "channel": "channels", "private": "groups", "mpim": "mpim"}
"""Kind of channel → the suffix of its `message.*` subscription."""


@dataclass(slots=True, kw_only=True)
class User:
    id: str
    name: str
    real_name: str = ""
    team: str = TEAM
    is_bot: bool = False
    bot_id: str = ""
    is_restricted: bool = False
    """A guest in several channels."""
    is_ultra_restricted: bool = False
    """A guest in one channel."""
    is_stranger: bool = False
    """Of another organisation, and in no channel with the app."""
    deleted: bool = False
    """Deactivated: the account stays and nobody can use it."""
    grid_teams: tuple[str, ...] = ()
    """In an Enterprise Grid: all workspaces that the person belongs to."""
    tz: str = "Europe/London"
    locale: str = "en-GB"

    def api(self) -> dict[str, Any]:
        real_name = self.real_name or self.name.title()
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "real_name": real_name,
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "is_restricted": self.is_restricted or self.is_ultra_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            **({"is_stranger": True} if self.is_stranger else {}),
            **({"enterprise_user": {"teams": list(self.grid_teams)}} if self.grid_teams else {}),
            "tz": self.tz,
            "profile": {"display_name": self.name, "real_name": real_name, "team": self.team},
        }


@dataclass(slots=True, kw_only=True)
class Channel:
    id: str
    name: str
    kind: str = "channel"
    members: set[str] = field(default_factory=set)
    is_archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    ephemeral: list[Message] = field(default_factory=list)

    def api(self) -> dict[str, Any]:
        is_im = self.kind == "im"
        partner = next((user for user in sorted(self.members) if user != BOT_USER), "")
        return {
            "id": self.id,
            **({"user": partner} if is_im else {"name": self.name, "num_members": len(self.members)}),
            "is_channel": self.kind == "channel",
            "is_group": self.kind == "private",
            "is_im": is_im,
            "is_mpim": self.kind == "mpim",
            "is_private": self.kind != "channel",
            "is_archived": self.is_archived,
            "is_member": BOT_USER in self.members,
            "created": 1_700_000_000,
        }

    def root(self, ts: str) -> Message | None:
        """The message with this ts if a thread may hang on it."""
        message = self.messages.get(ts)
        return message if message and message.thread_ts in (None, ts) and self.standing(message) else None

    def standing(self, message: Message) -> bool:
        return message.deleted_at is None or message.tombstone

    def replies(self, root: str) -> list[Message]:
        return [m for m in self.messages.values() if m.thread_ts == root and m.ts != root and m.deleted_at is None]


@dataclass(slots=True, kw_only=True)
class Workspace:
    """All that one Slack workspace with one app installed knows."""

    settings: Settings = field(default_factory=Settings)
    limits: Limits = field(default_factory=Limits)
    feed: Feed = field(default_factory=Feed)
    clock: Callable[[], float] = time.time
    dice: random.Random = field(default_factory=random.Random)
    origin: str = ""
    """Address of this server, learnt from the requests that it gets."""
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    statuses: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    sessions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    titles: dict[tuple[str, str], str] = field(default_factory=dict)
    prompts: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    triggers: dict[str, float] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    """The files that somebody downloaded, or tried to."""
    contents: dict[str, bytes] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    """What the app did that Slack would put up with but should not see."""
    emit: Callable[[dict[str, Any]], None] = lambda _event: None
    """Hands an event to the app; set by the deliveries."""
    _last: int = 0
    _serial: int = 0

    def stamp(self) -> str:
        """A new message timestamp: later than every other, close to the clock."""
        self._last = max(self._last + 1, int(self.clock() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def serial(self, prefix: str) -> str:
        """A new identifier."""
        self._serial += 1
        return f"{prefix}{self._serial:08d}"

    def add_user(self, name: str, id: str = "", **more: Any) -> User:
        user = User(id=id or self.serial("U"), name=name, **more)
        if user.is_bot and not user.bot_id:
            user.bot_id = "B" + user.id[1:]
        self.users[user.id] = user
        return user

    def add_channel(
        self, name: str, id: str = "", kind: str = "channel", members: Iterable[str] = (), bot_member: bool = True
    ) -> Channel:
        """A new channel, private channel (`private`), group DM (`mpim`) or DM (`im`)."""
        if kind not in KINDS:
            raise ValueError(f"unknown kind of channel: {kind}")
        prefix = {"im": "D", "channel": "C"}.get(kind, "G")
        channel = Channel(id=id or self.serial(prefix), name=name, kind=kind, members=set(members))
        if bot_member or kind == "im":
            channel.members.add(BOT_USER)
        self.channels[channel.id] = channel
        return channel

    def direct(self, user: str) -> Channel:
        """The DM between the app and this person, opened if need be."""
        for channel in self.channels.values():
            if channel.kind == "im" and channel.members == {user, BOT_USER}:
                return channel
        return self.add_channel(self.users[user].name, kind="im", members=[user])

    def channel(self, name: str) -> Channel:
        """The channel that the app means by an id, a name or a person's id, if the app may see it."""
        found = self.channels.get(name)
        if found is None and name in self.users:
            found = self.direct(name)
        if found is None:
            found = next((c for c in self.channels.values() if c.kind != "im" and c.name == name.lstrip("#")), None)
        if found is None or (found.kind != "channel" and BOT_USER not in found.members):
            raise SlackError("channel_not_found")
        return found

    def writable(self, name: str) -> Channel:
        """The same, if the app may also write there."""
        channel = self.channel(name)
        if BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
        if channel.is_archived:
            raise SlackError("is_archived")
        if channel.kind == "im" and not self.settings.messages_tab:
            raise SlackError("messages_tab_disabled")
        return channel

    def ring(self, **sinks: Any) -> dict[str, list[str]]:
        return texts.pings(sinks, code=self.settings.code_pings)

    def record(self, message: Message, kind: str, *, seen_by: str = "*") -> None:
        """Writes down what is visible from now on, and tells everybody who listens."""
        if kind == "delete":
            message.deleted_at = self.clock()
        else:
            message.versions.append(
                Version(
                    at=self.clock(),
                    text=message.raw,
                    blocks=list(message.blocks),
                    mrkdwn=message.text,
                    seen_by=seen_by,
                    pings=self.ring(
                        **({"markdown_text": message.raw} if message.markdown else {"text": message.text}),
                        blocks=message.blocks,
                        attachments=message.attachments,
                        **message.ringing,
                    ),
                )
            )
        self.feed.publish(kind, message=message.show(newest_only=True))

    def clear_status(self, channel: str, thread_ts: str | None) -> None:
        if thread_ts and self.statuses.pop((channel, thread_ts), None):
            self.feed.publish("status", channel=channel, thread_ts=thread_ts, status="", loading_messages=[])

    def status(self, channel: str, thread_ts: str) -> dict[str, Any] | None:
        """The status line of a thread, unless it has run out."""
        status = self.statuses.get((channel, thread_ts))
        return status if status and status["expires_at"] > self.clock() else None

    def set_session(self, channel: str, thread_ts: str, status: str, title: str = "") -> dict[str, Any]:
        """Opens or changes the agent session of a thread."""
        old = self.sessions.get((channel, thread_ts), {})
        session = {
            "status": status,
            "title": old.get("title") or title,
            "expires_at": self.clock() + self.settings.session_ttl,
        }
        self.sessions[channel, thread_ts] = session
        self.feed.publish("status", channel=channel, thread_ts=thread_ts, session=status)
        return session

    def session(self, channel: str, thread_ts: str) -> dict[str, Any] | None:
        """The agent session of a thread; `processing` falls back to `active` when its time is over."""
        session = self.sessions.get((channel, thread_ts))
        if session and session["status"] == "processing" and session["expires_at"] <= self.clock():
            session["status"] = "active"
        return session

    def trigger(self) -> str:
        """A new trigger id, good once and for a short time."""
        trigger = f"{self.serial('')}.{TEAM}.{self.dice.getrandbits(64):x}"
        self.triggers[trigger] = self.clock()
        return trigger
