"""How much and how fast Slack lets us write."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.slack import markup
from bridge.model import Address
from bridge.ports import Budget, Limits, Verb

WORKING_SECONDS = 60.0
"""Slack takes the line "is thinking…" away after two minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """Between calls, so that we stay inside Slack's limits (api.slack.com, "Rate limits"; tier 3 is 50 a minute)."""

    post: float = 0.25
    """`chat.postMessage` in the whole workspace: several hundred a minute."""
    channel_post: float = 1.05
    """The same in one channel: about one a second, short bursts allowed."""
    update: float = 1.37
    """`chat.update`, and apart from it `chat.delete`: a burst of 6 and one each 1.37 s make 50 in any minute."""
    status: float = 1.3
    """`assistant.threads.setStatus`: its own limit is not told, so we stay in the range of tier 3."""


def limits(*, streams: bool, seconds: Seconds) -> Limits:
    """What Slack takes. It counts per method and workspace, for all channels together."""

    def budgets(address: Address, verb: Verb) -> Sequence[Budget]:
        team = f"slack:{address.account}"
        match verb:
            case Verb.SEND | Verb.START | Verb.ATTACH:
                return (
                    Budget(name=f"{team}:post", burst=20, every=seconds.post),
                    Budget(name=f"{team}:{address.chat}:post", burst=3, every=seconds.channel_post, serial=True),
                )
            case Verb.EDIT | Verb.GROW:
                return (Budget(name=f"{team}:update", burst=6, every=seconds.update),)
            case Verb.DELETE:
                return (Budget(name=f"{team}:delete", burst=6, every=seconds.update),)
            case Verb.WORKING:
                return (Budget(name=f"{team}:status", burst=10, every=seconds.status),)

    return Limits(fill=markup.fill, budgets=budgets, streams=streams, working_every=WORKING_SECONDS)
