"""Answers of all kinds, made of numbered words, so that what stands can be compared with what was said."""

import random
import re
from dataclasses import dataclass

ENGLISH = ["river", "stone", "cloud", "paper", "window", "garden", "silver", "thunder", "meadow", "lantern"]
CHINESE = ["今天", "天气", "机器", "回答", "问题", "数据", "城市", "河流", "花园", "灯塔", "桥梁", "山川"]
WORD = re.compile(r"[a-z]+\d+|[\u4e00-\u9fff]+\d+")
"""Every word that the generator makes ends in a number of its own, so order, loss and repetition all show."""


@dataclass
class Said:
    """One answer: its Markdown, and the words in the order in which a reader shall meet them."""

    markdown: str
    words: list[str]
    headers: set[str]
    """Words of table headers: they may be repeated at the top of a page."""
    links: set[str]


class Writer:
    """Makes Markdown of about `size` characters from a seed."""

    def __init__(self, seed: int, *, chinese: bool) -> None:
        self.dice = random.Random(seed)
        self.chinese = chinese
        self.count = 0
        self.said = Said("", [], set(), set())

    def words(self, least: int, most: int) -> list[str]:
        made = []
        for _ in range(self.dice.randint(least, most)):
            self.count += 1
            made.append(f"{self.dice.choice(CHINESE if self.chinese else ENGLISH)}{self.count}")
        self.said.words += made
        return made

    def phrase(self, least: int, most: int) -> str:
        return ("，" if self.chinese else " ").join(self.words(least, most))

    def sentence(self) -> str:
        """Plain words with, now and then, something marked up."""
        parts = [self.phrase(2, 8)]
        match self.dice.randrange(7):
            case 0:
                parts.append(f"**{self.phrase(1, 3)}**")
            case 1:
                parts.append(f"`{' '.join(self.words(1, 2))}`")
            case 2:
                parts.append(f"~~{self.phrase(1, 2)}~~")
            case 3:
                url = f"https://example.com/p_({self.count})?a=1&b=2"
                self.said.links.add(url)
                parts.append(f"[{self.phrase(1, 3)}]({url})")
            case 4 if self.chinese:
                parts.append(f"**{self.phrase(1, 2)}：**")
            case _:
                pass
        parts.append(self.phrase(1, 5))
        return ("" if self.chinese else " ").join(parts) + ("。" if self.chinese else ".")

    def block(self) -> str:
        match self.dice.randrange(9):
            case 0:
                return f"{'#' * self.dice.randint(1, 4)} {self.phrase(1, 4)}"
            case 1:
                return "\n".join(f"- {self.sentence()}" for _ in range(self.dice.randint(2, 6)))
            case 2:
                return "\n".join(f"{number}. {self.sentence()}" for number in range(1, self.dice.randint(3, 7)))
            case 3:
                lines = [f"    {' '.join(self.words(1, 6))} < {' '.join(self.words(1, 2))}" for _ in range(6)]
                return "```python\n" + "\n".join(lines) + "\n```"
            case 4:
                before = len(self.said.words)
                header = f"| {self.phrase(1, 1)} | {self.phrase(1, 1)} |"
                self.said.headers |= set(self.said.words[before:])
                rows = [f"| {self.phrase(1, 2)} | {self.phrase(1, 2)} |" for _ in range(self.dice.randint(2, 8))]
                return "\n".join([header, "|---|---|", *rows])
            case 5:
                return "\n".join(f"> {self.sentence()}" for _ in range(self.dice.randint(1, 3)))
            case 6:
                return f"- {self.sentence()}\n  - {self.sentence()}\n  - {self.sentence()}\n- {self.sentence()}"
            case _:
                return " ".join(self.sentence() for _ in range(self.dice.randint(1, 6)))

    def write(self, size: int) -> Said:
        blocks: list[str] = []
        while sum(map(len, blocks)) < size:
            blocks.append(self.block())
        self.said.markdown = "\n\n".join(blocks)
        return self.said


def many(count: int = 200) -> list[Said]:
    """0 to 30,000 characters, English and Chinese in turn; most are short, as answers are."""
    sizes = [0, 1, 10, 100, 500, 1500, 3000, 4000, 4096, 5000]
    made = []
    for seed in range(count):
        size = 30_000 if seed % 40 == 39 else 12_000 if seed % 20 == 19 else sizes[seed % len(sizes)]
        made.append(Writer(seed, chinese=seed % 2 == 1).write(size))
    return made


def read(said: Said, shown: list[str]) -> list[str]:
    """The words that stand, without the table headers that a page repeats."""
    met: set[str] = set()
    words = []
    for word in WORD.findall("\n".join(shown)):
        if word in said.headers and word in met:
            continue
        met.add(word)
        words.append(word)
    return words
