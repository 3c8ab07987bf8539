"""`make bench`: runs every benchmark, prints a table and writes benchmarks/results.json."""

import asyncio
import json
from pathlib import Path

from benchmarks.delivery import Row, all_rows

RESULTS = Path(__file__).parent / "results.json"


def show(rows: list[Row]) -> None:
    """Name and figures, one a line."""
    for row in rows:
        print(row["benchmark"])
        for name, figure in row.items():
            if name != "benchmark":
                print(f"    {name:<22} {figure:>10}")


def main() -> None:
    rows = asyncio.run(all_rows())
    show(rows)
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(f"written to {RESULTS.name}")


if __name__ == "__main__":
    main()
