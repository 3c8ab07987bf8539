"""What a file is, by its first bytes, and what it may be called: only what is safe to hand on to people."""

import re
import unicodedata
from dataclasses import dataclass

from bridge.model import Kind

LONGEST_NAME = 80
"""Characters, the ending not counted."""
TEXTS = frozenset({"csv", "json", "log", "md", "srt", "tex", "tsv", "txt", "vtt", "yaml", "yml"})
OFFICE = frozenset({"docx", "epub", "odp", "ods", "odt", "pptx", "xlsx", "zip"})
OLD_OFFICE = frozenset({"doc", "ppt", "xls"})


@dataclass(frozen=True, slots=True)
class FileType:
    """A kind of file; it is called by the first of its endings, unless it has another of them."""

    kind: Kind
    endings: tuple[str, ...]


PICTURES = {
    b"\xff\xd8\xff": FileType(Kind.PICTURE, ("jpg", "jpeg")),
    b"\x89PNG\r\n\x1a\n": FileType(Kind.PICTURE, ("png",)),
    b"GIF87a": FileType(Kind.PICTURE, ("gif",)),
    b"GIF89a": FileType(Kind.PICTURE, ("gif",)),
}
OTHERS = {
    b"ID3": FileType(Kind.AUDIO, ("mp3",)),
    b"\xff\xfb": FileType(Kind.AUDIO, ("mp3",)),
    b"\xff\xf3": FileType(Kind.AUDIO, ("mp3",)),
    b"\xff\xf2": FileType(Kind.AUDIO, ("mp3",)),
    b"\xff\xf1": FileType(Kind.AUDIO, ("aac",)),
    b"\xff\xf9": FileType(Kind.AUDIO, ("aac",)),
    b"fLaC": FileType(Kind.AUDIO, ("flac",)),
    b"OggS": FileType(Kind.AUDIO, ("ogg", "oga", "opus")),
    b"\x1a\x45\xdf\xa3": FileType(Kind.VIDEO, ("webm", "mkv")),
    b"%PDF-": FileType(Kind.DOCUMENT, ("pdf",)),
    b"PK\x03\x04": FileType(Kind.DOCUMENT, ("zip", *sorted(OFFICE - {"zip"}))),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": FileType(Kind.DOCUMENT, ("doc", *sorted(OLD_OFFICE - {"doc"}))),
    b"{\\rtf": FileType(Kind.DOCUMENT, ("rtf",)),
}
RIFF = {
    b"WEBP": FileType(Kind.PICTURE, ("webp",)),
    b"WAVE": FileType(Kind.AUDIO, ("wav",)),
    b"AVI ": FileType(Kind.VIDEO, ("avi",)),
}
BRANDS = {
    b"M4A ": FileType(Kind.AUDIO, ("m4a",)),
    b"M4B ": FileType(Kind.AUDIO, ("m4a",)),
    b"qt  ": FileType(Kind.VIDEO, ("mov",)),
    b"heic": FileType(Kind.DOCUMENT, ("heic",)),
    b"heix": FileType(Kind.DOCUMENT, ("heic",)),
    b"mif1": FileType(Kind.DOCUMENT, ("heic",)),
    b"avif": FileType(Kind.DOCUMENT, ("avif",)),
}
"""Of containers that begin with a box `ftyp`; every other brand is a film."""
FILM = FileType(Kind.VIDEO, ("mp4",))
TEXT = FileType(Kind.DOCUMENT, ("txt", *sorted(TEXTS - {"txt"})))
KNOWN = frozenset(
    ending
    for found in (*PICTURES.values(), *OTHERS.values(), *RIFF.values(), *BRANDS.values(), FILM, TEXT)
    for ending in found.endings
)
ACTIVE = re.compile(r"html|svg|xml|javascript|ecmascript|x-sh\b|x-httpd|msdownload|executable", re.IGNORECASE)
"""Types of what is run, or looks like a page of somebody's, where it is opened."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_BLANK = b"\xef\xbb\xbf \t\r\n"
_UNSAFE = re.compile(r"[\\/:*?\"<>|]+")


def of(content: bytes, said: str) -> FileType | None:
    """What that is; `said` is the media type that its server names. None: not to be handed on."""
    if ACTIVE.search(said) and "openxmlformats" not in said:
        return None
    for known in (PICTURES, OTHERS):
        for beginning, found in known.items():
            if content.startswith(beginning):
                return found
    if content[:4] == b"RIFF":
        return RIFF.get(content[8:12])
    if content[4:8] == b"ftyp":
        return BRANDS.get(content[8:12], FILM)
    return TEXT if _is_text(content) else None


def _is_text(content: bytes) -> bool:
    """Words, and neither a page, a picture in XML nor a script."""
    if content.lstrip(_BLANK).startswith((b"<", b"#!")) or _CONTROLS.search(content):
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def called(name: str, found: FileType) -> str:
    """A name for such a file, made of a name that others gave: without paths, tricks, and endings of another type."""
    plain = "".join(char for char in " ".join(name.split()) if not unicodedata.category(char).startswith("C"))
    plain = _UNSAFE.sub("_", plain).strip(". ")
    stem, _, ending = plain.rpartition(".")
    ending = ending.lower()
    if not stem or ending not in KNOWN:
        stem = plain
    ending = ending if ending in found.endings else found.endings[0]
    return f"{stem[:LONGEST_NAME].strip('. ') or found.kind}.{ending}"
