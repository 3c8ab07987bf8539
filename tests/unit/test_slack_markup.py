"""Markdown for Slack: it looks the same, and no word of the model's notifies anybody."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import markup

LIVE = re.compile(r"(?:<|&#60;)(?:[!@#][A-Za-z0-9]|[A-Za-z][A-Za-z0-9+.\-]*:)")
"""What Slack takes for a token of its own, or might after decoding an entity."""
PIECES = [
    "<!channel>", "<!here|x>", "<@U0123>", "<#C01|general>", "<!subteam^S1>", "<https://evil.example|bank>", "<", ">",
    "`", "``", "```", "~~~", "\n", "\n\n", "[", "]", "(", ")", "](https://x.example)", "](", "!", "\\", "&#60;", "&lt;",
    "| a | b |\n|---|---|\n", "> ", "- ", "    ", "word ", "中文", "😀", "@U0123>", "!channel>", "https://a.example/b_c",
]  # fmt: skip


@pytest.mark.parametrize(
    ("markdown", "rendered"),
    [
        ("# Title\n\n- **bold** & _it_ [docs](https://a.b/?x=1&y=2)\n\n> quote", None),
        ("| a | b |\n|---|---|\n| 1 | 2 |", None),
        ("hey <!channel> <@U123> <#C1|x>", "hey &lt;!channel> &lt;@U123> &lt;#C1|x>"),
        ("if a < b and c > d", "if a &lt; b and c > d"),
        ("| <!here> |\n|---|", "| &lt;!here> |\n|---|"),
        ("[<!here>](https://x.y)", "[&lt;!here>](https://x.y)"),
        ("<https://a.b/?c=1&d=2>", "[https://a.b/?c=1&d=2](https://a.b/?c=1&d=2)"),
        ("write to <me@x.org>", "write to [me@x.org](mailto:me@x.org)"),
        ("<https://evil|bank>", "&lt;https://evil|bank>"),
        ("![a cat](https://x/cat.png)", "[a cat](https://x/cat.png)"),
        ("![](https://x/dir/cat.png?sig=1)", "[cat.png](https://x/dir/cat.png?sig=1)"),
        ("[x](javascript:alert(1))", "x (javascript:alert(1))"),
        ("[x](/docs)", "x (/docs)"),
        ("[x](<https://a b/(c>)", "[x](https://a%20b/%28c)"),
        ("[wiki](https://en.w/A_(b))", None),
        ("[a [b] c](https://x 'ti<tle')", "[a [b] c](https://x 'ti&lt;tle')"),
        ("[r]: <https://x.y>", "[r]: https://x.y"),
        (r"\<!channel> and \\<!channel>", r"&lt;!channel> and \\&lt;!channel>"),
        ("&#60;!channel> &#x3C;@U1>", "&lt;!channel> &lt;@U1>"),
        ("`List<String>`, `a < b`", None),
        ("`<!channel>` and `` ` <@U12> ``", "`<\u200b!channel>` and `` ` <\u200b@U12> ``"),
        ("`no end <!here>\n\nnext ` one", "`no end &lt;!here>\n\nnext ` one"),
        ("```cpp\n#include <stdio.h>\nvector<int> v; cin >> a; x << 1\n```", None),
        ("```html\n<!DOCTYPE html><!-- c -->\n<div></div>\n```\n<!here>", "```html\n<!DOCTYPE html><!-- c -->\n<div></div>\n```\n&lt;!here>"),  # noqa: E501
        ("- item\n  ```\n  <!here>\n  ```\n<b>", "- item\n  ```\n  <\u200b!here>\n  ```\n&lt;b>"),
        ("```\nopen <!chan", "```\nopen <\u200b!chan"),
    ],
)  # fmt: skip
def test_rendering(markdown: str, rendered: str | None) -> None:
    assert markup.render(markdown) == (markdown if rendered is None else rendered)


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_nothing_that_slack_acts_on_gets_through(markdown: str) -> None:
    assert not LIVE.search(markup.render(markdown))


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), st.integers(0, 200))
def test_nothing_gets_through_across_a_split(markdown: str, at: int) -> None:
    """Even if two messages were read as one."""
    joined = markup.render(markdown[:at]) + markup.render(markdown[at:])
    assert not [found for found in LIVE.finditer(joined) if found.group().startswith("<")]


@given(st.text(max_size=200))
def test_plain_text_for_markup_fields_can_be_read_back(text: str) -> None:
    escaped = markup.escape(text)
    assert "<" not in escaped
    assert escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


@pytest.mark.parametrize(
    ("markdown", "units"), [("a" * 5500, 5500), ("中" * 5500, 5500), ("😀" * 2750, 5500), ("<" * 1375, 5500)]
)
def test_fill_counts_what_is_sent(markdown: str, units: int) -> None:
    assert markup.fill(markdown) == pytest.approx(units / 11_000)


@given(st.lists(st.tuples(st.sampled_from(["a", "b\n", " "]), st.integers(0, 4000)), max_size=4))
def test_sections_hold_the_whole_text(runs: list[tuple[str, int]]) -> None:
    text = "".join(unit * times for unit, times in runs)
    pieces = markup.sections(text)
    assert "".join(pieces) == text
    assert all(len(piece) <= markup.MOST_SECTION for piece in pieces)
    assert all(pieces) or text == ""


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", ["[", "`", "<", "[a", "[x](", "```\n", "\\[", "[x]((", "`a\n", "<a@b", "> ", "[a](b 'c "]
)
def test_no_input_is_slow(unit: str) -> None:
    markup.render(unit * (12_000 // len(unit)) + "<")
