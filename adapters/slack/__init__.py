"""Slack: the Web API to write with, Socket Mode or signed HTTP requests to hear with."""

from adapters.slack.adapter import SlackAdapter

__all__ = ["SlackAdapter"]
