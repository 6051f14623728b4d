"""Chunks: exact spans, never across a heading, within their budget, each with the headings above it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from chatbot.bootstrap import Application
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.formats.extracted import Extracted, Heading, TextBuilder
from chatbot.knowledge.reading.splitter import Splitter, embedded_hash, embedded_text
from chatbot.schema import Chunk


@pytest.fixture
def splitter(encoder: BiEncoder) -> Splitter:
    return Splitter(encoder.tokenizer_file, 8, 16, encoder.card.max_tokens)


def book() -> Extracted:
    builder = TextBuilder()
    builder.block("Words before any heading.")
    builder.heading(1, "Book")
    builder.heading(2, "Chapter one")
    builder.block("The first chapter says this.")
    builder.heading(3, "Section")
    builder.block("A section lies deeper.")
    builder.heading(2, "Chapter two")
    builder.block("- a list\n- of things", "\n")
    builder.heading(2, "Telephone 555")
    builder.heading(1, "Appendix")
    return builder.build()


def test_every_chunk_bears_the_headings_above_it(splitter: Splitter) -> None:
    found = {chunk.text: chunk.heading_path for chunk in splitter.split("d", book())}
    assert found == {
        "Words before any heading.": (),
        "The first chapter says this.": ("Book", "Chapter one"),
        "A section lies deeper.": ("Book", "Chapter one", "Section"),
        "- a list\n- of things": ("Book", "Chapter two"),
        "Telephone 555": ("Book",),
        "Appendix": (),
    }


def test_every_chunk_is_exactly_its_span(splitter: Splitter) -> None:
    document = book()
    for chunk in splitter.split("d", document):
        assert document.text[chunk.start : chunk.end] == chunk.text


def test_spans_count_characters_whatever_they_are(splitter: Splitter) -> None:
    text = "Ein 🙂 größerer Satz — mit 契約 und naïven Zeichen 👩‍👩‍👧. " * 20
    document = Extracted(title="t", text=text)
    chunks = splitter.split("d", document)
    assert len(chunks) > 10
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)


def test_no_chunk_is_above_its_budget(splitter: Splitter, encoder: BiEncoder) -> None:
    document = Extracted(title="t", text="The pump moves thirty litres of water a minute. " * 60 + "word" * 500)
    tokenizer = Tokenizer.from_file(str(encoder.tokenizer_file))
    tokenizer.no_truncation()
    counts = [len(tokenizer.encode(chunk.text, add_special_tokens=False).ids) for chunk in splitter.split("d", document)]
    assert max(counts) <= 16


def test_a_chunk_ends_where_a_sentence_ends_if_it_can(splitter: Splitter) -> None:
    document = Extracted(title="t", text="The pump moves thirty litres of water. " * 10)
    assert all(chunk.text.endswith(".") for chunk in splitter.split("d", document))


def test_chunks_of_one_document_have_names_of_their_own(splitter: Splitter) -> None:
    chunks = splitter.split("d", Extracted(title="t", text="Say it again, and once more please.\n\n" * 12))
    assert len({chunk.id for chunk in chunks}) == len(chunks) > 3


def test_the_recipe_names_what_decides_a_split(encoder: BiEncoder, tmp_path: Path) -> None:
    other = tmp_path / "tokenizer.json"
    other.write_bytes(encoder.tokenizer_file.read_bytes() + b" ")
    recipes = {
        Splitter(file, *numbers).recipe
        for file, *numbers in [
            (encoder.tokenizer_file, 8, 16, 256),
            (encoder.tokenizer_file, 8, 17, 256),
            (encoder.tokenizer_file, 9, 16, 256),
            (encoder.tokenizer_file, 8, 16, 128),
            (other, 8, 16, 256),
        ]
    }
    assert len(recipes) == 5


@pytest.mark.parametrize("most", [230, 480])
@pytest.mark.parametrize("words", [1, 20, 45])
def test_the_encoder_reads_a_chunk_to_its_end_with_its_headings(most: int, words: int, encoder: BiEncoder) -> None:
    builder = TextBuilder()
    builder.heading(1, "Book of " + "pumps " * words)
    builder.heading(2, "Chapter of " + "valves " * words)
    builder.block("pump, " * 2_000)  # no boundary but words: every chunk is as full as it may be
    document = builder.build()
    tokenizer = Tokenizer.from_file(str(encoder.tokenizer_file))
    tokenizer.no_truncation()
    chunks = Splitter(encoder.tokenizer_file, 100, most, encoder.card.max_tokens).split("d", document)
    counts = [len(tokenizer.encode(embedded_text(document.title, chunk.heading_path, chunk.text)).ids) for chunk in chunks]
    assert max(counts) <= encoder.card.max_tokens


def test_headings_longer_than_the_encoder_leave_half_of_it_to_the_text(encoder: BiEncoder) -> None:
    path = [Heading(level=level, text="pumps and valves " * 17, start=0) for level in range(1, 7)]
    builder = TextBuilder()
    for heading in path:
        builder.heading(heading.level, heading.text)
    builder.block("The pump moves thirty litres of water a minute. " * 100)
    chunks = Splitter(encoder.tokenizer_file, 100, 230, 256).split("d", builder.build())
    assert max(len(chunk.text.split()) for chunk in chunks) > 80


@pytest.mark.parametrize("text", ["x" * 1_000_000, "a b" + " " * 100_000 + "c d", "日本" * 500])
def test_no_chunk_is_above_its_characters(text: str, splitter: Splitter) -> None:
    chunks = splitter.split("d", Extracted(title="t", text=text))
    assert max(len(chunk.text) for chunk in chunks) <= 16 * 16
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks).replace(" ", "") == text.replace(" ", "")


def test_title_and_headings_are_embedded_with_the_text() -> None:
    chunk = Chunk(id="c", document_id="d", heading_path=("Book", "Part"), text="Words.", start=0, end=6)
    assert embedded_text("Book", chunk.heading_path, chunk.text) == "Book > Part\nWords."
    assert embedded_text("Other", chunk.heading_path, chunk.text) == "Other > Book > Part\nWords."
    assert embedded_hash("Book > Part\nWords.") != embedded_hash("Other > Book > Part\nWords.")


def test_every_chunk_of_the_built_in_knowledge_is_exactly_its_span(application: Application) -> None:
    catalogue = application.catalogue
    found = catalogue.published_chunks(catalogue.chunk_ids())
    texts = {document.id: catalogue.document_text(document.id) for _, document in found.values()}
    assert len(found) > 200
    for chunk, document in found.values():
        text = texts[document.id]
        assert text[chunk.start : chunk.end] == chunk.text
        for heading in chunk.heading_path:
            assert f"{heading}\n" in text[: chunk.start]


def test_chunks_of_the_built_in_knowledge_hold_all_of_its_words(application: Application) -> None:
    catalogue = application.catalogue
    held: dict[str, set[str]] = {}
    for chunk, document in catalogue.published_chunks(catalogue.chunk_ids()).values():
        held.setdefault(document.id, set()).update(" ".join([chunk.text, *chunk.heading_path]).split())
    for document_id, words in held.items():
        assert set(catalogue.document_text(document_id).split()) <= words


LINES = {
    "words": "pump valve boiler litre " * 1_500,
    "numbers": ",".join(str(number * 7919 % 10_007) for number in range(6_000)),
    "dots": "." * 30_000,
    "brackets": "(" * 30_000,
    "letters": "a" * 30_000,
    "signs of many tokens": "\ufdfa" * 3_000,
    "Chinese": "人工智能语言模型训练数据" * 1_500,
    "sentences": "The pump moves thirty litres. " * 1_000,
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_hardly_ends_is_split_without_loss(name: str, splitter: Splitter) -> None:
    text = f"Before.\n{LINES[name]}\nAfter."
    chunks = splitter.split("d", Extracted(title="t", text=text))
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert all(one.end <= another.start for one, another in pairwise(chunks))
    assert "".join("".join(chunk.text for chunk in chunks).split()) == "".join(text.split())


def test_an_overlong_line_is_cut_behind_its_sentences(encoder: BiEncoder) -> None:
    text = "The pump moves thirty litres of water a minute, and the boiler heats them. " * 400
    chunks = Splitter(encoder.tokenizer_file, 100, 230, encoder.card.max_tokens).split("d", Extracted(title="t", text=text))
    assert all(chunk.text.startswith("The pump") and chunk.text.endswith("them.") for chunk in chunks)


def test_lines_around_an_overlong_one_are_split_as_if_it_were_not_there(splitter: Splitter) -> None:
    prose = "\n\n".join(f"Machine {number} needs {number * 7} litres of oil a year. It is old.\n" for number in range(30))
    alone = [chunk.text for chunk in splitter.split("d", Extracted(title="t", text=prose))]
    both = [chunk.text for chunk in splitter.split("d", Extracted(title="t", text=f"{prose}{'x ' * 9_000}\n{prose}"))]
    assert both[: len(alone)] == alone == both[-len(alone) :]
