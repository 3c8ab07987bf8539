"""What people ask, and what Coze says to it: every word of an answer tells whose it is and where it stands."""

import random
import re
from dataclasses import dataclass

from simulators.coze.answers import Answer

WORD = re.compile(r"\b(\d+)w(\d{4})\b")
"""A word of an answer: number of the question, place in the answer. Half a word is none."""
NUMBER = re.compile(r"\bask(\d+)\b")
"""What a question is known by."""
DELTAS_PER_SECOND = 40.0


@dataclass(slots=True, kw_only=True)
class Asked:
    """One thing that somebody wrote, and that must be answered."""

    number: int
    kind: str
    """`question`, `new` or `stop`."""
    place: str
    """Where its answer is to be: chat and thread."""
    line: str
    """The conversation: place and person. Within it, order is kept."""
    words: int = 0
    said_at: float = 0.0
    """By the wall clock."""
    message: str = ""
    """Its id on the platform."""
    moved: bool = False
    """The platform delivered it out of order, on our behalf."""
    is_deleted: bool = False
    """Somebody deleted what stood of its answer: it may be gone."""
    order: str = ""
    """Sorts the messages of a line as the platform has them."""


def text(number: int, words: int) -> str:
    """The whole answer, as it must stand in the end: paragraphs of numbered words."""
    all_words = [f"{number}w{place:04d}" for place in range(words)]
    return "\n\n".join(" ".join(all_words[start : start + 40]) for start in range(0, words, 40))


def answer(number: int, words: int, seconds: float) -> Answer:
    """The same, in so many pieces that saying it takes so long; the pieces cut words in two."""
    whole = text(number, words)
    size = max(1, round(len(whole) / (seconds * DELTAS_PER_SECOND)))
    return Answer(text=whole, deltas=[whole[start : start + size] for start in range(0, len(whole), size)])


def length(dice: random.Random) -> tuple[int, float]:
    """How many words an answer has, and how many seconds it takes: most are short, some several pages."""
    if dice.random() < 0.04:
        return dice.randint(900, 1600), dice.uniform(2.0, 4.0)
    return dice.randint(20, 120), dice.uniform(0.3, 2.5)


def said_by(number: int, shown: str) -> bool:
    """Has the text a word of that answer (0: of any answer)?"""
    found = {int(owner) for owner, _ in WORD.findall(shown)}
    return bool(found) if number == 0 else number in found
