"""How Slack shows what is more than Markdown."""

import pytest

from adapters.slack import extras
from bridge import fold
from bridge.model import Choice, Does, Page

ASKS = tuple(Choice(does=Does.ASK, label=f"what {n}?", press=f"ask:1:{n}") for n in range(2))
JUDGEMENTS = (
    Choice(does=Does.LIKE, label="👍", press="like:1"),
    Choice(does=Does.DISLIKE, label="👎", press="dislike:1"),
)


def page(text="said", **more):
    return Page(index=0, text=text, final=not more.get("status"), **more)


def test_text_alone_is_markdown():
    assert extras.blocks(page()) is None
    assert extras.looks(page()) == {"markdown_text": "said"}
    assert extras.below(page()) == []


def test_the_status_is_a_last_line_in_italics():
    assert extras.looks(page("", status="🔧 a_b…")) == {"markdown_text": "_🔧 a\\_b…_"}
    assert extras.looks(page(status="🔧 <!here>"))["markdown_text"] == "said\n\n_🔧 &lt;!here&gt;_".replace(
        "&gt;", "\\>"
    )
    assert extras.looks(page(status="🔧 a", simpler=1)) == {"text": "said\n\n🔧 a", "mrkdwn": False}


def test_a_fold_is_small_print_between_markdown():
    text = f"before\n\n{fold.fold('Why', 'a **b** [c](https://d.e/f) <!channel> & `g`')}\n\nsaid"
    shown = extras.blocks(page(text))
    assert shown["text"] == "before\n\nsaid"
    assert [block["type"] for block in shown["blocks"]] == ["markdown", "context", "markdown"]
    (element,) = shown["blocks"][1]["elements"]
    assert element == {
        "type": "mrkdwn",
        "text": "*Why*\na *b* <https://d.e/f|c> &lt;!channel&gt; &amp; `g`",
        "verbatim": True,
    }
    assert extras.looks(page(text))["markdown_text"].startswith("before\n\n> **Why**\n> a **b**")


@pytest.mark.parametrize(
    "content",
    ["<@U1>", "<!channel>", "[x](https://a.b/<!channel>)", "[<@U1>](https://a.b/c)", "\\<!here>", "**<!here>**"],
)
def test_small_print_notifies_nobody(content):
    (block,) = extras.blocks(page(fold.fold("Why", content)))["blocks"]
    assert not any(token in block["elements"][0]["text"] for token in ("<@", "<!"))


def test_long_small_print_is_cut_into_elements():
    (block,) = extras.blocks(page(fold.fold("Why", "<" * 1999)))["blocks"]
    assert len(block["elements"]) == 3
    assert all(len(element["text"]) <= 3000 for element in block["elements"])


def test_buttons_stand_below():
    asks, judgements = extras.below(page(choices=ASKS + JUDGEMENTS))
    assert [button["value"] for button in asks["elements"]] == ["ask:1:0", "ask:1:1"]
    assert len({button["action_id"] for button in asks["elements"]}) == 2
    (buttons,) = judgements["elements"]
    assert (buttons["positive_button"]["value"], buttons["negative_button"]["value"]) == ("like:1", "dislike:1")
    assert len(extras.below(page(choices=ASKS))) == len(extras.below(page(choices=JUDGEMENTS))) == 1


@pytest.mark.parametrize("label", ["x" * 100, "😀" * 50, "文" * 75, "文" * 76])
def test_a_label_is_cut_to_what_a_button_takes(label):
    (asks,) = extras.below(page(choices=(Choice(does=Does.ASK, label=label, press="ask:1:0"),)))
    text = asks["elements"][0]["text"]["text"]
    assert len(text.encode("utf-16-le")) // 2 <= 75
    assert text == label or text.endswith("…")


def test_too_much_for_blocks_is_markdown_with_a_list():
    assert extras.blocks(page("\n" * 7000 + "x", choices=ASKS)) is None
    assert extras.looks(page(choices=ASKS + JUDGEMENTS)) == {"markdown_text": "said\n\n- what 0?\n- what 1?"}
    assert extras.blocks(page(choices=ASKS, simpler=1)) is None


def test_no_number_of_heading_signs_is_too_much():
    shown = extras.blocks(page(fold.fold("Reasoning", "# " * 900 + "x\n# **# y** `<!here>`")))
    (context,) = [block for block in shown["blocks"] if block["type"] == "context"]
    assert "*x*" in context["elements"][0]["text"]
    assert "<" not in context["elements"][0]["text"]


def test_the_home_tab_holds_paragraphs_and_at_most_as_many_buttons_as_slack_takes():
    choices = tuple(Choice(does=Does.GREET, label=f"what {n}?", press=f"start:{n}") for n in range(30))
    view = extras.home("**Hi** & [you](https://a.b)\n\n" + "x" * 7000 + "\n\n" + "\n\n".join("y" * 99), choices)
    *sections, actions = view["blocks"]
    assert view["type"] == "home"
    assert sections[0]["text"]["text"] == "*Hi* &amp; <https://a.b|you>"
    assert all(0 < len(section["text"]["text"]) <= 3000 for section in sections)
    assert len(actions["elements"]) == 25
    assert len(view["blocks"]) <= 100
    assert extras.home("hi", ())["blocks"][-1]["type"] == "section"


def test_buttons_of_our_own_stand_beside_those_that_ask():
    own = (
        Choice(does=Does.RESUME, label="1. x", press="resume:1:"),
        Choice(does=Does.VOICE, label="Ann", press="voice:1"),
    )
    (actions,) = extras.below(page(choices=own))
    assert [button["value"] for button in actions["elements"]] == ["resume:1:", "voice:1"]
