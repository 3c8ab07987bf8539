"""The Slack adapter with the real SDK against the simulated Slack: pictures and files that it sends."""

import logging
from collections.abc import AsyncIterator

import pytest

from adapters.slack import SlackAdapter
from bridge.errors import Gone, RateLimited, Refused, Unreachable
from bridge.model import Address, Attachment, Kind, Page
from bridge.ports import Attaches
from simulators.slack import SlackSimulator
from simulators.wire import Fault, Served
from tests.contract.slack_world import adapter

PICTURE = Attachment(kind=Kind.PICTURE, name="一辆 bicycle.png", url="https://e.com/r.png")
PAGE = Page(index=10_001, text="", final=True, mark="k/10001", attachment=PICTURE)
CONTENT = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100
STEPS = ["files.getUploadURLExternal", "files.completeUploadExternal"]


@pytest.fixture
async def sim() -> SlackSimulator:
    return SlackSimulator(upload_seconds=0.01)


@pytest.fixture
async def slack(sim: SlackSimulator) -> AsyncIterator[SlackAdapter]:
    async with Served(sim.app) as served:
        slack = adapter(served.url)
        await slack.open()
        yield slack
        await slack.aclose()


@pytest.fixture
async def thread(sim: SlackSimulator, slack: SlackAdapter) -> Address:
    ts = sim.say("CGENERAL", "UALICE", "@coze draw")
    return Address(platform="slack", account=slack.account, chat="CGENERAL", thread=ts)


async def test_a_file_appears_in_its_thread(sim: SlackSimulator, slack: SlackAdapter, thread: Address) -> None:
    port: object = slack
    assert isinstance(port, Attaches)
    number = await slack.attach(thread, PAGE, CONTENT, reply_to="1.2")
    assert number.startswith("file:F")
    await sim.wait(lambda: sim.bot_messages("CGENERAL"))
    (message,) = sim.bot_messages("CGENERAL")
    assert message.thread_ts == thread.thread
    (file,) = message.files
    assert (file["name"], file["title"], file["size"]) == (PICTURE.name, PICTURE.name, len(CONTENT))
    assert sim.workspace.contents[file["id"]] == CONTENT
    await slack.delete(thread, number)
    assert sim.bot_messages("CGENERAL") == []
    await slack.delete(thread, number)


async def test_a_document_in_a_dm_without_a_thread(sim: SlackSimulator, slack: SlackAdapter) -> None:
    document = Attachment(kind=Kind.DOCUMENT, name="answer.md", text="# Words")
    page = Page(index=10_000, text="", final=True, attachment=document)
    await slack.attach(Address(platform="slack", account=slack.account, chat="DALICE"), page, b"# Words")
    await sim.wait(lambda: sim.bot_messages("DALICE"))
    assert sim.bot_messages("DALICE")[0].thread_ts is None


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind="error", value="channel_not_found"), Refused),
        (Fault(kind="error", value="not_in_channel"), Refused),
        (Fault(kind="error", value="invalid_thread_ts"), Gone),
        (Fault(kind="ratelimited", seconds=7), RateLimited),
        (Fault(kind="error_500"), Unreachable),
        (Fault(kind="reset"), Unreachable),
    ],
    ids=lambda found: getattr(found, "value", "") or getattr(found, "kind", "") or found.__name__,
)
@pytest.mark.parametrize("step", STEPS)
async def test_what_goes_wrong(
    sim: SlackSimulator, slack: SlackAdapter, thread: Address, step: str, fault: Fault, error: type[Exception]
) -> None:
    sim.faults.add(Fault(kind=fault.kind, method=step, value=fault.value, seconds=fault.seconds))
    with pytest.raises(error) as caught:
        await slack.attach(thread, PAGE, CONTENT)
    assert sim.bot_messages("CGENERAL") == []
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == 7
    if isinstance(caught.value, Unreachable):
        # Before the last step nobody can have seen anything.
        assert caught.value.certain is (step == STEPS[0])


@pytest.mark.parametrize(("status", "error"), [(500, Unreachable), (429, Unreachable), (302, Refused), (413, Refused)])
async def test_an_upload_that_fails(
    sim: SlackSimulator, slack: SlackAdapter, thread: Address, status: int, error: type[Exception]
) -> None:
    sim.settings.upload_status = status
    with pytest.raises(error, match=f"status {status}") as caught:
        await slack.attach(thread, PAGE, CONTENT)
    assert getattr(caught.value, "certain", True)
    assert [call.method for call in sim.calls if call.method in STEPS] == STEPS[:1]
    assert "/upload/" not in str(caught.value)


async def test_without_the_scope_slack_is_not_asked_again_and_again(
    sim: SlackSimulator, slack: SlackAdapter, thread: Address, caplog: pytest.LogCaptureFixture
) -> None:
    sim.settings.scopes.discard("files:write")
    for _ in range(3):
        with pytest.raises(Refused, match="files:write"):
            await slack.attach(thread, PAGE, CONTENT)
    assert len([call for call in sim.calls if call.method in STEPS]) == 1
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "files:write" in record.getMessage()
