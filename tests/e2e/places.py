"""A place to look at with `doctor` or to set up with `init`: three simulators with tokens that nobody may ever see."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.config import SECRETS
from simulators.coze.server import CozeSimulator
from simulators.slack.server import SlackSimulator
from simulators.telegram.simulator import TelegramSimulator
from simulators.wire import Served

TELEGRAM_TOKEN = "123456:CANARY-telegram-0123456789abcdefgh"
SLACK_BOT_TOKEN = "xoxb-1-2-CANARYbot"
SLACK_APP_TOKEN = "xapp-1-ACOZE-3-CANARYapp"
SLACK_SECRET = "CANARY-signing"
COZE_TOKEN = "pat_CANARYcoze0123456789abcdefgh"
BOT_ID = "7400000000000000001"


@dataclass
class Place:
    """Everything that a check may look at. A test plants its fault in here, and `secrets` grows with it."""

    telegram: TelegramSimulator
    slack: SlackSimulator
    coze: CozeSimulator
    servers: dict[str, Served]
    directory: Path
    environ: dict[str, str]

    def secrets(self) -> set[str]:
        return {value for name, value in self.environ.items() if name.lower() in SECRETS and value}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def place(directory: Path) -> AsyncIterator[Place]:
    """One at which nothing is wrong."""
    telegram = TelegramSimulator(token=TELEGRAM_TOKEN, limits=False)
    slack = SlackSimulator(SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SECRET)
    slack.limits.change(enabled=False)
    coze = CozeSimulator(COZE_TOKEN, BOT_ID)
    async with Served(telegram.app) as t, Served(slack.app) as s, Served(coze.app) as c:
        environ = {
            "COZE_API_BASE": c.url,
            "COZE_API_TOKEN": COZE_TOKEN,
            "COZE_BOT_ID": BOT_ID,
            "TELEGRAM_BOT_TOKEN": TELEGRAM_TOKEN,
            "TELEGRAM_API_BASE": t.url,
            "SLACK_BOT_TOKEN": SLACK_BOT_TOKEN,
            "SLACK_APP_TOKEN": SLACK_APP_TOKEN,
            "SLACK_API_BASE": f"{s.url}/api/",
            "DATABASE_URL": f"sqlite+aiosqlite:///{directory}/bridge.db",
            "HTTP_LISTEN": f"127.0.0.1:{free_port()}",
            "ALLOW": "telegram:1001,slack:TCOZE",
        }
        yield Place(telegram, slack, coze, {"telegram": t, "slack": s, "coze": c}, directory, environ)
