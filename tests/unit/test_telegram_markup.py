"""What a model's Markdown looks like in Telegram. Entities are shown as ⟦kind text⟧."""

import pytest

from adapters.telegram.markup import FAR_TOO_LONG, LONGEST_TEXT, Rendered, fill, render


def drawn(shown: Rendered) -> str:
    units = shown.text.encode("utf-16-le")
    signs: list[tuple[int, int, int, str]] = []
    for number, entity in enumerate(shown.entities):
        more = entity.get("url") or entity.get("language")
        name = f"{entity['type']}:{more}" if more else entity["type"]
        start, end = entity["offset"], entity["offset"] + entity["length"]
        signs += [(start, 1, number, f"⟦{name} "), (end, 0, -number, "⟧")]
    text, done = "", 0
    for place, _, _, sign in sorted(signs):
        text += units[2 * done : 2 * place].decode("utf-16-le") + sign
        done = place
    return text + units[2 * done :].decode("utf-16-le")


EMPHASIS = [
    ("**bold** and *it* and ~~gone~~", "⟦bold bold⟧ and ⟦italic it⟧ and ⟦strikethrough gone⟧"),
    ("***both***", "⟦bold ⟦italic both⟧⟧"),
    ("**bold *it* more** *a **b** c*", "⟦bold bold ⟦italic it⟧ more⟧ ⟦italic a ⟦bold b⟧ c⟧"),
    (
        "**注意：**这是重点。请**“引用”**一下，**（括号）**后面。",
        "⟦bold 注意：⟧这是重点。请⟦bold “引用”⟧一下，⟦bold （括号）⟧后面。",
    ),
    ("- **键：**值\n- ***重点！***结束", "• ⟦bold 键：⟧值\n• ⟦bold ⟦italic 重点！⟧⟧结束"),
    ("删除~~旧的，~~新的", "删除⟦strikethrough 旧的，⟧新的"),
    ("foo:**bold:**bar and :**bold:**", "foo:⟦bold bold:⟧bar and :⟦bold bold:⟧"),
    (
        "**`代码`：**说明，**[链接](http://a.b)。**后",
        "⟦code 代码⟧⟦bold ：⟧说明，⟦bold ⟦text_link:http://a.b 链接⟧。⟧后",
    ),
    ("**bold\nacross** lines", "⟦bold bold\nacross⟧ lines"),
    ("2*3*4 and 5 * 3 and width*height*depth", "2*3*4 and 5 * 3 and width*height*depth"),
    ("x**2 + y**2 = z**2", "x**2 + y**2 = z**2"),
    ("苹果*3和香蕉*4", "苹果*3和香蕉*4"),
    ("src/**/*.py and tests/**/*.py", "src/**/*.py and tests/**/*.py"),
    ("f(*args, **kwargs) and g(**kw)", "f(*args, **kwargs) and g(**kw)"),
    ("snake_case_word and __init__ and _it_", "snake_case_word and __init__ and ⟦italic it⟧"),
    (r"\*not\* \# no \[x\] \`c\` 1\. a\\b", "*not* # no [x] `c` 1. a\\b"),
    ("**** and ** ** and * *", "**** and ** ** and * *"),
    ("~one~ and ~5 to ~6", "~one~ and ~5 to ~6"),
    ("👨‍👩‍👧 **粗👨‍👩‍👧** 𝒳 *x*", "👨‍👩‍👧 ⟦bold 粗👨‍👩‍👧⟧ 𝒳 ⟦italic x⟧"),
    ("**bold and `code and [link](http://", "**bold and `code and [link](http://"),
]
BLOCKS = [
    ("# H1\n\n## H2 `c`\n\n###### H6", "⟦bold H1⟧\n\n⟦bold H2⟧ ⟦code c⟧\n\n⟦bold H6⟧"),
    ("#nospace", "#nospace"),
    ("# **注意：**标题", "⟦bold 注意：标题⟧"),
    ("- a\n  - b\n    - c\n- d", "• a\n  • b\n    • c\n• d"),
    ("3. three\n4. four\n   - sub\n5. five", "3. three\n4. four\n  • sub\n5. five"),
    ("1. first\n\n2. second\n\nafter", "1. first\n2. second\n\nafter"),
    ("- [ ] todo\n- [x] done", "☐ todo\n☑ done"),
    ("> a\n> b\n>\n> > nested\n\nafter", "⟦blockquote a\nb\n\nnested⟧\n\nafter"),
    ("a\n\n---\n\nb", "a\n\n———\n\nb"),
    ("a  \nb\\\nc", "a\nb\nc"),
    ("text[^1] more\n\n[^1]: the note", "text[^1] more\n\n[^1]: the note"),
]
CODE = [
    ("```python\nprint('<b>')\nx = a || b\n```", "⟦pre:python print('<b>')\nx = a || b⟧"),
    ("```py title=x\na\n```", "⟦pre:py a⟧"),
    ("~~~js\nlet a = 1\n~~~", "⟦pre:js let a = 1⟧"),
    ("```\nunclosed\n**x**", "⟦pre unclosed\n**x**⟧"),
    ("```tex\n\\(\\frac{1}{2}\\) $x$\n```", "⟦pre:tex \\(\\frac{1}{2}\\) $x$⟧"),
    ("1. do:\n\n   ```sh\n   ls\n   ```\n\n2. next", "1. do:\n⟦pre:sh ls⟧\n2. next"),
    ("use ``a`b`` and `x<y>` and `**no**`", "use ⟦code a`b⟧ and ⟦code x<y>⟧ and ⟦code **no**⟧"),
    ("| a | b |\n|---|---|\n| 中文 | `x\\|y` |\n| **c** | <br> |", "⟦pre a    | b  \n-----+----\n中文 | x|y\nc    |⟧"),
]
LINKS = [
    (
        "[w](https://e.org/A_(b)) <https://x.com>",
        "⟦text_link:https://e.org/A_(b) w⟧ ⟦text_link:https://x.com https://x.com⟧",
    ),
    ("https://y.com/a_b_c", "https://y.com/a_b_c"),
    ("[rel](/foo) [js](javascript:alert(1))", "rel (/foo) js (javascript:alert(1))"),
    ("[m](mailto:a@b.c) <a@b.c> [x](#y) [e]()", "m (mailto:a@b.c) a@b.c x e"),
    ("[here](http://localhost:3000/x.y)", "here (http://localhost:3000/x.y)"),
    ("[](https://a.b)", "⟦text_link:https://a.b https://a.b⟧"),
    (
        "![alt](https://x.com/a.png) ![](https://x.com/b)",
        "⟦text_link:https://x.com/a.png alt⟧ ⟦text_link:https://x.com/b https://x.com/b⟧",
    ),
    ("[![b](https://i.j)](https://l.m)", "⟦text_link:https://l.m b⟧"),
    ("[a][x]\n\n[x]: http://u.v", "⟦text_link:http://u.v a⟧"),
    ("见[1][2]。\n\n[1]: https://x.y\n[2]: https://z.z", "见[⟦text_link:https://x.y 1⟧][⟦text_link:https://z.z 2⟧]。"),
    (
        "据[3][7]和[3]。\n\n[7]: https://x.y\n[9]: https://n.n\n[3]: https://z.z",
        "据[⟦text_link:https://z.z 3⟧][⟦text_link:https://x.y 7⟧]和[⟦text_link:https://z.z 3⟧]。\n[9]: https://n.n",
    ),
    (
        "| a |\n|---|\n| [x](http://e.com/a_b) |",
        "⟦pre a                   \n--------------------\nx (http://e.com/a_b)⟧",
    ),
]
SWALLOWED = [
    ("List<String> and Map<String, List<Integer>>", "List<String> and Map<String, List<Integer>>"),
    (
        "<div>hello</div>\n\n<!-- c --> <think>\nx\n\ny</think>",
        "<div>hello</div>\n\n<!-- c --> <think>\nx\n\ny</think>",
    ),
    ("<details>\nUse `List<String>`\n</details>", "<details>\nUse ⟦code List<String>⟧\n</details>"),
    ("one<br>two<br/>three", "one\ntwo\nthree"),
    ("if a || b || c then", "if a || b || c then"),
    ("|a|b|c|\n|-|-|-|\n|x||z|\n|p||q|", "⟦pre a | b | c\n--+---+--\nx |   | z\np |   | q⟧"),
    ("&lt;b&gt; &amp; &copy;", "<b> & ©"),
    ("costs $5, or 10$ more; $HOME/bin:$PATH", "costs $5, or 10$ more; $HOME/bin:$PATH"),
    ("$$$ 餐厅 $$$", "$$$ 餐厅 $$$"),
    ("从$5涨到$10", "从$5涨到$10"),
]
MATHS = [
    (r"\(E=mc^2\) and $a_i$", "⟦code E=mc²⟧ and ⟦code aᵢ⟧"),
    ("\\[\n\\frac{1}{2}\n+ x\n\\]", "⟦pre ½ + x⟧"),
    (r"$\alpha \le \beta$", "⟦code α ≤ β⟧"),
    ("|a|\n|-|\n|$\\alpha^2$|", "⟦pre a \n--\nα²⟧"),
    (r"see \[1\] and \(no\)", "see [1] and (no)"),
]
FAULTS = [
    ("- a\n  > b\n  > c\n- d", "• a\n⟦blockquote b\nc⟧\n• d"),
    ("> > a\n>\n> b", "⟦blockquote a\n\nb⟧"),
    ("- x\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n- y", "• x\n⟦pre a | b\n--+--\n1 | 2⟧\n• y"),
    ("> ```py\n> x\n> ```\n> y", "⟦blockquote ⟦pre:py x⟧\ny⟧"),
    ("<details>\nnever **closed**", "<details>\nnever ⟦bold closed⟧"),
    ("> <div>\n> **b**", "⟦blockquote <div>\n⟦bold b⟧⟧"),
    ("1. <b>x</b>\n2. List<T>", "1. <b>x</b>\n2. List<T>"),
    ("**粗体**文字和**“引”**文字", "⟦bold 粗体⟧文字和⟦bold “引”⟧文字"),
    ("* a\n* *b*\n* **c**", "• a\n• ⟦italic b⟧\n• ⟦bold c⟧"),
    ("f(*args) and 2*3*4, a*b", "f(*args) and 2*3*4, a*b"),
    ("2**3 and foo**bar**", "2**3 and foo⟦bold bar⟧"),
    ("https://a.b/c_d_e and __init__.py", "https://a.b/c_d_e and __init__.py"),
    ('[t](https://a.b "title")', "⟦text_link:https://a.b t⟧"),
    ("||a|| b", "||a|| b"),
    ("- - a\n  - b", "• \n  • a\n  • b"),
    ("- a\n\n  b\n\n  c\n- d", "• a\nb\nc\n• d"),
    ("- a\n  ```\n  x\n  ```\n  b", "• a\n⟦pre x⟧\nb"),
    ("```\n\tx\n```", "⟦pre x⟧"),
    ("```\na\n\tx\n```\na\tb", "⟦pre a\n    x⟧\na b"),
    ("see $$x^2$$ here\n\n$$x^2$$", "see ⟦code x²⟧ here\n\n⟦pre x²⟧"),
    ("[m](tg://user?id=1)", "m (tg://user?id=1)"),
    ("[p](https://a.b:99999/)", "p (https://a.b:99999/)"),
    ("> \u2063**Title**\n> text", "⟦expandable_blockquote ⟦bold Title⟧\ntext⟧"),
    ("```\n**注意：**这\n```\n**注意：**这", "⟦pre **注意：**这⟧\n⟦bold 注意：⟧这"),
    ("**`a*b`：**乙[丙](http://a.b/*x)**“丁”**", "⟦code a*b⟧⟦bold ：⟧乙⟦text_link:http://a.b/*x 丙⟧⟦bold “丁”⟧"),
    ("**f(*a**", "⟦bold f(*a⟧"),
    ("***x**2 a***", "⟦bold ⟦italic x**2 a⟧⟧"),
    ("a *b\n2*3", "a *b\n2*3"),
    ("**a** is 2*3", "⟦bold a⟧ is 2*3"),
    ("**甲：**乙\n**丙\n丁：**戊", "⟦bold 甲：⟧乙\n⟦bold 丙\n丁：⟧戊"),
    ("| **甲：**乙 | 丙 |\n|---|---|", "⟦pre 甲：乙 | 丙⟧"),
    ("`a`**`b`**", "⟦code a⟧⟦code b⟧"),
    ("**[`c`](https://a.b) d**", "⟦bold ⟦text_link:https://a.b c⟧ d⟧"),
]
WIDE = [
    (
        "| Model | Context | What it is good for |\n|---|---|---|\n"
        "| One | 128k | writing long texts in many languages, and tables |\n| [Two](https://a.b) | | `code` |",
        "⟦bold Model: One⟧\n• Context: 128k\n"
        "• What it is good for: writing long texts in many languages, and tables\n\n"
        "⟦bold Model: ⟦text_link:https://a.b Two⟧⟧\n• What it is good for: ⟦code code⟧",
    ),
]
ALL = [*FAULTS, *WIDE, *EMPHASIS, *BLOCKS, *CODE, *LINKS, *SWALLOWED, *MATHS]


@pytest.mark.parametrize(("markdown", "picture"), ALL, ids=[repr(markdown)[:40] for markdown, _ in ALL])
def test_looks(markdown: str, picture: str) -> None:
    assert drawn(render(markdown)) == picture


def test_columns_stand_one_below_the_other() -> None:
    lines = render("| 名称 | 值 |\n|---|---|\n| 苹果 apple | 一 |\n| **b** | `二` |").text.split("\n")
    wide = {"名", "称", "值", "苹", "果", "一", "二"}
    columns = [sum(2 if char in wide else 1 for char in line.split("|")[0].split("+")[0]) for line in lines]
    assert len(set(columns)) == 1


def test_every_prefix_of_every_sample() -> None:
    whole = "\n\n".join(markdown for markdown, _ in ALL)
    for end in range(0, len(whole), 3):
        shown = render(whole[max(0, end - 300) : end])
        assert all(entity["length"] > 0 for entity in shown.entities)


@pytest.mark.parametrize(
    "unit", ["*", "**", "[", "![", "<", "$", "`", "> ", "- ", "|", "\\(", "<b>", "[a](", "1. ", "**a**，"]
)
def test_no_text_takes_long_or_explodes(unit: str) -> None:
    text = unit * (FAR_TOO_LONG // len(unit))
    assert len(render(text).text) <= 2 * len(text)


def test_a_hundred_kilobytes_are_not_even_tried() -> None:
    text = "**x** " * 20_000
    assert fill(text) > 1
    assert render(text).text == text.strip()


def test_plain_text_is_left_alone() -> None:
    assert render("**a** <b>", plain=True) == Rendered("**a** <b>")
    linked = "[x](https://example.com/" + "y" * 100 + ") "
    assert render(linked * 50, plain=True) == Rendered(("x " * 50).strip()), "as it stands it would not fit"


@pytest.mark.parametrize("start", ["#", "# ", "```", "```py\n", "- ", "> ", "[1]: http://a.b", "$$", "<!--"])
def test_something_is_shown_as_soon_as_there_is_something(start: str) -> None:
    assert render(start).text


def test_what_no_platform_takes() -> None:
    assert render("a\0b\ud800c").text == "a\ufffdb\ufffdc"


def test_measures() -> None:
    assert fill("") == 0
    assert fill("x" * LONGEST_TEXT) == 1
    assert fill("𝒳" * (LONGEST_TEXT // 2)) == 1
    assert fill("**a** b " * 50) == 0.5
