"""Which Block Kit payloads Slack refuses."""

import json
from typing import Any

from simulators.slack.calls import SlackError, invalid

TYPES = frozenset(
    [
        "actions",
        "alert",
        "card",
        "carousel",
        "context",
        "context_actions",
        "data_table",
        "divider",
        "file",
        "header",
        "image",
        "input",
        "markdown",
        "plan",
        "rich_text",
        "section",
        "table",
        "task_card",
        "video",
    ]
)
PAYLOAD = 13_000
MARKDOWN = 12_000


def check(blocks: list[Any], *, most: int = 50) -> list[dict[str, Any]]:
    """The blocks themselves, or the error that Slack answers."""
    if len(blocks) > most:
        raise SlackError("msg_blocks_too_many" if most < 100 else "invalid_blocks")
    complaints = [message for index, block in enumerate(blocks) for message in _faults(block, f"/blocks/{index}")]
    if sum(len(block.get("text", "")) for block in blocks if _is(block, "markdown")) > MARKDOWN:
        complaints.append(f"markdown blocks must be less than {MARKDOWN + 1} characters together")
    if complaints:
        refused = invalid(*complaints, error="invalid_blocks")
        refused.extra["errors"] = complaints
        raise refused
    if len(json.dumps(blocks, ensure_ascii=False)) > PAYLOAD:
        raise SlackError("msg_blocks_too_long")
    return blocks


def markdown(blocks: list[dict[str, Any]]) -> str:
    """What the Markdown blocks say together."""
    return "\n\n".join(str(block.get("text", "")) for block in blocks if _is(block, "markdown"))


def _is(block: Any, kind: str) -> bool:
    return isinstance(block, dict) and block.get("type") == kind


def _faults(block: Any, where: str) -> list[str]:
    if not isinstance(block, dict) or block.get("type") not in TYPES:
        return [f"unsupported type [json-pointer:{where}/type]"]
    faults = [_too_long(block.get("block_id"), 255, f"{where}/block_id")]
    match block["type"]:
        case "section":
            if not block.get("text") and not block.get("fields"):
                faults.append(f"missing required field: text [json-pointer:{where}]")
            faults.append(_too_long(_text(block), 3000, f"{where}/text"))
            fields = block.get("fields") or []
            faults.append(_too_many(fields, 10, f"{where}/fields"))
            faults += [_too_long(field.get("text"), 2000, f"{where}/fields") for field in fields]
        case "header":
            faults.append(_too_long(_text(block), 150, f"{where}/text"))
        case "context":
            faults.append(_too_many(block.get("elements"), 10, f"{where}/elements"))
            elements = block.get("elements") or []
            faults += [_too_long(element.get("text"), 3000, f"{where}/elements/text") for element in elements]
        case "actions" | "context_actions":
            most = 25 if block["type"] == "actions" else 5
            faults.append(_too_many(block.get("elements"), most, f"{where}/elements"))
            faults += [fault for element in block.get("elements") or [] for fault in _element(element, where)]
        case "image":
            faults.append(_too_long(block.get("image_url"), 3000, f"{where}/image_url"))
            faults.append(_too_long(block.get("alt_text"), 2000, f"{where}/alt_text"))
        case "table":
            faults += _table(block.get("rows") or [], where)
    return [fault for fault in faults if fault]


def _text(node: dict[str, Any]) -> Any:
    value = node.get("text")
    return value.get("text") if isinstance(value, dict) else value


def _element(element: dict[str, Any], where: str) -> list[str]:
    if element.get("type") == "feedback_buttons":
        both = [element.get(f"{kind}_button") for kind in ("positive", "negative")]
        if not all(isinstance(button, dict) and button.get("text") and button.get("value") for button in both):
            return [f"missing required field: positive_button, negative_button [json-pointer:{where}/elements]"]
        return [fault for button in both if button for fault in _element(button, where)]
    return [
        _too_long(_text(element), 75, f"{where}/elements/text"),
        _too_long(element.get("value"), 2000, f"{where}/elements/value"),
        _too_long(element.get("action_id"), 255, f"{where}/elements/action_id"),
    ]


def _table(rows: list[Any], where: str) -> list[str]:
    faults = [_too_many(rows, 100, f"{where}/rows"), *(_too_many(row, 20, f"{where}/rows") for row in rows)]
    if any(cell.get("type") == "raw_text" and not cell.get("text") for row in rows for cell in row):
        faults.append(f"cells must not be empty [json-pointer:{where}/rows]")
    faults.append(_too_long(json.dumps(rows, ensure_ascii=False), 10_000, f"{where}/rows"))
    return faults


def _too_long(value: Any, most: int, where: str) -> str:
    too_long = isinstance(value, str) and len(value) > most
    return f"must be less than {most + 1} characters [json-pointer:{where}]" if too_long else ""


def _too_many(value: Any, most: int, where: str) -> str:
    too_many = isinstance(value, list) and len(value) > most
    return f"no more than {most} items allowed [json-pointer:{where}]" if too_many else ""
