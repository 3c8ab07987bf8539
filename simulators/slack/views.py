"""Modals and the Home tab, as far as an app can see them: `views.open`, `push`, `update` and `publish`."""

import json
from typing import Any

from simulators.slack import blocks as block_rules
from simulators.slack.calls import Call, SlackError, invalid
from simulators.slack.state import APP, BOT, TEAM, Workspace

Answer = dict[str, Any]


def open_view(slack: Workspace, call: Call) -> Answer:
    """Opens or pushes a modal; a trigger is good once and for a short time."""
    trigger = call.text("trigger_id")
    if trigger not in slack.triggers:
        raise SlackError("invalid_trigger_id")
    opened_at = slack.triggers[trigger]
    if opened_at < 0:
        raise SlackError("exchanged_trigger_id")
    if slack.clock() - opened_at > slack.settings.trigger_seconds:
        raise SlackError("expired_trigger_id")
    view = _checked(call, "modal")
    slack.triggers[trigger] = -1.0
    return _store(slack, slack.serial("V"), view)


def update_view(slack: Workspace, call: Call) -> Answer:
    key = call.text("view_id")
    known = slack.views.get(key)
    if known is None:
        raise SlackError("not_found")
    _same_hash(call, known)
    return _store(slack, key, _checked(call, "modal"))


def publish_view(slack: Workspace, call: Call) -> Answer:
    """Shows a person their Home tab, kept under the person's id."""
    if not slack.settings.home_tab:
        raise SlackError("not_enabled")
    user = call.text("user_id")
    if user not in slack.users:
        raise invalid("unknown user [json-pointer:/user_id]")
    _same_hash(call, slack.views.get(user, {}))
    return _store(slack, user, _checked(call, "home"))


def _checked(call: Call, kind: str) -> dict[str, Any]:
    view = call.args.get("view")
    if not isinstance(view, dict) or view.get("type") != kind:
        raise invalid("unsupported type [json-pointer:/view/type]")
    if len(json.dumps(view)) > 250_000:
        raise SlackError("view_too_large")
    title = (view.get("title") or {}).get("text", "")
    if kind == "modal" and not 1 <= len(title) <= 24:
        raise invalid("must be less than 25 characters [json-pointer:/view/title/text]")
    block_rules.check(view.get("blocks") or [], most=100)
    return view


def _same_hash(call: Call, known: dict[str, Any]) -> None:
    if call.text("hash") and call.text("hash") != known.get("hash"):
        raise SlackError("hash_conflict")


def _store(slack: Workspace, key: str, view: dict[str, Any]) -> Answer:
    view_id = key if key.startswith("V") else slack.serial("V")
    facts = {"id": view_id, "team_id": TEAM, "app_id": APP, "bot_id": BOT, "hash": slack.serial("h")}
    stored = {"state": {"values": {}}, **view, **facts}
    slack.views[key] = stored
    slack.feed.publish("view", key=key, view=stored)
    return {"view": stored}
