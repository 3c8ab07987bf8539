"""Looks at a Coze bot: is the token accepted, is the bot published as an API, and may the token do what we do."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

import cozepy

from adapters.coze.features import lacking
from adapters.coze.listing import ELSEWHERE, reached
from adapters.coze.runs import RESUME, UNHEARD
from adapters.coze.wire import Api
from bridge.errors import BotFailed, BridgeError, ConfigError, RateLimited
from bridge.findings import Finding, Findings, ok, skipped, wrong

TOKEN, BOT, RIGHTS, FEATURES = "coze token", "coze bot", "coze permissions", "coze features"
WORKFLOW = "coze workflow"
SITES = {"api.coze.cn": "https://api.coze.com", "api.coze.com": "https://api.coze.cn"}
"""Each of the two knows only its own tokens."""
REACH = "look at COZE_API_BASE, the network and HTTPS_PROXY"
PUBLISH = "publish the bot at Coze with the channel API (Agent as API) ticked"
RIGHT = "getMetadata"
CLIENT_SECONDS = 20.0


async def look(api_base: str, bot_id: str, make_auth: Callable[[], cozepy.Auth]) -> Findings:
    """Asks nothing of the bot, as that costs. Without a bot id, only the token is looked at."""
    try:
        auth = make_auth()
        api = Api(api_base, auth, read_seconds=CLIENT_SECONDS)
    except ConfigError as error:
        what, _, mend = str(error).partition("; ")
        yield wrong(TOKEN, what, mend or "give the whole PEM text")
        return
    try:
        bot: dict[str, Any] = {}
        refused: BridgeError | None = None
        try:
            bot = await _published(api, bot_id or "0")
        except BridgeError as error:
            refused = error
        token = _token(refused, api_base)
        yield token
        if not bot_id or token.mend:
            return
        found = await _bot(api, bot_id, bot, refused)
        yield found
        if not found.mend:
            yield await _rights(api, bot_id)
        if missing := await lacking(api):
            yield ok(FEATURES, f"all but {', '.join(missing)}, which this server does not offer: they are off")
    finally:
        await api.aclose()
        if close := getattr(auth, "aclose", None):
            await close()


async def look_at_workflow(api_base: str, workflow_id: str, auth: cozepy.Auth, *, bot: str) -> Finding:
    """Whether it is there, and whether the token may run it, for the bot of that name; it is not run."""
    of = f"{bot}: " if bot else ""
    async with reached(api_base, auth) as api:
        try:
            name, unseen = await _workflow(api, workflow_id), ""
        except BotFailed as failed:
            if failed.say == "no_bot":
                mend = "take workflow_id from the workflow's URL, and publish it"
                return wrong(WORKFLOW, f"{of}Coze knows no workflow {workflow_id} ({failed})", mend)
            name, unseen = "", _unseen(failed)
        except BridgeError as error:
            return skipped(WORKFLOW, f"{of}Coze does not answer ({error})")
        return await _may_run(api, workflow_id, of) or (
            skipped(WORKFLOW, f"{of}whether the workflow {workflow_id} is there {unseen}")
            if unseen
            else ok(WORKFLOW, f"{of}{name} is there, and the token may run it")
        )


async def _workflow(api: Api, workflow_id: str) -> str:
    """What to call it."""
    answered, _ = await api.call("GET", f"/v1/workflows/{quote(workflow_id, safe='')}")
    data = answered.get("data")
    detail = data.get("workflow_detail") if isinstance(data, dict) else None
    name = detail.get("workflow_name") if isinstance(detail, dict) else None
    return str(name or f"the workflow {workflow_id}")


def _unseen(failed: BotFailed) -> str:
    """Why nobody knows; the service itself does not need to."""
    if failed.code in ELSEWHERE:
        return f"this server does not tell ({failed})"
    return f"cannot be told: the token lacks {RIGHT}" if failed.say == "permission" else f"cannot be told ({failed})"


async def _may_run(api: Api, workflow_id: str, of: str) -> Finding | None:
    """None: it may. A run that there never was is gone on with, which does nothing, but wants the same right."""
    body = {"workflow_id": workflow_id, "event_id": "0/0", "interrupt_type": 2, "resume_data": ""}
    try:
        await api.call("POST", RESUME, body=body)
    except BotFailed as failed:
        if failed.say == "permission":
            mend = "give the token the permission run in the workflow's workspace, or take a token of that workspace"
            return wrong(WORKFLOW, f"{of}the token may not run the workflow {workflow_id} ({failed})", mend)
        if failed.say == "credentials":
            return wrong(WORKFLOW, f"{of}the token is refused ({failed})", "make a new one at Coze and set it")
        if failed.code in ELSEWHERE or failed.code not in UNHEARD:
            return skipped(WORKFLOW, f"{of}whether it may be run cannot be told ({failed})")
    except BridgeError as error:
        return skipped(WORKFLOW, f"{of}Coze does not answer ({error})")
    return None


async def _published(api: Api, bot_id: str) -> dict[str, Any]:
    """The bot as it is published. The older call of the two also wants it to be published as an API."""
    try:
        answered, _ = await api.call("GET", "/v1/bot/get_online_info", params={"bot_id": bot_id})
    except BotFailed as failed:
        if failed.code not in ELSEWHERE and failed.say != "permission":
            raise
        answered, _ = await api.call("GET", f"/v1/bots/{bot_id}", params={"is_published": "true"})
    bot = answered.get("data")
    if not isinstance(bot, dict):
        raise BotFailed("the answer is not Coze's", code=404)
    return bot


def _token(refused: BridgeError | None, api_base: str) -> Finding:
    """Whatever else is refused, the token was accepted before."""
    host = urlsplit(api_base).netloc
    match refused:
        case RateLimited():
            return skipped(TOKEN, f"{refused}", "try again later")
        case BotFailed(say="credentials"):
            mend = "make a new one at Coze and set COZE_API_TOKEN"
            if "OAuth" in str(refused):
                mend = "compare the three COZE_JWT_OAUTH_ settings with the OAuth app at Coze"
            if "login" in str(refused):
                mend = "run coze-bridge login"
            if other := SITES.get(host):
                mend += f"; if it is of {urlsplit(other).netloc}, set COZE_API_BASE={other}"
            return wrong(TOKEN, f"{host} refuses it ({refused})", mend)
        case BotFailed(code=code) if code in ELSEWHERE:
            return wrong(TOKEN, f"{host} is no Coze API ({refused})", "mend COZE_API_BASE")
        case None | BotFailed():
            return ok(TOKEN, f"{host} accepts it")
    return wrong(TOKEN, f"{host} does not answer ({refused})", REACH, unreachable=True)


async def _bot(api: Api, bot_id: str, bot: dict[str, Any], refused: BridgeError | None) -> Finding:
    if refused is None:
        return ok(BOT, f"{bot.get('name') or bot_id} is published")
    if refused.say == "permission":
        mend = f"give the token the permission {RIGHT} in the bot's workspace, or take a token of that workspace"
        return wrong(BOT, f"the token may not look at the bot {bot_id} ({refused})", mend)
    if refused.say in ("quota", "balance", "daily"):
        return wrong(BOT, f"the quota is used up ({refused})", "top up the account or the plan at Coze")
    if refused.say not in ("not_published", "no_bot"):
        return wrong(BOT, f"Coze does not show the bot {bot_id} ({refused})", "look at COZE_BOT_ID")
    with suppress(BridgeError):
        answered, _ = await api.call("GET", f"/v1/bots/{bot_id}", params={"is_published": "false"})
        if isinstance(draft := answered.get("data"), dict):
            return wrong(BOT, f"{draft.get('name') or bot_id} is there, but not published as an API", PUBLISH)
    what = f"Coze knows no bot {bot_id}, or it is not published as an API"
    return wrong(BOT, what, f"take COZE_BOT_ID from the bot's URL (…/bot/7400…), and {PUBLISH}")


async def _rights(api: Api, bot_id: str) -> Finding:
    """What the bridge does but for asking: it makes a conversation, which is deleted again, and lists its messages."""
    needed = "createConversation"
    conversation = ""
    try:
        answered, _ = await api.call("POST", "/v1/conversation/create", body={"bot_id": bot_id})
        made = answered.get("data") or answered.get("ConversationData")
        conversation = str(made.get("id") or "") if isinstance(made, dict) else ""
        needed = "chat and listMessage"
        body = {"order": "desc", "limit": 1}
        await api.call("POST", "/v1/conversation/message/list", params={"conversation_id": conversation}, body=body)
    except BotFailed as failed:
        if failed.say == "permission":
            what = f"the token lacks the permission {needed} ({failed})"
            return wrong(RIGHTS, what, "give it createConversation, chat, getChat and listMessage at Coze")
        return skipped(RIGHTS, f"Coze does not tell ({failed})")
    except BridgeError as error:
        return skipped(RIGHTS, f"Coze does not answer ({error})")
    finally:
        if conversation:
            with suppress(BridgeError):
                await api.call("DELETE", f"/v1/conversations/{conversation}")
    return ok(RIGHTS, "createConversation, chat and listMessage")
