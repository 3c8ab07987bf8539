"""`make bench`: runs every benchmark, or those that are named; prints a table and writes benchmarks/results.json.

`python -m benchmarks soak 20`: a number is the minutes of the soak.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from benchmarks import markup
from benchmarks.accept import accept
from benchmarks.claims import claims
from benchmarks.cost import cost, cost_open
from benchmarks.delivery import first_text, streams
from benchmarks.limits import flood, last_text, limits, refusals, shared
from benchmarks.service import Row
from benchmarks.soak import MINUTES, soak
from benchmarks.staleness import delivery
from benchmarks.takeover import takeover
from benchmarks.waiting import waiting

Bench = Callable[[], Awaitable[Row | list[Row]]]
RESULTS = Path(__file__).parent / "results.json"


async def rendering() -> list[Row]:
    """What Markdown costs, in this process."""
    return [{**row} for row in markup.rows()]


BENCHMARKS: dict[str, Bench] = {
    "accept": accept,
    "claims": claims,
    "first_text": first_text,
    "streams": streams,
    "cost": cost,
    "cost_open": cost_open,
    "delivery": delivery,
    "last_text": last_text,
    "limits": limits,
    "markup": rendering,
    "takeover": takeover,
}
PARTS: dict[str, Bench] = {"refusals": refusals, "shared": shared, "flood": flood, "soak": soak, "waiting": waiting}
"""Parts of `limits`, and what takes long; only if they are named."""


def show(row: Row) -> None:
    """Name and figures, one a line."""
    print(row["benchmark"])
    for name, figure in row.items():
        if name != "benchmark":
            print(f"    {name:<30} {figure:>10}")


async def run(names: list[str]) -> list[Row]:
    """One after the other: two would take each other's processor."""
    rows: list[Row] = []
    for name in names:
        try:
            result = await (BENCHMARKS | PARTS)[name]()
        except (TimeoutError, OSError) as error:  # the service ended, or the machine had no time for it
            result = {"benchmark": name, "unfinished": repr(error)}
        for row in result if isinstance(result, list) else [result]:
            show(row)
            rows.append(row)
    return rows


def main() -> None:
    minutes = [float(word) for word in sys.argv[1:] if word.isdigit()]
    PARTS["soak"] = partial(soak, minutes=minutes[0] if minutes else MINUTES)
    names = [word for word in sys.argv[1:] if not word.isdigit()] or list(BENCHMARKS)
    known = [*BENCHMARKS, *PARTS]
    if unknown := sorted(set(names) - set(known)):
        sys.exit(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(known)}")
    rows = asyncio.run(run(names))
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(f"written to {RESULTS.name}")


if __name__ == "__main__":
    main()
