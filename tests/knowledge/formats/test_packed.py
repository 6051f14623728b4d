"""One file packed by gzip or bzip2, read by what is inside."""

from __future__ import annotations

import bz2
import gzip
import io

import pytest

from chatbot.errors import DocumentRefused
from chatbot.knowledge.reading import reader


def packed(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(filename=name, fileobj=buffer, mode="wb", mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def test_the_name_inside_says_what_it_is() -> None:
    document = reader.read("parts.gz", packed("parts.csv", b"Part,Bar\nValve,7\n"))
    assert document.text == "parts.csv\n\n- Part: Valve; Bar: 7\n\n"


@pytest.mark.parametrize("pack", [bz2.compress, gzip.compress])
@pytest.mark.parametrize(
    ("content", "heading"), [(b"It is hot.", "content.txt"), (b"<html><p>It is hot.</p></html>", "content.html")]
)
def test_without_a_name_the_first_bytes_say_what_it_is(pack: object, content: bytes, heading: str) -> None:
    assert callable(pack)
    name = "a.bz2" if pack is bz2.compress else "a.gz"
    document = reader.read(name, pack(content))
    assert document.text == f"{heading}\n\nIt is hot.\n\n"


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("a.gz", packed("a.txt", bytes(20 * 2**20)), "more than 200 times its size"),
        ("a.bz2", bz2.compress(b"a\n" * 2**23), "more than 200 times its size"),
        ("a.gz", packed("a.txt", b"It is hot. " * 100)[:-20], "damaged"),
        ("a.gz", packed("a.txt", b""), "the file inside is empty"),
        ("a.gz", packed("a.exe", b"x"), "a.exe .files of this type are not read"),
        ("a.gz", packed("a.tar", bytes(257) + b"ustar" + bytes(300)), "a tar archive inside"),
        ("a.bz2", b"BZh9" + bytes(40), "damaged"),
        ("a.gz", b"\x1f\x8b\x08\x0c", "damaged"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, raw: bytes, reason: str) -> None:
    with pytest.raises(DocumentRefused, match=reason):
        reader.read(name, raw)


def test_packed_files_inside_packed_files_end_somewhere() -> None:
    raw = packed("a.txt", b"It is hot.")
    for _ in range(6):
        raw = packed("a.gz.gz", raw)  # the library takes one of them off
    with pytest.raises(DocumentRefused, match="more than 3 containers deep"):
        reader.read("a.gz", raw)
