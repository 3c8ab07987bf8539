"""Looks at what belongs to no platform: the address that we listen on, and the clock."""

import asyncio
import errno
import socket
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from bridge.findings import Finding, Findings, ok, skipped, warning, wrong
from bridge.ports import Clock

LISTEN, CLOCK = "http", "clock"
OFF, FAR_OFF = 30.0, 300.0
"""Seconds. From five minutes on Slack's signatures are refused, and Coze refuses our JWTs."""
SECONDS = aiohttp.ClientTimeout(total=8.0)
"""For each server, so that one that hangs does not hide the others."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
CHOOSE = "choose another address in HTTP_LISTEN, or stop what listens there"


async def listening(address: str) -> Findings:
    """Whether HTTP_LISTEN is free, or taken by a service of ours, and how that one is."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if port == "0":
        yield ok(LISTEN, f"any free port of {host}")
        return
    near = EVERYWHERE.get(host, host)
    url = f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"
    async with aiohttp.ClientSession(timeout=SECONDS) as session:
        if await _json(session, f"{url}/healthz") == {"status": "alive"}:
            yield _running(await _json(session, f"{url}/readyz"), address)
            return
    yield await asyncio.to_thread(_bindable, host, int(port), address)


def _running(ready: object, address: str) -> Finding:
    reasons = ready.get("reasons") if isinstance(ready, dict) else None
    if isinstance(reasons, list) and not reasons:
        return ok(LISTEN, f"the service runs at {address}, and is ready")
    said = "; ".join(map(str, reasons)) if isinstance(reasons, list) else "it does not say why"
    return warning(LISTEN, f"the service runs at {address}, but is not ready: {said}", "its log says more")


def _bindable(host: str, port: int, address: str) -> Finding:
    """Bound for a moment, without listening."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            return wrong(LISTEN, f"{address} is in use by something else", CHOOSE)
        reason = getattr(error, "strerror", None) or error
        return wrong(LISTEN, f"cannot listen on {address} ({reason})", "write host:port of this machine in HTTP_LISTEN")
    return ok(LISTEN, f"{address} is free")


async def _json(session: aiohttp.ClientSession, url: str) -> object:
    """What is answered; None if it is no JSON."""
    with suppress(aiohttp.ClientError, OSError, ValueError, TimeoutError):
        async with session.get(url, allow_redirects=False) as response:
            return await response.json()
    return None


async def clock(servers: Mapping[str, str], ours: Clock) -> Findings:
    """Compares our clock with what the servers, by name and address, write into their answers."""
    async with aiohttp.ClientSession(timeout=SECONDS, trust_env=True) as session:
        asked = [_ahead(session, name, url, ours) for name, url in servers.items()]
        known = [found for found in await asyncio.gather(*asked) if found is not None]
    if not known:
        yield skipped(CLOCK, "nobody told the time")
        return
    seconds, name = max(known, key=lambda found: abs(found[0]))
    what = f"ours is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} {name}'s"
    mend = "set it, and keep it right: `timedatectl set-ntp true`"
    if abs(seconds) > FAR_OFF:
        yield wrong(CLOCK, f"{what}; signatures and OAuth tokens fail", mend)
    elif abs(seconds) > OFF:
        yield warning(CLOCK, what, mend)
    else:
        yield ok(CLOCK, f"right to {OFF:.0f} s")


async def _ahead(session: aiohttp.ClientSession, name: str, url: str, ours: Clock) -> tuple[float, str] | None:
    """By how many seconds our clock is ahead of this server's. Any answer will do, also a refusal."""
    root = urlsplit(url)
    with suppress(aiohttp.ClientError, OSError, ValueError, TypeError, TimeoutError):
        async with session.head(f"{root.scheme}://{root.netloc}/", allow_redirects=False) as response:
            return ours.now() - parsedate_to_datetime(response.headers["Date"]).timestamp(), name
    return None
