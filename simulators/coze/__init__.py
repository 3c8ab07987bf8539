"""A simulated Coze OpenAPI, cloud or Coze Studio, that the official SDK talks to."""

from simulators.coze.answers import Answer, Extra
from simulators.coze.server import CozeSimulator

__all__ = ["Answer", "CozeSimulator", "Extra"]
