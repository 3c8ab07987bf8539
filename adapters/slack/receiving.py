"""One Bolt app takes everything that Slack sends us, over either transport: accepted first, acknowledged after."""

import logging
from collections.abc import Callable, Mapping

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import Clock as SignatureClock
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import parse
from adapters.slack.parse import Payload, Reading
from bridge.errors import BridgeError
from bridge.ports import Accept, Clock, Meter, Reply

log = logging.getLogger(__name__)
# Bolt warns of variables that it finds in the environment and does not use, and logs what people write at INFO.
_bolt_log = logging.getLogger(f"{__name__}.bolt")
_bolt_log.setLevel(logging.ERROR)

MOST_BYTES = 1 << 20
"""Slack's own requests stay far below."""


class Receiving:
    """What Slack sends, from either transport, on its way to `accept`."""

    def __init__(self, client: AsyncWebClient, me: Reading, *, signing_secret: str, clock: Clock, meter: Meter) -> None:
        self._me = me
        self._clock = clock
        self._meter = meter
        self._told: set[str] = set()
        self._verifier = _verifier(signing_secret, clock.now) if signing_secret else None
        self._bolt = self._app(client)
        self.accept: Accept | None = None
        """Set while we listen."""

    def _app(self, client: AsyncWebClient) -> AsyncApp:
        """Bolt without what it would do by itself.

        Everything goes to `_take`, a middleware that calls no listener: so nothing is unknown (Bolt answers 404 to what
        no listener matches, and Slack repeats it), nothing is acknowledged before `_take` returns, and what it raises
        becomes 500, or over a socket no acknowledgement. `authorize` is given so that Bolt neither asks Slack at each
        event who we are, nor lets SLACK_CLIENT_ID and SLACK_CLIENT_SECRET decide whose token it uses.
        """

        async def authorize() -> AuthorizeResult:
            me = self._me
            return AuthorizeResult(enterprise_id=None, team_id=me.team, bot_user_id=me.user, bot_token=client.token)

        app = AsyncApp(
            client=client,
            authorize=authorize,
            signing_secret="verified before",
            request_verification_enabled=False,
            ignoring_self_events_enabled=False,
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
            process_before_response=True,
            logger=_bolt_log,
            name="slack",
        )
        app.use(self._take)
        app.error(_failed)
        return app

    async def _take(self, body: Payload) -> BoltResponse:
        """Returns 200 once it is durable or deliberately ignored."""
        if self.accept is None:
            return BoltResponse(status=503)
        inbound = parse.inbound(body, self._me, now=self._clock.now())
        if inbound is not None:
            await self.accept(inbound)
        elif (kind := parse.kind(body)).partition("/")[0] not in ("message", "app_mention"):
            self._ignored(kind)
        return BoltResponse(status=200, body="")

    def _ignored(self, kind: str) -> None:
        """Counts what we know nothing of. Messages that are not for us are no news."""
        self._meter.count("updates_ignored", platform="slack", kind=kind)
        if kind not in self._told:
            self._told.add(kind)
            log.info("Slack sends %s, which we leave alone", kind)

    async def envelope(self, request: SocketModeRequest) -> bool:
        """Takes an envelope of a socket; True: acknowledge it."""
        response = await self._dispatch(AsyncBoltRequest(mode="socket_mode", body=request.payload))
        return bool(response.status == 200)

    async def _dispatch(self, request: AsyncBoltRequest) -> BoltResponse:
        """What Bolt makes of it. It looks into a payload before we do, and trips over one of an unknown shape."""
        try:
            return await self._bolt.async_dispatch(request)
        except (LookupError, TypeError, AttributeError):
            self._ignored("unknown shape")
            return BoltResponse(status=200, body="")

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answers a POST of Slack's: events, interactivity and commands alike."""
        if len(body) > MOST_BYTES:
            return Reply(status=413)
        if self._verifier is None or not _signed(self._verifier, headers, body):
            return Reply(status=401)
        try:
            request = AsyncBoltRequest(body=body.decode(), headers=dict(headers))
        except (ValueError, AttributeError):
            # No JSON, or none that is an object.
            return Reply(status=400)
        response = await self._dispatch(request)
        first = {name: str(value) for name, value in response.first_headers().items()}
        return Reply(status=response.status, body=str(response.body or "").encode(), headers=first)


async def _failed(error: Exception) -> None:
    """Bolt answers 500 after this, so that Slack delivers again."""
    if isinstance(error, BridgeError):
        log.warning("not acknowledged to Slack: %s", error)
    else:
        log.error("not acknowledged to Slack, a bug", exc_info=error)


def _verifier(secret: str, now: Callable[[], float]) -> SignatureVerifier:
    clock = SignatureClock()
    clock.now = now  # type: ignore[method-assign]  # the SDK wants its own class; a function does
    return SignatureVerifier(secret, clock)


def _signed(verifier: SignatureVerifier, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether Slack signed this within the last five minutes."""
    timestamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (timestamp.isascii() and timestamp.isdigit() and signature.isascii()):
        return False
    try:
        return verifier.is_valid(body, timestamp, signature)
    except ValueError:
        # The body is no UTF-8, which Slack's always is; or the timestamp has thousands of digits.
        return False
