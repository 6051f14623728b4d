"""PDF, by PDFium (Chromium's engine): text page by page, headings from the outline or from the height of the lines."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Generator
from contextlib import closing, contextmanager

import pypdfium2 as pdfium

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import ocr, pdf_headings, pdf_page
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.pdf_headings import Title
from chatbot.knowledge.formats.plain import paragraphs

_MAX_PAGES = 5_000
_MAX_STRAY = 3
"""Lines of the outline a page that do not stand on it: a few name what follows, hundreds are those of a book it was cut from."""


def extract(raw: bytes) -> Extracted:
    """Read a document; page numbers count from 1. Pages that are pictures are read where the extra `ocr` is installed.

    Raises:
        DocumentRefused: encrypted, damaged, or no page has text.
    """
    with opened(raw) as document:
        return _Reader(document).read()


@contextmanager
def opened(raw: bytes) -> Generator[pdfium.PdfDocument]:
    """
    Raises:
        DocumentRefused: encrypted; or damaged, here or where its pages are read.
    """
    try:
        document = pdfium.PdfDocument(raw)
    except pdfium.PdfiumError as error:
        encrypted = "password" in str(error).lower()
        raise DocumentRefused("encrypted: it needs a password" if encrypted else f"damaged PDF: {error}") from error
    try:
        yield document
    except pdfium.PdfiumError as error:
        raise DocumentRefused(f"damaged PDF: {error}") from error
    finally:
        document.close()


class _Reader:
    """Reads the pages of one document into one builder."""

    def __init__(self, document: pdfium.PdfDocument) -> None:
        self._document = document
        self._budget = ocr.Budget()
        self._recognized: list[int] = []
        self._unread: list[int] = []
        self._reason = f"pictures; {ocr.INSTALL}"

    def read(self) -> Extracted:
        count = min(len(self._document), _MAX_PAGES)
        pages = [self._page(number) for number in range(count)]
        if not any(page.text.strip() for page in pages):
            raise DocumentRefused(f"no page has text: {self._missing()}" if self._unread else "no page has text")
        builder = TextBuilder()
        outline = _outline(self._document) or pdf_headings.by_height(pages)
        for number, page in enumerate(pages):
            builder.page()
            _write(builder, page.text, outline[number])
        said = self._document.get_metadata_value
        return builder.build(said("Title") or "", self._missing(), [said("ModDate"), said("CreationDate")])

    def _page(self, number: int) -> pdf_page.Page:
        with closing(self._document[number]) as page:
            found = pdf_page.read(page)
            if not pdf_page.is_picture(page, found.text):
                return found
            if ocr.available():
                try:
                    words, _ = pdf_page.recognize(page, self._budget)
                except DocumentRefused as error:
                    self._reason = f"pictures, and {error}; split the document"
                else:
                    self._recognized.append(number + 1)
                    return pdf_page.Page([pdf_page.Line(line) for line in ocr.text(words).split("\n")]) if words else found
        self._unread.append(number + 1)
        return found

    def _missing(self) -> str:
        parts = [f"{_listed(self._unread)} not read: {self._reason}" if self._unread else ""]
        parts.append(ocr.said(_listed(self._recognized)) if self._recognized else "")
        if len(self._document) > _MAX_PAGES:
            parts.append(f"pages from {_MAX_PAGES + 1:,} on not read; split the document")
        return "; ".join(filter(None, parts))


def _outline(document: pdfium.PdfDocument) -> dict[int, list[Title]]:
    """Headings by page index."""
    pages: dict[int, list[Title]] = defaultdict(list)
    for mark in document.get_toc(max_depth=6):
        destination = mark.get_dest()
        index = destination.get_index() if destination else None
        if index is not None and mark.get_title():
            pages[index].append(Title(mark.level + 1, " ".join(mark.get_title().split())))
    return pages


def _write(builder: TextBuilder, text: str, titles: list[Title]) -> None:
    """Put the page's headings where their words stand, or at the top of the page where they are not found."""
    found: list[tuple[int, int, Title]] = []
    stray = 0
    for title in titles:
        start, end = _place(text, title.text)
        stray += not end
        if end or stray <= _MAX_STRAY:
            found.append((start, end, title))
    position = 0
    for start, end, title in sorted(found):
        if start >= position:
            _paragraphs(builder, text[position:start])
            builder.heading(title.level, text[start:end] if end else title.text)
            position = end
    _paragraphs(builder, text[position:])


def _place(text: str, title: str) -> tuple[int, int]:
    """Where a heading stands: on lines of its own, with the number in front of it, before a place in the middle of a sentence."""
    words = r"\s+".join(map(re.escape, title.split()))
    for pattern in (rf"^[ \t]*(?:[\dA-Z][\d.]*[ \t]+)?{words}[ \t]*$", words):
        if match := re.search(pattern, text, re.IGNORECASE | re.MULTILINE):
            return match.span()
    return 0, 0


def _paragraphs(builder: TextBuilder, text: str) -> None:
    for paragraph in paragraphs(text):
        builder.block(paragraph)


def _listed(numbers: list[int]) -> str:
    """“page 3”, “pages 1-4, 7”."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return f"page{'s' if len(numbers) > 1 else ''} " + ", ".join("-".join(map(str, run)) for run in runs)
