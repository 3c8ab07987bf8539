"""Writes docs/first-run.md: what a newcomer types and sees, taken down from a run against the simulators.

`python -m tests.e2e.transcript` writes it anew; a test fails if it is no longer what would be written.
"""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from simulators.coze.answers import Answer
from tests.e2e import places
from tests.e2e.typing import Typing, terminal

PAGE = Path(__file__).parents[2] / "docs" / "first-run.md"
ANN = 1001
ANSWER = "I answer what you ask, in one message that grows while I speak."

BEFORE = """# The first run

What a newcomer types and sees; secrets are not shown while they are typed. This page is written by
`python -m tests.e2e.transcript` from a real run against the simulators: the names in it are made up, and the
first answer would be `cn` or `com`. One token is mistyped on purpose.

"""
ROUGH = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")
CODE = re.compile(r"\b[A-Z2-9]{4}-[A-Z2-9]{4}\b")
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z ", re.M)


async def transcript(directory: Path) -> str:
    """The page; the working directory has to be `directory`."""
    async with places.place(directory) as place:
        named = {
            place.servers["coze"].url: "http://127.0.0.1:8101",
            place.environ["HTTP_LISTEN"]: "127.0.0.1:8080",
            str(directory): "/home/ann",
            place.servers["coze"].url.removeprefix("http://"): "127.0.0.1:8101",
        }
        environ = {"PATH": os.environ["PATH"], "HOME": str(directory), "NO_COLOR": "1"}
        environ |= {name: place.environ[name] for name in ("TELEGRAM_API_BASE", "SLACK_API_BASE", "HTTP_LISTEN")}
        parts = [BEFORE]
        async with terminal("init", **environ) as typing:
            await _interview(typing, place)
            parts.append(_shown("init", typing))
        async with terminal("doctor", **environ) as typing:
            assert await typing.end() == 0
            parts.append(_shown("doctor", typing))
        async with terminal("run", **environ) as typing:
            await typing.until("ready: ")  # and then the platforms, as they come
            await typing.until("TCOZE")
            parts.append("```console\n$ coze-bridge run\n… ready: telegram 123456, slack TCOZE …\n```\n\n")
            place.coze.script("What can you do?", Answer(text=ANSWER))
            told = await _said(place, "Hello!", lambda texts: CODE.search(texts[-1]))
            parts.append(f"Ann writes “Hello!” to @coze_demo_bot in Telegram, and is told:\n\n{_quoted(told)}\n\n")
            code = CODE.findall(told)[0]
            named[code] = "ABCD-2345"
            async with terminal("allow", code, **environ) as allowing:
                assert await allowing.end() == 0, allowing.shown
                parts.append(_shown(f"allow {code}", allowing))
            answered = await _said(place, "What can you do?", lambda texts: texts[-1] == ANSWER)
            parts.append(f"Ann writes “What can you do?”, and is answered:\n\n{_quoted(answered)}\n")
            typing.interrupt()
            assert await typing.end() == 0
    page = "".join(parts)
    for ours, shown in named.items():
        page = page.replace(ours, shown)
    return page


async def _said(place: places.Place, text: str, enough: Callable[[list[str]], object]) -> str:
    """Ann says something; what the bot says at the end."""
    place.telegram.say(ANN, ANN, text)
    await place.telegram.wait(lambda: place.telegram.texts(ANN) and enough(place.telegram.texts(ANN)), 60)
    return place.telegram.texts(ANN)[-1]


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


async def _interview(typing: Typing, place: places.Place) -> None:
    for prompt, line in (
        ("[cn]", place.environ["COZE_API_BASE"]),
        ("Coze access token", "pat_mistyped"),
        ("Coze access token", places.COZE_TOKEN),
        ("Bot id", places.BOT_ID),
        ("Telegram bot token", places.TELEGRAM_TOKEN),
        ("Slack bot token", places.SLACK_BOT_TOKEN),
        ("Slack app-level token", places.SLACK_APP_TOKEN),
        ("Who may talk", ""),
    ):
        await typing.until(prompt)
        typing.write(line)
    assert await typing.end() == 0, typing.shown


def _shown(command: str, typing: Typing) -> str:
    text = STAMP.sub("", ROUGH.sub("", typing.shown))
    text = "\n".join(line.rstrip() for line in text.splitlines())
    return f"```console\n$ coze-bridge {command}\n{text.strip()}\n```\n\n"


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        page = await transcript(Path(name))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(asyncio.run(main()))
