"""How answers arrive: timings of deltas as language models produce them, kept as a file so that every run replays them.

`python -m benchmarks.recordings` makes the file anew from its seed. A recording is 20 to 60 deltas a second of plain
prose, in English or Chinese, with the jitter of a network, bursts that a proxy gathered, and pauses of a model that
thinks.
"""

import json
import random
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "recordings.json"
SEED = 20260
SECONDS = (14, 18, 22, 26, 16, 20, 24, 30)
PER_SECOND = (24, 40, 55, 30, 35, 20, 45, 28)
ENGLISH = (
    "The river rises in the hills north of the town and runs for ninety miles before it meets the sea. "
    "Farmers along its banks have kept a record of the floods since the twelfth century, and most of them still do. "
    "In a dry year the water is so low that one can cross on foot at the old mill. "
    "In a wet year the same crossing takes a boat, two people and a good deal of patience. "
)
CHINESE = (
    "这条河发源于小镇北面的山丘，流过九十里才汇入大海。两岸的农民从十二世纪起就记录每一次洪水，至今大多仍在坚持。"
    "遇到干旱的年份，水位低得可以从老磨坊那里走过去。到了多雨的年份，同样的路程需要一条船、两个人和不少耐心。"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One answer: its pieces, and the seconds before each."""

    pieces: list[str]
    gaps: list[float]


def recordings() -> list[Recording]:
    """What the file holds."""
    return [_told(row) for row in json.loads(FILE.read_text(encoding="utf-8"))]


def _told(row: dict[str, object]) -> Recording:
    gaps, sizes = row["gaps_ms"], row["sizes"]
    assert isinstance(gaps, list)
    assert isinstance(sizes, list)
    prose = CHINESE if row["language"] == "zh" else ENGLISH
    text = prose * (sum(sizes) // len(prose) + 1)
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    return Recording(pieces=pieces, gaps=[gap / 1000 for gap in gaps])


def _made(seconds: float, rate: float, language: str, chance: random.Random) -> dict[str, object]:
    gaps: list[int] = []
    left = 0
    while sum(gaps) < seconds * 1000:
        if left:
            left -= 1
            gaps.append(chance.randint(0, 2))
        elif chance.random() < 0.004:
            gaps.append(chance.randint(400, 1800))
        elif chance.random() < 0.01:
            left = chance.randint(4, 12)
            gaps.append(int(1000 * left / rate))
        else:
            gaps.append(int(1000 * chance.gammavariate(3, 1 / (3 * rate))))
    most = 2 if language == "zh" else 6
    return {"language": language, "gaps_ms": gaps, "sizes": [chance.randint(1, most) for _ in gaps]}


def main() -> None:
    chance = random.Random(SEED)
    rows = [
        _made(seconds, rate, "zh" if number % 2 else "en", chance)
        for number, (seconds, rate) in enumerate(zip(SECONDS, PER_SECOND, strict=True))
    ]
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
