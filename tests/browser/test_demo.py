"""The demo page as a newcomer uses it: types, watches, looks behind the answer, comes back."""

import aiohttp
import pytest

from tests.browser.page import WAIT, Records, Tab, growing, is_whole, letters, open_tab, see
from tests.browser.running import demo, is_alive

ROOMS = {
    # language of the page: (platform, room, question)
    "en": (
        ("telegram", "1001", "long 600"),
        ("telegram", "-1001000005001", "long 700"),
        ("slack", "CGENERAL", "Write a Python function for the Fibonacci numbers"),
        ("slack", "DALICE", "long 600"),
    ),
    "zh": (
        ("telegram", "1002", "写一段 Python 代码，输出斐波那契数列"),
        ("telegram", "-1001000005002/1", "请写 300 字"),
        ("slack", "CGENERAL", "用表格比较三种存储"),
        ("slack", "DBOB", "请写 200 字"),
    ),
}
TEXTS = "[...document.querySelectorAll('article .text')].map((text) => text.textContent)"


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_on_both_platforms_one_types_and_sees_the_answer_grow_until_it_is_whole(browser, language):
    async with demo() as running, aiohttp.ClientSession(running.url) as client:
        records = Records(client)
        tab = await open_tab(browser, running.url, f"?lang={language}")
        assert await tab.page.evaluate("document.documentElement.lang") == {"en": "en", "zh": "zh-CN"}[language]
        for platform, room, question in ROOMS[language]:
            await tab.ask(platform, room, question)
        for platform, room, question in ROOMS[language]:
            await see_it_grow(tab, records, platform, room, question)

        async def are_final() -> bool:
            return await tab.page.locator("article.growing").count() == 0

        await see(are_final, "the end of all growing")
        await tab.page.locator('.fact-outcome[data-state="whole"]').wait_for()

        before = await tab.page.evaluate(TEXTS)
        assert len(before) == 2 * len(ROOMS[language])
        await tab.screenshot(f"wide-{language}", width=1280, height=860)
        await tab.page.reload()
        await tab.page.locator("article").nth(len(before) - 1).wait_for(state="attached")
        assert await tab.page.evaluate(TEXTS) == before
        await tab.screenshot(f"narrow-{language}", width=360, height=740)
        assert await tab.page.evaluate("violations") == []
        assert tab.problems == []

        children = running.children()
        assert await running.stop() == 0
        assert not any(is_alive(pid) for pid in children)


async def see_it_grow(tab: Tab, records: Records, platform: str, room: str, question: str) -> None:
    """Several versions in this room, each longer than the one before, the last one whole."""

    async def is_there() -> bool:
        seen, whole = await tab.versions(room), letters(await records.said(question))
        return bool(whole) and bool(seen) and letters(seen[-1][1]) == whole

    await see(is_there, f"the whole answer in {room}")
    seen = await tab.versions(room)
    longest, grown = 0, 0
    for _, text in seen:
        if len(letters(text)) > longest:
            longest, grown = len(letters(text)), grown + 1
    # A group is written to every three seconds at most.
    least = 2 if room.startswith("-") else 3
    assert grown >= least, seen
    assert seen[-1][0] >= least


async def test_who_reloads_or_opens_a_second_tab_in_mid_answer_sees_the_same_message_go_on(browser):
    async with demo() as running, aiohttp.ClientSession(running.url) as client:
        records = Records(client)
        tab = await open_tab(browser, running.url)
        await tab.ask("telegram", "1002", "long 500")
        await growing(tab, "telegram", "1002", 100)
        await tab.page.reload()
        other = await open_tab(browser, running.url, "?lang=zh")
        for one in (tab, other):
            await growing(one, "telegram", "1002", 150)
            assert await one.page.locator(".plot .seen").count() == 1
        for one in (tab, other):
            await see(lambda one=one: is_whole(one, records, "telegram", "1002", "long 500"), "the whole answer")
            assert one.problems == []

        async def tell_the_same() -> bool:
            facts = [await one.page.locator(".fact-calls b").text_content() for one in (tab, other)]
            return facts[0] == facts[1] != "0"

        await see(tell_the_same, "the same figures in both tabs")


async def test_stop_the_commands_and_the_unread_marks_work_on_both_platforms(browser):
    async with demo() as running:
        tab = await open_tab(browser, running.url)
        for platform, room, elsewhere in (("telegram", "1001", "1002"), ("slack", "DALICE", "CGENERAL")):
            await tab.ask(platform, room, "long 9000")
            await growing(tab, platform, room, 60)
            await tab.open_room(platform, elsewhere)
            entry = tab.page.locator(f"#tab-{room}")
            await entry.locator(".unread").wait_for()
            assert "1 unread" in (await entry.text_content() or "")
            await entry.click()
            await entry.locator(".unread").wait_for(state="hidden")

            pane = tab.page.locator(f"#pane-{platform} .room:not([hidden])")
            await pane.locator(".chip.stop").click()
            await pane.locator(".chip.stop").wait_for(state="hidden")
            await tab.page.locator(f"#pane-{platform} article", has_text="⏹").first.wait_for()
            await pane.locator(".chip.slash").click()
            await pane.locator(".commands button", has_text="/help").click()
            await tab.page.locator(f"#pane-{platform} article", has_text="/retry").last.wait_for()
        assert tab.problems == []


async def test_the_examples_ask_in_the_language_of_whoever_sits_there(browser):
    """In each room, by pressing the first example: nothing is refused, and the bot begins to answer."""
    async with demo() as running:
        tab = await open_tab(browser, running.url, "?lang=en")
        for platform, room, asked in (
            ("telegram", "1001", "Write a"),
            ("telegram", "1002", "写一篇"),
            ("telegram", "-1001000005001", "Write a"),
            ("slack", "CGENERAL", "Write a"),
            ("slack", "DALICE", "Write a"),
        ):
            await tab.open_room(platform, room)
            open_room = tab.page.locator(f"#pane-{platform} .room:not([hidden])")
            await open_room.locator(".chips .chip:not(.stop):not(.slash)").first.click()
            await open_room.locator("article", has_text=asked).first.wait_for(timeout=WAIT * 1000)
            await tab.answers(platform, room).first.wait_for(timeout=WAIT * 1000)
        assert tab.problems == []
