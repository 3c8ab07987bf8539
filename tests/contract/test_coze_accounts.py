"""People's own Coze accounts: from /login in the chat to questions that are asked with their own token, and the end."""

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from aiohttp import web

from adapters.coze import CozeBot, token_auth
from adapters.coze.accounts import BEGUN_SECONDS, CLAIM_SECONDS, KEEP_PAUSES, LOOK_SECONDS, TRIES, OwnAccounts
from adapters.coze.bots import CozeBots, Credentials
from adapters.coze.oauth import Endpoint
from adapters.coze.seal import Seal
from bridge.answer import Answer
from bridge.clock import SystemClock
from bridge.commands import saying
from bridge.errors import BotFailed, Unreachable
from bridge.expiry import Expiry
from bridge.model import Address, Inbound, Lease, Sender, TurnState, User
from bridge.ports import Agreed, Bot, LoggedIn, Logins, Reply
from bridge.reception import Reception
from simulators.coze import CozeSimulator
from simulators.wire import Served
from storage import SqlStore
from storage.opening import open_store
from tests.clocks import HeldClock, StillClock
from tests.contract.coze_place import GRACE, Counts

ANN = User(platform="telegram", account="1", sender="7", coze_user="ann", language="en")
BEN = User(platform="telegram", account="1", sender="8", coze_user="ben", language="en")
CHAT = Address(platform="telegram", account="1", chat="7")
BACK = "https://bridge.example/coze/login"
KEY, OLD_KEY = "k" * 32, "o" * 40
TOKEN_PATH = "/api/permission/oauth2/token"


class Town:
    """A simulated Coze, a database, and any number of processes of the service beside each other."""

    def __init__(self, sim: CozeSimulator, url: str, store: SqlStore, clock: StillClock, directory: Path) -> None:
        self.sim, self.url, self.store, self.clock, self.directory = sim, url, store, clock, directory
        self.accounts, self._keys = self.process(), count()
        self._bot = CozeBot(url, sim.world.bot_id, token_auth("pat_test"), clock=SystemClock(), meter=Counts())

    def process(self, *, client: str = "login", secret: str = "", keys: tuple[str, ...] = (KEY,)) -> OwnAccounts:
        accounts = OwnAccounts(
            Endpoint(self.url, clock=self.clock),
            api_base=self.url,
            client_id=client,
            secret=secret,
            redirect=BACK,
            seal=Seal(keys),
            clock=self.clock,
        )
        accounts.keep_in(self.store.logins)
        return accounts

    def bot(self, session: str, accounts: OwnAccounts | None = None) -> Bot:
        bots = CozeBots({"": self._bot}, credentials={"": Credentials(own=accounts or self.accounts)})
        return bots.of("", session)

    def hold(self) -> None:
        """From now on waiting for another process takes no time."""
        self.clock = HeldClock(self.clock.time)
        self.sim.world.now = self.clock.now
        self.accounts = self.process()

    async def begun(self, accounts: OwnAccounts | None = None, who: User = ANN) -> str:
        """They write /login: the link, as it is kept."""
        links: list[str] = []

        def reply(link: str) -> str:
            links.append(link)
            return saying("login link")

        await (accounts or self.accounts).begin(written(f"town {next(self._keys)}"), who, reply)
        return links[-1]

    async def agreed(self, accounts: OwnAccounts | None = None, who: User = ANN) -> dict[str, str]:
        """They follow the link and agree: what the browser comes back with."""
        accounts = accounts or self.accounts
        link = accounts.reveal(await self.begun(accounts, who))
        async with httpx.AsyncClient() as browser:
            response = await browser.get(link)
        assert response.status_code == 302
        back = response.headers["location"]
        assert back.startswith(BACK)
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    async def numbered(self, accounts: OwnAccounts | None = None, who: User = ANN) -> str:
        """And the number that the page shows."""
        agreed = await (accounts or self.accounts).agreed(**await self.agreed(accounts, who))
        assert isinstance(agreed, Agreed)
        return agreed.number

    async def say(
        self, number: str, accounts: OwnAccounts | None = None, who: User = ANN, key: str = ""
    ) -> LoggedIn | int | None:
        """They send it to the bot."""
        sent = written(key or f"town {next(self._keys)}")
        return await (accounts or self.accounts).finish(sent, who, number, lambda came: saying(f"came {came}"))

    async def log_in(self, accounts: OwnAccounts | None = None, who: User = ANN) -> str:
        """The session of somebody who is logged in now."""
        accounts = accounts or self.accounts
        assert isinstance(await self.say(await self.numbered(accounts, who), accounts, who), LoggedIn)
        return await accounts.session(who.coze_user)

    async def aclose(self) -> None:
        await self._bot.aclose()
        await self.store.aclose()


@asynccontextmanager
async def town(directory: Path, before: Callable[[], Any] | None = None) -> AsyncIterator[Town]:
    sim, clock = CozeSimulator(deltas_per_second=400.0), StillClock(time.time())
    sim.world.now = clock.now

    @web.middleware
    async def watched(request: web.Request, handler: Any) -> web.StreamResponse:
        if before is not None:
            await before()(made, request)
        response: web.StreamResponse = await handler(request)
        return response

    sim.app.middlewares.append(watched)
    async with Served(sim.app) as server:
        store = await open_store(f"sqlite+aiosqlite:///{directory}/bridge.db", clock)
        made = Town(sim, server.url, store, clock, directory)
        yield made
        await made.aclose()


@pytest.fixture(name="place")
async def place_fixture(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as made:
        yield made


async def test_who_logs_in_is_answered_with_an_account_of_their_own(place: Town) -> None:
    assert await place.accounts.session("ann") == ""
    agreed = await place.accounts.agreed(**await place.agreed())
    assert agreed is not None
    assert (agreed.platform, agreed.name) == ("telegram", "Ada")
    assert re.fullmatch(r"(?a)\d{6}", agreed.number)
    assert agreed.number not in repr(agreed)
    assert await place.accounts.session("ann") == ""
    done = await place.say(agreed.number)
    assert isinstance(done, LoggedIn)
    assert (done.who, done.address, done.name) == (ANN, CHAT, "Ada")
    assert done.until == pytest.approx(place.clock.time + 30 * 86400, abs=1)
    session = await place.accounts.session("ann")
    conversation = await place.bot(session).new_conversation()
    assert place.sim.conversations[conversation].owner == "Ada/"
    # Everybody else, and she herself where a conversation is shared, goes on with the service's account.
    for other in ("ben", "ann"):
        conversation = await place.bot(other).new_conversation()
        assert place.sim.conversations[conversation].owner == "/"
    assert await place.accounts.leave("ann")
    assert not await place.accounts.leave("ann")
    assert await place.accounts.session("ann") == ""
    with pytest.raises(BotFailed) as over:
        await place.bot(session).new_conversation()
    assert over.value.say == "login"


async def test_a_web_application_proves_itself_with_its_secret(place: Town) -> None:
    web_app = place.process(client="web", secret="web-secret")
    session = await place.log_in(web_app)
    place.clock.time += 900
    await place.bot(session, web_app).new_conversation()
    assert place.sim.oauth.refreshed == 1
    wrong = place.process(client="web", secret="wrong")
    with pytest.raises(BotFailed) as refused:
        await wrong.agreed(**await place.agreed(wrong))
    assert "web-secret" not in str(refused.value)


async def test_a_link_is_good_once_and_for_ten_minutes_and_only_with_its_own_proof(place: Town) -> None:
    back = await place.agreed()
    assert await place.accounts.agreed(state="made-up", code=back["code"]) is None
    assert await place.accounts.agreed(**back) is not None
    assert await place.accounts.agreed(**back) is None
    late = await place.agreed()
    place.clock.time += 601
    assert await place.accounts.agreed(**late) is None
    first, second = await place.agreed(), await place.agreed(who=BEN)
    with pytest.raises(BotFailed):  # the code of one link with the state of another: the challenge does not fit
        await place.accounts.agreed(state=first["state"], code=second["code"])


async def test_a_link_that_somebody_else_opens_lends_their_account_to_nobody(place: Town) -> None:
    """Ann sends her link to Ada, who agrees: what Ada sees is of no use to Ada, and Ann does not see it."""
    seen = await place.numbered(who=ANN)
    assert await place.accounts.session("ann") == ""
    assert await place.say(seen, who=BEN) is None
    wrong = f"{(int(seen) + 1) % 10**6:06}"
    assert await place.say(wrong) == TRIES - 1
    assert await place.accounts.session("ann") == await place.accounts.session("ben") == ""
    # Not even if Ben has begun one of his own.
    own = await place.numbered(who=BEN)
    if own != seen:
        assert await place.say(seen, who=BEN) == TRIES - 1
    assert isinstance(await place.say(own, who=BEN), LoggedIn)
    assert await place.accounts.session("ann") == ""


async def test_a_number_is_tried_five_times_for_ten_minutes_and_used_once(place: Town) -> None:
    assert await place.say("123456") is None
    for _ in range(2):
        right = await place.numbered()
        wrong = f"{(int(right) + 1) % 10**6:06}"
        assert [await place.say(one) for one in (wrong, "", "12", right[:5], wrong)] == [4, 3, 2, 1, 0]
        assert await place.say(right) is None
    right = await place.numbered()
    place.clock.time += BEGUN_SECONDS
    assert await place.say(right) is None
    right = await place.numbered()
    place.clock.time += BEGUN_SECONDS - 1
    assert isinstance(await place.say(right), LoggedIn)
    assert await place.say(right) is None


async def test_a_number_that_is_said_twice_over_is_one_try(place: Town) -> None:
    """The platform did not hear that we have it."""
    right = await place.numbered()
    for _ in range(TRIES + 1):
        await place.say("wrong", key="same")
    assert await place.say("wrong") == TRIES - 2
    assert isinstance(await place.say(right), LoggedIn)


async def test_a_number_of_before_is_of_no_use_once_another_login_was_begun(place: Town) -> None:
    old = await place.numbered()
    link = await place.begun()
    assert link
    assert await place.say(old) is None
    # Nor if whoever followed the old link comes back only now.
    late = await place.agreed()
    new = await place.agreed()
    assert await place.accounts.agreed(**late) is None
    agreed = await place.accounts.agreed(**new)
    assert agreed is not None
    assert isinstance(await place.say(agreed.number), LoggedIn)


async def test_processes_that_are_told_the_number_at_once_log_in_once_and_count_each_try(place: Town) -> None:
    """And any process goes on with what another one began."""
    others = [place.process() for _ in range(4)]
    right = await place.numbered(others[0])
    wrong = f"{(int(right) + 1) % 10**6:06}"
    left = await asyncio.gather(*(place.say(wrong, other) for other in others))
    assert sorted(one for one in left if isinstance(one, int)) == [1, 2, 3, 4]
    came = await asyncio.gather(*(place.say(right, other) for other in others))
    assert sum(isinstance(one, LoggedIn) for one in came) == 1
    assert came.count(None) == 3


async def test_what_waits_for_a_number_cannot_be_reached_from_a_browser(place: Town) -> None:
    right = await place.numbered()
    assert await place.accounts.agreed(state="number:ann", code="x") is None
    assert isinstance(await place.say(right), LoggedIn)


async def test_nothing_secret_is_to_be_read_in_the_database(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.coze.accounts.DIGITS", 18)  # six stand somewhere by chance
    begun = await place.begun()
    link = parse_qs(urlsplit(place.accounts.reveal(begun)).query)
    back = await place.agreed()
    desk = Reception(accounts=place.accounts, store=place.store, clock=place.clock)
    number = shown(await desk.visit(back, ""))
    for text in (wrong := f"{(int(number) + 1) % 10**18:018}", number):
        assert await desk.login(replace(written(f"say {text == number}"), text=text), ANN, "where") is None
    session = await place.accounts.session("ann")
    place.clock.time += 900
    await place.bot(session).new_conversation()
    place.accounts.forget("ann", "Bearer x")
    secrets = {link["state"][0], link["code_challenge"][0], back["state"], *place.sim.oauth.given}
    assert len(secrets) == 8  # two states, a challenge, a code, two tokens of each kind
    secrets |= {number, wrong, hashlib.sha256(number.encode()).hexdigest()}
    kept = b"".join(path.read_bytes() for path in place.directory.iterdir())
    assert b"login_attempts" in kept
    for secret in secrets:
        assert secret.encode() not in kept
        assert secret not in begun


async def test_tokens_are_renewed_a_minute_before_their_end_once_for_all_processes(place: Town) -> None:
    session = await place.log_in()
    place.hold()
    beside = place.process()
    bots = [place.bot(session, accounts) for accounts in (place.accounts, beside) for _ in range(10)]
    await asyncio.gather(*(bot.new_conversation() for bot in bots))
    place.clock.time += 900 - 61
    await asyncio.gather(*(bot.new_conversation() for bot in bots))
    assert place.sim.oauth.refreshed == 0
    place.clock.time += 1
    await asyncio.gather(*(bot.new_conversation() for bot in bots))
    assert place.sim.oauth.refreshed == 1
    assert len(place.sim.oauth.used) == 1
    assert not [call for call in place.sim.calls if call.get("code")]
    assert len(place.sim.conversations) == 60


async def test_tokens_that_live_no_longer_than_the_margin_are_used_for_half_their_life(place: Town) -> None:
    place.sim.oauth.access_seconds = 30
    session = await place.log_in()
    for refreshed, seconds in ((0, 14), (1, 2), (1, 13), (2, 2)):
        place.clock.time += seconds
        await place.bot(session).new_conversation()
        assert place.sim.oauth.refreshed == refreshed
    # Coze tells whole seconds, and none at all of a token that is good for nothing.
    place.sim.oauth.access_seconds = 0
    place.clock.time += 30
    with pytest.raises(BotFailed):
        await place.bot(session).new_conversation()


async def test_new_tokens_are_kept_before_they_are_used(tmp_path: Path) -> None:
    seen: list[bool] = []

    async def look(made: Town, request: web.Request) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token in made.sim.world.accounts and made.sim.oauth.refreshed:
            kept = Seal([KEY]).open("login:ann", await made.store.logins.login("ann"))
            seen.append(kept is not None and kept["access"] == token and kept["refresh"] in made.sim.oauth.refresh)

    async with town(tmp_path, lambda: look) as place:
        session = await place.log_in()
        place.clock.time += 900
        await place.bot(session).new_conversation()
        assert seen == [True]


async def test_whose_refresh_token_is_refused_is_logged_out_and_told(place: Town) -> None:
    session = await place.log_in()
    place.sim.oauth.refresh.clear()
    place.clock.time += 900
    for _ in range(2):
        with pytest.raises(BotFailed) as over:
            await place.bot(session).new_conversation()
        assert over.value.say == "login"
    assert await place.accounts.session("ann") == ""
    assert await place.store.logins.login("ann") == ""
    assert len(place.sim.oauth.used) == 1


async def test_who_logged_in_anew_while_the_old_token_was_refused_stays_logged_in(tmp_path: Path) -> None:
    again: list[str] = []

    async def meanwhile(made: Town, request: web.Request) -> None:
        if request.path == TOKEN_PATH and (await request.json())["grant_type"] == "refresh_token":
            again.append(await made.log_in(made.process()))

    async with town(tmp_path, lambda: meanwhile) as place:
        session = await place.log_in()
        place.sim.oauth.refresh.clear()
        place.clock.time += 900
        with pytest.raises(BotFailed):
            await place.bot(session).new_conversation()
        assert await place.accounts.session("ann") == again[0]
        assert await place.bot(again[0]).new_conversation()


@pytest.mark.parametrize("how", ["secret", "403"])
async def test_what_only_the_operator_can_mend_logs_nobody_out(place: Town, how: str) -> None:
    right = place.process(client="web", secret="web-secret")
    session = await place.log_in(right)
    place.clock.time += 900
    asked = right
    if how == "secret":
        asked = place.process(client="web", secret="wrong")
    else:
        place.sim.fault("http", method=TOKEN_PATH, value=how)
    with pytest.raises(BotFailed) as refused:
        await place.bot(session, asked).new_conversation()
    assert refused.value.say == "credentials"
    before = place.clock.time
    assert await place.bot(session, right).new_conversation()
    assert place.clock.time == before  # the claim was given up
    assert await right.session("ann") == session


class Shaky:
    """Logins of which some attempts to keep one come to nothing."""

    def __init__(self, inner: Logins, failing: set[int]) -> None:
        self._inner, self._failing, self.tried = inner, failing, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def keep_login(self, *about: Any, **more: Any) -> bool:
        self.tried += 1
        if self.tried in self._failing:
            raise Unreachable("the database is away")
        return await self._inner.keep_login(*about, **more)


@pytest.mark.parametrize("away", [1, len(KEEP_PAUSES), len(KEEP_PAUSES) + 1])
async def test_new_tokens_outlive_a_database_that_is_away(place: Town, away: int) -> None:
    session = await place.log_in()
    place.clock.time += 900
    shaky = Shaky(place.store.logins, set(range(2, 2 + away)))  # the first one is the claim
    place.accounts.keep_in(shaky)
    if away > len(KEEP_PAUSES):
        with pytest.raises(Unreachable):
            await place.bot(session).new_conversation()
    assert await place.bot(session).new_conversation()
    assert place.sim.oauth.refreshed == 1
    assert await place.bot(session, place.process()).new_conversation()
    assert len(place.sim.oauth.used) == 1


async def test_who_waits_in_vain_for_room_at_the_token_endpoint_does_not_hold_the_claim(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await place.log_in()
    place.clock.time += 900
    monkeypatch.setattr("adapters.coze.oauth.ASK_SECONDS", 0.05)
    crowded = Endpoint(place.url, clock=place.clock)
    crowded._room = asyncio.Semaphore(0)
    place.accounts._endpoint = crowded
    async with asyncio.timeout(GRACE):
        with pytest.raises(Unreachable):
            await place.bot(session).new_conversation()
    assert not place.sim.oauth.used


async def test_a_coze_that_does_not_answer_logs_nobody_out(place: Town) -> None:
    session = await place.log_in()
    place.clock.time += 900
    place.sim.fault("http", method=TOKEN_PATH, value="502")
    with pytest.raises(Unreachable) as failed:
        await place.bot(session).new_conversation()
    assert failed.value.certain
    before = place.clock.time
    await place.bot(session).new_conversation()
    assert place.clock.time == before  # nobody waits for a process that has given up
    assert place.sim.oauth.refreshed == 1


async def test_a_process_that_died_while_it_renewed_is_waited_for_and_then_replaced(place: Town) -> None:
    session = await place.log_in()
    place.clock.time += 900
    place.sim.fault("hang", method=TOKEN_PATH, seconds=60.0)
    dying = asyncio.create_task(place.bot(session, place.process()).new_conversation())
    await place.sim.wait(lambda: [call for call in place.sim.calls if call.get("fault") == "hang"])
    began = place.clock.time
    await place.bot(session).new_conversation()
    assert place.clock.time - began >= CLAIM_SECONDS
    assert place.sim.oauth.refreshed == 1
    dying.cancel()
    place.sim.hurry()


async def test_who_stops_waiting_does_not_use_up_the_refresh_token(place: Town) -> None:
    session = await place.log_in()
    place.clock.time += 900
    place.sim.fault("stall", method=TOKEN_PATH, seconds=30.0)
    asking = asyncio.create_task(place.bot(session).new_conversation())
    await place.sim.wait(lambda: [call for call in place.sim.calls if call.get("fault") == "stall"])
    asking.cancel()
    place.sim.hurry()
    await place.accounts.aclose()
    await place.bot(session, place.process()).new_conversation()
    assert (place.sim.oauth.refreshed, len(place.sim.oauth.used)) == (1, 1)


async def test_a_token_that_coze_refuses_is_renewed_once_and_then_it_is_theirs_to_mend(place: Town) -> None:
    session = await place.log_in()
    place.sim.revoke(next(iter(place.sim.world.accounts)))
    await place.bot(session).new_conversation()
    assert place.sim.oauth.refreshed == 1
    for code, say in (
        ("4101", "own_account"),
        ("4200", "own_account"),
        ("4028", "own_quota"),
        ("700012006", "login"),
        ("4011", "own_quota"),
        ("4008", "own_quota"),
    ):
        place.sim.fault("code", method="/v1/conversation/create", value=code, times=2)
        with pytest.raises(BotFailed) as refused:
            await place.bot(session).new_conversation()
        assert refused.value.say == say
        place.sim.faults.clear()


async def test_another_login_begins_anew_and_the_session_of_the_old_one_is_over(place: Town) -> None:
    old = await place.log_in()
    await place.bot(old).new_conversation()
    place.sim.oauth.account = "Other"
    new = await place.log_in(beside := place.process())
    assert old != new
    assert place.sim.conversations[await place.bot(new).new_conversation()].owner == "Other/"
    assert place.sim.conversations[await place.bot(new, beside).new_conversation()].owner == "Other/"
    with pytest.raises(BotFailed):
        await place.bot(old).new_conversation()


async def test_a_logout_elsewhere_counts_within_ten_seconds(place: Town) -> None:
    session = await place.log_in()
    await place.bot(session).new_conversation()
    await place.process().leave("ann")
    place.clock.time += LOOK_SECONDS
    with pytest.raises(BotFailed):
        await place.bot(session).new_conversation()


async def test_a_key_can_be_replaced_and_a_lost_one_logs_nobody_in(place: Town) -> None:
    session = await place.log_in(place.process(keys=(OLD_KEY,)))
    both = place.process(keys=(KEY, OLD_KEY))
    assert await both.session("ann") == session
    place.clock.time += 900
    await place.bot(session, both).new_conversation()  # which seals with the new key
    assert await place.process(keys=(KEY,)).session("ann") == session
    assert await place.process(keys=("x" * 32,)).session("ann") == ""


async def test_what_was_sealed_for_one_person_is_of_no_use_to_another() -> None:
    seal = Seal([KEY])
    closed = seal.close("login:ann", {"a": "b"})
    assert seal.open("login:ann", closed) == {"a": "b"}
    assert seal.open("login:ben", closed) is None
    assert seal.open("login:ann", closed[:-2] + "AA") is None


async def told(place: Town) -> list[str]:
    """What waits to be said in the chat, in order."""
    said = []
    while (turn := await place.store.claim(Lease(owner="o", seconds=30.0), [("telegram", "1")])) is not None:
        said.append(Answer.load(turn.answer).note)
        assert turn.address == CHAT
        await place.store.settle(turn, TurnState.DELIVERED)
    return said


def shown(page: Reply) -> str:
    """The number on a page."""
    (number,) = set(re.findall(r"(?a)/(?:coze )?login (\d+)\b", page.body.decode()))
    return str(number)


def written(key: str, *, private: bool = True, personal: bool = True) -> Inbound:
    return Inbound(
        key=key,
        address=CHAT,
        sender=Sender(id="7"),
        text="",
        sent_at=1.0,
        sort_key=key,
        private=private,
        personal=personal,
    )


async def test_the_chat_says_who_is_logged_in_and_warns_once_before_it_ends(place: Town) -> None:
    desk = Reception(accounts=place.accounts, store=place.store, clock=place.clock)
    place.sim.oauth.account = "A*da <b>"
    page = await desk.visit(await place.agreed(), "en-US")
    assert (page.status, page.body.count(b"A*da &lt;b&gt;")) == (200, 2)
    assert page.body.index(b"One step is left") < page.body.index("还差一步".encode())
    assert page.headers is not None
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert await told(place) == ["login link"]
    number = shown(page)
    # As input methods for Chinese write it, and as some people do.
    wide = f"{number[:3]} {number[3:]}".translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
    assert await desk.login(replace(written("1"), text=wide), ANN, "where") is None
    (said,) = await told(place)
    assert "as A\\*da \\<b\\>. From now on" in said
    expiry = Expiry(until=lambda: None, mend="", clock=place.clock, reception=desk)
    await expiry.round()
    assert await told(place) == []
    place.clock.time += 27 * 86400 + 1
    await expiry.round()
    await expiry.round()
    (warned,) = await told(place)
    assert warned.startswith("Your login at Coze ends on 20")


async def test_the_chat_says_what_became_of_a_number(place: Town) -> None:
    desk = Reception(accounts=place.accounts, store=place.store, clock=place.clock)
    number = await place.numbered()
    assert await told(place) == ["login link"]

    async def say(key: str, text: str, *, private: bool = True) -> str:
        """Of what is refused without a word in the database, the word; else nothing, as it is told already."""
        said = await desk.login(replace(written(key, private=private), text=text), ANN, "where")
        return said.text if said else ""

    assert "private chat" in await say("a", number, private=False)
    for left in (4, 3, 2, 1):
        assert await say(f"wrong {left}", "000-000") == ""
        (said,) = await told(place)
        assert said.endswith(f"left: {left}.")
    assert await say("last", "000-000") == ""
    (said,) = await told(place)
    assert "the last try" in said
    assert "No login of yours waits" in await say("too late", number)
    assert await place.accounts.session("ann") == ""


async def test_a_link_is_given_in_private_only_and_shared_conversations_stay_the_services(place: Town) -> None:
    desk = Reception(accounts=place.accounts, store=place.store, clock=place.clock)
    refused = await desk.login(written("1", private=False), ANN, "where")
    assert refused is not None
    assert "private chat" in refused.text
    assert place.accounts.reveal(refused.text) == refused.text
    assert await desk.login(written("2"), ANN, "where") is None
    (given,) = await told(place)
    assert "authorize" not in given
    assert f"{place.url}/api/permission/oauth2/authorize?" in place.accounts.reveal(given)
    assert await desk.settled(written("3"), ANN, "where") == (ANN, "where")
    session = await place.log_in()
    login = session.removeprefix("ann")
    assert await desk.settled(written("4"), ANN, "where") == (replace(ANN, session=session), f"where{login}")
    assert await desk.settled(written("5", personal=False), ANN, "where") == (ANN, "where")
    assert "logged out" in (await desk.logout(written("6"), ANN, "where")).text
    assert "not logged in" in (await desk.logout(written("7"), ANN, "where")).text


@pytest.mark.parametrize(
    ("declines", "fault", "status", "part"), [(True, "", 400, "did not log you in"), (False, "502", 503, "right now")]
)
async def test_a_login_that_comes_to_nothing_is_told_on_the_page(
    place: Town, declines: bool, fault: str, status: int, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Reception(accounts=place.accounts, store=place.store, clock=place.clock)
    place.sim.oauth.declines = declines
    back = await place.agreed()
    if fault:
        place.sim.fault("http", method=TOKEN_PATH, value=fault)
    page = await desk.visit(back, "")
    assert (page.status, part.encode() in page.body) == (status, True)
    assert await told(place) == ["login link"]
    assert await place.store.logins.logins() == []
    assert not [secret for secret in back.values() if len(secret) > 20 and secret in caplog.text]


async def test_credentials_that_end_soon_are_told_once_a_day(caplog: pytest.LogCaptureFixture) -> None:
    clock = StillClock()
    end = clock.time + 8 * 86400
    expiry = Expiry(until=lambda: end, mend="make a new one", clock=clock)
    for _ in range(10 * 24):
        await expiry.round()
        clock.time += 3600
    assert caplog.records[0].getMessage() == "the credentials for Coze end in 6 days; make a new one"
    assert caplog.records[-1].getMessage() == "the credentials for Coze have ended; make a new one"
    assert len(caplog.records) == 9
    assert expiry.seconds_left() == -2 * 86400


async def test_whose_login_ends_soon_is_known(place: Town) -> None:
    await place.log_in()
    assert list(await place.accounts.ending(3 * 86400)) == []
    place.clock.time += 27 * 86400 + 1
    assert [one.who for one in await place.accounts.ending(3 * 86400)] == [ANN]
