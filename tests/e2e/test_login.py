"""People log in with Coze accounts of their own: in the chat, through a browser, and back."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.e2e.worlds import settled

ANN = 1001
LOGIN = {
    "COZE_LOGIN_CLIENT_ID": "login",
    "COZE_LOGIN_URL": "https://bridge.example",
    "COZE_LOGIN_KEY": "canary-key-of-thirty-two-characters-or-more",
}


async def link_in(world, chat):
    """The newest link to Coze that stands in that chat."""

    def found():
        entities = [entity for message in world.telegram.messages(chat) for entity in message.now.entities]
        links = [entity["url"] for entity in entities if entity["type"] == "text_link"]
        links += re.findall(r"https?://\S*/oauth2/authorize\S+", " ".join(world.telegram.texts(chat)))
        return links[-1] if links else None

    return await world.telegram.wait(found, 60)


async def through_the_browser(link, base, language="zh-CN"):
    """They agree at Coze, whose page sends the browser to us; the page that they see, and the address of it."""
    async with httpx.AsyncClient() as browser:
        back = (await browser.get(link)).headers["location"]
        assert back.startswith("https://bridge.example/coze/login?")
        ours = f"{base}/coze/login?{urlsplit(back).query}"
        return await browser.get(ours, headers={"Accept-Language": language}), ours


async def said(world, chat, part):
    await world.telegram.wait(lambda: any(part in text for text in world.telegram.texts(chat)) or None, 60)


def owners(world, text):
    """Whose conversations the questions were asked in."""
    return [world.coze.conversations[chat.conversation_id].owner for chat in world.coze.asked(text)]


async def test_login_question_logout(world):
    async with world.bridge(**LOGIN) as app:
        world.telegram.say(ANN, ANN, "echo: before")
        await settled(app, 1)
        world.telegram.say(ANN, ANN, "/login")
        link = await link_in(world, ANN)
        page, address = await through_the_browser(link, app.url)
        assert page.status_code == 200
        assert page.text.index("你已以 Ada 的身份登录") < page.text.index("You are logged in as Ada")
        assert page.headers["cache-control"] == "no-store"
        await said(world, ANN, "You are logged in at Coze as Ada")
        async with httpx.AsyncClient() as browser:
            again = await browser.get(address)
            assert again.status_code == 400
            assert "used up" in again.text
            assert (await browser.post(f"{app.url}/coze/login")).status_code == 405
        world.telegram.say(ANN, ANN, "echo: as myself")
        await said(world, ANN, "as myself")
        world.telegram.say(ANN, ANN, "/logout")
        await said(world, ANN, "You are logged out")
        world.telegram.say(ANN, ANN, "echo: after")
        await settled(app, 6)
        assert owners(world, "echo: before") == ["/"]
        assert owners(world, "echo: as myself") == ["Ada/"]
        assert owners(world, "echo: after") == ["/"]
        # The conversation with the service's own account goes on where it was.
        assert world.coze.asked("before")[0].conversation_id == world.coze.asked("after")[0].conversation_id


async def test_who_is_logged_out_by_coze_is_told_so_and_may_log_in_again(world):
    async with world.bridge(**LOGIN) as app:
        world.telegram.say(ANN, ANN, "/login")
        await through_the_browser(await link_in(world, ANN), app.url)
        await said(world, ANN, "You are logged in")
        world.coze.oauth.refresh.clear()
        world.coze.world.revoked |= set(world.coze.world.accounts)
        world.telegram.say(ANN, ANN, "echo: too late")
        await said(world, ANN, "Your login at Coze has ended")
        world.telegram.say(ANN, ANN, "echo: without")
        await said(world, ANN, "without")
        assert owners(world, "echo: without") == ["/"]


@pytest.mark.parametrize(
    ("query", "status", "part"),
    [("", 400, "used up"), ("?code=x&state=y", 400, "used up"), ("?error=access_denied&state=y", 400, "did not log")],
)
async def test_whoever_comes_without_having_been_sent_sees_a_page_and_changes_nothing(world, query, status, part):
    async with world.bridge(**LOGIN) as app, httpx.AsyncClient() as browser:
        page = await browser.get(f"{app.url}/coze/login{query}")
        assert (page.status_code, page.text.count("<p>")) == (status, 2)
        assert part in page.text


async def test_where_nobody_can_log_in_there_is_no_such_page_and_the_command_says_so(world):
    async with world.bridge() as app, httpx.AsyncClient() as browser:
        assert (await browser.get(f"{app.url}/coze/login")).status_code == 404
        world.telegram.say(ANN, ANN, "/login")
        await said(world, ANN, "There is nothing to log in to")


async def test_nothing_of_a_login_is_to_be_read_in_log_metrics_or_database(world, caplog):
    caplog.set_level("DEBUG")
    world.coze.oauth.access_seconds = 0
    async with world.bridge(**LOGIN) as app:
        world.telegram.say(ANN, ANN, "/login")
        link = await link_in(world, ANN)
        secrets = {parse_qs(urlsplit(link).query)[name][0] for name in ("state", "code_challenge")}
        await through_the_browser(link, app.url)
        world.coze.oauth.access_seconds = 900
        world.telegram.say(ANN, ANN, "echo: renewed")
        await settled(app, 3)
        assert world.coze.oauth.refreshed == 1
        secrets |= {*world.coze.oauth.given, LOGIN["COZE_LOGIN_KEY"]}
        kept = b"".join(path.read_bytes() for path in world.directory.glob("bridge.db*"))
        assert b"login_attempts" in kept
        async with httpx.AsyncClient() as browser:
            metrics = (await browser.get(f"{app.url}/metrics")).text
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith(("bridge", "adapters")))
    assert "somebody logged in" in ours
    for secret in secrets:
        assert secret.encode() not in kept
        assert secret not in ours + metrics
