"""People who write to the bot: in private chats, groups, a topic, channel threads and direct messages."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.coze.server import CozeSimulator
from simulators.slack.server import SlackSimulator
from simulators.telegram.simulator import TelegramSimulator
from tests.chaos import questions
from tests.chaos.judge import Message
from tests.chaos.questions import Asked

GROUP, FORUM = -1_000_000_005_001, -1_000_000_005_002


@dataclass(slots=True)
class Person:
    """Somebody, and where they write."""

    id: str
    chat: str
    kind: str
    """`private`, `group`, `topic`, `thread` or `dm`."""
    root: str = ""
    """The thread of Slack that they are in now."""


@dataclass(slots=True)
class Traffic:
    """Asks until it is told to rest; keeps the list of all that was asked."""

    telegram: TelegramSimulator
    slack: SlackSimulator
    coze: CozeSimulator
    dice: random.Random
    people: list[Person] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    topic: int = 0
    renewed: Counter[str] = field(default_factory=Counter)
    """How often a place and person began a new conversation: what comes after does not wait for what was before."""
    _number: int = 0

    def settle_in(self) -> None:
        """Makes the people and their places."""
        for user in range(1001, 1006):
            self.people.append(Person(str(user), str(user), "private"))
        self.telegram.add_chat(GROUP, type="supergroup", members=[2001, 2002, 2003])
        forum = self.telegram.add_chat(FORUM, type="supergroup", members=[2001, 2002], topics=["Topic"])
        self.topic = forum["topics"]["Topic"]
        self.people += [Person(str(user), str(GROUP), "group") for user in (2001, 2002)]
        self.people.append(Person("2001", str(FORUM), "topic"))
        self.people += [Person("UALICE", "CGENERAL", "thread"), Person("UBOB", "CGENERAL", "thread")]
        self.people += [Person("UALICE", "DALICE", "dm"), Person("UBOB", "DBOB", "dm")]

    async def flow(self, is_enough: Callable[[], bool], pause: float) -> None:
        """Until it is cancelled; `pause` is the mean time between two writings, in seconds."""
        while True:
            await asyncio.sleep(self.dice.uniform(0, 2 * pause))
            if is_enough():
                continue
            person = self.dice.choice(self.people)
            what = self.dice.random()
            if what < 0.04:
                self.command(person, "new")
            elif what < 0.07:
                self.command(person, "stop")
            else:
                self.ask(person)
                if what > 0.85:
                    self.ask(person)

    def ask(self, person: Person, *, moved: bool = False) -> Asked:
        """They ask something of which nobody has heard."""
        self._number += 1
        words, seconds = questions.length(self.dice)
        self.coze.script(f"ask{self._number} ", questions.answer(self._number, words, seconds))
        new = Asked(number=self._number, kind="question", place="", line="", words=words, moved=moved)
        return self._say(new, person, f"ask{self._number} please")

    def command(self, person: Person, name: str) -> Asked | None:
        """`new` or `stop`; None where there is no conversation to give it in."""
        if person.kind in ("thread", "dm") and not person.root:
            return None
        self._number += 1
        words = f"!{name}" if person.kind in ("thread", "dm") else f"/{name}"
        if person.kind in ("group", "topic"):
            words += "@coze_demo_bot"
        words += f" ask{self._number}"
        return self._say(Asked(number=self._number, kind=name, place="", line=""), person, words)

    def _say(self, new: Asked, person: Person, words: str) -> Asked:
        new.said_at = time.time()
        if person.kind in ("thread", "dm"):
            self._say_in_slack(new, person, words)
        else:
            chat, thread = int(person.chat), self.topic if person.kind == "topic" else None
            if person.kind != "private" and not words.startswith("/"):
                words = f"@coze_demo_bot {words}"
            ids = self.telegram.say(chat, int(person.id), words, thread=thread)
            new.place = f"telegram:{chat}"
            new.message, new.order = str(ids["message_id"]), f"{ids['message_id']:012d}"
        line = f"{new.place}:{person.id}"
        self.renewed[line] += new.kind == "new"
        new.line = f"{line} {self.renewed[line]}"
        self.asked.append(new)
        return new

    def _say_in_slack(self, new: Asked, person: Person, words: str) -> None:
        if new.kind == "question" and (not person.root or self.dice.random() < 0.3):
            person.root = ""
        # Who writes into a thread of which the service has not heard yet, as Slack delivers late, must say to whom.
        mention = "@coze " if person.kind == "thread" else ""
        new.message = self.slack.say(person.chat, person.id, mention + words, thread_ts=person.root or None)
        person.root = person.root or new.message
        new.place, new.order = f"slack:{person.chat}:{person.root}", new.message

    def remove_a_growing_one(self) -> None:
        """Somebody deletes the bot's newest message of a private chat, finished or not, for which there are words."""
        chats = [int(person.chat) for person in self.people if person.kind == "private"]
        for chat in self.dice.sample(chats, len(chats)):
            mine = [m for m in self.telegram.messages(chat) if m.sender == self.telegram.me.id]
            newest = {one.number: one for one in self.asked[-30:]}
            if mine and (found := questions.WORD.search(mine[-1].text)) and int(found[1]) in newest:
                newest[int(found[1])].is_deleted = True
                self.telegram.delete(chat, mine[-1].message_id)
                return

    # ---- what came of it

    def messages(self) -> list[Message]:
        """Everything of the bot's that stands."""
        return [*self._of_telegram(), *self._of_slack()]

    def _of_telegram(self) -> list[Message]:
        return [
            Message(
                place=f"telegram:{chat}",
                id=str(message.message_id),
                order=message.message_id,
                versions=[(version.at, version.text) for version in message.versions],
                reply_to=str(message.place.reply_to or "") if chat < 0 else "",
            )
            for chat in self.telegram.world.chats
            for message in self.telegram.messages(chat)
            if message.sender == self.telegram.me.id
        ]

    def _of_slack(self) -> list[Message]:
        return [
            Message(
                place=f"slack:{channel}:{message.thread_ts or ''}",
                id=message.ts,
                order=float(message.ts),
                versions=[(version.at, version.text) for version in message.versions] or [(0.0, message.raw)],
                is_growing=message.stream is not None and message.stream.state == "streaming",
            )
            for channel in self.slack.workspace.channels
            for message in self.slack.bot_messages(channel)
        ]
