"""Markdown documents as models write them, made from a seed: every kind of block, and what stands in a line."""

from collections.abc import Callable
from random import Random

EN = (
    "the", "bridge carries", "every", "answer", "to its",
    "reader", "and", "says so", "once", "more", "although", "nobody",
    "asked", "well",
    "then", "it keeps", "what", "came", "a week", "ago", "don't", "worry", "e.g.", "3.14", "snake_case",
    "__init__", "2*3*4", "x**2", "f(*args)", "a/b", "C++", "#1", "50%", "AT&T", "R&D", "<3", "&amp;", "ok",
)  # fmt: skip
ZH = (
    "消息", "已经", "送达", "请稍后再试", "桥接器", "会", "继续", "工作", "为什么", "注意", "扣子", "智能体", "数据库",
    "第一", "其次", "因此", "我们", "可以", "看到", "限速", "之后",
)  # fmt: skip
STOPS_EN, STOPS_ZH = (". ", "? ", "! ", ", ", ": ", "; ", " – ", "… "), ("。", "？", "！", "，", "：", "；", "、", "……")
EMOJI = ("👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "👍🏽", "❤️", "1️⃣", "🎉", "e\u0301", "한글", "न्दि", "𝒳")
RTL = ("שלום עולם", "مرحبا بالعالم", "العربية 123 نص", "\u200fא\u200f")
QUOTED = (("“", "”"), ("（", "）"), ("「", "」"), ("《", "》"), ("(", ")"), ('"', '"'))
TAGS = (
    "List<String>",
    "Map<String, List<Integer>>",
    "<div>",
    "</b>",
    "<br>",
    "a<b",
    "<details>",
    "vector<int> v",
    "<T>",
)
URLS = (
    "https://example.org/a_b_c", "https://en.wiki.org/wiki/Bridge_(structure)", "http://a.b/?q=1&r=2#x", "/relative",
    "https://例子.中国/路径", "http://localhost:3000/x", "mailto:me@x.org", "https://e.org/x*y*z", "#part",
)  # fmt: skip
MATHS = (
    r"\(E=mc^2\)",
    r"\[\frac{1}{2} + x_i\]",
    r"$\alpha \le \beta$",
    "$$a + b = c$$",
    "$x_i$",
    r"$$\sum_{i=1}^n i^2$$",
)
PRICES = ("$5", "$10.50 and $20", "10$ or 20$", "$HOME/bin:$PATH", "US$3", "从$5涨到$10")
STRAY = ("*", "**", "_", "`", "~~", "[", "](", "|", "#", ">", "<", "\\", "$", "&", "!", "***", "||", "~", "```", "[^1]")
CODES = ("x = 1", "a*b*c", "**raw**", "<b>", "[x](y)", "x|y", "`", "$a$", "路径", "f(**kw)", "List<T>", "\\n")
LINES = (
    "def f(x: list[int]) -> None:", "    return x ** 2  # why", "", "if a < b && c > d || e:", "```", "- item",
    "| a | b |", "# comment", "\tx := map[string]int{}", "echo \"$HOME\" | tee `date`", "<!channel>", "变量 = '值'",
    "z" * 90, "~~~", "> q",
)  # fmt: skip
LANGUAGES = ("", "python", "c++", "js title=x", "objective-c", "text", "mermaid")


class Writer:
    """Writes documents; the same seed gives the same ones."""

    def __init__(self, seed: int, *, wild: bool) -> None:
        self.random = Random(seed)
        self.wild = wild
        """Also what is no markup, or only looks like it: stray signs, emphasis in emphasis, broken lines in tables."""
        self.chinese = self.random.random() < 0.5

    def document(self) -> str:
        """One document, of a line up to about a hundred."""
        blocks = [self.block() for _ in range(self.random.choice((1, 2, 3, 4, 5, 6)))]
        if not self.wild and self.random.random() < 0.1:
            blocks.append(self.sources())
        text = (self.pick(("\n\n", "\n")) if self.wild else "\n\n").join(blocks)
        return text.replace("\n", "\r\n") if self.wild and self.random.random() < 0.3 else text

    # ---- in a line ---------------------------------------------------------------------------------------------

    def pick(self, things: "tuple[str, ...] | list[str]") -> str:
        return self.random.choice(things)

    def words(self, most: int = 6) -> str:
        count = self.random.randint(1, most)
        if self.chinese and self.random.random() < 0.85:
            return "".join(self.pick(ZH) for _ in range(count))
        return " ".join(self.pick(EN) for _ in range(count))

    def emphasised(self, depth: int = 0) -> str:
        inner = self.words(3) if depth > 1 or self.random.random() < 0.6 else self.inline(depth + 1)
        if self.random.random() < 0.3:
            left, right = self.random.choice(QUOTED)
            inner = f"{left}{inner}{right}"
        if self.chinese and self.random.random() < 0.3:
            inner += self.pick(("：", "。", "！"))
        mark = self.pick(("**", "**", "**", "*", "*", "_", "__", "***", "~~"))
        if not self.wild:
            mark = self.pick(("**", "**", "*", "~~", "***")) if depth == 0 else "**" if depth == 1 else "~~"
            inner = inner if depth else self.words(3)
        return f"{mark}{inner.strip()}{mark}"

    def code(self) -> str:
        code = self.pick(CODES)
        return f"`` {code} ``" if "`" in code else f"`{code}`"

    def link(self) -> str:
        url = self.pick(URLS)
        words = self.words(3) if self.random.random() < 0.8 else self.emphasised(2)
        kind = self.random.random()
        if kind < 0.5:
            return f"[{words}]({url})"
        if kind < 0.6:
            return f'[{words}]({url} "a title")'
        if kind < 0.75:
            return f"![{words}]({url})"
        if kind < 0.85:
            return f"<{url}>" if url.startswith("http") else f"[]({url})"
        return url if url.startswith("http") or not self.wild else f"[{words}][1]"

    def inline(self, depth: int = 0) -> str:
        kind = self.random.random()
        if not self.wild and kind > 0.88:
            return self.words()
        for share, make in (
            (0.45, self.words), (0.2, lambda: self.emphasised(depth)), (0.08, self.code), (0.08, self.link),
            (0.04, lambda: self.pick(TAGS)), (0.03, lambda: self.pick(MATHS)), (0.02, lambda: self.pick(PRICES)),
            (0.03, lambda: self.pick(EMOJI)), (0.02, lambda: self.pick(RTL)), (0.02, lambda: self.pick(STRAY)),
            (0.02, lambda: self.pick(("[1]", "[1][2]", "[^1]", "\\*no\\*", "&lt;b&gt;", "\\# x"))),
        ):  # fmt: skip
            kind -= share
            if kind < 0:
                return make()
        return "x" * self.random.randint(20, 120)

    def line(self, most: int = 6) -> str:
        parts = []
        for _ in range(self.random.randint(1, most)):
            parts.append(self.inline())
            parts.append(
                self.pick(STOPS_ZH if self.chinese else STOPS_EN)
                if self.random.random() < 0.4
                else self.gap()
                if self.chinese
                else " "
            )
        return "".join(parts).strip() or "x"

    def gap(self) -> str:
        return self.pick(ZH) if not self.wild else "" if self.random.random() < 0.7 else " "

    # ---- blocks ------------------------------------------------------------------------------------------------

    def block(self, depth: int = 0) -> str:
        kinds: list[tuple[float, Callable[[], str]]] = [
            (0.3, self.paragraph), (0.1, self.heading), (0.14, lambda: self.listed(depth)), (0.12, self.fence),
            (0.12, self.table), (0.08, lambda: self.quote(depth)), (0.04, lambda: self.pick(("---", "***", "___"))),
            (0.03, self.formula), (0.03 if self.wild else 0, self.sources), (0.02, self.html),
        ]  # fmt: skip
        kind = self.random.random()
        for share, make in kinds:
            kind -= share
            if kind < 0:
                return make()
        return self.line(2) + "\n" + self.pick(("===", "---"))

    def paragraph(self) -> str:
        return self.pick(("\n", "\n", "  \n", "\\\n" if self.wild else "\n")).join(
            self.line() for _ in range(self.random.randint(1, 3))
        )

    def heading(self) -> str:
        return "#" * self.random.randint(1, 6) + " " + self.line(2) + self.pick(("", "", " ##"))

    def listed(self, depth: int = 0) -> str:
        sign = self.pick(("- ", "* ", "+ ", "1. ", "3. ", "1) ", "- [ ] ", "- [x] "))
        width = 2 if sign[0] in "-*+" else 3
        rows = []
        for number in range(self.random.randint(1, 4)):
            begin = f"{int(sign[0]) + number}{sign[1:]}" if sign[0].isdigit() else sign
            rows.append(begin + self.line(3))
            if depth < 2 and self.random.random() < 0.25:
                rows.append(indented(self.block(depth + 1), " " * self.pick_width(width)))
        return self.pick(("\n", "\n", "\n\n")).join(rows)

    def pick_width(self, width: int) -> int:
        return self.random.choice((width, width, 4))

    def fence(self) -> str:
        body = [self.pick(LINES) for _ in range(self.random.randint(1, 6))]
        mark = "~~~" if "```" in body and "~~~" not in body else "`````" if "```" in body else "```"
        end = f"\n{mark}" if self.random.random() < 0.95 or not self.wild else ""
        return f"{mark}{self.pick(LANGUAGES)}\n" + "\n".join(body) + end

    def cell(self) -> str:
        kind = self.random.random()
        cell = self.words(2) if kind < 0.6 else self.code() if kind < 0.7 else self.inline()
        return cell.replace("|", "\\|").replace("\n", " ")

    def table(self) -> str:
        columns = self.random.randint(1, 5)
        rows = [[self.cell() for _ in range(columns)] for _ in range(self.random.randint(1, 5))]
        rows.insert(1, [self.pick(("---", ":-:", "-", "---:")) for _ in range(columns)])
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        if columns > 1 and self.wild and self.random.random() < 0.3:
            lines = [line.strip("| ") for line in lines]
        return "\n".join(lines)

    def quote(self, depth: int = 0) -> str:
        inner = self.block(depth + 1) if depth < 2 and self.random.random() < 0.5 else self.paragraph()
        return "\n".join(f"> {row}" if row else ">" for row in inner.split("\n"))

    def formula(self) -> str:
        return self.pick(("\\[\n\\frac{1}{2}\n+ x\n\\]", "$$\n\\sum_{i=1}^n x_i\n$$", "$$x^2$$"))

    def sources(self) -> str:
        return "\n".join(f"[{number}]: https://example.org/{number}" for number in range(1, self.random.randint(2, 4)))

    def html(self) -> str:
        return self.pick(
            ("<details>\n<summary>more</summary>\n\n**inner** text\n\n</details>", "<div>\nx `List<T>`\n</div>",
             "<!-- c -->", "<table><tr><td>1</td></tr></table>", "<details>\nnever closed", "<img src=\"x.png\">")
        )  # fmt: skip


def indented(block: str, by: str) -> str:
    return "\n".join(by + row if row else row for row in block.split("\n"))


def is_wild(seed: int) -> bool:
    """Every third document is."""
    return seed % 3 == 2


def document(seed: int) -> str:
    """The document of that number."""
    return Writer(seed, wild=is_wild(seed)).document()
