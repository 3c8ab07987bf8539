"""What came with a question and cannot be used: whether it is asked all the same, and the words for the person."""

from collections.abc import Iterable, Sequence

from bridge import fold
from bridge.model import File
from bridge.texts import text

VOICE = "voice"
"""`File.kind` of a voice message."""
BIG = "big"
"""`File.amiss` begins with it if the file is over the limit, which follows in bytes."""
NEVER = frozenset({"deaf", "denied", "unread", "unreadable"})
"""`File.amiss` of what the bot is given nothing of: not of this file alone."""
LONGEST_NAME = 80
"""Characters of a file's name that people are shown."""
MB = 1024 * 1024


def askable(question: str, files: Sequence[File]) -> bool:
    """Is there something to ask? Words beside a file are about it, but where the bot is never given such files."""
    if any(file.coze or file.heard for file in files):
        return True
    return bool(question.strip()) and all(file.amiss in NEVER for file in files if file.amiss)


def worded(question: str, files: Sequence[File]) -> str:
    """The question with what was said in the voice messages."""
    return "\n\n".join(part for part in (question, *(file.heard for file in files)) if part.strip())


def notes(files: Iterable[File], language: str) -> list[str]:
    """A sentence for each file that the bot was not given, each sentence once."""
    return list(dict.fromkeys(_note(file, language) for file in files if file.amiss))


def first(files: Iterable[File]) -> str:
    """What is amiss with the first that the bot was not given, without what that is about."""
    return next((file.amiss.partition(":")[0] for file in files if file.amiss), "")


def coming(files: Sequence[File], language: str) -> str:
    """A line that says that these are being read."""
    if all(file.kind == VOICE for file in files):
        return text("listening", language)
    if len(files) > 1:
        return text("reading_files", language, count=len(files))
    return text("reading_file", language, name=_named(files[0]))


def _note(file: File, language: str) -> str:
    amiss, _, most = file.amiss.partition(":")
    if amiss == BIG and not file.size:
        amiss = "bigger"
    name, size, limit = fold.literal(_named(file)), _size(file.size), _size(int(most or 0))
    return text(f"amiss_{amiss}", language, name=name, size=size, limit=limit)


def _named(file: File) -> str:
    name = " ".join((file.name or file.kind).split())
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 10]}…{name[-9:]}"


def _size(number: int) -> str:
    """`25 MB`, `1.5 MB`, `300 KB`."""
    if number < MB:
        return f"{max(1, round(number / 1024))} KB"
    megabytes = f"{number / MB:.1f}".removesuffix(".0")
    return f"{megabytes} MB"
