"""PDF: text page by page, headings from the outline, and a reason where there is no text."""

from __future__ import annotations

import pytest
from documents import pdf, printed

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import DocumentRefused
from chatbot.knowledge.reading import reader
from chatbot.knowledge.reading.splitter import Splitter

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


def test_a_blank_page_between_is_counted_and_lacks_nothing(encoder: BiEncoder) -> None:
    document = reader.read("manual.pdf", pdf([PAGES[0], [], PAGES[2]]))
    assert document.missing == ""
    chunks = Splitter(encoder.tokenizer_file, 8, 16, encoder.card.max_tokens).split("d", document)
    assert [chunk.page for chunk in chunks] == [1, 3]


def test_a_document_of_blank_pages_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="no page has text"):
        reader.read("scan.pdf", pdf([[], []]))


def test_tall_lines_are_headings_where_there_is_no_outline() -> None:
    document = reader.read(
        "manual.pdf", printed([("Boiler room", 20), ("Valves", 16), *[("The valve opens at seven bar", 11)] * 9])
    )
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "Boiler room"), (2, "Valves")]


def test_where_all_lines_are_tall_there_are_no_headings() -> None:
    lines = [("The valve opens", 11), ("It is hot", 20), ("It runs", 18), ("It stops", 11)]
    assert reader.read("slides.pdf", printed(lines)).headings == ()


def test_a_heading_stands_on_its_own_line_and_keeps_its_number() -> None:
    lines = [("This manual has an introduction and more", 11), ("1.2 Introduction", 11), ("It runs all day long", 11)]
    document = reader.read("manual.pdf", printed(lines, outline=["Introduction"]))
    assert [heading.text for heading in document.headings] == ["1.2 Introduction"]


def test_of_an_outline_that_is_another_documents_a_few_lines_are_kept() -> None:
    document = reader.read("manual.pdf", printed([("It runs all day long", 11)], outline=[f"Chapter {n}" for n in range(50)]))
    assert len(document.headings) == 3


def test_an_encrypted_file_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="encrypted: it needs a password"):
        reader.read("secret.pdf", pdf(PAGES, password="swordfish"))


def test_a_damaged_file_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="damaged PDF"):
        reader.read("broken.pdf", pdf(PAGES)[:200])
