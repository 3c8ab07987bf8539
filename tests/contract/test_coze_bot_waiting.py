"""How long a CozeBot waits, and how it renews its OAuth tokens."""

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.coze import jwt_auth
from bridge.answer import TextDelta
from bridge.errors import BotFailed, ConfigError, Transient, Unreachable
from bridge.ports import Question
from simulators.coze import Answer as Say
from tests.contract.coze_place import (  # noqa: F401 - fixtures `place` and `studio`
    GRACE,
    Counts,
    Place,
    ask,
    broken,
    folded,
    place_fixture,
    recall,
    started,
    studio_fixture,
)

# ---- silence ----


async def test_a_slow_first_token_is_waited_for(place: Place) -> None:
    bot = place.open(idle_seconds=0.2, silence_seconds=30.0)
    place.sim.fault("slow_first", seconds=0.7)
    assert folded(await ask(bot, await place.question("echo: late"))).text == "late"
    assert any("/v3/chat/retrieve" in call["path"] for call in place.sim.calls)


async def test_a_silent_stream_of_a_chat_that_ended_is_cut(place: Place) -> None:
    bot = place.open(idle_seconds=0.1, silence_seconds=30.0)
    place.sim.fault("stall", after=1, seconds=60)
    place.sim.script("say", Say(text="The whole answer."))
    came, error = await broken(bot, await place.question("say"), Unreachable)
    assert not error.certain
    assert folded(await recall(bot, started(came))).text == "The whole answer."


async def test_a_chat_that_stays_silent_is_cancelled(place: Place) -> None:
    bot = place.open(idle_seconds=0.1, silence_seconds=0.3)
    place.sim.fault("stall_all", after=1, seconds=60)
    came, error = await broken(bot, await place.question("list"), BotFailed)
    assert (error.say, error.reference) == ("stalled", place.sim.calls[1]["logid"])
    assert isinstance(came[-1], TextDelta)
    assert place.sim.chats[0].status == "canceled"
    assert all(transport.is_closing() for transport in place.sim.world.transports)


async def test_silence_of_the_whole_network_is_no_stalled_chat(place: Place) -> None:
    bot = place.open(idle_seconds=0.1, silence_seconds=0.3)
    place.sim.fault("stall_all", after=1, seconds=60)
    place.sim.fault("http", method="/v3/chat/retrieve", value="503", times=-1)
    _, error = await broken(bot, await place.question("list"), Unreachable)
    assert not error.certain
    assert place.sim.chats[0].status == "in_progress"


@pytest.mark.parametrize("path", ["/v3/chat/retrieve", "/v3/chat/message/list"])
@pytest.mark.parametrize("fault", [("http", "503"), ("http", "429"), ("code", "5000"), ("refuse", "")])
async def test_trouble_while_recalling_never_means_that_there_is_no_chat(
    place: Place, path: str, fault: tuple[str, str]
) -> None:
    chat = started(await ask(place.bot, await place.question("echo: x")))
    place.sim.fault(fault[0], method=path, value=fault[1], times=2 if fault[0] == "refuse" else 1)
    with pytest.raises(Transient) as caught:
        await recall(place.bot, chat)
    assert not caught.value.certain
    assert folded(await recall(place.bot, chat)).text == "x"


async def test_recall_does_not_wait_for_ever(place: Place) -> None:
    bot = place.open(recall_seconds=0.2)
    place.sim.script("never", Say(text="x", first_delay=60))
    async with bot.ask(await place.question("never")) as events:
        chat = started([await anext(events)])
    with pytest.raises(BotFailed) as caught:
        await recall(bot, chat)
    assert caught.value.say == "stalled"
    assert place.sim.chats[0].status == "canceled"


# ---- OAuth ----


@pytest.fixture(scope="module")
def pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def tokens(place: Place) -> int:
    return sum("oauth2/token" in call["path"] for call in place.sim.calls)


async def test_one_oauth_token_serves_all_and_is_renewed_when_it_is_refused(place: Place, pem: str) -> None:
    bot = place.open(jwt_auth("app", "kid", pem.replace("\n", "\\n"), place.url))
    questions = [await place.question(f"echo: {number}") for number in range(10)]
    answers = await asyncio.gather(*(ask(bot, question) for question in questions))
    assert [folded(events).text for events in answers] == [str(number) for number in range(10)]
    assert tokens(place) == 1
    place.sim.world.revoked |= set(place.sim.world.minted)
    again = [Question(text="echo: y", user="u", conversation=q.conversation, mark="m2") for q in questions]
    answers = await asyncio.gather(*(ask(bot, question) for question in again))
    assert [folded(events).text for events in answers] == ["y"] * 10
    assert tokens(place) == 2
    place.sim.world.revoked |= set(place.sim.world.minted)
    assert await bot.new_conversation()
    assert tokens(place) == 3


async def test_a_refused_oauth_app_is_for_the_operator(place: Place, pem: str) -> None:
    place.sim.world.jwt_client_id = "another"
    bot = place.open(jwt_auth("app", "kid", pem, place.url))
    _, error = await broken(bot, await place.question("x"), BotFailed)
    assert error.say == "credentials"
    assert tokens(place) == 1


async def test_a_token_that_never_helps_is_renewed_once(place: Place, pem: str) -> None:
    bot = place.open(jwt_auth("app", "kid", pem, place.url))
    place.sim.fault("code", value="4101", times=-1)
    _, error = await broken(bot, await place.question("x"), BotFailed)
    assert error.say == "permission"
    assert tokens(place) == 2


@pytest.mark.parametrize("bad", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_bad_private_key_is_a_configuration_error(bad: str) -> None:
    with pytest.raises(ConfigError, match="COZE_JWT_OAUTH_PRIVATE_KEY") as caught:
        jwt_auth("app", "kid", bad, "https://api.coze.cn")
    assert "AAAA" not in str(caught.value)
