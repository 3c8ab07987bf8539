"""What a file is, by its first bytes, and what it may be called."""

import pytest

from adapters.filetypes import called, of
from bridge.model import Kind

ZIP, FILM = b"PK\x03\x04rest", b"\0\0\0\x18ftypmp42"
KNOWN = [
    (b"\xff\xd8\xff\xe0", "image/jpeg", Kind.PICTURE, "a.jpg"),
    (b"\x89PNG\r\n\x1a\nx", "image/png", Kind.PICTURE, "a.png"),
    (b"GIF89a..", "image/gif", Kind.PICTURE, "a.gif"),
    (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp", Kind.PICTURE, "a.webp"),
    (b"\x89PNG\r\n\x1a\nx", "application/octet-stream", Kind.PICTURE, "a.png"),
    (b"\xff\xd8\xff\xe0", "text/plain", Kind.PICTURE, "a.jpg"),
    (b"ID3\x03", "audio/mpeg", Kind.AUDIO, "a.mp3"),
    (b"OggS", "audio/ogg", Kind.AUDIO, "a.ogg"),
    (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav", Kind.AUDIO, "a.wav"),
    (b"\0\0\0\x1cftypM4A ", "audio/mp4", Kind.AUDIO, "a.m4a"),
    (FILM, "video/mp4", Kind.VIDEO, "a.mp4"),
    (b"\x1a\x45\xdf\xa3", "video/webm", Kind.VIDEO, "a.webm"),
    (b"\0\0\0\x18ftypheic", "image/heic", Kind.DOCUMENT, "a.heic"),
    (b"%PDF-1.7", "application/pdf", Kind.DOCUMENT, "a.pdf"),
    (ZIP, "application/zip", Kind.DOCUMENT, "a.zip"),
    (ZIP, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Kind.DOCUMENT, "a.zip"),
    ("名称,价格\n茶,3".encode(), "text/csv", Kind.DOCUMENT, "a.txt"),
    (b'{"a": 1}', "application/json", Kind.DOCUMENT, "a.txt"),
]
NOT_SENT = [
    (b"<!DOCTYPE html><html>", "text/html"),
    (b"words", "text/html"),
    (b"<html>", "text/plain"),
    (b"\xef\xbb\xbf \n<svg xmlns='http://www.w3.org/2000/svg'>", "image/png"),
    (b"\x89PNG\r\n\x1a\nx", "image/svg+xml"),
    (b"<?xml version='1.0'?>", "application/octet-stream"),
    (b"alert(1)", "application/javascript"),
    (b"#!/bin/sh\n", "text/plain"),
    (b"MZ\x90\0", "application/octet-stream"),
    (b"\x7fELF\x02", "application/octet-stream"),
    (b"\xfe\xed\xfa\xce\0", "application/octet-stream"),
    (b"RIFF\0\0\0\0????", "image/webp"),
    (b"\x80\x81\x82", "text/plain"),
]


@pytest.mark.parametrize(("content", "said", "kind", "name"), KNOWN)
def test_the_content_says_what_it_is(content, said, kind, name):
    found = of(content, said)
    assert found is not None
    assert (found.kind, called("a", found)) == (kind, name)


@pytest.mark.parametrize(("content", "said"), NOT_SENT)
def test_what_runs_or_looks_like_a_page_is_not_handed_on(content, said):
    assert of(content, said) is None


@pytest.mark.parametrize(
    ("name", "content", "safe"),
    [
        ("report.docx", ZIP, "report.docx"),
        ("REPORT.XLSX", ZIP, "REPORT.xlsx"),
        ("app.jar", ZIP, "app.jar.zip"),
        ("photo.png", b"\xff\xd8\xff", "photo.jpg"),
        ("photo.exe", b"\xff\xd8\xff", "photo.exe.jpg"),
        ("data.csv", b"a,b", "data.csv"),
        ("run.js", b"alert(1)", "run.js.txt"),
        ("../../etc/passwd", b"words", "_.._etc_passwd.txt"),
        ("C:\\x|y?.mp4", FILM, "C_x_y_.mp4"),
        ("a\u202egnp.exe\n\0", b"\xff\xd8\xff", "agnp.exe.jpg"),
        ("一辆 红色\t自行车", b"\xff\xd8\xff", "一辆 红色 自行车.jpg"),
        (".jpg", b"\xff\xd8\xff", "jpg.jpg"),
        ("", b"\xff\xd8\xff", "picture.jpg"),
        ("...", FILM, "video.mp4"),
        ("n" * 500, b"\xff\xd8\xff", "n" * 80 + ".jpg"),
    ],
)
def test_names_are_made_safe(name, content, safe):
    found = of(content, "")
    assert found is not None
    assert called(name, found) == safe
