"""Everything that Coze can say: each sequence of a chat's events and each code, and what a person sees of it."""

import json
from dataclasses import dataclass, replace

from simulators.coze.answers import Answer, Extra, called, recalled, verbose
from simulators.wire import Fault
from tests.coze_codes import CODES, STATUSES

SAID = "It will rain."
GONE = 4002
ATTEMPTS = {"busy": 6, "rate": 5, "model": 3, "failed": 3}
"""How often Coze is asked in vain before the person is told, where that is not 6 times: once, and the delays."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing that Coze says."""

    name: str
    answer: Answer
    fault: Fault | None = None
    shows: tuple[str, ...] = ()
    """All that stands at the end, in order; markup and white space do not count."""
    say: str = ""
    """Or the sentence of the catalogue that stands there, after that, with the log id of a call about it."""
    asked: int = 1
    """How many calls asked it."""
    then: str = ""
    """What is answered in the same conversation and then must be seen too."""


def shape(name, answer=None, fault="", *shows, value="", after=0, times=1, **more):
    """A row about the form in which an answer comes."""
    made = Fault(kind=fault, value=value, after=after, times=times) if fault else None
    return Row(name=name, answer=answer or Answer(text=SAID), fault=made, shows=shows, **more)


def extra(type, content, content_type="text"):
    return Extra(
        type=type, content=content if isinstance(content, str) else json.dumps(content), content_type=content_type
    )


def beside(*messages):
    """The answer, after these messages."""
    return Answer(text=SAID, messages=list(messages))


def alone(*messages):
    """These messages and no other."""
    return Answer(silent=True, messages=list(messages))


CARD = {
    "card_type": 3,
    "template_url": "https://lf.example/card.zip",
    "template_id": 712,
    "response_type": "card",
    "x_properties": json.dumps({"question": "Which one?", "options": [{"name": "The first"}, {"name": "The second"}]}),
}
OPTIONS = {
    "type": "question",
    "content_type": "option",
    "content": {"options": [{"name": "选项1"}, {"name": "选项2"}], "question": "选哪个？"},
    "id": "159488_0",
}
OBJECTS = [
    {"type": "text", "text": "Here it is:"},
    {"type": "image", "file_url": "http://127.0.0.1:1/a.png", "name": "A"},
    {"type": "file", "file_url": "http://127.0.0.1:1/b.pdf", "name": "b.pdf"},
]
RECALL = recalled([("退货期为7天", "policy.pdf", "https://example.com/p?a=1\\u0026b=2"), ("x", "faq.md", "")])
NEXT = ("And tomorrow?", "你能做什么？")
RAIN = called("weather", "get", {"city": "北京"}, '{"temp":21}')
MESSAGES = [
    "time_capsule_recall",
    "multi_agents_jump_to_agent",
    "multi_agents_backwards",
    "stream_plugin_finish",
    "interrupt",
    "hook_call",
    "empty result",
    "a kind of tomorrow",
]

SEQUENCES = [
    # ---- facts 2.2: the plain answer
    shape("plain", None, "", SAID),
    shape("follow-ups", Answer(text=SAID, follow_ups=list(NEXT)), "", SAID, *NEXT),
    shape("only the whole, no deltas", alone(extra("answer", SAID)), "", SAID),
    shape("an answer of nothing", Answer(), "", say="empty"),
    shape("an answer of white space", Answer(text=" \n\u200b"), "", say="empty"),
    shape("no answer at all", Answer(silent=True), "", say="empty"),
    shape("two answers", Answer(text=SAID, more=["Take an umbrella."]), "", SAID, "———", "Take an umbrella."),
    shape("line separators", Answer(text="a\u2028b\u0085c"), "", "a\u2028b\u0085c"),
    # ---- 2.3: a reasoning model
    shape("reasoning", Answer(text=SAID, reasoning="用户在打招呼，"), "", "💭 Reasoning", "用户在打招呼，", SAID),
    shape("reasoning and nothing else", Answer(reasoning="Hm."), "", "💭 Reasoning", "Hm.", say="empty"),
    # ---- 2.4: knowledge, tools, and messages for programs
    shape("knowledge", beside(RECALL), "", SAID, "📚 Sources", "1. policy.pdf", "2. faq.md"),
    shape("knowledge without data", beside(verbose("knowledge_recall", "")), "", SAID),
    shape("knowledge as on Studio", beside(extra("knowledge", "{}")), "", SAID),
    shape("plugin", beside(*RAIN), "", SAID),
    shape("tool_output", beside(RAIN[0], extra("tool_output", "21")), "", SAID),
    shape("tool_response that is no JSON", beside(RAIN[0], extra("tool_response", "<21>")), "", SAID),
    shape("function_call that is no JSON", beside(extra("function_call", "weather?")), "", SAID),
    *(shape(f"verbose {kind}", beside(verbose(kind, "{}")), "", SAID) for kind in MESSAGES),
    shape("verbose that is no JSON", beside(extra("verbose", "{oops")), "", SAID),
    # ---- what an answer may be but text
    shape("object_string", alone(extra("answer", OBJECTS, "object_string")), "",
          "Here it is:", "A", "b.pdf"),
    shape("card", alone(extra("answer", CARD, "card")), "",
          "Which one?", "- The first", "- The second", "The first", "The second"),
    shape("card of Studio", alone(extra("answer", OPTIONS, "card")), "",
          "选哪个？", "- 选项1", "- 选项2", "选项1", "选项2"),
    shape("card without words", alone(extra("answer", {"card_type": 3}, "card")), "", "[card]"),
    shape("card among text", beside(extra("answer", CARD, "card")), "",
          "Which one?", "- The first", "- The second", "———", SAID, "The first", "The second"),
    shape("an answer of an unknown type of content", alone(extra("answer", {"a": 1}, "video")), "", "[video]"),
    # ---- 2.5, 2.6: it waits for somebody
    shape("question node", Answer(text="How many?", end="reply_message"), "", "How many?", then="echo: three"),
    shape("a tool that is not here", Answer(text=SAID, end="requires_action", tool="rain"), "", SAID, say="no_tool"),
    # ---- 2.7, 2.8: it fails; each code does so below
    *(shape(f"{end} {code} after half", Answer(text=SAID, end=end, end_after=2, code=code), "", "It will", say=say)
      for end in ("failed", "failed_short", "error_event") for code, say in ((4028, "quota"), (5000, "failed"))),
    shape("failed short", Answer(end="failed_short", code=701231), "", say="failed"),
    shape("failed short with a code as text", Answer(end="failed_short", code=720702204), "", say="workflow"),
    # ---- how a stream can go wrong
    *(shape(f"{fault} at {after}", None, fault, SAID, after=after)
      for fault in ("reset", "cut_clean", "cut_mid_line", "ping_comment", "unknown_type") for after in (0, 2, 99)),
    shape("unknown_event", None, "unknown_event", SAID),
    *(shape(event, Answer(silent=True), "unknown_event", value=event, say="cancelled_at_coze")
      for event in ("conversation.chat.canceled", "conversation.chat.cancelled")),
    shape("a comment in another form", None, "ping_comment", SAID, value="retry: 3000", after=2),
    shape("audio after the end", None, "late_audio", SAID),
    shape("a socket held after done", None, "held_socket", SAID),
    shape("a lost response", None, "lost_response", SAID),
    # ---- 2.1: what comes in the place of a stream, for a while
    shape("429 without an envelope, twice", None, "http_429_empty", SAID, times=2, asked=3),
    shape("HTML 502, twice", None, "http", SAID, value="502", times=2, asked=3),
    shape("429 without an envelope", None, "http_429_empty", times=-1, say="rate", asked=5),
    shape("the call is reset", None, "refuse", SAID, times=2, asked=3),
]  # fmt: skip


def _codes():
    """Each code in each form in which Coze tells one."""
    for row in CODES:
        asked = 1 if row.remedy == "refuse" else ATTEMPTS.get(row.say, 6)
        if row.remedy == "anew":
            asked = 3
        refused = Row(name="", answer=Answer(text=SAID), say=row.say, asked=asked)
        value = str(row.code)
        yield replace(refused, name=f"{row.code} as JSON", fault=Fault(kind="code", value=value, times=-1))
        # A chat that began is tried again twice at most: each attempt is billed.
        begun = replace(refused, asked=min(asked, 3))
        for end, name in (("failed", "last_error"), ("error_event", "an error event")):
            yield replace(begun, name=f"{row.code} as {name}", answer=Answer(end=end, code=row.code))
        if row.remedy != "refuse":
            fault = Fault(kind="code", value=value, times=1)
            yield Row(name=f"{row.code} once", answer=Answer(text=SAID), fault=fault, shows=(SAID,), asked=2)
    for row in STATUSES:
        fault = Fault(kind="http", value=str(row.code), times=-1)
        asked = 1 if row.remedy == "refuse" else ATTEMPTS.get(row.say, 6)
        yield Row(name=f"HTTP {row.code}", answer=Answer(text=SAID), fault=fault, say=row.say, asked=asked)


ROWS = [*SEQUENCES, *_codes()]
