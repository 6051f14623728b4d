"""Where words of a PDF stand on its pages. Asked for one citation at a time: at reading it would cost 8 us a character.

Needs the file itself, and what the catalogue holds of it: the text, and the page that a chunk begins on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby

import pypdfium2 as pdfium
from pypdfium2 import raw as pdfium_c

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import ocr, pdf_page
from chatbot.knowledge.formats.pdf import opened
from chatbot.schema import Box, CitedWords

_LEFT_OUT = re.compile("[\\s\x00-\x1f\x7f-\xa0\xad\u2010\u2028\u2029\ud800-\udfff\ufeff\ufffe\U00010000-\U0010ffff-]")
"""What the text may have or lack, compared with the page: spaces, hyphens, what cannot be stored, what PDFium gives in halves."""
_MAX_PAGES = 4
"""That a chunk may reach over."""
_SAME_LINE = 0.5
"""Two rectangles are on one line if so much of the lower one's height is common to both."""


def locate(raw: bytes, cited: CitedWords) -> tuple[Box, ...]:
    """The rectangles that hold the words: one a line, in the order of the text.

    Raises:
        DocumentRefused: the words do not stand there, so this is not the file that the text was read from.
    """
    with opened(raw) as document:
        pages = _Pages(document, cited.page)
        before, words = _LEFT_OUT.sub("", cited.text[: cited.start]), _LEFT_OUT.sub("", cited.text[cited.start : cited.end])
        while words:
            if (at := _place(pages.characters, before, words)) is not None:
                return tuple(pages.boxes(at, at + len(words)))
            if not pages.read_next():
                break
    raise DocumentRefused("the quoted words do not stand on the page that is named; sync the file again")


def _place(characters: str, before: str, words: str) -> int | None:
    """The last place that has all before it in common with the text: the same words may stand on a page twice."""
    at = characters.rfind(words)
    while at >= 0:
        if before.endswith(characters[:at]):
            return at
        at = characters.rfind(words, 0, at + len(words) - 1)
    return None


class _Pages:
    """The characters of some pages, one behind the other, each with its place."""

    def __init__(self, document: pdfium.PdfDocument, first: int) -> None:
        self.characters = ""
        self._document = document
        self._first = self._next = first
        self._places: list[tuple[int, int]] = []
        """Page, and the character's number on it; of a picture, that of its word."""
        self._words: dict[int, tuple[list[ocr.Word], float]] = {}
        """Of pages that are pictures."""
        self._budget = ocr.Budget()

    def read_next(self) -> bool:
        """False if there is no further page that a chunk can reach."""
        number = self._next
        if not 0 < number <= min(len(self._document), self._first + _MAX_PAGES - 1):
            return False
        self._next += 1
        with closing(self._document[number - 1]) as page:
            if ocr.available() and pdf_page.is_picture(page, pdf_page.read(page).text):
                self._words[number] = pdf_page.recognize(page, self._budget)
                found = ((sign, index) for index, word in enumerate(self._words[number][0]) for sign in word.text)
            else:
                found = _characters(page)
            kept = [(sign, index) for sign, index in found if not _LEFT_OUT.match(sign)]
        self.characters += "".join(sign for sign, _ in kept)
        self._places += [(number, index) for _, index in kept]
        return True

    def boxes(self, start: int, end: int) -> Iterator[Box]:
        for number, places in groupby(self._places[start:end], lambda place: place[0]):
            indexes = [index for _, index in places]
            with closing(self._document[number - 1]) as page:
                if number in self._words:
                    yield from _lines(number, _of_words(page, *self._words[number], indexes[0], indexes[-1]))
                else:
                    yield from _lines(number, _of_characters(page, indexes[0], indexes[-1]))


_Rectangle = tuple[float, float, float, float]
"""Left, bottom, right, top; in points."""


def _characters(page: pdfium.PdfPage) -> Iterator[tuple[str, int]]:
    """Those that are not outside of the page."""
    left, bottom, right, top = page.get_bbox()
    with closing(page.get_textpage()) as layer:
        for index in range(layer.count_chars()):
            sign = chr(pdfium_c.FPDFText_GetUnicode(layer, index))
            if not _LEFT_OUT.match(sign):
                box = layer.get_charbox(index)
                if box[0] <= right and box[2] >= left and box[1] <= top and box[3] >= bottom:
                    yield sign, index


def _of_characters(page: pdfium.PdfPage, first: int, last: int) -> Iterator[_Rectangle]:
    with closing(page.get_textpage()) as layer:
        for index in range(layer.count_rects(first, last - first + 1)):
            yield layer.get_rect(index)


def _of_words(page: pdfium.PdfPage, words: Sequence[ocr.Word], points: float, first: int, last: int) -> Iterator[_Rectangle]:
    left, _, _, top = page.get_bbox()
    for word in words[first : last + 1]:
        yield left + word.left * points, top - word.bottom * points, left + word.right * points, top - word.top * points


def _lines(page: int, rectangles: Iterator[_Rectangle]) -> Iterator[Box]:
    """Rectangles of one line as one."""
    line: _Rectangle | None = None
    for box in rectangles:
        if line and _on_line(line, box):
            line = (min(line[0], box[0]), min(line[1], box[1]), max(line[2], box[2]), max(line[3], box[3]))
        else:
            if line:
                yield _box(page, line)
            line = box
    if line:
        yield _box(page, line)


def _on_line(line: _Rectangle, box: _Rectangle) -> bool:
    common = min(line[3], box[3]) - max(line[1], box[1])
    lower = min(line[3] - line[1], box[3] - box[1])
    gap = max(box[0] - line[2], line[0] - box[2])
    return common > lower * _SAME_LINE and gap < 2 * max(line[3] - line[1], box[3] - box[1])


def _box(page: int, rectangle: _Rectangle) -> Box:
    left, bottom, right, top = (round(value, 2) for value in rectangle)
    return Box(page=page, left=left, bottom=bottom, right=right, top=top)
