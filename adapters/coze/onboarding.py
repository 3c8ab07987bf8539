"""What a bot says before anybody asks: its prologue and suggested questions, in the spelling of either API version."""

from typing import Any

from adapters.coze.content import inner
from adapters.coze.wire import Api
from bridge.errors import BotFailed
from bridge.ports import Greeting

ELSEWHERE = frozenset({404, 405, 4200})
"""Codes of a server that has only the older of the two calls, or does not show the bot by the newer."""


async def greeting(api: Api, bot_id: str, *, draft: bool = False) -> Greeting:
    """As the bot is configured now. Raises what a call raises."""
    try:
        params = {"is_published": "false" if draft else "true"}
        answered, _ = await api.call("GET", f"/v1/bots/{bot_id}", params=params)
    except BotFailed as failed:
        if draft or (failed.code not in ELSEWHERE and failed.say != "permission"):
            raise
        answered, _ = await api.call("GET", "/v1/bot/get_online_info", params={"bot_id": bot_id})
    return told(answered.get("data"))


def told(bot: Any) -> Greeting:
    """The greeting of a bot as either call shows it."""
    info = inner(bot, "onboarding_info") if isinstance(bot, dict) else {}
    prologue = info.get("prologue") or info.get("Prologue") or ""
    questions = info.get("suggested_questions") or info.get("SuggestedQuestions") or ()
    if not isinstance(questions, list):
        questions = ()
    texts = (question.strip() for question in questions if isinstance(question, str))
    return Greeting(prologue=str(prologue).strip(), questions=tuple(dict.fromkeys(filter(None, texts))))
