"""What a token sees at Coze: workspaces and the bots in them; and the publishing of one to the API channel."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import cozepy

from adapters.coze.wire import Api
from bridge.errors import BotFailed

API_CHANNEL = "1024"
"""The id of the channel over which we talk to bots (Agent as API)."""
PAGE_SIZE = 20
"""The most that all versions of the lists take (their documents name 20 to 50)."""
MOST_PAGES = 500
ELSEWHERE = frozenset({404, 405})
"""Codes of a server that does not have a call: Coze Studio."""
READ_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A place of bots that the token may look into."""

    id: str
    name: str
    role: str = ""
    """`owner`, `admin` or `member`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A bot."""

    id: str
    name: str
    workspace: str
    """Name of its workspace."""
    published: bool
    """To the API channel: we can talk to it."""


@asynccontextmanager
async def reached(api_base: str, auth: cozepy.Auth) -> AsyncIterator[Api]:
    """That Coze, for a few calls."""
    api = Api(api_base, auth, read_seconds=READ_SECONDS)
    try:
        yield api
    finally:
        await api.aclose()
        if close := getattr(auth, "aclose", None):
            await close()


async def workspaces(api: Api) -> list[Workspace]:
    """All that the token sees. Raises what a call raises."""
    found = await _all(api, "/v1/workspaces", {}, "workspaces", "id")
    return [
        Workspace(id=str(row["id"]), name=str(row.get("name") or row["id"]), role=str(row.get("role_type") or ""))
        for row in found
    ]


async def bots(api: Api, workspace: Workspace) -> list[Listed]:
    """All bots of that workspace, those that can be talked to first. Raises what a call raises.

    The newer of the two lists has drafts as well, but does not say to which channels a bot is published; the older one
    has those that are published to the API channel. Either may be missing, or not be permitted.
    """
    older = await _or_none(
        _all(api, "/v1/space/published_bots_list", {"space_id": workspace.id}, "space_bots", "bot_id")
    )
    asked = {"workspace_id": workspace.id, "publish_status": "all"}
    newer = await _or_none(_all(api, "/v1/bots", asked, "items", "id"))
    if older is None and newer is None:
        # For the reason why.
        await _all(api, "/v1/bots", asked, "items", "id")
    names = {str(row["bot_id"]): str(row.get("bot_name") or "") for row in older or ()}
    public = set(names)
    for row in newer or ():
        bot = str(row["id"])
        names[bot] = names.get(bot) or str(row.get("name") or "")
        if older is None and row.get("is_published"):
            public.add(bot)
    found = [
        Listed(id=bot, name=name or bot, workspace=workspace.name, published=bot in public)
        for bot, name in names.items()
    ]
    return sorted(found, key=lambda bot: not bot.published)


async def publish(api: Api, bot_id: str) -> None:
    """Publishes the draft as it is now, to the API channel. Raises what a call raises."""
    await api.call("POST", "/v1/bot/publish", body={"bot_id": bot_id, "connector_ids": [API_CHANNEL]})


async def _or_none(listing: Any) -> list[dict[str, Any]] | None:
    try:
        found: list[dict[str, Any]] = await listing
    except BotFailed as failed:
        if failed.code not in ELSEWHERE and failed.say != "permission":
            raise
        return None
    return found


async def _all(api: Api, path: str, asked: dict[str, str], name: str, key: str) -> list[dict[str, Any]]:
    """All pages. The number of the page goes by the name that the documents have and by the one that cozepy sends;
    a server that knows neither says the same again and again, which ends it.
    """
    found: dict[str, dict[str, Any]] = {}
    for number in range(1, MOST_PAGES + 1):
        page = {"page_num": str(number), "page_index": str(number), "page_size": str(PAGE_SIZE)}
        answered, _ = await api.call("GET", path, params=asked | page)
        data = answered.get("data")
        rows = data.get(name) if isinstance(data, dict) else None
        new = {
            str(row[key]): row
            for row in (rows if isinstance(rows, list) else ())
            if isinstance(row, dict) and row.get(key) and str(row[key]) not in found
        }
        found |= new
        if not new:
            break
    return list(found.values())
