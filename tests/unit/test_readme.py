"""The documents say what is so: tables, twins, and whatever they name."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import typer

from bridge.__main__ import cli
from bridge.config import NAMES, SECTIONS, Settings
from bridge.sections import Answers, Tuning
from docs import table

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = (*READMES, *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")))
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
FILE = re.compile(
    r"(?<![\w/.…:-])([\w.-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:py|md|json|js|toml|yaml|service|png|txt))(?![\w/*…])"
)
MADE = {"coze-bridge.toml", "config.toml", "benchmarks/results.json"}
"""What only comes into being when somebody uses the project."""


@cache
def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def code(path):
    return CODE.findall(text(path))


# ---- what make docs writes


@pytest.mark.parametrize(("path", "kind"), table.TABLES)
def test_the_tables_are_what_make_docs_writes(path, kind):
    assert table.written(text(path), path, kind) == text(path), "run make docs"


def test_every_setting_is_described_in_both_languages():
    for model in (Settings, Answers, Tuning):
        for name, field in model.model_fields.items():
            assert name in SECTIONS or field.description, name
    assert set(table.CHINESE) == set(NAMES)
    for name in NAMES:
        meaning = Settings.model_fields[name].description or ""
        assert re.findall(r"`[^`]+`", meaning) != [] or re.findall(r"`[^`]+`", table.CHINESE[name]) == [], name


def test_a_setting_without_a_description_is_not_let_through():
    class Bare(Settings):
        nothing: str = ""

    with pytest.raises(KeyError, match="nothing"):
        table.table(Bare, "en")


def test_a_document_without_the_marks_is_named():
    with pytest.raises(ValueError, match=r"x\.md"):
        table.written("no marks", "x.md", "settings")


# ---- twins


def shape(path):
    """What both languages must have in common."""
    content = re.sub(r"(?s)<!-- settings: written.*?-->.*?<!-- settings: end -->", "<table>", text(path))
    lines = content.splitlines()
    prose = re.sub(r"(?s)```.*?```", "", content)
    return {
        "headings": [re.match(r"#+", line)[0] for line in lines if re.match(r"#+ ", line)],
        "commands": [re.sub(r"\s*#.*", "", block) for block in re.findall(r"(?s)```.*?```", content)],
        "links": sorted(target for target in LINK.findall(prose) if target not in READMES),
        "names": sorted(set(re.findall(r"`[^`\n]+`", prose))),
        "items": [line.split()[0] for line in lines if re.match(r"(\d+\.|-) ", line)],
        "rows": [line.count("|") for line in lines if line.startswith("|")],
    }


@pytest.mark.parametrize("part", ["headings", "commands", "links", "names", "items", "rows"])
def test_the_chinese_readme_is_the_twin_of_the_english(part):
    english, chinese = (shape(path)[part] for path in READMES)
    assert chinese == english


def test_each_readme_leads_to_the_other():
    assert f"]({READMES[1]})" in text(READMES[0])
    assert f"]({READMES[0]})" in text(READMES[1])


# ---- what is named exists


@cache
def files():
    """All files of the project, by their path and by each end of it."""
    found = set()
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if not {".git", "__pycache__", "data"} & set(parts) and not parts[0].startswith(".venv"):
            found |= {"/".join(parts[start:]) for start in range(len(parts))}
    return found


def anchors(path):
    heads = re.findall(r"(?m)^#+ (.+)$", text(path))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_somewhere(path):
    for target in LINK.findall(text(path)):
        if target.startswith("https://"):
            continue
        place, _, anchor = target.partition("#")
        linked = (ROOT / path).parent / place if place else ROOT / path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(str(linked.resolve().relative_to(ROOT))), target


@pytest.mark.parametrize("path", DOCUMENTS)
def test_files_that_are_named_exist(path):
    tops = {entry.name for entry in ROOT.iterdir() if entry.is_dir() and not entry.name.startswith(".venv")}
    for span in code(path):
        for name in FILE.findall(re.sub(r"https?://\S+", "", span)):
            top, slash, _ = name.partition("/")
            if name not in MADE and (not slash or top in tops - {"data"}):
                assert name.rstrip("/") in files(), name


@pytest.mark.parametrize("path", DOCUMENTS)
def test_commands_that_are_named_exist(path):
    group = typer.main.get_command(cli)
    for span in code(path):
        for words in re.findall(r"coze-bridge ((?:[a-z]+[ |])*[a-z]+)", span):
            first, *_ = re.split(r"[ |]", words)
            assert first in group.commands, f"{path}: coze-bridge {first}"
        for target in re.findall(r"(?m)^`?make ([a-z]+)", span):
            assert re.search(rf"(?m)^{target}:", text("Makefile")), f"{path}: make {target}"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_variables_that_are_named_exist(path):
    known = {name.upper() for name in NAMES} | {f"{name.upper()}_FILE" for name in NAMES}
    for span in code(path):
        for name in re.findall(r"\b(?:COZE|TELEGRAM|SLACK|DATABASE|HTTP|LOG|DRAIN)_[A-Z_]+\b(?!…)", span):
            assert name in known, f"{path}: {name}"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_tests_that_are_named_exist(path):
    tests = {
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for span in code(path):
        for name in re.findall(r"\btest_\w+", span):
            assert name in tests or f"{name}.py" in files(), f"{path}: {name}"
