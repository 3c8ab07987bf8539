"""Where a page of Markdown ends, and how the next one goes on."""

import re
import time

import pytest

from bridge.markup import pieces, split


def fill(page: str) -> float:
    return len(page) / 100


def words(count: int) -> str:
    return " ".join(["word"] * count)


# ---- the preference --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " ", "\n\n \t\n", "\u3000"])
def test_a_blank_text_has_no_pages(text: str) -> None:
    assert split(text, fill) == []


def test_a_short_text_is_one_page_without_the_space_around() -> None:
    assert split("\n\n  hello **world**\n\n", fill) == ["  hello **world**"]


def test_a_fence_that_is_still_growing_is_left_open_on_the_last_page() -> None:
    assert split("```py\nx = 1", fill) == ["```py\nx = 1"]


def test_a_blank_line_is_better_than_a_later_line() -> None:
    first = f"{words(11)}\n\n"

    assert split(f"{first}{words(4)}\n{words(20)}", fill)[0] == first.strip()


def test_a_new_line_is_better_than_a_later_sentence() -> None:
    assert split(f"{words(12)}\n{words(3)}. {words(20)}", fill)[0] == words(12)


@pytest.mark.parametrize("end", [".", "!", "?", "…", '."', ".)", ".**"])
def test_the_end_of_a_sentence_is_better_than_a_later_word(end: str) -> None:
    assert split(f"{words(13)}{end} {words(20)}", fill)[0] == words(13) + end


@pytest.mark.parametrize("end", ["。", "！", "？", "…", "。”", "."])
def test_a_chinese_sentence_ends_without_a_space(end: str) -> None:
    assert split(f"{'字' * 60}{end}{'字' * 200}", fill)[0] == "字" * 60 + end


def test_a_comma_is_better_than_a_later_character() -> None:
    assert split("字" * 60 + "，" + "字" * 200, fill)[0] == "字" * 60 + "，"


def test_words_stay_whole() -> None:
    assert set(" ".join(split(words(100), fill)).split()) == {"word"}


def test_a_word_longer_than_a_page_is_cut() -> None:
    pages = split("x" * 250, fill)

    assert "".join(pages) == "x" * 250
    assert len(pages) == 3


def test_a_page_never_ends_with_a_heading() -> None:
    text = f"{words(11)}\n\n## Heading\n\n{words(30)}"

    assert split(text, fill)[:2] == [words(11), f"## Heading\n\n{words(15)}"]


def test_headings_alone_are_cut_between_them() -> None:
    assert all(page.startswith("# ") for page in split("# heading\n" * 40, fill))


def test_the_rest_of_a_line_does_not_turn_into_a_block() -> None:
    text = f"{words(16)} - {words(1)} 1. {words(20)}"

    assert not any(re.match(r"- |1\. ", page) for page in split(text, fill))


@pytest.mark.parametrize(
    "whole",
    [
        "👨‍👩‍👧‍👦",
        "🇩🇪",
        "👍🏽",
        "e\u0301",
        "1️⃣",
        "한",
        "न्दि",
        "\ud83d\ude00",
        "\u1112\u1161\u11ab",
        "\u1100\u1100\uac00",
        "각\u11a8",
    ],
)
@pytest.mark.parametrize("shift", range(12))
def test_a_character_of_several_code_points_stays_whole(whole: str, shift: int) -> None:
    pages = split("x" * shift + whole * 80, fill)

    assert "".join(pages) == "x" * shift + whole * 80
    assert all(page.replace(whole, "").strip("x") == "" for page in pages)


def test_a_line_end_of_two_characters_stays_whole() -> None:
    assert split(f"{words(14)}\r\n" * 3, fill) == [words(14)] * 3


# ---- inline markup ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "whole",
    [
        "[a link of some words](http://example.org/a_(b))",
        '[a link](http://example.org/ "and its title")',
        "![an image](http://example.org/image.png)",
        "`code with several words in it`",
        "``code with ` in it and more``",
        "**bold words that go on**",
        "***bold and slanted words***",
        "*a **b c** d e f g h*",
        "~~gone words that went~~",
        "__bold words that go on__",
        "https://example.org/search?q=one,two",
        "**注意：**这里",
    ],
)
@pytest.mark.parametrize("shift", range(6, 60, 3))
def test_inline_markup_stays_whole(whole: str, shift: int) -> None:
    text = f"{'y' * shift} {words(8)} {whole} {words(20)}"

    assert any(whole in page for page in split(text, fill))


@pytest.mark.parametrize("mark", ["**", "*", "~~", "`", "``", "_", "***"])
def test_emphasis_longer_than_a_page_is_closed_and_opened(mark: str) -> None:
    pages = split(f"{words(5)} {mark}{words(60)}{mark} {words(5)}", fill)

    assert pages[0].endswith(mark)
    assert all(page.startswith(mark) and page.endswith(mark) for page in pages[1:-1])
    assert pages[-1].startswith(mark)


def test_emphasis_goes_on_behind_the_marks_of_its_quote_and_over_lines() -> None:
    pages = split(f"> **{words(30)}\n> {words(30)}**", fill)

    assert all(page.startswith("> **") and page.endswith("**") for page in pages)


def test_emphasis_over_lines_is_cut_between_them() -> None:
    assert split(f"**{words(14)}\n{words(14)}\n{words(3)}**", fill)[0] == f"**{words(14)}**"


def test_a_link_longer_than_a_page_is_cut_as_text() -> None:
    assert "".join(split(f"[{'x' * 300}](u)", fill)) == f"[{'x' * 300}](u)"


def test_stray_markers_do_not_reach_over_paragraphs() -> None:
    text = f"a ` b **c [d\n\n{words(60)}"

    assert split(text, fill)[1:] == [words(16)[:79]] * 3 or all(
        page.strip("word ") == "" for page in split(text, fill)[1:]
    )


def test_long_runs_of_markers_are_text() -> None:
    assert split(f"{'*' * 20}{words(30)}{'*' * 20}", fill)[0].endswith("word")


def test_the_inside_of_a_marker_is_no_place_for_a_cut() -> None:
    for size in range(60, 100):
        pages = split(f"**{'x' * size}**{'y' * 200}", fill)
        assert "".join(pages).replace("*", "") == "x" * size + "y" * 200
        assert not any(page.count("**") % 2 for page in pages)


def test_what_a_backslash_escapes_is_text() -> None:
    assert split(rf"\*\* \` \[ {words(60)}", fill)[1].startswith("word")


# ---- fences ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("marker", ["```", "~~~", "`````"])
def test_a_fence_is_closed_and_opened_again(marker: str) -> None:
    code = [f"x{number} = {number}" for number in range(40)]
    pages = split(f"{marker}python\n" + "\n".join(code) + f"\n{marker}", fill)

    assert all(page.startswith(f"{marker}python\n") and page.endswith(f"\n{marker}") for page in pages)
    assert [row for page in pages for row in page.split("\n")[1:-1]] == code


def test_a_fence_in_the_second_half_goes_to_the_next_page() -> None:
    code = "```py\n" + "x = 1\n" * 12 + "```"

    assert split(f"{words(12)}\n\n{code}", fill) == [words(12), code]


def test_a_fence_in_the_first_half_is_cut() -> None:
    pages = split(f"{words(3)}\n\n```py\n" + "x = 1\n" * 20 + "```", fill)

    assert pages[0].startswith(f"{words(3)}\n\n```py\nx = 1\n")
    assert pages[0].endswith("\nx = 1\n```")


def test_a_fence_is_cut_at_its_blank_lines_if_it_can_be() -> None:
    pages = split("```\n" + "one\ntwo\nthree\n\n" * 20 + "```", fill)

    assert all(page.endswith("three\n```") for page in pages[:-1])


def test_a_line_of_code_longer_than_a_page_is_cut() -> None:
    pages = split("```\n" + "x" * 250 + "\n```", fill)

    assert "".join(page.removeprefix("```\n").removesuffix("\n```") for page in pages) == "x" * 250


def test_what_cannot_be_a_fence_is_text() -> None:
    text = f"``` `{words(30)}`"

    assert not any(page.endswith("\n```") for page in split(text, fill))


def test_an_indentation_of_four_makes_no_fence() -> None:
    assert not any("```" in page for page in split(f"    ```\n{words(60)}", fill)[1:])


def test_emphasis_and_code_do_not_make_a_fence_together() -> None:
    """What goes on with two backticks, inside of code that one opened, would begin with three."""
    for size in range(60, 100):
        assert not any(re.match("```", page) for page in split(f"`{'x' * size}``{'y' * 300}`", fill))


def test_a_long_info_string_is_shortened_to_the_language() -> None:
    pages = split("```python " + "x" * 70 + "\n" + "x = 1\n" * 100 + "```", lambda page: len(page) / 300)

    assert all(page.startswith("```python\n") for page in pages[1:])


def test_a_fence_in_a_quote_ends_with_the_quote() -> None:
    pages = split("> ```py\n" + "> x = 1\n" * 20 + f"\n{words(40)}", fill)

    assert pages[0].endswith("\n> ```")
    assert pages[1].startswith("> ```py\n> x = 1")
    assert pages[-1].strip("word ") == ""


def test_a_long_line_of_code_in_a_quote_stays_in_it() -> None:
    pages = split("> ```\n> " + words(60) + "\n> ```", fill)

    assert all(page.startswith("> ```\n> word") and page.endswith("\n> ```") for page in pages)


# ---- lists, quotes, tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "margin"), [("- ", "  "), ("1. ", "   "), ("10. ", "  "), ("  - ", "  "), ("    ", "    ")]
)
def test_a_long_item_goes_on_with_its_indentation(item: str, margin: str) -> None:
    assert all(re.match(margin + "word", page) for page in split(item + words(60), fill)[1:])


def test_items_are_cut_between_them() -> None:
    pages = split("\n".join(f"- {words(5)}" for _ in range(20)), fill)

    assert all(page.startswith("- ") and page.endswith("word") for page in pages)


def test_items_of_the_outer_list_are_better_places() -> None:
    rows = [f"- {words(4)}", *[f"    - {words(2)}"] * 2] * 6

    assert all(page.startswith("- ") for page in split("\n".join(rows), fill))


def test_nested_items_do_not_turn_into_code() -> None:
    pages = split("- a\n" + f"    - {words(4)}\n" * 10, fill)

    assert all(page.startswith("  - word") and "\n  - word" in page for page in pages[1:])


def test_a_fence_in_a_nested_item_does_not_turn_into_text() -> None:
    pages = split("- a\n    - b\n\n      ```py\n" + "      x = 1\n" * 30 + "      ```\n- c", fill)

    assert all(page.startswith("  ```py\n  x = 1\n") for page in pages[1:])
    assert all(page.endswith("\n  ```") for page in pages[1:-1])
    assert pages[-1].endswith("\n  ```\n- c")


def test_a_fence_that_begins_under_nested_items_is_closed_as_deep_as_it_stands() -> None:
    text = "- a\n    - " + words(60) + "\n    - b\n      ```\n" + "      x = 1\n" * 20 + "      ```"
    pages = split(text, lambda page: len(page) / 150)

    assert any("\n- b\n  ```\n  x = 1" in page and page.endswith("\n  ```") for page in pages)


def test_a_fence_beside_an_item_is_closed_beside_it() -> None:
    pages = split("- ```py\n" + "  x = 1\n" * 30 + "  ```", fill)

    assert all(page.endswith("\n  ```") for page in pages)
    assert all(page.startswith("  ```py\n") for page in pages[1:])


@pytest.mark.parametrize("mark", ["> ", "> > ", ">"])
def test_a_quote_goes_on_as_a_quote(mark: str) -> None:
    assert all(page.startswith(mark + "word") for page in split(mark + words(60), fill))


def test_a_lazy_line_of_a_quote_stays_in_it() -> None:
    pages = split(f"> {words(12)}\n{words(12)}\n{words(30)}", fill)

    assert all(page.startswith("> word") for page in pages)


def test_what_follows_a_quote_is_not_in_it() -> None:
    assert split(f"> {words(12)}\n- {words(12)}", fill) == [f"> {words(12)}", f"- {words(12)}"]


def test_a_table_is_cut_between_rows_and_its_header_repeated() -> None:
    rows = [f"| {number} | {words(3)} |" for number in range(20)]
    pages = split("\n".join(["| a | b |", "|---|---|", *rows]), fill)

    assert all(page.startswith("| a | b |\n|---|---|\n| ") for page in pages)
    assert [row for page in pages for row in page.split("\n")[2:]] == rows


def test_a_table_ends_at_a_blank_line_or_another_block() -> None:
    for end in ("\n", "## "):
        text = f"| a | b |\n|---|---|\n| {words(8)} |\n{end}{words(60)}"
        assert not any(page.startswith("| a") for page in split(text, fill)[1:])


def test_a_row_longer_than_a_page_is_cut_as_text() -> None:
    pages = split(f"| a | b |\n|---|---|\n| {words(60)} |\n| c | d |", fill)

    assert " ".join(" ".join(pages).split()).count("word") == 60


def test_a_table_is_not_cut_behind_its_header() -> None:
    pages = split(f"{words(11)}\n\n| a | b |\n|---|---|\n| {words(8)} |\n| c | d |", fill)

    assert pages[0] == words(11)


# ---- the measure -----------------------------------------------------------------------------------------------


def test_pages_are_filled() -> None:
    pages = split(words(20_000), lambda page: len(page) / 4096)

    assert min(len(page) for page in pages[:-1]) > 0.85 * 4096


def test_an_address_counts_while_its_link_is_open() -> None:
    """A page that was full while a link grew stays as it was when the closed link takes less room."""

    def shown(page: str) -> float:
        return len(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", page)) / 200

    text = f"{words(30)} [link](http://example.org/{'a' * 100}) end"
    pages = split(text, shown)
    for stop in range(len(text)):
        before = split(text[:stop], shown)
        assert pages[: max(0, len(before) - 1)] == before[:-1]


def test_what_does_not_fit_even_alone_is_cut_anywhere() -> None:
    text = "> " * 20 + "e" + "\u0301" * 100
    pages = split(text, lambda page: len(page) / 10)

    assert "".join("".join(pages).split()) == "".join(text.split())
    assert all(len(page) <= 10 for page in pages)


def test_what_a_cut_adds_may_take_more_than_is_kept_for_it() -> None:
    def costly(page: str) -> float:
        return len(page) / 100 + page.count("```") / 8

    assert all(costly(page) <= 1 for page in split("```\n" + "x = 1\n" * 60 + "```", costly))


def test_a_page_of_one_character_still_gets_on() -> None:
    assert split("> a\n```\nb", lambda page: float(len(page))) == [*">a```b"]


def test_a_header_that_fills_half_a_page_is_not_repeated() -> None:
    header = f"| {words(11)} |\n|---|\n"
    pages = split(header + "| row |\n" * 30, fill)

    assert all(page.startswith("| row |") for page in pages[1:])


def test_the_end_of_a_fence_is_not_left_alone() -> None:
    """It stands for the end that the cut would add."""
    for size in range(60, 120):
        pages = split(f"```\n{'~' * size}\n```\n{words(20)}", fill)
        assert not any(page == "```\n```" for page in pages)
        assert pages[-1].strip("word ") in ("", "```\n~\n```")


# ---- cost ------------------------------------------------------------------------------------------------------


def _monsters() -> dict[str, str]:
    return {
        "one line": "x" * 100_000,
        "chinese": "你好世界" * 25_000,
        "backticks": "`" * 10_000,
        "single backticks": "` " * 30_000,
        "quotes": ">" * 5_000 + " x" * 3_000,
        "spaced quotes": "> " * 5_000 + "x " * 3_000,
        "brackets": "[" * 100_000,
        "half links": "[](" * 30_000,
        "open emphasis": "*a " * 30_000,
        "blank lines": "\n" * 100_000 + "x",
        "fences": "```\n" * 25_000,
        "headers": "| a |\n|---|\n" * 8_000,
        "combining": "e" + "\u0301" * 100_000,
        "flags": "🇩🇪" * 50_000,
        "spaces": "a" + " " * 100_000 + "b",
        "nested": "".join(" " * (depth % 40) + "- x\n" for depth in range(5_000)),
    }


@pytest.mark.parametrize("name", _monsters())
def test_monsters_take_no_long_time(name: str) -> None:
    text = _monsters()[name]
    measured = 0

    def counting(page: str) -> float:
        nonlocal measured
        measured += len(page)
        return len(page) / 4096

    start = time.process_time()
    found = pieces(text, counting)

    assert "".join(text[piece.start : piece.stop] for piece in found).replace("`", "").replace("\n", "").replace(
        " ", ""
    ) == text.replace("`", "").replace("\n", "").replace(" ", "")
    assert measured < 8 * len(text) + 8 * 4096
    assert time.process_time() - start < 5
