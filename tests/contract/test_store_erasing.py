"""What the Store does not keep: words of turns that ended long ago, and the Coze conversations of the forgotten."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import Erased, Post, TurnId, TurnState
from bridge.ports import Effect
from storage import SqlStore, open_store
from storage.erasing import BLANK, old_words
from storage.tables import turns
from tests.clocks import StillClock
from tests.contract.store_contract import THEIRS, at_revision, claim, message, order, person, place, receive

DELIVERED, FAILED = TurnState.DELIVERED, TurnState.FAILED


async def settled(store: SqlStore, key: str, state: TurnState = DELIVERED, *, error: str = "", **more: str) -> TurnId:
    """A question that was asked, answered in two messages, and settled."""
    asked = await receive(store, message(key, **more))
    turn = await claim(store)
    assert turn.id == asked
    await store.asking(turn, turn.coze_conversation or f"coze of {turn.conversation}", at=1.0)
    await store.keep_post(turn, Post(page=0, message_id="m"))
    await store.keep_post(turn, Post(page=1, message_id="n"))
    await store.finalising(turn, f"answer to {key}")
    await store.settle(turn, state, error)
    return asked


async def number(store: SqlStore, sender: str) -> int:
    (found,) = await store.people(platform="telegram", sender=sender)
    return found.id


async def words(store: SqlStore, turn: int) -> list[str]:
    columns = ("text", "answer", "error", "CAST(files AS TEXT)")
    return [str(await order(store._database, f"SELECT {one} FROM turns WHERE id = {turn}")) for one in columns]


async def asked_by(store: SqlStore, *asked: tuple[str, str, str]) -> None:
    """Questions in one shared conversation: of each the key, who asks, and in which Coze conversation."""
    for key, sender, coze in asked:
        assert await store.receive(message(key, sender=sender), person(sender), "shared")
        turn = await claim(store)
        await store.asking(turn, coze, at=1.0)
        await store.settle(turn, DELIVERED)


def ids(erased: Erased) -> list[str]:
    return [one.coze_conversation for one in erased.doomed]


# ---- words


async def test_the_words_of_old_turns_are_erased_and_all_else_stays(store: SqlStore, clock: StillClock) -> None:
    old = await settled(store, "a", FAILED, error="Coze 4000: what they wrote")
    clock.time += 100
    young, waiting = await settled(store, "b"), await receive(store, message("c"))
    before = await store.turn(old)
    assert before is not None
    assert not before.erased
    assert await store.erase_texts(clock.time, most=10) == 1
    assert await words(store, old) == ["", "", "", "[]"]
    for turn in (young, waiting):
        assert (await words(store, turn))[0]
    after = await store.turn(old)
    assert after is not None
    assert (after.erased, after.question, after.error, after.posts) == (True, "", "", 0)
    for same in ("state", "kind", "platform", "chat", "received_at", "attempts", "coze_conversation"):
        assert getattr(after, same) == getattr(before, same)
    assert [turn.id for turn in await store.turns(states=["failed"])] == [old]
    assert await store.erase_texts(clock.time, most=10) == 0


async def test_an_erased_message_is_still_known(store: SqlStore, clock: StillClock) -> None:
    old = await settled(store, "a")
    assert await store.erase_texts(clock.time + 1, most=10) == 1
    assert await store.receive(message("a"), person(), place(message("a"))) is None
    assert await store.takes_part(place(message("a")), person())
    (ann,) = await store.people()
    assert (ann.questions, ann.seen_at) == (1, clock.time)
    assert await receive(store, message("b")) > old, "numbers are never used twice"


async def test_what_has_no_words_any_more_cannot_be_asked_again(store: SqlStore, clock: StillClock) -> None:
    failed, delivered = await settled(store, "a", FAILED), await settled(store, "b")
    where, address = place(message("b")), message("b").address
    assert (await store.last_question(where, person()))[0] == "text of b"
    assert await store.answered(delivered, address) is not None
    assert await store.erase_texts(clock.time + 1, most=10) == 2
    assert not await store.ask_again(failed)
    assert (await store.last_question(where, person()))[0] == ""
    assert await store.answered(delivered, address) is None
    assert await store.judge(delivered, address, "like") is None


async def test_they_are_erased_in_parts_the_oldest_first(store: SqlStore, clock: StillClock) -> None:
    for key in "abcde":
        await settled(store, key)
        clock.time += 1
    assert [await store.erase_texts(clock.time, most=2) for _ in range(4)] == [2, 2, 1, 0]
    last = [await settled(store, key) for key in "fgh"]
    clock.time += 1
    assert await store.erase_texts(clock.time, most=2) == 2
    assert [(await words(store, turn))[0] for turn in last].count("") == 2


async def test_several_may_erase_at_once(store: SqlStore, clock: StillClock) -> None:
    for key in "abcdefgh":
        await settled(store, key)
    clock.time += 1
    erased = await asyncio.gather(*(store.erase_texts(clock.time, most=3) for _ in range(4)))
    left = await store.erase_texts(clock.time, most=100)
    assert sum(erased) + left == 8


async def test_of_a_settled_command_nothing_is_kept_that_was_said(store: SqlStore, clock: StillClock) -> None:
    sent = message("a")
    standing = await store.obey(sent, person(), place(sent), Effect.NONE, lambda _: "a reply")
    assert standing is not None
    turn = await claim(store)
    await store.settle(turn, DELIVERED)
    assert await words(store, turn.id) == ["", "", "", "[]"]
    assert await store.erase_texts(clock.time + 1, most=10) == 0
    found = await store.turn(turn.id)
    assert found is not None
    assert not found.erased, "only of a question something was kept that is missed"


async def test_the_index_serves_the_search_for_old_words(store: SqlStore) -> None:
    await settled(store, "a")

    async def plan(connection: AsyncConnection) -> str:
        searched = old_words(5.0, 9).compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        if connection.dialect.name == "postgresql":
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        how = "QUERY PLAN " if connection.dialect.name == "sqlite" else ""
        return "\n".join(str(row[-1]) for row in await connection.execute(text(f"EXPLAIN {how}{searched}")))

    assert "turns_kept" in await store._database.write(plan)


async def test_all_columns_but_the_words_come_back(store: SqlStore, clock: StillClock) -> None:
    """On SQLite the row goes and comes back: nothing of it may be lost, whatever columns there will be."""
    turn = await settled(store, "a")
    await store.judge(turn, message("a").address, "like")
    names = [column.name for column in turns.c if column.name not in BLANK]
    before = [await order(store._database, f"SELECT {name} FROM turns WHERE id = {turn}") for name in names]
    await store.erase_texts(clock.time + 1, most=10)
    after = [await order(store._database, f"SELECT {name} FROM turns WHERE id = {turn}") for name in names]
    assert after == before
    assert len(names) > 20


# ---- Coze conversations of the forgotten


async def test_the_conversations_of_somebody_forgotten_are_doomed(store: SqlStore, clock: StillClock) -> None:
    await settled(store, "a", chat="one")
    await settled(store, "b", chat="two")
    command_ = message("c", chat="two")
    await store.obey(command_, person(), place(command_), Effect.RENEW, lambda _: "new")
    await store.settle(await claim(store), DELIVERED)
    await settled(store, "d", chat="two")
    await receive(store, message("e", chat="never asked"))
    erased = await store.forget([await number(store, "ann")])
    assert len(erased.doomed) == 3
    assert await store.doomed() == list(erased.doomed)
    assert {(one.since, one.bot, one.session) for one in erased.doomed} == {(clock.time, "", "coze-ann")}
    await store.drop_doomed(erased.doomed[0].coze_conversation)
    assert await store.doomed() == list(erased.doomed[1:])


async def test_also_those_that_only_a_turn_remembers(store: SqlStore) -> None:
    asked = await receive(store, message("a"))
    turn = await claim(store)
    assert turn.id == asked
    await store.asking(turn, "gone at Coze", at=1.0)
    await store.forget_conversation(turn)
    await store.settle(turn, FAILED)
    again = await settled(store, "b")
    assert again
    erased = await store.forget([await number(store, "ann")])
    assert "gone at Coze" in ids(erased)
    assert len(erased.doomed) == 2


async def test_what_others_asked_in_stays(store: SqlStore) -> None:
    await asked_by(store, ("a", "bob", "X"), ("b", "ann", "X"), ("c", "ann", "Y"))
    erased = await store.forget([await number(store, "ann")])
    assert ids(erased) == ["Y"], "the one that nobody else asked in, although the conversation is shared"
    later = message("d", sender="bob")
    assert await store.receive(later, person("bob"), "shared")
    assert (await claim(store)).coze_conversation == "", "bob does not go on in what Coze is to delete"
    assert ids(await store.forget([await number(store, "bob")])) == ["X"]


async def test_what_was_held_in_the_session_of_somebody_forgotten_goes_with_them(store: SqlStore) -> None:
    await asked_by(store, ("a", "ann", "X"), ("b", "bob", "Y"))
    await order(store._database, "UPDATE conversations SET pending = 'x'")
    erased = await store.forget([await number(store, "ann")])
    assert ids(erased) == ["X", "Y"]
    assert {one.session for one in erased.doomed} == {"coze-ann"}
    assert await store.receive(message("c", sender="bob"), person("bob"), "shared")
    turn = await claim(store)
    assert (turn.session, turn.coze_conversation, turn.pending) == ("coze-bob", "", "")
    await store.asking(turn, "Z", at=2.0)
    await store.settle(turn, DELIVERED)
    erased = await store.forget([await number(store, "bob")])
    assert [(one.coze_conversation, one.session) for one in erased.doomed] == [("Z", "coze-bob")]


async def test_a_question_that_waits_keeps_the_conversation_that_it_is_about_to_be_asked_in(store: SqlStore) -> None:
    sent = message("a", sender="ann")
    assert await store.receive(sent, person("ann"), "shared")
    turn = await claim(store)
    await store.asking(turn, "X", at=1.0)
    await store.settle(turn, DELIVERED)
    assert await store.receive(message("b", sender="bob"), person("bob"), "shared")
    bobs = await claim(store, THEIRS)
    assert bobs.coze_conversation == "X"
    assert (await store.forget([await number(store, "ann")])).doomed == ()
    assert await order(store._database, "SELECT session || coze_id FROM conversations") == "coze-annX"
    await store.asking(bobs, "X", at=2.0)
    await store.settle(bobs, DELIVERED)
    erased = await store.forget([await number(store, "bob")])
    assert [(one.coze_conversation, one.session) for one in erased.doomed] == [("X", "coze-ann")]


async def test_who_never_asked_dooms_nothing(store: SqlStore) -> None:
    sent = message("a")
    await store.obey(sent, person(), place(sent), Effect.NONE, lambda _: "help")
    erased = await store.forget([await number(store, "ann")])
    assert erased == Erased(people=1, turns=1, posts=0, conversations=0)
    assert await store.doomed() == []


async def test_forgetting_after_the_words_were_erased_finds_the_conversations_all_the_same(
    store: SqlStore, clock: StillClock
) -> None:
    await settled(store, "a")
    await store.erase_texts(clock.time + 1, most=10)
    assert len((await store.forget([await number(store, "ann")])).doomed) == 1


async def test_penalties_that_are_long_over_are_erased(store: SqlStore, clock: StillClock) -> None:
    for name, until in (("over", 1.0), ("lasts", 9e15)):
        await order(store._database, f"INSERT INTO penalties (name, until) VALUES ('{name}', {until})")
    await store.tidy()
    assert await order(store._database, "SELECT name FROM penalties") == "lasts"


# ---- databases of before


async def test_files_of_commands_of_before_are_erased(new_url: str) -> None:
    database = await at_revision(new_url, "0004")
    same = "1, 'telegram', 'bot', 'c', '', '', '[{\"name\": \"private.pdf\"}]', 'en', '', '1'"
    await order(
        database,
        "INSERT INTO users (platform, account, sender, coze_user, language, created_at) "
        "VALUES ('telegram', 'bot', 'ann', 'u', 'en', 7)",
        "INSERT INTO turns (key, kind, user_id, platform, account, chat, thread, text, files, language, reply_to, "
        f"sort_key, state, received_at, settled_at) VALUES ('t', 'command', {same}, 'delivered', 8, 9)",
        "INSERT INTO turns (key, kind, user_id, platform, account, chat, thread, text, files, language, reply_to, "
        f"sort_key, state, received_at) VALUES ('u', 'command', {same}, 'finalising', 8)",
    )
    await database.aclose()
    store = await open_store(new_url, StillClock())
    kept = [await order(store._database, f"SELECT CAST(files AS TEXT) FROM turns WHERE key = '{key}'") for key in "tu"]
    assert kept[0] == "[]"
    assert "private" in kept[1]
    await store.aclose()
