"""The table at the end, what makes it a failure, and the whole history of each question that went wrong."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos import judge
from tests.chaos.judge import Message, Verdict
from tests.chaos.questions import said_by

if TYPE_CHECKING:
    from tests.chaos.trace import Trace
    from tests.chaos.traffic import Traffic

MOST_DUPLICATES = 0.001
"""Of all kills: so many may leave a duplicate in a gap without having been aimed at it."""


@dataclass(slots=True)
class Report:
    """What became of everything in one world, or in all of them."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Questions of one conversation in the wrong order."""
    queued: list[str] = field(default_factory=list)
    """Answers that stand where the word stood that they have to wait, and so before an earlier one."""
    bad: dict[str, str] = field(default_factory=dict)
    """Questions that are lost, frozen or mixed up, and what is wrong with them."""
    aimed: Counter[str] = field(default_factory=Counter)
    """Duplicates that a kill aimed at the gap has left, by crash point."""
    unaimed: Counter[str] = field(default_factory=Counter)
    """Duplicates in the gap all the same: the instant was left to chance."""
    gapped: dict[str, str] = field(default_factory=dict)
    """Which those are."""
    outside: dict[str, str] = field(default_factory=dict)
    """Duplicates that no gap explains."""
    asked_twice: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    never: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    late: int = 0
    """Had to wait until the clocks came to a time that one of them had shown before."""
    kills: int = 0
    seconds: float = 0.0

    @classmethod
    def of(
        cls,
        verdicts: Sequence[Verdict],
        *,
        loose: Sequence[Message],
        wrong: list[str],
        repeats: Counter[int],
        gaps: Mapping[int, Sequence[str]],
    ) -> "Report":
        queued = [one for one in wrong if "where it was queued" in one]
        report = cls(wrong=[one for one in wrong if one not in queued], queued=queued, asked_twice=repeats)
        for verdict in verdicts:
            report._take(verdict, gaps)
        stubs = {
            verdict.asked.place: gaps[verdict.asked.number] for verdict in verdicts if gaps.get(verdict.asked.number)
        }
        for message in loose:
            # It has no word of an answer: where it stands, somebody's send was left without a note.
            what = f"{message.place}: {message.text[:60]!r} belongs to nothing"
            report._double(f"message {message.id}", what, stubs.get(message.place, ()))
        return report

    def _take(self, verdict: Verdict, gaps: Mapping[int, Sequence[str]]) -> None:
        asked = verdict.asked
        (self.outcomes if asked.kind == "question" else self.commands)[verdict.outcome] += 1
        if verdict.sentence:
            self.refusals[verdict.sentence] += 1
        if verdict.outcome in judge.BAD or verdict.faults:
            self.bad[str(asked.number)] = (
                f"{asked.kind} in {asked.line}: {verdict.outcome}; {'; '.join(verdict.faults)}"
            )
        for message in verdict.extra:
            self._double(str(asked.number), f"{asked.line}: message {message} beside it", gaps.get(asked.number, ()))

    def _double(self, number: str, what: str, how: Sequence[str]) -> None:
        if not how or not how[0]:
            self.outside[number] = what
        elif any("killed before" in one or "killed after" in one for one in how):
            self.aimed[next(one for one in how if "killed " in one)] += 1
        else:
            self.unaimed[how[0]] += 1
            self.gapped[number] = what

    def bad_numbers(self) -> list[int]:
        """Of the questions whose history is worth keeping."""
        named = " ".join((*self.bad, *self.outside, *self.gapped, *map(str, self.asked_twice), *self.wrong))
        return sorted({int(number) for number in re.findall(r"(?<![\d:.-])\d+(?![\d:.])", named)})

    def failures(self) -> list[str]:
        """Why this is no pass; empty if it is."""
        found = [f"question {number}: {what}" for number, what in self.bad.items()]
        found += [f"duplicate outside of the gaps: question {number}: {what}" for number, what in self.outside.items()]
        found += [f"wrong order: {what}" for what in self.wrong]
        found += self.troubles
        left = sum(self.unaimed.values()) + sum(self.asked_twice.values())
        if left > 1 and left > MOST_DUPLICATES * self.kills:
            found.append(f"{left} duplicates in the gaps at {self.kills} kills are more than {MOST_DUPLICATES:.1%}")
            found += [f"  question {number}: {what}" for number, what in self.gapped.items()]
        return found

    def dumped(self) -> str:
        # Not asdict: it makes a Counter of the pairs of a Counter.
        return json.dumps({one.name: getattr(self, one.name) for one in fields(self)})

    def add(self, world: int, dumped: str) -> None:
        """Takes in what another world reported."""
        for name, value in json.loads(dumped).items():
            mine = getattr(self, name)
            if isinstance(mine, Counter):
                mine.update(value if name != "asked_twice" else {f"{world}.{key}": n for key, n in value.items()})
            elif isinstance(mine, dict):
                mine.update({f"{world}.{key}": text for key, text in value.items()})
            elif name == "never":
                self.never = value if not self.never else [one for one in self.never if one in value]
            elif isinstance(mine, list):
                mine.extend(f"world {world}: {one}" for one in value)
            else:
                setattr(self, name, max(mine, value) if name == "seconds" else mine + value)


def table(report: Report) -> str:
    """For people."""
    rows: list[tuple[str, Any]] = [("faults", sum(report.faults.values()))]
    rows += [(f"  {kind}", count) for kind, count in sorted(report.faults.items())]
    rows += [("processes killed", report.kills), ("questions", sum(report.outcomes.values()))]
    rows += [(f"  {outcome}", count) for outcome, count in report.outcomes.most_common()]
    rows += [(f"    {sentence}", count) for sentence, count in report.refusals.most_common()]
    rows += [(f"commands {outcome}", count) for outcome, count in report.commands.most_common()]
    rows += [("lost or not whole", len(report.bad)), ("in the wrong order", len(report.wrong))]
    rows += [("in the order of their words that they wait", len(report.queued))]
    rows += [("late, because a clock had been ahead", report.late)]
    rows += [("asked twice (gap 1)", sum(report.asked_twice.values()))]
    rows += [("shown twice (gap 2), kill aimed at it", sum(report.aimed.values()))]
    rows += [(f"  {where}", count) for where, count in report.aimed.most_common()]
    rows += [("shown twice (gap 2), by chance", sum(report.unaimed.values()))]
    rows += [(f"  {where}", count) for where, count in report.unaimed.most_common()]
    rows += [("shown twice, outside of the gaps", len(report.outside))]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    lines.append(f"crash points: {sum(report.points.values())} kills at {len(report.points)} of them")
    lines += [f"  {count:4} {point}" for point, count in sorted(report.points.items(), key=lambda one: -one[1])]
    lines.append(f"never reached: {', '.join(report.never) or 'none'}")
    return "\n".join(lines)


def evidence(directory: Path, number: int, traffic: "Traffic", trace: "Trace") -> None:
    """All that is known of one question, in a file of its own."""
    asked = next((one for one in traffic.asked if one.number == number), None)
    if asked is None:
        return
    near = [message for message in traffic.messages() if message.place == asked.place]
    known = {
        "asked": asdict(asked),
        "trace": trace.of(number),
        "coze": [
            {
                "id": chat.id,
                "status": chat.status,
                "at": chat.at,
                "conversation": chat.conversation_id,
                "meta": chat.meta_data,
            }
            for chat in traffic.coze.asked(f"ask{number} ")
        ],
        "messages": [
            asdict(message) for message in near if said_by(number, message.text) or not said_by(0, message.text)
        ],
    }
    path = directory / f"question-{number}.json"
    path.write_text(json.dumps(known, indent=1, ensure_ascii=False), encoding="utf-8")
