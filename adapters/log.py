"""Structured logs in which no secret stands."""

import json
import logging
import re
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any
from urllib.parse import quote, quote_plus

import structlog
from structlog.typing import EventDict, Processor

from bridge.trail import marks

OURS = ("bridge", "adapters", "storage")
"""Whose lines are shown from the chosen level on; everybody else's from WARNING on."""

SHORTEST = 4
"""Characters; what is shorter is no secret, and to blank it would garble every line."""
SHORTEST_LINE = 16
"""The same for one line of a secret of several lines, such as a private key."""

_PATTERNS = (
    re.compile(r"(?<!\d)\d{5,}(?::|%3[Aa])[A-Za-z0-9_-]{20,}"),  # Telegram bot tokens, also inside URLs
    re.compile(r"\bx(?:ox[a-z]|app|oxe\.xox[a-z])-[A-Za-z0-9-]+"),  # Slack tokens
    re.compile(r"\b(?:pat|sat|czu|czs)_[A-Za-z0-9]{16,}"),  # Coze tokens
)


class Redact:
    """Blanks the configured secrets, and what looks like one, wherever they stand in a finished line."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, _logger: Any, _method: str, line: Any) -> str:
        return self.blank(str(line))

    def blank(self, line: str) -> str:
        """The line without secrets."""
        for form in self._forms:
            line = line.replace(form, "***")
        for pattern in _PATTERNS:
            line = pattern.sub("***", line)
        return line


def _forms(secret: str) -> Iterable[str]:
    """How a secret may be written: as it is, in a URL, in quotes, and line by line."""
    lines = [line for line in secret.splitlines() if len(line) >= SHORTEST_LINE]
    for text in (secret, *lines):
        yield from (text, quote(text), quote(text, safe=""), quote_plus(text))
        yield from (repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
        # Escaped twice: a repr inside a line of JSON.
        yield json.dumps(repr(text)[1:-1])[1:-1]


def configure(*, form: str, level: str, secrets: Iterable[str]) -> None:
    """Sends all logging of this process to standard error, as `text` or `json`, and its last words as well."""
    shared: list[Processor] = [
        _mark,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_level=False, pad_event_to=0)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, Redact(secrets)],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Below WARNING, the libraries tell URLs with tokens in them, and every parameter of every statement.
    root.setLevel(max(logging.WARNING, logging.getLevelName(level)))
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)
    sys.excepthook = _last_words


def _mark(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What the line itself says counts more than the trail it was made on."""
    return {**marks(), **event}


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Instead of Python's own traceback, which would blank no secret."""
    logging.getLogger("bridge").critical("ends by a bug", exc_info=(kind, error, trace))
