"""What is shown of an answer that still grows: no raw markers, and nothing that changes its look later."""

import pytest

from adapters.telegram.markup import render
from bridge.heal import heal

HELD_BACK = [
    ("*", ""),
    ("Hi *", "Hi"),
    ("Hi **", "Hi"),
    ("# ", ""),
    ("a\n\n## ", "a"),
    ("a\n### #", "a"),
    ("a\n- ", "a"),
    ("a\n\n> ```py\n>", "a"),
    ("### `` `", ""),
    ("a<br>", "a"),
    ("a __ini", "a"),
    ("限速$x_i", "限速"),
    ("a $\\alpha \\le", "a"),
    ("1. a\n\n   | a | b |\n   |-", "1. a"),
    ("a\n- [", "a"),
    ("a\n- [x]", "a"),
    ("a\n12", "a"),
    ("a\n---", "a"),
    ("a\n``", "a"),
    ("a\n```py", "a"),
    ("```py\nx = 1\n``", "```py\nx = 1"),
    ("a <th", "a"),
    ("a &am", "a"),
    ("a \\", "a"),
    ("a http", "a"),
    ("a \\(x^2", "a"),
    ("a $$\\frac{1}", "a"),
    ("![alt](http://a", ""),
    ("See [the docs](http://a_b", "See the docs"),
    ("See [the do", "See the do"),
    ("a\n\n| a | b |", "a"),
    ("a\n\n| a | b |\n", "a"),
    ("a\n\n| a | b |\n|---|", "a"),
    ("| a | b |\n|---|---|\n| 1 |", "| a | b |\n|---|---|"),
    ("| a | b |\n|---|---|\n| 1 | 2", "| a | b |\n|---|---|"),
]

CLOSED = [
    ("a **b", "a **b**"),
    ("a **b*", "a **b**"),
    ("a **b ", "a **b**"),
    ("a ***b", "a ***b***"),
    ("a **b *c", "a **b *c***"),
    ("a **b `c", "a **b `c`**"),
    ("a ``b`", "a ``b``"),
    ("请**注意", "请**注意**"),
    ("> **a", "> **a**"),
    ("- **a**\n- ~~b", "- **a**\n- ~~b~~"),
]

UNTOUCHED = [
    "",
    "Hello",
    "2*3",
    "x**2 + y",
    "snake_case and 5 * 3 = 15",
    "a **b** and `c`",
    "`a < b`",
    "a < b",
    "I have $5 and",
    "set $HOME to",
    "f(*args) is",
    "x**2 and",
    "f(*args) and *it* and 2*3*4",
    "__init__ is a name",
    "数据库__init__！可以",
    "$$a_b$$ and \\(c_d\\) and $e_f$ end",
    "**never closed\n\nanother paragraph",
    "```\n**raw\n| a |\n",
    "| a | b |\nno table",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "done \\[ " + "x" * 700,
]


@pytest.mark.parametrize(("text", "shown"), HELD_BACK)
def test_what_only_announces_something_is_held_back(text: str, shown: str) -> None:
    assert heal(text).strip() == shown


@pytest.mark.parametrize(("text", "shown"), CLOSED)
def test_what_is_open_is_closed(text: str, shown: str) -> None:
    assert heal(text) == shown


@pytest.mark.parametrize("text", UNTOUCHED)
def test_all_else_stays(text: str) -> None:
    assert heal(text) == text


NO_MARKUP = [
    "wow" + "!" * 5000,
    "$" * 5000,
    "<" * 5000,
    "[" * 5000,
    "a [" * 5000,
    "<a " * 5000,
    "*" * 5000,
    "`" * 4999,
    "\\" * 5000,
    "> " * 3000,
    "- " * 3000,
    "**a " * 3000,
    "x\n" + "| a | b\n" * 1500,
]


@pytest.mark.parametrize("text", NO_MARKUP, ids=lambda text: text[:8])
def test_what_is_no_markup_is_shown_or_waits_but_breaks_nothing(text: str) -> None:
    assert len(heal("Before.\n\n" + text)) >= len("Before.")


def test_lines_of_bars_without_a_table_are_shown() -> None:
    assert heal("x\n" + "| a | b\n" * 100).count("| a | b") == 99


DOCUMENT = """\
# 一个标题 and more

Words with **bold text**, *italic*, ***both***, ~~gone~~, `code`, ``a ` b`` and **a *b* c**; 请**注意：**这里有*重点*。

- one [link](https://example.com/a_(b)) here
- two **bold**
  - nested `x`

1. first
2. second with <https://e.org> and List<String>

> a quote *with* emphasis
> and more

```python
def f(x):
    return x ** 2
```

Take \\(x^2\\) and $$a + b$$, \\*literally\\* a &amp; b. 5 * 3 = 15 and snake_case!

- [ ] open
- [x] done

End."""


def test_what_was_seen_stays_as_it_was() -> None:
    """Each version of a whole document's beginning shows a beginning of what the whole shows."""
    whole = render(DOCUMENT).text
    for length in range(1, len(DOCUMENT)):
        healed = heal(DOCUMENT[:length])
        if healed.strip():
            shown = render(healed).text
            assert whole.startswith(shown), (DOCUMENT[:length][-30:], shown[-30:])


def test_little_is_held_back() -> None:
    """The text that is seen stays close behind the text that came."""
    words = "Plain words, **bold ones**, and `code` here. " * 20
    for length in range(1, len(words)):
        assert len(heal(words[:length]).replace("*", "").strip()) >= len(words[:length].replace("*", "").strip()) - 8


def test_dollars_without_end_cost_no_more_than_they_are_many():
    """Looking for the end of each anew took 10 s for 3,000 of them, and grew with their square."""
    prices = "- " + "$a " * 20_000
    assert prices.startswith(heal(prices))
