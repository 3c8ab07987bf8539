"""Runs the simulated Telegram by itself: `python -m simulators.telegram --port 8081`."""

import argparse
import asyncio
import sys
from contextlib import suppress

from simulators.telegram import TelegramSimulator
from simulators.wire import Served


async def serve(options: argparse.Namespace) -> None:
    sim = TelegramSimulator(token=options.token, limits=not options.no_limits, privacy=options.privacy)
    async with Served(sim.app, port=options.port) as served:
        sys.stdout.write(f"Telegram listens on {served.url}; bot @{sim.me.username}, token {sim.token}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators.telegram", description=__doc__)
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--token", default="123456:TEST")
    parser.add_argument("--no-limits", action="store_true", help="answer every call, however fast they come")
    parser.add_argument("--privacy", action="store_true", help="in groups the bot hears only what is meant for it")
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
