"""An Answer as the Pages that are to be seen of it, now or at its end."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal
from urllib.parse import quote

from bridge import blocks, fold, media
from bridge.answer import Answer, Said, Source, clean
from bridge.heal import heal
from bridge.markup import Growing
from bridge.model import FIRST_FILE, Attachment, Choice, Does, Kind, Page, Turn, TurnId, TurnState
from bridge.spoken import spoken
from bridge.texts import text

Reasoning = Literal["show", "thinking", "hide"]

RULE = "---\n\n"
"""Between two answers of one chat, which would else read as one."""
MOST_SOURCES = 10
MOST_SUGGESTIONS = 5
"""Coze makes three at most; it is not documented that it stays so."""
LONGEST_TITLE, LONGEST_LABEL, LONGEST_TOOL, LONGEST_QUESTION = 100, 100, 60, 500
"""UTF-16 units."""
LONGEST_URL = 500
FULLEST_FOLD, LEAST_FOLD = 0.6, 50
"""How full of a fold a message may be, and the UTF-16 units that it is given all the same."""
SPOKEN = FIRST_FILE
"""Number of the page that is the voice message."""
DOCUMENT = FIRST_FILE + 1
"""Number of the page that is the document; media follow. They have numbers of their own, so that these are the same
however the text is cut."""
_WEB = re.compile(r"https?://[^\s<>\"\\]+", re.IGNORECASE)
_URL_SIGNS = "%/:?#@!$&'*+,;=-._~[]"
"""What stays as it is in an address: all that it may hold but parentheses, which would end the link in Markdown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What of an answer is shown beside its text; the operator's choice."""

    reasoning: Reasoning = "show"
    """`show`: collapsed, above the text; `thinking`: only until the text begins; `hide`: never."""
    sources: bool = True
    suggestions: bool = True
    feedback: bool = True
    media: bool = True
    voice: bool = True
    """Answers are spoken to those who want to hear them."""
    document_pages: int = 8
    """An answer of more pages also comes as a Markdown file; 0: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the pages of one turn's answer are made."""

    turn: Turn
    look: Look
    fill: Callable[[str, int], float]
    """As in `Limits`."""
    plain_from: int = 1
    """As in `Limits`."""
    cuts: dict[tuple[int, int], Growing] = field(default_factory=dict, repr=False, compare=False)
    """Of each run of text, by how simple it is to be."""

    def growing(self, answer: Answer, *, simpler: int, standing: Collection[int], signed: bool = False) -> list[Page]:
        """What is to be seen while more may come. `standing`: the pages that have messages already.

        `signed`: it is not nothing.
        """
        pages = self._pages(self._split(self._runs(answer, simpler, whole=False), simpler), simpler, done=False)
        if pages and simpler < self.plain_from:
            pages[-1:] = _healed(pages[-1], standing)
        status = self._status(answer) or (text("thinking_now", self.turn.language) if signed and not pages else "")
        if status:
            return self._with_status(pages, status, simpler)
        return pages

    def passing(self, sentence: str) -> list[Page]:
        """A word of ours in the place of the answer."""
        return self._pages(self._split([sentence], 0), 0, done=False)

    def whole(self, answer: Answer, *, simpler: int) -> list[Page]:
        """What is to be seen at the end."""
        runs = self._runs(answer, simpler, whole=True)
        if answer.note.strip():
            runs[-1:] = [f"{_ended(runs[-1])}\n\n{answer.note}" if runs else answer.note]
        texts = self._split(self._asked(runs), simpler)
        if answer.outcome is not TurnState.FAILED and answer.text and (sources := self._sources(answer)):
            joined = f"{_ended(texts[-1])}\n\n{sources}"
            fits = self._fill(simpler)(joined) <= 1.0
            texts[-1:] = [joined] if fits else [texts[-1], *self._split([sources], simpler)]
        pages = self._pages(texts, simpler, done=True)
        if pages:
            pages[-1] = replace(pages[-1], choices=self._choices(answer))
        return [*pages, *self._attached(answer, len(pages))]

    # ---- texts -------------------------------------------------------------------------------------------------

    def _runs(self, answer: Answer, simpler: int, *, whole: bool) -> list[str]:
        """The Markdown of its messages. Each run begins a page: so the fold at its beginning never crosses two."""
        runs: list[str] = []
        spoken = False
        for said in answer.said:
            folded = self._reasoning(said, simpler=simpler, whole=whole)
            content = "\n\n".join(part for part in (folded, said.text) if part)
            if not content:
                continue
            if runs and not (said.reasoning and self.look.reasoning != "hide"):
                runs[-1] = f"{_ended(runs[-1])}\n\n{RULE if spoken else ''}{content}"
            else:
                runs.append(content)
            spoken = bool(said.text)
        return runs if whole else self._asked(runs)

    def _asked(self, runs: list[str]) -> list[str]:
        """With the question above them, where nobody wrote it: a button was pressed, or it was spoken."""
        asked = [self.turn.question] if self.turn.pressed and self.turn.question else []
        asked += [f"🎤 {file.heard}" for file in self.turn.files if file.heard]
        if not (asked and runs):
            return runs
        question = "\n".join(fold.literal(fold.shortened(one, LONGEST_QUESTION)) for one in asked)
        return [f"{fold.quote(question)}\n\n{runs[0]}", *runs[1:]]

    def _reasoning(self, said: Said, *, simpler: int, whole: bool) -> str:
        """The fold above a message; empty if it is not to be seen (any more)."""
        wanted = self.look.reasoning == "show" or (self.look.reasoning == "thinking" and not (said.text or whole))
        if not (wanted and said.reasoning):
            return ""
        title, most = text("reasoning", self.turn.language), fold.MOST_UNITS
        folded = fold.fold(title, said.reasoning)
        while self._fill(simpler)(folded) > FULLEST_FOLD and most > LEAST_FOLD:  # dense with markup
            most = most * 3 // 4
            folded = fold.fold(title, said.reasoning, most=most)
        return folded

    def _sources(self, answer: Answer) -> str:
        """The fold that lists them; empty if there are none to be seen."""
        sources = [source for source in answer.sources if source.title.strip()] if self.look.sources else []
        lines = [f"{number}. {_link(source)}" for number, source in enumerate(sources[:MOST_SOURCES], 1)]
        if len(sources) > MOST_SOURCES:
            lines += ["", text("more_sources", self.turn.language, more=len(sources) - MOST_SOURCES)]
        listed = "\n".join(lines)
        return fold.fold(text("sources", self.turn.language), listed, most=2 * len(listed)) if lines else ""

    # ---- beside the text ---------------------------------------------------------------------------------------

    def _status(self, answer: Answer) -> str:
        """What the bot is doing, if it is worth telling."""
        if answer.fetching:
            return text("fetching", self.turn.language)
        if answer.coming:
            return answer.coming
        if answer.tool:
            tool = fold.shortened(" ".join(answer.tool.split()), LONGEST_TOOL)
            return text("using", self.turn.language, tool=tool)
        said = answer.said
        unseen = self.look.reasoning == "hide" and bool(said) and not said[-1].text
        return text("thinking_now", self.turn.language) if unseen or (answer.tool_used and not said) else ""

    def _attached(self, answer: Answer, pages: int) -> list[Page]:
        """The text as a document, if it is long, and what the answer brings along."""
        if answer.outcome is not TurnState.DELIVERED or not answer.text:
            return []
        found: dict[int, Attachment] = {}
        if self.look.voice and self.turn.voice and (words := spoken(answer.text, self.turn.language)):
            found[SPOKEN] = Attachment(kind=Kind.VOICE, name="answer.mp3", text=words)
        if 0 < self.look.document_pages < pages:
            found[DOCUMENT] = Attachment(kind=Kind.DOCUMENT, name="answer.md", text=answer.text)
        if self.look.media:
            found |= dict(enumerate(media.attachments(answer.text, answer.media), DOCUMENT + 1))
        return [
            Page(index=index, text="", final=True, mark=mark(self.turn, index), attachment=attachment)
            for index, attachment in found.items()
        ]

    def _with_status(self, pages: list[Page], status: str, simpler: int) -> list[Page]:
        """The line below the last page, if there is room for it."""
        if not pages:
            question = "\n".join(self._asked([""])).strip()
            return [replace(page, status=status) for page in self._pages([question], simpler, done=False)]
        if not pages[-1].final and self._fill(simpler)(f"{pages[-1].text}\n\n{status}") <= 1.0:
            pages[-1] = replace(pages[-1], status=status)
        return pages

    def _choices(self, answer: Answer) -> tuple[Choice, ...]:
        """Buttons of our own, and those below a good answer to a question."""
        if self.turn.conversation is None or answer.outcome is not TurnState.DELIVERED or not answer.text:
            return answer.choices if answer.outcome is TurnState.DELIVERED else ()
        asks = [
            Choice(does=Does.ASK, label=fold.shortened(" ".join(question.split()), LONGEST_LABEL), press=press)
            for press, question in offered(self.turn.id, answer)
            if self.look.suggestions
        ]
        judgements = (
            Choice(does=Does.LIKE, label="👍", press=f"{Does.LIKE}:{self.turn.id}"),
            Choice(does=Does.DISLIKE, label="👎", press=f"{Does.DISLIKE}:{self.turn.id}"),
        )
        return (*answer.choices, *asks, *(judgements if self.look.feedback else ()))

    # ---- pages -------------------------------------------------------------------------------------------------

    def _fill(self, simpler: int) -> Callable[[str], float]:
        return partial(_scaled, self.fill, simpler)

    def _split(self, runs: list[str], simpler: int) -> list[str]:
        """Each run's pages; where they were cut is remembered for the next version."""
        pages: list[str] = []
        for number, run in enumerate(runs):
            cuts = self.cuts.setdefault((number, simpler), Growing(self._fill(simpler)))
            pages += cuts.split(run)
        return pages

    def _pages(self, texts: list[str], simpler: int, *, done: bool) -> list[Page]:
        return [
            Page(
                index=index,
                text=text,
                final=done or index < len(texts) - 1,
                mark=mark(self.turn, index),
                simpler=simpler,
            )
            for index, text in enumerate(texts)
        ]


def mark(turn: Turn, index: int) -> str:
    """`Page.mark` of that page of its answer."""
    return f"{turn.key}/{index}"


def offered(turn: TurnId, answer: Answer) -> list[tuple[str, str]]:
    """What a button for each suggestion sends when it is pressed, and the question that it asks."""
    questions = [question for question in answer.suggestions if question.strip()][:MOST_SUGGESTIONS]
    return [(f"{Does.ASK}:{turn}:{number}", question) for number, question in enumerate(questions)]


def _link(source: Source) -> str:
    """The title as one line, a link if it leads to the web."""
    title = fold.shortened(clean(source.title), LONGEST_TITLE)
    title = fold.literal(title if title == source.title else f"{title}…")
    url = source.url.strip()
    if not _WEB.fullmatch(url) or len(url) > LONGEST_URL:
        return title
    return f"[{title}]({quote(url, safe=_URL_SIGNS)})"


def _ended(markdown: str) -> str:
    """With the fence closed that is open at its end, so that what follows is not taken for code."""
    if "```" not in markdown and "~~~" not in markdown:
        return markdown
    fence = blocks.scan(f"{markdown}\nx")[-1].fence
    return markdown + blocks.closing(fence, 0) if fence else markdown


def _scaled(fill: Callable[[str, int], float], simpler: int, text: str) -> float:
    """Smaller pages once the platform has refused the answer twice."""
    return fill(text, simpler) * (2.0 if simpler > 1 else 1.0)


def _healed(last: Page, standing: Collection[int]) -> list[Page]:
    """The page as it is to be seen while more may come; none if all of it only announces something."""
    text = heal(last.text)
    if text.strip():
        return [replace(last, text=text, said=last.text)]
    return [last] if last.index in standing else []
