"""MP3 files one behind the other as one: what only tells of the whole of each is left out."""

from collections.abc import Sequence

_RATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
)
"""kbit/s of layer III by index: MPEG 1, then MPEG 2 and 2.5 (ISO 11172-3, 13818-3)."""
_SAMPLES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Hz by the version bits: MPEG 1, 2, 2.5."""
_MONO = 3


def joined(parts: Sequence[bytes]) -> bytes:
    """One MP3 of these. Raises ValueError if one of them is none."""
    if len(parts) == 1 and _start(parts[0]) >= 0:
        return parts[0]
    return b"".join(map(frames, parts))


def frames(file: bytes) -> bytes:
    """The sound of an MP3, without ID3 tags, and without a first frame that only says how long the file is."""
    start = _start(file)
    if start < 0:
        raise ValueError("no MPEG audio frame of layer III")
    end = len(file)
    if file[-128:-125] == b"TAG":
        end -= 128
    if _tells_length(file[start:]):
        start += _length(file[start:])
    return file[start:end]


def _start(file: bytes) -> int:
    """Where the first frame begins; -1 if there is none. Another frame stands behind it, or the file ends there."""
    at = _after_tags(file)
    while (at := file.find(b"\xff", at)) >= 0:
        length = _length(file[at : at + 4])
        behind = file[at + length : at + length + 4]
        if length and (not behind or behind.startswith(b"TAG") or _length(behind)):
            return at
        at += 1
    return -1


def _after_tags(file: bytes) -> int:
    """Where the ID3v2 tags at the beginning end; their size is written in four bytes of seven bits."""
    at = 0
    while file[at : at + 3] == b"ID3" and len(file) >= at + 10:
        size = 0
        for byte in file[at + 6 : at + 10]:
            size = size << 7 | byte & 0x7F
        footer = 10 if file[at + 5] & 0x10 else 0
        at += 10 + size + footer
    return at


def _length(head: bytes) -> int:
    """Bytes of the frame with that head; 0 if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or head[1] >> 1 & 3 != 1:
        return 0
    version, rate, samples = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or samples == 3 or rate in (0, 15):
        return 0
    bits = _RATES[version != 3][rate] * 1000
    return (144 if version == 3 else 72) * bits // _SAMPLES[version][samples] + (head[2] >> 1 & 1)


def _tells_length(frame: bytes) -> bool:
    """Is it the silent frame of a Xing, Info or VBRI header?"""
    is_first, is_mono = frame[1] >> 3 & 3 == 3, frame[3] >> 6 == _MONO
    side = (17 if is_mono else 32) if is_first else (9 if is_mono else 17)
    check = 0 if frame[1] & 1 else 2
    at = 4 + check + side
    return frame[at : at + 4] in (b"Xing", b"Info") or frame[36:40] == b"VBRI"
