"""Word documents: headings and tables kept, and no archive can crash or fill the machine."""

from __future__ import annotations

import io
import zipfile

import pytest
from documents import docx, docx_of, repacked

from chatbot.errors import DocumentRefused
from chatbot.knowledge import reader

PARAGRAPH = "<w:p><w:r><w:t>hello</w:t></w:r></w:p>"


def test_headings_and_paragraphs_are_kept() -> None:
    document = reader.read("manual.docx", docx({"Boiler": "The valve opens at 7 bar.", "Pump": "It moves 30 litres."}))
    assert document.text == "Boiler\n\nThe valve opens at 7 bar.\n\nPump\n\nIt moves 30 litres.\n\n"
    assert [heading.text for heading in document.headings] == ["Boiler", "Pump"]


def test_each_row_of_a_table_keeps_its_headers() -> None:
    document = reader.read("manual.docx", docx({}, [["Part", "Bar"], ["Valve", "7"], ["Pump", "3"]]))
    assert document.text == "- Part: Valve; Bar: 7\n- Part: Pump; Bar: 3\n"


def test_paragraphs_in_a_cell_are_set_apart() -> None:
    document = reader.read("manual.docx", docx({}, [["one\ntwo", "three"]]))
    assert document.text.split() == ["-", "one", "two;", "three"]


def test_a_file_that_unpacks_to_too_much_is_refused() -> None:
    bomb = repacked(docx({"A": "b"}), {"word/media/image1.bin": bytes(300 * 2**20)})
    assert len(bomb) < 2**21
    with pytest.raises(DocumentRefused, match="unpacks to more than 256 MiB"):
        reader.read("bomb.docx", bomb)


def test_a_file_that_unpacks_to_too_much_markup_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="unpacks to more than 8 MiB of markup"):
        reader.read("bomb.docx", docx_of(PARAGRAPH.replace("hello", "hello " * 1_500_000)))


def test_a_file_of_too_many_parts_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="10,000 parts"):
        reader.read("bomb.docx", repacked(docx({}), {f"word/{number}": b"" for number in range(10_001)}))


@pytest.mark.parametrize(
    "markup",
    [
        "<w:p>",
        "<w:p>&unknown;</w:p>",
        "<w:ins>" * 2_000 + PARAGRAPH + "</w:ins>" * 2_000,
        '<w:p><w:hyperlink r:id="none" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        "<w:r><w:t>x</w:t></w:r></w:hyperlink></w:p>",
        '<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="wide"/></w:tcPr></w:tc></w:tr></w:tbl>',
        '<w:p><w:r><w:sym w:font="Wingdings" w:char="ZZ"/></w:r></w:p>',
        '<w:p><w:r><w:footnoteReference w:id="77"/></w:r></w:p>',
    ],
)
def test_markup_that_makes_no_sense_is_refused(markup: str) -> None:
    with pytest.raises(DocumentRefused, match="damaged Word document"):
        reader.read("broken.docx", docx_of(markup))


@pytest.mark.parametrize("document", [b"", b"<a", b'<?xml version="1.0" encoding="klingon"?><a/>', b"<other/>"])
def test_a_main_part_that_is_no_document_is_refused(document: bytes) -> None:
    with pytest.raises(DocumentRefused, match="damaged Word document"):
        reader.read("broken.docx", repacked(docx_of(""), {"word/document.xml": document}))


def test_entities_that_multiply_are_refused() -> None:
    entities = '<!ENTITY a0 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">' + "".join(
        f'<!ENTITY a{level} "{f"&a{level - 1};" * 30}">' for level in range(1, 7)
    )
    bomb = f'<?xml version="1.0"?><!DOCTYPE d [{entities}]><d>&a6;</d>'.encode()
    with pytest.raises(DocumentRefused, match="declares entities"):
        reader.read("bomb.docx", repacked(docx_of(""), {"word/document.xml": bomb}))


def test_another_archive_under_this_name_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(DocumentRefused, match="damaged Word document"):
        reader.read("notes.docx", buffer.getvalue())


@pytest.mark.parametrize(
    ("part", "content", "reason"),
    [
        ("word/document.xml", b"<a>" + b"<b/>" * 100_000 + b"</a>", "more than 100,000 elements"),
        ("word/media/image1.png", b"<a>" + b"<b/>" * 100_000 + b"</a>", "more than 100,000 elements"),
        ("word/_rels/document.xml.rels", b"<a>" + b"<b/>" * 10_000 + b"</a>", "more than 10,000 links"),
        ("word/styles.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares entities"),
        ("word/footnotes.bin", b"<a>" + b"words " * 1_500_000 + b"</a>", "more than 8 MiB of markup"),
    ],
)
def test_markup_that_would_take_long_is_refused_whatever_part_it_stands_in(part: str, content: bytes, reason: str) -> None:
    with pytest.raises(DocumentRefused, match=reason):
        reader.read("a.docx", repacked(docx({"Pump": "It pumps."}), {part: content}))


def test_large_pictures_are_no_markup() -> None:
    picture = b"\x89PNG\r\n" + b"<b/>" * 3_000_000
    assert "It pumps." in reader.read("a.docx", repacked(docx({"Pump": "It pumps."}), {"word/media/image1.png": picture})).text
