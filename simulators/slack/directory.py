"""Who and what there is: `auth.test`, `team.info`, `users.info`, `bots.info`, `conversations.*` and reactions."""

import re
from typing import Any

from simulators.slack import chat
from simulators.slack.calls import Call, SlackError, invalid
from simulators.slack.messages import Message
from simulators.slack.state import APP, BOT, BOT_USER, TEAM, Channel, Workspace

Answer = dict[str, Any]


def auth_test(slack: Workspace, _call: Call) -> Answer:
    return {
        "url": f"{slack.origin}/",
        "team": "Coze",
        "user": slack.users[BOT_USER].name,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def team_info(_slack: Workspace, _call: Call) -> Answer:
    return {"team": {"id": TEAM, "name": "Coze", "domain": "coze", "email_domain": ""}}


def users_info(slack: Workspace, call: Call) -> Answer:
    user = slack.users.get(call.text("user"))
    if user is None:
        raise SlackError("user_not_found")
    shown = user.api()
    if call.flag("include_locale"):
        shown["locale"] = user.locale
    return {"user": shown}


def bots_info(slack: Workspace, call: Call) -> Answer:
    user = next((user for user in slack.users.values() if user.is_bot and user.bot_id == call.text("bot")), None)
    if user is None:
        raise SlackError("bot_not_found")
    app = APP if user.bot_id == BOT else f"A{user.id[1:]}"
    return {"bot": {"id": user.bot_id, "deleted": False, "name": user.name, "user_id": user.id, "app_id": app}}


def info(slack: Workspace, call: Call) -> Answer:
    return {"channel": slack.channel(call.text("channel")).api()}


def members(slack: Workspace, call: Call) -> Answer:
    channel = slack.channel(call.text("channel"))
    return {"members": sorted(channel.members), "response_metadata": {"next_cursor": ""}}


def open_direct(slack: Workspace, call: Call) -> Answer:
    if call.text("channel"):
        return {"channel": {"id": slack.channel(call.text("channel")).id}}
    wanted = [user for user in call.text("users").split(",") if user]
    if not wanted:
        raise SlackError("users_list_not_supplied")
    if any(user not in slack.users for user in wanted):
        raise SlackError("user_not_found")
    if len(wanted) == 1:
        return {"channel": {"id": slack.direct(wanted[0]).id}}
    group = {BOT_USER, *wanted}
    known = (c for c in slack.channels.values() if c.kind == "mpim" and c.members == group)
    found = next(known, None) or slack.add_channel("mpdm", kind="mpim", members=group)
    return {"channel": {"id": found.id}}


def history(slack: Workspace, call: Call) -> Answer:
    channel = _readable(slack, call)
    shown = [
        m
        for m in channel.messages.values()
        if channel.standing(m) and (m.thread_ts in (None, m.ts) or m.subtype == "thread_broadcast")
    ]
    return _page(slack, channel, call, _between(call, shown)[::-1])


def replies(slack: Workspace, call: Call) -> Answer:
    channel = _readable(slack, call)
    ts = call.text("ts")
    message = channel.messages.get(ts)
    root = channel.root(message.thread_ts or ts) if message else None
    if root is None:
        raise SlackError("thread_not_found")
    return _page(slack, channel, call, [root, *_between(call, channel.replies(root.ts))])


def _readable(slack: Workspace, call: Call) -> Channel:
    channel = slack.channel(call.text("channel"))
    if BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _between(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = call.text("oldest") or "0", call.text("latest") or "9" * 12
    edges = (oldest, latest) if call.flag("inclusive") else ()
    return [m for m in messages if float(oldest) < float(m.ts) < float(latest) or m.ts in edges]


def _page(slack: Workspace, channel: Channel, call: Call, messages: list[Message]) -> Answer:
    unlisted = slack.limits.distribution == "unlisted"
    limit = call.number("limit", 100 if call.method.endswith("history") else 1000)
    limit = min(limit, 15) if unlisted else min(limit, 1000)
    start = call.number("cursor", 0)
    end = start + limit
    more = end < len(messages)
    full = call.flag("include_all_metadata")
    return {
        "messages": [_shown(channel, message, full) for message in messages[start:end]],
        "has_more": more,
        "response_metadata": {"next_cursor": str(end) if more else ""},
    }


def _shown(channel: Channel, message: Message, full_metadata: bool) -> dict[str, Any]:
    shown = message.api()
    if "metadata" in shown and not full_metadata:
        shown["metadata"] = {"event_type": shown["metadata"]["event_type"]}
    if answers := channel.replies(message.ts):
        shown |= {
            "thread_ts": message.ts,
            "reply_count": len(answers),
            "reply_users": list(dict.fromkeys(answer.user for answer in answers)),
            "latest_reply": answers[-1].ts,
        }
    return shown


def react(slack: Workspace, call: Call) -> Answer:
    message, name = _reaction(slack, call)
    users = message.reactions.setdefault(name, [])
    if BOT_USER in users:
        raise SlackError("already_reacted")
    users.append(BOT_USER)
    slack.feed.publish("reaction", message=message.show(newest_only=True))
    return {}


def unreact(slack: Workspace, call: Call) -> Answer:
    message, name = _reaction(slack, call)
    if BOT_USER not in message.reactions.get(name, []):
        raise SlackError("no_reaction")
    message.reactions[name].remove(BOT_USER)
    if not message.reactions[name]:
        del message.reactions[name]
    slack.feed.publish("reaction", message=message.show(newest_only=True))
    return {}


def _reaction(slack: Workspace, call: Call) -> tuple[Message, str]:
    name = call.text("name")
    if not re.fullmatch(r"[\w+'\-]+(::skin-tone-[2-6])?", name):
        raise SlackError("invalid_name")
    if not call.text("timestamp"):
        raise invalid("missing required field: timestamp")
    return chat.standing(slack.channel(call.text("channel")), call.text("timestamp")), name
