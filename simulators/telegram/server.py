"""The HTTP face of the simulated Bot API: tokens, parameters, faults, flood control, and answers in its own words."""

import asyncio
import inspect
from typing import Any

from aiohttp import web

from simulators.telegram import messages
from simulators.telegram.errors import ApiError, flooded, from_text
from simulators.telegram.methods import METHODS, Method
from simulators.telegram.model import Call
from simulators.telegram.params import Params, read
from simulators.telegram.webhook import Told, Webhook
from simulators.telegram.world import World
from simulators.wire import Fault

UNKNOWN_METHOD = ApiError(404, "Not Found: method not found")
BAD_GATEWAY = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>502 Bad Gateway</body>\r\n</html>\r\n"


class Server:
    """Answers `/bot<token>/<method>` and `/file/bot<token>/<path>`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.webhook = Webhook(world, self._perform_by_name)
        world.updates.arrived.append(self.webhook.kick)
        self._methods: dict[str, tuple[str, Method]] = {
            name.lower(): (name, method) for name, method in {**METHODS, **self._delivery_methods()}.items()
        }

    def _delivery_methods(self) -> dict[str, Method]:
        async def get_updates(world: World, params: Params) -> Any:
            return await world.updates.fetch(params, webhook=bool(self.webhook.settings.url))

        return {
            "getUpdates": get_updates,
            "setWebhook": self.webhook.set,
            "deleteWebhook": self.webhook.delete,
            "getWebhookInfo": self.webhook.info,
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/bot{token}/{method}", self.call),
            web.get("/file/bot{token}/{path:.+}", self.download),
            web.route("*", "/{rest:.*}", self.nowhere),
        ]

    async def close(self, _app: web.Application) -> None:
        """Lets long polls end and stops deliveries."""
        self.world.updates.end_poll("")
        await self.webhook.aclose()

    async def nowhere(self, _request: web.Request) -> web.Response:
        return _failure(ApiError(404, "Not Found"))

    async def download(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request.match_info["token"])
        if refusal is not None:
            return _failure(refusal)
        path = request.match_info["path"]
        self.world.fetched.append(path)
        self.world.publish("download", path=path)
        match self.world.faults.take("download"):
            case Fault(kind="hang", seconds=seconds):
                await asyncio.sleep(seconds)
            case Fault(kind="reset"):
                if request.transport is not None:
                    request.transport.close()
            case Fault(kind="redirect", value=elsewhere):
                raise web.HTTPFound(elsewhere)
            case Fault(value=status):
                return _failure(ApiError(int(status or 502), "Bad Gateway"))
        for file in self.world.files.values():
            if file.path == path:
                return web.Response(body=file.data, content_type="application/octet-stream")
        return _failure(ApiError(404, "Not Found: file not found"))

    def _refusal(self, token: str) -> ApiError | None:
        if ":" not in token or token.startswith("0") or len(token) > 80:
            return ApiError(401, "Unauthorized: invalid token specified")
        if token != self.world.token:
            return ApiError(401, "Unauthorized")
        return ApiError(400, "Logged out") if self.world.logged_out else None

    async def call(self, request: web.Request) -> web.Response:
        """One call of the Bot API."""
        refusal = self._refusal(request.match_info["token"])
        known = self._methods.get(request.match_info["method"].lower())
        if refusal is not None or known is None:
            return _failure(refusal or UNKNOWN_METHOD)
        name, method = known
        try:
            params = await read(request)
        except ApiError as error:
            return _failure(error)
        call = self.world.note(name, params, request.headers.get("User-Agent", ""))
        if name in self.world.unknown_methods:
            self.world.answered(call, UNKNOWN_METHOD)
            return _failure(UNKNOWN_METHOD)
        fault = self.world.faults.take(name, params.chat or "*")
        call.fault = fault.kind if fault else ""
        if fault is not None and fault.kind == "reset":
            return self._cut(request, call)
        if fault is not None and fault.kind == "error_502_html":
            self.world.answered(call, ApiError(502, "Bad Gateway"))
            return web.Response(status=502, text=BAD_GATEWAY, content_type="text/html")
        if fault is not None and fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        answer = await self._perform(call, method, params, self._fault_error(fault, call))
        if fault is not None and fault.kind == "hang_after_commit":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "drop_response_after_commit":
            return self._cut(request, call)
        return answer

    async def _perform(self, call: Call, method: Method, params: Params, error: ApiError | None) -> web.Response:
        try:
            if error is not None:
                raise error
            await self._pass_flood_control(call)
            result = method(self.world, params)
            if inspect.isawaitable(result):
                result = await result
        except ApiError as failure:
            self.world.answered(call, failure)
            return _failure(failure)
        self.world.answered(call)
        if isinstance(result, Told):
            return web.json_response({"ok": True, "result": result.result, "description": result.description})
        return web.json_response({"ok": True, "result": result})

    async def _perform_by_name(self, name: str, params: Params) -> None:
        """A call that came in the answer to a webhook; nobody sees its result."""
        known = self._methods.get(name.lower())
        if known is not None:
            await self._perform(self.world.note(known[0], params), known[1], params, None)

    async def _pass_flood_control(self, call: Call) -> None:
        verdict = self.world.flood.admit(call.method, call.chat, self.world.now(), call.client)
        if verdict.retry_after:
            raise flooded(verdict.retry_after)
        if verdict.wait:
            await asyncio.sleep(verdict.wait)

    def _fault_error(self, fault: Fault | None, call: Call) -> ApiError | None:
        """The error that a fault asks for, if it is one of that kind."""
        match fault:
            case Fault(kind="flood"):
                seconds = fault.seconds or 3.0
                verdict = self.world.flood.impose(call.method, call.chat, seconds, self.world.now(), call.client)
                return flooded(verdict.retry_after)
            case Fault(kind="error_500"):
                return ApiError(500, fault.value or "Internal Server Error")
            case Fault(kind="not_found_message"):
                return messages.missing(call.method)
            case Fault(kind="block_user"):
                return ApiError(403, "Forbidden: bot was blocked by the user")
            case Fault(kind="unauthorized"):
                return ApiError(401, "Unauthorized")
            case Fault(kind="error"):
                return from_text(fault.value)
        return None

    def _cut(self, request: web.Request, call: Call) -> web.Response:
        """Closes the connection without an answer; what is returned reaches nobody."""
        call.status = 0
        self.world.touch()
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


def _failure(error: ApiError) -> web.Response:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return web.json_response(error.body(), status=error.code, headers=headers)
