"""Serves a simulated Coze on loopback: `python -m simulators.coze --port N`."""

import argparse
import asyncio
from contextlib import suppress

from simulators.coze.server import CozeSimulator
from simulators.wire import Served


async def serve(options: argparse.Namespace) -> None:
    sim = CozeSimulator(
        options.token, options.bot_id, profile=options.profile, deltas_per_second=options.deltas_per_second
    )
    sim.world.delta_events = not options.quiet
    async with Served(sim.app, port=options.port) as served:
        print(f"Coze simulator at {served.url}", flush=True)  # noqa: T201 - whoever started it waits for this line
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators.coze", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0 takes a free one")
    parser.add_argument("--token", default="pat_test", help="the access token that is accepted")
    parser.add_argument("--bot-id", default="7400000000000000001", help="the bot that exists")
    parser.add_argument("--profile", choices=("cloud", "studio"), default="cloud")
    parser.add_argument("--deltas-per-second", type=float, default=40.0, help="0: as fast as possible")
    parser.add_argument("--quiet", action="store_true", help="no event per delta in the feed, for benchmarks")
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
