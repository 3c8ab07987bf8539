"""What a log line holds, in both forms, and what it never does."""

import asyncio
import json
import logging
import sys
import warnings

import pytest

from adapters.log import OURS, Redact, configure
from bridge.trail import marks, note, trail

KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nKw==\n-----END PRIVATE KEY-----"
SECRETS = ["pass word/%", 'quo"te\\d', KEY, "abc", ""]


@pytest.fixture
def lines(capsys):
    """Configures the log; call it with a form and a level, log, and read what came."""
    root, hook = logging.getLogger(), sys.excepthook
    before = root.handlers[:], root.level

    def start(form, level="DEBUG"):
        configure(form=form, level=level, secrets=SECRETS)
        return lambda: capsys.readouterr().err.splitlines()

    yield start
    root.handlers[:], root.level, sys.excepthook = *before, hook
    logging.captureWarnings(False)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_a_line_carries_the_marks_of_its_trail_and_its_own(lines):
    read = lines("json")
    log = logging.getLogger("bridge.turn")
    with trail(turn=7, platform="slack"):
        note(coze_chat="c1", coze_log="")
        log.info("settled", extra={"outcome": "delivered", "platform": "its own"})
    log.info("outside")
    inside, outside = map(json.loads, read())
    assert inside | {"timestamp": ""} == {
        "event": "settled",
        "level": "info",
        "logger": "bridge.turn",
        "timestamp": "",
        "turn": 7,
        "platform": "its own",
        "coze_chat": "c1",
        "outcome": "delivered",
    }
    assert set(outside) == {"event", "level", "logger", "timestamp"}


def test_as_text_a_turn_can_be_followed_by_grep(lines):
    read = lines("text")
    with trail(turn=7, platform="slack"):
        logging.getLogger("bridge.turn").info("settled", extra={"outcome": "delivered"})
    (line,) = read()
    for part in ("settled", "turn=7", "platform=slack", "outcome=delivered", "[bridge.turn]"):
        assert part in line


async def test_what_one_task_of_a_turn_learns_is_on_the_lines_of_all_and_on_nobody_elses():
    learned = asyncio.Event()

    async def reader():
        note(coze_log="L1")
        learned.set()

    async def turn(number):
        with trail(turn=number):
            if number == 1:
                reading = asyncio.create_task(reader())
                await reading
            await learned.wait()
            return dict(marks())

    assert await asyncio.gather(turn(1), turn(2)) == [{"turn": 1, "coze_log": "L1"}, {"turn": 2}]
    note(coze_log="nobody's")
    assert marks() == {}


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_form_of_a_secret_is_seen_wherever_it_stands(lines, form):
    read = lines(form)
    log = logging.getLogger("adapters.x")
    log.info("plain %s", "pass word/%", extra={"list": ["pass word/%"], "bytes": b'quo"te\\d'})
    log.info("in a URL: pass%20word%2F%25 pass+word%2F%25 pass%20word/%25")
    log.info("repr %r", {"key": KEY, "b": 'quo"te\\d'})
    try:
        raise ValueError(KEY)
    except ValueError:
        log.exception("a bug")
    text = "\n".join(read())
    assert "***" in text
    for fragment in ("pass", "word", "quo", "MIIEvQ"):
        assert fragment not in text
    assert Redact(SECRETS).blank("abc") == "abc", "what is that short would garble every line"


@pytest.mark.parametrize(
    "token",
    [
        "https://api.telegram.org/bot123456:AAF-abcdefghijklmnopqrstuvwxyz/getMe",
        "xoxb-1-abc",
        "xapp-1-A-2-b",
        "xoxe.xoxb-1-abc",
        "pat_0123456789abcdefXYZ",
    ],
)
def test_what_looks_like_a_token_is_blanked_though_nobody_configured_it(token):
    assert "***" in Redact([]).blank(token)
    assert "abc" not in Redact([]).blank(token)


def test_libraries_are_heard_from_warnings_on_only(lines):
    read = lines("json", "DEBUG")
    for name in ("httpx", "telegram.ext", "slack_sdk", "aiohttp.access", "aiosqlite", "sqlalchemy.engine", "asyncio"):
        logging.getLogger(name).debug("a URL")
        logging.getLogger(name).info("a URL")
    logging.getLogger("bridge.x").debug("ours")
    logging.getLogger("httpx").warning("theirs")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("careful", stacklevel=1)
    events = [json.loads(line)["event"] for line in read()]
    assert events[:2] == ["ours", "theirs"]
    assert "careful" in events[2]


def test_at_a_higher_level_nobody_speaks_below_it(lines):
    read = lines("json", "ERROR")
    logging.getLogger("bridge").warning("ours")
    logging.getLogger("httpx").warning("theirs")
    logging.getLogger("bridge").error("heard")
    assert len(read()) == 1


def test_the_last_words_of_a_process_are_a_line_too(lines):
    read = lines("json")
    try:
        raise RuntimeError("pass word/%")
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    (line,) = map(json.loads, read())
    assert line["level"] == "critical"
    assert "RuntimeError: ***" in line["exception"]
