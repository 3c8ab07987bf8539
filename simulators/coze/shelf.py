"""What the simulated account has: workspaces, and in them bots that are published to the API channel or not."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from simulators.coze.envelope import RefusedError, answered, body_of
from simulators.coze.state import World

API_CHANNEL = "1024"


@dataclass(slots=True, kw_only=True)
class ShelvedBot:
    id: str
    name: str
    workspace: str
    connectors: set[str] = field(default_factory=set)
    """Channels that it is published to."""


@dataclass(slots=True, kw_only=True)
class Shelf:
    world: World
    workspaces: dict[str, str] = field(default_factory=lambda: {"7300000000000000001": "Personal"})
    more: list[ShelvedBot] = field(default_factory=list)
    """Bots beside the one that can be talked to."""
    repeats: bool = False
    """The second version of the list of bots knows no `page_index`, as it is documented: page 1 again and again."""
    most: int = 20
    """On one page."""

    @property
    def bots(self) -> list[ShelvedBot]:
        connectors = {API_CHANNEL} if self.world.published else set()
        first = next(iter(self.workspaces), "")
        own = ShelvedBot(id=self.world.bot_id, name="助手 Simulated", workspace=first, connectors=connectors)
        return ([own] if first else []) + self.more


STATE: web.AppKey[Shelf] = web.AppKey("shelf", Shelf)


def _page(request: web.Request, found: list[Any], name: str, most: int) -> list[Any]:
    size = min(int(request.query.get("page_size") or 20), most)
    number = int(request.query.get(name) or 1)
    return found[(number - 1) * size : number * size]


async def workspaces(request: web.Request) -> web.StreamResponse:
    shelf = request.app[STATE]
    listed = [
        {"id": key, "name": name, "icon_url": "", "role_type": "owner", "workspace_type": "team", "enterprise_id": ""}
        for key, name in shelf.workspaces.items()
    ]
    data = {"workspaces": _page(request, listed, "page_num", shelf.most), "total_count": len(listed)}
    return answered(request, data=data)


async def bots(request: web.Request) -> web.StreamResponse:
    """Version 2: drafts as well. cozepy says `page_index`, the documents `page_num`."""
    shelf, workspace = request.app[STATE], request.query.get("workspace_id", "")
    if workspace not in shelf.workspaces:
        raise RefusedError(4101)
    listed = [
        {
            "id": bot.id,
            "name": bot.name,
            "description": "",
            "icon_url": "",
            "is_published": bool(bot.connectors),
            "owner_user_id": "1",
            "updated_at": 1718792949,
        }
        for bot in shelf.bots
        if bot.workspace == workspace and (request.query.get("publish_status") != "published_online" or bot.connectors)
    ]
    name = "page_num" if "page_num" in request.query and not shelf.repeats else "page_index"
    page = listed[: shelf.most] if shelf.repeats else _page(request, listed, name, shelf.most)
    return answered(request, data={"items": page, "total": len(listed)})


async def published(request: web.Request) -> web.StreamResponse:
    """Version 1: those that are published to the API channel."""
    shelf, workspace = request.app[STATE], request.query.get("space_id", "")
    if workspace not in shelf.workspaces:
        raise RefusedError(4101)
    listed = [
        {"bot_id": bot.id, "bot_name": bot.name, "description": "", "icon_url": "", "publish_time": "1718792949"}
        for bot in shelf.bots
        if bot.workspace == workspace and API_CHANNEL in bot.connectors
    ]
    page = _page(request, listed, "page_index", shelf.most)
    return answered(request, data={"space_bots": page, "total": len(listed)})


async def publish(request: web.Request) -> web.StreamResponse:
    shelf, body = request.app[STATE], await body_of(request)
    found = next((bot for bot in shelf.bots if bot.id == body.get("bot_id")), None)
    if found is None:
        raise RefusedError(4200, f"Requested resource bot_id={body.get('bot_id')} does not exist.")
    connectors = {str(connector) for connector in body.get("connector_ids") or ()}
    found.connectors |= connectors
    if found.id == shelf.world.bot_id and API_CHANNEL in connectors:
        shelf.world.published = True
    shelf.world.publish("published", bot=found.id)
    return answered(request, data={"bot_id": found.id, "version": "1718792949070"})


ROUTES = [
    web.get("/v1/workspaces", workspaces),
    web.get("/v1/bots", bots),
    web.get("/v1/space/published_bots_list", published),
    web.post("/v1/bot/publish", publish),
]
