"""Any Markdown, cut anywhere: what is shown of it can be shown, and is the beginning of what will be shown."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.telegram.markup import render
from bridge.heal import heal

WORD = st.sampled_from(["plain", "中文", "word。", "a_b", "2*3", "x,y", "é", "🙂", "5", "end!", "词语，"])
INLINE = st.one_of(
    WORD,
    st.builds("**{}**".format, WORD),
    st.builds("*{}*".format, st.sampled_from(["slanted", "斜体", "two words"])),
    st.builds("***{}***".format, st.sampled_from(["both", "两者"])),
    st.builds("~~{}~~".format, st.sampled_from(["gone", "删去"])),
    st.builds("`{}`".format, st.sampled_from(["code", "a*b", "<b>", "[x]", "x**2"])),
    st.builds(
        "[{}](https://e.org/{})".format, st.sampled_from(["link", "链接"]), st.sampled_from(["", "a_b", "a_(b)"])
    ),
    st.sampled_from(["List<String>", "\\(x^2\\)", "a &amp; b", "\\*not\\*", "$5"]),
)
LINE = st.lists(INLINE, min_size=1, max_size=6).map(" ".join)
BLOCK = st.one_of(
    LINE,
    st.builds("# {}".format, LINE),
    st.lists(LINE, min_size=1, max_size=3).map(lambda lines: "\n".join(f"- {line}" for line in lines)),
    st.lists(LINE, min_size=1, max_size=3).map(
        lambda lines: "\n".join(f"{n + 1}. {line}" for n, line in enumerate(lines))
    ),
    st.builds("> {}".format, LINE),
    st.builds("```py\n{}\n```".format, st.sampled_from(["x = 1", "**raw**\n\n`y`", "# no heading"])),
)
DOCUMENT = st.lists(BLOCK, min_size=1, max_size=4).map("\n\n".join)
WILD = st.text(alphabet="ab *_`~[]()!|-#>\\\n$<&123中。", max_size=80)


@given(DOCUMENT)
@settings(max_examples=150)
def test_versions_only_grow(document: str) -> None:
    whole = render(document).text
    for length in range(1, len(document)):
        healed = heal(document[:length])
        if healed.strip():
            assert whole.startswith(render(healed).text), document[:length]


@given(WILD)
@settings(max_examples=400)
@example("*\n**")
@example("|\n|-")
def test_anything_can_be_healed(text: str) -> None:
    """It ends, adds nothing but closing markers, and does not lose whole lines but the last few."""
    healed = heal(text)
    kept = healed.rstrip("*_~` \n")
    plain = text.replace("[", "").replace("]", "")
    assert plain.startswith(kept.replace("[", "").replace("]", "")[: len(plain)].rstrip("*_~` \n")) or "](" in text
