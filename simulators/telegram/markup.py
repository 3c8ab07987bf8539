"""Parse modes: text written as HTML or MarkdownV2 becomes plain text with entities."""

from simulators.telegram import markup_html, markup_v2
from simulators.telegram.errors import bad
from simulators.telegram.params import Json


def parsed(raw: str, mode: str) -> tuple[str, list[Json]]:
    """Text and entities, before cleaning; the old `Markdown` mode is not simulated."""
    match mode.lower():
        case "html":
            return markup_html.parse(raw)
        case "markdownv2":
            return markup_v2.parse(raw)
    raise bad("unsupported parse_mode")
