"""What the page's own buttons break in mid-answer, and that each answer becomes whole, once."""

import aiohttp

from tests.browser.page import Records, Tab, growing, is_whole, open_tab, see
from tests.browser.running import demo

PLACES = {"telegram": "1001", "slack": "DALICE"}


async def ask_both(tab: Tab, question: str) -> None:
    for platform, room in PLACES.items():
        await tab.ask(platform, room, question)
    for platform, room in PLACES.items():
        await growing(tab, platform, room, 60)


async def see_both_whole(tab: Tab, records: Records, question: str, count: int) -> None:
    for platform, room in PLACES.items():

        async def whole(platform: str = platform, room: str = room) -> bool:
            return await is_whole(tab, records, platform, room, question, count)

        await see(whole, f"exactly one whole answer on {platform} to {question}")
    await tab.page.locator('.fact-outcome[data-state="whole"]').wait_for()


async def test_a_flood_a_cut_stream_and_a_kill_each_end_in_one_whole_message(browser):
    async with demo() as running, aiohttp.ClientSession(running.url) as client:
        records = Records(client)
        tab = await open_tab(browser, running.url, "?flood=3&lang=en")

        await ask_both(tab, "long 1001")
        await tab.press("flood")  # of the newest answer, which is Slack's
        await tab.page.locator(".break-flood .break-state", has_text="s left").wait_for()
        await tab.page.locator(".break-flood button").click(force=True)  # does nothing while it is active
        await tab.page.locator('.break-flood[data-active="false"]').wait_for()
        await tab.page.locator(".panel-head select").select_option(index=1)
        await tab.press("flood")
        await tab.page.locator(".plot .tick-429").wait_for()
        await tab.screenshot("flood", width=1280, height=860)
        await see_both_whole(tab, records, "long 1001", 1)
        assert await records.fault_calls("telegram") >= 1
        assert await records.fault_calls("slack") >= 1
        assert await tab.page.locator(".plot .mark-flood").count() == 1

        await ask_both(tab, "long 502")
        await tab.press("cut")
        await see_both_whole(tab, records, "long 502", 2)
        assert await tab.page.locator(".plot .mark-cut").count() == 1

        await ask_both(tab, "long 503")
        before = running.children()
        await tab.press("kill")
        await tab.page.locator('.break-kill[data-active="false"]').wait_for()
        await tab.screenshot("kill", width=360, height=740)
        await tab.screenshot("kill-wide", width=1280, height=860)
        await see_both_whole(tab, records, "long 503", 3)
        assert set(running.children()).isdisjoint(before)
        assert tab.problems == []


async def test_while_coze_is_down_one_is_told_and_the_next_question_works(browser):
    async with demo() as running, aiohttp.ClientSession(running.url) as client:
        records = Records(client)
        tab = await open_tab(browser, running.url, "?down=2&lang=zh")
        await tab.page.locator(".break-cut button").click()  # nothing is open that could be cut
        await tab.page.locator(".break-cut .note", has_text="没有打开的流").wait_for()
        await tab.press("down")
        await tab.ask("telegram", "1002", "请写 100 字")
        await tab.ask("slack", "DALICE", "long 200")
        for platform, room, question in (("telegram", "1002", "请写 100 字"), ("slack", "DALICE", "long 200")):

            async def settled(platform: str = platform, room: str = room, question: str = question) -> bool:
                texts = await records.answers(platform, room)
                told = len(texts) == 1 and "⚠️" in texts[0]
                return told or await is_whole(tab, records, platform, room, question)

            await see(settled, f"a sentence or the whole answer on {platform}")
        await tab.ask("telegram", "1002", "echo: 好的")
        await see(lambda: is_whole(tab, records, "telegram", "1002", "echo: 好的", 2), "the next answer")
        assert tab.problems == []
