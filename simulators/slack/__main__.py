"""`python -m simulators.slack --port N`: serves the simulator until it is interrupted."""

import argparse
import asyncio
import sys
from contextlib import suppress

from simulators.slack.server import SlackSimulator
from simulators.wire import Served


async def serve(options: argparse.Namespace) -> None:
    sim = SlackSimulator(
        options.bot_token, options.app_token, options.signing_secret, request_url=options.request_url, seed=options.seed
    )
    async with Served(sim.app, port=options.port) as served:
        sim.workspace.origin = served.url
        sys.stdout.write(f"Slack simulator: {served.url}/api/\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators.slack", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--bot-token", default="xoxb-test")
    parser.add_argument("--app-token", default="xapp-test")
    parser.add_argument("--signing-secret", default="secret")
    parser.add_argument("--request-url", default="", help="send events over HTTP to this address; else Socket Mode")
    parser.add_argument("--seed", type=int, default=0)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
