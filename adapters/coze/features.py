"""What a Coze server lacks: a Coze Studio of one's own has fewer calls than the cloud."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from adapters.coze.chats import NO_SUCH_CALL
from adapters.coze.wire import Api
from bridge.errors import BridgeError

SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """Something that we can do only with that call; asked for what does not exist, the call does nothing."""

    name: str
    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None


ACCOUNT = Feature(name="the account", method="GET", path="/v1/users/me")
"""Every Coze in the cloud has it."""
FEATURES = (
    Feature(name="voice messages and spoken answers", method="GET", path="/v1/audio/voices", params={"page_size": "1"}),
    Feature(name="👍 and 👎", method="DELETE", path="/v1/conversations/0/messages/0/feedback"),
    Feature(
        name="tools",
        method="POST",
        path="/v3/chat/submit_tool_outputs",
        params={"conversation_id": "0", "chat_id": "0"},
        body={"tool_outputs": [], "stream": False},
    ),
    Feature(
        name="user variables", method="GET", path="/v1/variables", params={"bot_id": "0", "connector_uid": "doctor"}
    ),
    Feature(name="the list of bots", method="GET", path="/v1/bots", params={"workspace_id": "0", "page_size": "1"}),
)


async def lacking(api: Api) -> list[str]:
    """The names of what that server does not offer; empty for the cloud, and for a server that does not tell."""
    if not await _lacks(api, ACCOUNT):
        return []
    lacks = await asyncio.gather(*(_lacks(api, feature) for feature in FEATURES))
    return [feature.name for feature, lacks_it in zip(FEATURES, lacks, strict=True) if lacks_it]


async def _lacks(api: Api, feature: Feature) -> bool:
    try:
        await api.call(feature.method, feature.path, params=feature.params, body=feature.body, seconds=SECONDS)
    except BridgeError as error:
        return error.code in NO_SUCH_CALL
    return False
