"""Server-sent events as any server may write them: `id:` lines, comments and pings too, which cozepy cannot read."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a stream."""

    event: str
    data: str


async def frames(chunks: AsyncIterable[bytes]) -> AsyncIterator[Frame]:
    """The events in these bytes, each as soon as it is whole; what a cut leaves of the last one comes as it is."""
    event, data, rest = "", list[str](), b""
    async for chunk in chunks:
        # Only LF ends a line: Coze writes LF or CRLF, and U+2028 and the like may stand raw in its JSON.
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            text = line.rstrip(b"\r").decode(errors="replace")
            # A blank line before any data ends nothing: Coze's own samples have one behind every line.
            if not text.strip() and data:
                yield Frame(event, "\n".join(data))
                event, data = "", []
                continue
            event = _value(text) if text.startswith("event:") else event
            if text.startswith("data:"):
                data.append(_value(text))
    tail = rest.rstrip(b"\r").decode(errors="replace")
    if tail.startswith("data:"):
        data.append(_value(tail))
    if data:
        yield Frame(event, "\n".join(data))


def _value(line: str) -> str:
    return line.partition(":")[2].strip()
