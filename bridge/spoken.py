"""Markdown as plain words that can be read aloud: without markers, links and code."""

import re

from bridge import blocks, fold
from bridge.texts import text

LONGEST = 3_000
"""Characters; of a longer text the beginning is spoken, some ten minutes of it, and that the rest can be read."""

_MARKS = re.compile(
    r"\\([^\w\s]|_)"
    r"|!\[(?:[^\[\]\\\n]|\\.)*\]\([^()\n]*\)"
    r"|\[((?:[^\[\]\\\n]|\\.|\[[^\[\]\n]*\])*)\]\((?:[^()\n]|\([^()\n]*\))*\)"
    r"|<?\bhttps?://[^\s<>\"'）)\]，。]+>?"
    r"|(?<!`)(`{1,3}+)(?!`)(.+?)(?<!`)\3(?!`)"
    r"|</?[A-Za-z][^<>\n]{0,200}>"
    r"|\[\^?[\w-]{1,20}\](?!\()"
)
_EMPHASIS = re.compile(r"\*+|~~|\|\||(?<!\w)_+|_+(?!\w)|\$\$?")
_LEAD = re.compile(r"[ \t]*(?:(?:#{1,6}|[-+*]|>)(?:[ \t]+|$)|\[[ xX]\][ \t]+)*")
_RULE = re.compile(r"[ \t]*(?:[-*_=][ \t]*){3,}$")
_DELIMITERS = re.compile(r"[ \t|:+-]*-[ \t|:+-]*$")
_SILENT = re.compile("[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\ufe0f\u200b-\u200f\u2060-\u2064]")
"""Emoji, arrows, signs and what has no width: a voice spells them out, or stumbles."""
_ENDED = re.compile(r"[.!?。！？…:：;；]\s*$")
_STOP = re.compile(r"[.!?。！？](?=\s|[^\x00-\x7f]|$)|\n")


def spoken(markdown: str, language: str = "en") -> str:
    """What a voice says of the text; empty if nothing of it can be said."""
    lines: list[str] = []
    markdown = fold.unmarked(markdown[: 4 * LONGEST])
    for line in blocks.scan(markdown):
        body = markdown[line.lead : line.stop]
        if line.fence is not None:
            continue
        if blocks.FENCED.match(body):
            lines.append(text("unspoken_code", language))
        elif not (_RULE.fullmatch(body) or ("|" in body and _DELIMITERS.fullmatch(body))):
            lines.append(_words(body, is_row=bool(line.table) or body.lstrip().startswith("|")))
    said = re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip()
    return _shortened(said, language)


def _words(line: str, *, is_row: bool) -> str:
    """One line without its markers."""
    plain = _MARKS.sub(_plain, line[_LEAD.match(line).end() :])  # type: ignore[union-attr]  # it matches nothing too
    plain = _SILENT.sub("", _EMPHASIS.sub("", plain))
    if is_row:
        plain = ", ".join(cell.strip() for cell in plain.split("|") if cell.strip())
    return " ".join(plain.split())


def _plain(found: re.Match[str]) -> str:
    escaped, label, _, code = found.groups()
    if label is not None:
        return _MARKS.sub(_plain, label)
    return escaped or code or ""


def _shortened(said: str, language: str) -> str:
    """Up to the last whole sentence that there is room for."""
    if not any(char.isalnum() for char in said):
        return ""
    if len(said) <= LONGEST:
        return said
    ends = [found.end() for found in _STOP.finditer(said, 0, LONGEST)]
    beginning = said[: ends[-1] if ends and ends[-1] > LONGEST // 2 else LONGEST].rstrip()
    stop = "" if _ENDED.search(beginning) else "…"
    return f"{beginning}{stop}\n{text('unspoken_rest', language)}"
