"""Voice messages of all answers of a process: few are spoken, or in memory until they are sent, at a time."""

import asyncio

from adapters.downloads import Downloading
from bridge.contents import SPOKEN_AT_ONCE, Content, Contents
from bridge.model import Attachment, Kind, Page
from bridge.steps import Send
from tests.contract.telegram_world import Tally, adapter

WORDS = Attachment(kind=Kind.VOICE, name="answer.mp3", text="words")
STEP = Send(Page(index=10_000, text="", final=True, attachment=WORDS))


async def test_few_voice_messages_are_in_memory_at_a_time() -> None:
    spoken, sent, told = 0, asyncio.Event(), asyncio.Event()
    mouths, got = asyncio.Semaphore(SPOKEN_AT_ONCE), asyncio.Queue[Content | None]()
    telegram = adapter("http://127.0.0.1:9")

    async def speak(words: str) -> bytes:
        nonlocal spoken
        spoken += 1
        return words.encode()

    async def say(asked: asyncio.Event) -> None:
        """One answer, whose pace lets it go when `sent` is set."""
        contents = Contents(telegram, Downloading(), Tally(), speak, mouths)
        async with contents.of(STEP, asked) as content:
            got.put_nowait(content)
            await sent.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(SPOKEN_AT_ONCE):
            group.create_task(say(asyncio.Event()))
        assert [await got.get() for _ in range(SPOKEN_AT_ONCE)] == [Content(WORDS, b"words")] * SPOKEN_AT_ONCE
        later = [group.create_task(say(asyncio.Event())) for _ in range(3)]
        stopped = group.create_task(say(told))
        told.set()
        assert await got.get() is None, "who is told to halt waits no longer"
        assert spoken == SPOKEN_AT_ONCE
        sent.set()
        await asyncio.gather(*later, stopped)
    assert spoken == SPOKEN_AT_ONCE + len(later)
    assert not mouths.locked()
    await telegram.aclose()
