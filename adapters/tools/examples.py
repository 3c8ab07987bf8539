"""Two tools to begin with: what time it is somewhere, and what stands at an address of a list."""

import re
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field
from yarl import URL

from adapters import addresses
from adapters.downloads import opened, shown
from bridge.errors import Refused

HTTP_SECONDS = 15.0
"""Names, connections, redirections and the content; the limit of the tool itself (`timeout_seconds`) counts as well."""
HTTP_BYTES = 256 * 1024
_UP = re.compile(r"(^|/)\.{1,2}(/|;|$)|%(25)*(2f|5c|2e)|\\", re.IGNORECASE)
"""What a server may read as another path than the one that was compared."""


def clock(timezone: str = "UTC") -> dict[str, str]:
    """What time it is there (`Asia/Shanghai`)."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {timezone[:60]!r}; use a name like Asia/Shanghai or UTC") from None
    now = datetime.now(zone)
    return {"time": now.isoformat(timespec="seconds"), "weekday": now.strftime("%A"), "timezone": timezone}


def _address(value: str) -> str:
    _listed(value)
    return value


def _network(value: str) -> str:
    ip_network(value)
    return value


Addresses = Annotated[list[Annotated[str, AfterValidator(_address)]], Field(min_length=1)]
Networks = list[Annotated[str, AfterValidator(_network)]]


async def http_get(url: str, *, allow: Addresses, networks: Networks | None = None) -> str:
    """What stands at that address, as text, if the address begins like one of `allow`.

    `allow`: addresses (`https://api.example.com/v1/`) up to which scheme, host, port and path must be the same.
    Addresses that are not public are called only if they stand in `allow` as an IP address, or are in `networks`
    (`10.1.0.0/16`). Raises Refused and Unreachable.
    """
    listed = [_listed(one) for one in allow]
    named = [ip_network(one.host) for one in listed if one.host and _is_ip(one.host)]
    private = (*named, *addresses.parsed(networks or ()))

    def may(found: URL) -> bool:
        return any(_begins(found, one) for one in listed)

    if _UP.search(url.partition("?")[0].partition("#")[0].partition("://")[2]):
        raise Refused("that address has a path that may be read in two ways; write it plainly")
    async with opened(url, networks=private, seconds=HTTP_SECONDS, may=may) as (response, found):
        content = await response.content.read(HTTP_BYTES + 1)
        while len(content) <= HTTP_BYTES and (more := await response.content.read(HTTP_BYTES + 1 - len(content))):
            content += more
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refused(f"{shown(found)}: compressed")
        if response.status != 200:
            raise Refused(f"{shown(found)}: status {response.status}")
        if len(content) > HTTP_BYTES:
            raise Refused(f"{shown(found)}: more than {HTTP_BYTES >> 10} KB")
        return content.decode(_charset(response.charset), "replace")


def _listed(address: str) -> URL:
    """An address of the list. Raises ValueError."""
    url = URL(address)
    if url.scheme not in ("http", "https") or not url.host or url.query_string or url.user:
        raise ValueError(f"{address} is no address to begin with: write https://api.example.com/")
    return url


def _begins(url: URL, with_: URL) -> bool:
    """Is it the same place, and the path the same or one below? `/v1` is not the beginning of `/v10`."""
    if url.origin() != with_.origin() or _UP.search(url.raw_path):
        return False
    path, beginning = url.raw_path, with_.raw_path
    return path == beginning or path.startswith(beginning if beginning.endswith("/") else f"{beginning}/")


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _charset(said: str | None) -> str:
    try:
        "".encode(said or "utf-8")
    except LookupError:
        return "utf-8"
    return said or "utf-8"
