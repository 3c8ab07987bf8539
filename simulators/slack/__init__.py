"""A Slack workspace on loopback: Web API, Socket Mode, signed events, rate limits and faults on demand."""

from simulators.slack.server import SlackSimulator

__all__ = ["SlackSimulator"]
