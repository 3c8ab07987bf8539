"""Reads what stands in the chats at the end, and says of each question what became of it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

from bridge.texts import TEXTS
from tests.chaos.questions import WORD, Asked

ANSWERED, STOPPED, REFUSED, LOST, FROZEN, MIXED = "answered", "stopped", "refused", "lost", "frozen", "mixed"
DELETED = "deleted"
"""By a person, who will not miss it."""
CLOCK_SECONDS = 0.1
"""By so much two processes may differ in when they tell the trace of one moment."""
QUEUED = tuple(form.replace("：", ":").partition(":")[0] for form in TEXTS["queued"].values())
"""How the word begins that a question has to wait."""
BAD = (LOST, FROZEN, MIXED)
REFUSALS = [name for name, forms in TEXTS.items() if forms["en"].startswith("⚠️")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message of the bot with all that it ever showed."""

    place: str
    id: str
    order: float
    """Sorts the messages of a place by when they were posted."""
    versions: Sequence[tuple[float, str]]
    """When (by the platform's clock), and the text; the last is what stands."""
    reply_to: str = ""
    is_growing: bool = False
    """The platform shows that more is to come."""

    @property
    def text(self) -> str:
        return self.versions[-1][1]

    @property
    def once(self) -> set[int]:
        """Whose words it showed last, if it shows none now."""
        return next(filter(None, ({number for number, _ in said(text)} for _, text in reversed(self.versions))), set())


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What became of one question."""

    asked: Asked
    outcome: str
    sentence: str = ""
    """Which sentence it was refused with."""
    run: list[str] = field(default_factory=list)
    """Ids of the messages that are the answer, in order."""
    extra: list[str] = field(default_factory=list)
    """Ids of messages that stand beside the answer and should not: whole a second time, or a stub."""
    faults: list[str] = field(default_factory=list)
    """Everything else that is wrong: pages in the wrong order, an older text over the final one, ..."""
    was_queued: bool = False
    """Its first message was the word that it has to wait, before it became the answer."""
    first: float = 0.0
    """When (in the order of the place) its first message was posted; 0 if none is."""


def said(message_text: str) -> list[tuple[int, int]]:
    """The words of answers in a text: whose, and at which place in it."""
    return [(int(number), int(place)) for number, place in WORD.findall(message_text)]


def sentence(message_text: str) -> str:
    """The name of the sentence of ours with which the text ends; empty if there is none."""
    tail = message_text.strip()
    for name in (*REFUSALS, "stopped", "stop_nothing", "new", "empty"):
        for form in TEXTS[name].values():
            if form in tail:
                return name
    return ""


def judged(asked: Iterable[Asked], messages: Iterable[Message]) -> tuple[list[Verdict], list[Message]]:
    """A verdict for each question, and the messages that belong to nothing that was asked."""
    everything, own, loose = list(asked), defaultdict[int, list[Message]](list), defaultdict[str, list[Message]](list)
    for message in sorted(messages, key=lambda one: one.order):
        numbers = {number for number, _ in said(message.text)} or message.once
        for number in numbers:
            own[number].append(message)
        if not numbers:
            loose[message.place].append(message)
    questions = [one for one in everything if one.kind == "question"]
    commands = [one for one in everything if one.kind != "question"]
    shown = {number: max(one.versions[-1][0] for one in found) for number, found in own.items()}
    verdicts = [_verdict(one, own.pop(one.number, [])) for one in questions]
    for verdict in verdicts:
        if verdict.outcome in BAD and verdict.asked.is_deleted:
            verdict.outcome, verdict.faults = DELETED, []
        elif verdict.outcome == LOST:
            _find_refusal(verdict, loose[verdict.asked.place])
    # Who may have no reply gets what is left.
    silent = {one.number for one in commands if _may_be_silent(one, verdicts, shown)}
    in_turn = sorted(commands, key=lambda one: (one.number in silent, one.order))
    obeyed = [_obeyed(one, loose[one.place], may_be_silent=one.number in silent) for one in in_turn]
    _excuse_stopped(verdicts, obeyed)
    verdicts += obeyed
    strangers = [message for found in own.values() for message in found]
    return verdicts, strangers + [message for found in loose.values() for message in found]


def _verdict(asked: Asked, messages: list[Message]) -> Verdict:
    verdict = Verdict(asked=asked, outcome=LOST)
    if not messages:
        return verdict
    verdict.first = messages[0].order
    verdict.was_queued = messages[0].versions[0][1].startswith(QUEUED)
    for message in messages:
        if any(number != asked.number for number, _ in said(message.text)):
            verdict.outcome = MIXED
            verdict.faults.append(f"message {message.id} has words of several answers")
            return verdict
    run = _whole_run(asked, messages)
    if run:
        verdict.outcome, verdict.run = ANSWERED, [message.id for message in run]
        verdict.extra = [message.id for message in messages if message not in run]
        if [message.order for message in run] != sorted(message.order for message in run):
            verdict.faults.append("its pages are not in order")
        verdict.faults += [f"message {message.id} still looks as if it grew" for message in run if message.is_growing]
        return verdict
    if told := [message for message in messages if sentence(message.text)]:
        verdict.sentence = sentence(told[-1].text)
        verdict.outcome = STOPPED if verdict.sentence == "stopped" else REFUSED
        verdict.extra = [message.id for message in _superfluous(messages, told[-1])]
    else:
        verdict.outcome = FROZEN
        verdict.faults.append(f"stands with {sum(len(said(one.text)) for one in messages)} of {asked.words} words")
    return verdict


def _whole_run(asked: Asked, messages: list[Message]) -> list[Message]:
    """The messages that together, one after the other, are exactly the answer; empty if there is no such run."""
    places = {message.id: [place for _, place in said(message.text)] for message in messages}
    run: list[Message] = []
    wanted = 0
    while wanted < asked.words:
        fits = [
            message
            for message in messages
            if places[message.id]
            and places[message.id] == list(range(wanted, wanted + len(places[message.id])))
            and not sentence(message.text)
        ]
        if not fits:
            return []
        best = max(fits, key=lambda message: len(places[message.id]))
        run.append(best)
        wanted += len(places[best.id])
    return run


def _superfluous(messages: list[Message], told: Message) -> list[Message]:
    """Of an answer that was broken off: what does not lead up, page by page, to the message that says so."""
    wanted, extra = 0, []
    for message in messages:
        places = [place for _, place in said(message.text)]
        if places == list(range(wanted, wanted + len(places))) and (message is told or not sentence(message.text)):
            wanted += len(places)
        else:
            extra.append(message)
    return extra


def look_for_stale(verdicts: Iterable[Verdict], messages: Iterable[Message], stood: Mapping[int, float]) -> None:
    """Once the whole answer stood as final (`stood`: when, by the wall clock), nothing else may have been shown."""
    known = {(message.place, message.id): message for message in messages}
    for verdict in verdicts:
        since = stood.get(verdict.asked.number)
        for name in verdict.run if since is not None else ():
            message = known[verdict.asked.place, name]
            for at, shown in message.versions:
                if at > since and said(shown) != said(message.text):
                    verdict.faults.append(f"message {name} showed an older text after the final stood")


def _find_refusal(verdict: Verdict, loose: list[Message]) -> None:
    """A refusal has no words of the answer: it is the one that replies to the question, else the next in its place."""
    after = float(verdict.asked.order)
    wanted = [m for m in loose if m.order > after and sentence(m.text) in (*REFUSALS, "stopped", "empty")]
    replies = [m for m in wanted if m.reply_to == verdict.asked.message]
    for message in replies or [m for m in wanted if not m.reply_to]:
        loose.remove(message)
        verdict.sentence = sentence(message.text)
        verdict.outcome = STOPPED if verdict.sentence == "stopped" else REFUSED
        return


def _excuse_stopped(verdicts: Iterable[Verdict], obeyed: Iterable[Verdict]) -> None:
    """An answer may be stopped before or while the last of it is shown: it stays so; the reply to the stop says it."""
    stops = [one for one in obeyed if one.asked.kind == "stop" and one.sentence == "stopped"]
    for verdict in verdicts:
        if verdict.outcome not in (FROZEN, LOST):
            continue
        for stop in stops:
            if _who(stop.asked) == _who(verdict.asked) and stop.asked.order > verdict.asked.order:
                verdict.outcome, verdict.sentence, verdict.faults = STOPPED, "stopped", []
                stops.remove(stop)
                break


def _may_be_silent(command: Asked, verdicts: Iterable[Verdict], shown: Mapping[int, float]) -> bool:
    """A stop has no reply where it stopped something: that says so, or came to its end just then.

    `shown`: when the messages of a question changed last.
    """
    # In Slack it may come late, and stops what runs by then.
    late = command.line.startswith("slack")
    before = (one for one in verdicts if _who(one.asked) == _who(command) and (late or one.asked.order < command.order))
    return command.kind == "stop" and any(
        shown.get(one.asked.number, inf if one.outcome == STOPPED else 0.0) >= command.said_at for one in before
    )


def _who(asked: Asked) -> str:
    return asked.line.partition(" ")[0]


def _obeyed(command: Asked, loose: list[Message], *, may_be_silent: bool) -> Verdict:
    """A command has one reply; which of several alike belongs to which does not matter."""
    wanted = {"new": ("new",), "stop": ("stopped", "stop_nothing")}[command.kind]
    found = [m for m in loose if m.order > float(command.order) and sentence(m.text) in wanted]
    for message in [m for m in found if m.reply_to == command.message] or found:
        loose.remove(message)
        return Verdict(asked=command, outcome=ANSWERED, first=message.order, sentence=sentence(message.text))
    return Verdict(asked=command, outcome=ANSWERED if may_be_silent else LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """By the number of the question, and by the monotonic clock."""

    taken: Mapping[int, float]
    """When it was durable."""
    claimed: Mapping[int, float]
    """When the transaction began that claimed it first."""
    begun: Mapping[int, float]
    """When Coze was first asked it."""
    unfinished: Collection[float] = ()
    """When the claims began that a kill left without a word of what they took."""


def disorder(verdicts: Iterable[Verdict], times: Times) -> list[str]:
    """Pairs of questions of one conversation that were asked of Coze, or answered, in the wrong order.

    A question that came to us only after a later one was claimed could not be in order; of Telegram, which delivers in
    order, that is wrong unless we moved it.
    """
    lines = defaultdict[str, list[Verdict]](list)
    for verdict in verdicts:
        if verdict.asked.kind == "question":
            lines[verdict.asked.line].append(verdict)
    wrong: list[str] = []
    for line, members in lines.items():
        members.sort(key=lambda verdict: verdict.asked.order)
        for earlier, later in pairwise(members):
            wrong += _inverted(line, earlier, later, times)
    return wrong


def _inverted(line: str, earlier: Verdict, later: Verdict, times: Times) -> list[str]:
    one, other, never = earlier.asked.number, later.asked.number, float("inf")
    if line.startswith("slack") or earlier.asked.moved or later.asked.moved:
        if times.taken.get(one, never) > times.claimed.get(other, never):
            return []  # it came too late to be first
        since = times.taken.get(other, 0.0) - CLOCK_SECONDS
        if any(since <= at <= times.taken.get(one, never) for at in times.unfinished):
            return []  # so it may have been
    begun = times.begun
    found = []
    if one in begun and other in begun and begun[one] > begun[other]:
        found.append(f"{line}: Coze was asked {other} before {one}")
    # What somebody deleted is shown again below.
    if earlier.first and later.first and earlier.first > later.first and not earlier.asked.is_deleted:
        place = "stands where it was queued, " if later.was_queued else "stands "
        found.append(f"{line}: {other} {place}before {one}")
    return found


def repeats(questions: Sequence[tuple[int, str]]) -> Counter[int]:
    """How often each question was put to Coze again although the chat before had not failed; (number, status)."""
    open_or_done: set[int] = set()
    again: Counter[int] = Counter()
    for number, status in questions:
        if number in open_or_done:
            again[number] += 1
        if status not in ("failed", "canceled"):
            open_or_done.add(number)
    return again
