"""What only the operator can mend: logged once an hour, counted, and told to the admins once in six hours."""

import logging

import pytest

from adapters.metrics import Metrics
from bridge.access import Admin, parse_admins
from bridge.alerts import CAUSES, Alerts
from bridge.answer import Answer
from bridge.errors import BotFailed, BridgeError, ConfigError, Unreachable
from bridge.expiry import Expiry
from bridge.model import Access, TurnState
from storage import SqlStore
from tests.clocks import StillClock
from tests.contract.store_contract import MINE, SERVING, claim, message, person, place

QUOTA = BotFailed("Coze 4028: Your free quota has been used up", say="quota", code=4028, reference="LOG-1")
HOUR = 3600.0
ACCOUNTS = {("telegram", "bot"), ("slack", "T1")}


def alerts(store: SqlStore, clock: StillClock, admins: str = "telegram:7", meter: Metrics | None = None) -> Alerts:
    return Alerts(store=store, clock=clock, meter=meter or Metrics(), admins=parse_admins(admins), accounts=ACCOUNTS)


async def told(store: SqlStore) -> list[tuple[str, str]]:
    """What waits to be said, to whom; and says it."""
    found = []
    while (turn := await store.claim(MINE, ACCOUNTS)) is not None:
        found.append(
            (f"{turn.address.platform}:{turn.address.account}:{turn.address.chat}", Answer.load(turn.answer).note)
        )
        await store.settle(turn, TurnState.DELIVERED)
    return found


async def test_the_admins_are_told_what_happened_and_what_to_do(store: SqlStore, clock: StillClock) -> None:
    them = alerts(store, clock, "telegram:7, slack:T1:U9, slack:T2:U9")
    await them.refused(QUOTA, bot="sales")
    found = dict(await told(store))
    assert set(found) == {"telegram:bot:7", "slack:T1:U9"}, "we are not in the workspace T2"
    (said,) = set(found.values())
    for part in (
        "quota of the plan is used up",
        "Extend the plan",
        "4028",
        "LOG-1",
        "bot: sales",
        "concerned: 1",
        "升级套餐",
    ):
        assert part in said


async def test_once_in_six_hours_by_however_many_processes(store: SqlStore, clock: StillClock) -> None:
    clock.time -= clock.time % (6 * HOUR)
    first, second = alerts(store, clock), alerts(store, clock)
    for _ in range(5):
        await first.refused(QUOTA)
        await second.refused(QUOTA)
    assert len(await told(store)) == 1
    clock.time += 6 * HOUR - 1
    await alerts(store, clock).refused(QUOTA)
    assert await told(store) == [], "a process that has just started knows it too"
    clock.time += 1
    await first.refused(QUOTA)
    await second.refused(QUOTA)
    ((_, said),) = await told(store)
    assert "questions concerned: 5" in said, "those of the first process since it told, and this one"


async def test_another_cause_and_another_bot_are_told_by_themselves(store: SqlStore, clock: StillClock) -> None:
    them = alerts(store, clock)
    await them.refused(QUOTA)
    await them.refused(QUOTA, bot="sales")
    await them.refused(BotFailed("no", say="credentials"))
    assert len(await told(store)) == 3


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause != "expiring"])
async def test_each_cause_is_logged_once_an_hour_with_its_mend(cause, clock, caplog, tmp_path) -> None:
    meter = Metrics(causes=CAUSES)
    them = Alerts(store=None, clock=clock, meter=meter, admins=(), accounts=())
    error = BotFailed("Coze 1: why", say=cause, code=1, reference="LOG-1")
    with caplog.at_level(logging.ERROR, logger="bridge.alerts"):
        for _ in range(3):
            await them.refused(error)
        clock.time += HOUR
        await them.refused(error)
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert [record.refused for record in caplog.records] == [1, 3]
    assert {(record.cause, record.code, record.coze_log) for record in caplog.records} == {(cause, 1, "LOG-1")}
    assert f'coze_alerts_total{{cause="{cause}"}} 2.0' in meter.show({}, None).decode()


@pytest.mark.parametrize(
    "error",
    [
        *(BotFailed("x", say=say) for say in ("content", "risk", "too_long", "file_type", "unanswerable", "stalled")),
        Unreachable("x"),
        Unreachable("x", say="model"),
        BotFailed("x"),
    ],
    ids=lambda error: error.say,
)
async def test_nobody_is_alarmed_for_what_a_person_did_or_what_passes(
    error: BridgeError, store: SqlStore, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    await alerts(store, clock).refused(error)
    assert await told(store) == []
    assert not caplog.records


async def test_when_it_works_again_that_is_told_once(store: SqlStore, clock: StillClock) -> None:
    them = alerts(store, clock)
    await them.answered("")
    await them.refused(QUOTA)
    await them.refused(BotFailed("no", say="permission"))
    await them.answered("sales")
    assert len(await told(store)) == 2
    await them.answered("")
    await them.answered("")
    ((_, said),) = await told(store)
    assert "Over, questions are answered again" in said
    assert "quota" in said
    await them.refused(QUOTA)
    await them.answered("")
    assert await told(store) == [], "what comes and goes is told once in six hours"


async def test_what_the_database_would_not_take_is_told_at_the_next_question(
    store: SqlStore, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    them = alerts(store, clock)

    async def away(*_: object) -> None:
        raise Unreachable("the database does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(SqlStore, "obey", away)
        await them.refused(QUOTA)
    await them.refused(QUOTA)
    ((_, said),) = await told(store)
    assert "concerned: 2" in said


async def test_to_tell_somebody_lets_nobody_in(store: SqlStore, clock: StillClock) -> None:
    await alerts(store, clock).refused(QUOTA)
    (row,) = await store.people(sender="7")
    assert row.access == "known"
    await told(store)
    await store.decide([row.id], Access.BLOCKED)
    clock.time += 6 * HOUR
    await alerts(store, clock).refused(QUOTA)
    assert await told(store) == [], "who is blocked is not written to"


async def test_that_the_credentials_end_is_told_once_a_day(store: SqlStore, clock: StillClock) -> None:
    them = alerts(store, clock)
    expiry = Expiry(until=lambda: 1_800_500_000.0, mend="renew it", clock=clock)
    expiry.alert = them.expiring
    await expiry.round()
    await alerts(store, clock).expiring(1.0)
    ((_, said),) = await told(store)
    assert "less than 6 days" in said
    assert "6 天内到期" in said
    clock.time += 86400
    await expiry.round()
    assert len(await told(store)) == 1


async def test_it_waits_behind_no_question(store: SqlStore, clock: StillClock) -> None:
    asked = message("1", chat="7", sender="7")
    await store.receive(asked, person("7"), place(asked))
    await claim(store)
    await alerts(store, clock).refused(QUOTA)
    assert (turn := await store.claim(MINE, SERVING)) is not None
    assert turn.conversation is None


def test_who_is_told_is_read_as_allow_is() -> None:
    assert parse_admins(" telegram:123 ,slack:T0:U1,telegram:123") == [
        Admin("telegram", "", "123"),
        Admin("slack", "T0", "U1"),
    ]
    for wrong in ("123", "*", "telegram:chat:-5", "slack:T0", "slack:U1", ",", "slack:T0:C1"):
        with pytest.raises(ConfigError, match="ADMINS"):
            parse_admins(wrong)
