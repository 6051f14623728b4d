"""Word of 97 to 2003: headings, tables, notes and comments out of a binary file."""

from __future__ import annotations

import struct

import pytest
from word97 import HEADER_ROW, HEADING_1, HEADING_2, IN_TABLE, NORMAL, OUTLINE_2, ROW_END, doc, ole

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.doc import extract

WORDS = [("words\r", NORMAL, b"")]


def cells(*texts: str, end: bytes = ROW_END) -> list[tuple[str, int, bytes]]:
    return [*((f"{text}\x07", NORMAL, IN_TABLE) for text in texts), ("\x07", NORMAL, end)]


def test_headings_are_told_by_style_and_by_outline_level() -> None:
    body = [("Boiler\r", HEADING_1, b""), ("Valve\r", HEADING_2, b""), ("Spring\r", NORMAL, OUTLINE_2), *WORDS]
    document = extract(doc(body))
    assert document.text == "Boiler\n\nValve\n\nSpring\n\nwords\n\n"
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "Boiler"), (2, "Valve"), (2, "Spring")]


def test_a_table_keeps_the_headers_that_are_marked() -> None:
    body = [*cells("Part", "Use", end=HEADER_ROW), *cells("Valve", "air"), *WORDS]
    assert extract(doc(body)).text == "- Part: Valve; Use: air\n\nwords\n\n"


def test_paragraphs_in_a_cell_are_set_apart() -> None:
    assert extract(doc([("one\r", NORMAL, IN_TABLE), *cells("two", "three"), *WORDS])).text.startswith("- one two; three\n")


@pytest.mark.parametrize(
    ("paragraph", "text"),
    [
        ('see \x13 HYPERLINK "http://x" \x14the link\x15.', "see the link."),
        ("page \x13 PAGE \x15.", "page ."),
        ("\x13 IF \x13 A \x14b\x15 \x14outer\x15", "outer"),
        ("one\x0btwo", "one\ntwo"),
        ("a\x1eb\x1fc\x05", "a-bc"),
        ("naïve 🙂 日本", "naïve 🙂 日本"),
    ],
)
def test_a_paragraph_reads_as_its_author_sees_it(paragraph: str, text: str) -> None:
    assert extract(doc([(f"{paragraph}\r", NORMAL, b"")])).text == f"{text}\n\n"


def test_footnotes_and_comments_stand_behind_the_text() -> None:
    assert (
        extract(doc(WORDS, footnotes="\x02 see y\r", comments="\x05why?\r")).text == "words\n\nNote: see y\n\nComment: why?\n\n"
    )


def test_a_picture_is_left_out_and_said() -> None:
    assert extract(doc([("words \x01\r", NORMAL, b"")])).missing == "left out: pictures or objects: 1"


def test_an_encrypted_document_says_so() -> None:
    with pytest.raises(DocumentRefused, match="encrypted: it needs a password"):
        extract(doc(WORDS, flags=0x0100))


def test_a_document_of_word_95_says_so() -> None:
    with pytest.raises(DocumentRefused, match=r"saved by Word 95 or before: open it in a newer Word and save it as .docx"):
        extract(doc(WORDS, version=0x68))


@pytest.mark.parametrize("raw", [b"", b"words", ole({"Workbook": b""}), ole({"WordDocument": bytes(2000)}), doc(WORDS)[:1500]])
def test_what_is_no_word_document_is_refused(raw: bytes) -> None:
    with pytest.raises(DocumentRefused):
        extract(raw)


def test_pieces_that_claim_more_text_than_could_be_are_refused() -> None:
    raw = doc(WORDS)
    ends = raw.index(struct.pack("<3I", 16, 0, 6)) + 8
    with pytest.raises(DocumentRefused, match="its pieces of text do not follow one another"):
        extract(raw[:ends] + struct.pack("<I", 2**31) + raw[ends + 4 :])
