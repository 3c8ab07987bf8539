"""Who is a full member of the workspace, as Slack tells it, remembered for a while."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.remembered import Remembered
from adapters.slack.errors import calling
from bridge.errors import Permanent
from bridge.model import Profile
from bridge.ports import Clock

log = logging.getLogger(__name__)

ASK_SECONDS = 2.0
"""Slack wants its acknowledgement within 3 s, and what was asked has to be written down, too."""
MEMBER_SECONDS, OTHER_SECONDS = 600.0, 60.0
"""How long an answer is believed. Who becomes a member does not want to wait."""
PROFILE_SECONDS, PROFILE_ASK_SECONDS = 3600.0, 5.0
"""The same for who somebody is."""
MOST = 10_000
"""People remembered; the oldest answer goes first."""
UNSEEN = ("user_not_found", "user_not_visible")
"""Slack's words for somebody of whom it tells us nothing: foreigners, mostly."""


class Roster:
    """The people of one workspace, asked for one by one."""

    def __init__(self, connect: Callable[[], AsyncWebClient], clock: Clock) -> None:
        self._connect = connect
        self._clock = clock
        self._remembered: dict[str, tuple[float, bool]] = {}
        """User id → until when (monotonic) which answer is believed, the oldest answer first."""
        self._asking: dict[str, asyncio.Lock] = {}
        self._profiles: Remembered[Profile] = Remembered(clock, seconds=PROFILE_SECONDS, most=MOST)
        self._told = False

    async def has(self, team: str, user: str) -> bool:
        """Is that user a full member of that team? False where Slack will not tell. Raises Transient."""
        if (member := self._known(user)) is not None:
            return member
        one = self._asking.setdefault(user, asyncio.Lock())
        try:
            # One call for all messages of a burst: they wait for the first one's answer.
            async with calling("users.info"), asyncio.timeout(ASK_SECONDS), one:
                if (member := self._known(user)) is None:
                    member = await self._ask(team, user)
                    self._remember(user, member)
                return member
        finally:
            if not one.locked():
                self._asking.pop(user, None)

    async def profile(self, user: str) -> Profile:
        """Who that is; empty where Slack will not tell. Raises Transient."""
        return await self._profiles.get(user, partial(self._ask_profile, user))

    async def _ask_profile(self, user: str) -> Profile:
        try:
            async with calling("users.info", PROFILE_ASK_SECONDS):
                answer = await self._connect().users_info(user=user)
        except Permanent as error:
            log.info("Slack does not tell who somebody is: %s", error)
            return Profile()
        found = answer.get("user")
        return profile_of(found if isinstance(found, dict) else {})

    def _known(self, user: str) -> bool | None:
        until, member = self._remembered.get(user, (0.0, False))
        return member if self._clock.monotonic() < until else None

    def _remember(self, user: str, member: bool) -> None:
        self._remembered.pop(user, None)
        self._remembered[user] = self._clock.monotonic() + (MEMBER_SECONDS if member else OTHER_SECONDS), member
        if len(self._remembered) > MOST:
            del self._remembered[next(iter(self._remembered))]

    async def _ask(self, team: str, user: str) -> bool:
        try:
            async with calling("users.info"):
                answer = await self._connect().users_info(user=user)
        except Permanent as error:
            if not self._told and not any(word in str(error) for word in UNSEEN):
                log.warning(
                    "Slack does not tell who is a member, so nobody is let in (%s): add the bot scope users:read under "
                    "OAuth & Permissions and reinstall the app, or set ALLOW",
                    error,
                )
                self._told = True
            return False
        return is_full_member(answer.get("user"), team)


def profile_of(user: dict[str, Any]) -> Profile:
    """By a user object of Slack's: the name that colleagues see."""
    card = user.get("profile")
    card = card if isinstance(card, dict) else {}
    names = (card.get("display_name"), card.get("real_name"), user.get("real_name"), user.get("name"))
    name = next((name for name in names if isinstance(name, str) and name.strip()), "")
    return Profile(name=name, username=str(user.get("name") or ""))


def is_full_member(user: Any, team: str) -> bool:
    """No guest, no bot, nobody who has left, and of this workspace: by a user object of Slack's."""
    if not isinstance(user, dict) or not team:
        return False
    barred = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
    if any(user.get(mark) for mark in barred):
        return False
    # In an Enterprise Grid a person belongs to several workspaces, and `team_id` names but one of them.
    grid = user.get("enterprise_user")
    teams = grid.get("teams") if isinstance(grid, dict) else None
    return user.get("team_id") == team or (isinstance(teams, list) and team in teams)
