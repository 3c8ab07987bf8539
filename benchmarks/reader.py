"""The least that can be done with Coze's streams, as the measure of the service: aiohttp reads them, orjson parses."""

import asyncio
import resource
import sys

import aiohttp
import orjson
import uvloop

SECONDS = 300.0
"""What a stream may take."""
DELTA = b"event:conversation.message.delta"


async def read(session: aiohttp.ClientSession, url: str, question: str) -> int:
    """Asks, and adds up the text of the answer; how many deltas it took."""
    body = {
        "bot_id": "7400000000000000001",
        "user_id": "reader",
        "stream": True,
        "additional_messages": [{"role": "user", "type": "question", "content": question, "content_type": "text"}],
    }
    deltas, text, is_delta = 0, "", False
    async with session.post(f"{url}/v3/chat", json=body, headers={"Authorization": "Bearer pat_test"}) as response:
        async for line in response.content:
            if line.startswith(b"event:"):
                is_delta = line.startswith(DELTA)
            elif is_delta and line.startswith(b"data:"):
                text += orjson.loads(line[5:])["content"]
                deltas += 1
    return deltas


async def main(url: str, streams: int, question: str) -> None:
    """Reads so many streams at once; prints the number of deltas and the CPU seconds that they took."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        before = resource.getrusage(resource.RUSAGE_SELF)
        deltas = sum(await asyncio.gather(*(read(session, url, question) for _ in range(streams))))
        after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(deltas, spent)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
