"""Who is let in, and what is said to those who are not: intake and door on a real database, with a clock to move."""

import logging
import re
from dataclasses import replace

import pytest

from bridge import door as doors
from bridge.access import code_digest, parse_access
from bridge.answer import Answer
from bridge.door import Door
from bridge.errors import Unreachable
from bridge.intake import Intake
from bridge.model import Access, Address, File, Inbound, Lease, Sender, Turn, TurnState
from bridge.presses import Presses
from storage import open_store
from tests.clocks import StillClock
from tests.contract.slack_world import Tally
from tests.one_bot import OneBot

CODE = re.compile(r"[A-Z2-9]{4}-[A-Z2-9]{4}")


class Company:
    """What the door asks of an adapter whose account belongs to a workspace."""

    def __init__(self) -> None:
        self.members = {"UALICE"}
        self.down = False

    async def is_member(self, sender: str) -> bool:
        if self.down:
            raise Unreachable("users.info: no response")
        return sender in self.members


class Entrance:
    """Intake behind a door, before a real store."""

    def __init__(self, store, clock, allow):
        self.store, self.clock = store, clock
        self.meter, self.company, self.woken = Tally(), Company(), 0
        adapters = {("slack", "T1"): self.company, ("telegram", "7"): object()}
        allowed = None if allow is None else parse_access(allow)
        made = Door(store=store, allow=allowed, adapters=adapters)
        presses = Presses(store=store, bots=OneBot(object()), meter=self.meter)
        self.intake = Intake(
            store=store, door=made, presses=presses, wake=self.wake, meter=self.meter, route=lambda _: ""
        )
        self.number = 0

    def wake(self) -> None:
        self.woken += 1

    async def hears(self, sender: str = "1", text: str = "hello", **more) -> str:
        """The outcome of a message; `platform`, `chat`, `again` and whatever Inbound has."""
        platform, account = more.pop("platform", "telegram"), "7"
        if platform == "slack":
            account = "T1"
        self.number += not more.pop("again", False)
        address = Address(platform=platform, account=account, chat=more.pop("chat", sender))
        tag = more.pop("tag", "")
        inbound = Inbound(
            key=f"{platform}:{self.number}",
            address=address,
            sender=Sender(id=sender, language=tag),
            text=text,
            sent_at=0.0,
            sort_key=f"{self.number:06d}",
        )
        before = self.meter.counted.copy()
        await self.intake.accept(replace(inbound, **more))
        (outcome,) = (self.meter.counted - before).keys()
        return outcome[-1]

    async def said(self) -> list[str]:
        """What will be said, in the order in which it was heard; each once."""
        lease = Lease(owner="test", seconds=60)
        found = []
        while turn := await self.store.claim(lease, [("telegram", "7"), ("slack", "T1")]):
            found.append((turn.id, sentence(turn)))
            await self.store.settle(turn, TurnState.DELIVERED)
        return [said for _, said in sorted(found)]

    async def decide(self, sender: str, access: Access) -> None:
        await self.store.decide([one.id for one in await self.store.people(platform="telegram", sender=sender)], access)


def sentence(turn: Turn) -> str:
    return Answer.load(turn.answer).note if turn.answer else f"asks: {turn.question}"


@pytest.fixture
def clock():
    return StillClock()


@pytest.fixture
async def entrance(tmp_path, clock):
    """With ALLOW unset."""
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path}/bridge.db", clock)
    yield Entrance(store, clock, None)
    await store.aclose()


def with_list(entrance: Entrance, allow: str) -> Entrance:
    return Entrance(entrance.store, entrance.clock, allow)


# ---- ALLOW unset, where people are paired


async def test_a_stranger_gets_one_code_and_then_silence_until_it_expires(entrance, clock):
    secret = (File(kind="photo", ref="canary", name="canary.jpg"),)
    assert await entrance.hears(text="canary", files=secret) == "told"
    assert entrance.woken == 1
    (turn,) = await entrance.store.turns()
    assert (turn.kind, turn.state, turn.question) == ("command", "finalising", "")
    (said,) = await entrance.said()
    assert len(set(CODE.findall(said))) == 1
    assert f"coze-bridge allow {CODE.findall(said)[0]}" in said
    for text in ("canary", "/new", "let me in"):
        assert await entrance.hears(text=text, command="new" * (text == "/new")) == "refused"
    assert entrance.woken == 1
    clock.time += doors.CODE_SECONDS - 1
    assert await entrance.hears() == "refused"
    assert len(await entrance.store.turns()) == 1
    clock.time += 1
    assert await entrance.hears() == "told"
    (anew,) = await entrance.said()
    assert CODE.findall(anew) != CODE.findall(said)


async def test_the_same_update_again_says_nothing_more(entrance, clock):
    assert await entrance.hears() == "told"
    assert await entrance.hears(again=True) == "refused"
    clock.time += doors.CODE_SECONDS
    assert await entrance.hears(again=True) == "seen"
    assert len(await entrance.said()) == 1


async def test_a_code_admits_at_once_and_only_that_one(entrance, clock):
    await entrance.hears()
    await entrance.hears("2")
    mine, _ = [CODE.findall(said)[0] for said in await entrance.said()]
    store = entrance.store
    assert await store.admit(code_digest("ABCD-EFGH")) is None
    admitted = await store.admit(code_digest(mine.lower().replace("-", "")))
    assert (admitted.platform, admitted.sender) == ("telegram", "1")
    assert await store.admit(code_digest(mine)) is None
    assert await entrance.hears(text="and now?") == "question"
    assert await entrance.said() == ["asks: and now?"]
    assert await entrance.hears("2") == "refused"
    clock.time += doors.CODE_SECONDS
    assert await entrance.hears("2") == "told"


async def test_an_expired_code_admits_nobody(entrance, clock):
    await entrance.hears()
    (said,) = await entrance.said()
    clock.time += doors.CODE_SECONDS
    assert await entrance.store.admit(code_digest(CODE.findall(said)[0])) is None
    assert await entrance.hears() == "told"


async def test_it_is_said_in_their_language(entrance):
    await entrance.hears("1", tag="zh-hans")
    await entrance.hears("2", text="你好")
    await entrance.hears("3", text="你好", tag="en")
    first, second, third = await entrance.said()
    assert "配对码" in first
    assert "配对码" in second
    assert "show this code" in third


async def test_in_a_group_each_has_their_own_code(entrance):
    for sender in ("1", "2"):
        assert await entrance.hears(sender, chat="-100", personal=True, reply_to="5") == "told"
    codes = [CODE.findall(said)[0] for said in await entrance.said()]
    assert len(set(codes)) == 2
    assert await entrance.hears("3", chat="-100", addressed=False) == "ignored"
    assert len(await entrance.store.people()) == 2


async def test_a_flood_of_strangers_is_told_no_more_than_so_many_and_the_log_says_so_once(entrance, clock, caplog):
    with caplog.at_level(logging.WARNING, logger="bridge.door"):
        outcomes = [await entrance.hears(str(number)) for number in range(doors.MOST_TOLD + 20)]
    assert outcomes == ["told"] * doors.MOST_TOLD + ["crowded"] * 20
    assert len([record for record in caplog.records if record.name == "bridge.door"]) == 1
    assert len(await entrance.store.people()) == doors.MOST_TOLD
    clock.time += doors.CODE_SECONDS
    assert await entrance.hears("late") == "told"


# ---- ALLOW unset, where there are members


async def test_members_come_in_and_others_hear_it_once_a_day(entrance, clock):
    slack = {"platform": "slack", "chat": "D1"}
    assert await entrance.hears("UALICE", **slack) == "question"
    assert await entrance.hears("UGUEST", **slack) == "told"
    assert await entrance.hears("UGUEST", **slack) == "refused"
    asked, said = await entrance.said()
    assert asked == "asks: hello"
    assert "full members" in said
    assert not CODE.search(said)
    clock.time += doors.REFUSAL_SECONDS - 1
    assert await entrance.hears("UGUEST", **slack) == "refused"
    clock.time += 1
    assert await entrance.hears("UGUEST", **slack) == "told"
    entrance.company.members.add("UGUEST")
    assert await entrance.hears("UGUEST", **slack) == "question", "a member now"


async def test_what_nobody_addressed_to_us_is_not_answered(entrance):
    assert await entrance.hears("UGUEST", platform="slack", chat="C1", addressed=False) == "ignored"
    assert await entrance.hears("UALICE", platform="slack", chat="C1", personal=False) == "question"
    entrance.company.members.clear()
    assert await entrance.hears("UALICE", platform="slack", chat="C1", personal=False, addressed=False) == "refused"
    assert len(await entrance.store.turns()) == 1


async def test_while_membership_cannot_be_known_nothing_is_acknowledged(entrance):
    entrance.company.down = True
    with pytest.raises(Unreachable):
        await entrance.hears("UALICE", platform="slack")
    assert await entrance.store.people() == []
    entrance.company.down = False
    assert await entrance.hears("UALICE", platform="slack", again=True) == "question"


async def test_the_operator_may_let_a_guest_in(entrance):
    await entrance.hears("UGUEST", platform="slack")
    (guest,) = await entrance.store.people()
    await entrance.store.decide([guest.id], Access.PAIRED)
    assert await entrance.hears("UGUEST", platform="slack") == "question"


# ---- ALLOW set


async def test_a_list_decides_alone(entrance, clock):
    listed = with_list(entrance, "telegram:1, telegram:chat:-100, slack:T1:UGUEST")
    assert await listed.hears("1") == "question"
    assert await listed.hears("2", chat="-100") == "question"
    assert await listed.hears("UGUEST", platform="slack") == "question"
    assert await listed.hears("UALICE", platform="slack") == "told"
    assert await listed.hears("2") == "told"
    await listed.decide("2", Access.PAIRED)
    assert await listed.hears("2") == "told"
    assert await listed.hears("2") == "refused"
    clock.time += doors.REFUSAL_SECONDS
    assert await listed.hears("2") == "told"
    said = (await listed.said())[3:]
    assert len(said) == 4
    assert all("may not answer you" in one for one in said)


async def test_a_paired_person_stays_paired_while_a_list_is_set(entrance):
    await entrance.hears("2")
    await entrance.decide("2", Access.PAIRED)
    assert await with_list(entrance, "telegram:1").hears("2", text="x") == "seen", "the key of the first message"
    assert await entrance.hears("2") == "question"


@pytest.mark.parametrize("allow", [None, "*", "telegram:1"])
async def test_who_is_blocked_gets_silence_whatever_else_lets_them_in(entrance, allow):
    await entrance.hears("1")
    await entrance.decide("1", Access.BLOCKED)
    strict = entrance if allow is None else with_list(entrance, allow)
    strict.number = 100
    before = len(await entrance.store.turns())
    assert await strict.hears("1") == "refused"
    assert await strict.hears("1", command="help", text="") == "refused"
    assert len(await entrance.store.turns()) == before
    await entrance.decide("1", Access.OPEN)
    assert await strict.hears("1") == ("told" if allow is None else "question")


async def test_who_was_refused_by_a_list_is_told_a_code_once_there_is_none(entrance, clock):
    listed = with_list(entrance, "telegram:1")
    assert await listed.hears("2") == "told"
    assert await listed.hears("UGUEST", platform="slack") == "told"
    await listed.said()
    entrance.number = 100
    assert await entrance.hears("2") == "told"
    for _ in range(3):
        assert await entrance.hears("2") == "refused"
    assert await entrance.hears("UGUEST", platform="slack") == "refused", "there is no code to be told"
    (said,) = await entrance.said()
    assert await entrance.store.admit(code_digest(CODE.findall(said)[0]))
    assert await entrance.hears("2") == "question"


async def test_everybody_may_come_in_with_a_star(entrance):
    star = with_list(entrance, "*")
    assert await star.hears("1") == "question"
    assert await star.hears("UGUEST", platform="slack") == "question"
