"""Markdown read aloud: words stay, markers, links and code do not."""

import pytest

from bridge.spoken import LONGEST, spoken


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("Hello, **world**!", "Hello, world!"),
        ("# Weather *today*", "Weather today"),
        ("one _two_ snake_case ~~three~~", "one two snake_case three"),
        ("See [Kaifeng](https://a.b/c_(d)) or https://x.y/z?q=1 now", "See Kaifeng or now"),
        ("[**bold** label](https://a.b)", "bold label"),
        ("详情见 https://a.b/c。再见", "详情见 。再见"),
        ("before ![a picture](https://a.b/p.png) after", "before after"),
        ("run `make test` now", "run make test now"),
        ("run ``a ` b`` now", "run a ` b now"),
        ("- one\n- [x] two\n1. three", "one\ntwo\n1. three"),
        ("> said\n> > twice", "said\ntwice"),
        ("a\n\n---\n\nb", "a\nb"),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |", "a, b\n1, 2"),
        ("<b>bold</b> &amp; more [1] [^2]", "bold &amp; more"),
        ("Sunny ☀️ 🌦 today →", "Sunny today"),
        ("2 \\* 3 is \\_six\\_", "2 3 is six"),
        ("你好，**世界**！", "你好，世界！"),
        ("before\n```py\nx = 1\n\ny = 2\n```\nafter", "before\n(code, see the text)\nafter"),
        ("before\n~~~\nnever closed", "before\n(code, see the text)"),
        ("> quote\n> ```\n> x\n> ```\n> after", "quote\n(code, see the text)\nafter"),
        ("", ""),
        ("🎉 !!! ...", ""),
        ("![only a picture](https://a.b/p.png)", ""),
        ("**", ""),
    ],
)
def test_what_is_said(markdown: str, words: str) -> None:
    assert spoken(markdown) == words


def test_it_speaks_the_persons_language_of_what_it_leaves_out() -> None:
    assert spoken("看：\n```\nx\n```", "zh") == "看：\n（代码见文字）"


@pytest.mark.parametrize(
    ("sentence", "end"), [("It rains. ", "It rains.\nThe rest is in the text."), ("下雨了。", None)]
)
def test_a_long_text_ends_with_a_whole_sentence_and_says_that_there_is_more(sentence: str, end: str | None) -> None:
    said = spoken(sentence * 2_000)
    assert LONGEST - 100 < len(said) < LONGEST + 50
    assert said.endswith(end or "下雨了。\nThe rest is in the text.")


def test_a_long_text_without_sentences_is_cut_where_it_must_be() -> None:
    assert spoken("x" * 10_000) == "x" * LONGEST + "…\nThe rest is in the text."


@pytest.mark.parametrize("evil", ["[", "![", "`", "``", "[a](", "<a", "*", "_", "|", "> ", "- ", "[a[b](c", "\\"])
def test_no_text_is_slow(evil: str) -> None:
    spoken(evil * 100_000)
