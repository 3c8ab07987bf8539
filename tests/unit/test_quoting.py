"""What the other side says may quote our own call: no token gets from there into an error of ours."""

import httpx
import pytest
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, NetworkError

from adapters.coze.errors import of_code, of_response
from adapters.slack.errors import refusal
from adapters.telegram.errors import ours

TELEGRAM, SLACK, COZE = "123456:AAcanary-token_0123456789abc", "xoxb-canary-1", "odd canary+token/="


@pytest.mark.parametrize("kind", [BadRequest, Forbidden, Conflict, NetworkError])
@pytest.mark.parametrize("written", [TELEGRAM, TELEGRAM.replace(":", "%3A")])
def test_telegram(kind, written):
    error = ours(kind(f"no such place /bot{written}/sendMessage " + "x" * 1000))
    assert "canary" not in str(error)
    assert len(str(error)) < 300


def test_telegram_when_a_chat_moved():
    assert "-100" in str(ours(ChatMigrated(-100)))


@pytest.mark.parametrize("body", [{}, {"needed": f"scope {SLACK}"}, {"response_metadata": {"messages": [SLACK]}}])
def test_slack(body):
    error = refusal("chat.postMessage", f"odd {SLACK} " + "x" * 1000, body)
    assert "canary" not in str(error)
    assert str(error).startswith("chat.postMessage: odd …")
    assert len(str(error)) < 300


def test_coze_quotes_a_token_of_whatever_form():
    request = httpx.Request("POST", "https://api.coze.cn/v3/chat", headers={"Authorization": f"Bearer {COZE}"})
    body = {"code": 4100, "msg": f"authentication is invalid: {COZE.split()[1]} of {COZE}"}
    error = of_response(httpx.Response(401, json=body, request=request))
    assert error is not None
    assert "canary" not in str(error)
    assert (error.code, error.say) == (4100, "credentials")


def test_every_error_of_coze_tells_its_code():
    assert [of_code(code).code for code in (4016, 4009, 4002, 4028, 503)] == [4016, 4009, 4002, 4028, 503]
