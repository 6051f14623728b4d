"""PDF: text page by page, headings from the outline, and a reason where there is no text."""

from __future__ import annotations

import pytest
from documents import pdf

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import DocumentRefused
from chatbot.knowledge import reader
from chatbot.knowledge.splitter import Splitter

PAGES = [["Boiler", "The valve opens at seven bar."], ["Pump", "It moves thirty litres."], ["Tank", "It holds two tonnes."]]


def test_every_chunk_knows_its_page(encoder: BiEncoder) -> None:
    document = reader.read("manual.pdf", pdf(PAGES))
    chunks = Splitter(encoder.tokenizer_file, 8, 16, encoder.card.max_tokens).split("d", document)
    pages = {chunk.page: chunk.text for chunk in chunks}
    assert pages == {1: "The valve opens at seven bar.", 2: "It moves thirty litres.", 3: "It holds two tonnes."}


def test_a_chunk_over_two_pages_bears_the_page_it_begins_on(encoder: BiEncoder) -> None:
    document = reader.read("manual.pdf", pdf(PAGES, outline=False))
    for chunk in Splitter(encoder.tokenizer_file, 8, 16, encoder.card.max_tokens).split("d", document):
        assert document.page_starts[chunk.page - 1] <= chunk.start
        assert chunk.page == len(PAGES) or chunk.start < document.page_starts[chunk.page]


def test_the_outline_gives_the_headings() -> None:
    document = reader.read("manual.pdf", pdf(PAGES))
    assert [heading.text for heading in document.headings] == ["Boiler", "Pump", "Tank"]
    assert document.text.count("Boiler") == 1


def test_an_outline_entry_that_is_not_on_its_page_stands_at_its_top() -> None:
    pages = [["Überblick", "The valve opens at seven bar."]]
    document = reader.read("manual.pdf", pdf(pages).replace(b"berblick) Tj", b"xxxxxxxx) Tj"))
    assert document.headings[0].start == 0


def test_the_metadata_names_a_document_without_an_outline() -> None:
    assert reader.read("manual.pdf", pdf(PAGES, title="House manual", outline=False)).title == "House manual"


def test_the_file_names_a_document_without_any_title() -> None:
    assert reader.read("house-manual_2.pdf", pdf(PAGES, outline=False)).title in {"house manual 2", "untitled"}


def test_a_blank_page_between_is_reported_and_counted(encoder: BiEncoder) -> None:
    document = reader.read("manual.pdf", pdf([PAGES[0], [], PAGES[2]]))
    assert document.missing == "1 of 3 pages have no text"
    chunks = Splitter(encoder.tokenizer_file, 8, 16, encoder.card.max_tokens).split("d", document)
    assert [chunk.page for chunk in chunks] == [1, 3]


def test_a_scan_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="no page has text: it looks scanned"):
        reader.read("scan.pdf", pdf([[], []]))


def test_an_encrypted_file_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="encrypted: it needs a password"):
        reader.read("secret.pdf", pdf(PAGES, password="swordfish"))


def test_a_damaged_file_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="damaged PDF"):
        reader.read("broken.pdf", pdf(PAGES)[:200])
