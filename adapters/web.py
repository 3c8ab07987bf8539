"""The HTTP server: health, readiness, metrics, and the paths that platforms call."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from bridge.errors import ConfigError
from bridge.ports import Mount, Visit

MAX_BODY = 1 << 20
"""Bytes; larger webhook calls get 413."""
BODY_SECONDS = 15.0
"""For so long a body may take to come in; then it gets 408."""

Ready = Callable[[], Awaitable[list[str]]]
"""Why we are not ready, one reason a line; empty if we are."""
Show = Callable[[], Awaitable[bytes]]


def application(
    mounts: Mapping[str, Mount], *, ready: Ready, metrics: Show, visits: Mapping[str, Visit] | None = None
) -> web.Application:
    """Answers the three paths for operators, POSTs at `mounts` and browsers at `visits`; everything else is 404."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_request: web.Request) -> web.Response:
        reasons = await ready()
        status = "not ready" if reasons else "ready"
        return web.json_response({"status": status, "reasons": reasons}, status=503 if reasons else 200)

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=await metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application(client_max_size=MAX_BODY)
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", show)])
    app.add_routes([web.post(path, _answering(mount)) for path, mount in mounts.items()])
    app.add_routes([web.get(path, _receiving(visit), allow_head=False) for path, visit in (visits or {}).items()])
    return app


def _receiving(visit: Visit) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        reply = await visit(dict(request.query), request.headers.get("Accept-Language", ""))
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)

    return answer


def _answering(mount: Mount) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        reply = await mount(headers, body)
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)

    return answer


async def serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Listens. Raises ConfigError if the address cannot be had. The caller cleans the runner up."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except (OSError, OverflowError) as error:
        async with asyncio.timeout(10):
            await runner.cleanup()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"HTTP_LISTEN: cannot listen on {host}:{port} ({reason}); choose a free address") from None
    return runner
