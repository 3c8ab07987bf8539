"""The way of a question to Coze, with a real bot, a database, and Coze simulated."""

import shutil
from pathlib import Path

import pytest

from adapters.downloads import Downloading
from bridge.asking import Asking
from bridge.bringing import EVERYTHING, Bringing
from bridge.errors import Transient
from bridge.halt import Halt
from bridge.model import TurnState
from bridge.pace import Pace
from bridge.pages import Look
from bridge.scratch import Scratch
from bridge.surface import Surface
from storage import open_store
from tests.clocks import StillClock
from tests.contract.store_contract import claim, message, order, receive
from tests.contract.telegram_world import Tally, adapter
from tests.contract.test_coze_workflow import mill
from tests.one_bot import OneBot


async def test_a_run_that_is_begun_anew_where_its_conversation_is_gone_gets_a_new_one(
    migrated_file: Path, tmp_path: Path
) -> None:
    """It was taken for the platform's refusal, and the question ended without a word to anybody."""
    clock, meter, halt = StillClock(), Tally(), Halt()
    store = await open_store(f"sqlite+aiosqlite:///{shutil.copy(migrated_file, tmp_path / 'bridge.db')}", clock)
    telegram = adapter("http://127.0.0.1:9")
    await receive(store, message("a"))
    turn = await claim(store)
    await store.prepared(turn, ())
    await store.asking(turn, "gone at Coze", at=clock.now())
    await store.streaming(turn, "run 1")
    await store.release("mine")
    turn = await claim(store)
    assert (turn.state, turn.coze_conversation) == (TurnState.STREAMING, "gone at Coze")
    async with mill() as coze:
        assert not coze.bot.recalls
        surface = Surface(
            turn,
            adapter=telegram,
            store=store,
            pace=Pace(),
            clock=clock,
            meter=meter,
            posts=(),
            look=Look(),
            downloads=Downloading(),
            halt=halt,
        )
        asking = Asking(
            turn=turn,
            bots=OneBot(coze.bot),
            adapter=telegram,
            bringing=Bringing(store=store, meter=meter, scratch=Scratch(tmp_path), wanted=EVERYTHING),
            surface=surface,
            store=store,
            clock=clock,
            meter=meter,
            halt=halt,
            recall_seconds=3600,
        )
        coze.sim.fault("code", method="/v1/workflow/stream_run", value="4002", times=-1)
        with pytest.raises(Transient) as raised:
            await asking.recall()
    assert raised.value.code == 4002
    assert (asking.turn.state, asking.turn.coze_conversation) == (TurnState.CLAIMED, "")
    assert await order(store._database, "SELECT coze_id FROM conversations") == ""
    await telegram.aclose()
    await store.aclose()
