"""The demo page's server: the files of the page, one stream of events, and the controls of the simulators."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp
from aiohttp import web

from simulators.demo.board import Board
from simulators.demo.breaks import Breaks, NotNow

PAGE = Path(__file__).parent / "page"
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
LOCAL = ("127.0.0.1", "localhost", "::1")
MOST_BODY = 1 << 20

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BOARD = web.AppKey("board", Board)
URLS: web.AppKey[Mapping[str, str]] = web.AppKey("urls")
BREAKS = web.AppKey("breaks", Breaks)
CLIENT = web.AppKey("client", aiohttp.ClientSession)


def application(board: Board, urls: Mapping[str, str], breaks: Breaks) -> web.Application:
    """The page for this board; `urls` are the simulators by name, `breaks` is what its buttons can break."""
    app = web.Application(middlewares=[only_this_page], client_max_size=MOST_BODY)
    app[BOARD], app[URLS], app[BREAKS] = board, urls, breaks
    app.add_routes(
        [
            web.get("/", index),
            web.get("/events", events),
            web.post("/breaks/{name}", press),
            web.route("*", "/{simulator:telegram|slack|coze}/control/{rest:.+}", control),
            web.static("/page", PAGE),
        ]
    )
    app.on_response_prepare.append(_sign)
    app.on_shutdown.append(_close)
    app.cleanup_ctx.append(_client)
    return app


@web.middleware
async def only_this_page(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Another site that is open in the same browser can neither read the demo nor write to it."""
    try:
        host = request.url.host
    except ValueError:
        host = None
    if host not in LOCAL or request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return web.Response(status=403, text="Open the demo by its own address, on this machine.\n")
    return await handler(request)


async def _sign(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update({name: value for name, value in HEADERS.items() if name not in response.headers})


async def _close(app: web.Application) -> None:
    app[BOARD].close()


async def _client(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as client:
        app[CLIENT] = client
        yield


async def index(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / "index.html")


async def events(request: web.Request) -> web.StreamResponse:
    """`GET /events`: every item of the board, then each change, as server-sent events."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    with suppress(ConnectionResetError):
        async for items in request.app[BOARD].follow():
            lines = [f"data: {json.dumps(item, ensure_ascii=False)}\n\n" for item in items]
            await response.write("".join(lines or [": still here\n\n"]).encode())
    return response


async def press(request: web.Request) -> web.Response:
    """`POST /breaks/{flood|cut|kill|down}`: breaks it, or says with a word why that is not possible now."""
    try:
        place = await request.json() if await request.read() else {}
        request.app[BREAKS].press(request.match_info["name"], place, time.time())
    except NotNow as why:
        return web.json_response({"ok": False, "error": str(why)})
    except (ValueError, TypeError, AttributeError) as problem:
        return web.json_response({"ok": False, "error": str(problem)}, status=400)
    return web.json_response({"ok": True})


async def control(request: web.Request) -> web.Response:
    """Hands a control call on to the simulator that it names; the feeds are read at /events."""
    name, rest = request.match_info["simulator"], request.match_info["rest"]
    base = request.app[URLS].get(name)
    if base is None or rest == "events" or ".." in rest.split("/"):
        raise web.HTTPNotFound
    call = request.app[CLIENT].request(
        request.method,
        f"{base}/control/{rest}",
        params=request.query,
        data=await request.read() or None,
        headers={"Content-Type": "application/json"},
    )
    try:
        async with call as response:
            return web.Response(
                status=response.status, body=await response.read(), content_type=response.content_type, charset="utf-8"
            )
    except aiohttp.ClientError as error:
        return web.json_response({"ok": False, "error": f"{type(error).__name__}: {error}"}, status=502)
