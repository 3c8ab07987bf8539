"""Pages with folds: within the limit, no fold across two, nothing lost, and only ever growing."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.slack.markup import fill as slack_fill
from adapters.telegram.markup import fill as telegram_fill
from bridge import fold
from bridge.answer import Answer, ReasoningDelta, Source, SourcesFound, Suggested, TextDelta, ToolCalled
from bridge.pages import Layout, Look
from tests.unit.test_pages import turn

words = st.sampled_from(
    [
        "word ",
        "文字。",
        "**bold** ",
        "`code` ",
        "\n\n",
        "\n- item ",
        "\n```\nx = 1\n```\n",
        "😀",
        "\n> quote\n",
        "<",
        "> \u2063no\n",
    ]
)
texts = st.builds(
    lambda some, times: "".join(some) * times,
    st.lists(words, min_size=1, max_size=12),
    st.sampled_from([1, 5, 50, 200]),
)
events = st.lists(
    st.one_of(
        st.builds(ReasoningDelta, st.sampled_from("ab"), texts),
        st.builds(TextDelta, st.sampled_from("ab"), texts),
        st.just(ToolCalled("tool")),
        st.builds(Suggested, texts),
        st.builds(
            lambda title, url: SourcesFound((Source(title, url),)), texts, st.sampled_from(["", "https://a.b/(c)"])
        ),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("fill", [telegram_fill, slack_fill], ids=["telegram", "slack"])
@given(events=events, reasoning=st.sampled_from(["show", "thinking", "hide"]), pressed=st.booleans())
@example(events=[ReasoningDelta("a", "**bold** " * 200)], reasoning="show", pressed=True)
@example(events=[ReasoningDelta("a", "😀" * 3000), TextDelta("a", "**bold** " * 200)], reasoning="show", pressed=True)
@settings(max_examples=60, deadline=None)
def test_pages_stay_within_limits_and_folds_whole(fill, events, reasoning, pressed):
    layout = Layout(
        turn=turn(pressed=pressed), look=Look(reasoning=reasoning, media=False, document_pages=0), fill=fill
    )
    answer = Answer()
    for event in events:
        answer.add(event)
        pages = layout.growing(answer, simpler=0, standing=range(9))
        check(pages, fill)
        assert all(page.text.strip() or page.status for page in pages)
        assert not any(page.choices for page in pages)
    whole = layout.whole(answer, simpler=0)
    check(whole, fill)
    assert all(page.final and not page.status for page in whole)
    thoughts = {"".join(said.reasoning.split()) for said in answer.said}
    for part in (part for page in whole for part in fold.parts(page.text) if part.folded):
        title, _, content = part.text.partition("\n")
        content = "".join(content.split())
        assert "Reasoning" not in title or content.endswith("…") or content in thoughts, "it stands on one page"


def check(pages, fill):
    assert [page.index for page in pages] == list(range(len(pages)))
    assert all(fill(f"{page.text}\n\n{page.status}".strip(), 0) <= 1.0 for page in pages)
    for page in pages:
        folds = [part for part in fold.parts(page.text) if part.folded]
        assert len(folds) == page.text.count(fold.MARK)
        # A page that begins in the middle of a fold would begin with a quote that has no title.
        assert all(part.text.startswith("**") for part in folds)


@given(pieces=st.lists(texts, min_size=2, max_size=6), reasoning=texts)
@settings(max_examples=40, deadline=None)
def test_while_the_text_grows_only_the_last_page_changes(pieces, reasoning):
    layout = Layout(turn=turn(), look=Look(), fill=telegram_fill)
    answer, before = Answer(), []
    answer.add(ReasoningDelta("m", reasoning))
    for piece in pieces:
        answer.add(TextDelta("m", piece))
        pages = [page.text for page in layout.growing(answer, simpler=1, standing=())]
        assert pages[: max(0, len(before) - 1)] == before[:-1]
        before = pages
