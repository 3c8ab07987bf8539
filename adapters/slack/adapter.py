"""Slack as a chat platform: one bot in one workspace, through the Web API."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.leaving import watched
from adapters.slack import attaching
from adapters.slack.errors import REFUSED_TOKEN, calling
from adapters.slack.fetching import MOST_BYTES, Fetching
from adapters.slack.finding import Finding
from adapters.slack.limits import Seconds, limits
from adapters.slack.members import Roster
from adapters.slack.parse import DM, Reading
from adapters.slack.receiving import Receiving
from adapters.slack.sockets import SocketMode
from adapters.slack.streams import Mode
from adapters.slack.writing import Writing
from bridge.errors import BridgeError, ConfigError, RateLimited, Transient, Unreachable
from bridge.model import Address, Choice, File, Inbound, Lost, Moved, Page, Profile
from bridge.ports import Accept, Clock, Found, Limits, Meter, Mount, Reply, Shares

log = logging.getLogger(__name__)
# At DEBUG slack_sdk logs what people write, and the addresses that open sockets.
_sdk_log = logging.getLogger(f"{__name__}.sdk")
_sdk_log.setLevel(logging.WARNING)

COMMANDS = frozenset({"start", "help", "new", "reset", "clear", "history", "stop", "retry", "voice", "status"})
PATH = "/slack/events"
CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 30.0
PING_SECONDS = 10.0


class SlackAdapter:
    """One Slack bot in one workspace. With an app token it hears over Socket Mode, else over HTTP."""

    platform = "slack"

    def __init__(
        self,
        bot_token: str,
        *,
        app_token: str = "",
        signing_secret: str = "",
        api_base: str = "https://slack.com/api/",
        clock: Clock,
        meter: Meter,
        dm: DM = "thread",
        streaming: Mode = "auto",
        commands: Collection[str] = COMMANDS,
        ping_seconds: float = PING_SECONDS,
        seconds: Seconds | None = None,
    ) -> None:
        self._bot_token = bot_token
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._api_base = api_base
        self._clock = clock
        self._meter = meter
        self._dm: DM = dm
        self._commands = commands
        self._ping_seconds = ping_seconds
        self._session: aiohttp.ClientSession | None = None
        self._web: AsyncWebClient | None = None
        self._roster = Roster(self._connect, clock)
        self._receiving: Receiving | None = None
        self._sockets: SocketMode | None = None
        self._listening = False
        self._us = ""
        """Our bot's user id; like the account, known after `open`."""
        self._writing = Writing(streaming, self._connect, clock)
        self._attaching = attaching.Attaching(self._connect, clock)
        self._fetching = Fetching(bot_token, api_base, self._connect)
        self._finding = Finding(self._connect, self._writing.streams.known)
        self.account = ""
        self.limits: Limits = limits(streaming, seconds=seconds or Seconds(), grows=self._writing.grows)

    # ---- lifecycle

    def share(self, shares: Shares) -> None:
        self._writing.streams.shares = shares

    async def open(self) -> None:
        """Learns who we are. Raises ConfigError (a token is refused) or Unreachable. May be called again."""
        self._check()
        web = self._connect()
        try:
            async with calling("auth.test"):
                who = await web.auth_test()
        except RateLimited as error:
            raise Unreachable(str(error), retry_after=error.retry_after) from None
        except BridgeError as error:
            if isinstance(error, Unreachable) and error.say != REFUSED_TOKEN:
                raise
            raise ConfigError(
                f"SLACK_BOT_TOKEN: Slack refuses it ({error}); copy the Bot User OAuth Token (xoxb-…) again "
                "from OAuth & Permissions in the app's settings, after installing the app to the workspace"
            ) from None
        me = Reading(
            team=str(who["team_id"]),
            user=str(who["user_id"]),
            name=str(who["user"]),
            commands=self._commands,
            dm=self._dm,
        )
        self.account, self._us = me.team, me.user
        if self._receiving is None:
            self._receiving = Receiving(
                web, me, signing_secret=self._signing_secret, clock=self._clock, meter=self._meter
            )

    def _check(self) -> None:
        """Raises ConfigError for settings that cannot be right, before Slack is asked; shows none of them."""
        if not re.fullmatch(r"xoxb-[!-~]+", self._bot_token):
            raise ConfigError("SLACK_BOT_TOKEN: not a bot token; it begins with xoxb- (OAuth & Permissions)")
        if self._app_token and not re.fullmatch(r"xapp-[!-~]+", self._app_token):
            raise ConfigError("SLACK_APP_TOKEN: not an app-level token; it begins with xapp- (Basic Information)")
        if not self._app_token and not self._signing_secret.strip():
            raise ConfigError("SLACK_APP_TOKEN: missing; set it for Socket Mode, or SLACK_SIGNING_SECRET for HTTP")

    def _connect(self) -> AsyncWebClient:
        if self._web is None:
            # trust_env: proxies from the environment, NO_PROXY included, which slack_sdk's own reading leaves out.
            timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
            self._session = aiohttp.ClientSession(
                timeout=timeout, trust_env=True, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[watched()]
            )
            # No retries: the SDK's would post twice what was lost on the way back.
            self._web = AsyncWebClient(
                self._bot_token, self._api_base, session=self._session, retry_handlers=[], logger=_sdk_log
            )
            self._web.proxy = None
        return self._web

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
        self._session = self._web = None

    # ---- hearing

    @property
    def trouble(self) -> str:
        """Empty while it listens, else why it does not, in one line for /readyz."""
        if not self._listening:
            return "Slack: not listening yet"
        return self._sockets.trouble if self._sockets is not None else ""

    @property
    def mounts(self) -> Mapping[str, Mount]:
        """Where Slack posts to, if it does."""
        return {} if self._app_token else {PATH: self._post}

    async def _post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        if self._receiving is None:
            return Reply(status=503)
        return await self._receiving.post(headers, body)

    async def listen(self, accept: Accept) -> None:
        """Receives until it is cancelled; acknowledges to Slack only what `accept` returned from.

        Raises ConfigError if Slack refuses the app token at the first start: until then nobody has tried it.
        """
        assert self._receiving is not None, "open first"
        assert self._session is not None, "closed"

        async def hear(inbound: Inbound | Moved) -> str | None:
            assert isinstance(inbound, Inbound)
            self._writing.heard(inbound)
            word = await accept(inbound)
            if inbound.quiet:
                await self._writing.rest(inbound.address)
            return word

        self._receiving.accept = hear
        try:
            if self._app_token:
                self._sockets = SocketMode(
                    self._session,
                    self._socket_address,
                    self._receiving.envelope,
                    clock=self._clock,
                    ping_seconds=self._ping_seconds,
                )
                self._listening = True
                await self._sockets.run()
            else:
                self._listening = True
                await asyncio.Event().wait()
        finally:
            self._receiving.accept = None
            self._listening = False

    async def is_member(self, sender: str) -> bool:
        """Is that person a full member of the workspace? False as well where Slack will not tell. Raises Transient."""
        return await self._roster.has(self.account, sender)

    async def profile(self, sender: str) -> Profile:
        """Who that is; empty where Slack will not tell. Raises Transient."""
        return await self._roster.profile(sender)

    async def show_home(self, sender: str, text: str, choices: Sequence[Choice]) -> None:
        """Publishes that person's Home tab."""
        await self._writing.show_home(sender, text, choices)

    async def begin(self, sender: str, question: str) -> Address:
        """Posts the question into the DM with that person: it opens a thread there, if each message does."""
        channel, ts = await self._writing.quote(sender, question)
        thread = ts if self._dm == "thread" else ""
        return Address(platform=self.platform, account=self.account, chat=channel, thread=thread)

    async def _socket_address(self) -> str:
        """Where to open a socket. Raises ConfigError if the app token is no good, else Transient."""
        try:
            async with calling("apps.connections.open"):
                answer = await self._connect().apps_connections_open(app_token=self._app_token)
        except BridgeError as error:
            if isinstance(error, Transient) and error.say != REFUSED_TOKEN:
                raise
            raise ConfigError(
                f"SLACK_APP_TOKEN: Slack refuses it ({error}); make an app-level token with the scope "
                "connections:write (Basic Information) and switch Socket Mode on in the app's settings"
            ) from None
        return str(answer["url"])

    # ---- writing

    async def send(self, address: Address, page: Page, *, reply_to: str = "") -> str:  # noqa: ARG002
        """Posts the page into its thread and returns its `ts`. In Slack an answer is shown by its thread."""
        return await self._writing.send(address, page)

    async def attach(self, address: Address, page: Page, content: bytes, *, reply_to: str = "") -> str:  # noqa: ARG002
        """Posts the file into its thread and returns its id; Slack shows it a moment later."""
        assert page.attachment is not None
        return await self._attaching.attach(address, page.attachment, content)

    def most_bytes(self, file: File) -> int:  # noqa: ARG002 - the same for all
        """Of one file."""
        return MOST_BYTES

    def fetch(self, file: File) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """What was shared, in pieces. Raises Unreachable, RateLimited, Refused, Gone."""
        return self._fetching.fetch(file)

    async def edit(self, address: Address, message_id: str, page: Page) -> str:
        """Makes that message show the page; returns as well if it did already."""
        await self._writing.edit(address, message_id, page)
        return message_id

    async def delete(self, address: Address, message_id: str) -> None:
        """Removes that message; returns as well if it was gone already."""
        if message_id.startswith(attaching.MARK):
            await self._attaching.delete(message_id)
        else:
            await self._writing.delete(address, message_id)

    async def working(self, address: Address, language: str = "en") -> None:
        """Shows "is thinking…" in the thread. Raises RateLimited; every other failure ends the courtesy for a while."""
        await self._writing.working(address, language)

    def newest(self, address: Address) -> str:  # noqa: ARG002 - marks are all that is looked for
        """Empty: messages carry marks."""
        return ""

    async def find(self, address: Address, lost: Lost, *, turn: Callable[[], Awaitable[None]]) -> Found | None:  # noqa: ARG002
        """Reading has budgets of its own, so no `turn` is awaited."""
        found = await self._finding.find(address, lost, us=self._us)
        return Found(found, sure=True) if found else None

    async def leave(self, address: Address, message_id: str) -> None:
        """Reading changed nothing."""
