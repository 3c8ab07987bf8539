"""The table of Web API methods: what runs, what it needs, and which scope and token it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulators.slack import assistant, chat, directory, files, streams, views
from simulators.slack.calls import Call
from simulators.slack.state import Workspace

Run = Callable[[Workspace, Call], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Method:
    run: Run
    required: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    """Any one of these is enough."""
    app_token: bool = False


WRITE = ("chat:write",)
READ = ("channels:history", "groups:history", "im:history", "mpim:history")
LOOK = ("channels:read", "groups:read", "im:read", "mpim:read")
REACT = ("reactions:write",)

METHODS = {
    "agents.sessions.rename": Method(assistant.session_rename, ("channel_id", "title"), WRITE),
    "agents.sessions.setStatus": Method(assistant.session_set_status, ("channel_id", "status"), WRITE),
    "assistant.threads.setStatus": Method(
        assistant.set_status, ("channel_id", "thread_ts", "status"), ("chat:write", "assistant:write")
    ),
    "assistant.threads.setSuggestedPrompts": Method(
        assistant.set_suggested_prompts, ("channel_id", "prompts"), ("assistant:write",)
    ),
    "assistant.threads.setTitle": Method(
        assistant.set_title, ("channel_id", "thread_ts", "title"), ("assistant:write",)
    ),
    "auth.test": Method(directory.auth_test),
    "bots.info": Method(directory.bots_info, ("bot",), ("users:read",)),
    "chat.appendStream": Method(streams.append, ("channel", "ts"), WRITE),
    "chat.delete": Method(chat.delete, ("channel", "ts"), WRITE),
    "chat.postEphemeral": Method(chat.post_ephemeral, ("channel", "user"), WRITE),
    "chat.postMessage": Method(chat.post_message, ("channel",), WRITE),
    "chat.startStream": Method(streams.start, ("channel",), WRITE),
    "chat.stopStream": Method(streams.stop, ("channel", "ts"), WRITE),
    "chat.update": Method(chat.update, ("channel", "ts"), WRITE),
    "conversations.history": Method(directory.history, ("channel",), READ),
    "conversations.info": Method(directory.info, ("channel",), LOOK),
    "conversations.members": Method(directory.members, ("channel",), LOOK),
    "conversations.open": Method(directory.open_direct, (), ("im:write", "mpim:write")),
    "conversations.replies": Method(directory.replies, ("channel", "ts"), READ),
    "files.completeUploadExternal": Method(files.complete_upload, ("files",), ("files:write",)),
    "files.delete": Method(files.delete, ("file",), ("files:write",)),
    "files.getUploadURLExternal": Method(files.get_upload_url, ("filename", "length"), ("files:write",)),
    "files.info": Method(files.files_info, ("file",), ("files:read",)),
    "reactions.add": Method(directory.react, ("channel", "name", "timestamp"), REACT),
    "reactions.remove": Method(directory.unreact, ("channel", "name", "timestamp"), REACT),
    "team.info": Method(directory.team_info),
    "users.info": Method(directory.users_info, ("user",), ("users:read",)),
    "views.open": Method(views.open_view, ("trigger_id", "view")),
    "views.publish": Method(views.publish_view, ("user_id", "view")),
    "views.push": Method(views.open_view, ("trigger_id", "view")),
    "views.update": Method(views.update_view, ("view_id", "view")),
}
