"""OAuth with the simulated Coze: a token for the session of each person, and bots of several sites side by side."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.coze import CozeBot, token_auth
from adapters.coze.auth import JwtApp
from adapters.coze.bots import CozeBots, Credentials
from adapters.coze.oauth import Endpoint
from adapters.coze.wire import Api
from bridge.build import build_bots
from bridge.clock import SystemClock
from bridge.config import load
from bridge.desk import Uncounted
from bridge.errors import BotFailed, Unreachable
from bridge.ports import Question
from simulators.coze import CozeSimulator
from simulators.wire import Served
from tests.clocks import StillClock
from tests.contract.coze_place import GRACE, Counts, ask, folded

TOKEN_PATH = "/api/permission/oauth2/token"
PEOPLE = [f"{number:032x}" for number in range(200)]
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Site:
    """A simulated Coze whose tokens end by a clock that the test moves, and a bot there behind an OAuth JWT app."""

    def __init__(self, sim: CozeSimulator, url: str, clock: StillClock, *, seconds: int = 3600, most: int = 10_000):
        self.sim, self.url, self.clock = sim, url, clock
        numbers = KEY.public_key().public_numbers()
        sim.world.jwt_key, sim.world.now = (numbers.n, numbers.e), clock.now
        self.app = JwtApp("app", "kid", KEY, Endpoint(url, clock=clock), clock, seconds=seconds, most=most)
        self.bot = CozeBot(url, sim.world.bot_id, self.app.auth(), clock=SystemClock(), meter=Counts())
        self.bots = CozeBots({"": self.bot}, credentials={"": Credentials(jwt=self.app)})
        self.left: list[float] = []
        """For how long the token of each call was good when the call came in."""

    def sessions(self) -> list[str]:
        """Of every token that was given out."""
        return [session for _, session in self.sim.world.minted.values()]

    def refused(self) -> list[Any]:
        return [call for call in self.sim.calls if call.get("code") or call["status"] != 200]


@asynccontextmanager
async def site(**limits: int) -> AsyncIterator[Site]:
    sim = CozeSimulator(deltas_per_second=400.0)

    @web.middleware
    async def note(request: web.Request, handler: Any) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if (minted := sim.world.minted.get(token)) is not None:
            made.left.append(minted[0] - made.clock.now())
        response: web.StreamResponse = await handler(request)
        return response

    sim.app.middlewares.append(note)
    async with Served(sim.app) as server:
        made = Site(sim, server.url, StillClock(), **limits)
        yield made
        await made.bots.aclose()


async def test_200_people_have_one_token_each_which_is_renewed_once_and_never_used_when_it_has_ended() -> None:
    async with site() as coze:

        async def everybody(times: int) -> None:
            await asyncio.gather(
                *(coze.bots.of("", person).new_conversation() for person in PEOPLE for _ in range(times))
            )

        await everybody(3)
        assert sorted(coze.sessions()) == sorted(PEOPLE)
        coze.clock.time += 3600 - 61
        await everybody(1)
        assert len(coze.sessions()) == 200
        for rounds in (2, 3):  # at the margin, and after the whole life
            coze.clock.time += 1 if rounds == 2 else 3600
            await everybody(3)
            assert sorted(coze.sessions()) == sorted(PEOPLE * rounds)
        assert len(coze.left) == 200 * 10
        assert min(coze.left) > 60
        assert coze.refused() == []
        assert {conversation.owner for conversation in coze.sim.conversations.values()} == {
            f"/{person}" for person in PEOPLE
        }


async def test_a_question_is_asked_in_the_session_of_who_opened_the_conversation() -> None:
    async with site() as coze:
        anns, bens = coze.bots.of("", "ann"), coze.bots.of("", "ben")
        conversation = await anns.new_conversation()
        question = Question(text="echo: hi", user="ben", conversation=conversation, mark="m")
        assert folded(await ask(anns, question)).text == "hi"
        assert coze.sim.chats[0].session_name == "ann"
        with pytest.raises(BotFailed) as refused:
            await ask(bens, question)
        assert refused.value.code == 4101
        assert coze.bots.of("") is coze.bot


async def test_what_ends_sooner_than_the_margin_is_used_for_half_its_life() -> None:
    async with site(seconds=40) as coze:
        bot = coze.bots.of("", "ann")
        await bot.new_conversation()
        coze.clock.time += 19
        await bot.new_conversation()
        assert len(coze.sessions()) == 1
        coze.clock.time += 2
        await bot.new_conversation()
        assert len(coze.sessions()) == 2
        assert coze.refused() == []


async def test_a_token_that_was_revoked_is_renewed_once_for_all_who_wait() -> None:
    async with site() as coze:
        bots = [coze.bots.of("", "ann") for _ in range(10)]
        await asyncio.gather(*(bot.new_conversation() for bot in bots))
        coze.sim.revoke(next(iter(coze.sim.world.minted)))
        await asyncio.gather(*(bot.new_conversation() for bot in bots))
        assert coze.sessions() == ["ann", "ann"]
        assert {call["code"] for call in coze.refused()} == {700012006}
        assert len(coze.sim.conversations) == 20


async def test_of_more_sessions_than_are_kept_the_least_recent_gets_a_new_token() -> None:
    async with site(most=3) as coze:
        for person in ("a", "b", "c", "a", "d", "a", "b"):
            await coze.bots.of("", person).new_conversation()
        assert coze.sessions() == ["a", "b", "c", "d", "b"]


async def test_who_waits_for_a_token_is_told_when_there_is_none_and_the_next_one_tries_again() -> None:
    async with site() as coze:
        coze.sim.fault("http", method="/api/permission/oauth2/token", value="502")
        bot = coze.bots.of("", "ann")
        with pytest.raises(Unreachable) as failed:
            await bot.new_conversation()
        assert failed.value.certain
        assert await bot.new_conversation()


async def test_all_who_wait_for_a_token_share_how_that_ends() -> None:
    async with site() as coze:
        coze.sim.fault("hang", method=TOKEN_PATH, seconds=0.2)
        bot = coze.bots.of("", "ann")
        waiting = [asyncio.create_task(bot.new_conversation()) for _ in range(20)]
        await coze.sim.wait(lambda: [call for call in coze.sim.calls if call.get("fault") == "hang"])
        waiting[0].cancel()  # who came first gives up, and the others wait on
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(one) for one in ended[1:]} == {Unreachable}
        assert len([call for call in coze.sim.calls if TOKEN_PATH in call["path"]]) == 1
        assert await bot.new_conversation()


async def test_a_call_waits_for_its_token_no_longer_than_for_its_answer() -> None:
    async with site() as coze:
        coze.sim.fault("hang", method=TOKEN_PATH, seconds=60.0)
        api = Api(coze.url, coze.app.auth("ann"), read_seconds=60.0)
        async with asyncio.timeout(GRACE):
            with pytest.raises(Unreachable, match="no token") as failed:
                await api.call("GET", "/v1/users/me", seconds=0.05)
            assert failed.value.certain
            with pytest.raises(Unreachable, match="no token"):
                async with api.streamed("/v1/workflow/stream_run", {}, seconds=0.05):
                    pass
        await api.aclose()
        coze.sim.hurry()
        await coze.app.aclose()


async def test_bots_of_three_sites_answer_side_by_side_each_with_its_token(tmp_path: Any) -> None:
    sims = {
        "cn": CozeSimulator("pat_cn", deltas_per_second=0),
        "com": CozeSimulator("pat_com", deltas_per_second=0),
        "studio": CozeSimulator("pat_studio", profile="studio", deltas_per_second=0),
    }
    async with Served(sims["cn"].app) as cn, Served(sims["com"].app) as com, Served(sims["studio"].app) as studio:
        urls = {"com": com.url, "studio": studio.url}
        file = tmp_path / "bridge.toml"
        file.write_text(
            "".join(
                f'[bots.{name}]\nbot_id = "7400000000000000001"\napi_base = "{url}"\napi_token = "pat_{name}"\n'
                for name, url in urls.items()
            )
        )
        environ = {"COZE_API_BASE": cn.url, "COZE_BOT_ID": "7400000000000000001", "COZE_API_TOKEN": "pat_cn"}
        bots = build_bots(load(file, environ), SystemClock(), Uncounted())
        await _asked_side_by_side(bots, {"": sims["cn"], "com": sims["com"], "studio": sims["studio"]})
        assert not any(call.get("code") for sim in sims.values() for call in sim.calls)
        await bots.aclose()


async def test_a_jwt_app_and_a_bot_with_a_token_of_its_own_live_side_by_side(tmp_path: Any) -> None:
    ours, theirs = CozeSimulator("pat_unused", deltas_per_second=0), CozeSimulator("pat_com", deltas_per_second=0)
    async with Served(ours.app) as cn, Served(theirs.app) as com:
        file = tmp_path / "bridge.toml"
        file.write_text(
            '[bots.here]\nbot_id = "7400000000000000001"\n'
            f'[bots.com]\nbot_id = "7400000000000000001"\napi_base = "{com.url}"\napi_token = "pat_com"\n'
        )
        environ = {
            "COZE_API_BASE": cn.url,
            "COZE_BOT_ID": "7400000000000000001",
            "COZE_JWT_OAUTH_CLIENT_ID": "app",
            "COZE_JWT_OAUTH_PUBLIC_KEY_ID": "kid",
            "COZE_JWT_OAUTH_PRIVATE_KEY": PEM,
        }
        bots = build_bots(load(file, environ), SystemClock(), Uncounted())
        await _asked_side_by_side(bots, {"": ours, "here": ours, "com": theirs})
        assert [session for _, session in ours.world.minted.values()] == ["ann"]  # one for both bots of the account
        assert not theirs.world.minted
        await bots.aclose()
        bots = build_bots(load(file, environ | {"COZE_JWT_OAUTH_SESSIONS": "false"}), SystemClock(), Uncounted())
        await bots.of("", "ann").new_conversation()
        assert [session for _, session in ours.world.minted.values()] == ["ann", ""]
        await bots.aclose()


async def _asked_side_by_side(bots: Any, sims: dict[str, CozeSimulator]) -> None:
    async def one(name: str) -> str:
        bot = bots.of(name, "ann")
        conversation = await bot.new_conversation()
        events = await ask(bot, Question(text=f"echo: {name}.", user="ann", conversation=conversation, mark="m"))
        return folded(events).text

    said = await asyncio.gather(*(one(name) for name in sims))
    assert said == [f"{name}." for name in sims]
    for name, sim in sims.items():
        assert f"echo: {name}." in [chat.question for chat in sim.chats]


async def test_a_login_that_nobody_uses_any_more_is_told_and_a_plain_token_serves_everybody() -> None:
    async with site() as coze:
        with pytest.raises(BotFailed) as over:
            coze.bots.of("", "ann~1")
        assert over.value.say == "login"
        plain = CozeBots({"": CozeBot(coze.url, "1", token_auth("x"), clock=SystemClock(), meter=Counts())})
        assert plain.of("", "ann") is plain.of("", "ben")
        await plain.aclose()
