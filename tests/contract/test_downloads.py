"""The downloads of pictures and files, against servers on loopback that mean harm."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from adapters import downloads
from adapters.addresses import parsed
from adapters.downloads import AT_ONCE, MOST_BYTES, Downloading
from bridge.errors import Refused, Unreachable
from bridge.model import Attachment, Kind
from simulators.wire import Served

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
OURS = parsed(["127.0.0.1/32"])
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Web:
    """A web server whose every path answers as the test says."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[web.Request] = []
        self.app = web.Application()
        self.app.router.add_route("*", "/{path:.*}", self._answer)
        self.url = ""

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return await self.answers[request.path](request)

    def file(self, path: str, content: bytes, kind: str = "image/png", **headers: str) -> str:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(body=content, headers={"Content-Type": kind, **headers})

        self.answers[path] = answer
        return f"{self.url}{path}"

    def redirect(self, path: str, target: str, status: int = 302) -> str:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": target})

        self.answers[path] = answer
        return f"{self.url}{path}"


@pytest.fixture
async def site() -> AsyncIterator[Web]:
    made = Web()
    async with Served(made.app) as served:
        made.url = served.url
        yield made


async def fetch(url: str, name: str = "", networks: Any = OURS, **more: Any) -> tuple[Kind, str, bytes]:
    attachment = Attachment(kind=Kind.PICTURE, name=name, url=url)
    async with Downloading(networks, **more).fetched(attachment) as found:
        return found


async def refused(url: str, words: str, networks: Any = OURS) -> None:
    with pytest.raises(Refused, match=words) as caught:
        await fetch(url, networks=networks)
    assert "secret" not in str(caught.value)


async def test_a_picture(site: Web) -> None:
    url = site.file("/red%20bicycle.png", PNG)
    site.answers["/red bicycle.png"] = site.answers.pop("/red%20bicycle.png")
    assert await fetch(url) == (Kind.PICTURE, "red bicycle.png", PNG)
    assert await fetch(url, "A bicycle") == (Kind.PICTURE, "A bicycle.png", PNG)


async def test_the_signature_of_an_address_stays_as_it_is(site: Web) -> None:
    site.file("/a", PNG)
    await fetch(f"{site.url}/a?sign=a%2Bb%3D&x=1+2&k=%e4%B8%ad#part")
    assert site.asked[0].raw_path == "/a?sign=a%2Bb%3D&x=1+2&k=%e4%B8%ad"
    await fetch(f"{site.url}/a?名=值")
    assert site.asked[1].query["名"] == "值"


async def test_nothing_of_ours_goes_along(site: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Neither cookies nor what a netrc or a proxy of the environment would add."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    site.file("/a", PNG, **{"Set-Cookie": "id=1"})
    loading = Downloading(OURS)
    for _ in range(2):
        async with loading.fetched(Attachment(kind=Kind.PICTURE, name="", url=f"{site.url}/a")):
            pass
    for request in site.asked:
        assert not {"Authorization", "Cookie", "Proxy-Authorization", "Referer"} & set(request.headers)
        assert request.headers["Accept-Encoding"] == "identity"


async def test_a_proxy_is_told_of_and_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("HTTPS_PROXY", "http://secret@127.0.0.1:9")
    Downloading()
    assert "without the proxy" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "ftp://e.com/a",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//e.com/a",
        "/a",
        "http://",
        "http://ann:secret@e.com/a",
        "http://secret@e.com/a",
        "http://e.com:25/a",
        "http://e.com:22/a",
        "http://e.com:0/a",
        "http://e.com:99999/a",
        "http://[::1/a",
        "",
    ],
)
async def test_what_is_no_address_of_the_web_is_not_called(url: str) -> None:
    await refused(url, ".")


HIDDEN = [
    "127.0.0.1",
    "localhost",
    "localhost.",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",
    "0",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::1]",
    "①②⑦.⓪.⓪.①",
]


@pytest.mark.parametrize("host", HIDDEN)
async def test_our_own_machine_is_not_called_however_it_is_written(site: Web, host: str) -> None:
    site.file("/a", PNG)
    port = site.url.rpartition(":")[2]
    with pytest.raises((Refused, Unreachable)):
        await fetch(f"http://{host}:{port}/a?sign=secret", networks=())
    assert site.asked == []


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "[fd00:ec2::254]", "100.100.100.200", "[fe80::1]"])
async def test_neighbours_are_not_called(host: str) -> None:
    await refused(f"http://{host}/latest/meta-data?secret", "not a public address", networks=())


# ---- names that lead elsewhere than they seem to


class Names:
    """What the resolver of this machine answers for some names: each time the next of its answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known: dict[str, list[list[str]]] = {}
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._resolve)

    def _resolve(self, host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        answers = self.known.get(str(host))
        if answers is None:
            return self._real(host, port, *rest, **more)
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port))) for address in addresses]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


@pytest.fixture
async def neighbour(site: Web) -> AsyncIterator[Web]:
    """On the same port of an address that is not open to us."""
    made = Web()
    runner = web.AppRunner(made.app, access_log=None)
    await runner.setup()
    port = int(site.url.rpartition(":")[2])
    await web.TCPSite(runner, "127.0.0.2", port).start()
    made.url = f"http://127.0.0.2:{port}"
    made.file("/a", PNG)
    yield made
    await runner.cleanup()


async def test_a_name_that_leads_to_a_neighbour(site: Web, neighbour: Web, names: Names) -> None:
    names.known["pictures.test"] = [["127.0.0.2"]]
    await refused(neighbour.url.replace("127.0.0.2", "pictures.test") + "/a", "not a public address")
    assert neighbour.asked == []


async def test_a_name_that_leads_to_both_is_called_only_where_it_may_be(
    site: Web, neighbour: Web, names: Names
) -> None:
    site.file("/a", PNG)
    names.known["pictures.test"] = [["127.0.0.2", "127.0.0.1"]]
    await fetch(site.url.replace("127.0.0.1", "pictures.test") + "/a")
    assert (len(site.asked), neighbour.asked) == (1, [])


async def test_a_name_that_leads_elsewhere_when_asked_again(site: Web, neighbour: Web, names: Names) -> None:
    """DNS rebinding: what counts is the address that is connected to, each time."""
    names.known["pictures.test"] = [["127.0.0.1"], ["127.0.0.2"]]
    url = site.url.replace("127.0.0.1", "pictures.test")
    site.redirect("/first", f"{url}/a")
    await refused(f"{url}/first", "not a public address")
    assert (len(site.asked), neighbour.asked) == (1, [])


# ---- redirections


async def test_redirections_are_followed(site: Web) -> None:
    site.file("/folder/d", PNG)
    site.redirect("/c", "folder/d", 303)
    site.redirect("/b", f"{site.url}/c", 307)
    assert (await fetch(site.redirect("/a", "/b?sign=%2B", 301)))[2] == PNG
    assert site.asked[1].raw_path == "/b?sign=%2B"


async def test_but_not_for_ever(site: Web) -> None:
    await refused(site.redirect("/a", "/a"), "more than 3 redirections")
    assert len(site.asked) == downloads.REDIRECTIONS + 1


@pytest.mark.parametrize(
    "path", ["//127.0.0.2:{port}/a", "http://127.0.0.2:{port}/a", "http://[::ffff:127.0.0.2]:{port}/a"]
)
async def test_a_redirection_to_a_neighbour(site: Web, neighbour: Web, path: str) -> None:
    await refused(site.redirect("/a", path.format(port=neighbour.url.rpartition(":")[2])), "not a public address")
    assert neighbour.asked == []


@pytest.mark.parametrize(
    "target", ["", "file:///etc/passwd", "http://ann:secret@127.0.0.1/", "http://[", "http://127.0.0.1:25/"]
)
async def test_a_redirection_out_of_the_web(site: Web, target: str) -> None:
    await refused(site.redirect("/a", target), ".")
    assert len(site.asked) == 1


# ---- what comes


async def test_too_much_by_its_own_words(site: Web) -> None:
    async def boast(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(MOST_BYTES + 1)})
        await response.prepare(request)
        return response

    site.answers["/a"] = boast
    await refused(f"{site.url}/a", "more than 20 MB")


async def test_too_much_without_a_word(site: Web) -> None:
    left = asyncio.Event()

    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"\xff\xd8\xff" + bytes(1_000_000))
        finally:
            left.set()

    site.answers["/a"] = pour
    await refused(f"{site.url}/a", "more than 20 MB")
    async with asyncio.timeout(30):
        await left.wait()


async def test_what_never_ends(site: Web) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"\xff\xd8\xff")
            await asyncio.sleep(0.05)

    site.answers["/a"] = drip
    with pytest.raises(Unreachable, match="not there within 1 s") as caught:
        await fetch(f"{site.url}/a?sign=secret", seconds=1.0)
    assert "secret" not in str(caught.value)


async def test_what_never_begins(site: Web) -> None:
    async def wait(_request: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    site.answers["/a"] = wait
    with pytest.raises(Unreachable, match="not there within 1 s"):
        await fetch(f"{site.url}/a", seconds=1.0)


async def test_nobody_there() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="not reached"):
            await fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/a")


async def test_what_ends_too_soon(site: Web) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(PNG)
        assert request.transport is not None
        request.transport.close()
        return response

    site.answers["/a"] = cut
    with pytest.raises(Unreachable, match="not reached"):
        await fetch(f"{site.url}/a")


@pytest.mark.parametrize(
    ("content", "headers", "words"),
    [
        (b"<html>", {"kind": "text/html"}, "neither picture"),
        (b"<svg>", {"kind": "image/svg+xml"}, "neither picture"),
        (b"<html>", {"kind": "image/png"}, "neither picture"),
        (b"MZ\0", {"kind": "image/png"}, "neither picture"),
        (PNG, {"Content-Encoding": "gzip"}, "compressed"),
        (b"", {}, "empty"),
    ],
)
async def test_what_is_not_handed_on(site: Web, content: bytes, headers: dict[str, str], words: str) -> None:
    await refused(site.file("/a", content, **headers) + "?sign=secret", words)


@pytest.mark.parametrize("status", [204, 206, 304, 401, 403, 404, 410, 500, 503])
async def test_what_is_not_there(site: Web, status: int) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status)

    site.answers["/a"] = answer
    await refused(f"{site.url}/a", f"status {status}")


async def test_so_many_are_in_memory_at_a_time(site: Web) -> None:
    site.file("/a", PNG)
    loading = Downloading(OURS)
    inside: list[int] = []
    leave, full = asyncio.Event(), asyncio.Event()

    async def hold(number: int) -> None:
        async with loading.fetched(Attachment(kind=Kind.PICTURE, name="", url=f"{site.url}/a")):
            inside.append(number)
            if len(inside) == AT_ONCE:
                full.set()
            await leave.wait()

    async with asyncio.timeout(60):
        holding = [asyncio.create_task(hold(number)) for number in range(AT_ONCE + 2)]
        await full.wait()
        assert len(site.asked) == len(inside) == AT_ONCE
        leave.set()
        await asyncio.gather(*holding)
    assert len(inside) == AT_ONCE + 2


async def test_a_failure_makes_room_again(site: Web) -> None:
    loading = Downloading(OURS)
    site.file("/page", b"<html>")
    site.file("/a", PNG)
    for path in (*["/page"] * (AT_ONCE + 1), "/a"):
        attachment = Attachment(kind=Kind.PICTURE, name="", url=f"{site.url}{path}")
        if path == "/a":
            async with asyncio.timeout(30), loading.fetched(attachment) as (kind, _, _):
                assert kind is Kind.PICTURE
        else:
            with pytest.raises(Refused):
                async with loading.fetched(attachment):
                    pass
