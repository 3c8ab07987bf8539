"""In which form an answer is shown: as a rich message, as text with entities, or as plain text."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.telegram import markup, rich
from adapters.telegram.errors import MethodUnknown
from adapters.telegram.markup import Rendered
from adapters.telegram.rich import Rich
from bridge.errors import Unrenderable
from bridge.model import Page

log = logging.getLogger(__name__)


class Forms:
    """Each time Telegram refuses an answer it is shown in a simpler form (`Page.simpler`), rich messages first.

    But a page that looks the same as text, and fits, is text: clients that are older, and Telegram Web, show no rich
    messages. Where a table begins in mid-answer, the text is edited into a rich message.
    """

    def __init__(self, *, rich: bool) -> None:
        self.begins_rich = rich
        self._unknown = False
        """The server knows no rich messages: it is of one's own, and older than Bot API 10.1."""

    def shown(self, page: Page) -> Rendered | Rich:
        """What to send for this page. Raises Unrenderable if there is nothing, or if it can be no rich message."""
        if self._is_rich(page.simpler):
            whole = rich.render(page.text, page.status)
            fits = markup.fill(f"{page.text}\n\n{page.status}") <= 1.0
            if whole is None and not fits:
                raise Unrenderable("This can be no rich message")
            if whole and whole.html and (whole.needed or not fits):
                return whole
        plain = page.simpler > self.begins_rich
        shown = markup.render(page.text, plain=plain)
        if page.status:
            shown = markup.with_status(shown, page.status, plain=plain)
        if not shown.text:
            raise Unrenderable("There is nothing to show")
        return shown

    def fill(self, markdown: str, simpler: int) -> float:
        """As in `Limits`."""
        return rich.fill(markdown) if self._is_rich(simpler) else markup.fill(markdown)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Round a call: notes that there are no rich messages here."""
        try:
            yield
        except MethodUnknown:
            if not self._unknown:
                self._unknown = True
                log.warning("Telegram: this server knows no rich messages, so answers are sent as text")
            raise

    def _is_rich(self, simpler: int) -> bool:
        return self.begins_rich and not self._unknown and simpler == 0
