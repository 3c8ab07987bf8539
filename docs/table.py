"""Writes the tables of settings into the READMEs and docs/operation.md, from the settings themselves.

`python docs/table.py` writes them; with `--check` it writes nothing and ends with 1 if one is out of date.
"""

import re
import sys
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bridge.bots import BotSettings, Route  # noqa: E402
from bridge.config import IN_FILES, SECTIONS, Settings  # noqa: E402
from bridge.sections import Answers, Files, Tuning, VoiceMessages  # noqa: E402

CHINESE = {
    "coze_api_base": "扣子 API 的根地址：`https://api.coze.cn`、`https://api.coze.com`，或自建的 Coze Studio。",
    "coze_api_token": "个人访问令牌或服务访问令牌（`pat_…`、`sat_…`）。",
    "coze_jwt_oauth_client_id": "OAuth JWT 应用的客户端 ID：三个 `COZE_JWT_OAUTH_…` 合起来代替令牌。",
    "coze_jwt_oauth_public_key_id": "扣子为该应用的公钥显示的指纹。",
    "coze_jwt_oauth_private_key": "对应的私钥，完整的 PEM 文本；换行可以写成反斜杠加 n。",
    "coze_jwt_oauth_sessions": "使用该应用时，每个人在扣子有各自的会话隔离（session）："
    "别人的会话和变量都无法从中访问。",
    "coze_token_expires": "`COZE_API_TOKEN` 的到期日（`2026-12-31`）："
    "到期前七天起，日志、`doctor` 和一个指标会发出提醒。",
    "coze_login_path": "`coze-bridge login` 写入的文件，在工作站上代替令牌。",
    "coze_login_client_id": "供人登录的 OAuth 应用的客户端 ID：用于 `coze-bridge login` 或 `/login`。",
    "coze_login_client_secret": "该应用若是 Web 应用，则为其客户端密钥；不设时使用 PKCE。",
    "coze_login_url": "启用 `/login`：一个公网地址，已在该 OAuth 应用中登记，并通向本服务的 `/coze/login`。",
    "coze_login_key": "与上一项配套：自己拟定的 32 个以上字符，用来加密每个人的令牌。"
    "更换时，把新的写在旧的前面，用逗号分隔。",
    "coze_bot_id": "智能体 ID：扣子网址里的那串数字（`…/bot/7400…`）。",
    "telegram_bot_token": "由 @BotFather 提供；设置后启用 Telegram。",
    "telegram_api_base": "Bot API 的根地址，仅在使用自建的 Bot API 服务器时设置。",
    "telegram_webhook_url": "让 Telegram 主动调用这个公网地址，不再轮询；它必须通向本服务的 `/telegram/webhook`。",
    "telegram_webhook_secret": "与上一项配套：1 到 256 个 `A-Z a-z 0-9 _ -` 字符，自己拟定。",
    "telegram_streaming": "消息如何随回答增长。`edit`：靠编辑；`draft`：私聊中先显示为草稿，结束时才成为消息；"
    "`rich`：靠编辑，表格、标题和公式用 Telegram 自己的格式（Bot API 10.1，需要较新的客户端），每条消息最多 "
    "32,768 个字符；"
    "`off`：回答完整后一次发出。",
    "slack_bot_token": "Bot User OAuth Token（`xoxb-…`）；与下面两项之一一起设置后启用 Slack。",
    "slack_app_token": "Socket Mode：带 `connections:write` 权限的 App-Level Token（`xapp-…`）。",
    "slack_signing_secret": "HTTP 方式，不设 App-Level Token 时使用：Slack 调用 `/slack/events`。",
    "slack_api_base": "Slack Web API 的根地址。",
    "slack_streaming": "消息如何随回答增长。`auto`：私信中用 Slack 原生的流式消息，频道中靠编辑；"
    "`native`：频道中也用流式消息，但只有提问者能看到它增长；`edit`：处处靠编辑；`off`：回答完整后一次发出。",
    "slack_dm": "私信中，`thread`：每条消息各开一个会话，在它的消息列里回答；`person`：始终是同一个会话。",
    "database_url": "`sqlite+aiosqlite:///路径` 或 `postgresql+asyncpg://用户:密码@主机/数据库`。",
    "http_listen": "健康检查、指标和 webhook 监听的 `主机:端口`。",
    "log_format": "`text` 或 `json`；不设时，终端上用 `text`，否则用 `json`。",
    "log_level": "`DEBUG`、`INFO`、`WARNING` 或 `ERROR`。",
    "drain_seconds": "收到 SIGTERM 后，正在进行的回答还可以继续多少秒。",
    "admins": "出现只有管理员才能解决的问题时，给谁发消息：`telegram:123`、`slack:T…:U…`，用逗号分隔。"
    "不设时，谁也不发。",
    "on_busy": "回答进行中又来了新消息时怎么办。`queue`：依次回答；`merge`：同一个人的消息合成一个问题；"
    "`interrupt`：最新的消息打断正在进行的回答，立即得到回答。",
    "new_after_hours": "在一个会话里这么多小时没有说话，下一个问题就开始新的会话；0：从不。",
    "name_conversations": "把第一个问题的开头作为会话名称告诉扣子。",
    "keep_texts_days": "一轮对话结束多少天后抹去问题和回答的文字；0：从不。",
    "allow": "谁可以和机器人对话，用逗号分隔：`*`（所有人）、`telegram:123`（某个人）、`telegram:chat:-100…`、"
    "`slack:T…`（某个工作区）、`slack:T…:U…`、`slack:T…:C…`。"
    "不设时，Telegram 里是已配对的人，Slack 里是工作区的正式成员。",
}
"""What the settings mean, for the Chinese README; the English is in the code."""
HEADS = {"en": ("variable", "meaning", "default"), "zh": ("变量", "含义", "默认值")}
SECRET = {"en": "secret", "zh": "机密"}
TABLES = (
    ("README.md", "settings"),
    ("README.zh-CN.md", "settings"),
    ("docs/operation.md", "answers"),
    ("docs/operation.md", "tuning"),
    ("docs/files.md", "files"),
    ("docs/files.md", "voice"),
    ("docs/coze.md", "bot"),
    ("docs/coze.md", "route"),
)
MODELS = {
    "settings": Settings,
    "answers": Answers,
    "files": Files,
    "voice": VoiceMessages,
    "tuning": Tuning,
    "bot": BotSettings,
    "route": Route,
}


def table(model: type[BaseModel], language: str) -> str:
    """One row for each field. Raises KeyError if one has no description."""
    head = HEADS[language] if model is Settings else ("key", *HEADS[language][1:])
    rows = [head, ("---",) * len(head)]
    fields = {
        name: field
        for name, field in model.model_fields.items()
        if not issubclass(model, Settings) or name not in SECTIONS
    }
    rows += [_row(name, field, language, model) for name, field in fields.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(name: str, field: FieldInfo, language: str, model: type[BaseModel]) -> tuple[str, str, str]:
    if not field.description:
        raise KeyError(name)
    meaning = CHINESE[name] if language == "zh" else " ".join(field.description.split())
    value = None if field.is_required() else field.get_default(call_default_factory=True)
    default = "–" if value is None else f"`{_plain(value)}`"
    shown = f"`{name.upper()}`" if model is Settings else f"`{name}`"
    if model is Settings and name in IN_FILES:
        shown += f" ({SECRET[language]})" if language == "en" else f"（{SECRET[language]}）"
    return shown, meaning, default


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def written(text: str, path: str, kind: str) -> str:
    """The text with its table put between the marks. Raises ValueError if they are not there."""
    content = table(MODELS[kind], "zh" if ".zh-" in path else "en")
    begin, end = f"<!-- {kind}: written by make docs -->", f"<!-- {kind}: end -->"
    found = re.fullmatch(f"(?s)(.*{re.escape(begin)}\n).*({re.escape(end)}.*)", text)
    if found is None:
        raise ValueError(f"{path}: the lines {begin} and {end} are not there")
    return f"{found[1]}{content}\n{found[2]}"


def main() -> int:
    """Writes what is out of date, or only says so."""
    stale = 0
    for path, kind in TABLES:
        file = ROOT / path
        before = file.read_text(encoding="utf-8")
        after = written(before, path, kind)
        if after != before:
            stale = 1
            sys.stderr.write(f"{path}: the table of {kind} is out of date\n")
            if "--check" not in sys.argv:
                file.write_text(after, encoding="utf-8")
    return stale if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
