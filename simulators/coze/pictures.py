"""Pictures and files that answers point to: what was put there, and for any other name a drawing of a red bicycle."""

import math
import struct
import zlib
from dataclasses import replace
from functools import cache

from aiohttp import web

from simulators.coze.answers import Answer
from simulators.coze.envelope import WORLD

PATH = "/pictures/{name}"
ELSEWHERE = "https://example.com/pictures"
"""Where the ready answers say that their pictures are."""
WIDTH, HEIGHT = 320, 200
WHEELS = ((90, 130), (230, 130))
BARS = (
    *(((90, 130), (140, 70)), ((140, 70), (210, 70)), ((210, 70), (160, 130)), ((160, 130), (90, 130))),
    *(((160, 130), (130, 55)), ((230, 130), (200, 50)), ((200, 50), (220, 45)), ((120, 55), (145, 55))),
)


def at_home(answer: Answer, origin: str) -> Answer:
    """The answer with its pictures where this simulator serves them."""
    return replace(answer, text=answer.text.replace(ELSEWHERE, f"{origin}/pictures"))


async def serve(request: web.Request) -> web.Response:
    """GET /pictures/…: needs no token, as the signed addresses of Coze do not."""
    content, kind = request.app[WORLD].pictures.get(request.match_info["name"]) or (bicycle(), "image/png")
    return web.Response(body=content, headers={"Content-Type": kind})


@cache
def bicycle() -> bytes:
    """A PNG."""
    rows = b"".join(b"\0" + bytes(channel for x in range(WIDTH) for channel in _colour(x, y)) for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _colour(x: int, y: int) -> tuple[int, int, int]:
    if any(abs(math.hypot(x - left, y - top) - 40) < 3 for left, top in WHEELS):
        return 40, 40, 48
    if any(_off(x, y, start, stop) < 3.5 for start, stop in BARS):
        return 205, 40, 40
    return (226, 222, 214) if y > 172 else (244, 241, 235)


def _off(x: int, y: int, start: tuple[int, int], stop: tuple[int, int]) -> float:
    """How far the point is from the bar."""
    wide, high = stop[0] - start[0], stop[1] - start[1]
    along = ((x - start[0]) * wide + (y - start[1]) * high) / (wide * wide + high * high)
    along = min(1.0, max(0.0, along))
    return math.hypot(x - start[0] - along * wide, y - start[1] - along * high)


ROUTES = [web.get(PATH, serve)]
