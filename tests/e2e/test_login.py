"""People log in with Coze accounts of their own: in the chat, through a browser, and back."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from adapters.coze import accounts
from tests.e2e.worlds import settled

ANN, EVE = 1001, 1002
DM, CHANNEL, ALICE, BOB = "DALICE", "CGENERAL", "UALICE", "UBOB"
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


async def link_in_slack(world):
    """The newest link to Coze that stands in Alice's direct messages."""

    def found():
        links = re.findall(r"https?://[^\s<>|()]*/oauth2/authorize[^\s<>|()]+", " ".join(world.slack.texts(DM)))
        return html.unescape(links[-1]) if links else None

    return await world.slack.wait(found, 60)


def number_on(page):
    """What whoever agreed is to send."""
    (number,) = set(re.findall(r"(?a)/(?:coze )?login (\d+)\b", page.text))
    return number


def another(number):
    return f"{(int(number) + 1) % 10 ** len(number):0{len(number)}}"


async def begun(world, app):
    """Ann asks for a link, and somebody agrees: the number that they see."""
    world.telegram.say(ANN, ANN, "/login")
    page, _ = await through_the_browser(await link_in(world, ANN), app.url)
    return number_on(page)


async def log_in(world, app):
    world.telegram.say(ANN, ANN, f"/login {await begun(world, app)}")
    await said(world, ANN, "You are logged in at Coze as Ada")


async def said_in_slack(world, part):
    await world.slack.wait(lambda: any(part in text for text in world.slack.texts(DM)) or None, 60)


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
        assert len(number_on(page)) == 6
        assert page.text.index("以 Ada 的身份登录还差一步") < page.text.index("One step is left to log in as Ada")
        assert page.headers["cache-control"] == "no-store"
        world.telegram.say(ANN, ANN, f"/login {number_on(page)}")
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
        await log_in(world, app)
        world.coze.oauth.refresh.clear()
        world.coze.world.revoked |= set(world.coze.world.accounts)
        world.telegram.say(ANN, ANN, "echo: too late")
        await said(world, ANN, "Your login at Coze has ended")
        world.telegram.say(ANN, ANN, "echo: without")
        await said(world, ANN, "without")
        assert owners(world, "echo: without") == ["/"]


async def test_who_sends_their_link_to_somebody_else_gets_nothing_of_theirs(world):
    """Ann sends hers to Eve, who agrees: only Eve sees the number, and it is of no use to her."""
    async with world.bridge(**LOGIN) as app:
        seen = await begun(world, app)
        world.telegram.say(ANN, ANN, "echo: hers")
        await settled(app, 2)
        world.telegram.say(EVE, EVE, f"/login {seen}")
        await said(world, EVE, "No login of yours waits for a number")
        world.telegram.say(EVE, EVE, "echo: mine")
        await settled(app, 4)
        assert owners(world, "echo: hers") == owners(world, "echo: mine") == ["/"]


async def test_a_number_may_be_wrong_four_times(world):
    async with world.bridge(**LOGIN) as app:
        number = await begun(world, app)
        for left in (4, 3, 2, 1):
            world.telegram.say(ANN, ANN, f"/login {another(number)}")
            await said(world, ANN, f"tries that are left: {left}.")
        world.telegram.say(ANN, ANN, f"/login {number}")
        await said(world, ANN, "You are logged in at Coze as Ada")


async def test_after_five_wrong_numbers_a_login_is_over(world):
    async with world.bridge(**LOGIN) as app:
        number = await begun(world, app)
        for _ in range(5):
            world.telegram.say(ANN, ANN, f"/login {another(number)}")
        await said(world, ANN, "it was the last try")
        world.telegram.say(ANN, ANN, f"/login {number}")
        await said(world, ANN, "No login of yours waits for a number")
        world.telegram.say(ANN, ANN, "echo: without")
        await settled(app, 8)
        assert owners(world, "echo: without") == ["/"]


async def test_a_number_that_comes_too_late_or_after_another_login_was_begun_is_good_for_nothing(world, monkeypatch):
    async with world.bridge(**LOGIN) as app:
        old = await begun(world, app)
        before = await link_in(world, ANN)
        world.telegram.say(ANN, ANN, "/login")
        await settled(app, 2)
        world.telegram.say(ANN, ANN, f"/login {old}")
        await said(world, ANN, "Write /login (Slack: /coze login) to begin again")
        link = await link_in(world, ANN)
        assert link != before
        monkeypatch.setattr(accounts, "BEGUN_SECONDS", 0.0)
        page, _ = await through_the_browser(link, app.url)
        world.telegram.say(ANN, ANN, f"/login {number_on(page)}")
        await settled(app, 4)
        assert sum("No login of yours waits" in text for text in world.telegram.texts(ANN)) == 2


async def test_a_number_in_a_group_is_refused_as_login_is(world):
    async with world.bridge(**LOGIN) as app:
        group = world.telegram.add_chat(type="supergroup", title="G", members=[ANN])["id"]
        number = await begun(world, app)
        for written in ("/login", f"/login {number}"):
            world.telegram.say(group, ANN, f"{written.replace('login', 'login@coze_demo_bot')}")
        await settled(app, 3)
        assert sum("in our private chat" in text for text in world.telegram.texts(group)) == 2
        world.telegram.say(ANN, ANN, f"/login {number}")
        await said(world, ANN, "You are logged in at Coze as Ada")


async def test_each_step_of_a_login_may_be_another_process(world):
    async with world.bridge(**LOGIN):
        world.telegram.say(ANN, ANN, "/login")
        link = await link_in(world, ANN)
    async with world.bridge(**LOGIN) as app:
        number = number_on((await through_the_browser(link, app.url))[0])
        world.telegram.say(ANN, ANN, f"/login {another(number)}")
        await said(world, ANN, "tries that are left: 4")
    async with world.bridge(**LOGIN):
        world.telegram.say(ANN, ANN, f"/login {another(number)}")
        await said(world, ANN, "tries that are left: 3")
        world.telegram.say(ANN, ANN, f"/login {number}")
        await said(world, ANN, "You are logged in at Coze as Ada")


async def test_in_slack(world):
    async with world.bridge(**LOGIN) as app:
        world.slack.slash("/coze", "login", CHANNEL, ALICE)
        await settled(app, 1)
        world.slack.slash("/coze", "login", DM, ALICE)
        page, _ = await through_the_browser(await link_in_slack(world), app.url, "en")
        number = number_on(page)
        assert f"(Slack: /coze login {number})" in page.text
        world.slack.slash("/coze", f"login {number}", "DBOB", BOB)
        world.slack.slash("/coze", f"login {number}", CHANNEL, ALICE)
        await settled(app, 4)
        world.slack.slash("/coze", f"login {another(number)}", DM, ALICE)
        await said_in_slack(world, "tries that are left: 4")
        ts = world.slack.say(DM, ALICE, "echo: before")
        await settled(app, 6)
        # Slack has no slash commands in threads.
        world.slack.say(DM, ALICE, f"!login {number}", thread_ts=ts)
        await said_in_slack(world, "You are logged in at Coze as Ada")
        world.slack.say(DM, ALICE, "echo: as myself")
        await settled(app, 8)
        assert owners(world, "echo: before") == ["/"]
        assert owners(world, "echo: as myself") == ["Ada/"]
        assert not any("logged in" in text for text in world.slack.texts("DBOB") + world.slack.texts(CHANNEL))


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


async def test_nothing_of_a_login_is_to_be_read_in_log_metrics_or_database(world, caplog, monkeypatch):
    caplog.set_level("DEBUG")
    monkeypatch.setattr(accounts, "DIGITS", 18)  # six stand somewhere by chance
    world.coze.oauth.access_seconds = 0
    async with world.bridge(**LOGIN) as app:
        world.telegram.say(ANN, ANN, "/login")
        link = await link_in(world, ANN)
        secrets = {parse_qs(urlsplit(link).query)[name][0] for name in ("state", "code_challenge")}
        page, _ = await through_the_browser(link, app.url)
        number = number_on(page)
        group = world.telegram.add_chat(type="supergroup", title="G", members=[ANN])["id"]
        world.telegram.say(group, ANN, f"/login@coze_demo_bot {number}")
        for written in (another(number), number):
            world.telegram.say(ANN, ANN, f"/login {written}")
        await said(world, ANN, "You are logged in")
        world.coze.oauth.access_seconds = 900
        world.telegram.say(ANN, ANN, "echo: renewed")
        await settled(app, 5)
        assert world.coze.oauth.refreshed == 1
        secrets |= {number, another(number)}
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
