"""The three simulators of the demo, and the people who are in them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from simulators.coze.server import CozeSimulator
from simulators.slack.server import SlackSimulator
from simulators.telegram.simulator import TelegramSimulator
from simulators.wire import Served

DELTAS_PER_SECOND = 30.0
"""As fast as a usual language model speaks, so that one sees an answer grow."""
COZE_DEFAULT = "https://api.coze.cn"
MAYA, LIN, GROUP, FORUM = 1001, 1002, -1_001_000_005_001, -1_001_000_005_002
PEOPLE = ((LIN, "Lin 林", "lin", "zh-hans"), (MAYA, "Maya", "maya", "en"))
"""In Telegram: id, name, username and language."""
GROUP_NAME, FORUM_NAME, TOPICS = "Tea house", "Harbour office", ("Questions", "Ideas")
MOST_MESSAGES = 100
"""Messages of a chat that are kept."""
NEWEST_MESSAGES = 20
"""Those of them whose every version is kept."""
MOST_FILES = 50
"""Files of a platform that are kept."""
MOST_RECORDS = 1000
"""Calls and events that are kept of each simulator."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """What stands on the stage, and where it is found."""

    telegram: TelegramSimulator
    slack: SlackSimulator
    coze: CozeSimulator | None
    """None: the service talks to a real bot."""
    urls: dict[str, str]
    real: dict[str, str]
    """The Coze settings of a real bot; empty for the simulated one."""

    def settings(self) -> dict[str, str]:
        """The environment with which the service finds everybody."""
        coze = self.real or {
            "COZE_API_BASE": self.urls["coze"],
            "COZE_API_TOKEN": "pat_test",
            "COZE_BOT_ID": "7400000000000000001",
        }
        return {
            **coze,
            "TELEGRAM_BOT_TOKEN": self.telegram.token,
            "TELEGRAM_API_BASE": self.urls["telegram"],
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_API_BASE": f"{self.urls['slack']}/api/",
        }

    def cast(self) -> dict[str, Any]:
        """Who is there and where one can write, for the page."""
        lin, maya = ({"id": str(number), "name": name, "language": lang} for number, name, _, lang in PEOPLE)
        alice, bob = (
            {"id": "UALICE", "name": "Alice", "language": "en"},
            {"id": "UBOB", "name": "Bob", "language": "en"},
        )
        forum = self.telegram.world.chats[FORUM]
        return {
            "telegram": {
                "bot": self.telegram.me.username,
                "name": self.telegram.me.first_name,
                "rooms": [
                    {"id": str(LIN), "kind": "private", "people": [lin]},
                    {"id": str(MAYA), "kind": "private", "people": [maya]},
                    {"id": str(GROUP), "kind": "group", "name": GROUP_NAME, "people": [maya, lin]},
                    *(
                        {
                            "id": f"{FORUM}/{thread}",
                            "kind": "topic",
                            "name": name,
                            "of": FORUM_NAME,
                            "people": [lin, maya],
                        }
                        for thread, name in forum.topics.items()
                    ),
                ],
            },
            "slack": {
                "bot": "coze",
                "name": "Coze",
                "users": {user.id: user.name.title() for user in self.slack.workspace.users.values()},
                "rooms": [
                    {"id": "CGENERAL", "kind": "channel", "name": "general", "people": [alice, bob]},
                    {"id": "DALICE", "kind": "private", "people": [alice]},
                    {"id": "DBOB", "kind": "private", "people": [bob]},
                ],
            },
            "coze": {
                "real": bool(self.real),
                "bot": self.real.get("COZE_BOT_ID", ""),
                "base": self.real.get("COZE_API_BASE", COZE_DEFAULT),
            },
        }

    def forget_the_old(self) -> None:
        """Drops what nobody looks at any more, so that a demo that runs for days stays small."""
        telegram, slack = self.telegram.world, self.slack
        shelves: list[dict[Any, Any]] = [chat.messages for chat in telegram.chats.values()]
        shelves += [channel.messages for channel in slack.workspace.channels.values()]
        for shelf in shelves:
            for old in list(shelf)[:-MOST_MESSAGES]:
                del shelf[old]
            for message in list(shelf.values())[:-NEWEST_MESSAGES]:
                del message.versions[:-1]
        for files in (telegram.files, slack.workspace.files):
            for name in list(files)[:-MOST_FILES]:
                del files[name]
                slack.workspace.contents.pop(name, None)
        logs: list[list[Any]] = [telegram.calls, slack.calls, slack.deliveries.log]
        if self.coze is not None:
            logs.append(self.coze.world.calls)
            self.coze.world.forget_chats(MOST_MESSAGES)
            for conversation in self.coze.world.conversations.values():
                del conversation.messages[:-MOST_MESSAGES]
        for log in logs:
            del log[:-MOST_RECORDS]


def real_bot(environ: Mapping[str, str]) -> dict[str, str]:
    """The Coze settings of a real bot, if the environment names one whole."""
    named = {name: environ[name] for name in ("COZE_API_TOKEN", "COZE_BOT_ID", "COZE_API_BASE") if environ.get(name)}
    return named if {"COZE_API_TOKEN", "COZE_BOT_ID"} <= named.keys() else {}


@asynccontextmanager
async def stage(real: dict[str, str]) -> AsyncIterator[Stage]:
    """The simulators on free ports of loopback, with Lin 林, Maya, Alice and Bob in them."""
    telegram, slack = TelegramSimulator(), SlackSimulator()
    coze = None if real else CozeSimulator(deltas_per_second=DELTAS_PER_SECOND)
    telegram.me.first_name = "Coze"
    for number, name, username, language in PEOPLE:
        telegram.add_user(number, first_name=name, username=username, language_code=language)
        telegram.add_chat(number)
    telegram.add_chat(GROUP, type="supergroup", title=GROUP_NAME, members=[LIN, MAYA])
    telegram.add_chat(FORUM, type="supergroup", title=FORUM_NAME, members=[LIN, MAYA], topics=TOPICS)
    telegram.feed.keep = slack.feed.keep = MOST_RECORDS
    urls: dict[str, str] = {}
    async with AsyncExitStack() as opened:
        urls["telegram"] = (await opened.enter_async_context(Served(telegram.app))).url
        urls["slack"] = (await opened.enter_async_context(Served(slack.app))).url
        if coze is not None:
            coze.feed.keep = MOST_RECORDS
            coze.world.delta_events = False  # what Coze has said is looked at a few times a second instead
            urls["coze"] = (await opened.enter_async_context(Served(coze.app))).url
        yield Stage(telegram=telegram, slack=slack, coze=coze, urls=urls, real=real)
