"""The page for everybody: keyboard, screen reader, small screens, light and dark, both languages."""

import aiohttp
import pytest
from axe_playwright_python.async_playwright import Axe

from tests.browser.page import Records, growing, is_whole, open_tab, see
from tests.browser.running import demo

ASKED = (("telegram", "1001", "Compare three data stores in a table"), ("slack", "CGENERAL", "Write some python code"))


async def test_axe_finds_no_serious_fault_in_any_look(browser):
    async with demo() as running, aiohttp.ClientSession(running.url) as client:
        records = Records(client)
        first = await open_tab(browser, running.url, "?flood=60")
        for platform, room, question in ASKED:
            await first.ask(platform, room, question)
        for platform, room, question in ASKED:

            async def whole(platform: str = platform, room: str = room, question: str = question) -> bool:
                return await is_whole(first, records, platform, room, question)

            await see(whole, "the whole answer")
        await first.press("flood")
        faults: list[str] = []
        for scheme in ("light", "dark"):
            for language in ("en", "zh"):
                tab = await open_tab(browser, running.url, f"?lang={language}", color_scheme=scheme)
                for platform, room, _ in ASKED:
                    await tab.open_room(platform, room)
                faults += await found_by_axe(tab.page, f"{scheme} {language} 1280")
                await tab.screenshot(f"{scheme}-{language}-1280", width=1280, height=860)
                await tab.screenshot(f"{scheme}-{language}-360", width=360, height=740)
                await tab.page.locator(".strip").click()
                await tab.screenshot(f"{scheme}-{language}-360-open", width=360, height=740)
                faults += await found_by_axe(tab.page, f"{scheme} {language} 360")
                assert tab.problems == []
                await tab.page.context.close()
        assert faults == []


async def found_by_axe(page, look: str) -> list[str]:
    """The serious and critical faults, each with where it is."""
    results = await Axe().run(page)
    return [
        f"{look}: {fault['id']}: {node['target']} {node.get('failureSummary', '')}"
        for fault in results.response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


async def focused(page) -> str:
    return await page.evaluate("document.activeElement.id || document.activeElement.className || 'body'")


async def tab_to(page, selector: str, most: int = 80) -> None:
    """Presses Tab until the focus is there, seeing that it is always visible where it is."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await page.evaluate("(s) => document.activeElement.matches(s)", selector):
            assert await page.evaluate("document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"{selector} cannot be reached with Tab; the focus is at {await focused(page)}")


async def test_without_a_mouse_one_asks_switches_chats_and_breaks_something(browser):
    async with demo() as running, aiohttp.ClientSession(running.url) as client:
        records = Records(client)
        tab = await open_tab(browser, running.url)
        page = tab.page
        await tab_to(page, '#pane-telegram [role="tab"]')
        await page.keyboard.press("ArrowDown")
        assert await page.evaluate("document.activeElement.dataset.room") == "1001"
        await page.keyboard.press("End")
        await page.keyboard.press("Home")
        await page.keyboard.press("ArrowDown")
        await tab_to(page, ".slash")
        await page.keyboard.press("Enter")
        await page.locator("#pane-telegram .room:not([hidden]) .commands").wait_for()
        await page.keyboard.press("Escape")
        await page.locator("#pane-telegram .room:not([hidden]) .commands").wait_for(state="hidden")
        await tab_to(page, ".composer textarea")
        await page.keyboard.type("long 600")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("please")
        await page.keyboard.press("Enter")
        await growing(tab, "telegram", "1001", 60)
        await tab_to(page, ".break-kill button")
        await page.keyboard.press("Space")
        await page.locator('.break-kill[data-active="true"]').wait_for()
        await page.locator('.break-kill[data-active="false"]').wait_for()
        assert await page.evaluate("document.activeElement.matches('.break-kill button')"), "the focus was lost"
        await see(lambda: is_whole(tab, records, "telegram", "1001", "long 600"), "the whole answer")
        await tab_to(page, ".log summary")  # nothing on the way holds the focus back
        assert tab.problems == []


async def test_a_screen_reader_is_told_now_and_then_and_at_the_end(browser):
    async with demo() as running:
        tab = await open_tab(browser, running.url)
        await tab.page.evaluate(
            """() => { window.told = []; const node = document.getElementById("announcer");
            new MutationObserver(() => window.told.push(node.textContent)).observe(node, { childList: true }); }"""
        )
        await tab.ask("telegram", "1001", "long 400")
        await tab.page.locator('.fact-outcome[data-state="whole"]').wait_for()
        await tab.page.wait_for_function("told.some((words) => words.includes('whole and once'))")
        told = await tab.page.evaluate("told")
        assert len(told) <= 6, "every delta is shouted"
        assert "characters visible" in (await tab.page.locator(".plot").get_attribute("aria-label") or "")


@pytest.mark.parametrize("width", [360, 768])
async def test_on_a_small_screen_the_drawer_leaves_the_message_in_view(browser, width):
    async with demo() as running:
        tab = await open_tab(browser, running.url, "?flood=3", width=width, height=740)
        await tab.ask("telegram", "1001", "long 900")
        await growing(tab, "telegram", "1001", 60)
        await tab.page.locator(".strip").click()
        await tab.press("flood")
        assert await tab.answers("telegram", "1001").last.is_visible()
        room = await tab.page.locator("#pane-telegram .room:not([hidden]) .list").bounding_box()
        assert room is not None
        assert room["height"] >= 100
        await tab.page.locator('.platforms [data-platform="slack"]').click()
        await tab.page.locator('.platforms [data-platform="telegram"] .unread').wait_for()
        await tab.page.locator('.platforms [data-platform="telegram"]').click()
        await tab.page.locator('.platforms [data-platform="telegram"] .unread').wait_for(state="detached")
        await tab.screenshot(f"drawer-{width}", width=width, height=740)
        await tab.page.locator(".break-flood button").focus()
        await tab.page.keyboard.press("Escape")
        assert await tab.page.locator(".strip").get_attribute("aria-expanded") == "false"
        assert tab.problems == []


async def test_language_and_colours_are_switched_and_remembered(browser):
    async with demo() as running:
        tab = await open_tab(browser, running.url, "?lang=zh", color_scheme="light")
        await tab.page.get_by_role("button", name="English").click()
        await tab.page.get_by_text("Bridge ready").wait_for()
        for _ in range(2):
            await tab.page.get_by_role("button", name="Colours").click()
        assert await tab.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
        await tab.page.goto(running.url)
        await tab.page.get_by_text("Bridge ready").wait_for()
        assert await tab.page.evaluate("document.documentElement.dataset.theme") == "dark"
