"""The Slack adapter with the real SDK against the simulated Slack: files that people share."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from adapters.slack import SlackAdapter
from adapters.slack.fetching import SCOPE, Fetching
from bridge.errors import BridgeError, Gone, RateLimited, Refused, Unreachable
from bridge.model import File
from bridge.ports import Brings
from simulators.slack import SlackSimulator
from simulators.wire import Fault, Served
from tests.contract.slack_world import adapter, hearing

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1000
PAGE = "<!DOCTYPE html><html><body>a page of mine</body></html>"


@pytest.fixture
async def sim() -> SlackSimulator:
    return SlackSimulator()


@asynccontextmanager
async def sharing(sim: SlackSimulator, *items: dict[str, Any]) -> AsyncIterator[tuple[SlackAdapter, list[File]]]:
    """An adapter, and the files as the core gets to know them when somebody shares these."""
    async with Served(sim.app) as served, hearing(sim, served.url) as (slack, inbox):
        sim.say("DALICE", "UALICE", "look", files=items)
        (inbound, *_) = await inbox.get()
        yield slack, list(inbound.files)


async def fetched(slack: SlackAdapter, file: File) -> bytes:
    port: object = slack
    assert isinstance(port, Brings)
    async with port.fetch(file) as pieces:
        return b"".join([piece async for piece in pieces])


async def test_several_files_of_one_message(sim: SlackSimulator) -> None:
    png = {"name": "图 1.png", "content": PICTURE, "mimetype": "image/png"}
    clip = {"name": "audio_message.m4a", "content": "la", "mimetype": "audio/mp4", "fields": {"subtype": "slack_audio"}}
    async with sharing(sim, png, clip) as (slack, files):
        assert [(file.kind, file.name, file.mime, file.size) for file in files] == [
            ("file", "图 1.png", "image/png", len(PICTURE)),
            ("voice", "audio_message.m4a", "audio/mp4", 2),
        ]
        assert [await fetched(slack, file) for file in files] == [PICTURE, b"la"]
        assert slack.most_bytes(files[0]) == 1 << 30


async def test_a_file_of_another_organisation_is_asked_for(sim: SlackSimulator) -> None:
    png = {"name": "a.png", "content": PICTURE, "mimetype": "image/png", "foreign": True}
    async with sharing(sim, png) as (slack, (file,)):
        assert file == File(kind="file", ref=next(iter(sim.workspace.files)))
        assert await fetched(slack, file) == PICTURE
        sim.workspace.files.clear()
        with pytest.raises(Gone):
            await fetched(slack, file)


async def test_what_lies_elsewhere_is_not_fetched(sim: SlackSimulator) -> None:
    drive = {"name": "a.gdoc", "fields": {"is_external": True, "url_private_download": "https://drive.example/a"}}
    async with sharing(sim, drive) as (_, (file,)):
        assert file.ref == ""


@pytest.mark.parametrize("foreign", [False, True])
async def test_without_the_scope_it_is_said_once_and_clearly(
    sim: SlackSimulator, foreign: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack answers with the page at which people log in, and status 200."""
    sim.settings.scopes.discard("files:read")
    png = {"name": "a.png", "content": PICTURE, "mimetype": "image/png", "foreign": foreign}
    async with sharing(sim, png) as (slack, (file,)):
        with pytest.raises(Refused):
            await fetched(slack, file)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [SCOPE]


async def test_a_page_that_somebody_shares_is_a_file(sim: SlackSimulator) -> None:
    page = {"name": "a.html", "content": PAGE, "mimetype": "text/html"}
    async with sharing(sim, page) as (slack, (file,)):
        assert await fetched(slack, file) == PAGE.encode()
        sim.settings.scopes.discard("files:read")
        with pytest.raises(Refused):
            await fetched(slack, file)


@pytest.mark.parametrize(
    ("status", "error"), [(404, Gone), (403, Refused), (500, Unreachable), (429, RateLimited)], ids=str
)
async def test_what_goes_wrong(sim: SlackSimulator, status: int, error: type[BridgeError]) -> None:
    async with sharing(sim, {"name": "a.png", "content": PICTURE}) as (slack, (file,)):
        sim.settings.download_status = status
        with pytest.raises(error) as raised:
            await fetched(slack, file)
        assert sim.bot_token not in str(raised.value)


async def test_files_info_that_fails(sim: SlackSimulator) -> None:
    async with sharing(sim, {"name": "a.png", "content": PICTURE, "foreign": True}) as (slack, (file,)):
        sim.faults.add(Fault(kind="ratelimited", method="files.info", seconds=7))
        with pytest.raises(RateLimited):
            await fetched(slack, file)


async def test_the_token_goes_to_slack_alone(sim: SlackSimulator) -> None:
    asked: list[dict[str, str]] = []

    async def give(request: web.Request) -> web.Response:
        asked.append(dict(request.headers))
        return web.Response(body=PICTURE, content_type="image/png")

    elsewhere = web.Application()
    elsewhere.add_routes([web.get("/{file}", give)])
    async with Served(elsewhere) as other, sharing(sim, {"name": "a.png", "content": PICTURE}) as (slack, (file,)):
        sim.settings.cdn = other.url
        assert await fetched(slack, file) == PICTURE
        with pytest.raises(Gone):
            await fetched(slack, File(kind="file", ref=f"F1 {other.url}/a.png"))
    assert len(asked) == 1
    assert "Authorization" not in asked[0]
    assert sim.bot_token not in str(asked)


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://files.slack.com/files-pri/T1-F1/download/a.png", True),
        ("https://slack.com/a", True),
        ("https://x.enterprise.slack.com/a", True),
        ("https://slack-files.com/a", True),
        ("http://files.slack.com/a", False),
        ("https://files.slack.com.evil.example/a", False),
        ("https://evilslack.com/a", False),
        ("https://drive.example/a", False),
    ],
)
def test_whose_hosts_are_slacks(url: str, ours: bool) -> None:
    slack = adapter("https://slack.com")
    fetching = Fetching("xoxb-test", "https://slack.com/api/", slack._connect)
    assert fetching._is_slack(URL(url)) is ours
