"""Whatever Markdown an answer holds, wherever it stops: Telegram takes it as a rich message, and no word is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.rich import fill, render
from bridge.fold import fold
from bridge.markup import split
from simulators.telegram.params import Params
from simulators.telegram.rich import read
from tests.e2e.answers import Writer
from tests.e2e.answers import read as words_of

SCRAPS = [
    *(
        "*",
        "**",
        "_",
        "__",
        "~~",
        "`",
        "```",
        "```py\n",
        "$",
        "$$",
        "|",
        "||",
        "|-|-|\n",
        "[",
        "](",
        ")",
        "![",
        "<",
        ">",
    ),
    *(
        "> ",
        ">> ",
        "- ",
        "1. ",
        "  - ",
        "# ",
        "## ",
        "---",
        "\n",
        "\n\n",
        "  \n",
        " ",
        "\t",
        "    ",
        "\\",
        "\\(",
        "\\)",
    ),
    *(
        "a",
        "b1",
        "汉字",
        "：",
        "“",
        "😀",
        "&amp;",
        "&",
        "<b>",
        "</p>",
        "<br>",
        "https://x.io/a_(b)",
        "[1]",
        "[1]: https://x.io\n",
    ),
    *(
        "@ann",
        "a@x.io",
        "openai:a@x.io",
        "- [ ] ",
        "- [x] ",
        "| a | b |\n|--|--|\n| c | d |\n",
        "\u2063",
        "\ufdd0",
        "\u202e",
    ),
]
MARKDOWN = st.lists(st.sampled_from(SCRAPS), max_size=40).map("".join)


def taken(markdown: str) -> str:
    """The words that Telegram shows of it; it raises what it refuses."""
    shown = render(markdown, "")
    return read(Params({"rich_message": shown.content})).text if shown and shown.html else ""


@given(MARKDOWN)
def test_nothing_is_refused(markdown: str) -> None:
    taken(markdown)


@given(MARKDOWN.filter(str.strip), MARKDOWN)
def test_nor_with_a_fold_above(thought: str, markdown: str) -> None:
    taken(f"{fold('Thinking', thought)}\n\n{markdown}\n\nend")


@pytest.mark.parametrize("seed", range(12))
def test_every_beginning_of_an_answer_is_taken(seed: int) -> None:
    said = Writer(seed, chinese=seed % 2 == 1).write(2500)
    for end in range(1, len(said.markdown), 17):
        taken(said.markdown[:end])
    assert words_of(said, [taken(said.markdown)]) == said.words


@pytest.mark.parametrize("seed", range(4))
def test_pages_hold_every_word(seed: int) -> None:
    said = Writer(seed, chinese=seed % 2 == 1).write(70_000)
    pages = split(said.markdown, fill)
    assert words_of(said, [taken(page) for page in pages]) == said.words
    assert len(pages) <= 4
