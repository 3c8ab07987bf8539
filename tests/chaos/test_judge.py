"""The judge of the chaos suite itself: each fault, put into chats by hand, is found; a chat without one passes."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from bridge.texts import TEXTS
from tests.chaos import judge
from tests.chaos.judge import Message, Times, Verdict, judged
from tests.chaos.questions import Asked, answer, text
from tests.chaos.report import Report
from tests.chaos.trace import BY_CHANCE, Trace

PLACE = "telegram:1001"
LINE = f"{PLACE}:1001 0"
WHOLE = text(7, 120)
STOPPED, NEW = TEXTS["stopped"]["en"], TEXTS["new"]["en"]
SORRY = TEXTS["unreachable"]["en"]


def asked(number: int = 7, *, words: int = 120, kind: str = "question", line: str = LINE, order: int = 1) -> Asked:
    return Asked(
        number=number, kind=kind, place=PLACE, line=line, words=words, message=str(order), order=f"{order:03d}"
    )


def message(order: int, *shown: str, reply_to: str = "") -> Message:
    versions = [(float(at), words) for at, words in enumerate(shown)]
    return Message(place=PLACE, id=str(order), order=order, versions=versions, reply_to=reply_to)


def only(messages: list[Message]) -> Verdict:
    (verdict,), _ = judged([asked()], messages)
    return verdict


def grown(whole: str) -> list[str]:
    return [whole[:size] for size in (10, 200, len(whole))]


def test_a_whole_answer_is_one() -> None:
    verdict = only([message(2, *grown(WHOLE))])
    assert (verdict.outcome, verdict.extra, verdict.faults) == ("answered", [], [])


def test_pages_are_one_answer() -> None:
    half = WHOLE.index(" 7w0050")
    verdict = only([message(2, WHOLE[:half]), message(3, WHOLE[half:])])
    assert (verdict.outcome, verdict.extra, verdict.run) == ("answered", [], ["2", "3"])


def test_pages_in_the_wrong_order_are_told() -> None:
    half = WHOLE.index(" 7w0050")
    assert only([message(2, WHOLE[half:]), message(3, WHOLE[:half])]).faults == ["its pages are not in order"]


def test_nothing_at_all_is_lost() -> None:
    assert only([]).outcome == "lost"
    assert only([message(2, NEW)]).outcome == "lost"


@pytest.mark.parametrize(
    "stands",
    [
        WHOLE[:300],
        WHOLE.replace(" 7w0060", ""),
        WHOLE.replace(" 7w0060", " 7w0060 7w0060"),
        WHOLE.replace("7w0060 7w0061", "7w0061 7w0060"),
        WHOLE + " 7w0000",
    ],
    ids=["cut off", "a word missing", "a word twice", "two words swapped", "begun again"],
)
def test_what_is_not_exactly_the_answer_is_frozen(stands: str) -> None:
    assert only([message(2, stands)]).outcome == "frozen"


def test_a_page_of_its_own_that_is_missing_is_found() -> None:
    half = WHOLE.index(" 7w0050")
    assert only([message(2, WHOLE[:half])]).outcome == "frozen"
    assert only([message(2, "⏳ Interrupted"), message(3, WHOLE[half:])]).outcome == "frozen"


def test_a_second_whole_answer_and_a_stub_are_duplicates() -> None:
    assert only([message(2, WHOLE), message(3, WHOLE)]).extra == ["3"]
    assert only([message(2, WHOLE[:40]), message(3, WHOLE)]).extra == ["2"]


def test_words_of_two_answers_in_one_message_are_mixed_up() -> None:
    verdicts, _ = judged([asked(7), asked(8, words=3)], [message(2, WHOLE), message(3, "8w0000 8w0001 7w0005 8w0002")])
    assert [verdict.outcome for verdict in verdicts] == ["mixed", "mixed"]


def test_a_refusal_counts_as_one_and_a_second_one_is_left_over() -> None:
    (verdict,), loose = judged([asked()], [message(2, SORRY), message(3, SORRY)])
    assert (verdict.outcome, verdict.sentence, [one.id for one in loose]) == ("refused", "unreachable", ["3"])
    verdict = only([message(2, f"{WHOLE[:60]}\n\n{SORRY}")])
    assert (verdict.outcome, verdict.sentence, verdict.extra) == ("refused", "unreachable", [])


def test_a_refusal_before_the_question_is_not_its() -> None:
    (verdict,), _ = judged([asked(order=5)], [message(2, SORRY)])
    assert verdict.outcome == "lost"


def test_in_a_group_the_refusal_is_the_one_that_replies() -> None:
    verdicts, loose = judged([asked(7, order=1), asked(8, order=2)], [message(3, SORRY, reply_to="2")])
    assert [verdict.outcome for verdict in verdicts] == ["lost", "refused"]
    assert loose == []


def test_a_command_has_one_reply() -> None:
    commands = [asked(7, kind="new", order=1), asked(8, kind="stop", order=2)]
    verdicts, loose = judged(commands, [message(3, NEW), message(4, STOPPED), message(5, NEW)])
    assert [verdict.outcome for verdict in verdicts] == ["answered", "answered"]
    assert [one.id for one in loose] == ["5"]
    verdicts, _ = judged(commands, [message(3, NEW)])
    assert [verdict.outcome for verdict in verdicts] == ["answered", "lost"]


def test_a_stop_that_stopped_something_has_no_reply_of_its_own() -> None:
    for order, outcome in ((2, "answered"), (0, "lost")):
        given = [asked(7, order=1), asked(8, kind="stop", order=order)]
        verdicts, _ = judged(given, [message(3, f"{WHOLE[:90]}\n\n{STOPPED}")])
        assert [verdict.outcome for verdict in verdicts] == ["stopped", outcome]


def test_a_stop_that_may_be_silent_leaves_the_reply_to_one_that_may_not() -> None:
    given = [asked(7, order=1), asked(8, kind="stop", order=2), asked(9, kind="stop", order=5)]
    given[2].said_at = 9.0
    nothing = TEXTS["stop_nothing"]["en"]
    verdicts, loose = judged(given, [message(3, f"{WHOLE[:90]}\n\n{STOPPED}"), message(6, nothing)])
    assert {one.asked.number: one.outcome for one in verdicts} == {7: "stopped", 8: "answered", 9: "answered"}
    assert loose == []


def test_what_was_stopped_may_show_no_word_of_the_answer_any_more() -> None:
    given = [asked(6, kind="stop", order=0), asked(7, order=1), asked(8, kind="stop", order=2)]
    verdicts, _ = judged(given, [message(3, WHOLE[:90], STOPPED), message(4, TEXTS["stop_nothing"]["en"])])
    assert {one.asked.number: one.outcome for one in verdicts} == {6: "answered", 7: "stopped", 8: "answered"}


def test_what_was_deleted_is_shown_again_below_a_later_answer() -> None:
    first, second = in_line(LINE, 11, 10)
    first.asked.is_deleted = True
    assert judge.disorder([first, second], times()) == []


def test_a_stop_may_come_too_late_but_not_stay_without_a_word() -> None:
    for said_at, outcome in ((1.5, "answered"), (2.5, "lost")):
        stop = replace(asked(8, kind="stop", order=2), said_at=said_at)
        verdicts, _ = judged([asked(7, order=1), stop], [message(3, *grown(WHOLE))])
        assert [verdict.outcome for verdict in verdicts] == ["answered", outcome]


def test_a_stop_without_a_word_excuses_no_answer_that_froze() -> None:
    verdicts, _ = judged([asked(7, order=1), asked(8, kind="stop", order=2)], [message(3, WHOLE[:90])])
    assert verdicts[0].outcome == "frozen"


def test_an_answer_may_be_stopped_in_the_middle_but_only_by_a_stop_that_came_after_it() -> None:
    for order, outcome in ((2, "stopped"), (0, "frozen")):
        given = [asked(7, order=1), asked(8, kind="stop", order=order)]
        verdicts, _ = judged(given, [message(3, WHOLE[:90]), message(4, STOPPED)])
        assert verdicts[0].outcome == outcome


def test_an_older_text_over_the_final_one_is_found() -> None:
    messages = [message(2, WHOLE[:50], WHOLE, WHOLE[:50], WHOLE)]
    verdicts, _ = judged([asked()], messages)
    judge.look_for_stale(verdicts, messages, {7: 1.5})
    assert verdicts[0].faults == ["message 2 showed an older text after the final stood"]
    verdicts, _ = judged([asked()], messages)
    judge.look_for_stale(verdicts, messages, {7: 2.5})
    assert verdicts[0].faults == []


def times(**changes: object) -> Times:
    return Times(**{"taken": {1: 1.0, 2: 2.0}, "claimed": {1: 3.0, 2: 4.0}, "begun": {1: 3.0, 2: 4.0}, **changes})


def in_line(line: str, first: float = 10, second: float = 11) -> list[Verdict]:
    given = [asked(1, line=line, order=1), asked(2, line=line, order=2)]
    return [Verdict(asked=one, outcome="answered", first=at) for one, at in zip(given, (first, second), strict=True)]


def test_the_wrong_order_is_found_at_coze_and_in_the_chat() -> None:
    assert judge.disorder(in_line(LINE), times()) == []
    assert len(judge.disorder(in_line(LINE), times(begun={1: 4.0, 2: 3.0}))) == 1
    assert len(judge.disorder(in_line(LINE, 11, 10), times())) == 1


def test_who_comes_late_cannot_be_first_but_telegram_brings_nobody_late() -> None:
    late = times(taken={1: 5.0, 2: 2.0}, begun={1: 6.0, 2: 4.0})
    assert judge.disorder(in_line("slack:C:1.0:U 0"), late) == []
    assert len(judge.disorder(in_line(LINE), late)) == 1
    both_there = times(taken={1: 3.9, 2: 2.0}, begun={1: 6.0, 2: 4.0})
    assert len(judge.disorder(in_line("slack:C:1.0:U 0"), both_there)) == 1


def test_a_question_asked_again_after_a_failed_chat_is_no_repeat() -> None:
    assert judge.repeats([(7, "failed"), (7, "completed")]) == {}
    assert judge.repeats([(7, "completed"), (7, "completed")]) == {7: 1}


def line(point: str, phase: str, pid: int = 5, **told: object) -> bytes:
    return json.dumps([1.0, 0, pid, point, phase, {"key": "k", "text": "ask7 please", **told}]).encode()


def seen(*lines: bytes) -> Trace:
    trace = Trace()
    for one in (line("store.receive", "before"), *lines):
        trace.add(one)
    return trace


SENT = line("telegram.send", "before", mark="k/0")
NOTED = line("store.keep_post", "after", page=0, message="9")


def test_the_gap_is_open_from_the_send_to_its_note() -> None:
    assert seen(SENT, NOTED).gaps() == {}
    assert seen(SENT).gaps() == {7: [f"telegram: {BY_CHANCE}"]}
    aimed = line("store.keep_post", "before", page=0, message="9", killed=True)
    assert seen(SENT, aimed).gaps() == {7: ["telegram: killed before store.keep_post"]}
    elsewhere = line("store.settle", "before", killed=True, key="another")
    assert seen(SENT, elsewhere).gaps() == {7: [f"telegram: {BY_CHANCE}"]}
    failed = line("telegram.send", "failed", mark="k/0", error="Unreachable")
    assert seen(SENT, failed, SENT, NOTED).gaps() == {7: ["telegram: no answer to the send"]}
    refused = line("telegram.send", "failed", mark="k/0", error="Refused")
    assert seen(SENT, refused).gaps() == {}


def reported(verdicts: list[Verdict], gaps: dict[int, list[str]], kills: int = 1000, **more: object) -> Report:
    fields = {"loose": [], "wrong": [], "repeats": Counter(), **more}
    report = Report.of(verdicts, gaps=gaps, **fields)
    report.kills = kills
    return report


def doubled(number: int = 7) -> Verdict:
    return Verdict(asked=asked(number), outcome="answered", extra=["2"])


def test_a_duplicate_outside_of_the_gaps_fails_and_one_in_them_is_counted() -> None:
    assert "outside of the gaps" in reported([doubled()], {}).failures()[0]
    assert reported([doubled()], {7: ["telegram: killed before store.keep_post"]}).failures() == []
    assert reported([doubled()], {7: [f"telegram: {BY_CHANCE}"]}).failures() == []
    many = [doubled(number) for number in range(7, 17)]
    by_chance = {number: [f"telegram: {BY_CHANCE}"] for number in range(7, 17)}
    assert "are more than 0.1%" in reported(many, by_chance).failures()[0]


def test_everything_bad_fails() -> None:
    for outcome in judge.BAD:
        assert reported([Verdict(asked=asked(), outcome=outcome)], {}).failures()
    assert reported([], {}, wrong=["2 stands before 1"]).failures()
    assert reported([], {}, repeats=Counter({1: 2})).failures()
    assert reported([], {}, loose=[message(2, "⏳")]).failures()
    report = reported([], {})
    report.troubles.append("it died")
    assert report.failures() == ["it died"]
    assert reported([Verdict(asked=asked(), outcome="answered")], {}).failures() == []


def test_the_reports_of_several_worlds_become_one() -> None:
    whole = Report()
    for world in (0, 1):
        whole.add(world, reported([doubled(), Verdict(asked=asked(8), outcome="lost")], {}, kills=3).dumped())
    assert (whole.kills, whole.outcomes) == (6, {"answered": 2, "lost": 2})
    assert sorted(whole.bad) == ["0.8", "1.8"]
    assert len(whole.outside) == 2


def test_the_pieces_of_an_answer_are_the_answer() -> None:
    said = answer(7, 120, 1.5)
    assert said.deltas is not None
    assert "".join(said.deltas) == said.text == WHOLE
