"""How much and how fast Slack lets us write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.slack import markup
from adapters.slack.streams import Mode
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
    append: float = 0.69
    """`chat.appendStream` is tier 4, 100 a minute: a burst of 12 and one each 0.69 s."""
    status: float = 1.3
    """`assistant.threads.setStatus`: its own limit is not told, so we stay in the range of tier 3."""


def limits(mode: Mode, *, seconds: Seconds, grows: Callable[[Address], tuple[bool, bool]]) -> Limits:
    """What Slack takes. It counts per method and workspace, for all channels together.

    `grows` tells of a thread whether something is streamed there, and whether something there grows by edits. How often
    streams may begin and end, the streams see to themselves: where there is no room, an answer grows by edits.
    """

    def budgets(address: Address, verb: Verb) -> Sequence[Budget]:
        team = f"slack:{address.account}"
        update = Budget(name=f"{team}:update", burst=6, every=seconds.update)
        append = Budget(name=f"{team}:append", burst=12, every=seconds.append)
        stop = Budget(name=f"{team}:stop", burst=20, every=3.0)
        match verb:
            case Verb.SEND | Verb.START | Verb.ATTACH:
                return (
                    Budget(name=f"{team}:post", burst=20, every=seconds.post),
                    Budget(name=f"{team}:{address.chat}:post", burst=3, every=seconds.channel_post, serial=True),
                )
            case Verb.EDIT | Verb.GROW:
                streamed, edited = grows(address)
                native = append if verb is Verb.GROW else stop
                return ((update,) if edited or not streamed else ()) + ((native,) if streamed else ())
            case Verb.DELETE:
                return (Budget(name=f"{team}:delete", burst=6, every=seconds.update),)
            case Verb.WORKING:
                return (Budget(name=f"{team}:status", burst=10, every=seconds.status),)

    fill = markup.stream_fill if mode in ("auto", "native") else markup.fill
    return Limits(fill=fill, budgets=budgets, streams=mode != "off", working_every=WORKING_SECONDS)
