"""Pictures of an answer, as the demo page shows them."""

from tests.browser.page import WAIT, open_tab, see
from tests.browser.running import demo

ROOMS = (
    ("telegram", "1001", "Show me a picture"),
    ("telegram", "1002", "给我一张图片"),
    ("slack", "CGENERAL", "Show me a picture"),
)
LOADED = "(image) => image.complete && image.naturalWidth > 0"


async def test_a_picture_is_seen_below_its_answer_on_both_platforms(browser):
    async with demo() as running:
        tab = await open_tab(browser, running.url)
        for platform, room, question in ROOMS:
            await tab.ask(platform, room, question)
        for platform, room, _ in ROOMS:
            await tab.open_room(platform, room)
            shown = tab.answers(platform, room).locator("img.shown")
            await shown.first.wait_for(timeout=WAIT * 1000)

            async def is_loaded(shown=shown) -> bool:
                return bool(await shown.first.evaluate(LOADED))

            await see(is_loaded, f"the picture in {room}")
            assert await tab.answers(platform, room).count() == 2

        async def are_final() -> bool:
            return await tab.page.locator("article.growing").count() == 0

        await see(are_final, "the end of all growing")
        await tab.page.locator('.fact-outcome[data-state="whole"]').wait_for()
        assert await tab.page.evaluate("violations") == []
        assert tab.problems == []
