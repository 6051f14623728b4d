"""Where cited words stand on a page: a rectangle a line, around these words and no others."""

from __future__ import annotations

import io
from contextlib import closing

import pypdfium2
import pytest
from documents import pdf, printed, scanned_pdf
from PIL import ImageFont
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen import canvas

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import ocr
from chatbot.knowledge.formats.pdf_boxes import locate
from chatbot.knowledge.reading import reader
from chatbot.knowledge.reading.sandbox import Sandbox
from chatbot.schema import Box, CitedWords

LINES = [("The boiler is blue and very old.", 12), ("The valve opens at seven bar.", 12), ("The pump moves thirty litres.", 12)]


def boxes(raw: bytes, words: str, page: int = 1, nth: int = 0) -> tuple[Box, ...]:
    """Of the n-th place that the words have in the text."""
    text = reader.read("a.pdf", raw).text
    start = -1
    for _ in range(nth + 1):
        start = text.index(words, start + 1)
    return locate(raw, CitedWords(text=text, start=start, end=start + len(words), page=page))


def inside(raw: bytes, box: Box) -> str:
    """What PDFium itself finds in a rectangle."""
    with closing(pypdfium2.PdfDocument(raw)) as document:
        layer = document[box.page - 1].get_textpage()
        return layer.get_text_bounded(box.left + 0.1, box.bottom + 0.1, box.right - 0.1, box.top - 0.1).strip()


def test_the_box_of_a_word_is_where_it_was_written() -> None:
    (box,) = boxes(printed(LINES), "valve")
    left = 72 + stringWidth("The ", "Helvetica", 12)
    assert box.page == 1
    assert box.left == pytest.approx(left, abs=1)
    assert box.right == pytest.approx(left + stringWidth("valve", "Helvetica", 12), abs=1)
    assert 726 - 3 < box.bottom < box.top < 726 + 12


def test_words_over_several_lines_have_a_box_on_each() -> None:
    raw = printed(LINES)
    found = boxes(raw, "very old.\nThe valve opens at seven bar.\nThe pump")
    assert [inside(raw, box) for box in found] == ["very old.", "The valve opens at seven bar.", "The pump"]


def test_of_words_that_stand_twice_the_cited_ones_are_found() -> None:
    raw = printed([(f"{name} is empty and was never filled.", 12) for name in ("Tank one", "Tank two", "Tank six")])
    tops = [boxes(raw, "is empty", nth=nth)[0].top for nth in range(3)]
    assert tops == sorted(tops, reverse=True)
    assert len(set(tops)) == 3


def test_words_over_two_pages_have_boxes_on_both() -> None:
    raw = pdf([["The valve opens"], ["at seven bar."]], outline=False)
    text = reader.read("a.pdf", raw).text
    found = locate(raw, CitedWords(text=text, start=text.index("opens"), end=text.index(" bar"), page=1))
    assert [(box.page, inside(raw, box)) for box in found] == [(1, "opens"), (2, "at seven")]


def test_a_chunk_that_begins_a_page_earlier_leads_to_the_words_as_well() -> None:
    raw = pdf([["The valve opens"], ["at seven bar."]], outline=False)
    assert [box.page for box in boxes(raw, "seven", page=1)] == [2]


def test_words_that_a_line_end_divides_have_two_boxes() -> None:
    raw = printed(
        [("The valve of this boiler opens at the high pres-", 12), ("sure of seven bar, and closes again soon after it.", 12)]
    )
    assert [inside(raw, box) for box in boxes(raw, "pressure")] == ["pres\x02", "sure"]


def test_words_on_a_turned_line_are_found() -> None:
    buffer = io.BytesIO()
    paper = canvas.Canvas(buffer, invariant=1)
    paper.rotate(90)
    paper.drawString(100, -200, "The valve opens at seven bar.")
    paper.save()
    (box,) = boxes(buffer.getvalue(), "valve")
    assert 185 < box.left < box.right < 205
    assert box.top - box.bottom > box.right - box.left


def test_headings_are_found_where_they_stand() -> None:
    raw = pdf([["Boiler", "The valve opens."], ["Pump", "It runs."]])
    assert [inside(raw, box) for box in boxes(raw, "Pump", page=2)] == ["Pump"]


def test_another_file_is_no_place_to_look() -> None:
    cited = CitedWords(text="The kettle is red.", start=4, end=10, page=1)
    with pytest.raises(DocumentRefused, match="do not stand on the page"):
        locate(printed(LINES), cited)


@pytest.mark.parametrize("page", [-1, 0, 2, 10**9])
def test_a_page_that_is_not_there_is_refused(page: int) -> None:
    with pytest.raises(DocumentRefused, match="do not stand on the page"):
        locate(printed(LINES), CitedWords(text="The boiler", start=0, end=10, page=page))


def test_the_sandbox_finds_them_too() -> None:
    raw = printed(LINES)
    text = reader.read("a.pdf", raw).text
    cited = CitedWords(text=text, start=4, end=10, page=1)
    with Sandbox() as sandbox:
        assert sandbox.locate(raw, cited) == locate(raw, cited)
        with pytest.raises(DocumentRefused, match="damaged PDF"):
            sandbox.locate(b"%PDF-1.7 no", cited)
        assert sandbox.read("a.md", b"Still here.").text == "Still here.\n\n"


@pytest.mark.skipif(not ocr.available(), reason="the extra ocr is not installed")
def test_words_on_a_scanned_page_have_boxes() -> None:
    raw = scanned_pdf([["The valve opens at seven bar."]])
    (box,) = boxes(raw, "seven")
    font = ImageFont.load_default(40)
    left, right = ((60 + font.getlength(words)) / 1400 * 595 for words in ("The valve opens at ", "The valve opens at seven"))
    assert (box.left, box.right) == (pytest.approx(left, abs=3), pytest.approx(right, abs=3))
    assert 400 < box.bottom < box.top < 485
