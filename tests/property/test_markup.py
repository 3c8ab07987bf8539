"""Pages of any Markdown: they fit, stay as they are while the text grows, and lose nothing."""

import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.markup import Growing, Piece, pieces, render, split

Fill = Callable[[str], float]


def characters(page: str) -> float:
    return len(page) / 100


def utf16(page: str) -> float:
    return len(page.encode("utf-16-le", "surrogatepass")) / 2 / 160


def _render(page: str) -> tuple[str, int]:
    """What a platform would show, and how many entities that takes."""
    page, fences = re.subn(r"(?m)^[> \t]*(?:[-*+] |\d+\. )?(?:`{3,}|~{3,}).*$", "", page)
    page, links = re.subn(r"\[([^\[\]\n]*)\]\([^()\s]*\)", r"\1", page)
    page, bold = re.subn(r"\*\*([^*\n]+)\*\*", r"\1", page)
    page, code = re.subn(r"`([^`\n]+)`", r"\1", page)
    return page.strip(), fences // 2 + links + bold + code


def rendered(page: str) -> float:
    return len(_render(page)[0]) / 240


def entities(page: str) -> float:
    text, count = _render(page)
    return max(len(text) / 300, count / 25)


FILLS: list[Fill] = [characters, utf16, rendered, entities]
fills = st.sampled_from(FILLS)

# ---- texts -----------------------------------------------------------------------------------------------------

_WORDS = re.findall(
    r"\S+",
    "the bridge carries every answer to its reader and says so. Really? Yes! well, then: 3.14 a_b_c 2*3*4 e.g. "
    "http://example.org/a/b don't “quoted.” (aside) …",
)
_CHINESE = ["消息已经送达。", "请稍后再试，", "桥接器会继续工作！", "为什么？", "注意：", "扣子智能体", "、", "数据库"]
_EMOJI = ["👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "👍🏽", "e\u0301", "❤️", "1️⃣", "🎉", "한글", "न्दि"]
word = st.one_of(st.sampled_from(_WORDS), st.sampled_from(_CHINESE), st.sampled_from(_EMOJI))
words = st.lists(word, min_size=1, max_size=12).map(" ".join)
chinese = st.lists(st.sampled_from(_CHINESE), min_size=1, max_size=15).map("".join)
link = st.builds(
    "[{}]({})".format,
    words.filter(lambda s: "`" not in s),
    st.sampled_from(["http://example.org/", "https://example.org/some/long/path?with=parameters&and=more", "u"]),
)
inline = st.one_of(
    words,
    chinese,
    words.map("**{}**".format),
    words.map("*{}*".format),
    words.map("~~{}~~".format),
    words.map("`{}`".format),
    link,
)
line = st.lists(inline, min_size=1, max_size=4).map(" ".join)
paragraph = st.lists(line, min_size=1, max_size=4).map("\n".join)
heading = words.map("## {}".format)
code_line = st.sampled_from(
    ["x = 1", "    return y  # why", "", "print('**not bold**')", "| a | b |", "- item", "z" * 130]
)
marker = st.sampled_from(["```", "~~~", "`````"])
code = st.lists(code_line, min_size=1, max_size=14).map("\n".join).filter(str.strip)


@st.composite
def fence(draw: st.DrawFn) -> str:
    mark = draw(marker)
    return f"{mark}{draw(st.sampled_from(['', 'python', 'c++']))}\n{draw(code)}\n{mark}"


def indented(block: str, by: str) -> str:
    return "\n".join(by + row if row else row for row in block.split("\n"))


@st.composite
def items(draw: st.DrawFn) -> str:
    rows = draw(st.lists(st.tuples(st.integers(0, 2), line), min_size=1, max_size=8))
    text = "\n".join("    " * depth + "- " + row for depth, row in rows)
    if draw(st.booleans()):
        text = "1. step\n" + indented(draw(fence()), "   ") + "\n2. " + draw(line) + "\n" + indented(text, "   ")
    return text


@st.composite
def table(draw: st.DrawFn) -> str:
    rows = draw(st.lists(words, min_size=1, max_size=12))
    return "\n".join(["| a | b |", "|---|:-:|", *(f"| {index} | {row} |" for index, row in enumerate(rows))])


quote = st.one_of(paragraph, fence()).map(lambda text: "\n".join("> " + row for row in text.split("\n")))
block = st.one_of(paragraph, heading, fence(), items(), table(), quote)
documents = st.lists(block, min_size=1, max_size=8).map("\n\n".join)
pieces_of_markup = st.sampled_from(
    [
        "\n",
        "\n\n",
        "```",
        "~~~",
        "`",
        "**",
        "*",
        "~~",
        "> ",
        "- ",
        "    ",
        "|",
        "|-|",
        "[",
        "](",
        ")",
        "#",
        " ",
        "a",
        "字",
    ]
)
soup = st.lists(st.one_of(pieces_of_markup, word), max_size=120).map("".join)
arbitrary = st.text(max_size=400)
texts = st.one_of(documents, soup, arbitrary)


# ---- properties ------------------------------------------------------------------------------------------------


@given(texts, fills)
@settings(max_examples=40, deadline=None)
def test_every_page_fits_and_shows_something(text: str, fill: Fill) -> None:
    pages = split(text, fill)

    assert all(fill(page) <= 1.0 for page in pages)
    assert all(page.strip() for page in pages)
    assert bool(pages) == bool(text.strip())


@given(documents, fills, st.data())
@settings(max_examples=40, deadline=None)
def test_growing_text_changes_only_the_last_page(text: str, fill: Fill, data: st.DataObject) -> None:
    shorter = data.draw(st.integers(0, len(text)))
    pages, before = split(text, fill), split(text[:shorter], fill)

    assert pages[: max(0, len(before) - 1)] == before[:-1]


@given(st.one_of(soup, arbitrary), st.sampled_from([characters, utf16]), st.data())
@settings(max_examples=40, deadline=None)
def test_growing_nonsense_changes_only_the_last_page(text: str, fill: Fill, data: st.DataObject) -> None:
    shorter = data.draw(st.integers(0, len(text)))
    pages, before = split(text, fill), split(text[:shorter], fill)

    assert pages[: max(0, len(before) - 1)] == before[:-1]


@given(texts, fills, st.lists(st.integers(1, 120), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_what_is_remembered_of_a_growing_text_changes_nothing(text: str, fill: Fill, steps: list[int]) -> None:
    growing, end = Growing(fill), 0
    for step in steps:
        end += step
        assert growing.split(text[:end]) == split(text[:end], fill)
    assert growing.pieces(text) == pieces(text, fill)
    assert growing.split("Something else.") == split("Something else.", fill)


def joined(text: str, found: list[Piece], pages: list[str]) -> str:
    """The text put together again from the pages, without what the cuts added, and from what lay between them."""
    whole, stop = "", 0
    for page, piece in zip(pages, found, strict=True):
        assert page.startswith(piece.opening)
        assert page.endswith(piece.closing)
        kept = page[len(piece.opening) : len(page) - len(piece.closing)]
        if not piece.dedent:
            assert kept == text[piece.start : piece.stop]
        whole += text[stop : piece.start] + kept
        stop = piece.stop
    return whole + text[stop:]


_ADDED = re.compile(r"(?:> ?)*[ ]*(?:(?:`{3,}|~{3,})[^\n]*\n(?:> ?)*)?(?:\*\*|\*|~~|`+|_+)*")
_FENCE_END = re.compile(r"\s*(?:`{3,}|~{3,})\s*")


@given(texts, fills)
@settings(max_examples=40, deadline=None)
def test_joined_pages_are_the_text(text: str, fill: Fill) -> None:
    found = pieces(text, fill)
    pages = [render(text, piece) for piece in found]
    assert pages == split(text, fill)

    assert joined(text, found, pages).split() == text.split()
    for left, right in pairwise(found):
        gap = text[left.stop : right.start]
        assert not gap.strip() or (_FENCE_END.fullmatch(gap) and _FENCE_END.fullmatch(left.closing))
    if found:
        assert text[: found[0].start].strip() == "" == text[found[-1].stop :].strip()


@given(texts, fills)
@settings(max_examples=40, deadline=None)
def test_what_is_added_is_markup_only(text: str, fill: Fill) -> None:
    for piece in pieces(text, fill):
        header = piece.opening.count("\n") == 2 and piece.opening in text[: piece.start]
        assert header or _ADDED.fullmatch(piece.opening), piece.opening
        assert re.fullmatch(r"\n(?:> ?)*[ ]*(?:`{3,}|~{3,})|(?:\*\*|\*|~~|`+|_+)*", piece.closing)


def unclosed(page: str) -> str:
    """The marker of the fence that the page leaves open."""
    inside = ""
    for row in page.split("\n"):
        found = re.match(r"[> \t]*(?:(?:[-*+]|\d+\.) +)?(`{3,}|~{3,})(.*)$", row)
        if not found or (not inside and found[1][0] == "`" and "`" in found[2]):
            continue
        if not inside:
            inside = found[1]
        elif found[1][0] == inside[0] and len(found[1]) >= len(inside) and not found[2].strip():
            inside = ""
    return inside


@given(documents, fills)
@settings(max_examples=40, deadline=None)
def test_fences_are_balanced_on_every_page(text: str, fill: Fill) -> None:
    assert [unclosed(page) for page in split(text, fill)] == [""] * len(split(text, fill))


@given(documents, fills, st.data())
@settings(max_examples=20, deadline=None)
def test_only_the_last_page_of_unfinished_text_may_end_in_a_fence(text: str, fill: Fill, data: st.DataObject) -> None:
    pages = split(text[: data.draw(st.integers(0, len(text)))], fill)

    assert not any(unclosed(page) for page in pages[:-1])


@given(st.lists(st.sampled_from([*_EMOJI, "字", "a", " "]), min_size=60, max_size=300).map("".join), fills)
@settings(max_examples=20, deadline=None)
def test_characters_stay_whole(text: str, fill: Fill) -> None:
    for piece in pieces(text, fill)[1:]:
        left, right = text[piece.start - 1], text[piece.start]
        assert not unicodedata.category(right).startswith("M")
        assert "\u200d" not in (left, right)
        assert not "\U0001f3fb" <= right <= "\U0001f3ff"
        flags = re.search("[\U0001f1e6-\U0001f1ff]*$", text[: piece.start])
        assert flags
        assert len(flags[0]) % 2 == 0


@given(st.lists(st.one_of(words, link), min_size=10, max_size=40).map(" ".join))
@settings(max_examples=20, deadline=None)
def test_links_stay_whole_where_there_are_other_places(text: str) -> None:
    spans = [found.span() for found in re.finditer(r"\[[^\]\n]*\]\([^()\s]*\)", text)]
    longest = max((stop - start for start, stop in spans), default=0)

    for piece in pieces(text, lambda page: len(page) / (3 * longest + 100))[1:]:
        assert not any(start < piece.start < stop for start, stop in spans)


@given(st.lists(words.filter(lambda s: "*" not in s and "_" not in s), min_size=30, max_size=60).map(" ".join))
@settings(max_examples=20, deadline=None)
def test_emphasis_that_must_be_cut_is_closed_and_opened(text: str) -> None:
    for mark in ("**", "*", "~~", "`", "__"):
        pages = split(f"{mark}{text}{mark}", characters)
        assert all(page.startswith(mark) and page.endswith(mark) for page in pages)
        assert not any(page.strip(mark[0]) == "" for page in pages)


@pytest.mark.parametrize("fill", FILLS)
@given(documents)
@settings(max_examples=8, deadline=None)
def test_every_prefix_agrees(fill: Fill, text: str) -> None:
    text = text[:700]
    pages = split(text, fill)
    for shorter in range(0, len(text), 11):
        before = split(text[:shorter], fill)
        assert pages[: max(0, len(before) - 1)] == before[:-1]
