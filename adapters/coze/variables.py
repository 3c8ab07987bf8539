"""User variables of a bot, set at Coze for the person before they ask, and again when they have changed."""

import logging
from collections import OrderedDict
from collections.abc import Mapping

from adapters.coze.errors import AUTH_CODES
from adapters.coze.wire import Api
from bridge.errors import BridgeError, Transient

logger = logging.getLogger(__name__)

MOST = 10_000
"""People of whom it is remembered which values were set; of others they are set once more."""
SECONDS = 5.0
"""For so long a question waits for its variables to be set."""


class Variables:
    """What was set for whom, in this process."""

    def __init__(self, bot_id: str) -> None:
        self._bot_id = bot_id
        self._known: OrderedDict[tuple[str, str], Mapping[str, str]] = OrderedDict()
        """By the account that set them, which has a shelf of its own at Coze, and the person."""
        self._complained = False

    async def put(self, api: Api, user: str, values: Mapping[str, str]) -> None:
        """Those are the values for that person. Never raises: a bot without them still answers."""
        place = (api.account, user)
        if not values or self._known.get(place) == values:
            return
        data = [{"keyword": name, "value": value} for name, value in values.items()]
        body = {"bot_id": self._bot_id, "connector_uid": user, "data": data}
        try:
            await api.call("PUT", "/v1/variables", body=body, seconds=SECONDS)
        except Transient as error:
            self._complain(error)
            return
        except BridgeError as error:
            # Refused for good, most often as the bot has no such variable: that is so for the next question as well.
            self._complain(error)
            if not error.code or error.code in AUTH_CODES:
                return  # That is of who asks, and not of what is set; without a code, there was no token.
        self._known[place] = dict(values)
        self._known.move_to_end(place)
        while len(self._known) > MOST:
            self._known.popitem(last=False)

    def _complain(self, error: BridgeError) -> None:
        if not self._complained:
            self._complained = True
            logger.warning("the user variables of a bot cannot be set at Coze: %s (%s)", error, error.reference)
