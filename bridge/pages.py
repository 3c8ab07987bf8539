"""An Answer as the Pages that are to be seen of it, now or at its end."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from bridge.answer import Answer
from bridge.heal import heal
from bridge.markup import split
from bridge.model import Page, Turn

Reasoning = Literal["show", "thinking", "hide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What of an answer is shown beside its text; the operator's choice."""

    reasoning: Reasoning = "show"
    """`show`: collapsed, above the text; `thinking`: only until the text begins; `hide`: never."""
    sources: bool = True
    suggestions: bool = True
    feedback: bool = True
    media: bool = True
    document_pages: int = 8
    """An answer of more pages also comes as a Markdown file; 0: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the pages of one turn's answer are made."""

    turn: Turn
    look: Look
    fill: Callable[[str, int], float]
    """As in `Limits`."""

    def growing(self, answer: Answer, *, simpler: int, standing: Collection[int]) -> list[Page]:
        """What is to be seen while more may come. `standing`: the pages that have messages already."""
        if not answer.text.strip():
            return []
        pages = self._split(answer.text, simpler, done=False)
        if pages and not simpler:
            pages[-1:] = _healed(pages[-1], standing)
        return pages

    def passing(self, sentence: str) -> list[Page]:
        """A word of ours in the place of the answer."""
        return self._split(sentence, 0, done=False)

    def whole(self, answer: Answer, *, simpler: int) -> list[Page]:
        """What is to be seen at the end."""
        return self._split(answer.shown, simpler, done=True)

    def _split(self, text: str, simpler: int, *, done: bool) -> list[Page]:
        fill = partial(_scaled, self.fill, simpler)
        texts = split(text, fill)
        return [
            Page(
                index=index,
                text=text,
                final=done or index < len(texts) - 1,
                mark=f"{self.turn.key}/{index}",
                simpler=simpler,
            )
            for index, text in enumerate(texts)
        ]


def _scaled(fill: Callable[[str, int], float], simpler: int, text: str) -> float:
    """Smaller pages once the platform has refused the answer twice."""
    return fill(text, simpler) * (2.0 if simpler > 1 else 1.0)


def _healed(last: Page, standing: Collection[int]) -> list[Page]:
    """The page as it is to be seen while more may come; none if all of it only announces something."""
    text = heal(last.text)
    if text.strip():
        return [replace(last, text=text, said=last.text)]
    return [last] if last.index in standing else []
