"""On the demo page the buttons below an answer can be pressed, and what is collapsed opens."""

import pytest

from tests.browser.page import open_tab
from tests.browser.running import demo


@pytest.mark.parametrize(("platform", "room"), [("telegram", "1001"), ("slack", "CGENERAL")])
async def test_a_suggestion_is_pressed_and_answered(browser, platform, room):
    async with demo() as running:
        tab = await open_tab(browser, running.url)
        await tab.ask(platform, room, "help" if platform == "telegram" else "@coze help")
        first = tab.answers(platform, room).first
        buttons = first.locator(".buttons button")
        await buttons.first.wait_for()
        assert await buttons.all_text_contents()
        question = (await buttons.first.text_content() or "").rstrip("…")
        await buttons.first.click()
        second = tab.answers(platform, room).nth(1)
        await second.wait_for()
        assert question in (await second.text_content() or "")
        await first.locator(".buttons button", has_text="👍").click()
        assert tab.problems == []
