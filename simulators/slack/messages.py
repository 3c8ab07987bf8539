"""A message with everything that was ever visible of it."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(slots=True, kw_only=True)
class Version:
    """What could be seen from `at` on, by `seen_by` (`*`, or the one person who watches a stream live)."""

    at: float
    text: str
    """As the sender wrote it: Markdown, or the `text` argument."""
    blocks: list[dict[str, Any]]
    mrkdwn: str
    seen_by: str
    pings: dict[str, list[str]]


@dataclass(slots=True, kw_only=True)
class Stream:
    """The streaming state of a message."""

    state: str = "streaming"
    """`streaming`, `stopped`, `stopped_by_user` or `expired`."""
    mode: str = ""
    """`text` or `chunks`, fixed by the first payload."""
    started_at: float
    size: int = 0
    """Weighted bytes so far."""
    recipient: str = ""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    plan: str = ""


@dataclass(slots=True, kw_only=True)
class Message:
    channel: str
    ts: str
    user: str
    team: str
    raw: str = ""
    """As sent; of Markdown blocks their text, as people see those and not the text beside them."""
    text: str = ""
    """As Slack stores it."""
    markdown: bool = False
    """Sent as `markdown_text`, which Slack stores as rich text."""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    thread_ts: str | None = None
    subtype: str | None = None
    bot_id: str = ""
    app_id: str = ""
    client_msg_id: str = ""
    metadata: dict[str, Any] | None = None
    edited: dict[str, str] | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    ringing: dict[str, Any] = field(default_factory=dict)
    """Arguments that make bare names ring: `link_names`, `parse`."""
    ephemeral_to: str = ""
    stream: Stream | None = None
    versions: list[Version] = field(default_factory=list)
    deleted_at: float | None = None
    tombstone: bool = False

    @property
    def pings(self) -> dict[str, list[str]]:
        """Everybody whom any version of this message notified."""
        seen: dict[str, list[str]] = {"broadcast": [], "users": []}
        for version in self.versions:
            for kind, names in version.pings.items():
                seen[kind] += [name for name in names if name not in seen[kind]]
        return seen

    def api(self) -> dict[str, Any]:
        """As the Web API and events show it."""
        if self.tombstone:
            gone = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": self.ts, "hidden": True}
            return {**gone, "text": "This message was deleted.", "thread_ts": self.thread_ts or self.ts}
        shown: dict[str, Any] = {"type": "message", "user": self.user, "text": self.text, "ts": self.ts}
        shown["team"] = self.team
        shown["blocks"] = self.blocks or ([] if self.subtype else [rich_text(self.text)])
        if self.bot_id:
            shown["bot_profile"] = {"id": self.bot_id, "app_id": self.app_id, "name": self.user, "team_id": self.team}
        optional = ("subtype", "bot_id", "app_id", "client_msg_id", "thread_ts", "attachments", "edited", "metadata")
        shown |= {name: value for name in optional if (value := getattr(self, name))}
        if self.files:
            shown |= {"files": self.files, "upload": False}
        if self.stream and self.stream.state == "streaming":
            shown["streaming_state"] = "in_progress"
        if self.reactions:
            shown["reactions"] = [{"name": n, "users": u, "count": len(u)} for n, u in self.reactions.items()]
        return shown

    def show(self, *, newest_only: bool = False) -> dict[str, Any]:
        """As the demo page and tests see it: with versions, or the newest of them, pings and the stream."""
        shown = asdict(replace(self, versions=self.versions[-1:]) if newest_only else self)
        shown["pings"] = self.pings
        return shown


def rich_text(text: str) -> dict[str, Any]:
    """The block that Slack makes of plain text or Markdown."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "block_id": "rich", "elements": [section]}
