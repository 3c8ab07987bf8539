"""Every switch of the Slack simulator that a test may set before or while it runs."""

from dataclasses import dataclass, field, fields
from typing import Any

SUBSCRIPTIONS = frozenset(
    {
        "agent_session_stopped",
        "agent_session_title_changed",
        "app_context_changed",
        "app_home_opened",
        "app_mention",
        "app_uninstalled",
        "message.channels",
        "message.groups",
        "message.im",
        "message.mpim",
        "tokens_revoked",
    }
)

SCOPES = frozenset(
    {
        "app_mentions:read",
        "assistant:write",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "im:history",
        "im:write",
        "mpim:history",
        "reactions:write",
        "users:read",
    }
)


@dataclass(slots=True, kw_only=True)
class Settings:
    """How this Slack behaves where the real one is configurable, undocumented or in flux."""

    request_url: str = ""
    """Where events go over HTTP; empty means Socket Mode."""
    subscriptions: set[str] = field(default_factory=lambda: set(SUBSCRIPTIONS))
    scopes: set[str] = field(default_factory=lambda: set(SCOPES))
    token_error: str = ""
    """Answer to every call with the bot token: `token_revoked`, `token_expired`, `account_inactive`."""

    ack_seconds: float = 3.0
    """How long a delivery waits for its acknowledgement, over either transport."""
    retry_delays: tuple[float, ...] = (0.0, 60.0, 300.0)
    time_scale: float = 1.0
    """Multiplies `retry_delays` and `warn_seconds`."""
    warn_seconds: float = 10.0
    """How long a socket stays open after its `disconnect` warning."""
    ping_seconds: float = 10.0
    ticket_seconds: float = 30.0
    same_socket_acks: bool = False
    """Count an acknowledgement only on the socket that carried the envelope."""
    twin_gap: float = 0.01
    """Longest pause in seconds between the two events of one mention."""
    own_events: bool = True
    """Send the app the `message` events of its own posts, edits and deletes too."""
    signature_age: float = 0.0
    """Seconds by which the timestamp of a signed request lies in the past."""
    tamper: bool = False
    """Change the body of a signed request after signing it."""

    app_scopes: set[str] = field(default_factory=lambda: {"connections:write"})
    """Of the app-level token."""
    stream_ttl: float = 300.0
    stream_bytes: int = 10_600
    """Largest sum of UTF-8 bytes of one stream; details and output of tasks count twice."""
    status_ttl: float = 120.0
    session_ttl: float = 3600.0
    strict_threads: bool = True
    """Refuse a `thread_ts` that is not a root message; otherwise the message is posted at top level."""
    code_pings: bool = True
    """Count mention tokens inside code as pings too."""
    block_mismatch: bool = False
    """Refuse to replace a Markdown message with plain blocks."""
    edit_window_closed: bool = False
    agents: bool = True
    """The Agents feature; without it prompts and titles answer `not_agent_app`."""
    sessions: bool = True
    """Agent sessions; without them `agents.sessions.*` answers `feature_disabled`."""
    home_tab: bool = True
    messages_tab: bool = True
    trigger_seconds: float = 3.0
    upload_seconds: float = 0.2
    """How long after `files.completeUploadExternal` the message appears."""
    upload_status: int = 200
    """What the address answers that takes the bytes of an upload."""

    download_status: int = 200
    """What the address of a file answers to who may have it."""
    cdn: str = ""
    """Another server, to which downloads are redirected."""

    def change(self, **values: Any) -> None:
        """Sets the named switches; lists become what the switch is made of."""
        known = {item.name for item in fields(self)}
        if unknown := set(values) - known:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        for name, value in values.items():
            kind = type(getattr(self, name))
            setattr(self, name, kind(value) if kind in (set, tuple, float) else value)
