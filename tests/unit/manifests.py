"""Reads the part of YAML that our manifests are written in: blocks by two spaces, words, flat lists."""

import re
from typing import Any

Lines = list[tuple[int, str]]
KEY = re.compile(r"([\w./-]+):(?: (.*))?")


def documents(text: str) -> list[Any]:
    """The documents of a file. Raises ValueError for what is not in that part of YAML."""
    return [_document(part) for part in re.split(r"^---$", text, flags=re.MULTILINE)]


def _document(text: str) -> Any:
    lines: Lines = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = line.lstrip(" ")
        if "\t" in line or words != words.rstrip() or (len(line) - len(words)) % 2:
            raise ValueError(f"not indented by pairs of spaces: {line!r}")
        lines.append((len(line) - len(words), words))
    value, rest = _block(lines, 0)
    if rest:
        raise ValueError(f"out of place: {rest[0]}")
    return value


def _block(lines: Lines, indent: int) -> tuple[Any, Lines]:
    return _list(lines, indent) if lines[0][1].startswith("- ") else _map(lines, indent)


def _list(lines: Lines, indent: int) -> tuple[list[Any], Lines]:
    found = []
    while lines and lines[0][0] == indent and lines[0][1].startswith("- "):
        first = lines[0][1].removeprefix("- ")
        if KEY.fullmatch(first):
            value, lines = _map([(indent + 2, first), *lines[1:]], indent + 2)
        else:
            value, lines = _word(first), lines[1:]
        found.append(value)
    return found, lines


def _map(lines: Lines, indent: int) -> tuple[dict[str, Any], Lines]:
    found: dict[str, Any] = {}
    while lines and lines[0][0] == indent and not lines[0][1].startswith("- "):
        key = KEY.fullmatch(lines[0][1])
        if key is None or key[1] in found:
            raise ValueError(f"no key, or one that is there twice: {lines[0][1]!r}")
        word, lines = key[2], lines[1:]
        if word is not None:
            found[key[1]] = _word(word)
        elif lines and lines[0][0] > indent:
            found[key[1]], lines = _block(lines, lines[0][0])
        else:
            found[key[1]] = None
    return found, lines


def _word(word: str) -> Any:
    if word.startswith("[") and word.endswith("]"):
        return [_word(part.strip()) for part in word[1:-1].split(",") if part.strip()]
    if quoted := re.fullmatch(r'"([^"\\]*)"', word):
        return quoted[1]
    if word in ("true", "false"):
        return word == "true"
    if re.fullmatch(r"0[0-7]+", word):
        return int(word, 8)
    if re.fullmatch(r"\d+", word):
        return int(word)
    if re.search(r"^[\[{&*!|>'\"%@`]|: | #", word):
        raise ValueError(f"beyond what is read here: {word!r}")
    return word
