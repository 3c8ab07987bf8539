"""Markdown as a rich message: what Telegram gets to see, and how full it makes a message."""

import re
from html.parser import HTMLParser

import pytest

from adapters.telegram.rich import MOST_CHARACTERS, fill, render
from bridge.fold import fold


def html(markdown: str, status: str = "") -> str:
    shown = render(markdown, status)
    assert shown is not None
    return shown.html


@pytest.mark.parametrize(
    ("markdown", "wanted"),
    [
        ("", ""),
        ("#", ""),
        ("---", ""),
        ("> ", ""),
        ("a\n\n#\n\n- \n\n> -", "<p>a</p>"),
        ("```\n```\n\na", "<p>a</p>"),
        ("one\ntwo  \nthree", "<p>one<br>two<br>three</p>"),
        ("# A *b*\n\ntext", "<h1>A <i>b</i></h1><p>text</p>"),
        ("###### six", "<h6>six</h6>"),
        ("**b** _i_ ~~s~~ `c<d>`", "<p><b>b</b> <i>i</i> <s>s</s> <code>c&lt;d&gt;</code></p>"),
        ("**注意：**这里", "<p><b>注意：</b>这里</p>"),
        ("2*3*4 and ~5 to ~6 and `a`", "<p>2*3*4 and ~5 to ~6 and <code>a</code></p>"),
        ("def __init__(self)", "<p>def __init__(self)</p>"),
        ("a == b || c == d", "<p>a == b || c == d</p>"),
        ("List<String> & <b>x</b> &amp;", "<p>List&lt;String&gt; &amp; &lt;b&gt;x&lt;/b&gt; &amp;</p>"),
        ("<details>\nx\n</details>", "<p>&lt;details&gt;<br>x<br>&lt;/details&gt;</p>"),
        ("a<br>b", "<p>a<br>b</p>"),
        ("- a\n- b\n  - c", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        ("3. c\n4. d", '<ol start="3"><li>c</li><li>d</li></ol>'),
        ("1. a\n\n2. b", "<ol><li><p>a</p></li><li><p>b</p></li></ol>"),
        (
            "- [ ] a\n- [x] b",
            '<ul><li><input type="checkbox">a</li><li><input type="checkbox" checked>b</li></ul>',
        ),
        ("> q\n> r\n>> s", "<blockquote><p>q<br>r</p><blockquote><p>s</p></blockquote></blockquote>"),
        ("```py\na < b\n\n  c\n```", '<pre><code class="language-py">a &lt; b\n\n  c</code></pre>'),
        ("```\nx\n```", "<pre>x</pre>"),
        ("```py\nunclosed", '<pre><code class="language-py">unclosed</code></pre>'),
        ("    indented", "<pre>indented</pre>"),
        ("a\n\n---", "<p>a</p><hr/>"),
        ("costs $5 and $6", "<p>costs $5 and $6</p>"),
        (r"so $x^2$ and \(y^1\)", "<p>so <tg-math>x^2</tg-math> and <tg-math>y^1</tg-math></p>"),
        ("$$\na < b\n$$", "<tg-math-block>a &lt; b</tg-math-block>"),
        (r"\[x^2\]", "<tg-math-block>x^2</tg-math-block>"),
        ("```math\nE = mc^2\n```", "<tg-math-block>E = mc^2</tg-math-block>"),
        ("with $$x^2$$ in it", "<p>with <tg-math>x^2</tg-math> in it</p>"),
        ("[a](https://x.io/b_(c))", '<p><a href="https://x.io/b_(c)">a</a></p>'),
        ('[a](https://x.io/?b="c"&d)', '<p><a href="https://x.io/?b=&quot;c&quot;&amp;d">a</a></p>'),
        ("[a](https://x.io/?b&c)", '<p><a href="https://x.io/?b&amp;c">a</a></p>'),
        ("[a](javascript:alert(1))", "<p>a (javascript:alert(1))</p>"),
        ("[a](tg://user?id=1)", "<p>a (tg://user?id=1)</p>"),
        ("![](https://x.io/p.png)", '<p><a href="https://x.io/p.png">https://x.io/p.png</a></p>'),
        ("![cat](https://x.io/p.png)", '<p><a href="https://x.io/p.png">cat</a></p>'),
        ("see https://x.io/b_(c), ok", '<p>see <a href="https://x.io/b_(c)">https://x.io/b_(c)</a>, ok</p>'),
        ("(https://x.io/a)。", '<p>(<a href="https://x.io/a">https://x.io/a</a>)。</p>'),
        ("<https://x.io/a>", '<p><a href="https://x.io/a">https://x.io/a</a></p>'),
        ("`https://x.io`", "<p><code>https://x.io</code></p>"),
        ("write to a@x.io or @ann /stop #x", "<p>write to a@x.io or @ann /stop #x</p>"),
        ("so[1]\n\n[1]: https://x.io/a", '<p>so[<a href="https://x.io/a">1</a>]</p>'),
        (
            "| a | b |\n|:-:|--|\n| `1` | x\\|y |\n| 2 |",
            '<table bordered><tr><th align="center">a</th><th>b</th></tr>'
            '<tr><td align="center"><code>1</code></td><td>x|y</td></tr>'
            '<tr><td align="center">2</td><td></td></tr></table>',
        ),
    ],
)
def test_each_kind_of_markup(markdown: str, wanted: str) -> None:
    assert html(markdown) == wanted


def test_a_fold_is_collapsed_below_its_title() -> None:
    folded = fold("Thinking", "first\n\n- second")
    assert (
        html(f"{folded}\n\nThe answer.")
        == "<details><summary><b>Thinking</b></summary><p>first</p><ul><li>second</li></ul></details><p>The answer.</p>"
    )


def test_the_status_stands_below() -> None:
    assert html("text", "Using <search>") == "<p>text</p><p><i>Using &lt;search&gt;</i></p>"
    assert html("", "Thinking…") == "<p><i>Thinking…</i></p>"


def test_no_invisible_letter_of_ours_is_left() -> None:
    assert not re.search(
        "[\u2060\u2063\ufdd0]", html(f"**“注意”**这\n\n<x>\n\n{fold('a', '**“b”**c')}\n\n```\n\ufdd0\n```")
    )


def test_telegram_finds_nothing_by_itself() -> None:
    shown = render("@ann a@x.io", "")
    assert shown is not None
    assert shown.content == {"html": "<p>@ann a@x.io</p>", "skip_entity_detection": True}


class Closing(HTMLParser):
    """Counts what is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the signature of html.parser
        if tag not in ("br", "hr", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Nothing stays open."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


EVERYTHING = """# Über **alles** `x`

> \u2063**Title**
> thought *one*

Text with ~~old~~ [link](https://x.io/a_(b)) and $x^2$, ![i](https://x.io/i.png) <b>.

| a | **b** |
|---|:-:|
| 1 | [x](https://x.io) |

- [x] done
  1. nested

     more

```python
if a < b: pass
```

$$
E = mc^2
$$

end[1]

[1]: https://x.io/one
"""


def test_every_beginning_of_a_text_is_closed() -> None:
    for end in range(len(EVERYTHING) + 1):
        page = Closing()
        page.feed(html(EVERYTHING[:end]))
        page.close()
        assert page.open == [], EVERYTHING[:end]


class TestLimits:
    def test_the_text_of_a_whole_message(self) -> None:
        assert fill("a" * (MOST_CHARACTERS - 7)) == 1.0
        assert fill("汉" * (MOST_CHARACTERS - 7)) == 1.0
        assert fill("a" * (MOST_CHARACTERS - 6)) > 1.0
        assert fill("a" * 10 * MOST_CHARACTERS) == 10.0

    def test_blocks(self) -> None:
        assert fill("\n\n".join("a" for _ in range(500))) == 1.0
        assert fill("\n\n".join("a" for _ in range(501))) > 1.0

    def test_what_no_cut_would_help(self) -> None:
        wide = "|" + "a|" * 21 + "\n|" + "-|" * 21
        deep = "> " * 15
        assert render(wide, "") is None
        assert render(f"{deep}x", "") is not None
        assert render(f"{deep}> x", "") is None
        assert render("\n".join("  " * level + "- x" for level in range(12)), "") is None
        assert fill(wide) < 1.0, "the adapter says that it can be none, whatever its length"
