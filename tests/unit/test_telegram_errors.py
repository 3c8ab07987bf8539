"""Errors of python-telegram-bot, as they come out of it, in our words."""

import aiohttp
import httpx
import pytest
from aiohttp.client_reqrep import ConnectionKey
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut

from adapters.telegram.errors import Unchanged, ours, translated
from bridge.errors import Gone, RateLimited, Refused, Unreachable, Unrenderable

TOKEN = "123456:AAsecret"
PLACE = ConnectionKey("api.telegram.org", 443, True, True, None, None, None)


def caused(error: NetworkError, *causes: Exception) -> NetworkError:
    """The error as it looks behind `raise … from …`, once per layer."""
    inner: BaseException = error
    for cause in causes:
        inner.__cause__ = cause
        inner = cause
    return error


@pytest.mark.parametrize(
    ("error", "certain"),
    [
        (caused(TimedOut(), httpx.PoolTimeout("")), True),
        (caused(TimedOut(), httpx.ConnectTimeout(""), aiohttp.ClientConnectorError(PLACE, OSError("refused"))), True),
        (caused(TimedOut(), httpx.ConnectTimeout(""), aiohttp.ConnectionTimeoutError()), True),
        (caused(TimedOut(), httpx.ConnectTimeout(""), aiohttp.ServerDisconnectedError()), False),
        (caused(TimedOut(), httpx.ReadTimeout(""), aiohttp.SocketTimeoutError()), False),
        (caused(NetworkError("httpx.ReadError"), httpx.ReadError(""), aiohttp.ClientPayloadError()), False),
        (NetworkError("Internal Server Error"), False),
        (NetworkError(f"Unknown error in HTTP implementation: URL('/bot{TOKEN}/getMe')"), False),
    ],
)
def test_only_what_was_never_sent_is_certain(error: NetworkError, certain: bool) -> None:
    found = ours(error)
    assert isinstance(found, Unreachable)
    assert found.certain is certain


def test_the_token_does_not_come_out() -> None:
    cause = ValueError(f"bad URL /bot{TOKEN}/getMe")
    for error in (
        InvalidToken(f"The token {TOKEN} was rejected"),
        caused(NetworkError(f"Unknown error in HTTP implementation: {cause!r}"), cause),
        caused(NetworkError(f"httpx.ReadError: https://api.telegram.org/bot{TOKEN}"), httpx.ReadError("")),
    ):
        assert TOKEN not in str(ours(error))


def test_kinds() -> None:
    assert isinstance(ours(RetryAfter(7)), RateLimited)
    assert ours(InvalidToken()).say == "platform_credentials"
    for error, kind in (
        (Forbidden("Forbidden: bot was blocked by the user"), Refused),
        (BadRequest("Message is not modified: specified new message content"), Unchanged),
        (BadRequest("Message to edit not found"), Gone),
        (BadRequest("Message_too_long"), Unrenderable),
        (BadRequest("Something new"), Unrenderable),
    ):
        assert type(ours(error)) is kind


def test_a_moved_chat_is_left_to_who_called() -> None:
    with pytest.raises(ChatMigrated), translated():
        raise ChatMigrated(-100)


def test_an_answer_of_a_strange_shape() -> None:
    with pytest.raises(Unreachable) as caught, translated():
        raise KeyError("result")
    assert not caught.value.certain
