"""The response that follows a generation as server-sent events, and everything that can go wrong on its way."""

import asyncio
import base64
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from simulators.coze import frames
from simulators.coze.chat import Reel
from simulators.coze.envelope import FAULT, LOGID, WORLD
from simulators.coze.state import Chat, World
from simulators.wire import Fault

Write = Callable[[bytes], Awaitable[None]]

# Without chunks the end of the connection is the end of the body, so a cut looks like a normal end.
CLOSE_FRAMED = ("cut_clean", "cut_mid_line")
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Tt-Logid: {}\r\nConnection: close\r\n\r\n"


def reset(request: web.Request) -> web.Response:
    """Ends the connection with a TCP reset; the response that is returned goes nowhere."""
    if request.transport is not None:
        reset_transport(request.transport)
    return web.Response()


def reset_transport(transport: asyncio.Transport) -> None:
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def follow(request: web.Request, chat: Chat, reel: Reel) -> web.StreamResponse:
    """Writes each frame as it comes, one write per delta, until the reel has ended or the client has left."""
    world, fault = request.app[WORLD], request.get(FAULT)
    transport = request.transport
    if transport is None:
        return web.Response()
    if not world.watching:
        world.watching = True
        world.spawn(_watch(world))
    world.transports[transport] = reel.signal
    chat.followers += 1
    try:
        response, write = await _opened(request, fault)
        await _play(request, reel, write, fault)
        if response is None:
            transport.close()
        return response or web.Response()
    except ConnectionAbortedError:
        return web.Response()
    except ConnectionResetError:
        if time.monotonic() >= world.down_until:
            chat.left_at = time.time()
            world.publish("left", chat=chat.id)
        return web.Response()
    finally:
        chat.followers -= 1
        del world.transports[transport]
        world.changed.fire()


async def _watch(world: World) -> None:
    """Wakes the streams whose client has left, which would else be noticed with the next delta only."""
    while world.transports:
        await asyncio.sleep(0.05)
        for transport, signal in list(world.transports.items()):
            if transport.is_closing():
                signal.fire()
    world.watching = False


async def _opened(request: web.Request, fault: Fault | None) -> tuple[web.StreamResponse | None, Write]:
    """The head of the response is sent; the body goes in chunks, or bare until the connection closes."""
    if fault and fault.kind in CLOSE_FRAMED and fault.value != "chunked":
        transport = request.transport
        assert transport is not None
        transport.write(_HEAD.format(request[LOGID]).encode())

        async def bare(data: bytes) -> None:
            if transport.is_closing():
                raise ConnectionResetError
            transport.write(data)

        return None, bare
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    return response, response.write


async def _play(request: web.Request, reel: Reel, write: Write, fault: Fault | None) -> None:
    sent = deltas = 0
    waiting, world = fault, request.app[WORLD]
    while True:
        while sent < len(reel.frames):
            frame = reel.frames[sent]
            if waiting and _due(waiting, frame, deltas):
                hit, waiting = waiting, None
                await _strike(world, request, hit, frame, write)
            await write(reel.written(frame))
            deltas += frame.startswith(frames.DELTA)
            sent += 1
        if reel.ended:
            break
        await reel.signal.wait()
        if _gone(request):
            raise ConnectionResetError
    if fault and fault.kind == "held_socket":
        await hold(world, request, fault.seconds or 3600.0)


def _due(fault: Fault, frame: bytes, deltas: int) -> bool:
    """Before the delta number `after` + 1; at the latest before the frame that ends the chat."""
    if fault.kind == "late_audio":
        return frame.startswith(frames.ENDS)
    if frame.startswith(frames.TERMINAL):
        return True
    return deltas >= fault.after and frame.startswith(frames.DELTA)


async def _strike(world: World, request: web.Request, fault: Fault, frame: bytes, write: Write) -> None:
    """Does the fault; one that ends the stream raises ConnectionAbortedError."""
    match fault.kind:
        case "reset":
            reset(request)
            raise ConnectionAbortedError
        case "cut_clean" | "cut_mid_line":
            if fault.kind == "cut_mid_line":
                await write(frame[: len(frame) * 2 // 3])
            if request.transport is not None:
                request.transport.close()
            raise ConnectionAbortedError
        case "stall":
            await hold(world, request, fault.seconds)
        case "ping_comment":
            await write((fault.value or ": ping").encode() + b"\n\n")
        case "unknown_event":
            await write(frames.frame(fault.value or "conversation.chat.thinking", {"note": "not in the documents"}))
        case "unknown_type":
            await write(_altered(frame, fault.value or "thought_summary"))
        case "late_audio":
            audio = base64.b64encode(bytes(480)).decode()
            for _ in range(2):
                value = {"id": "7500000000000000099", "role": "assistant", "type": "answer", "content": audio}
                await write(frames.frame("conversation.audio.delta", value | {"content_type": "audio"}))


def _altered(frame: bytes, type: str) -> bytes:
    """A completed message of a type that nobody has heard of, with the ids of this stream where it has some."""
    value = {"id": "7500000000000000098", "role": "assistant", "type": type, "content": "A summary of a thought"}
    if frame.startswith(frames.DELTA):
        return frame.replace(frames.DELTA, b"event:conversation.message.completed", 1).replace(
            b'"type":"answer"', f'"type":"{type}"'.encode(), 1
        )
    return frames.frame("conversation.message.completed", value | {"content_type": "text"})


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def hold(world: World, request: web.Request, seconds: float) -> None:
    """No bytes for a while; ends early when the client leaves or somebody says hurry."""
    loop = asyncio.get_running_loop()
    hurried = loop.create_task(world.hurry.wait())
    ends = loop.time() + seconds
    try:
        while (left := ends - loop.time()) > 0 and not hurried.done() and not world.closing:
            if _gone(request):
                raise ConnectionResetError
            await asyncio.wait([hurried], timeout=min(left, 0.05))
    finally:
        hurried.cancel()
