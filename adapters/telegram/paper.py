"""What is written so far of a text for Telegram, and how its parts look."""

from adapters.telegram.markdown import FILLER
from adapters.telegram.marks import Mark


class Paper:
    """Text that is only ever added to, with its marks in no order."""

    __slots__ = ("bullet", "due", "marks", "parts", "size", "strips")

    def __init__(self, *, strips: bool) -> None:
        self.parts: list[str] = []
        self.size = 0
        """Characters so far."""
        self.marks: list[Mark] = []
        self.due = False
        """Is a line break due before what follows?"""
        self.bullet = -1
        """How many parts there were when the last bullet was written."""
        self.strips = strips
        """Does the source hold what is not to be written as it is?"""

    def write(self, text: str) -> None:
        """In the line, or behind the line break that is due."""
        if self.due:
            self.break_line(1)
        if self.strips:
            text = text.replace(FILLER, "").replace("\t", " ")  # as Telegram would
        if text:
            self.parts.append(text)
            self.size += len(text)

    def break_line(self, wanted: int) -> None:
        """So many line breaks, of which some may be there already."""
        self.due = False
        for part in reversed(self.parts):
            bare = part.rstrip("\n")
            wanted -= len(part) - len(bare)
            if bare or wanted <= 0:
                break
        else:
            return
        if wanted > 0:
            self.parts.append("\n" * wanted)
            self.size += wanted

    def begin(self) -> int:
        """Where what is written next begins."""
        if self.due:
            self.break_line(1)
        return self.size

    def mark(self, start: int, kind: str, url: str = "", language: str = "") -> None:
        """How the text since then looks."""
        if self.size > start:
            self.marks.append(Mark(start, self.size, kind, url, language))

    def since(self, part: int) -> str:
        """What was written behind that many parts."""
        return "".join(self.parts[part:])

    def taken(self, start: int, part: int) -> tuple[str, list[Mark]]:
        """What was written since, with its marks, taken away from here."""
        text = self.parts[part] if len(self.parts) == part + 1 else "".join(self.parts[part:])
        del self.parts[part:]
        self.size = start
        first = len(self.marks)
        if not first or self.marks[-1].start < start:
            return text, []
        while first and self.marks[first - 1].start >= start:
            first -= 1
        marks = self.marks[first:]
        for mark in marks:
            mark.start -= start
            mark.end -= start
        del self.marks[first:]
        return text, marks

    def begin_item(self, bullet: str) -> None:
        """On a line of its own."""
        self.break_line(1)
        self.write(bullet)
        self.bullet = len(self.parts)

    def at_bullet(self) -> bool:
        """Is the bullet of the item the last that was written?"""
        return self.bullet == len(self.parts)

    def tick(self, sign: str) -> None:
        """Puts that sign in the place of the last bullet."""
        if 0 < self.bullet <= len(self.parts):
            bullet = self.parts[self.bullet - 1]
            indent = len(bullet) - len(bullet.lstrip())
            self.parts[self.bullet - 1] = f"{bullet[:indent]}{sign} "
            self.size += len(self.parts[self.bullet - 1]) - len(bullet)
