"""Status lines, titles, suggested prompts and agent sessions: `assistant.threads.*` and `agents.sessions.*`."""

from typing import Any

from simulators.slack.calls import Call, SlackError, invalid
from simulators.slack.state import Channel, Workspace
from simulators.slack.streams import SESSION_STATUSES

Answer = dict[str, Any]


def set_status(slack: Workspace, call: Call) -> Answer:
    channel, thread_ts = _thread(slack, call)
    status = call.text("status")
    messages = call.items("loading_messages")
    if "loading_messages" in call.args and not 1 <= len(messages) <= 10:
        raise invalid("must have 1 to 10 items [json-pointer:/loading_messages]")
    if any(not isinstance(line, str) or len(line) > 50 for line in messages):
        raise invalid("must be less than 51 characters [json-pointer:/loading_messages]")
    key = (channel.id, thread_ts)
    slack.statuses.pop(key, None)
    slack.set_session(*key, "processing" if status else "active")
    if status:
        expires = slack.clock() + slack.settings.status_ttl
        slack.statuses[key] = {"status": status, "loading_messages": messages, "expires_at": expires}
    slack.feed.publish("status", channel=channel.id, thread_ts=thread_ts, status=status, loading_messages=messages)
    return {}


def set_title(slack: Workspace, call: Call) -> Answer:
    _need_agents(slack)
    channel, thread_ts = _thread(slack, call)
    slack.titles[channel.id, thread_ts] = call.text("title")
    return {}


def set_suggested_prompts(slack: Workspace, call: Call) -> Answer:
    _need_agents(slack)
    channel = slack.channel(call.text("channel_id"))
    prompts = call.items("prompts")
    if not 1 <= len(prompts) <= 4:
        raise invalid("must have 1 to 4 items [json-pointer:/prompts]")
    if any(not isinstance(item, dict) or not item.get("title") or not item.get("message") for item in prompts):
        raise invalid("title and message are required [json-pointer:/prompts]")
    if call.text("thread_ts"):
        slack.complaints.append("setSuggestedPrompts with thread_ts has no effect in the agent view")
    else:
        slack.prompts[channel.id] = prompts
        slack.feed.publish("prompts", channel=channel.id, prompts=prompts)
    return {}


def session_set_status(slack: Workspace, call: Call) -> Answer:
    channel, thread_ts = _session_thread(slack, call)
    status = call.text("status")
    if status not in SESSION_STATUSES:
        raise SlackError("invalid_status")
    if (initiator := call.text("initiator_user_id")) and initiator not in slack.users:
        raise SlackError("user_not_found")
    if len(call.text("title")) > 200:
        raise invalid("must be less than 201 characters [json-pointer:/title]")
    session = slack.set_session(channel.id, thread_ts, status, call.text("title"))
    slack.statuses.pop((channel.id, thread_ts), None)
    answer: Answer = {"status": status, "agent_status": status, "title": session["title"]}
    if "agent_session_stopped" not in slack.settings.subscriptions:
        answer["warning"] = "missing_agent_session_stopped_event_subscription"
    return answer


def session_rename(slack: Workspace, call: Call) -> Answer:
    channel, thread_ts = _session_thread(slack, call)
    title = call.text("title")
    if not 1 <= len(title) <= 200:
        raise invalid("must have 1 to 200 characters [json-pointer:/title]")
    session = slack.session(channel.id, thread_ts)
    if session is None:
        raise SlackError("session_not_found")
    session["title"] = title
    return {"title": title}


def _need_agents(slack: Workspace) -> None:
    if not slack.settings.agents:
        raise SlackError("not_agent_app")


def _thread(slack: Workspace, call: Call) -> tuple[Channel, str]:
    channel = slack.channel(call.text("channel_id"))
    thread_ts = call.text("thread_ts")
    if channel.root(thread_ts) is None:
        raise SlackError("invalid_thread_ts")
    return channel, thread_ts


def _session_thread(slack: Workspace, call: Call) -> tuple[Channel, str]:
    if not slack.settings.sessions:
        raise SlackError("feature_disabled")
    if not call.text("thread_ts"):
        raise SlackError("thread_ts_required")
    return _thread(slack, call)
