"""What the Store promises of conversations: with which bot, under which name, what they wait for, and older ones."""

import asyncio
import json
from dataclasses import replace

import pytest

from bridge.errors import LeaseLost
from bridge.model import Access, Act, File, Inbound, Pending, ToolCall, Turn, TurnId, TurnState
from bridge.ports import Effect, Told
from storage import SqlStore
from storage.tables import conversations
from tests.clocks import StillClock
from tests.contract.store_contract import MINE, SERVING, THEIRS, claim, message, order, person, place, receive

DELIVERED = TurnState.DELIVERED


async def ask(store: SqlStore, inbound: Inbound, *, bot: str = "", where: str = "") -> TurnId:
    turn = await store.receive(inbound, person(inbound.sender.id), where or place(inbound), bot=bot)
    assert turn is not None
    return turn


async def answered(store: SqlStore, key: str, *, pending: str = "", coze: str = "", **more: str) -> Turn:
    """A question that was asked and answered."""
    await receive(store, message(key, **more))
    turn = await claim(store)
    await store.asking(turn, coze or turn.coze_conversation or f"coze {key}", at=1.0)
    await store.finalising(turn, f"answer to {key}", pending=pending)
    await store.settle(turn, DELIVERED)
    return turn


async def say(store: SqlStore, key: str, effect: Effect, **more: str) -> None:
    """A command, and its answer."""
    sent = message(key, **more)
    await store.obey(sent, person(sent.sender.id), place(sent), effect, lambda _: "said")
    await store.settle(await claim(store), DELIVERED)


async def resume(store: SqlStore, key: str, conversation: int | None, **more: str) -> bool:
    sent = message(key, **more)
    return await store.resume(sent, person(sent.sender.id), place(sent), conversation or 0, "resumed")


async def names(store: SqlStore) -> list[str]:
    return [one.name for one in await store.pasts(place(message("")), person())]


# ---- bots, acts, names


async def test_a_turn_says_which_bot_is_asked_in_whose_session(store: SqlStore) -> None:
    await ask(store, message("a"), bot="tutor", where="shared")
    turn = await claim(store)
    assert (turn.bot, turn.act, turn.sender, turn.session, turn.voice) == ("tutor", "", "ann", "coze-ann", "")
    await store.settle(turn, DELIVERED)
    await ask(store, message("b", sender="eve"), bot="tutor", where="shared")
    turn = await claim(store)
    assert (turn.bot, turn.sender, turn.coze_user, turn.session) == ("tutor", "eve", "coze-eve", "coze-ann")


async def test_another_bot_begins_a_new_conversation(store: SqlStore) -> None:
    for key, bot in (("a", ""), ("b", ""), ("c", "tutor"), ("d", "tutor"), ("e", "")):
        await ask(store, message(key), bot=bot)
    found = []
    while turn := await store.claim(replace(MINE, owner=str(len(found))), SERVING):
        found.append((turn.key, turn.bot, turn.conversation))
        await store.asking(turn, f"coze {turn.conversation}", at=1.0)
        await store.settle(turn, DELIVERED)
    assert [(key, bot) for key, bot, _ in sorted(found)] == [*zip("abcde", ("", "", "tutor", "tutor", ""), strict=True)]
    first, same, other, too, last = (where for *_, where in sorted(found))
    assert first == same
    assert other == too
    assert len({first, other, last}) == 3
    bots = await store.pasts(place(message("a")), person(), bot="tutor")
    assert [(one.id, one.current) for one in bots] == [(other, False)]


async def test_many_may_find_another_bot_at_once(store: SqlStore) -> None:
    await ask(store, message("a"))
    await asyncio.gather(*(ask(store, message(f"b{number}"), bot="tutor") for number in range(8)))
    assert await order(store._database, "SELECT count(*) FROM conversations") == 2
    assert await order(store._database, "SELECT count(*) FROM turns WHERE bot = 'tutor'") == 8


async def test_an_act_stands_in_the_queue_and_names_nothing(store: SqlStore) -> None:
    act = replace(message("a"), act=Act.CLEAR, text="clear", files=())
    await ask(store, act)
    await ask(store, message("b"))
    turn = await store.claim(MINE, SERVING, merge=True)
    assert turn is not None
    assert (turn.key, turn.act, turn.merged) == ("a", "clear", 0)
    assert await store.claim(THEIRS, SERVING) is None
    await store.settle(turn, DELIVERED)
    later = replace(message("c"), act="allow:7", text="Allow", files=())
    await ask(store, later)
    turn = await store.claim(MINE, SERVING, merge=True)
    assert turn is not None
    assert (turn.key, turn.act) == ("b", "")
    assert (await store.last_question(place(act), person()))[0] == "text of b", "an act is no question to retry"
    assert await order(store._database, "SELECT name FROM conversations") == ""


async def test_what_is_asked_anew_is_a_question_as_any_other(store: SqlStore) -> None:
    again = replace(message("a"), act=Act.ANEW, files=())
    await ask(store, again)
    turn = await store.claim(MINE, SERVING)
    assert turn is not None
    assert (await store.last_question(place(again), person()))[0] == "text of a"
    assert await order(store._database, "SELECT name FROM conversations") == "text of a"
    await store.settle(turn, TurnState.FAILED)
    assert await store.erase_texts(9e9, most=10) == 1
    assert not await store.ask_again(turn.id), "its text is erased"
    summary = await store.turn(turn.id)
    assert summary is not None
    assert summary.erased


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  how \n\n is\tthe weather? ", "how is the weather?"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        ("天" * 5000, "天" * 79 + "…"),
        ("", ""),
    ],
)
async def test_a_conversation_is_named_by_its_first_question(store: SqlStore, text: str, name: str) -> None:
    await ask(store, replace(message("a"), text=text))
    await ask(store, replace(message("b"), text="another"))
    assert await order(store._database, "SELECT name FROM conversations") == name
    assert await names(store) == [name or "another"]


# ---- what it waits for


async def test_an_answer_leaves_what_its_conversation_waits_for(store: SqlStore) -> None:
    where = place(message("a"))
    assert await store.waits(where) == ""
    waits = Pending(turn=TurnId(1), calls=(ToolCall(id="1", name="get_rain", arguments="{}"),), chat="c").dump()
    await answered(store, "a", pending=waits)
    assert await store.waits(where) == waits
    assert await store.waits("elsewhere") == ""
    await receive(store, message("b", chat="elsewhere"))
    assert (await claim(store)).pending == ""
    await receive(store, message("c"))
    turn = await claim(store)
    assert turn.pending == waits
    await store.finalising(turn, "answer")
    assert await store.waits(where) == ""


async def test_who_lost_the_lease_changes_nothing_of_it(store: SqlStore, clock: StillClock) -> None:
    await receive(store, message("a"))
    turn = await claim(store)
    await store.release(MINE.owner)
    again = await claim(store, THEIRS)
    with pytest.raises(LeaseLost):
        await store.finalising(turn, "answer", pending="x")
    with pytest.raises(LeaseLost):
        await store.prepared(turn, [])
    assert await store.waits(place(message("a"))) == ""
    assert again.files


async def test_a_command_waits_for_nothing(store: SqlStore) -> None:
    await answered(store, "a", pending="x")
    sent = message("b")
    await store.obey(sent, person(), place(sent), Effect.NONE, lambda _: "said")
    command = await claim(store)
    assert (command.pending, command.session) == ("", "coze-ann")
    await store.finalising(command, "said")
    assert await store.waits(place(sent)) == "x"


# ---- files


async def test_what_is_known_of_files_is_kept(store: SqlStore) -> None:
    sent = (File(kind="voice", ref="r", name="n", size=3, mime="audio/ogg"), File(kind="photo", ref="s"))
    await ask(store, replace(message("a"), files=sent))
    turn = await claim(store)
    assert turn.files == sent
    ready = [replace(sent[0], coze="file", heard='said "that"', amiss="large:7"), sent[1]]
    await store.prepared(turn, ready)
    await store.postpone(turn, TurnState.RECEIVED, until=0.0, attempts=1)
    assert (await claim(store)).files == tuple(ready)
    assert (await store.last_question(place(message("a")), person()))[1] == tuple(ready)


async def test_an_older_version_can_read_them(store: SqlStore) -> None:
    await ask(store, replace(message("a"), files=(File(kind="photo", ref="r", mime="image/png", coze="file"),)))
    kept = await order(store._database, "SELECT CAST(files AS TEXT) FROM turns")
    assert '"coze"' not in kept.partition('"+"')[0]
    assert all(row.keys() <= {"kind", "ref", "name", "size"} for row in json.loads(kept))


async def test_a_question_that_is_files_alone_is_asked_again_and_its_files_are_erased(
    store: SqlStore, clock: StillClock
) -> None:
    turn_id = await ask(store, replace(message("a"), text=""))
    await store.settle(await claim(store), TurnState.CANCELLED)
    found = await store.turn(turn_id)
    assert found is not None
    assert not found.erased
    assert await store.ask_again(turn_id)
    await store.settle(await claim(store), TurnState.CANCELLED)
    assert await store.erase_texts(clock.time + 1, most=10) == 1
    assert await order(store._database, "SELECT CAST(files AS TEXT) FROM turns") == "[]"
    assert not await store.ask_again(turn_id)
    found = await store.turn(turn_id)
    assert found is not None
    assert found.erased
    assert await store.erase_texts(clock.time + 1, most=10) == 0


async def test_an_upload_is_known_until_it_is_over(store: SqlStore, clock: StillClock) -> None:
    await store.keep_upload("coze.cn", "d1", "file 1", seconds=100)
    await store.keep_upload("coze.cn", "d1", "file 2", seconds=200)
    await store.keep_upload("coze.com", "d1", "file 3", seconds=50)
    clock.time += 150
    assert await store.uploaded("coze.cn", "d1") == "file 2"
    assert await store.uploaded("coze.com", "d1") == ""
    assert await store.uploaded("coze.cn", "d2") == ""
    clock.time += 3600
    await store.tidy()
    assert await order(store._database, "SELECT count(*) FROM uploads") == 1
    clock.time += 3600
    await store.tidy()
    assert await order(store._database, "SELECT count(*) FROM uploads") == 0


# ---- voices and judgements


async def test_a_voice_is_kept_with_its_person(store: SqlStore) -> None:
    assert await store.voice(person()) == ""
    await store.speak(person(), "alto")
    assert await store.voice(person()) == "alto"
    assert await store.voice(person("eve")) == ""
    await receive(store, message("a"))
    assert (await claim(store)).voice == "alto"
    await store.speak(person(), "")
    assert await store.voice(person()) == ""


async def test_a_voice_lets_nobody_in(store: SqlStore) -> None:
    await store.speak(person(), "alto")
    (ann,) = await store.people()
    await store.decide([ann.id], Access.BLOCKED)
    await store.speak(person(), "bass")
    assert (await store.acquaintance(person())).access is Access.BLOCKED


async def test_a_judgement_can_be_taken_back(store: SqlStore) -> None:
    await ask(store, message("a"), bot="tutor")
    turn = await claim(store)
    await store.finalising(turn, "answer")
    await store.settle(turn, DELIVERED)
    address = message("a").address
    for judgement, before in (("like", ""), ("", "like"), ("dislike", "")):
        found = await store.judge(turn.id, address, judgement)
        assert found is not None
        assert (found.judged, found.bot, found.session) == (before, "tutor", "coze-ann")


# ---- retiring


async def test_what_was_not_used_for_long_is_retired(store: SqlStore, clock: StillClock) -> None:
    where = place(message("a"))
    assert await store.retire(where, clock.time), "the next question begins one anyway"
    old = await answered(store, "a")
    clock.time += 100
    await store.receive(message("b", sender="eve"), person("eve"), where)
    assert not await store.retire(where, clock.time + 1), "something waits"
    await store.settle(await claim(store), DELIVERED)
    assert not await store.retire(where, clock.time), "somebody else asked"
    assert await store.retire(where, clock.time + 1)
    new = await answered(store, "c")
    assert new.conversation != old.conversation
    assert (new.coze_conversation, await store.takes_part(where, person("eve"))) == ("", True)


async def test_a_race_retires_once(store: SqlStore, clock: StillClock) -> None:
    old = await answered(store, "a")
    clock.time += 100
    where = place(message("a"))
    await asyncio.gather(*(store.retire(where, clock.time) for _ in range(6)), ask(store, message("b")))
    keys = f"SELECT count(*) FROM conversations WHERE key LIKE '{where}#%#%'"
    assert await order(store._database, keys) == 0
    turn = await claim(store)
    assert await store.pasts(where, person())
    assert turn.key == "b"
    assert old.conversation is not None


# ---- older conversations


async def test_conversations_are_listed_by_their_last_use(store: SqlStore, clock: StillClock) -> None:
    made = []
    for key in "abc":
        made.append(await answered(store, key))
        await answered(store, key.upper())
        clock.time += 10
        await say(store, f"new {key}", Effect.RENEW)
    await answered(store, "d", sender="eve")
    await answered(store, "e", thread="topic")
    where = place(message("a"))
    found = await store.pasts(where, person())
    assert [(one.id, one.name, one.current) for one in found] == [
        (turn.conversation, f"text of {turn.key}", False) for turn in reversed(made)
    ]
    assert [one.used_at for one in found] == [clock.time - 10, clock.time - 20, clock.time - 30]
    assert await resume(store, "r", made[0].conversation)
    await store.settle(await claim(store), DELIVERED)
    now = await answered(store, "f")
    assert (now.conversation, now.coze_conversation) == (made[0].conversation, "coze a")
    found = await store.pasts(where, person(), limit=2)
    assert [(one.id, one.current) for one in found] == [(made[0].conversation, True), (made[2].conversation, False)]


async def test_what_waits_stays_in_its_conversation(store: SqlStore) -> None:
    old = await answered(store, "a", pending="old waits")
    waiting = await receive(store, message("b"))
    await say(store, "new", Effect.RENEW)
    newer = await receive(store, message("c"))
    assert await resume(store, "r", old.conversation)
    assert await store.waits(place(message("a"))) == "old waits"
    after = await receive(store, message("d"))
    found = {}
    while turn := await store.claim(replace(MINE, owner=str(len(found))), SERVING):
        found[turn.id] = turn
        if turn.conversation is None:
            await store.settle(turn, DELIVERED)
    assert [turn.conversation for turn in found.values() if turn.answer] == [None]
    assert found[waiting].conversation == old.conversation
    assert found[newer].conversation != old.conversation
    assert after not in found, "its conversation is busy"
    await store.settle(found[waiting], DELIVERED)
    assert (await claim(store)).id == after


async def test_a_command_that_resumes_is_done_once_and_answered(store: SqlStore) -> None:
    old = await answered(store, "a")
    await say(store, "new", Effect.RENEW)
    newer = await answered(store, "b")
    assert await resume(store, "r", old.conversation)
    command = await claim(store)
    assert (command.conversation, command.answer) == (None, "resumed")
    await store.settle(command, DELIVERED)
    assert await resume(store, "s", newer.conversation)
    assert await resume(store, "r", old.conversation), "seen before"
    assert (await store.pasts(place(message("a")), person()))[0].id == newer.conversation
    assert await resume(store, "t", newer.conversation), "it goes on already"
    current = [one.id for one in await store.pasts(place(message("a")), person()) if one.current]
    assert current == [newer.conversation]


async def test_nobody_resumes_what_is_not_theirs(store: SqlStore) -> None:
    mine = await answered(store, "a")
    eves = await answered(store, "b", sender="eve")
    elsewhere = await answered(store, "c", chat="elsewhere")
    for number, conversation in enumerate((eves.conversation, elsewhere.conversation, 999)):
        assert not await resume(store, f"r{number}", conversation)
    assert await store.claim(MINE, SERVING) is None, "nothing of it is kept"
    (current,) = await store.pasts(place(message("a")), person())
    assert (current.id, current.current) == (mine.conversation, True)


async def test_two_who_resume_at_once_leave_one_that_goes_on(store: SqlStore) -> None:
    made = []
    for key in "abcd":
        made.append(await answered(store, key))
        await say(store, f"new {key}", Effect.RENEW)
    await asyncio.gather(*(resume(store, f"r{turn.key}", turn.conversation) for turn in made))
    found = await store.pasts(place(message("a")), person())
    assert len(found) == 4
    assert sum(one.current for one in found) == 1
    nested = f"SELECT count(*) FROM conversations WHERE key LIKE '{place(message('a'))}#%#%'"
    assert await order(store._database, nested) == 0


# ---- what is erased


async def test_names_and_what_is_waited_for_go_with_the_last_words(store: SqlStore, clock: StillClock) -> None:
    await answered(store, "a", pending="x")
    await answered(store, "b", chat="other")
    clock.time += 100
    await answered(store, "c", chat="other")
    assert await store.erase_texts(clock.time, most=10) == 2
    kept = "SELECT name || pending FROM conversations WHERE chat = '{}'"
    assert await order(store._database, kept.format("chat")) == ""
    assert await order(store._database, kept.format("other")) == "text of b"
    assert await store.erase_texts(clock.time + 1, most=10) == 1
    assert await order(store._database, kept.format("other")) == ""


async def test_of_somebody_forgotten_no_column_holds_anything(store: SqlStore, clock: StillClock) -> None:
    first = message("a")
    assert await store.receive(first, person(), "shared", bot="tutor")
    turn = await claim(store)
    await store.asking(turn, "shared coze", at=1.0)
    await store.finalising(turn, "answer", pending=Pending(turn=turn.id, resume="what ann said").dump())
    await store.settle(turn, DELIVERED)
    assert await store.receive(message("b", sender="eve"), person("eve"), "shared", bot="tutor")
    eves = await claim(store)
    await store.asking(eves, "shared coze", at=1.0)
    await store.settle(eves, DELIVERED)
    await ask(store, message("c"), bot="other")
    alone = await claim(store)
    await store.asking(alone, "anns coze", at=1.0)
    await store.settle(alone, DELIVERED)
    await store.speak(person(), "alto")
    told = Told(inbound=message("d"), who=person(), reply="reply")
    await store.logins.begin_login(told, "state", "sealed", seconds=60)
    assert await store.logins.keep_login(person(), "tokens", until=clock.time + 60)
    (ann,) = await store.people(sender="ann")
    doomed = (await store.forget([ann.id])).doomed
    assert [(one.coze_conversation, one.bot, one.session) for one in doomed] == [
        ("anns coze", "other", "coze-ann"),
        ("shared coze", "tutor", "coze-ann"),
    ]
    row = await order(
        store._database, "SELECT name || '|' || session || '|' || pending || '|' || coze_id FROM conversations"
    )
    assert row == "|coze-eve||"
    for table in ("logins", "login_attempts"):
        assert await order(store._database, f"SELECT count(*) FROM {table}") == 0
    assert await store.doomed() == list(doomed)
    assert conversations.c.session.server_default is not None
