"""Coze's codes and every exception of a stream, as our errors."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
import httpx
import pytest

import adapters.coze  # noqa: F401 - first: it silences what cozepy says on import

# isort: split
from cozepy import CozeAPIError, CozeInvalidEventError

from adapters.coze.errors import (
    ADMINISTRATION,
    MAYBE_DONE,
    REMEDIES,
    SAYS,
    WORDS,
    of_code,
    of_exception,
    of_response,
    of_word,
)
from bridge.errors import BotFailed, Busy, Gone, RateLimited, Transient, Unreachable
from bridge.texts import TEXTS
from tests.coze_codes import CODES, STATUSES, Row


def response(status: int = 200, body: Any = None, *, text: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is None:
        return httpx.Response(status, text=text, headers=named)
    return httpx.Response(status, json=body, headers=named)


def lost(cause: Exception, mapped: Exception) -> Exception:
    """As httpx-aiohttp raises it."""
    mapped.__cause__ = cause
    return mapped


KINDS = {"wait": (Busy, RateLimited), "again": (Unreachable,), "anew": (Gone,), "refuse": (BotFailed,)}


@pytest.mark.parametrize("row", [*CODES, *STATUSES], ids=lambda row: str(row.code))
def test_each_code_has_its_remedy_and_its_sentence(row: Row) -> None:
    error = of_code(row.code, "why", reference="log-1")
    assert type(error) in KINDS[row.remedy]
    assert (error.say, error.reference, error.code) == (row.say, "log-1", row.code)
    assert str(error) == f"Coze {row.code}: why"
    if isinstance(error, Transient):
        assert error.certain is (row.code not in MAYBE_DONE)


def test_the_table_of_codes_is_complete() -> None:
    """Both ways: no code without a row of ours, and no row of ours that the table does not know."""
    ours = {code for code in REMEDIES if code >= 600}
    unlisted = {code for code, _, say in CODES if say != "failed" and code // 1000 not in ADMINISTRATION} - ours
    assert not unlisted, "these fall through to the sentence that says nothing"
    assert not set(REMEDIES) - {row.code for row in (*CODES, *STATUSES)}
    assert len({row.code for row in CODES}) == len(CODES)


def test_every_sentence_is_in_the_catalogue() -> None:
    assert set(SAYS) <= set(TEXTS)


def test_different_causes_are_told_differently() -> None:
    told = [TEXTS[say][language] for say in SAYS for language in ("en", "zh")]
    assert len(set(told)) == len(told)
    assert all(len(sentence) <= 200 for sentence in told)
    assert all("/clear" in TEXTS["too_long"][language] for language in ("en", "zh"))


@pytest.mark.parametrize("word", WORDS)
def test_each_word_of_oauth_has_its_remedy(word: str) -> None:
    error = of_word(word, reference="log-1")
    assert (type(error), error.say) == WORDS[word]
    assert error.reference == "log-1"
    assert word in str(error)


def test_a_word_that_nobody_knows_is_about_the_credentials() -> None:
    error = of_word("pat_AbC123 is odd")
    assert isinstance(error, BotFailed)
    assert error.say == "credentials"
    assert "AbC123" not in str(error)


@pytest.mark.parametrize("code", [408, 504])
def test_a_gateway_that_gave_up_waiting_may_have_passed_it_on(code: int) -> None:
    error = of_code(code)
    assert isinstance(error, Unreachable)
    assert not error.certain


def test_a_missing_resource_that_is_the_conversation_is_gone() -> None:
    assert isinstance(of_code(4200, "Requested resource conversation_id=7 does not exist"), Gone)


def test_words_of_coze_are_logged_without_tokens_and_short() -> None:
    said = "token pat_AbC123.x-y refused, Bearer czs_zzz\nand czu_1 " + "long " * 100
    message = str(of_code(4101, said))
    assert "AbC123" not in message
    assert "zzz" not in message
    assert "czu_1" not in message
    assert "\n" not in message
    assert len(message) < 220


def test_the_code_counts_before_the_status_and_the_log_id_is_taken() -> None:
    body = {"code": "4028", "msg": "used up", "detail": {"logid": "inner"}}
    error = of_response(response(200, body))
    assert isinstance(error, BotFailed)
    assert (error.code, error.reference) == (4028, "inner")
    error = of_response(response(401, body, X_Tt_Logid="outer"))
    assert isinstance(error, BotFailed)
    assert (error.code, error.reference) == (4028, "outer")


@pytest.mark.parametrize("body", [{"code": 0, "msg": "", "data": {}}, {"data": []}, {"code": "0"}])
def test_an_answer_is_no_refusal(body: dict[str, Any]) -> None:
    assert of_response(response(200, body)) is None


def test_an_unread_stream_is_no_refusal() -> None:
    class Frames(httpx.AsyncByteStream):
        pass

    assert of_response(httpx.Response(200, stream=Frames())) is None


def test_a_negative_code_is_a_refusal_though_the_sdk_takes_it_for_success() -> None:
    assert isinstance(of_response(response(200, {"code": -1, "msg": "?"})), BotFailed)


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 502])
def test_html_is_judged_by_its_status(status: int) -> None:
    error = of_response(response(status, text="<html>", X_Tt_Logid="l"))
    assert error is not None
    assert "html" not in str(error)
    assert error.reference == "l"


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("1.5", 1.5), ("-3", 0.0), ("soon", 0.0), ("", 0.0)])
def test_retry_after_in_seconds(value: str, seconds: float) -> None:
    error = of_response(response(429, {}, Retry_After=value))
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


def test_retry_after_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    error = of_response(response(503, text="", Retry_After=date))
    assert isinstance(error, Unreachable)
    assert 25 < error.retry_after <= 30


OS_ERROR = OSError(111, "refused")
CONNECTOR = aiohttp.ClientConnectorError(connection_key=None, os_error=OS_ERROR)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "certain"),
    [
        (lost(CONNECTOR, httpx.ConnectError("refused")), True),
        (lost(aiohttp.ConnectionTimeoutError(), httpx.ConnectTimeout("")), True),
        (lost(aiohttp.ServerDisconnectedError(), httpx.ConnectTimeout("")), False),
        (lost(aiohttp.ClientOSError(104, "reset"), httpx.ConnectTimeout("")), False),
        (lost(aiohttp.SocketTimeoutError(), httpx.ReadTimeout("")), False),
        (lost(aiohttp.ClientPayloadError(), httpx.ReadError("")), False),
        (httpx.PoolTimeout(""), True),
        (httpx.ConnectError(""), True),
        (httpx.ReadTimeout(""), False),
        (TimeoutError(), False),
        (AttributeError("'NoneType' object has no attribute 'data'"), False),
        (TypeError("argument of type 'NoneType' is not iterable"), False),
        (CozeInvalidEventError("", ": ping"), False),
        (Exception("what?"), False),
        (Exception("error event: not JSON"), False),
    ],
)
def test_certain_is_only_what_never_left(error: Exception, certain: bool) -> None:
    before = of_exception(error, None, started=False)
    assert isinstance(before, Unreachable)
    assert before.certain is certain
    after = of_exception(error, response(200, text="", X_Tt_Logid="l"), started=True)
    assert isinstance(after, Unreachable)
    assert (after.certain, after.reference) == (False, "l")


def test_what_the_sdk_quotes_of_a_frame_is_not_in_the_message() -> None:
    assert "secret words" not in str(of_exception(CozeInvalidEventError("", "secret words"), None, started=True))


def test_an_error_event_is_parsed() -> None:
    stream = response(200, text="", X_Tt_Logid="l")
    error = of_exception(Exception('error event: {"code":4016,"msg":"busy"}'), stream, started=False)
    assert isinstance(error, Busy)
    assert (error.certain, error.reference) == (True, "l")
    error = of_exception(Exception('error event: {"code":"4028","msg":"x"}'), stream, started=True)
    assert isinstance(error, BotFailed)
    assert error.code == 4028
    error = of_exception(Exception('error event: {"code":5000,"msg":"event interval error"}'), stream, started=True)
    assert isinstance(error, Unreachable)
    assert not error.certain


def test_an_sdk_error_without_its_response_still_tells_its_code() -> None:
    error = of_exception(CozeAPIError(4100, "authentication invalid", "log-9"), None, started=False)
    assert isinstance(error, BotFailed)
    assert (error.code, error.reference) == (4100, "log-9")


def test_a_refusal_counts_before_what_the_sdk_made_of_it() -> None:
    error = of_exception(AttributeError("data"), response(429, {}), started=False)
    assert isinstance(error, RateLimited)
    assert error.certain


def test_our_own_errors_pass() -> None:
    ours = Unreachable("no token")
    assert of_exception(ours, None, started=True) is ours


def test_cancellation_is_none_of_our_business() -> None:
    assert not issubclass(asyncio.CancelledError, Exception)
