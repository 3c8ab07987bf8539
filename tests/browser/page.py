"""The demo page in one tab of a real browser: what a person does there, and what the simulators know of it."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page

from tests.browser.running import until

SCREENSHOTS = Path(__file__).parent / "screenshots"
WAIT = 60.0
"""Seconds for anything to happen; only a fault takes so long."""
# Notes every version of every message of the bot that the page shows, and what the page is forbidden.
WATCH = """
window.seen = {}; window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
new MutationObserver((changes) => {
  for (const article of new Set(changes.flatMap((change) => [change.target, ...change.addedNodes]))) {
    if (article.dataset?.bot !== "true") continue;
    const key = `${article.dataset.platform}/${article.dataset.room}/${article.dataset.id}`;
    (window.seen[key] ??= []).push([Number(article.dataset.versions), article.querySelector(".text").textContent]);
  }
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-versions"] });
"""


def letters(text: str) -> str:
    """What is left without spaces, punctuation and Markdown (targets of links, names of languages)."""
    without = re.sub(r"\]\([^)]*\)|```\w+", "", text)
    return re.sub(r"[\W_]", "", without)


class Tab:
    """One open page, with everything that went wrong on it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.problems: list[str] = []
        page.on("console", lambda message: self._note(f"{message.type}: {message.text}", message.type != "log"))
        page.on("pageerror", lambda error: self._note(f"error: {error}", True))
        page.on("request", lambda request: self._note(f"elsewhere: {request.url}", not request.url.startswith(url)))
        # The stream of events ends with the page that reads it; nothing else may fail.
        page.on("requestfailed", lambda r: self._note(f"failed: {r.url} {r.failure}", not r.url.endswith("/events")))
        page.on("response", lambda r: self._note(f"{r.status}: {r.url}", r.status >= 400))

    def _note(self, what: str, is_problem: bool) -> None:
        if is_problem:
            self.problems.append(what)

    async def open_room(self, platform: str, room: str) -> None:
        await self.page.locator(f'#pane-{platform} [role="tab"][data-room="{room}"]').click()

    async def ask(self, platform: str, room: str, text: str) -> None:
        """Opens the room and types there."""
        await self.open_room(platform, room)
        await self.page.locator(f"#pane-{platform} .room:not([hidden]) > .composer textarea").click()
        await self.page.keyboard.type(text)
        await self.page.keyboard.press("Enter")

    def answers(self, platform: str, room: str) -> Any:
        """The bot's messages in a room, as a locator."""
        return self.page.locator(f'article[data-platform="{platform}"][data-room="{room}"][data-bot="true"]')

    async def versions(self, room: str) -> list[tuple[int, str]]:
        """The versions of the one answer in this room that were visible so far."""
        seen = await self.page.evaluate("seen")
        found = [versions for key, versions in seen.items() if key.split("/", 1)[1].rpartition("/")[0] == room]
        assert len(found) <= 1, f"more than one answer in {room}"
        return found[0] if found else []

    async def press(self, name: str) -> None:
        """One of the buttons that break things; returns when the page shows that it is broken."""
        await self.page.locator(f".break-{name} button").click()
        await self.page.locator(f'.break-{name}[data-active="true"]').wait_for(timeout=WAIT * 1000)

    async def screenshot(self, name: str, *, width: int, height: int) -> None:
        """Also sees to it that nothing is wider than the screen."""
        await self.page.set_viewport_size({"width": width, "height": height})
        await self.page.wait_for_timeout(300)
        SCREENSHOTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        assert await self.page.evaluate("document.documentElement.scrollWidth") <= width, "the page is too wide"


async def open_tab(
    browser: Browser, url: str, query: str = "", *, width: int = 1280, height: int = 860, **context: Any
) -> Tab:
    """A new visitor, waiting until the bridge is ready."""
    visitor = await browser.new_context(viewport={"width": width, "height": height}, **{"locale": "en-US"} | context)
    visitor.set_default_timeout(WAIT * 1000)
    tab = Tab(await visitor.new_page(), url)
    await tab.page.add_init_script(WATCH)
    await tab.page.goto(f"{url}/{query}")
    await tab.page.locator('.state[data-state="ready"]').wait_for()
    return tab


class Records:
    """What the simulators have written down."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client

    async def _get(self, path: str) -> Any:
        async with self._client.get(path) as response:
            return await response.json()

    async def said(self, question: str) -> str:
        """What Coze has said to a question, once all of it is said."""
        chats = [chat for chat in await self._get("/coze/control/chats") if question in chat["question"]]
        return chats[-1]["text"] if chats and chats[-1]["status"] == "completed" else ""

    async def answers(self, platform: str, room: str) -> list[str]:
        """The bot's messages that stand in a room, as the platform keeps them."""
        if platform == "telegram":
            found = (await self._get(f"/telegram/control/messages?chat={room}"))["messages"]
            standing = [one for one in found if not one["deleted_at"] and one["from"]["is_bot"]]
            return [one["text"] for one in standing]
        found = await self._get(f"/slack/control/messages?channel={room}")
        return [one["raw"] for one in found if one["bot_id"] and one["deleted_at"] is None]

    async def fault_calls(self, platform: str) -> int:
        """How many calls a platform answered with 429."""
        calls = await self._get(f"/{platform}/control/calls")
        return sum(call.get("status") == 429 or call.get("outcome") == "ratelimited" for call in calls)

    async def pace(self, deltas_per_second: float) -> None:
        body = {"deltas_per_second": deltas_per_second}
        async with self._client.post("/coze/control/pace", json=body) as response:
            assert response.ok


async def see(look: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits until it holds."""
    await until(look, WAIT, what)


async def is_whole(tab: Tab, records: Records, platform: str, room: str, question: str, count: int = 1) -> bool:
    """Whether the last of `count` answers shows all that Coze said, on the page and on the platform, and no more."""
    whole = letters(await records.said(question))
    kept = await records.answers(platform, room)
    shown = await tab.answers(platform, room).locator(".text").all_text_contents()
    return bool(whole) and all(len(texts) == count and letters(texts[-1]) == whole for texts in (kept, shown))


async def growing(tab: Tab, platform: str, room: str, least: int) -> None:
    """Waits until an answer of a room shows so many letters and still grows."""
    article = tab.page.locator(f'article.growing[data-platform="{platform}"][data-room="{room}"] .text')

    async def has_grown() -> bool:
        return any(len(letters(text)) >= least for text in await article.all_text_contents())

    await see(has_grown, f"{least} letters in {room}")
