"""docs/coze.md says of every feature of Coze what becomes of it, and which test shows it; all of that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coze.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## What becomes of what")[2].partition("\n## ")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines() if line.startswith("| ")][
    1:
]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))
EXAMPLES = [
    "auth_pat",
    "auth_oauth_web",
    "auth_oauth_pkce",
    "auth_oauth_device",
    "auth_oauth_jwt",
    "chat_no_stream",
    "chat_stream",
    "chat_multimodal_stream",
    "chat_simple_audio",
    "chat_oneonone_audio",
    "chat_local_plugin",
    "conversation",
    "conversation_list",
    "feedback",
    "clear",
    "cancel",
    "onboarding_info",
    "multi_agents_jump",
    "workflow_no_stream",
    "workflow_async",
    "workflow_stream",
    "workflow_chat_stream",
    "workflow_chat_multimode_stream",
    "shortcut_commands",
    "variables",
    "audio",
    "audio_transcriptions",
    "files_upload",
    "users_me",
    "workspaces_list",
    "bot_publish",
    "dataset_create",
    "workspaces_members_create",
    "template_duplicate",
    "exception",
    "log",
    "timeout",
    "callbacks",
    "websockets",
    "rooms",
    "knowledge_recall",
    "follow_up",
]
"""The examples of the SDK and the groups of the API."""


@pytest.mark.parametrize(("file", "test"), NAMED, ids=lambda part: str(part))
def test_each_test_that_is_named_is_there(file, test):
    path = ROOT / file
    assert path.is_file()
    assert not test or re.search(rf"(?m)^(async )?def {test}\(", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_row_names_a_test_or_says_why_not(row):
    _, becomes, shown = row
    assert ("`tests/" in shown) != becomes.startswith("– ")


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_of_the_sdk_is_in_the_table(example):
    assert re.search(rf"\b{example}\b", " ".join(row[0] for row in ROWS))
