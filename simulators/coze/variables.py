"""GET and PUT /v1/variables: what a bot remembers of each of its users by name."""

import time

from aiohttp import web

from simulators.coze.envelope import WORLD, RefusedError, answered, body_of, check_bot


async def read(request: web.Request) -> web.StreamResponse:
    """All of that user, or those of `keywords`."""
    world, query = request.app[WORLD], request.query
    check_bot(world, query.get("bot_id", ""))
    known = world.variables.get(query.get("connector_uid", ""), {})
    wanted = [word for word in query.get("keywords", "").split(",") if word]
    now = int(time.time())
    items = [
        {"keyword": name, "value": value, "create_time": now, "update_time": now}
        for name, value in known.items()
        if not wanted or name in wanted
    ]
    return answered(request, data={"items": items})


async def write(request: web.Request) -> web.StreamResponse:
    """Only variables that the bot has (`world.variable_names`; None: whatever is set)."""
    world, body = request.app[WORLD], await body_of(request)
    check_bot(world, str(body.get("bot_id") or ""))
    user, data = body.get("connector_uid"), body.get("data")
    if not isinstance(user, str) or not user or not isinstance(data, list):
        raise RefusedError(4000, "Request parameter error: connector_uid, data")
    rows = [item for item in data if isinstance(item, dict)]
    if not all(isinstance(row.get(key), str) for row in rows for key in ("keyword", "value")):
        raise RefusedError(4000, "Request parameter error: keyword, value")
    values: dict[str, str] = {row["keyword"]: row["value"] for row in rows}
    if world.variable_names is not None and (strange := set(values) - world.variable_names):
        raise RefusedError(4000, f"The bot has no variable {sorted(strange)[0]}")
    world.variables.setdefault(user, {}).update(values)
    world.publish("variables", user=user, values=values)
    return answered(request)


ROUTES = [web.get("/v1/variables", read), web.put("/v1/variables", write)]
