"""Makes the picture of the demo for the README: `python -m tests.browser.picture docs/demo.png`.

An answer grows in Telegram: its chat was flooded for a while, and now the bridge has been killed.
"""

import asyncio
import sys
from pathlib import Path

import aiohttp

from tests.browser.page import Records, growing, is_whole, open_tab, see
from tests.browser.running import browser, demo, find_chromium

QUESTION = "Compare three data stores in a table"
LONG = "Write a long story about queues"


async def take(executable: str, path: Path) -> None:
    async with (
        demo() as running,
        browser(executable) as opened,
        aiohttp.ClientSession(running.url) as client,
    ):
        records = Records(client)
        tab = await open_tab(
            opened, running.url, "?flood=4&lang=en", height=880, device_scale_factor=1.5, color_scheme="light"
        )
        await tab.ask("telegram", "1002", "用表格比较三种存储")
        await tab.ask("slack", "CGENERAL", QUESTION)
        await see(lambda: is_whole(tab, records, "slack", "CGENERAL", QUESTION), "the answer in Slack")
        await tab.ask("telegram", "1001", LONG)
        await growing(tab, "telegram", "1001", 300)
        await tab.press("flood")
        await tab.page.locator('.break-flood[data-active="false"]').wait_for()
        await growing(tab, "telegram", "1001", 900)
        await tab.press("kill")
        await tab.page.locator('.break-kill[data-active="true"]').wait_for()
        await tab.page.wait_for_timeout(1200)
        await tab.page.evaluate("document.activeElement.blur()")
        await tab.page.mouse.move(0, 0)
        await tab.page.screenshot(path=path)
        await running.stop()


if __name__ == "__main__":
    chromium = find_chromium()
    if chromium is None or len(sys.argv) != 2:
        sys.exit("usage: python -m tests.browser.picture FILE.png (needs Chromium: CHROMIUM=/path/to/chromium)")
    asyncio.run(take(chromium, Path(sys.argv[1])))
