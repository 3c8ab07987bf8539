"""Whatever a model writes, however far it has come: it is shown whole, and Telegram takes it."""

import re
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.telegram.markup import LONGEST_TEXT, fill, render

_SIGNS = (
    "**¦*¦***¦_¦__¦~~¦`¦``¦```\n¦\n```py\n¦[¦](¦)¦![¦](http://a.b/c)¦<¦>¦<div>¦</b>¦<br>¦|¦||¦|-|-|\n¦| ¦ |\n"
    "¦\n| a | b |\n|---|---|\n¦\n¦\n\n¦\n- ¦\n  - ¦\n3. ¦\n> ¦\n# ¦\n###### ¦\n---\n¦- [ ] ¦- [x] ¦#¦~¦$¦$$"
    "¦\\(¦\\)¦\\[¦\\]¦\\¦\\alpha¦&lt;¦&¦\n[1]: http://a.b¦[1]¦[^1]¦http://x.y/z_1_2¦<http://q.w>¦：¦，¦。¦“¦”¦（¦）"
    "¦ ¦  ¦中文¦word¦a¦2¦é¦👨‍👩‍👧¦🇨🇳¦𝒳¦\t¦\r\n¦\u200b¦\u3000"
)
"""Divided by ¦."""

UNSEEN = re.compile("[\x01-\x08\x0e-\x1f\u2028-\u202e]")
"""What Telegram takes out, or makes blanks of."""

WILD = st.lists(st.sampled_from(_SIGNS.split("¦")) | st.text(max_size=4), max_size=40).map("".join)

WORDS = st.text("abcdefgh安不才的额发", min_size=2, max_size=6).filter(lambda word: len(set(word)) > 1)
_FORMS = (
    "{}¦**{}**¦**{}：**¦**“{}”**¦*{}*¦***{}***¦`{}`¦~~{}~~¦[{}](https://a.b/c_(d)_e)¦![{}](https://a.b/c.png)"
    "¦[{}](/relative)¦\n\n[{}]: https://a.b\n\n¦<{}>¦</{}>¦<div class={}>¦List<{}>¦&lt;{}¦\\*{}\\*¦2*{}*3¦||{}||"
    "¦a || {} || c¦$PATH:{}$¦\n\n# {}\n\n¦\n\n###### {}\n\n¦\n\n- {}\n¦\n\n- x\n  - {}\n¦\n\n7. {}\n¦\n\n> {}\n\n"
    "¦\n\n```py\n{}\n```\n\n¦\n\n| {} | b |\n|---|---|\n| 中 | `c` |\n\n"
)
FORMS = st.sampled_from(_FORMS.split("¦"))


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le")


def check(markdown: str) -> str:
    """What holds for every rendered text; returns it."""
    shown = render(markdown)
    units = utf16(shown.text)
    assert bool(shown.text) == bool(UNSEEN.sub("", markdown).strip())
    assert shown.text == shown.text.strip()
    assert "\ufdd0" not in shown.text
    places = [(entity["offset"], -entity["length"]) for entity in shown.entities]
    assert places == sorted(places)
    for entity in shown.entities:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        assert 0 <= start < end <= len(units) // 2
        part = units[2 * start : 2 * end].decode("utf-16-le")  # raises if a surrogate pair is cut
        assert part.strip(), entity
        assert entity["type"] != "text_link" or "://" in entity["url"]
    return shown.text


@given(WILD)
@settings(max_examples=300, deadline=None)
@example("`<br>` | \n|-|\n")
def test_anything_is_rendered(markdown: str) -> None:
    check(markdown)


@example("\ufdd0")
@example("**a\ufdd1b**")
@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_rendered(text: str) -> None:
    check(text)


@given(st.lists(st.tuples(FORMS, WORDS), min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_every_word_is_shown_in_order(parts: list[tuple[str, str]]) -> None:
    markdown = " ".join(form.format(word) for form, word in parts)
    text, place = check(markdown), 0
    for _, word in parts:
        place = text.find(word, place)
        assert place >= 0, (word, markdown, text)
        place += len(word)


@given(st.lists(st.tuples(FORMS, WORDS), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_prefix_is_rendered(parts: list[tuple[str, str]]) -> None:
    markdown = "".join(form.format(word) for form, word in parts)
    for end in range(len(markdown)):
        check(markdown[:end])


@given(st.text("abc xyz，。中文0123456789\n", max_size=200))
@settings(max_examples=200, deadline=None)
def test_what_holds_no_markup_stays_as_it_is(text: str) -> None:
    text = " ".join(text.split())
    assert render(text).text == text


@given(st.lists(st.tuples(FORMS, WORDS), min_size=2, max_size=30))
@settings(max_examples=60, deadline=None)
def test_more_text_fills_more(parts: list[tuple[str, str]]) -> None:
    blocks = [form.format(word).strip() for form, word in parts]
    fills = [fill("\n\n".join(blocks[:end])) for end in range(1, len(blocks) + 1)]
    assert all(less <= more + 80 / LONGEST_TEXT for less, more in pairwise(fills))
