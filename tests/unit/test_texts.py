"""The catalogue holds every sentence that a person sees, in both languages, and none that nobody needs."""

import ast
import json
import re
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from adapters.coze.accounts import SAYS as OWN
from adapters.coze.errors import REMEDIES
from bridge.commands import COMMANDS, MENU, helping
from bridge.texts import TEXTS, text

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "bridge" / "texts.py"
SPEAKERS = (
    "acts",
    "answer",
    "commands",
    "history",
    "voicing",
    "welcome",
    "door",
    "intake",
    "surface",
    "turn",
    "worker",
)
"""The parts of the core through which words come to people."""
SINKS = {"saying": 0, "show": 0, "BotCommand": 1, "chat_postEphemeral": 0, "answer_callback_query": 1}
"""Calls that show words to people, and which argument the words are."""
WORDY = {"note", "status", "text", "description"}
"""Keywords under which words reach people."""
SENTENCE = re.compile(r"[A-Za-z]{2,},? [A-Za-z]{2,}")
HAN = re.compile(r"[\u4e00-\u9fff]{2}")


@cache
def trees():
    """All modules of the service, parsed; each node knows what it stands in."""
    found = {}
    for part in ("bridge", "adapters"):
        for path in sorted((ROOT / part).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                for child in ast.iter_child_nodes(node):
                    child.above = node
            found[path] = tree
    return found


def calls():
    return [
        (path, tree, node) for path, tree in trees().items() for node in ast.walk(tree) if isinstance(node, ast.Call)
    ]


def called(node):
    """The last part of what is called: `text` for `texts.text(...)`."""
    return getattr(node.func, "attr", None) or getattr(node.func, "id", "")


def constants(node):
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def meant(tree, node):
    """The keys that an expression may stand for: written there, or assigned or returned elsewhere in the module.

    f"menu_{name}" stands for all that begin so.
    """
    if isinstance(node, ast.JoinedStr):
        start = node.values[0].value if isinstance(node.values[0], ast.Constant) else ""
        return {key for key in TEXTS if start and key.startswith(start)}
    if isinstance(node, ast.Name):
        assigned = [
            part.value
            for part in ast.walk(tree)
            if isinstance(part, ast.Assign) and any(getattr(to, "id", "") == node.id for to in part.targets)
        ]
        return {key for value in assigned for key in meant(tree, value)}
    if isinstance(node, ast.Await):
        return meant(tree, node.value)
    if isinstance(node, ast.IfExp):
        return meant(tree, node.body) | meant(tree, node.orelse)
    if isinstance(node, ast.Call):
        returned = [
            part.value
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name == called(node)
            for part in ast.walk(function)
            if isinstance(part, ast.Return) and part.value is not None
        ]
        return {key for value in returned for key in meant(tree, value)} - {""}
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


@cache
def used():
    """Every key that the code asks the catalogue for, by where it does so."""
    keys = {say: "adapters/coze/errors.py" for _, say in REMEDIES.values()}
    keys |= dict.fromkeys(OWN.values(), "adapters/coze/accounts.py")
    for path, tree, node in calls():
        where = f"{path.relative_to(ROOT)}:{node.lineno}"
        if called(node) in ("text", "refusal") and node.args:
            keys |= dict.fromkeys(meant(tree, node.args[0]), where)
        for keyword in node.keywords:
            if keyword.arg == "say":
                keys |= dict.fromkeys(
                    meant(tree, keyword.value) if not isinstance(keyword.value, ast.Name) else (), where
                )
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                    if argument.arg == "say" and default is not None:
                        keys |= dict.fromkeys(constants(default), str(path))
    return keys


def test_every_sentence_that_is_asked_for_is_there():
    missing = {key: where for key, where in used().items() if key not in TEXTS}
    assert missing == {}


def test_every_sentence_that_is_there_is_asked_for():
    assert set(TEXTS) - set(used()) == set()


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_say_it_with_the_same_gaps(key):
    sentences = TEXTS[key]
    assert set(sentences) == {"en", "zh"}
    gaps = [{gap for _, gap, _, _ in Formatter().parse(sentence) if gap is not None} for sentence in sentences.values()]
    assert gaps[0] == gaps[1]
    assert HAN.search(sentences["zh"])
    assert not HAN.search(sentences["en"])
    filled = dict.fromkeys(gaps[0], "x")
    assert text(key, "en", **filled) != text(key, "zh", **filled)


@pytest.mark.parametrize("key", TEXTS)
def test_the_chinese_has_chinese_punctuation(key):
    sentence = TEXTS[key]["zh"]
    assert not re.search(r"[\u4e00-\u9fff][,;:!?()]|[,;:!?()][\u4e00-\u9fff]", sentence)


def test_a_refusal_says_what_to_do():
    for _, key in set(REMEDIES.values()):
        assert re.search(r"Please|or write|with /new", TEXTS[key]["en"]), key
        assert "请" in TEXTS[key]["zh"], key


def test_each_command_is_explained_in_the_menus():
    for name in MENU:
        for language in ("en", "zh"):
            assert 1 <= len(text(f"menu_{name}", language)) <= 256
            assert f"/{name} – {text(f'menu_{name}', language)}" in helping(MENU, language)
    assert {key.removeprefix("menu_") for key in TEXTS if key.startswith("menu_")} == set(MENU)
    for kind in ("http", "socket"):
        manifest = json.loads((ROOT / "deploy" / "slack" / f"manifest.{kind}.json").read_text())
        (command,) = manifest["features"]["slash_commands"]
        assert command["usage_hint"] == " | ".join(MENU)
        assert all(name in command["description"] for name in MENU)
        assert set(MENU) <= set(COMMANDS)


def test_nothing_chinese_is_said_outside_the_catalogue():
    strays = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value!r}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if path != CATALOGUE
        and isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and HAN.search(node.value)
        and not isinstance(node.above, ast.Expr)
    ]
    assert strays == []


def test_what_is_shown_to_people_comes_from_the_catalogue():
    """No words of ours in the arguments that people see."""
    strays = []
    for path, _tree, node in calls():
        position = SINKS.get(called(node))
        shown = [node.args[position]] if position is not None and len(node.args) > position else []
        if called(node) in SINKS or called(node) in ("Answer", "assistant_threads_setStatus"):
            shown += [keyword.value for keyword in node.keywords if keyword.arg in WORDY]
        strays += [
            f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(value)}"
            for value in shown
            if any(re.search("[A-Za-z]{2}", word) for word in literals(value))
        ]
    assert strays == []


def literals(node):
    """The strings written in an expression, but for the names of sentences."""
    if isinstance(node, ast.Call) and called(node) in ("text", "refusal", "reply"):
        return []
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    return [word for child in ast.iter_child_nodes(node) for word in literals(child)]


def test_the_core_writes_sentences_only_for_the_operator():
    """Whatever looks like a sentence is a docstring, or goes to the log, into an error or the turn's record."""
    strays = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value!r}"
        for path, tree in trees().items()
        if path.parent.name == "bridge" and path.stem in SPEAKERS
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and SENTENCE.search(node.value)
        and not _for_the_operator(node)
    ]
    assert strays == []


def _for_the_operator(node):
    while (above := getattr(node, "above", None)) is not None:
        match above:
            case ast.Expr(value=ast.Constant()) | ast.Raise() | ast.Assert():
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"))):
                return True
            case ast.Call(func=ast.Attribute(attr="_settle")):
                return True
            case ast.keyword(arg="error"):
                return True
            case ast.Assign(targets=[ast.Tuple(elts=[*_, ast.Attribute(attr="error")])]):
                return True
        node = above
    return False
