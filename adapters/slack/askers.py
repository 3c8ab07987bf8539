"""Who asked last in each thread: in channels Slack wants to be told for whom an answer is streamed."""

from dataclasses import dataclass, field

from bridge.model import Address, Inbound

MOST_PLACES = 5_000
"""Threads remembered; the one that was silent longest goes first."""
MOST_PEOPLE = 50
"""People remembered in one thread."""


@dataclass(frozen=True, slots=True)
class Asker:
    """A person, and the workspace that they belong to."""

    user: str
    team: str


@dataclass(slots=True)
class Askers:
    """Forgotten when the process ends: then answers in channels grow by edits until somebody writes."""

    _places: dict[tuple[str, str], dict[str, Asker]] = field(default_factory=dict)
    """Place → those who talk to us there, the latest last."""

    def heard(self, inbound: Inbound) -> None:
        """Somebody wrote. Of those who do not address us only they count who did so before in that thread."""
        if inbound.command or not inbound.address.thread:
            return
        place = (inbound.address.chat, inbound.address.thread)
        people = self._places.pop(place, {})
        user = inbound.sender.id
        if inbound.addressed or user in people:
            people.pop(user, None)
            people[user] = Asker(user, inbound.sender.team or inbound.address.account)
            if len(people) > MOST_PEOPLE:
                del people[next(iter(people))]
        if people:
            self._places[place] = people
        if len(self._places) > MOST_PLACES:
            del self._places[next(iter(self._places))]

    def last(self, address: Address) -> Asker | None:
        """Whoever wrote last to us in that thread."""
        people = self._places.get((address.chat, address.thread))
        return people[next(reversed(people))] if people else None
