"""Where people ask: private chats, groups and topics of Telegram, DMs and channels of Slack."""

from collections.abc import Callable
from functools import partial
from typing import Any

from simulators.slack.server import SlackSimulator
from simulators.telegram.simulator import TelegramSimulator

Ask = Callable[[str], Any]
"""Somebody asks that there."""


def places(telegram: TelegramSimulator, slack: SlackSimulator, number: int) -> list[Ask]:
    """So many, each with a person of its own: of ten, four private chats, three groups, two DMs and a channel."""
    made: list[Ask] = []
    for place in range(number):
        if place % 10 < 4:
            made.append(partial(telegram.say, 120_000 + place, 120_000 + place))
        elif place % 10 < 7:
            made.append(_in_group(telegram, place))
        else:
            made.append(_in_slack(slack, place, is_direct=place % 10 < 9))
    return made


def _in_group(telegram: TelegramSimulator, place: int) -> Ask:
    topics = ["talk"] if place % 2 else []
    group = telegram.add_chat(-1_000_000_500_000 - place, type="supergroup", topics=topics)
    thread = next(iter(group["topics"].values()), None)

    def ask(text: str) -> None:
        telegram.say(group["id"], 130_000 + place, f"@{telegram.me.username} {text}", thread=thread)

    return ask


def _in_slack(slack: SlackSimulator, place: int, *, is_direct: bool) -> Ask:
    user = slack.add_user(f"person{place}").id
    channel = slack.add_channel(f"room{place}", kind="im" if is_direct else "channel", members=[user]).id

    def ask(text: str) -> None:
        slack.say(channel, user, text if is_direct else f"@coze {text}")

    return ask
