"""`python -m tests.chaos`: several worlds side by side, each with its own faults; a table, and 1 if a promise broke."""

import argparse
import asyncio
import importlib
import os
import random
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from tests.chaos import arena, zygote
from tests.chaos.report import Report, table

FROM_THE_START = ("adapters.log", "adapters.metrics", "adapters.web", "storage.opening")
"""Imported here, beside what we import anyway, so that those whom we fork need not."""


def main() -> int:
    for name in FROM_THE_START:
        importlib.import_module(name)
    options = _options()
    seed = options.seed or str(random.randrange(10**6))
    directory = Path(tempfile.mkdtemp(prefix="coze-chaos-"))
    worlds = min(options.worlds, max(1, options.faults // 10))
    say(f"seed {seed}: {options.faults} faults on {options.db}, {options.processes} processes, {worlds} worlds")
    shares = [options.faults // worlds + (world < options.faults % worlds) for world in range(worlds)]
    pids = {}
    for world, share in enumerate(shares):
        place = directory / f"world-{world}"
        place.mkdir()
        order = arena.Order(
            faults=share, database=options.db, processes=options.processes, seed=f"{seed}.{world}", directory=place
        )
        pids[zygote.fork(lambda order=order: _world(order))] = place
    whole, failures = Report(), []
    for _ in shares:
        pid, status = os.wait()
        place = pids[pid]
        if status or not (place / "report.json").exists():
            failures.append(f"{place.name} did not come to its end: see {place}/world.log")
            continue
        whole.add(int(place.name.rpartition("-")[2]), (place / "report.json").read_text(encoding="utf-8"))
        say(f"{place.name} is through ({len(pids)} in all)")
    failures += whole.failures()
    say(table(whole))
    say(f"{whole.seconds:.0f} s; repeat with SEED={seed}")
    for failure in failures:
        say(f"FAILED: {failure}")
    if failures:
        say(f"logs, traces and the history of each bad question are in {directory}")
        return 1
    shutil.rmtree(directory)
    say("passed")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--processes", type=int, default=0, help="default: 1 on SQLite, 3 on PostgreSQL")
    parser.add_argument("--worlds", type=int, default=5)
    parser.add_argument("--seed", default="")
    options = parser.parse_args()
    options.processes = options.processes or (1 if options.db == "sqlite" else 3)
    if options.db == "sqlite" and options.processes > 1:
        parser.error("an SQLite file is one process's")
    return options


def _world(order: arena.Order) -> None:
    log = (order.directory / "world.log").open("w", encoding="utf-8")
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    inherited = arena.prepare(order.processes)
    try:
        report = asyncio.run(arena.fight(order, inherited))
    except BaseException:
        traceback.print_exc()
        raise
    (order.directory / "report.json").write_text(report.dumped(), encoding="utf-8")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
