"""PDF, by PDFium (Chromium's engine): text page by page, headings from the outline."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import closing

import pypdfium2 as pdfium

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.plain import unwrap

_BLANK_LINES = re.compile(r"\n\s*\n")
_SOFT_HYPHEN = re.compile("[\x02\xad\ufffe]\n?")


def extract(raw: bytes) -> Extracted:
    """Read a document; page numbers count from 1.

    Raises:
        DocumentRefused: encrypted, damaged, or scanned (no page has text).
    """
    try:
        document = pdfium.PdfDocument(raw)
    except pdfium.PdfiumError as error:
        encrypted = "password" in str(error).lower()
        raise DocumentRefused("encrypted: it needs a password" if encrypted else f"damaged PDF: {error}") from error
    try:
        return _read(document)
    except pdfium.PdfiumError as error:
        raise DocumentRefused(f"damaged PDF: {error}") from error
    finally:
        document.close()


def _read(document: pdfium.PdfDocument) -> Extracted:
    outline = _outline(document)
    builder = TextBuilder()
    blank: list[int] = []
    for number in range(len(document)):
        with closing(document[number]) as page, closing(page.get_textpage()) as text_page:
            text = text_page.get_text_bounded().replace("\r\n", "\n").replace("\r", "\n")
        builder.page()
        if text.strip():
            _page(builder, _SOFT_HYPHEN.sub("", text), outline[number])
        else:
            blank.append(number + 1)
    if len(blank) == len(document):
        raise DocumentRefused("no page has text: it looks scanned, and reading pictures is not supported yet")
    missing = f"{len(blank)} of {len(document)} pages have no text" if blank else ""
    return builder.build(document.get_metadata_value("Title") or "", missing)


def _outline(document: pdfium.PdfDocument) -> dict[int, list[tuple[int, str]]]:
    """Headings by page index, as (level, text)."""
    pages: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for mark in document.get_toc(max_depth=6):
        destination = mark.get_dest()
        index = destination.get_index() if destination else None
        if index is not None and mark.get_title():
            pages[index].append((mark.level + 1, " ".join(mark.get_title().split())))
    return pages


def _page(builder: TextBuilder, text: str, headings: list[tuple[int, str]]) -> None:
    """Put the page's outline entries where their words stand, or at the top of the page where they are not found."""
    found: list[tuple[int, int, int, str]] = []
    for level, title in headings:
        match = re.search(r"\s+".join(map(re.escape, title.split())), text, re.IGNORECASE)
        found.append((match.start() if match else 0, match.end() if match else 0, level, title))
    position = 0
    for start, end, level, title in sorted(found):
        if start >= position:
            _paragraphs(builder, text[position:start])
            builder.heading(level, title)
            position = end
    _paragraphs(builder, text[position:])


def _paragraphs(builder: TextBuilder, text: str) -> None:
    for paragraph in _BLANK_LINES.split(text):
        builder.block(unwrap(paragraph))
