"""The choice of an answer for a question: in its language, by the first topic that matches."""

import re
from dataclasses import replace

from simulators.coze import answers_en, answers_zh
from simulators.coze.answers import Answer, Asked


def choose(asked: Asked, suggestions: bool = True) -> Answer:
    """The answer of the unscripted bot; without `suggestions` nothing is proposed after it."""
    if verbatim := re.match(r"\s*echo:[ ]?(.*)", asked.text, re.DOTALL | re.IGNORECASE):
        return Answer(text=verbatim[1])
    if asked.replying:
        return answers_zh.replied(asked) if asked.chinese else answers_en.replied(asked)
    answer = answers_zh.default(asked) if asked.chinese else answers_en.default(asked)
    for pattern, tell in answers_zh.TOPICS if asked.chinese else answers_en.TOPICS:
        if found := re.search(pattern, asked.text, re.IGNORECASE):
            answer = tell(replace(asked, found=[group or "" for group in found.groups()]))
            break
    return answer if suggestions else replace(answer, follow_ups=[])
